use wattle_context::{ItemId, Section};

use super::*;

const BASE: &str = "\
<!-- Shared context “garden” -->

## Rules

- Be kind

### Must

- Never push to main (for `src/**`)

  It broke the build twice.
- Run the tests

## Instructions

### Layout

For: `docs/**`

One.

#### Deeper

```
### not a heading
## neither
```

### Empty
";

fn base() -> Rendered {
    let entry = |digit: u8, section, deeper| Entry {
        section,
        item: ItemId([digit; 16]),
        deeper,
        quoted: false,
    };
    Rendered {
        inner: BASE.to_owned(),
        version: String::new(),
        entries: vec![
            entry(b'1', Section::Rules, 0),
            entry(b'2', Section::Rules, 0),
            entry(b'3', Section::Rules, 0),
            entry(b'4', Section::Instructions, 2),
            entry(b'5', Section::Instructions, 0),
        ],
    }
}

/// What was changed, in short: the first digit of the item, and what it says now.
fn told(now: &str) -> Vec<String> {
    let said = |said: &Said| {
        let severity = said.severity.unwrap_or("-");
        format!("{severity} {} | {} | {}", said.name, said.text, said.places.join(","))
    };
    let id = |entry: &Entry| entry.item.to_string().remove(0);
    let told = taken(&base(), now).into_iter().map(|taken| match taken {
        Taken::Edited { entry, line, is, .. } => format!("{}:{line} {}", id(&entry), said(&is)),
        Taken::Deleted { entry, was } => format!("{} gone {}", id(&entry), was.name),
        Taken::Added { line, is } => format!("new:{line} {} {}", is.section, said(&is)),
        Taken::Unclear { entry, line } => format!("{}:{line} unclear", id(&entry)),
    });
    told.collect()
}

#[test]
fn what_was_not_edited_says_nothing() {
    assert_eq!(told(BASE), Vec::<String>::new());
    // Nor do blank lines and blanks at the ends of the pieces.
    assert_eq!(told(&BASE.replace("\n\n### Must", "\n\n\n### Must")), Vec::<String>::new());
}

#[test]
fn edits_are_told_by_item() {
    for (from, to, expected) in [
        ("- Be kind", "- Be very kind", vec!["1:5 - Be very kind |  | "]),
        (
            "Never push to main",
            "Never force-push to main",
            vec!["2:9 must Never force-push to main | It broke the build twice. | src/**"],
        ),
        (
            "`src/**`",
            "`src/**`, `docs/**`",
            vec!["2:9 must Never push to main | It broke the build twice. | src/**,docs/**"],
        ),
        (
            "twice",
            "often",
            vec!["2:9 must Never push to main | It broke the build often. | src/**"],
        ),
        ("- Run the tests\n", "", vec!["3 gone Run the tests"]),
        (
            "- Run the tests\n",
            "- Run the tests\n- Keep it small\n",
            vec!["new:13 rules must Keep it small |  | "],
        ),
        ("- Be kind\n", "", vec!["1 gone Be kind"]),
        (
            "One.",
            "Two.",
            vec![
                "4:16 - Layout | Two.\n\n## Deeper\n\n```\n### not a heading\n## neither\n``` | docs/**",
            ],
        ),
        ("### Empty\n", "", vec!["5 gone Empty"]),
        (
            "### Empty\n",
            "### Empty\n\n### New\n\ntext\n",
            vec!["new:31 instructions - New | text | "],
        ),
        (
            "## Instructions\n",
            "A loose remark.\n\n## Instructions\n",
            vec!["new:14 instructions - A loose remark. | A loose remark. | "],
        ),
    ] {
        let now = BASE.replacen(from, to, 1);
        assert_ne!(now, BASE, "{from}");
        assert_eq!(told(&now), expected, "{from:?} → {to:?}");
    }
}

#[test]
fn what_was_moved_is_the_same_item() {
    let now = BASE
        .replace("- Run the tests\n", "")
        .replace("- Be kind\n", "- Be kind\n- Run the tests\n");
    assert_eq!(told(&now), ["3:6 - Run the tests |  | "]);
}

#[test]
fn two_edits_beside_each_other_are_two_items() {
    let now = BASE
        .replace("- Run the tests", "- Run all the tests")
        .replace("Never push to main", "Never push to main or next");
    assert_eq!(
        told(&now),
        [
            "2:9 must Never push to main or next | It broke the build twice. | src/**",
            "3:12 must Run all the tests |  | ",
        ]
    );
}
