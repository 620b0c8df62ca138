use super::*;

#[test]
fn the_time_of_day_is_told() {
    assert_eq!(clock(1_709_164_799_000), "23:59:59");
}
