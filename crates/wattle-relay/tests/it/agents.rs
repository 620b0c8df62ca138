//! Contexts that a relay serves to agents over HTTP, as its settings name them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use wattle_mcp::http::{TokenTerms, Tokens};
use wattle_sync::{GrantTerms, Identity, Kind, Options, Peer, Role};

use crate::process::{Relay, command, fails, request};

/// A machine with a context, a person's key and an agent's.
struct Machine {
    folder: TempDir,
    tokens: Tokens,
    bot: Identity,
}

impl Machine {
    async fn new() -> Self {
        let folder = tempdir().unwrap();
        let (keys, place) = (folder.path().join("keys"), folder.path().join("garden/.wattle"));
        let ana = Identity::load_or_create(&keys, "ana").unwrap();
        let bot = Identity::create_agent(&keys, "bot").unwrap();
        let peer = Peer::create(Options::new(&place, ana), "garden").await.unwrap();
        let terms = GrantTerms {
            key: bot.key(),
            name: "bot".to_owned(),
            kind: Kind::Agent,
            role: Role::Contributor,
            until: None,
            edits_per_minute: None,
        };
        peer.grant(terms).await.unwrap();
        peer.close().await;
        Self { tokens: Tokens::of(&place), folder, bot }
    }

    fn token(&self, agent: Option<(String, String)>) -> String {
        self.tokens.add(TokenTerms { agent, until_s: None }).unwrap().0
    }

    fn settings(&self, garden: &Path) -> PathBuf {
        let file = self.folder.path().join("relay.toml");
        let keys = self.folder.path().join("keys");
        let text = format!("[mcp]\ncontexts = [{garden:?}]\nkeys = {keys:?}\n");
        fs::write(&file, text).unwrap();
        file
    }

    fn relay(&self) -> Relay {
        let file = self.settings(&self.folder.path().join("garden"));
        let data = self.folder.path().join("relay");
        let mut command = command(&data);
        command.args(["--listen", "127.0.0.1:0", "--config"]).arg(file);
        Relay::spawn(&mut command)
    }
}

fn call(address: SocketAddr, token: &str, (tool, arguments): (&str, Value)) -> String {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "coder", "version": "1" },
        } },
    });
    let (code, answer) =
        post(address, &format!("Authorization: Bearer {token}\r\nMcp-Name: {tool}\r\n"), &message);
    assert_eq!(code, 200, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let told: Value = serde_json::from_str(body).unwrap();
    told["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn post(address: SocketAddr, headers: &str, message: &Value) -> (u16, String) {
    let body = message.to_string();
    let text = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n\
         MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    request(address, &text)
}

#[tokio::test]
async fn a_context_is_served_as_whom_the_token_names() {
    let machine = Machine::new().await;
    let agent = ("bot".to_owned(), machine.bot.key().to_string());
    let (bots, anas) = (machine.token(Some(agent)), machine.token(None));
    let relay = machine.relay();
    let add = |section: &str, value: Value| {
        let ops = json!([{ "op": "add", "path": section, "value": value }]);
        ("context_edit", json!({ "ops": ops, "why": "a test" }))
    };
    let told = call(relay.address, &bots, add("tasks", json!({ "title": "Ship it" })));
    assert!(told.starts_with("Durable here"), "{told}");
    let told = call(relay.address, &bots, add("rules", json!({ "statement": "Mine" })));
    assert!(told.contains("nothing was written") && told.contains("contributor"), "{told}");
    let brief = call(relay.address, &anas, ("context_read", json!({})));
    assert!(brief.contains("Ship it") && brief.contains("garden"), "{brief}");
    let (code, answer) = post(relay.address, "", &json!({}));
    assert!(code == 401 && answer.contains("wattle mcp token add"), "{answer}");
    let foreign = "Origin: https://evil.example\r\n";
    assert_eq!(post(relay.address, foreign, &json!({})).0, 403);
    relay.kill();
    let relay = machine.relay();
    let tasks = ("context_read", json!({ "paths": ["tasks"] }));
    let seen = call(relay.address, &bots, tasks);
    assert!(seen.contains("Ship it"), "what was acknowledged before the kill: {seen}");
    relay.terminate();
    let (status, log) = relay.wait();
    assert!(status.success(), "{log:?}");
    let all = log.join("\n");
    assert!(!all.contains(&bots) && !all.contains("panicked"), "{all}");
}

#[tokio::test]
async fn without_settings_there_is_nothing_and_wrong_ones_are_told() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let (code, answer) = post(relay.address, "", &json!({}));
    assert!(code == 404 && answer.contains("serves no context to agents"), "{answer}");
    let machine = Machine::new().await;
    let file = machine.settings(&machine.folder.path().join("nothing"));
    let output = fails(command(&data.path().join("other")).arg("--config").arg(&file));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no context in") && said.lines().count() == 1, "{said}");
}
