//! Real processes of the workspace's own programs.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// A relay in a process of its own; killed when dropped.
#[derive(Debug)]
pub struct RelayProcess {
    child: Child,
    address: SocketAddr,
}

impl RelayProcess {
    /// Starts it on a directory and waits until it is ready.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with further arguments.
    pub fn start_with(data: &Path, arguments: &[&str]) -> Self {
        Self::start_program(&program("wattle-relay"), data, arguments)
    }

    /// The same with a relay that was built apart.
    pub fn start_program(program: &Path, data: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the relay's program");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("the ready line");
        let address = line.trim().strip_prefix("ready http://").expect("the ready line");
        let address = address.parse().expect("an address");
        Self { child, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("a running relay");
        self.child.wait().expect("a child");
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        // It may have been killed already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A relay in a process of its own, whose clock can be put ahead; killed when dropped.
#[derive(Debug)]
pub struct ClockedRelay {
    child: Child,
    address: SocketAddr,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl ClockedRelay {
    /// Starts it on a directory, with a clock that is so many seconds ahead, and waits until it is ready.
    pub fn start(data: &Path, ahead_s: u64) -> Self {
        let mut child = Command::new(relay_program())
            .arg(data)
            .arg(ahead_s.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the relay's program");
        let commands = child.stdin.take().expect("piped");
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let ready = answer(&mut answers);
        let address = ready.strip_prefix("ready ").expect("the ready line");
        let address = address.parse().expect("an address");
        Self { child, address, commands, answers }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts its clock ahead; it has when this returns.
    pub fn set_ahead(&mut self, seconds: u64) {
        writeln!(self.commands, "{seconds}").expect("a running relay");
        assert_eq!(answer(&mut self.answers), format!("ahead {seconds}"));
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("a running relay");
        self.child.wait().expect("a child");
    }
}

impl Drop for ClockedRelay {
    fn drop(&mut self) {
        // It may have been killed already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn answer(answers: &mut impl BufRead) -> String {
    let mut line = String::new();
    answers.read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

/// The path of [`ClockedRelay`]'s program, built once per run as this test is: the least that it takes.
fn relay_program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = || build(&["-p", "wattle-tests", "--bin", "relay"]);
    BUILT.get_or_init(built).join("relay")
}

/// The path of a program of the workspace, built once per run with this profile.
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let packages = ["--bins", "-p", "wattle", "-p", "wattle-relay", "-p", "wattle-tests"];
    BUILT.get_or_init(|| build(&packages)).join(name)
}

/// Builds programs with this profile; answers the folder that they are in.
fn build(what: &[&str]) -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/test").to_owned();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet"]).args(what);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    let target = folder.parent().expect("the target folder");
    assert!(build.env("CARGO_TARGET_DIR", target).status().expect("cargo").success());
    folder
}
