//! `/mcp` when a token has taken all its places: who waits, who makes room, and what goes on beside it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::client::{Client, Era, after};
use crate::desk::{Desk, Running};
use crate::web::{Answer, Door};

/// Places of one token.
const CALLS: usize = 32;
const SESSIONS: usize = 16;
/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);
const REVISION: &str = "2025-06-18";

/// `wattle up`, the link that it prints, and where agents come to.
struct Up {
    running: Running,
    link: String,
    address: SocketAddr,
}

impl Up {
    fn of(desk: &Desk) -> Self {
        let (running, link) = desk.up();
        let address = link.strip_prefix("wattle://").unwrap().split('/').next().unwrap();
        let address = address.parse().unwrap();
        Self { running, link, address }
    }

    /// A way in with a token of its own.
    fn door(&self, desk: &Desk) -> Door {
        let token = desk.json(&["mcp", "token", "add"])["token"].as_str().unwrap().to_owned();
        Door { address: self.address, token }
    }
}

/// A session of a client that begins with `initialize`.
struct Session {
    door: Door,
    id: String,
}

fn begin(door: &Door) -> Answer {
    let params = json!({
        "protocolVersion": REVISION, "capabilities": {},
        "clientInfo": { "name": "planner", "version": "1" },
    });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    door.ask("POST", &[], &hello.to_string())
}

impl Session {
    fn begin(door: &Door) -> Self {
        let answer = begin(door);
        assert_eq!(answer.code, 200);
        let id = answer.header("mcp-session-id").unwrap().to_owned();
        answer.read();
        let session = Self { door: door.clone(), id };
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(session.ask("POST", &initialized.to_string()).code, 202);
        session
    }

    fn ask(&self, method: &str, body: &str) -> Answer {
        let headers = [("Mcp-Session-Id", self.id.as_str()), ("MCP-Protocol-Version", REVISION)];
        self.door.ask(method, &headers, body)
    }

    /// Lists the tools; answers the code.
    fn code(&self) -> u16 {
        let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
        self.ask("POST", &list.to_string()).read().0
    }

    /// A call that waits for a change of the rules: its answer begins at once, and goes on.
    fn hang(&self, id: usize, cursor: &str) -> Answer {
        let (id, params) = (id + 100, wait(cursor));
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let answer = self.ask("POST", &call.to_string());
        assert_eq!(answer.code, 200);
        answer
    }
}

/// What is asked for by a call that waits for a change of the rules, and for no other.
fn wait(cursor: &str) -> Json {
    let arguments = json!({ "since": cursor, "paths": ["rules"], "wait_s": 55 });
    json!({ "name": "context_read", "arguments": arguments })
}

fn stateless(method: &str, mut params: Json) -> Json {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "planner", "version": "1" },
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// Whether a call of the stateless revision finds a place.
fn has_room(door: &Door) -> bool {
    let (code, text) = door.call(&stateless("tools/list", json!({}))).read();
    assert!(code == 200 || (code == 429 && text.contains("32 calls under way")), "{code} {text}");
    code == 200
}

/// How many connections the server has, this one among them.
fn connections(address: SocketAddr) -> u64 {
    let mut socket = TcpStream::connect(address).unwrap();
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    let mut page = String::new();
    socket.read_to_string(&mut page).unwrap();
    after(&page, "\nwattle_connections ").parse().unwrap()
}

/// Tries until there is something.
fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}");
    }
}

#[test]
fn a_call_that_hangs_gives_its_place_back_when_its_client_or_its_session_ends() {
    let ana = Desk::new("ana");
    let up = Up::of(&ana);
    let (busy, other) = (up.door(&ana), up.door(&ana));
    let mut agent = Client::over_http(&other, Era::Stateless, "coder");
    let cursor = after(&agent.brief(), "cursor: ");
    let sessions = [Session::begin(&busy), Session::begin(&busy)];
    let mut first: Vec<_> = (0..CALLS / 2).map(|id| sessions[0].hang(id, &cursor)).collect();
    let second: Vec<_> = (0..CALLS / 2).map(|id| sessions[1].hang(id, &cursor)).collect();
    assert!(!has_room(&busy));
    assert!(has_room(&other), "another token");
    drop(first.pop());
    until("the client of a session has gone", || has_room(&busy).then_some(()));
    let hanging = until("a call without a session takes the last place", || {
        let sent = busy.send(&stateless("tools/call", wait(&cursor)));
        (!has_room(&busy)).then_some(sent)
    });
    drop(hanging);
    until("a client without a session has gone", || has_room(&busy).then_some(()));
    first.push(sessions[0].hang(CALLS, &cursor));
    // Who ends something needs no place for it.
    assert_eq!(sessions[0].ask("DELETE", "").code, 204);
    for answer in first {
        let (_, text) = answer.read();
        assert!(!text.contains("result"), "a call without its session: {text}");
    }
    assert_eq!(sessions[0].code(), 404);
    until("a session has ended", || has_room(&busy).then_some(()));
    ana.edit(&["rules", "add", "Ask first"]);
    for answer in second {
        let (_, text) = answer.read();
        assert!(text.contains("Changed by others"), "{text}");
    }
    assert_eq!(up.running.terminate(), 0);
}

#[test]
fn a_server_stops_in_time_though_calls_hang() {
    let ana = Desk::new("ana");
    let up = Up::of(&ana);
    let door = up.door(&ana);
    let cursor = after(&Client::over_http(&door, Era::Stateless, "coder").brief(), "cursor: ");
    let session = Session::begin(&door);
    let held: Vec<_> = (0..CALLS - 1).map(|id| session.hang(id, &cursor)).collect();
    let sent = until("a call without a session takes the last place", || {
        let sent = door.send(&stateless("tools/call", wait(&cursor)));
        (!has_room(&door)).then_some(sent)
    });
    let begun = Instant::now();
    assert_eq!(up.running.terminate(), 0);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    drop((held, sent));
}

#[test]
fn replicas_sync_beside_agents_that_have_taken_every_place() {
    let ana = Desk::new("ana");
    let up = Up::of(&ana);
    let door = up.door(&ana);
    let cursor = after(&Client::over_http(&door, Era::Stateless, "coder").brief(), "cursor: ");
    let session = Session::begin(&door);
    let held: Vec<_> = (0..CALLS).map(|id| session.hang(id, &cursor)).collect();
    assert!(!has_room(&door));
    let bob = Desk::empty("bob");
    bob.join(&up.link);
    bob.edit(&["tasks", "add", "Ship it", "--why", "from bob"]);
    bob.ok(&["sync", "--once"]);
    up.running.line_with("from bob");
    ana.edit(&["tasks", "add", "Pack it", "--why", "from ana"]);
    up.running.line_with("from ana");
    bob.ok(&["sync", "--once"]);
    assert_eq!(bob.export(), ana.export());
    assert!(!has_room(&door), "all of them wait still");
    drop(held);
    assert_eq!(up.running.terminate(), 0);
}

#[test]
fn a_session_that_nobody_is_connected_to_takes_no_connection() {
    let ana = Desk::new("ana");
    let up = Up::of(&ana);
    let door = up.door(&ana);
    let sessions: Vec<_> = (0..3).map(|_| Session::begin(&door)).collect();
    // The link of the replica in the same process, and the one that asks.
    until("connections of sessions are kept", || (connections(up.address) == 2).then_some(()));
    assert!(sessions.iter().all(|session| session.code() == 200));
}

#[test]
fn the_session_that_was_idle_longest_makes_room_and_none_that_is_in_use() {
    let ana = Desk::new("ana");
    let up = Up::of(&ana);
    let (greedy, modest) = (up.door(&ana), up.door(&ana));
    let mut sessions: Vec<_> = (0..SESSIONS).map(|_| Session::begin(&greedy)).collect();
    assert_eq!(sessions[0].code(), 200);
    sessions.push(Session::begin(&greedy));
    assert_eq!(sessions[1].code(), 404, "the one that was idle longest");
    sessions.remove(1);
    assert!(sessions.iter().all(|session| session.code() == 200));
    let mut streams: Vec<_> = sessions.iter().map(|session| session.ask("GET", "")).collect();
    assert!(streams.iter().all(|stream| stream.code == 200));
    let refused = begin(&greedy);
    assert_eq!((refused.code, refused.header("retry-after")), (429, Some("5")));
    let (_, text) = refused.read();
    assert!(text.contains("16 sessions already, and all are in use"), "{text}");
    assert_eq!(begin(&modest).code, 200, "another token");
    drop(streams.pop());
    until("a session whose stream has ended makes room", || {
        (begin(&greedy).code == 200).then_some(())
    });
    let codes: Vec<_> = sessions.iter().map(Session::code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 404).count(), 1, "{codes:?}");
    assert_eq!(codes.last(), Some(&404));
}
