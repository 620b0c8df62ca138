//! Every scenario in `tests/data`, once in the simulator and once over real sockets.

mod sockets;

use std::fs;
use std::path::{Path, PathBuf};

use tokio::task::JoinSet;
use wattle_sim::scenario::{Step, parse};
use wattle_sim::{Options, run};

#[test]
fn scenarios_hold_in_the_simulator() {
    let mut broken = Vec::new();
    for (name, steps) in scenarios() {
        // The text says what must hold whatever the network does, so several networks are tried.
        for seed in 1..=5 {
            let steps: Vec<Step> = steps.iter().cloned().chain([Step::Seed(seed)]).collect();
            let violations = run(&steps, Options::default()).violations;
            broken.extend(
                violations.first().map(|violation| format!("{name}, seed {seed}: {violation:?}")),
            );
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_hold_over_real_sockets() {
    let mut running = JoinSet::new();
    for (name, steps) in scenarios() {
        running.spawn(async move {
            let outcome = sockets::run(&steps).await;
            outcome.err().map(|what| format!("{name}: {what}"))
        });
    }
    let broken: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// All scenarios but the plans that once failed: those are about chance, and have no expectations.
fn scenarios() -> Vec<(String, Vec<Step>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == "scenario")).collect();
    paths.sort();
    assert!(paths.len() >= 12);
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let steps = parse(&fs::read_to_string(&path).unwrap());
        (name.clone(), steps.unwrap_or_else(|error| panic!("{name}: {error}: {}", error.cause)))
    };
    paths.into_iter().map(read).collect()
}
