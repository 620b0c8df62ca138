//! The graph against the plainest possible reckoning of ancestors.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Arrival, Graph, Node};
use crate::change::Header;
use crate::id::{ActorId, ChangeHash, LinkId, Position};

fn hash(number: usize) -> ChangeHash {
    // Equal first bytes: looked up by a prefix, told apart by the rest.
    let mut bytes = [7; 32];
    bytes[7] = (number % 3) as u8;
    bytes[31] = number as u8;
    ChangeHash(bytes)
}

fn header(number: usize, deps: &[usize]) -> Header {
    Header {
        hash: hash(number),
        deps: deps.iter().map(|dep| hash(*dep)).collect(),
        actor: ActorId([(number % 5) as u8; 16]),
        seq: 1,
        start_op: number as u64 + 1,
        ops: 1,
        time: 0,
        author: None,
    }
}

/// For each change the ones before it that it builds on.
fn history() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..40)
        .prop_map(|picks| {
            let deps = |(number, picks): (usize, Vec<prop::sample::Index>)| {
                let near = |pick: prop::sample::Index| number - 1 - pick.index(number.min(6));
                let deps = picks.into_iter().filter(|_| number > 0).map(near);
                deps.collect::<BTreeSet<_>>().into_iter().collect()
            };
            picks.into_iter().enumerate().map(deps).collect()
        })
}

fn graph(history: &[Vec<usize>], stored: usize) -> Graph {
    let mut graph = Graph::default();
    for (number, deps) in history.iter().enumerate() {
        let position = (number < stored).then_some(Position(number as u64 + 1));
        let arrival = Arrival { bytes: 100, link: Some(LinkId(number as u64 % 2)), position };
        assert_eq!(graph.insert(&header(number, deps), arrival), Some(number as u32));
    }
    graph
}

fn ancestors(history: &[Vec<usize>], of: usize) -> BTreeSet<usize> {
    let mut all = BTreeSet::from([of]);
    for number in (0..=of).rev() {
        if all.contains(&number) {
            all.extend(&history[number]);
        }
    }
    all
}

proptest! {
    #[test]
    fn missing_is_all_but_the_ancestors(
        history in history(),
        known in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let graph = graph(&history, history.len());
        let known: Vec<usize> = known.iter().map(|index| index.index(history.len())).collect();
        let has: BTreeSet<usize> =
            known.iter().flat_map(|known| ancestors(&history, *known)).collect();
        let missing: Vec<u32> =
            (0..history.len()).filter(|at| !has.contains(at)).map(|at| at as u32).collect();
        let mut stated: Vec<ChangeHash> = known.iter().map(|known| hash(*known)).collect();
        stated.push(ChangeHash([99; 32]));
        prop_assert_eq!(graph.missing(&stated), missing);
        for old in 0..history.len() {
            let young: Vec<u32> = known.iter().map(|known| *known as u32).collect();
            prop_assert_eq!(graph.reaches(&young, old as u32), has.contains(&old));
        }
    }

    #[test]
    fn heads_are_what_nothing_builds_on(history in history(), stored in any::<prop::sample::Index>()) {
        let stored = stored.index(history.len() + 1);
        let heads = |upto: usize| -> Vec<ChangeHash> {
            let built_on: BTreeSet<usize> = history[..upto].iter().flatten().copied().collect();
            (0..upto).filter(|at| !built_on.contains(at)).map(hash).collect()
        };
        let mut graph = graph(&history, stored);
        prop_assert_eq!(graph.durable_heads(), heads(stored));
        prop_assert_eq!(graph.heads(), heads(history.len()));
        prop_assert_eq!(graph.last(), Position(stored as u64));
        prop_assert_eq!(graph.first_unstored(), (stored < history.len()).then_some(stored as u32));
        prop_assert_eq!(graph.first_after(Position(stored as u64)), stored as u32);
        if let Some(first) = graph.first_unstored() {
            let gone: BTreeSet<u32> = graph.forget(first).into_iter().collect();
            for at in 0..history.len() {
                let out = gone.contains(&(at as u32));
                prop_assert_eq!(out, ancestors(&history, at).contains(&stored), "{}", at);
                prop_assert_eq!(graph.index(&hash(at)).is_none(), out);
            }
        }
    }

    #[test]
    fn samples_are_few_and_known(history in history()) {
        let graph = graph(&history, history.len());
        let samples = graph.samples();
        prop_assert!(samples.iter().all(|sample| graph.index(sample).is_some()));
        prop_assert!(samples.len() <= 24);
    }
}

#[test]
fn samples_stand_at_powers_of_two_behind_the_head() {
    let chain: Vec<Vec<usize>> =
        (0..200_usize).map(|at| at.checked_sub(1).into_iter().collect()).collect();
    let expected: Vec<ChangeHash> =
        [1, 2, 4, 8, 16, 32, 64, 128].iter().map(|distance| hash(199 - distance)).collect();
    assert_eq!(graph(&chain, 200).samples(), expected);
}

#[test]
fn a_change_before_its_dependencies_stays_outside() {
    let mut graph = Graph::default();
    assert_eq!(graph.insert(&header(1, &[0]), Arrival::default()), None);
    assert_eq!(graph.count(), 0);
    assert_eq!(graph.insert(&header(0, &[]), Arrival::default()), Some(0));
    assert_eq!(graph.insert(&header(1, &[0]), Arrival::default()), Some(1));
    assert_eq!(graph.kill(0), vec![0, 1]);
    assert!(graph.index(&hash(1)).is_some() && !graph.is_live(1));
}

#[test]
fn a_change_costs_about_a_hundred_bytes() {
    assert!(size_of::<Node>() <= 72, "{}", size_of::<Node>());
}
