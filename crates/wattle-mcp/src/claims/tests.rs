use super::*;

fn record(said: Said, claim: &str, who: &str, at_s: i64) -> Record {
    let (claim, key, name) = (claim.to_owned(), who.to_owned(), who.to_owned());
    Record { said, claim, key, name, at_ms: at_s * 1_000, ttl_s: 600 }
}

fn holder(records: &[Record], now_s: i64) -> Option<String> {
    owner(records, now_s * 1_000).map(|claim| claim.holder)
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
