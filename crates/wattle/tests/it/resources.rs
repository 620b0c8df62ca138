//! The context as resources and prompts.

use serde_json::{Value as Json, json};

use crate::client::{Client, ERAS, Era};
use crate::desk::Desk;

pub(crate) fn garden() -> Desk {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    let document = json!({ "title": "API", "pinned": true, "body": "the port is 443\n" });
    ana.edit(&["documents", "add", &document.to_string()]);
    ana.edit(&["tasks", "add", "Ship it"]);
    ana
}

fn read(client: &mut Client, uri: &str) -> Json {
    client.ok("resources/read", json!({ "uri": uri }))["contents"][0].take()
}

#[test]
fn what_is_listed_can_be_read() {
    let ana = garden();
    for era in ERAS {
        list_and_read(&mut Client::start(&ana, era, "agent"), era);
    }
}

pub(crate) fn list_and_read(client: &mut Client, era: Era) {
    let list = client.ok("resources/list", json!({}))["resources"].take();
    let uris: Vec<String> =
        list.as_array().unwrap().iter().map(|r| r["uri"].as_str().unwrap().to_owned()).collect();
    assert_eq!(uris.len(), 9, "{uris:?}");
    for uri in &uris {
        let contents = read(client, uri);
        assert_eq!(contents["uri"], uri.as_str());
        assert!(!contents["text"].as_str().unwrap().is_empty(), "{uri}");
    }
    let body = uris.iter().find(|uri| uri.ends_with("/body")).unwrap();
    assert_eq!(read(client, body)["text"], "the port is 443\n");
    let rules = read(client, "context://garden/rules?format=json");
    assert_eq!(rules["mimeType"], "application/json");
    let rules: Json = serde_json::from_str(rules["text"].as_str().unwrap()).unwrap();
    assert_eq!(rules["items"][0]["fields"]["statement"]["value"], "No deploys on Friday");
    let item = read(client, "context://garden/rules/no-deploys");
    assert!(item["text"].as_str().unwrap().contains("No deploys on Friday"), "{item}");
    let history = read(client, "context://garden/history/rules/no-deploys");
    assert!(history["text"].as_str().unwrap().contains("ana"), "{history}");
    for wrong in ["context://garden/nothing", "context://other/brief", "context://garden/rules/x"] {
        let answer = client.request("resources/read", json!({ "uri": wrong }));
        let code = if era == Era::Stateless { -32602 } else { -32002 };
        assert_eq!(answer["error"]["code"], code, "{wrong}: {answer}");
    }
}

#[test]
fn addresses_are_completed() {
    let ana = garden();
    let mut client = Client::start(&ana, Era::Stateless, "agent");
    let templates = client.ok("resources/templates/list", json!({}))["resourceTemplates"].take();
    let item = templates[1]["uriTemplate"].as_str().unwrap().to_owned();
    assert_eq!(item, "context://garden/{section}/{id}");
    let mut complete = |name: &str, value: &str, given: Json| {
        let params = json!({
            "ref": { "type": "ref/resource", "uri": item },
            "argument": { "name": name, "value": value },
            "context": { "arguments": given },
        });
        client.ok("completion/complete", params)["completion"]["values"].take()
    };
    assert_eq!(complete("section", "t", json!({})), json!(["tasks", "tools"]));
    let ids = complete("id", "deploys", json!({ "section": "rules" }));
    assert_eq!(ids.as_array().unwrap().len(), 1, "{ids}");
    assert_eq!(complete("id", "deploys", json!({ "section": "tasks" })), json!([]));
}

#[test]
fn a_client_is_told_of_what_it_follows() {
    for era in ERAS {
        let ana = garden();
        let mut client = Client::start(&ana, era, "agent");
        follow(&ana, &mut client, era);
    }
}

pub(crate) fn follow(ana: &Desk, client: &mut Client, era: Era) {
    client.brief();
    let rules = "context://garden/rules";
    match era {
        Era::Handshake => {
            client.ok("resources/subscribe", json!({ "uri": rules }));
        }
        Era::Stateless => {
            let filter = json!({ "resourceSubscriptions": [rules], "resourcesListChanged": true });
            client.begin("subscriptions/listen", json!({ "notifications": filter }));
            client.notification("notifications/subscriptions/acknowledged");
            // Another answer: the server has come to listen by then.
            client.brief();
        }
    }
    ana.edit(&["tasks/ship-it/status", "set", "open"]);
    ana.edit(&["rules/no-deploys/severity", "set", "must"]);
    let told = client.notification("notifications/resources/updated");
    assert_eq!(told["params"]["uri"], rules, "{told}");
    ana.edit(&["documents/api/pinned", "set", "false"]);
    client.notification("notifications/resources/list_changed");
}

#[test]
fn prompts_bring_what_the_context_holds() {
    let ana = garden();
    for era in ERAS {
        prompts(&mut Client::start(&ana, era, "agent"));
    }
}

pub(crate) fn prompts(client: &mut Client) {
    let listed = client.ok("prompts/list", json!({}))["prompts"].take();
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|prompt| prompt["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["brief", "handoff", "resolve_conflicts", "onboard", "review_changes"]);
    for (name, arguments, part) in [
        ("brief", json!({ "role": "reviewer" }), "You work as reviewer."),
        ("handoff", json!({ "task": "ship-it" }), "Ship it"),
        ("resolve_conflicts", json!({}), "No conflict is open."),
        ("onboard", json!({}), "AGENTS.md"),
        ("review_changes", json!({}), "# history"),
    ] {
        let params = json!({ "name": name, "arguments": arguments });
        let prompt = client.ok("prompts/get", params);
        let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
        assert!(text.contains(part) && text.contains("written by others"), "{name}: {text}");
    }
    let missing = client.request("prompts/get", json!({ "name": "handoff" }));
    assert_eq!(missing["error"]["code"], -32602, "{missing}");
}
