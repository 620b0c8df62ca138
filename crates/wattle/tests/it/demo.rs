//! The first thing that anybody runs.

use crate::desk::Desk;

#[test]
fn the_demonstration_keeps_its_word() {
    let nobody = Desk::empty("nobody");
    let told = nobody.ok(&["demo"]);
    for part in ["bot goes offline", "C-", "none was lost", "equal to the byte"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.lines().count() <= 80, "{} lines", told.lines().count());
}
