use super::{Program, read, words, written};

fn program(command: &str, whose: Option<&str>, dir: Option<&str>) -> Program {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Program { command: command.to_owned(), whose: owned(whose), dir: owned(dir) }
}

#[test]
fn what_is_written_is_read_back() {
    for program in [
        program("wattle", None, None),
        program("wattle", Some("bot"), None),
        program("/opt/my tools/wattle", Some("bot"), Some("/home/ana/it's here")),
    ] {
        let hook = written(&program, "changes");
        assert_eq!(read(&hook, "changes"), Some(program));
        assert_eq!(read(&hook, "brief"), None);
    }
}

#[test]
fn what_is_not_ours_is_not_read() {
    for command in [
        "wattle hook changes; rm notes",
        "wattle hook changes | tee log",
        "cattle hook changes",
        "wattle --verbose yes hook changes",
        "wattle hook",
    ] {
        let hook = serde_json::json!({ "type": "command", "command": command, "timeout": 5 });
        assert_eq!(read(&hook, "changes"), None, "{command}");
    }
    let mut slower = written(&program("wattle", None, None), "changes");
    slower["timeout"] = 60.into();
    assert_eq!(read(&slower, "changes"), None);
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words("a  'b c'\\ d"), Some(vec!["a".to_owned(), "b c d".to_owned()]));
    assert_eq!(words("''"), Some(vec![String::new()]));
    assert_eq!(words("'open"), None);
    assert_eq!(words("a $HOME"), None);
}
