//! Plans that once failed, and a few seeds, so that a change that breaks them is seen before it lands.

use std::fs;
use std::path::Path;

use wattle_sim::plan::{Size, generate};
use wattle_sim::scenario::parse;
use wattle_sim::{Options, run};

#[test]
fn plans_that_once_failed_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let steps = parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let violations = run(&steps, Options::default()).violations;
        assert_eq!(violations, [], "{}", path.display());
    }
}

#[test]
fn seeds_hold() {
    for seed in 1_000..1_010 {
        let outcome = run(&generate(seed, Size { peers: 4, seconds: 30 }), Options::default());
        assert_eq!(outcome.violations, [], "wattle-sim run --seed {seed} --seconds 30 --trace");
    }
}
