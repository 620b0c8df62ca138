use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What becomes of a text: passages as `title: body`, rules as `severity statement | rationale`.
fn told(text: &str) -> Vec<String> {
    let mut told = Vec::new();
    for passage in passages(text, "AGENTS.md") {
        if !passage.body.is_empty() || passage.rules.is_empty() {
            told.push(format!("{} {}: {}", passage.line, passage.title, passage.body));
        }
        told.extend(passage.rules.iter().map(|rule| {
            let severity = rule.severity.map_or("-", Severity::name);
            let more = if rule.rationale.is_empty() { "" } else { " | " };
            format!("{} {severity} {}{more}{}", rule.line, rule.statement, rule.rationale)
        }));
    }
    told
}

#[test]
fn bullets_below_rules_are_rules_and_the_rest_is_text() {
    let text = "# AGENTS.md\n\nHello.\n\n## Code style\n\nBe kind.\n\n- Use four spaces\n  on every line\n- **Never** use `unwrap`\n  - not even in tests\n\nBye.\n\n## Layout\n\n- `src`: sources\n- `docs`: pages\n";
    assert_eq!(
        told(text),
        [
            "1 AGENTS.md: Hello.",
            "5 Code style: Be kind.\n\nBye.",
            "9 - Use four spaces on every line",
            "11 must **Never** use `unwrap` | - not even in tests",
            "16 Layout: - `src`: sources\n- `docs`: pages",
        ]
    );
}

#[test]
fn headings_carry_those_above_and_lists_stay_where_they_are_led_in() {
    let text = "# Shop\n## Tests\n### Unit\nrun them\n### Rules\nDo these:\n- always\n- never\n1. must\n\n- [ ] must do\n";
    assert_eq!(
        told(text),
        [
            "3 Shop › Tests › Unit: run them",
            "5 Shop › Tests › Rules: Do these:\n- always\n- never\n1. must\n\n- [ ] must do",
        ]
    );
}

#[test]
fn a_list_of_which_half_sounds_binding_is_rules() {
    let text = "## Notes\n- Always run the tests\n- The port is 80\n\n## Facts\n- a\n- b\n- You should know c\n";
    assert_eq!(
        told(text),
        [
            "2 must Always run the tests",
            "3 - The port is 80",
            "5 Facts: - a\n- b\n- You should know c",
        ]
    );
}

#[test]
fn code_comments_tables_and_references_are_kept() {
    let text = "<!-- licence -->\n\n# A\n```sh\n# no heading\n- no bullet\n```\n[ref]: http://x\n\n| a |\n|---|\n| b |\n";
    assert_eq!(
        told(text),
        [
            "1 : <!-- licence -->",
            "3 A: ```sh\n# no heading\n- no bullet\n```\n[ref]: http://x\n\n| a |\n|---|\n| b |"
        ]
    );
}

#[test]
fn a_bullet_that_is_too_long_leaves_its_list_as_text() {
    let long = "word ".repeat(120);
    let text = format!("## Rules\n- short\n- {long}\n");
    let passages = passages(&text, "AGENTS.md");
    assert!(passages[0].rules.is_empty());
    assert!(passages[0].body.contains(long.trim()));
}

fn markdown() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "#{1,4} (Rules|Style|Notes|Build|w[0-9]{1,3})",
        "( {0,4})[-*+] (must|never|w[0-9]{1,4})( w[0-9]{1,4}){0,4}",
        "[0-9]\\. w[0-9]{1,4}",
        "(w[0-9]{1,4} ?){1,6}",
        "```",
        "> w[0-9]{1,4}",
        "\\[w[0-9]{1,3}\\]: http://w[0-9]{1,4}",
        "- \\[ \\] w[0-9]{1,4}",
        "===",
        "---",
        "  w[0-9]{1,4}:",
        Just(String::new()),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

#[test]
fn what_names_a_link_behind_a_list_stays() {
    let passages = passages("* must\n\n[w0]: http://w0\n  w0:", "AGENTS.md");
    let bodies: Vec<&str> = passages.iter().map(|passage| passage.body.as_str()).collect();
    assert_eq!(bodies, ["[w0]: http://w0\n  w0:"]);
}

proptest! {
    #[test]
    fn no_word_is_lost(text in markdown()) {
        let words = |text: &str| -> BTreeSet<String> {
            let words = text.split(|c: char| !c.is_alphanumeric());
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let mut made = String::new();
        for passage in passages(&text, "AGENTS.md") {
            made.push_str(&format!("\n{} {}", passage.title, passage.body));
            for rule in &passage.rules {
                made.push_str(&format!("\n{} {}", rule.statement, rule.rationale));
                prop_assert!(!rule.statement.is_empty());
            }
        }
        let lost: Vec<String> = words(&text).difference(&words(&made)).cloned().collect();
        prop_assert!(lost.is_empty(), "{lost:?} of {text:?}: {made:?}");
    }
}
