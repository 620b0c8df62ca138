//! HTTP as an agent's program speaks it: requests with a token, answers as JSON or as a stream of events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::client::Era;

/// How long an answer may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where agents come to, and with which token.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

/// A request that was sent. Who drops it has gone.
pub(crate) struct Sent(TcpStream);

/// An answer whose body is still to be read.
pub(crate) struct Answer {
    pub(crate) code: u16,
    headers: Vec<(String, String)>,
    body: BufReader<TcpStream>,
}

/// One client's way to a server.
pub(crate) struct Line {
    door: Door,
    era: Era,
    /// The session, from `initialize` on.
    session: Arc<Mutex<Option<String>>>,
    messages: Sender<Json>,
}

/// What is heard in place of a message when a stream of changes has ended.
pub(crate) fn over() -> Json {
    json!({ "stream": "over" })
}

impl Door {
    /// A request with these headers besides its token.
    pub(crate) fn ask(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.request((method, headers), body).answer()
    }

    /// A message of the stateless revision.
    pub(crate) fn call(&self, message: &Json) -> Answer {
        self.send(message).answer()
    }

    /// The same, whose answer is waited for later, or never.
    pub(crate) fn send(&self, message: &Json) -> Sent {
        let headers = stateless(message);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
        self.request(("POST", &headers), &message.to_string())
    }

    fn request(&self, (method, headers): (&str, &[(&str, &str)]), body: &str) -> Sent {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![
            ("Accept", "application/json, text/event-stream"),
            ("Content-Type", "application/json"),
        ];
        if !self.token.is_empty() {
            all.push(("Authorization", &bearer));
        }
        all.extend_from_slice(headers);
        send(self.address, (method, &all), body)
    }
}

/// A request to `/mcp`.
pub(crate) fn ask(address: SocketAddr, head: (&str, &[(&str, &str)]), body: &str) -> Answer {
    send(address, head, body).answer()
}

fn send(address: SocketAddr, (method, headers): (&str, &[(&str, &str)]), body: &str) -> Sent {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{method} /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).unwrap();
    // A server that refuses may not read on.
    socket.write_all(body.as_bytes()).ok();
    Sent(socket)
}

impl Sent {
    /// Waits for the head of the answer.
    pub(crate) fn answer(self) -> Answer {
        let mut body = BufReader::new(self.0);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            body.read_line(&mut line).unwrap();
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let code = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let split = |line: &String| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        };
        Answer { code, headers: lines[1..].iter().map(split).collect(), body }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The code and the whole body.
    pub(crate) fn read(mut self) -> (u16, String) {
        let mut text = Vec::new();
        while let Some(piece) = self.piece() {
            text.extend(piece);
        }
        (self.code, String::from_utf8(text).unwrap())
    }

    /// Hands on every message, as it comes.
    fn messages(mut self, mut hear: impl FnMut(Json)) {
        if self.header("content-type") != Some("text/event-stream") {
            let (code, text) = self.read();
            if !text.is_empty() {
                let told = serde_json::from_str(&text);
                hear(told.unwrap_or_else(|_| json!({ "code": code, "text": text })));
            }
            return;
        }
        let mut waiting = String::new();
        while let Some(piece) = self.piece() {
            waiting += &String::from_utf8(piece).unwrap();
            while let Some(end) = waiting.find("\n\n") {
                let event: String = waiting.drain(..end + 2).collect();
                let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
                let data: String = data.map(str::trim).collect();
                if !data.is_empty() {
                    hear(serde_json::from_str(&data).unwrap());
                }
            }
        }
    }

    /// The next piece of the body; none at its end, also if that comes too early.
    fn piece(&mut self) -> Option<Vec<u8>> {
        if self.header("transfer-encoding") != Some("chunked") {
            let length = self.header("content-length").map_or(0, |text| text.parse().unwrap());
            let mut whole = vec![0; length];
            self.body.read_exact(&mut whole).unwrap();
            self.headers.retain(|(name, _)| name != "content-length");
            return (length > 0).then_some(whole);
        }
        let mut line = String::new();
        self.body.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok().filter(|length| *length > 0)?;
        let mut piece = vec![0; length + 2];
        self.body.read_exact(&mut piece).ok()?;
        piece.truncate(length);
        Some(piece)
    }
}

impl Line {
    pub(crate) fn to(door: &Door, era: Era) -> (Self, Receiver<Json>) {
        let (messages, receiver) = channel();
        (Self { door: door.clone(), era, session: Arc::default(), messages }, receiver)
    }

    pub(crate) fn session(&self) -> Option<String> {
        self.session.lock().unwrap().clone()
    }

    /// Sends a message; what comes back is heard later.
    pub(crate) fn send(&self, message: &Json) {
        let method = message["method"].as_str().unwrap_or_default();
        if method == "initialize" {
            let answer = self.door.ask("POST", &[], &message.to_string());
            let session = answer.header("mcp-session-id").map(str::to_owned);
            *self.session.lock().unwrap() = session;
            answer.messages(|message| self.messages.send(message).unwrap());
            return;
        }
        let (door, headers, message) =
            (self.door.clone(), self.headers(message), message.to_string());
        let messages = self.messages.clone();
        let follows = method == "subscriptions/listen";
        let post = move |verb: &str, follows: bool| {
            let headers: Vec<_> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
            let body = if verb == "GET" { "" } else { message.as_str() };
            // Who sent it may be gone when an answer comes.
            door.ask(verb, &headers, body).messages(|message| drop(messages.send(message)));
            if follows {
                messages.send(over()).ok();
            }
        };
        if method == "notifications/initialized" {
            post("POST", false);
            std::thread::spawn(move || post("GET", true));
        } else {
            std::thread::spawn(move || post("POST", follows));
        }
    }

    fn headers(&self, message: &Json) -> Vec<(&'static str, String)> {
        if self.era == Era::Stateless {
            return stateless(message);
        }
        let session = self.session.lock().unwrap().clone().unwrap();
        vec![("Mcp-Session-Id", session), ("MCP-Protocol-Version", "2025-06-18".to_owned())]
    }
}

/// What the stateless revision repeats of a message in its headers.
fn stateless(message: &Json) -> Vec<(&'static str, String)> {
    let mut headers = vec![("MCP-Protocol-Version", "2026-07-28".to_owned())];
    let text = |json: &Json| json.as_str().map(str::to_owned);
    headers.extend(text(&message["method"]).map(|method| ("Mcp-Method", method)));
    let params = &message["params"];
    let name = text(&params["name"]).or_else(|| text(&params["uri"]));
    headers.extend(name.map(|name| ("Mcp-Name", name)));
    headers
}
