//! Many processes at once on one directory.

use std::collections::BTreeSet;
use std::thread;

use crate::desk::Desk;

/// Eight, as many agents as a busy machine has.
const PROCESSES: usize = 8;
/// Per process and kind: 200 edits of different items, 200 of the same one.
const EDITS: usize = 25;

/// The usual memory server keeps 123 of 200 acknowledged writes with two processes.
#[test]
fn nothing_that_eight_processes_were_acknowledged_is_missing() {
    let ana = Desk::new("ana");
    ana.edit(&["tasks", "add", "Shared"]);
    let before: BTreeSet<String> = whys(&ana);
    let acknowledged: BTreeSet<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..PROCESSES)
            .map(|number| {
                scope.spawn({
                    let ana = &ana;
                    move || write(ana, number)
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(acknowledged.len(), 2 * PROCESSES * EDITS);
    let logged: BTreeSet<String> = whys(&ana).difference(&before).cloned().collect();
    assert_eq!(logged, acknowledged);
    let tasks = ana.json(&["show", "tasks"]);
    let titles: BTreeSet<&str> = tasks["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["fields"]["title"]["value"].as_str().unwrap())
        .collect();
    assert_eq!(titles.len(), 1 + PROCESSES * EDITS);
    let shared = ana.json(&["show", "tasks/shared"]);
    let notes: BTreeSet<&str> = shared["fields"]["notes"]["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect();
    assert_eq!(notes.len(), PROCESSES * EDITS);
}

/// One process after the other, each with one edit; answers the reasons of those that were acknowledged.
fn write(desk: &Desk, number: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for edit in 0..EDITS {
        let (own, same) = (format!("own {number} {edit}"), format!("same {number} {edit}"));
        desk.ok(&["edit", "tasks", "add", &own, "--why", &own]);
        desk.ok(&["edit", "tasks/shared/notes", "append", &same, "--why", &same]);
        acknowledged.extend([own, same]);
    }
    acknowledged
}

fn whys(desk: &Desk) -> BTreeSet<String> {
    let log = desk.json(&["log"]);
    let entries = log["log"].as_array().unwrap();
    entries.iter().map(|entry| entry["why"].as_str().unwrap().to_owned()).collect()
}
