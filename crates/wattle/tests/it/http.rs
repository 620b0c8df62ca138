//! Agents that come over HTTP: to `wattle up`, with tokens.

use std::net::SocketAddr;

use serde_json::{Value as Json, json};

use crate::client::{Client, ERAS, Era, after};
use crate::desk::{Desk, Running};
use crate::web::{Door, ask};
use crate::{mcp_tools, resources, tasks};

/// The tools as they were written.
const TOOLS: &str = include_str!("../../../wattle-mcp/src/tools.json");

/// `wattle up` on a free port, and where agents come to.
fn up(desk: &Desk) -> (Running, SocketAddr) {
    let up = desk.start(&["up", "--listen", "127.0.0.1:0", "--json"]);
    let ready: Json = serde_json::from_str(&up.line_with("ready")).unwrap();
    let url = ready["mcp"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    (up, address.parse().unwrap())
}

/// A token, as it is told to programs.
fn token(desk: &Desk, args: &[&str]) -> Json {
    desk.json(&[&["mcp", "token", "add"], args].concat())
}

fn door(desk: &Desk, address: SocketAddr, args: &[&str]) -> Door {
    let token = token(desk, args)["token"].as_str().unwrap().to_owned();
    Door { address, token }
}

/// A call that any client can make at any time.
fn list() -> Json {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/list",
        "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "curl", "version": "1" },
        } },
    })
}

#[test]
fn everything_is_there_over_http_too() {
    for era in ERAS {
        let ana = resources::garden();
        let (up, address) = up(&ana);
        let door = door(&ana, address, &[]);
        let mut client = Client::over_http(&door, era, "agent");
        assert!(client.hello["instructions"].as_str().unwrap().contains("context_read"));
        let listed = client.ok("tools/list", json!({}))["tools"].take();
        assert_eq!(listed, serde_json::from_str::<Json>(TOOLS).unwrap(), "{era:?}");
        resources::list_and_read(&mut client, era);
        resources::prompts(&mut client);
        resources::follow(&ana, &mut client, era);
        assert_eq!(up.terminate(), 0, "with a stream that is open");
        client.is_cut_off();
    }
}

#[test]
fn agents_with_tokens_meet_in_conflicts_and_over_tasks() {
    for era in ERAS {
        let ana = Desk::new("ana");
        tasks::two_tasks(&ana);
        let (up, address) = up(&ana);
        let door = door(&ana, address, &[]);
        let mut one = Client::over_http(&door, era, "planner");
        let mut other = Client::over_http(&door, era, "coder");
        mcp_tools::have_a_person_decide(&ana, &mut one, &mut other);
        mcp_tools::meet_in_a_conflict(&ana, &mut one, &mut other);
        tasks::share_out(&mut one, &mut other);
        drop((one, other));
        assert_eq!(up.terminate(), 0);
    }
}

#[test]
fn who_comes_over_http_and_who_over_pipes_see_each_other() {
    let ana = Desk::new("ana");
    let rule = ana.edit(&["rules", "add", "No deploys on Friday"])["path"].take();
    let rule = format!("{}/statement", rule.as_str().unwrap());
    ana.ok(&["agent", "add", "bot", "--role", "contributor", "--days", "7"]);
    let (up, address) = up(&ana);
    let mut piped = Client::start(&ana, Era::Stateless, "coder");
    let (mine, bots) = (door(&ana, address, &[]), door(&ana, address, &["--as", "bot"]));
    let mut person = Client::over_http(&mine, Era::Handshake, "planner");
    let mut bot = Client::over_http(&bots, Era::Stateless, "tester");
    let cursor = after(&piped.brief(), "cursor: ");
    let add = |title: &str| json!({ "ops": [{ "op": "add", "path": "tasks", "value": { "title": title } }], "why": title });
    person.tool("context_edit", add("from the person"));
    bot.tool("context_edit", add("from the bot"));
    up.line_with("from the bot");
    let news = piped.tool("context_read", json!({ "since": cursor }));
    assert!(news.contains("planner/") && news.contains("for ana"), "{news}");
    assert!(news.contains("tester/") && news.contains("for bot"), "{news}");
    let cursor = after(&bot.brief(), "cursor: ");
    piped.tool("context_edit", add("from the pipe"));
    let news = bot.tool("context_read", json!({ "since": cursor, "wait_s": 55 }));
    assert!(news.contains("from the pipe") && news.contains("coder/"), "{news}");
    // A token can do what its key can do.
    let read = bot.tool("context_read", json!({ "paths": ["rules"] }));
    let op =
        json!({ "op": "set", "path": rule, "value": "Mine", "base": after(&read, "# rules · v ") });
    let refused = bot.refused("context_edit", json!({ "ops": [op], "why": "I may" }));
    assert!(refused.contains("contributor"), "{refused}");
    // An agent of the same name with another key is another agent.
    ana.ok(&["agent", "remove", "bot"]);
    ana.ok(&["agent", "add", "bot", "--role", "editor"]);
    let mut again = Client::over_http(&bots, Era::Stateless, "another");
    let refused = again.refused("context_read", json!({}));
    assert!(refused.contains("another key now"), "{refused}");
}

#[test]
fn who_may_not_come_in_is_told_what_to_do() {
    let ana = Desk::new("ana");
    let (_up, address) = up(&ana);
    let good = door(&ana, address, &[]);
    assert_eq!(good.call(&list()).read().0, 200);
    let short = door(&ana, address, &["--days", "0.00001"]);
    let other = Desk::new("eve");
    let elsewhere = door(&other, address, &[]);
    let with = |token: &str| Door { address, token: token.to_owned() };
    let forged = format!("{}0", &good.token[..good.token.len() - 1]);
    let forged = if forged == good.token { forged.replace("0", "1") } else { forged };
    let begun = std::time::Instant::now();
    // Until the second has passed that it is good for.
    while short.call(&list()).code == 200 {
        assert!(begun.elapsed().as_secs() < 60, "a token does not end");
    }
    let cases = [
        (with(""), 401, "no_token", "wattle mcp token add"),
        (with("nonsense"), 401, "unknown_token", "wattle mcp token list"),
        (with(&forged), 401, "unknown_token", "wattle mcp token list"),
        (elsewhere, 401, "unknown_token", "wattle mcp token add"),
        (short, 401, "expired_token", "has come to its end"),
    ];
    for (door, code, error, sentence) in cases {
        let answer = door.call(&list());
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        assert!(challenge.starts_with("Bearer "), "{error}: {challenge}");
        let (found, text) = answer.read();
        let told: Json = serde_json::from_str(&text).unwrap();
        assert_eq!((found, &told["error"]), (code, &json!(error)), "{text}");
        assert!(told["message"].as_str().unwrap().contains(sentence), "{text}");
    }
    let (code, text) = good.ask("POST", &[("Origin", "https://evil.example")], "{}").read();
    assert!(code == 403 && text.contains("https://evil.example"), "{code} {text}");
    let (code, _) = ask(address, ("POST", &[("Origin", "https://evil.example")]), "{}").read();
    assert_eq!(code, 403, "a page learns nothing of tokens");
    let large = format!("{{\"padding\": \"{}\"}}", "x".repeat(3 << 20));
    let (code, text) = good.ask("POST", &[], &large).read();
    assert!(code == 413 && text.contains("2097152 bytes"), "{code} {text}");
    let listed = ana.ok(&["mcp", "token", "list"]);
    assert!(listed.contains("over") && listed.contains("until it is removed"), "{listed}");
}

#[test]
fn a_token_that_is_removed_ends_what_it_has_open() {
    for era in ERAS {
        let ana = Desk::new("ana");
        let (_up, address) = up(&ana);
        let made = token(&ana, &[]);
        let door = Door { address, token: made["token"].as_str().unwrap().to_owned() };
        let mut client = Client::over_http(&door, era, "agent");
        client.brief();
        if era == Era::Stateless {
            let filter = json!({ "notifications": { "resourcesListChanged": true } });
            client.begin("subscriptions/listen", filter);
            client.notification("notifications/subscriptions/acknowledged");
        }
        let id = made["id"].as_str().unwrap();
        assert!(ana.ok(&["mcp", "token", "remove", id]).contains("is removed"));
        client.is_cut_off();
        assert_eq!(door.call(&list()).code, 401);
        let (code, err) = ana.refused(&["mcp", "token", "remove", id]);
        assert!(code == 1 && err.contains("there is no token"), "{err}");
    }
}

#[test]
fn one_token_has_only_so_many_streams_and_others_go_on() {
    let ana = Desk::new("ana");
    let (_up, address) = up(&ana);
    let (greedy, modest) = (door(&ana, address, &[]), door(&ana, address, &[]));
    let mut listen = list();
    listen["method"] = json!("subscriptions/listen");
    listen["params"]["notifications"] = json!({ "resourcesListChanged": true });
    let mut open: Vec<_> = (0..32).map(|_| greedy.call(&listen)).collect();
    assert!(open.iter().all(|answer| answer.code == 200));
    assert_eq!(greedy.call(&listen).code, 429);
    assert_eq!(greedy.call(&list()).code, 200, "calls have room of their own");
    assert_eq!(modest.call(&listen).code, 200);
    open.pop();
    let begun = std::time::Instant::now();
    while greedy.call(&listen).code != 200 {
        assert!(begun.elapsed().as_secs() < 60, "a stream that was left counts still");
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_so_do_tokens_and_claims() {
    let ana = Desk::new("ana");
    ana.edit(&["tasks", "add", "Ship it"]);
    let (first, address) = up(&ana);
    let token = door(&ana, address, &[]).token;
    let mut agent =
        Client::over_http(&Door { address, token: token.clone() }, Era::Stateless, "coder");
    let claim = after(&agent.tool("task_claim", json!({})), "\nclaim: ");
    let op = json!({ "op": "append", "path": "tasks/ship-it/notes", "value": "half of it" });
    agent.tool("context_edit", json!({ "ops": [op], "why": "before the end" }));
    let door = Door { address, token: token.clone() };
    let old = Client::over_http(&door, Era::Handshake, "planner");
    drop(first);
    let (_second, address) = up(&ana);
    let door = Door { address, token };
    let mut agent = Client::over_http(&door, Era::Stateless, "coder");
    let seen = agent.tool("context_read", json!({ "paths": ["tasks/ship-it"] }));
    assert!(seen.contains("half of it"), "{seen}");
    let done = json!({ "claim": claim, "status": "done", "note": "all of it" });
    let told = agent.tool("task_update", done);
    assert!(!told.contains("lost"), "the same agent as before: {told}");
    let session = old.session().unwrap();
    let headers = [("Mcp-Session-Id", session.as_str()), ("MCP-Protocol-Version", "2025-06-18")];
    let plain = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let (code, _) = door.ask("POST", &headers, &plain.to_string()).read();
    assert_eq!(code, 404, "a session of the dead process: its client begins anew");
}
