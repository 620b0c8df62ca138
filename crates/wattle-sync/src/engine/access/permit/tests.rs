use super::*;

/// Edits at these times, in milliseconds; answers which were allowed.
fn allowed(per_minute: u32, times: &[u64]) -> Vec<bool> {
    let mut used_until = 0;
    let mut one = |now: &u64| match spent(per_minute, used_until, *now) {
        Ok(next) => {
            used_until = next;
            true
        }
        Err(_) => false,
    };
    times.iter().map(&mut one).collect()
}

#[test]
fn a_budget_may_be_spent_at_once_and_comes_back_in_shares() {
    let start = 1_000_000;
    assert_eq!(allowed(3, &[start; 4]), [true, true, true, false]);
    let later = [start, start, start, start + 19_999, start + 20_000, start + 20_001];
    assert_eq!(allowed(3, &later), [true, true, true, false, true, false]);
    assert_eq!(allowed(1, &[start, start + 59_999, start + 60_000]), [true, false, true]);
}

#[test]
fn who_waits_as_long_as_it_is_told_may_go_on() {
    for per_minute in [1, 7, 60, 90_000] {
        let now = 5_000_000;
        let full = (0..per_minute).try_fold(0, |until, _| spent(per_minute, until, now)).unwrap();
        let wait = spent(per_minute, full, now).unwrap_err();
        assert!(spent(per_minute, full, now + wait).is_ok(), "{per_minute}");
    }
}

#[test]
fn a_budget_of_nothing_allows_nothing() {
    assert_eq!(allowed(0, &[1, 100_000]), [false, false]);
}

#[test]
fn a_clock_that_was_set_back_costs_one_budget_at_most() {
    assert_eq!(spent(2, 9_000_000_000, 1_000), Err(30_000));
}
