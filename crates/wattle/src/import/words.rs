//! What words say about a heading or a bullet: a guess, which the dry run shows.

use super::markdown::Bullet;

/// How binding a rule sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Must,
    Should,
    May,
}

/// Words of headings above rules.
const RULES: &[&str] = &[
    "rule",
    "rules",
    "constraint",
    "constraints",
    "convention",
    "conventions",
    "guideline",
    "guidelines",
    "style",
    "standard",
    "standards",
    "principle",
    "principles",
    "policy",
    "policies",
    "never",
    "always",
    "must",
    "don't",
    "don'ts",
    "dos",
    "do's",
    "security",
    "boundaries",
    "requirements",
    "restrictions",
    "practices",
];
const MUST: &[&str] =
    &["must", "never", "always", "do not", "don't", "required", "forbidden", "shall", "cannot"];
const SHOULD: &[&str] = &["should", "prefer", "avoid", "recommended", "try to"];
const MAY: &[&str] = &["may", "optional", "optionally", "consider"];

impl Severity {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }
}

/// Whether a heading announces rules.
pub(crate) fn are_rules(heading: &str) -> bool {
    let heading = plain(heading);
    RULES.iter().any(|word| has(&heading, word))
}

/// Whether a list reads as rules: at least half of its bullets say what must or should be.
pub(crate) fn sound_like_rules(bullets: &[Bullet]) -> bool {
    let binding = bullets.iter().filter(|bullet| bullet.severity.is_some()).count();
    binding * 2 >= bullets.len() && binding > 0
}

/// How binding a sentence sounds.
pub(crate) fn severity(statement: &str) -> Option<Severity> {
    let statement = plain(statement);
    let any = |words: &[&str]| words.iter().any(|word| has(&statement, word));
    if any(MUST) || statement.starts_with("no ") {
        Some(Severity::Must)
    } else if any(SHOULD) {
        Some(Severity::Should)
    } else if any(MAY) {
        Some(Severity::May)
    } else {
        None
    }
}

/// Whether a heading only repeats the name of its file.
pub(crate) fn names_file(heading: &str, name: &str) -> bool {
    let heading = heading.trim().to_lowercase();
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    heading == name || name.split('.').next() == Some(heading.as_str())
}

/// Whether a line begins something that is no sentence: a list, code, a quotation, a table.
pub(crate) fn begins_block(line: &str) -> bool {
    let line = line.trim_start();
    let bullet = ["- ", "* ", "+ ", "> ", "```", "~~~", "|", "#"];
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered =
        digits.len() < line.len() && (digits.starts_with(". ") || digits.starts_with(") "));
    numbered || bullet.iter().any(|mark| line.starts_with(mark))
}

fn plain(text: &str) -> String {
    text.to_lowercase().replace('\u{2019}', "'").replace(['*', '_'], "")
}

/// Whether a word stands in a text as a word.
fn has(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '\'';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
