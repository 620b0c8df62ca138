//! Flags over environment over file over defaults.

use std::fs;

use tempfile::tempdir;

use crate::process::{Relay, command, fails};

#[test]
fn flags_over_environment_over_file() {
    let data = tempdir().unwrap();
    let file = data.path().join("relay.toml");
    let [by_file, by_environment, by_flag] = ["file", "environment", "flag"].map(|name| {
        let path = data.path().join(name);
        assert!(!path.exists());
        path
    });
    let text = format!("listen = \"127.0.0.1:0\"\nlog-format = \"json\"\ndata = {by_file:?}\n");
    fs::write(&file, text).unwrap();
    let run = |environment: bool, flag: bool| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wattle-relay"));
        command.env_remove("RUST_LOG").arg("--config").arg(&file);
        if environment {
            command.env("WATTLE_RELAY_DATA", &by_environment);
        }
        if flag {
            command.arg("--data").arg(&by_flag);
        }
        let relay = Relay::spawn(&mut command);
        relay.terminate();
        let (status, log) = relay.wait();
        assert!(status.success());
        assert!(log[0].starts_with('{'), "the file asks for JSON: {log:?}");
    };
    run(false, false);
    assert!(by_file.exists() && !by_environment.exists() && !by_flag.exists());
    run(true, false);
    assert!(by_environment.exists() && !by_flag.exists());
    run(true, true);
    assert!(by_flag.exists());
}

#[test]
fn a_file_with_mistakes_names_the_line() {
    let data = tempdir().unwrap();
    let file = data.path().join("relay.toml");
    let cases = [
        (
            "listen = \"127.0.0.1:0\"\n\nlisten_on = 5\n",
            "relay.toml, line 3: unknown field `listen_on`",
        ),
        ("\nconnections-max = \"many\"\n", "relay.toml, line 2: invalid type"),
        ("= 5\n", "relay.toml, line 1: "),
        ("frames-waiting-bytes-max = 5\n", "frames-waiting-bytes-max must be at least 2097152"),
    ];
    for (text, expected) in cases {
        fs::write(&file, text).unwrap();
        let output = fails(command(&data.path().join("data")).arg("--config").arg(&file));
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{expected:?} in {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!data.path().join("data").exists());
    }
    fs::remove_file(&file).unwrap();
    let output = fails(command(data.path()).arg("--config").arg(&file));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn help_tells_the_order() {
    let data = tempdir().unwrap();
    let output = fails(command(data.path()).arg("--help"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("A flag wins over its environment variable"), "{said}");
    assert!(said.contains("WATTLE_RELAY_LISTEN"), "{said}");
}
