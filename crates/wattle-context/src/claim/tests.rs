use proptest::prelude::*;

use super::*;

fn record(said: Said, claim: &str, who: &str, at_s: i64) -> Record {
    let (claim, key, name) = (claim.to_owned(), who.to_owned(), who.to_owned());
    Record { said, claim, key, name, at_ms: at_s * 1_000, ttl_s: 600, lease: None, verdict: None }
}

/// With a lease that ends with the record's own time.
fn leased(record: &Record, number: u64, signature: &str) -> Record {
    let until_s = (record.at_ms / 1_000 + record.ttl_s).unsigned_abs();
    let signature = signature.to_owned();
    let lease = Some(Lease { term: 0, entry: 1, number, until_s, signature });
    Record { lease, ..record.clone() }
}

fn is_granted(record: &Record) -> bool {
    record.lease.as_ref().is_some_and(|lease| lease.signature == "good")
}

fn holder(records: &[Record], now_s: i64) -> Option<String> {
    owner(records, now_s * 1_000, &is_granted).map(|claim| claim.holder)
}

/// The same whatever the order, and however often a record is there.
fn agreed(records: &[Record], now_s: i64) -> Option<String> {
    let holder_now = holder(records, now_s);
    let mut turned = records.to_vec();
    for _ in 0..records.len() {
        turned.rotate_left(1);
        assert_eq!(holder(&turned, now_s), holder_now);
        let twice = [turned.clone(), turned.iter().rev().cloned().collect()].concat();
        assert_eq!(holder(&twice, now_s), holder_now);
    }
    holder_now
}

#[test]
fn the_first_of_those_that_are_held_owns() {
    use Said::{Claim, End, Renew};
    let ana = record(Claim, "a", "ana", 1_000);
    let bot = record(Claim, "b", "bot", 1_001);
    let some = |name: &str| Some(name.to_owned());
    let cases = [
        (vec![], 1_100, None),
        (vec![ana.clone(), bot.clone()], 1_100, some("ana")),
        (vec![bot.clone()], 1_100, some("bot")),
        (vec![ana.clone(), bot.clone(), record(End, "a", "ana", 1_050)], 1_100, some("bot")),
        // Nobody ends or renews the claim of another.
        (vec![ana.clone(), bot.clone(), record(End, "a", "bot", 1_050)], 1_100, some("ana")),
        (vec![ana.clone(), record(Renew, "a", "bot", 1_500)], 2_000, None),
        // Expiry, with the grace for clocks that differ.
        (vec![ana.clone()], 1_659, some("ana")),
        (vec![ana.clone()], 1_661, None),
        (vec![ana.clone(), record(Renew, "a", "ana", 1_500)], 2_000, some("ana")),
        // What has expired does not come back: another may hold it by now.
        (vec![ana.clone(), record(Renew, "a", "ana", 1_700)], 1_800, None),
        (
            vec![ana, record(Claim, "b", "bot", 1_700), record(Renew, "a", "ana", 1_701)],
            1_800,
            some("bot"),
        ),
        // A claim from the future holds when its time has come.
        (vec![record(Claim, "f", "fay", 5_000), bot], 1_100, some("bot")),
    ];
    for (index, (records, now_s, expected)) in cases.into_iter().enumerate() {
        assert_eq!(agreed(&records, now_s), expected, "case {index}");
    }
}

#[test]
fn two_claims_of_one_name_are_two() {
    let one = record(Said::Claim, "a", "ana", 1_000);
    let other = record(Said::Claim, "a", "bot", 900);
    assert_eq!(agreed(&[one, other], 1_100).as_deref(), Some("bot"));
}

#[test]
fn the_latest_valid_lease_owns_whoever_began_first() {
    let ana = record(Said::Claim, "a", "ana", 1_000);
    let bot = record(Said::Claim, "b", "bot", 1_001);
    let cases = [
        (vec![ana.clone(), leased(&bot, 1, "good")], 1_100, "bot"),
        (vec![ana.clone(), leased(&bot, 1, "forged")], 1_100, "ana"),
        (vec![leased(&ana, 1, "good"), leased(&bot, 2, "good")], 1_100, "bot"),
        (vec![leased(&ana, 2, "good"), leased(&bot, 1, "good")], 1_100, "ana"),
        (vec![leased(&ana, 3, "forged"), leased(&bot, 1, "good")], 1_100, "bot"),
        // A renewal that was granted keeps the fence, and brings one that had none a lease.
        (
            vec![
                ana.clone(),
                bot.clone(),
                leased(&record(Said::Renew, "b", "bot", 1_050), 1, "good"),
            ],
            1_100,
            "bot",
        ),
        // What had expired comes back with a grant, and not with a forged one.
        (
            vec![ana.clone(), leased(&record(Said::Renew, "a", "ana", 1_700), 1, "good")],
            1_800,
            "ana",
        ),
        (
            vec![
                ana.clone(),
                leased(&record(Said::Renew, "a", "ana", 1_700), 1, "forged"),
                record(Said::Claim, "c", "cat", 1_750),
            ],
            1_800,
            "cat",
        ),
        // With its end a lease counts for nothing.
        (
            vec![leased(&ana, 5, "good"), bot.clone(), record(Said::End, "a", "ana", 1_002)],
            1_100,
            "bot",
        ),
    ];
    for (index, (records, now_s, expected)) in cases.into_iter().enumerate() {
        assert_eq!(agreed(&records, now_s).as_deref(), Some(expected), "case {index}");
    }
}

/// That a claim lost to another, by somebody who settled a conflict; holders are named by two letters.
fn verdict(lost: &str, kept: &str, round: u32) -> Record {
    let (kept, key) = (kept[..1].to_owned(), kept.to_owned());
    let verdict = Some(Verdict { kept, key, round });
    Record { verdict, ..record(Said::End, &lost[..1], lost, 1_050) }
}

#[test]
fn the_latest_verdict_counts_and_a_circle_of_them_does_not() {
    let claims = ["an", "bo", "cy"].map(|who| record(Said::Claim, &who[..1], who, 1_000));
    let cases: [(&[Record], &str); 8] = [
        (&[], "an"),
        (&[verdict("an", "bo", 1)], "bo"),
        (&[verdict("an", "bo", 1), verdict("bo", "cy", 1)], "cy"),
        (&[verdict("an", "bo", 1), verdict("bo", "an", 1)], "an"),
        (&[verdict("an", "bo", 1), verdict("bo", "an", 1), verdict("an", "bo", 2)], "bo"),
        (&[verdict("an", "bo", 1), verdict("bo", "cy", 1), verdict("cy", "an", 1)], "an"),
        // For a claim that is not there, by a round that never was, or against itself.
        (&[verdict("an", "di", 1), verdict("an", "an", 1)], "an"),
        (&[verdict("an", "bo", 9), verdict("bo", "cy", 1)], "an"),
    ];
    for (index, (verdicts, expected)) in cases.into_iter().enumerate() {
        let all = [claims.to_vec(), verdicts.to_vec()].concat();
        assert_eq!(agreed(&all, 1_100).as_deref(), Some(expected), "case {index}");
    }
    let leased = [leased(&claims[0], 1, "good"), claims[1].clone(), verdict("an", "bo", 1)];
    assert_eq!(agreed(&leased, 1_100).as_deref(), Some("an"), "the sequencer has decided");
}

fn any_record() -> impl Strategy<Value = Record> {
    let said = prop_oneof![Just(Said::Claim), Just(Said::Renew), Just(Said::End)];
    let lease = prop::option::of((1_u64..5, any::<bool>()));
    let verdict = prop::option::of((0_u8..3, 0_u8..3, 0_u32..4));
    let claim = (0_u8..3, 0_u8..3);
    (said, claim, 0_i64..4_000, lease, verdict).prop_map(
        |(said, (claim, who), at_s, lease, verdict)| {
            let mut made = record(said, &claim.to_string(), &who.to_string(), at_s);
            made.verdict = verdict.map(|(kept, key, round)| Verdict {
                kept: kept.to_string(),
                key: key.to_string(),
                round,
            });
            match lease {
                Some((number, good)) => leased(&made, number, if good { "good" } else { "forged" }),
                None => made,
            }
        },
    )
}

proptest! {
    /// The owner depends on the set of the records alone.
    #[test]
    fn every_order_has_one_owner(
        records in prop::collection::vec(any_record(), 0..12),
        order in any::<prop::sample::Index>(),
        now_s in 0_i64..5_000,
    ) {
        let owner_now = owner(&records, now_s * 1_000, &is_granted);
        let mut other = records.clone();
        other.rotate_left(order.index(records.len() + 1).min(records.len()));
        other.reverse();
        other.extend(records);
        let owner_then = owner(&other, now_s * 1_000, &is_granted);
        let named = |claim: Option<Claim>| claim.map(|claim| (claim.name, claim.key, claim.until_ms));
        prop_assert_eq!(named(owner_then), named(owner_now));
    }
}
