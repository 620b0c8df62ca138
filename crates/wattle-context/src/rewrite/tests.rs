use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Splice, apply, overlaps, rewrite};

/// A rewrite as people read it: `[-gone-]{+new+}`.
fn shown(base: &str, new: &str) -> String {
    let (mut text, mut at) = (String::new(), 0);
    let characters: Vec<char> = base.chars().collect();
    for splice in rewrite(base, new) {
        text.extend(&characters[at..splice.at]);
        at = splice.at + splice.delete;
        let gone: String = characters[splice.at..at].iter().collect();
        if !gone.is_empty() {
            text += &format!("[-{gone}-]");
        }
        if !splice.insert.is_empty() {
            text += &format!("{{+{}+}}", splice.insert);
        }
    }
    text.extend(&characters[at..]);
    text
}

#[test]
fn a_rewrite_changes_only_what_it_changed() {
    let cases = [
        ("", "", ""),
        ("", "all new", "{+all new+}"),
        ("all gone", "", "[-all gone-]"),
        ("no deploys on Friday", "no deploys on Monday", "no deploys on [-Friday-]{+Monday+}"),
        ("a\nb\nc\n", "a\nc\n", "a\n[-b\n-]c\n"),
        ("a\nc\n", "a\nb\nc\n", "a\n{+b\n+}c\n"),
        ("a", "a\nb", "a{+\nb+}"),
        ("a\nb", "a", "a[-\nb-]"),
        ("one\ntwo\n", "one\r\ntwo\r\n", "one[-\n-]{+\r\n+}two[-\n-]{+\r\n+}"),
        ("ask the team first", "tell the team last", "[-ask-]{+tell+} the team [-first-]{+last+}"),
        ("use quick brown tea", "use slow red tea", "use [-quick brown-]{+slow red+} tea"),
        ("caf\u{65}\u{301} open", "cafe open", "[-cafe\u{301}-]{+cafe+} open"),
        ("a 👩‍👩‍👧 here", "a 👩‍👩‍👦 here", "a [-👩‍👩‍👧-]{+👩‍👩‍👦+} here"),
        ("早上好", "晚上好", "[-早-]{+晚+}上好"),
        (
            "Ship on Friday when tests pass.\nAsk Ana.\n",
            "Tea is served at four o'clock.\nAsk Ana.\n",
            "[-Ship on Friday when tests pass-]{+Tea is served at four o'clock+}.\nAsk Ana.\n",
        ),
    ];
    for (base, new, expected) in cases {
        assert_eq!(shown(base, new), expected);
    }
}

#[test]
fn positions_count_code_points() {
    let splices = rewrite("😀é\nnext", "😀é\nlast");
    assert_eq!(splices, [Splice { at: 3, delete: 4, insert: "last".to_owned() }]);
}

#[test]
fn what_two_rewrites_touch() {
    let cases = [
        ("other lines", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", false),
        ("neighbouring lines", "a\nb\n", "A\nb\n", "a\nB\n", false),
        ("one line, other words", "one two three", "ONE two three", "one two THREE", true),
        ("the same edit", "one two", "one 2", "one 2", true),
        ("nothing", "a\n", "a\n", "b\n", false),
        ("lines added at one place", "a\nz\n", "a\nb\nz\n", "a\nc\nz\n", false),
        ("the same line added at one place", "a\nz\n", "a\nb\nz\n", "a\nb\nz\n", true),
        ("lines added at an open end", "a", "a\nb", "a\nc", false),
        ("an open end goes on, and a line is added", "a", "a b", "a\nc", true),
        ("lines added at the end", "a\n", "a\nb\n", "a\nc\n", false),
        ("open lines added at the end", "a\n", "a\nb", "a\nc", true),
        ("a first line by both", "", "a", "b", true),
        ("first lines by both", "", "a\n", "b\n", false),
        ("a line added before a changed one", "a\nz\n", "a\nb\nz\n", "a\nY\n", true),
        ("a line added after a changed one", "a x\nz\n", "a x\nb\nz\n", "a y\nz\n", false),
        ("a line added where lines go", "a\nb\nc\n", "a\nb\nn\nc\n", "", true),
        ("lines joined that the other changed", "a\nb\n", "a b\n", "a\nB\n", true),
        ("last line taken off, the one before changed", "a x\nb", "a x", "a y\nb", false),
        ("deleted and edited", "a\nb c\n", "a\n", "a\nb d\n", true),
    ];
    for (what, base, mine, theirs, expected) in cases {
        let (mine, theirs) = (rewrite(base, mine), rewrite(base, theirs));
        assert_eq!(overlaps(&mine, &theirs, base), expected, "{what}: {mine:?} {theirs:?}");
        assert_eq!(overlaps(&theirs, &mine, base), expected, "{what}, the other way round");
    }
}

#[test]
fn a_million_tokens_end() {
    let numbered = |lines: usize, of: usize| -> String {
        (0..lines).map(|line| format!("{}\n", line * 7 % of)).collect()
    };
    let pairs = [
        (numbered(100_000, 99_991), numbered(96_000, 99_991) + "x\n"),
        ("a\n".repeat(1 << 18), "b\n".repeat(1 << 18)),
        ("a\nb\n".repeat(1 << 18), "b\nb\na\n".repeat(1 << 17)),
        ("a b ".repeat(1 << 18), "b b a ".repeat(150_000)),
    ];
    for (base, new) in pairs {
        assert!(apply(&base, &rewrite(&base, &new)) == new, "a rewrite gives another text");
    }
}

/// Few letters and words, so that much is equal; line ends of both kinds, and what is hard to cut.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("\n"), 1 => Just("\r\n"), 3 => Just(" "), 3 => Just("a"), 3 => Just("b"),
        2 => Just("word"), 1 => Just("e\u{301}"), 1 => Just("\u{301}"), 1 => Just("👩‍👩‍👧"),
        1 => Just("\u{200d}"), 1 => Just("字"), 1 => Just("🇩🇪"), 1 => Just("\r"),
    ];
    prop_oneof![
        4 => prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn a_rewrite_gives_the_new_text(base in texts(), new in texts()) {
        let splices = rewrite(&base, &new);
        prop_assert_eq!(apply(&base, &splices), new);
        for pair in splices.windows(2) {
            prop_assert!(pair[0].at + pair[0].delete < pair[1].at, "{:?} touch", pair);
        }
        prop_assert!(splices.iter().all(|splice| splice.delete > 0 || !splice.insert.is_empty()));
    }

    #[test]
    fn equal_texts_have_no_rewrite(text in texts()) {
        prop_assert_eq!(rewrite(&text, &text), []);
    }

    #[test]
    fn any_splices_apply(base in texts(), raw in prop::collection::vec((any::<usize>(), 0_usize..9, texts()), 0..4)) {
        let splices: Vec<Splice> =
            raw.into_iter().map(|(at, delete, insert)| Splice { at: at % 40, delete, insert }).collect();
        apply(&base, &splices);
        overlaps(&splices, &splices, &base);
    }

    #[test]
    fn overlap_is_mutual(base in texts(), one in texts(), two in texts()) {
        let (one, two) = (rewrite(&base, &one), rewrite(&base, &two));
        prop_assert_eq!(overlaps(&one, &two, &base), overlaps(&two, &one, &base));
    }

    #[test]
    fn edits_of_different_lines_do_not_overlap(
        lines in prop::collection::vec("[a-c]{1,3} [a-c]{1,3}", 2..8), first: usize, second: usize,
    ) {
        let (first, second) = (first % lines.len(), second % lines.len());
        prop_assume!(first != second);
        let base = lines.join("\n") + "\n";
        let with = |line: usize| {
            let mut lines = lines.clone();
            lines[line] += " more";
            lines.join("\n") + "\n"
        };
        let (mine, theirs) = (rewrite(&base, &with(first)), rewrite(&base, &with(second)));
        prop_assert!(!overlaps(&mine, &theirs, &base));
    }

    #[test]
    fn without_overlap_no_line_is_merged_that_nobody_wrote(
        (base, one, two) in (lines(), edits(), edits())
            .prop_map(|(base, one, two)| (base.concat(), edited(&base, &one), edited(&base, &two))),
    ) {
        let (mine, theirs) = (rewrite(&base, &one), rewrite(&base, &two));
        if overlaps(&mine, &theirs, &base) {
            return Ok(());
        }
        let written: BTreeSet<&str> =
            [&base, &one, &two].into_iter().flat_map(|text| text.lines()).chain([""]).collect();
        for (first, second) in [(&mine, &theirs), (&theirs, &mine)] {
            let merged = merged(&base, first, second);
            for line in merged.lines() {
                prop_assert!(written.contains(line), "{:?} in {:?}: {:?} {:?}", line, merged, mine, theirs);
            }
        }
    }
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![Just("a b"), Just("a c"), Just("d"), Just("d e"), Just("")];
    let end = prop_oneof![6 => Just("\n"), 1 => Just("")];
    prop::collection::vec((line, end).prop_map(|(line, end)| line.to_owned() + end), 0..6)
}

/// Which line to replace by what: nothing, another one, several, or one without a line end.
fn edits() -> impl Strategy<Value = Vec<(usize, Vec<String>)>> {
    prop::collection::vec(
        (0..6_usize, lines().prop_map(|mut lines| lines.drain(..).take(2).collect())),
        0..3,
    )
}

fn edited(base: &[String], edits: &[(usize, Vec<String>)]) -> String {
    let mut lines = base.to_vec();
    for (line, new) in edits {
        let line = line % (lines.len() + 1);
        lines.splice(
            line..(line + new.len() % 2).min(base.len()).max(line).min(lines.len()),
            new.clone(),
        );
    }
    lines.concat()
}

/// As a sequence CRDT merges: what is inserted after the same character comes in either order.
fn merged(base: &str, first: &[Splice], second: &[Splice]) -> String {
    let mut inserted: BTreeMap<usize, String> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for splice in first.iter().chain(second) {
        *inserted.entry(splice.at).or_default() += &splice.insert;
        gone.extend(splice.at..splice.at + splice.delete);
    }
    let mut text = String::new();
    for (at, character) in base.chars().map(Some).chain([None]).enumerate() {
        text += inserted.get(&at).map_or("", String::as_str);
        text.extend(character.filter(|_| !gone.contains(&at)));
    }
    text
}
