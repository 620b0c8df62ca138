//! The table of the fields. The first field of a section names its items for people.

use std::sync::LazyLock;

use super::{Field, Kind, Section, Shape};
use crate::policy::Policy;

/// The states of a task, from the first on.
const STATES: [&str; 6] = ["open", "in_progress", "blocked", "review", "done", "cancelled"];
/// What a tool grant says, from the strictest on.
const EFFECTS: [&str; 3] = ["deny", "ask", "allow"];
/// How binding a rule is, from the strictest on.
const SEVERITIES: [&str; 3] = ["must", "should", "may"];
/// How fresh a document is, from the first on.
const FRESHNESS: [&str; 3] = ["draft", "current", "stale"];

static INSTRUCTIONS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        register("title", Shape::TITLE, Policy::KeepAll),
        text("body"),
        set("audience"),
        register("priority", Shape::Int, Policy::KeepAll),
        register("enabled", Shape::Bool, Policy::KeepAll),
        register("order", Shape::Int, Policy::Smallest),
        register("source", Shape::Line { chars: 2_000 }, Policy::KeepAll),
    ]
});

static PEOPLE: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        register("name", Shape::TITLE, Policy::Authority),
        register("principal", Shape::Key, Policy::Authority),
        text("about"),
        map("preferences", Shape::Scalar, Policy::Authority),
        map("goals", Shape::Scalar, Policy::Authority),
    ]
});

static DOCUMENTS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        register("title", Shape::TITLE, Policy::KeepAll),
        register("kind", Shape::WORD, Policy::KeepAll),
        register("media_type", Shape::WORD, Policy::KeepAll),
        register("source", Shape::Line { chars: 2_000 }, Policy::KeepAll),
        set("tags"),
        register("pinned", Shape::Bool, strictest(&["true", "false"])),
        register("status", Shape::OneOf(&FRESHNESS), furthest(&FRESHNESS)),
        register("summary", Shape::TEXT, Policy::KeepAll),
        Field { name: "body", kind: Kind::Body, policy: Policy::Merge, shape: Shape::BODY },
    ]
});

static TASKS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        register("title", Shape::TITLE, Policy::KeepAll),
        text("spec"),
        register("status", Shape::OneOf(&STATES), furthest(&STATES)),
        register("priority", Shape::Int, Policy::KeepAll),
        register("parent", Shape::WORD, Policy::KeepAll),
        set("depends_on"),
        register("meant_for", Shape::Line { chars: 500 }, Policy::KeepAll),
        map("claims", Shape::TEXT, Policy::KeepAll),
        log("notes"),
        register("result", Shape::TEXT, Policy::KeepAll),
    ]
});

static TOOLS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        register("pattern", Shape::TITLE, Policy::KeepAll),
        register("effect", Shape::OneOf(&EFFECTS), strictest(&EFFECTS)),
        set("subjects"),
        map("limits", Shape::Int, Policy::Smallest),
        register("expires", Shape::WORD, Policy::Smallest),
        text("note"),
    ]
});

static RULES: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        register("statement", Shape::STATEMENT, Policy::KeepAll),
        text("rationale"),
        register("severity", Shape::OneOf(&SEVERITIES), strictest(&SEVERITIES)),
        set("scope"),
        register("enabled", Shape::Bool, strictest(&["true", "false"])),
        log("examples"),
        register("source", Shape::Line { chars: 2_000 }, Policy::KeepAll),
    ]
});

pub(super) fn fields(section: Section) -> &'static [Field] {
    match section {
        Section::Instructions => &INSTRUCTIONS,
        Section::People => &PEOPLE,
        Section::Documents => &DOCUMENTS,
        Section::Tasks => &TASKS,
        Section::Tools => &TOOLS,
        Section::Rules => &RULES,
    }
}

fn register(name: &'static str, shape: Shape, policy: Policy) -> Field {
    Field { name, kind: Kind::Register, policy, shape }
}

fn text(name: &'static str) -> Field {
    Field { name, kind: Kind::Text, policy: Policy::Merge, shape: Shape::TEXT }
}

fn set(name: &'static str) -> Field {
    Field { name, kind: Kind::Set, policy: Policy::AddWins, shape: Shape::Bool }
}

fn map(name: &'static str, shape: Shape, policy: Policy) -> Field {
    Field { name, kind: Kind::Map, policy, shape }
}

fn log(name: &'static str) -> Field {
    Field { name, kind: Kind::Log, policy: Policy::Merge, shape: Shape::TEXT }
}

fn strictest(order: &[&str]) -> Policy {
    Policy::Strictest { order: words(order) }
}

fn furthest(states: &[&str]) -> Policy {
    Policy::Furthest { states: words(states) }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
