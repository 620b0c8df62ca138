//! A person at a desk: a project folder, a configuration folder, and the binary.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempDir;

/// How long a line may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Desk {
    folder: TempDir,
    name: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command that runs on; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Desk {
    /// Without a context.
    pub(crate) fn empty(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        Self { folder, name: name.to_owned() }
    }

    /// With a new one.
    pub(crate) fn new(name: &str) -> Self {
        let desk = Self::empty(name);
        desk.ok(&["init", "--name", "garden", "--as", name]);
        desk
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A file in the project.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.project().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_in(&self.project(), args)
    }

    pub(crate) fn command_in(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattle"));
        command
            .args(args)
            .current_dir(folder)
            .env("WATTLE_CONFIG_DIR", self.config())
            .env("USER", &self.name)
            .env_remove("WATTLE_DIR")
            .env_remove("WATTLE_AS")
            .env_remove("WATTLE_PASSPHRASE")
            .env_remove("WATTLE_LOG")
            .env_remove("CLAUDE_CODE_SESSION_ID")
            .env_remove("CLAUDE_PROJECT_DIR")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.command(args).output().unwrap().into()
    }

    /// With a text on standard input.
    pub(crate) fn fed(&self, args: &[&str], input: &str) -> Done {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// What it prints; it must succeed and say nothing on standard error.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{args:?}: {done:?}");
        done.out
    }

    /// What it prints with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> Json {
        let out = self.ok(&[args, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }

    /// The one sentence with which it ends, and its exit code.
    pub(crate) fn refused(&self, args: &[&str]) -> (i32, String) {
        let done = self.run(args);
        assert_ne!(done.code, 0, "{args:?}: {done:?}");
        (done.code, done.err)
    }

    /// An edit; answers its only answer.
    pub(crate) fn edit(&self, args: &[&str]) -> Json {
        self.json(&[&["edit"], args].concat())["answers"][0].take()
    }

    /// An invitation; answers its link, the only thing on standard output.
    pub(crate) fn invite(&self, args: &[&str]) -> String {
        let done = self.run(&[&["invite"], args].concat());
        assert_eq!((done.code, done.out.lines().count()), (0, 1), "{done:?}");
        assert!(done.err.contains("wattle join"), "{done:?}");
        done.out.trim_end().to_owned()
    }

    /// Takes part with a link; answers the JSON.
    pub(crate) fn join(&self, link: &str) -> Json {
        self.json(&["join", link, "--name", &self.name])
    }

    /// The folder of its keys.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// The text of a body, and its version.
    pub(crate) fn body(&self, document: &str) -> (String, String) {
        let json = self.json(&["show", &format!("documents/{document}/body")]);
        (json["value"].as_str().unwrap().to_owned(), json["v"].as_str().unwrap().to_owned())
    }

    pub(crate) fn export(&self) -> String {
        self.ok(&["export", "--json"])
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut child = self.command(args).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Running { child, lines }
    }

    /// `wattle up` on a free port, and the link that it prints.
    pub(crate) fn up(&self) -> (Running, String) {
        let up = self.start(&["up", "--listen", "127.0.0.1:0", "--json"]);
        let ready: Json = serde_json::from_str(&up.line_with("ready")).unwrap();
        let link = ready["link"].as_str().unwrap().to_owned();
        (up, link)
    }
}

impl Running {
    /// Reads on until a line has this in it.
    pub(crate) fn line_with(&self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("no line with {part:?} ({error}) after {seen:#?}"),
            }
        }
    }

    /// Asks it to end, and waits for that; answers the exit code.
    pub(crate) fn terminate(mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _code = self.child.wait();
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}
