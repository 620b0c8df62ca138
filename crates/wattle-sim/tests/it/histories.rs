//! Ten thousand histories of grants, revocations and edits among six principals, in the pure functions:
//! the log that folds entries and the rule that judges changes, without sockets, disks or documents.
//!
//! Three replicas take in what is written in different orders, with partitions. One of them, the
//! sequencer, orders what is proposed. Principals write where they are, some of them also what they may
//! not, and replicas that know less of the log show more than they should until they hear of it. In the
//! end all hear everything.

mod cast;
mod history;
mod replica;

use std::thread;

use cast::Cast;
use history::{Fault, History, Tally};

const HISTORIES: u64 = 10_000;

#[test]
fn ten_thousand_histories_end_equal_and_show_nothing_that_was_not_allowed() {
    let cast = Cast::new();
    let halves = [0, 1].map(|half| (0..HISTORIES).filter(move |seed| seed % 2 == half));
    let tallies = thread::scope(|scope| {
        let running = halves.map(|seeds| {
            scope.spawn(|| {
                let told = seeds.map(|seed| {
                    let told = History::new(seed, &cast, None).run();
                    told.unwrap_or_else(|what| panic!("history {seed}: {what}"))
                });
                told.fold(Tally::default(), Tally::and)
            })
        });
        running.map(|half| half.join().unwrap())
    });
    let [one, other] = tallies;
    let all = one.and(other);
    println!("{HISTORIES} histories: {all:?}");
    // Nothing is proved by histories in which nothing happens.
    assert!(all.changes > 10 * HISTORIES && all.entries > HISTORIES, "{all:?}");
    assert!(all.ended > HISTORIES / 2 && all.taken_out > HISTORIES / 4, "{all:?}");
    assert!(all.refused > HISTORIES && all.frozen > HISTORIES / 100, "{all:?}");
}

#[test]
fn a_replica_that_takes_nothing_out_is_found() {
    assert_found(Fault::KeepsAll);
}

#[test]
fn a_replica_that_keeps_what_builds_on_what_it_takes_out_is_found() {
    assert_found(Fault::KeepsDependents);
}

#[test]
fn a_sequencer_that_forgets_the_last_change_in_its_cutoffs_is_found() {
    assert_found(Fault::ShortCutoffs);
}

fn assert_found(fault: Fault) {
    let cast = Cast::new();
    let found = (0..200).any(|seed| History::new(seed, &cast, Some(fault)).run().is_err());
    assert!(found, "{fault:?} not found in 200 histories");
}
