//! The entry of this server in a client's configuration.
//!
//! An entry is ours if it is, to the letter, what this module writes for what can be read from it. So
//! no mark is needed in files that know none, and an entry with one more key was changed by hand.

use serde_json::{Map, Value as Json, json};

use crate::args::clients::Client;

/// What the server is called in every configuration.
pub(super) const NAME: &str = "wattle";

/// How a client reaches the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It starts a program.
    Program(Program),
    /// It speaks HTTP with a server that runs.
    Remote {
        /// Where.
        url: String,
        /// The environment variable with the token.
        token_env: Option<String>,
    },
}

/// A program that is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// Its name or path.
    pub(super) command: String,
    /// The agent that it acts as.
    pub(super) whose: Option<String>,
    /// The folder of the context; else the nearest one above where the client starts it.
    pub(super) dir: Option<String>,
}

impl Program {
    /// Its options, and after them the command.
    pub(super) fn args(&self, command: &[&str]) -> Vec<String> {
        let option = |name: &str, value: &Option<String>| {
            value.iter().flat_map(|value| [name.to_owned(), value.clone()]).collect::<Vec<_>>()
        };
        let options = [option("--as", &self.whose), option("--dir", &self.dir)].concat();
        options.into_iter().chain(command.iter().map(|word| (*word).to_owned())).collect()
    }

    /// What is started by these words, if it is this program with this command.
    pub(super) fn read(words: &[String], expected: &[&str]) -> Option<Self> {
        let (command, rest) = words.split_first()?;
        let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
        if name != NAME && name != "wattle.exe" {
            return None;
        }
        let at = rest.len().checked_sub(expected.len())?;
        let (options, last) = rest.split_at_checked(at)?;
        let mut program = Self { command: command.clone(), whose: None, dir: None };
        for pair in options.chunks(2) {
            match pair {
                [name, value] if name == "--as" => program.whose = Some(value.clone()),
                [name, value] if name == "--dir" => program.dir = Some(value.clone()),
                _ => return None,
            }
        }
        (last == expected).then_some(program)
    }
}

impl Entry {
    /// The entry as the client wants it.
    pub(super) fn written(&self, client: Client) -> Json {
        match self {
            Self::Program(program) => of_program(client, program),
            Self::Remote { url, token_env } => of_remote(client, url, token_env.as_deref()),
        }
    }

    /// What an entry says, if it is one of ours.
    pub(super) fn read(client: Client, found: &Json) -> Option<Self> {
        let read = program(found).map(Self::Program).or_else(|| remote(client, found))?;
        (read.written(client) == *found).then_some(read)
    }
}

fn of_program(client: Client, program: &Program) -> Json {
    let args = program.args(&["mcp"]);
    let words: Vec<&String> = std::iter::once(&program.command).chain(&args).collect();
    match client {
        Client::OpenCode => json!({ "type": "local", "command": words }),
        Client::VsCode | Client::Cursor => {
            json!({ "type": "stdio", "command": program.command, "args": args })
        }
        Client::ClaudeCode | Client::Codex | Client::Gemini | Client::ClaudeDesktop => {
            json!({ "command": program.command, "args": args })
        }
    }
}

fn of_remote(client: Client, url: &str, token_env: Option<&str>) -> Json {
    let mut entry = match client {
        Client::ClaudeCode | Client::VsCode => json!({ "type": "http", "url": url }),
        Client::Gemini => json!({ "httpUrl": url }),
        Client::OpenCode => json!({ "type": "remote", "url": url }),
        Client::Cursor | Client::Codex | Client::ClaudeDesktop => json!({ "url": url }),
    };
    if let (Some(token), Some(entry)) = (token_env, entry.as_object_mut()) {
        authorize(client, token, entry);
    }
    entry
}

fn authorize(client: Client, token_env: &str, entry: &mut Map<String, Json>) {
    if client == Client::Codex {
        entry.insert("bearer_token_env_var".to_owned(), json!(token_env));
        return;
    }
    let (before, after) = reference(client);
    let headers = json!({ "Authorization": format!("Bearer {before}{token_env}{after}") });
    entry.insert("headers".to_owned(), headers);
    if client == Client::OpenCode {
        // With a token there is nobody to log in; else it would try that first.
        entry.insert("oauth".to_owned(), json!(false));
    }
}

/// How a client's configuration refers to a variable of the environment.
const fn reference(client: Client) -> (&'static str, &'static str) {
    match client {
        Client::ClaudeCode | Client::Gemini | Client::ClaudeDesktop | Client::Codex => ("${", "}"),
        Client::Cursor | Client::VsCode => ("${env:", "}"),
        Client::OpenCode => ("{env:", "}"),
    }
}

fn program(found: &Json) -> Option<Program> {
    let texts = |list: &Json| -> Option<Vec<String>> {
        list.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let command = found.get("command")?;
    let words = match command.as_str() {
        Some(command) => {
            let args = texts(found.get("args")?)?;
            std::iter::once(command.to_owned()).chain(args).collect()
        }
        None => texts(command)?,
    };
    Program::read(&words, &["mcp"])
}

fn remote(client: Client, found: &Json) -> Option<Entry> {
    let url = found.get("url").or_else(|| found.get("httpUrl"))?.as_str()?.to_owned();
    let named = found.get("bearer_token_env_var").and_then(Json::as_str);
    let header = found.pointer("/headers/Authorization").and_then(Json::as_str);
    let (before, after) = reference(client);
    let referred = header
        .and_then(|header| header.strip_prefix("Bearer ")?.strip_prefix(before))
        .and_then(|rest| rest.strip_suffix(after));
    Some(Entry::Remote { url, token_env: named.or(referred).map(str::to_owned) })
}
