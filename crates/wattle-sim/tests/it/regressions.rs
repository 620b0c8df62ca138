//! A few seeds on every run, so that a change that breaks them is seen before it lands.

use wattle_sim::plan::{Size, generate};
use wattle_sim::{Options, run};

#[test]
fn seeds_hold() {
    for seed in 1_000..1_010 {
        let outcome = run(&generate(seed, Size { peers: 4, seconds: 30 }), Options::default());
        assert_eq!(outcome.violations, [], "wattle-sim run --seed {seed} --seconds 30 --trace");
    }
}
