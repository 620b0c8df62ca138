//! An agent's program: JSON-RPC with `wattle mcp` as its child, over the child's standard streams, or
//! with `/mcp` of a server, over HTTP.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::desk::Desk;
use crate::web::{Door, Line};

/// How long an answer may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Which of MCP's two lives a client leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// With `initialize`.
    Handshake,
    /// Every request says by itself who asks, and in which revision.
    Stateless,
}

pub(crate) const ERAS: [Era; 2] = [Era::Handshake, Era::Stateless];

pub(crate) struct Client {
    wire: Wire,
    messages: Receiver<Json>,
    era: Era,
    name: String,
    last: u64,
    /// What the client's user answers to a form, in turn.
    pub(crate) answers: VecDeque<Json>,
    /// The forms that the user was shown.
    pub(crate) asked: Vec<Json>,
    /// What came before what was waited for.
    pub(crate) heard: VecDeque<Json>,
    /// What the server said of itself.
    pub(crate) hello: Json,
}

enum Wire {
    Child { child: Child, input: Option<ChildStdin> },
    Http(Line),
}

impl Client {
    /// A client that can show forms to its user.
    pub(crate) fn start(desk: &Desk, era: Era, name: &str) -> Self {
        Self::run(desk.command(&["mcp"]), era, name)
    }

    /// Claude Code, which names its session to the servers that it starts.
    pub(crate) fn of_session(desk: &Desk, session: &str) -> Self {
        let mut command = desk.command(&["mcp"]);
        command.env("CLAUDE_CODE_SESSION_ID", session);
        Self::run(command, Era::Stateless, "claude-code")
    }

    fn run(mut command: Command, era: Era, name: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, messages) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("not JSON on standard output: {error}: {line}"));
                if send.send(message).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Self::on((Wire::Child { child, input }, messages), era, name)
    }

    /// The same over HTTP.
    pub(crate) fn over_http(door: &Door, era: Era, name: &str) -> Self {
        let (line, messages) = Line::to(door, era);
        Self::on((Wire::Http(line), messages), era, name)
    }

    fn on((wire, messages): (Wire, Receiver<Json>), era: Era, name: &str) -> Self {
        let (answers, asked, heard) = (VecDeque::new(), Vec::new(), VecDeque::new());
        let name = name.to_owned();
        let (last, hello) = (0, Json::Null);
        let mut client = Self { wire, messages, era, name, last, answers, asked, heard, hello };
        client.greet();
        client
    }

    fn greet(&mut self) {
        self.hello = match self.era {
            Era::Stateless => self.ok("server/discover", json!({})),
            Era::Handshake => {
                let hello = self.ok(
                    "initialize",
                    json!({
                        "protocolVersion": "2025-06-18",
                        "capabilities": { "elicitation": {} },
                        "clientInfo": { "name": self.name, "version": "1" },
                    }),
                );
                self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
                hello
            }
        };
    }

    /// The result of a request, which must succeed.
    pub(crate) fn ok(&mut self, method: &str, params: Json) -> Json {
        let mut answer = self.request(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The whole answer to a request.
    pub(crate) fn request(&mut self, method: &str, params: Json) -> Json {
        let id = self.begin(method, params);
        self.answer(id)
    }

    /// Sends a request whose answer is waited for later, or never.
    pub(crate) fn begin(&mut self, method: &str, mut params: Json) -> u64 {
        self.last += 1;
        if self.era == Era::Stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
                "io.modelcontextprotocol/clientInfo": { "name": self.name, "version": "1" },
            });
        }
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    pub(crate) fn answer(&mut self, id: u64) -> Json {
        let answers = |message: &Json| message["id"] == id && message.get("method").is_none();
        let heard = self.heard.iter().position(answers);
        if let Some(heard) = heard.and_then(|at| self.heard.remove(at)) {
            return heard;
        }
        loop {
            let message = self.receive();
            if answers(&message) {
                return message;
            }
            self.other(message);
        }
    }

    /// The next notification of this method.
    pub(crate) fn notification(&mut self, method: &str) -> Json {
        loop {
            let at = self.heard.iter().position(|message| message["method"] == method);
            if let Some(heard) = at.and_then(|at| self.heard.remove(at)) {
                return heard;
            }
            let message = self.receive();
            self.other(message);
        }
    }

    /// Whether a tool's call went well, and the text of its answer.
    pub(crate) fn call(&mut self, tool: &str, arguments: Json) -> (bool, String) {
        let mut params = json!({ "name": tool, "arguments": arguments });
        loop {
            let result = self.ok("tools/call", params.clone());
            if result["resultType"] != "input_required" {
                let text = result["content"][0]["text"].as_str().unwrap().to_owned();
                return (result["isError"] != true, text);
            }
            let question = result["inputRequests"]["choice"]["params"].clone();
            let answer = self.ask_user(question);
            params["inputResponses"] = json!({ "choice": answer });
            params["requestState"] = result["requestState"].clone();
        }
    }

    /// The text of a call that must go well.
    pub(crate) fn tool(&mut self, tool: &str, arguments: Json) -> String {
        let (well, text) = self.call(tool, arguments.clone());
        assert!(well, "{tool} {arguments}: {text}");
        text
    }

    /// The text of a call that must fail.
    pub(crate) fn refused(&mut self, tool: &str, arguments: Json) -> String {
        let (well, text) = self.call(tool, arguments.clone());
        assert!(!well, "{tool} {arguments}: {text}");
        text
    }

    pub(crate) fn brief(&mut self) -> String {
        self.tool("context_read", json!({}))
    }

    /// Sets a field as of a version.
    pub(crate) fn set(&mut self, (path, value): (&str, &str), base: &str, why: &str) -> String {
        let op = json!({ "op": "set", "path": path, "value": value, "base": base });
        self.tool("context_edit", json!({ "ops": [op], "why": why }))
    }

    /// Closes the child's input and waits for its end; answers how long that took.
    pub(crate) fn leave(mut self) -> Duration {
        let begun = Instant::now();
        let Wire::Child { child, input } = &mut self.wire else { panic!("no child") };
        drop(input.take());
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}");
        begun.elapsed()
    }

    /// The session that the server gave it.
    pub(crate) fn session(&self) -> Option<String> {
        if let Wire::Http(line) = &self.wire { line.session() } else { None }
    }

    /// Waits until the server has ended the stream on which it tells of changes.
    pub(crate) fn is_cut_off(&mut self) {
        loop {
            let message = self.receive();
            if message == crate::web::over() {
                return;
            }
            self.heard.push_back(message);
        }
    }

    fn other(&mut self, message: Json) {
        if message["method"] == "elicitation/create" {
            let answer = self.ask_user(message["params"].clone());
            self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer }));
        } else {
            self.heard.push_back(message);
        }
    }

    fn ask_user(&mut self, question: Json) -> Json {
        self.asked.push(question);
        self.answers
            .pop_front()
            .unwrap_or_else(|| panic!("the user is asked once more than expected"))
    }

    fn receive(&self) -> Json {
        self.messages.recv_timeout(PATIENCE).unwrap()
    }

    fn send(&mut self, message: &Json) {
        match &mut self.wire {
            Wire::Child { input, .. } => {
                let input = input.as_mut().unwrap();
                writeln!(input, "{message}").unwrap();
                input.flush().unwrap();
            }
            Wire::Http(line) => line.send(message),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Wire::Child { child, .. } = &mut self.wire {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// The word that follows a mark in an answer: `after(text, "cursor: ")`.
pub(crate) fn after(text: &str, mark: &str) -> String {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("no {mark:?} in: {text}"));
    rest.split_whitespace().next().unwrap().to_owned()
}
