use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{CustomPolicies, Policy, PolicyError};
use crate::conflict::Candidate;
use crate::value::Value;

fn candidate(change: u8, value: impl Into<Value>) -> Candidate {
    Candidate {
        change: [change; 32],
        value: value.into(),
        time: i64::from(change),
        key: [change; 32],
        by: String::new(),
        why: String::new(),
        rank: change,
    }
}

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

fn in_force(policy_text: &str, values: &[Value], base: impl Into<Value>) -> Vec<Value> {
    let candidates: Vec<Candidate> =
        values.iter().zip(1..).map(|(value, change)| candidate(change, value.clone())).collect();
    policy(policy_text).in_force(&candidates, &base.into(), &CustomPolicies::new())
}

#[test]
fn strictest_keeps_what_it_does_not_know_beside() {
    let effect = "strictest(deny,ask,allow)";
    assert_eq!(in_force(effect, &["allow".into(), "ask".into()], "allow"), ["ask".into()]);
    let unknown = in_force(effect, &["allow".into(), "maybe".into(), "ask".into()], "allow");
    assert_eq!(unknown, ["ask".into(), "maybe".into()]);
    assert_eq!(in_force(effect, &["x".into(), Value::Null], "allow"), [Value::Null, "x".into()]);
    assert_eq!(
        in_force("strictest(true,false)", &[false.into(), true.into()], true),
        [true.into()]
    );
}

#[test]
fn furthest_goes_along_the_states() {
    let status = "furthest(open,in_progress,done)";
    assert_eq!(in_force(status, &["in_progress".into(), "done".into()], "open"), ["done".into()]);
}

#[test]
fn counters_add_every_step_and_stop_at_the_ends() {
    assert_eq!(in_force("counter", &[12.into(), 15.into()], 10), [17.into()]);
    assert_eq!(in_force("counter", &[3.into(), 4.into()], Value::Null), [7.into()]);
    assert_eq!(in_force("counter", &[11.into(), 11.into()], 10), [12.into()]);
    assert_eq!(in_force("counter", &[i64::MAX.into(), i64::MAX.into()], 0), [i64::MAX.into()]);
    let ends = [i64::MAX.into(), i64::MIN.into(), i64::MAX.into()];
    assert_eq!(in_force("counter", &ends, 0), [(i64::MAX - 1).into()]);
    assert_eq!(in_force("counter", &[12.into(), "many".into()], 10), [12.into(), "many".into()]);
}

#[test]
fn unset_is_neither_smallest_nor_largest() {
    assert_eq!(in_force("smallest", &[5.into(), Value::Null, 3.into()], 9), [3.into()]);
    assert_eq!(in_force("largest", &[5.into(), Value::Null, 7.into()], 9), [7.into()]);
    assert_eq!(in_force("smallest", &[Value::Null], 9), [Value::Null]);
}

#[test]
fn elements_of_sets() {
    assert_eq!(in_force("add-wins", &[true.into(), false.into()], true), [true.into()]);
    assert_eq!(in_force("remove-wins", &[true.into(), false.into()], true), [false.into()]);
}

#[test]
fn authority_keeps_equals() {
    let mut candidates = [candidate(1, "a"), candidate(2, "b"), candidate(3, "c")];
    candidates[1].rank = 3;
    let held = policy("authority").in_force(&candidates, &Value::Null, &CustomPolicies::new());
    assert_eq!(held, ["b".into(), "c".into()]);
}

#[test]
fn writers_of_one_moment_are_told_apart_by_their_keys() {
    let mut candidates = [candidate(1, "a"), candidate(2, "b")];
    candidates[0].time = 2;
    let read = |name| policy(name).in_force(&candidates, &Value::Null, &CustomPolicies::new());
    assert_eq!(read("first-writer"), ["a".into()]);
    assert_eq!(read("last-writer"), ["b".into()]);
}

#[test]
fn who_lacks_a_custom_policy_keeps_all() {
    let mut custom = CustomPolicies::new();
    custom.insert(
        "longest",
        Box::new(|all, _| {
            all.iter()
                .map(|c| c.value.clone())
                .max_by_key(|v| v.to_string().len())
                .into_iter()
                .collect()
        }),
    );
    custom.insert("broken", Box::new(|_, _| std::panic::resume_unwind(Box::new("broken"))));
    custom.insert("silent", Box::new(|_, _| Vec::new()));
    let candidates = [candidate(1, "long"), candidate(2, "b")];
    let read = |name: &str| policy(name).in_force(&candidates, &Value::Null, &custom);
    assert_eq!(read("custom(longest)"), ["long".into()]);
    for name in ["custom(absent)", "custom(broken)", "custom(silent)"] {
        assert_eq!(read(name), ["b".into(), "long".into()], "{name}");
    }
}

#[test]
fn policies_are_spelled_one_way() {
    assert_eq!(policy(" strictest( deny , ask ) ").to_string(), "strictest(deny,ask)");
    let refused = |text: &str| text.parse::<Policy>().unwrap_err();
    let name = String::from;
    assert_eq!(refused("newest"), PolicyError::Unknown { name: name("newest") });
    assert_eq!(refused("custom(x"), PolicyError::Unknown { name: name("custom(x") });
    assert!(matches!(refused("furthest"), PolicyError::Bare { .. }));
    assert_eq!(refused("counter(1)"), PolicyError::Overfull { name: name("counter") });
    for (text, bad) in [("strictest(a,a)", "a"), ("strictest()", ""), ("furthest((a)", "(a")] {
        let PolicyError::Declared { value, .. } = refused(text) else {
            panic!("{text} is refused")
        };
        assert_eq!(value, bad);
    }
    assert!(matches!(refused("custom(a,b)"), PolicyError::Declared { .. }));
}

/// Every policy, with declared values that the generated ones hit.
fn policies() -> impl Strategy<Value = Policy> {
    let names = [
        "keep-all",
        "merge",
        "add-wins",
        "remove-wins",
        "counter",
        "smallest",
        "largest",
        "first-writer",
        "last-writer",
        "authority",
        "strictest(deny,ask,allow,true,3)",
        "furthest(ask,allow,deny,false)",
        "custom(absent)",
        "custom(widest)",
    ];
    prop::sample::select(Vec::from(names)).prop_map(policy)
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        4 => any::<bool>().prop_map(Value::from),
        4 => prop_oneof![-3..4_i64, Just(i64::MIN), Just(i64::MAX), any::<i64>()].prop_map(Value::from),
        6 => prop_oneof![Just("deny"), Just("ask"), Just("allow"), Just("other")].prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => prop::collection::vec("[ab]", 0..3).prop_map(Value::from),
        1 => prop::collection::btree_map("[ab]", Just(Value::Null), 0..3).prop_map(Value::from),
    ]
}

/// What one change says is a fact: the same wherever the change is seen.
fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let facts = (values(), prop_oneof![0..3_i64, any::<i64>()], 0..3_u8, 0..3_u8);
    prop::collection::btree_map(any::<u8>(), facts, 0..7).prop_map(|facts: BTreeMap<_, _>| {
        let of = |(change, (value, time, key, rank))| Candidate {
            time,
            key: [key; 32],
            rank,
            ..candidate(change, value)
        };
        facts.into_iter().map(of).collect()
    })
}

fn registered() -> CustomPolicies {
    let mut custom = CustomPolicies::new();
    custom.insert(
        "widest",
        Box::new(|all, base| {
            let widest = all.iter().max_by_key(|candidate| candidate.value.to_string().len());
            widest
                .map(|candidate| candidate.value.clone())
                .into_iter()
                .chain([base.clone()])
                .collect()
        }),
    );
    custom
}

proptest! {
    #[test]
    fn commutative_idempotent_and_independent_of_arrival(
        policy in policies(), arrived in candidates(), base in values(), again in 0..7_usize,
    ) {
        let custom = registered();
        let expected = policy.in_force(&arrived, &base, &custom);
        let mut other = arrived.clone();
        other.reverse();
        other.rotate_left(again.min(arrived.len()));
        other.extend(arrived.iter().skip(again).cloned());
        other.extend(arrived.first().cloned());
        prop_assert_eq!(policy.in_force(&other, &base, &custom), expected);
        prop_assert_eq!(policy.survivors(&other), policy.survivors(&arrived));
    }

    #[test]
    fn associative(policy in policies(), all in candidates(), cut in 0..7_usize, base in values()) {
        let (one, two) = all.split_at(cut.min(all.len()));
        let joined = [policy.survivors(one), policy.survivors(two)].concat();
        let half = [policy.survivors(one), two.to_vec()].concat();
        prop_assert_eq!(policy.survivors(&joined), policy.survivors(&all));
        let custom = registered();
        prop_assert_eq!(policy.in_force(&joined, &base, &custom), policy.in_force(&all, &base, &custom));
        prop_assert_eq!(policy.in_force(&half, &base, &custom), policy.in_force(&all, &base, &custom));
    }

    #[test]
    fn total(policy in policies(), all in candidates(), base in values()) {
        let values = policy.in_force(&all, &base, &registered());
        prop_assert_eq!(values.is_empty(), all.is_empty());
        let each: BTreeSet<&Value> = values.iter().collect();
        prop_assert!(each.into_iter().eq(values.iter()), "each once, in order");
        prop_assert_eq!(policy.survivors(&all).is_empty(), all.is_empty());
    }

    #[test]
    fn one_candidate_is_its_value(policy in policies(), value in values(), base in values()) {
        let only = [candidate(1, value.clone())];
        prop_assert_eq!(policy.in_force(&only, &base, &CustomPolicies::new()), [value]);
    }

    #[test]
    fn nothing_is_in_force_that_nobody_wrote(policy in policies(), all in candidates(), base in values()) {
        for value in policy.in_force(&all, &base, &CustomPolicies::new()) {
            let written = all.iter().any(|candidate| candidate.value == value);
            let counted = policy == Policy::Counter && value.int().is_some();
            prop_assert!(written || counted);
        }
    }

    #[test]
    fn spelled_and_read_back(policy in policies()) {
        prop_assert_eq!(policy.to_string().parse(), Ok(policy));
    }

    #[test]
    fn any_text_is_a_policy_or_refused(text in "\\PC*|[a-z-]+\\([a-z,()]*\\)?") {
        if let Ok(policy) = text.parse::<Policy>() {
            prop_assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }
}
