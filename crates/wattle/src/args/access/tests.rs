use super::{Seconds, days};

#[test]
fn days_may_be_parts_of_one() {
    assert_eq!(days("3"), Ok(Seconds(259_200)));
    assert_eq!(days("0.5"), Ok(Seconds(43_200)));
    assert_eq!(days("0.000001"), Ok(Seconds(1)));
    for wrong in ["0", "-1", "NaN", "inf", "1e9", "soon", ""] {
        assert!(days(wrong).is_err(), "{wrong}");
    }
}
