//! `wattle connect` and `wattle disconnect`, on configurations as people have them.
//!
//! Each folder of `tests/connect` is a case: what is typed, the files before (`home/…`, `project/…`)
//! and the files after. Taking it back must give the files before, to the byte. With
//! `UPDATE_SNAPSHOTS=1` the files after are written anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::desk::{Desk, Done};

/// Paths and bytes.
type Files = BTreeMap<String, Vec<u8>>;

/// A desk whose person has a home of their own.
struct Home {
    desk: Desk,
}

impl Home {
    fn new() -> Self {
        let desk = Desk::new("ana");
        let home = Self { desk };
        fs::create_dir(home.root().join("home")).unwrap();
        home
    }

    /// The folder around home and project.
    fn root(&self) -> PathBuf {
        fs::canonicalize(self.desk.project().parent().unwrap()).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.desk.command(args);
        command.env("HOME", self.root().join("home"));
        for name in ["XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        self.command(args).output().unwrap().into()
    }

    fn ok(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{args:?}: {done:?}");
        done.out
    }

    fn write(&self, files: &Files) {
        for (path, bytes) in files {
            let path = self.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// All files of home and project, and all folders, which end with `/`; the context is left out.
    fn files(&self) -> Files {
        let mut files = Files::new();
        for top in ["home", "project"] {
            gather(&self.root(), &self.root().join(top), &mut files);
        }
        files.retain(|path, _| !path.starts_with("project/.wattle/"));
        files
    }

    /// The same, with what differs from machine to machine under names.
    fn named(&self) -> Files {
        let root = self.root().to_str().unwrap().to_owned();
        let name = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let text = text.replace(env!("CARGO_BIN_EXE_wattle"), "PROGRAM");
            text.replace(&root, "ROOT").into_bytes()
        };
        let files = self.files().into_iter().filter(|(path, _)| !path.ends_with('/'));
        files.map(|(path, bytes)| (path, name(bytes))).collect()
    }
}

fn gather(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        if path.is_dir() {
            files.insert(format!("{name}/"), Vec::new());
            gather(root, &path, files);
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connect")
}

/// The files of a folder of a case, which may be missing.
fn files_of(case: &Path, which: &str) -> Files {
    let mut files = Files::new();
    let folder = case.join(which);
    if folder.is_dir() {
        gather(&folder, &folder, &mut files);
    }
    files.retain(|path, _| !path.ends_with('/'));
    files
}

fn shown(files: &Files) -> String {
    let show = |(path, bytes): (&String, &Vec<u8>)| {
        format!("--- {path}\n{}\n", String::from_utf8_lossy(bytes).escape_debug())
    };
    files.iter().map(show).collect::<String>().replace("\\n", "\n").replace("\\\"", "\"")
}

#[test]
fn each_case_gives_what_is_expected_and_takes_it_back() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut names: Vec<PathBuf> =
        fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 28, "{names:?}");
    for case in names {
        let home = Home::new();
        home.desk.ok(&["agent", "add", "bot", "--days", "1"]);
        home.write(&files_of(&case, "before"));
        let before = home.files();
        let typed = fs::read_to_string(case.join("args")).unwrap();
        let mut args = vec!["connect"];
        args.extend(typed.split_whitespace());
        let told = home.ok(&[args.as_slice(), &["--dry-run"]].concat());
        assert!(told.contains("+++ "), "{case:?}: {told}");
        assert_eq!(shown(&home.files()), shown(&before), "{case:?}: a dry run writes nothing");
        args.push("--yes");
        home.ok(&args);
        let after = home.named();
        if update {
            fs::remove_dir_all(case.join("after")).ok();
            for (path, bytes) in &after {
                let path = case.join("after").join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
        }
        assert_eq!(shown(&after), shown(&files_of(&case, "after")), "{case:?}");
        assert!(home.ok(&args).contains("nothing to do"), "{case:?}: once is enough");
        take_back(&home, (&case, args[1], &typed), &before);
    }
}

fn take_back(home: &Home, (case, client, typed): (&Path, &str, &str), before: &Files) {
    let scope: &[&str] = if typed.contains("--user") { &["--user"] } else { &[] };
    let args = [&["disconnect", client, "--yes"], scope].concat();
    home.ok(&args);
    assert_eq!(shown(&home.files()), shown(before), "{case:?}: taken back");
    assert!(home.ok(&args).contains("nothing to do"), "{case:?}: once is enough");
    let records = fs::read_dir(home.desk.config().join("connected")).unwrap();
    assert_eq!(records.count(), 0, "{case:?}: nothing is remembered that is over");
}

/// What others do to a file between the two is kept, though then not every byte is as it was.
#[test]
fn what_others_wrote_meanwhile_stays() {
    for case in ["claude-code-among-others", "codex-among-others", "vscode-comments"] {
        let home = Home::new();
        home.desk.ok(&["agent", "add", "bot", "--days", "1"]);
        let case = cases().join(case);
        let before = files_of(&case, "before");
        home.write(&before);
        let typed = fs::read_to_string(case.join("args")).unwrap();
        let client = typed.split_whitespace().next().unwrap();
        home.ok(&[&["connect", "--yes"], typed.split_whitespace().collect::<Vec<_>>().as_slice()]
            .concat());
        let mut expected = Files::new();
        for (path, bytes) in &before {
            let now = fs::read_to_string(home.root().join(path)).unwrap();
            fs::write(home.root().join(path), now + "\n").unwrap();
            expected.insert(path.clone(), [bytes.as_slice(), b"\n"].concat());
        }
        home.ok(&["disconnect", client, "--yes"]);
        let after: Files =
            home.named().into_iter().filter(|(path, _)| before.contains_key(path)).collect();
        assert_eq!(shown(&after), shown(&expected), "{case:?}");
    }
}

/// As Claude Code does: it puts the keys of its own file in another order, and adds some.
fn rewritten(file: &Path) {
    let mut json: Json = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let map = json.as_object_mut().unwrap();
    let keys = map.len();
    map.insert(format!("key{keys}"), true.into());
    map.sort_keys();
    fs::write(file, json.to_string()).unwrap();
}

#[test]
fn what_was_taken_out_does_not_come_back() {
    let typed = ["claude-code", "--user", "--yes", "--no-hooks"];
    let connect = [&["connect"], &typed[..]].concat();
    let disconnect = [&["disconnect"], &typed[..3]].concat();
    for before in [None, Some("{\"theme\":  1}"), Some("{}\n")] {
        let home = Home::new();
        let file = home.root().join("home/.claude.json");
        if let Some(before) = before {
            fs::write(&file, before).unwrap();
        }
        let holds = || fs::read_to_string(&file).is_ok_and(|text| text.contains("wattle"));
        for _ in 0..2 {
            home.ok(&connect);
            rewritten(&file);
            assert!(holds());
            home.ok(&disconnect);
            let without = fs::read_to_string(&file).unwrap();
            assert!(!holds() && without.contains("key"), "{without}");
            home.ok(&disconnect);
            assert_eq!(fs::read_to_string(&file).unwrap(), without);
            // Now that nobody else writes, it is given back to the byte.
            home.ok(&connect);
            home.ok(&disconnect);
            assert_eq!(fs::read_to_string(&file).unwrap(), without);
        }
        // Another entry in place of ours, in a file that somebody wrote meanwhile.
        home.ok(&connect);
        rewritten(&file);
        home.ok(&[&connect[..], &["--http", "http://127.0.0.1:1/mcp"]].concat());
        assert!(holds());
        home.ok(&disconnect);
        assert!(!holds(), "{}", fs::read_to_string(&file).unwrap());
    }
}

#[test]
fn an_entry_changed_by_hand_is_shown_and_left_alone() {
    let home = Home::new();
    let file = home.root().join("project/.mcp.json");
    let by_hand =
        r#"{"mcpServers": {"wattle": {"command": "wattle", "args": ["mcp"], "env": {"A": "1"}}}}"#;
    fs::write(&file, by_hand).unwrap();
    for args in [
        &["connect", "claude-code", "--yes"][..],
        &["disconnect", "claude-code", "--yes"],
        &["connect", "claude-code", "--dry-run"],
    ] {
        let done = home.run(args);
        assert_eq!(done.code, 1, "{done:?}");
        assert!(
            done.err.contains("changed by hand") && done.err.contains("\"A\": \"1\""),
            "{done:?}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), by_hand);
        assert!(!home.root().join("project/.claude").exists());
    }
    home.ok(&["connect", "claude-code", "--yes", "--force"]);
    let now: Json = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(now["mcpServers"]["wattle"]["env"], Json::Null);
    home.ok(&["disconnect", "claude-code", "--yes"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), by_hand);
    home.ok(&["disconnect", "claude-code", "--yes", "--force"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
}

#[test]
fn a_hook_changed_by_hand_is_left_alone_and_so_is_the_server() {
    let home = Home::new();
    home.write(&Files::from([(
        "project/.claude/settings.json".to_owned(),
        br#"{"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "wattle hook brief", "timeout": 60}]}]}}"#.to_vec(),
    )]));
    let before = home.files();
    let done = home.run(&["connect", "claude-code", "--yes"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.err.contains("settings.json") && done.err.contains("60"), "{done:?}");
    assert_eq!(home.files(), before, "neither of the two files is written");
}

/// Bytes, and what is said of them.
const BROKEN: &[(&str, &str, &[u8], &str)] = &[
    ("claude-code", ".mcp.json", b"{\n  \"mcpServers\": {\n", "line 2, column 17"),
    ("claude-code", ".mcp.json", b"{\"mcpServers\": []}", "mcpServers is no object"),
    ("claude-code", ".mcp.json", b"[]", "the whole is no object"),
    ("claude-code", ".mcp.json", b"{'mcpServers': {}}", "line 1, column 2"),
    ("claude-code", ".mcp.json", b"{\"a\": \"\xff\"}", "not UTF-8 from byte 7"),
    (
        "claude-code",
        ".claude/settings.json",
        b"{\"hooks\": {\"SessionStart\": {}}}",
        "hooks.SessionStart is no list",
    ),
    ("codex", ".codex/config.toml", b"[tui]\ntheme = dark\n", "line 2, column 9"),
    ("codex", ".codex/config.toml", b"mcp_servers = 3\n", "mcp_servers is no object"),
    ("opencode", "opencode.jsonc", b"{ \"mcp\": 1 }", "mcp is no object"),
];

#[test]
fn what_cannot_be_parsed_is_not_touched() {
    for (client, file, bytes, said) in BROKEN {
        let home = Home::new();
        home.write(&Files::from([(format!("project/{file}"), bytes.to_vec())]));
        let before = home.files();
        let done = home.run(&["connect", client, "--yes"]);
        assert_eq!(done.code, 1, "{file}: {done:?}");
        assert!(done.err.contains(said) && done.err.contains(file), "{file}: {done:?}");
        assert_eq!(done.err.lines().count(), 1, "{file}: {done:?}");
        assert_eq!(home.files(), before, "{file}");
    }
}

#[test]
fn nothing_is_written_without_a_yes() {
    let home = Home::new();
    let done = home.run(&["connect", "cursor"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.out.contains("+    \"wattle\""), "the change is shown first: {done:?}");
    assert!(done.err.contains("--yes"), "{done:?}");
    assert!(!home.root().join("project/.cursor").exists());
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let home = Home::new();
    let cases: &[(&[&str], &str)] = &[
        (&["cursor", "--http", "relay.example.org/mcp"], "http://"),
        (&["cursor", "--http", "https://a/mcp", "--token-env", "s3cr3t!"], "environment variable"),
        (&["cursor", "--http", "https://a/mcp", "--as", "bot"], "the token says who acts"),
        (&["claude-desktop", "--http", "https://a/mcp"], "Connectors"),
        (&["cursor", "--as", "nobody"], "nobody"),
    ];
    for (args, said) in cases {
        let done = home.run(&[&["connect", "--yes"], *args].concat());
        assert_ne!(done.code, 0, "{args:?}");
        assert!(done.err.contains(said), "{args:?}: {done:?}");
    }
    assert!(home.files().keys().all(|path| path == "project/.wattle/"), "{:?}", home.files());
}

#[test]
fn the_list_says_what_is_here_and_what_is_connected() {
    let home = Home::new();
    home.write(&Files::from([
        ("home/.codex/config.toml".to_owned(), b"[broken".to_vec()),
        ("home/.gemini/settings.json".to_owned(), b"{\"mcpServers\": {\"wattle\": {}}}".to_vec()),
    ]));
    home.ok(&["connect", "claude-code", "--yes"]);
    let list: Json = serde_json::from_str(&home.ok(&["connect", "--json"])).unwrap();
    let state = |client: &str, scope: &str, what: &str| {
        let clients = list["clients"].as_array().unwrap();
        let client = clients.iter().find(|one| one["client"] == client).unwrap();
        let places = client["places"].as_array().unwrap();
        let place = places.iter().find(|one| one["scope"] == scope && one["what"] == what);
        (
            client["here"].as_bool().unwrap(),
            place.map(|one| one["state"].as_str().unwrap().to_owned()),
        )
    };
    let is = |state: &str| Some(state.to_owned());
    assert_eq!(state("claude-code", "project", "server"), (false, is("connected")));
    assert_eq!(state("claude-code", "project", "hooks"), (false, is("connected")));
    assert_eq!(state("claude-code", "user", "hooks"), (false, is("absent")));
    assert_eq!(state("codex", "user", "server"), (true, is("unreadable")));
    assert_eq!(state("gemini", "user", "server"), (true, is("changed by hand")));
    assert_eq!(state("vscode", "user", "server"), (false, is("absent")));
    assert_eq!(state("claude-desktop", "project", "server"), (false, None));
    let text = home.ok(&["connect"]);
    assert!(text.contains("project hooks connected"), "{text}");
    assert!(text.contains("line 1, column"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = Home::new();
    let (real, link) = (home.root().join("home/dotfiles.toml"), home.root().join("home/.codex"));
    fs::create_dir(&link).unwrap();
    let link = link.join("config.toml");
    fs::write(&real, "model = \"some\"\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, &link).unwrap();
    home.ok(&["connect", "codex", "--user", "--yes"]);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("[mcp_servers.wattle]"));
    assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    home.ok(&["disconnect", "codex", "--user", "--yes"]);
    assert_eq!(fs::read_to_string(&link).unwrap(), "model = \"some\"\n");
}

/// Twice with other arguments, then back: to what was there before the first.
#[test]
fn a_second_connect_replaces_the_first_and_remembers_what_was_before() {
    let home = Home::new();
    home.desk.ok(&["agent", "add", "bot", "--days", "1"]);
    let before = home.files();
    home.ok(&["connect", "claude-code", "--yes"]);
    home.ok(&["connect", "claude-code", "--as", "bot", "--yes"]);
    let hooks = fs::read_to_string(home.root().join("project/.claude/settings.json")).unwrap();
    assert!(hooks.contains("wattle --as bot hook changes"), "{hooks}");
    assert!(!hooks.contains("wattle hook"), "{hooks}");
    home.ok(&["disconnect", "claude-code", "--yes"]);
    assert_eq!(home.files(), before);
}
