//! A relay whose clock can be put ahead: to be killed.
//!
//! `relay DIRECTORY SECONDS`: says `ready ADDRESS` when it serves; a line with a number puts its clock so
//! many seconds ahead of the system's, and is answered by `ahead NUMBER`. It ends with its input.

use std::io::{BufRead, Write};

use wattle_relay::{Config, Relay};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, ahead] = arguments.as_slice() else { panic!("relay DIRECTORY SECONDS") };
    let config = Config { listen: "127.0.0.1:0".to_owned(), ..Config::new(directory) };
    let clock = config.clock.clone();
    clock.set_ahead(ahead.parse().expect("seconds"));
    let relay = Relay::start(config).await.expect("a free directory");
    say(&format!("ready {}", relay.address()));
    let lines = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lock().lines() {
            let seconds = line.expect("a line").parse().expect("seconds");
            clock.set_ahead(seconds);
            say(&format!("ahead {seconds}"));
        }
    });
    lines.await.expect("no panic");
    relay.stop().await;
}

fn say(what: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{what}").and_then(|()| stdout.flush()).expect("a reader");
}
