//! The house rules, held by a test: what `docs/architecture.md` says of the crates, and how code looks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each crate must never name in its sources (its tests may).
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "wattle-context",
        &["tokio", "std::net", "std::time::", "SystemTime", "Instant::", "getrandom", "rand::"],
    ),
    (
        "wattle-protocol",
        &[
            "tokio",
            "std::time",
            "std::thread",
            "HashMap",
            "HashSet",
            "automerge::",
            "getrandom",
            "static mut",
            "std::fs",
            "std::net",
        ],
    ),
    ("wattle-store", &["tokio"]),
    ("wattle-sync", &["rmcp"]),
    ("wattle-relay", &["clap_complete", "wattle::"]),
    ("wattle-mcp", &["tungstenite", "wattle_store", "TcpStream"]),
    ("wattle", &["wattle_store", "automerge::", "rusqlite"]),
    ("wattle-sim", &["tokio"]),
];

/// Words in names of types and modules that say nothing.
const BANNED_NAMES: &[&str] =
    &["Manager", "Helper", "Util", "Utils", "Handler", "Service", "Processor", "Misc"];

/// Files that may share state under a lock.
const LOCKS_ALLOWED: &[&str] = &["wattle-sync", "wattle-relay"];

#[test]
fn the_arrows_between_crates_equal_the_table() {
    let page = read("docs/architecture.md");
    let mut table = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `wattle")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let arrows: BTreeSet<String> = names(cells[2]);
        table.insert(cells[1].trim_matches('`').to_owned(), arrows);
    }
    let mut found = BTreeMap::new();
    for folder in folders("crates") {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("[features]"), "{name}: a crate instead of a feature");
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name}: folder name = crate name"
        );
        let normal = manifest.split("[dev-dependencies]").next().unwrap();
        let arrows = normal
            .split("[dependencies]")
            .nth(1)
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .filter(|name| name.starts_with("wattle"))
            .map(str::to_owned)
            .collect::<BTreeSet<_>>();
        found.insert(name, arrows);
    }
    assert_eq!(found, table, "manifests (left) against docs/architecture.md (right)");
}

#[test]
fn no_crate_names_what_it_must_not_know() {
    let mut broken = Vec::new();
    for (name, forbidden) in FORBIDDEN {
        for (path, text) in sources(&format!("crates/{name}/src")) {
            for (number, line) in code_lines(&text) {
                for word in *forbidden {
                    if line.contains(word) {
                        broken.push(format!("{path}:{number} names {word}"));
                    }
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn one_file_names_the_codec_and_one_crate_mcp() {
    let naming = |word: &str| -> Vec<String> {
        sources("crates")
            .into_iter()
            .filter(|(_, text)| code_lines(text).any(|(_, line)| line.contains(word)))
            .map(|(path, _)| path)
            .collect()
    };
    assert_eq!(naming("bincode::"), ["crates/wattle-protocol/src/wire.rs"]);
    let outside: Vec<_> = naming("rmcp::")
        .into_iter()
        .filter(|path| !path.starts_with("crates/wattle-mcp/"))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    // Of the tests, the fixture of MCP's conformance suite is a server of its own.
    let tests: Vec<_> = with_text(files("tests", "rs"))
        .into_iter()
        .filter(|(_, text)| text.lines().any(|line| line.starts_with("use rmcp")))
        .map(|(path, _)| path)
        .filter(|path| !path.starts_with("tests/src/bin/fixture/"))
        .collect();
    assert!(tests.is_empty(), "{tests:?}");
}

#[test]
fn files_read_as_one_thing() {
    let mut broken = Vec::new();
    for (path, text) in all_sources() {
        let lines = text.lines().count();
        if lines > 500 {
            broken.push(format!("{path} has {lines} lines"));
        }
        if path.ends_with("/mod.rs") {
            broken.push(format!("{path}: foo.rs and foo/, never mod.rs"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_banned_names_and_no_noise() {
    let mut broken = Vec::new();
    for (path, text) in all_sources().into_iter().filter(|(path, _)| !path.ends_with("tidy.rs")) {
        let test = is_test(&path);
        let locks = LOCKS_ALLOWED.iter().any(|name| path.starts_with(&format!("crates/{name}/")));
        let mut in_error = false;
        for (number, line) in text.lines().enumerate() {
            let mut say = |what: &str| broken.push(format!("{path}:{}: {what}", number + 1));
            let line = line.trim();
            if let Some(name) = declared(line)
                && BANNED_NAMES
                    .iter()
                    .any(|word| name.ends_with(word) || name == word.to_lowercase())
            {
                say("a name that says nothing");
            }
            in_error =
                (in_error || (line.contains("enum ") && line.contains("Error"))) && line != "}";
            if in_error && line.ends_with("(String),") {
                say("a stringly error");
            }
            if line.contains("Arc<Mutex") && !locks && !test {
                say("shared state under a lock");
            }
            if line.contains("#[ignore") || (test && line.contains("sleep(")) {
                say("a test that is ignored or sleeps");
            }
            if line.starts_with("/// # Arguments")
                || line.starts_with("// ===")
                || line.starts_with("// ---")
            {
                say("noise");
            }
            if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
                say("expect, with a reason, instead of allow");
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn prose_is_plain() {
    let mut broken = Vec::new();
    let pages = files("docs", "md")
        .into_iter()
        .chain([PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")]);
    for path in pages {
        let text = read(path.to_str().unwrap());
        for word in ["robust", "comprehensive", "seamless", "blazing", "cutting-edge", "effortless"]
        {
            if text.to_lowercase().contains(word) {
                broken.push(format!("{} says {word}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn names_in_the_architecture_exist() {
    let page = read("docs/architecture.md");
    let code: String = all_sources().into_iter().map(|(_, text)| text).collect();
    let missing: Vec<_> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':'))
        .filter(|name| name.chars().any(char::is_uppercase))
        .filter(|name| !code.contains(name.rsplit("::").next().unwrap()))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are named in docs/architecture.md and nowhere else");
}

#[test]
fn no_test_file_is_forgotten() {
    let mut broken = Vec::new();
    for main in files("crates", "rs").into_iter().chain(files("tests", "rs")) {
        if !main.ends_with("it/main.rs") {
            continue;
        }
        let text = read(main.to_str().unwrap());
        for entry in fs::read_dir(root().join(main.parent().unwrap())).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let stem = name.trim_end_matches(".rs");
            if name.ends_with(".rs") && stem != "main" && !text.contains(&format!("mod {stem};")) {
                broken.push(format!("{} does not reach {name}", main.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn folders(under: &str) -> Vec<PathBuf> {
    let mut folders: Vec<_> =
        fs::read_dir(root().join(under)).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// All files with an ending below a folder, relative to the root, sorted.
fn files(under: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(under)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn with_text(paths: Vec<PathBuf>) -> Vec<(String, String)> {
    paths
        .into_iter()
        .map(|path| path.to_str().unwrap().to_owned())
        .map(|path| (path.clone(), read(&path)))
        .collect()
}

/// Sources without tests.
fn sources(under: &str) -> Vec<(String, String)> {
    with_text(files(under, "rs")).into_iter().filter(|(path, _)| !is_test(path)).collect()
}

fn all_sources() -> Vec<(String, String)> {
    with_text(["crates", "examples", "tests"].iter().flat_map(|under| files(under, "rs")).collect())
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Lines of code: without comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.trim()))
        .filter(|(_, line)| !line.starts_with("//"))
}

fn names(cell: &str) -> BTreeSet<String> {
    cell.split(',')
        .map(|name| name.trim().trim_matches('`').to_owned())
        .filter(|name| name.starts_with("wattle"))
        .collect()
}

/// The name that a line declares as a type or module.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
    let rest =
        ["struct ", "enum ", "trait ", "mod "].iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}
