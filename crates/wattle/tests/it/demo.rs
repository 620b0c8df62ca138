//! The first thing that anybody runs.

use crate::desk::Desk;

#[test]
fn the_demonstration_keeps_its_word() {
    let nobody = Desk::empty("nobody");
    let told = nobody.ok(&["demo"]);
    for part in [
        "bob joins as maintainer",
        "bob goes offline",
        "C-",
        "refused at its own machine: the role contributor may not write rules",
        "none was lost",
        "equal to the byte",
    ] {
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.lines().count() <= 80, "{} lines", told.lines().count());
}
