//! Two processes with one seed write the same trace, to the byte.

use std::process::Command;

#[test]
fn two_processes_with_one_seed_write_the_same_trace() {
    for seed in ["0", "1", "2"] {
        let (one, other) = (trace(seed), trace(seed));
        assert!(one.lines().count() > 500, "a trace of {} lines", one.lines().count());
        let differs = one.lines().zip(other.lines()).position(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}: the first line that differs");
        assert_eq!(one.len(), other.len(), "seed {seed}");
    }
}

#[test]
fn two_seeds_write_two_traces() {
    assert_ne!(trace("3"), trace("4"));
}

fn trace(seed: &str) -> String {
    let arguments = ["run", "--trace", "--peers", "4", "--seconds", "20", "--seed", seed];
    let run = Command::new(env!("CARGO_BIN_EXE_wattle-sim")).args(arguments).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}
