//! What honest people wrote on top of what is taken out, written again.

use super::scenario::run;

#[test]
fn fields_of_items_that_stay() {
    run(r#"
        peers ana bob mal
        ana: add rules "deploys need a review" as r
        ana: add tasks "water the beds" as t
        sync
        mal: set r/severity "may"
        mal: append r/scope "weekend"
        mal: append t/notes "forged"
        sync
        bob: set r/severity "must"
        bob: append r/scope "api"
        bob: append t/notes "done by bob"
        bob: set r/enabled true
        ana: remove r/scope "weekend"
        sync
        purge mal
        sync
        expect * r/severity = "must"
        expect * r/scope = ["api"]
        expect * t/notes = ["done by bob"]
        expect * r/enabled = true
        conflicts * 0
        lost bob 0
        equal
    "#);
}

#[test]
fn of_a_text_only_what_was_changed() {
    run(r#"
        peers ana bob mal
        ana: add rules "one" as r
        ana: set r/rationale "first line\nsecond line\nthird line\n"
        sync
        mal: set r/rationale "first line\nforged line\nsecond line\nthird line\n"
        sync
        bob: replace r/rationale "third" "last"
        bob: append r/rationale "by bob\n"
        ana: replace r/rationale "first" "very first"
        sync
        purge mal
        sync
        expect * r/rationale = "very first line\nsecond line\nlast line\nby bob\n"
        equal
    "#);
}

#[test]
fn items_keep_their_ids_and_what_was_done_to_them() {
    run(r#"
        peers ana bob mal
        ana: add tasks "water" as t
        sync
        mal: set t/priority 1
        sync
        bob: add tasks "weed" as w
        bob: set w/spec "all beds"
        bob: append w/depends_on "water"
        bob: set t/title "water all"
        sync
        ana: set w/status "doing"
        ana: set w/spec "all beds but one"
        sync
        purge mal
        lost bob 0
        sync
        expect * w = "there"
        expect * w/title = "weed"
        expect * w/depends_on = ["water"]
        expect * t/title = "water all"
        expect * t/priority = null
        equal
    "#);
}

#[test]
fn what_lay_in_an_item_that_is_gone_is_lost() {
    run(r#"
        peers ana bob mal
        ana: add tasks "water" as t
        sync
        mal: add tasks "forged" as f
        sync
        bob: set f/priority 3
        bob: set t/priority 3
        sync
        purge mal
        lost bob 1
        sync
        expect * f = "gone"
        expect * t/priority = 3
        equal
    "#);
}

#[test]
fn deletions_and_bodies() {
    run(r#"
        peers ana bob mal
        ana: add documents {"title": "notes", "body": "one two three"} as d
        ana: add rules "old" as r
        sync
        mal: set d/body "one forged two three"
        mal: set r/statement "forged"
        sync
        bob: set d/body "one forged two three four"
        bob: delete r
        sync
        purge mal
        sync
        expect * d/body = "one two three four"
        expect * r = "gone"
        equal
    "#);
}

#[test]
fn what_was_concurrent_stays_so() {
    run(r#"
        peers ana bob mal
        ana: add rules "base" as r
        sync
        mal: set r/enabled true
        sync bob mal
        bob: set r/statement "bob's"
        ana: set r/statement "ana's"
        sync
        conflicts * 1
        purge mal
        sync
        expect * r/statement = both ["ana's", "bob's"]
        conflicts * 1
        equal
    "#);
}
