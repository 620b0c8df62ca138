//! The binary, started, watched and ended.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The longest that anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A relay process that has said that it is ready.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Receiver<String>,
}

pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattle-relay"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WATTLE_RELAY_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").arg("--data").arg(data);
    command
}

impl Relay {
    /// On a free port.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, ["--listen", "127.0.0.1:0"])
    }

    pub(crate) fn start_with<A: AsRef<OsStr>>(
        data: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::spawn(command(data).args(arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (sender, log) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).ok();
        });
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).ok();
        });
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            let log: Vec<String> = log.try_iter().collect();
            panic!("no ready line; {:?}\n{}", child.wait(), log.join("\n"));
        };
        let address = line.strip_prefix("ready http://").expect("the ready line");
        let address = address.parse().expect("an address");
        Self { child, address, log }
    }

    /// As a power cut would, or nearly so.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("there is kill");
        assert!(sent.success());
    }

    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = wait(&mut self.child);
        (status, self.log.try_iter().collect())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that the relay has logged up to now.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// How long processors have worked for it.
    pub(crate) fn busy(&self) -> Duration {
        const TICKS_PER_SECOND: u64 = 100;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, after_name) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(self.address, path)
    }

    /// A number of the metrics page.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, page) = self.get("/metrics");
        let line = page
            .lines()
            .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    until("the process to end", || child.try_wait().expect("it can be asked"))
}

/// Runs a relay that ends by itself.
pub(crate) fn fails(command: &mut Command) -> Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait(&mut child);
    child.wait_with_output().expect("it has ended")
}

/// Asks again until there is an answer; fails when it takes too long.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn request(address: SocketAddr, text: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let code = answer.split(' ').nth(1).expect("a status line").parse().expect("a status");
    (code, answer)
}
