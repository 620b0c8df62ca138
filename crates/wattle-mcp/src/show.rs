//! Items, fields and conflicts as lines of an answer.

use wattle_context::claim;
use wattle_context::conflict::letter;
use wattle_context::json::timestamp;
use wattle_context::plain::{ago, brief, short};
use wattle_context::schema::Kind;
use wattle_context::{
    Candidate, Conflict, ConflictKind, Context, FieldView, ItemView, Part, Section, Value,
};

use crate::desk::Scene;
use crate::text::{because, fenced, quoted};
use crate::who::{self, Authors};

/// A title or statement in a list.
const TITLE_CHARS: usize = 300;
/// A value of a conflict.
const CANDIDATE_CHARS: usize = 1_000;
/// The beginning of a longer text in a list.
const TEXT_CHARS: usize = 240;

/// A short address of an item.
pub(crate) fn address(item: &ItemView) -> String {
    short(&format!("{}/{}", item.section, item.id))
}

/// What people call an item.
pub(crate) fn title(item: &ItemView) -> String {
    let field = item.fields.get(item.section.title());
    let named = field.map(|field| field.in_force.iter().map(Value::to_string).collect::<Vec<_>>());
    let named = named.unwrap_or_default().join(" | ");
    if named.is_empty() { "(no title)".to_owned() } else { brief(&named, TITLE_CHARS) }
}

/// An item on one line: address, title, and what matters most.
pub(crate) fn line(item: &ItemView, now_ms: i64) -> String {
    let mut line = format!("- {} {}", address(item), title(item));
    let mut marks: Vec<String> = marks(item);
    marks.extend(holder(item, now_ms));
    if !marks.is_empty() {
        line.push_str(&format!(" [{}]", marks.join("; ")));
    }
    for conflict in item.clone().into_conflicts() {
        line.push_str(&format!(" ! {}", conflict.id));
    }
    line
}

/// Who holds a task.
pub(crate) fn holder(item: &ItemView, now_ms: i64) -> Option<String> {
    // Whoever looks is shown what the records say; who claims has the signatures looked at.
    let owner = claim::owner(&claim::records(item), now_ms, &|_| true)?;
    Some(format!("held by {} until {}", brief(&owner.holder, 60), timestamp(owner.until_ms)))
}

/// The beginning of a text field, for lists.
pub(crate) fn beginning(item: &ItemView, field: &str) -> Option<String> {
    let value = &item.fields.get(field)?.value;
    (!value.is_empty()).then(|| brief(&value.to_string(), TEXT_CHARS))
}

/// The fields of an item, each with who wrote it, when and why.
pub(crate) fn item(scene: Scene<'_>, item: &ItemView, authors: &Authors<'_>) -> Vec<String> {
    let mut lines = vec![format!("## {} · v {}", address(item), item.version)];
    if let Some(conflict) = &item.conflict {
        lines.push(self::conflict(scene, conflict));
    }
    let declared = item.section.fields().iter().map(|field| field.name);
    let known: Vec<&str> = declared.filter(|name| item.fields.contains_key(*name)).collect();
    for name in known {
        let Some(view) = item.fields.get(name) else { continue };
        let conflicts = view.clone().into_conflicts();
        if item.section == Section::Tasks && name == "claims" {
            lines.extend(holder(item, scene.now_ms));
            lines.extend(conflicts.iter().map(|conflict| self::conflict(scene, conflict)));
            continue;
        }
        if view.value.is_empty() && conflicts.is_empty() {
            continue;
        }
        let who = authors.field(item, name).map(|written| written.told(scene.now_ms));
        lines.push(field(item.section, name, view, who));
        lines.extend(conflicts.iter().map(|conflict| self::conflict(scene, conflict)));
    }
    lines
}

/// A field and its value: a text between fences, anything else on its line.
pub(crate) fn field(section: Section, name: &str, view: &FieldView, who: Option<String>) -> String {
    let who = who.map(|who| format!(" — {who}")).unwrap_or_default();
    let kind = section.field(name).map(|field| field.kind);
    match (kind, &view.value) {
        (Some(Kind::Text | Kind::Body), Value::Text(text)) => {
            format!("{name}:{who}\n{}", fenced(text))
        }
        (Some(Kind::Log), Value::List(list)) => {
            let entries = list.iter().map(|text| format!("\n  - {}", brief(text, CANDIDATE_CHARS)));
            format!("{name}:{who}{}", entries.collect::<String>())
        }
        (_, value) if view.in_force.len() > 1 => {
            let all = view.in_force.iter().map(|value| quoted(value, CANDIDATE_CHARS));
            let all = all.collect::<Vec<_>>().join(" | ");
            format!("{name}: {}{who}", if all.is_empty() { value.to_string() } else { all })
        }
        (_, value) => format!("{name}: {}{who}", brief(&value.to_string(), CANDIDATE_CHARS)),
    }
}

/// A conflict with every value, who wrote it and why, and what holds until it is settled.
pub(crate) fn conflict(scene: Scene<'_>, conflict: &Conflict) -> String {
    let what = match conflict.kind {
        ConflictKind::Value => {
            format!("{} versions, policy {}", conflict.candidates.len(), conflict.policy)
        }
        ConflictKind::EditDelete => "deleted by one while another edited it".to_owned(),
        ConflictKind::Claim => format!(
            "claimed by {} that did not know of each other; keep the one that goes on",
            conflict.candidates.len()
        ),
    };
    let mut lines = vec![format!("! {} {} — {what}", conflict.id, short(&conflict.path))];
    for (letter, candidate) in conflict.lettered() {
        lines.push(format!("  {letter}) {}", self::candidate(scene, conflict, candidate)));
    }
    let base = if conflict.base.is_null() {
        String::new()
    } else {
        format!("base: {}; ", quoted(&conflict.base, CANDIDATE_CHARS))
    };
    lines.push(format!("  {base}until settled: {}", in_force(conflict)));
    lines.join("\n")
}

/// Who wrote one of the values, and with which program.
pub(crate) fn author(scene: Scene<'_>, conflict: &Conflict, candidate: &Candidate) -> String {
    section(conflict).map_or_else(
        || who::label(&candidate.by, ""),
        |section| who::of_candidate(scene.context, Part::Section(section), candidate),
    )
}

/// One of the values: what, whose, when and why.
pub(crate) fn candidate(scene: Scene<'_>, conflict: &Conflict, candidate: &Candidate) -> String {
    let who = author(scene, conflict, candidate);
    let value = match (conflict.kind, candidate.value.bool()) {
        (ConflictKind::EditDelete, Some(true)) => "delete it".to_owned(),
        (ConflictKind::EditDelete, _) => "keep it, as edited".to_owned(),
        (ConflictKind::Value, _) => quoted(&candidate.value, CANDIDATE_CHARS),
        (ConflictKind::Claim, _) => brief(&claim::told(&candidate.value), CANDIDATE_CHARS),
    };
    format!("{value} — {who}, {}{}", ago(candidate.time, scene.now_ms), because(&candidate.why))
}

/// The section that a conflict lies in.
pub(crate) fn section(conflict: &Conflict) -> Option<Section> {
    conflict.path.trim_start_matches("policies/").split('/').next()?.parse().ok()
}

/// What readers go by until the conflict is settled.
fn in_force(conflict: &Conflict) -> String {
    let holds = |candidate: &Candidate| conflict.in_force.contains(&candidate.value);
    let letters = conflict.candidates.iter().enumerate().filter(|(_, c)| holds(c));
    let letters: Vec<String> = letters.map(|(index, _)| letter(index)).collect();
    match (conflict.in_force.len(), letters.as_slice()) {
        (1, [only, ..]) => format!("{only} holds"),
        (1, []) => conflict.in_force.first().map(|value| quoted(value, 80)).unwrap_or_default(),
        _ => "all stand; where they differ, do what satisfies all, else the stricter".to_owned(),
    }
}

/// All conflicts that are open, those that bind first.
pub(crate) fn conflicts(context: &Context) -> Vec<Conflict> {
    sorted(context.conflicts())
}

/// Conflicts in the order of how much they bind.
pub(crate) fn sorted(mut open: Vec<Conflict>) -> Vec<Conflict> {
    let binds = |conflict: &Conflict| match section(conflict) {
        Some(Section::Rules) => 0,
        Some(Section::Tools) => 1,
        Some(Section::Instructions) => 2,
        Some(Section::Tasks) => 3,
        Some(Section::People | Section::Documents) | None => 4,
    };
    open.sort_by(|a, b| (binds(a), &a.path).cmp(&(binds(b), &b.path)));
    open
}

fn marks(item: &ItemView) -> Vec<String> {
    let fields = key_fields(item.section).iter();
    fields.filter_map(|(name, named)| mark(item, name, *named)).collect()
}

/// How a field stands in an item's line.
#[derive(Clone, Copy, Debug)]
enum Named {
    /// Its value says enough.
    No,
    /// With its name before it.
    Yes,
}

const fn key_fields(section: Section) -> &'static [(&'static str, Named)] {
    use Named::{No, Yes};
    match section {
        Section::Instructions => &[("audience", Yes), ("priority", Yes), ("enabled", Yes)],
        Section::People => &[("goals", Yes)],
        Section::Documents => &[("kind", No), ("status", No), ("tags", No), ("pinned", Yes)],
        Section::Tasks => {
            &[("status", No), ("priority", Yes), ("meant_for", Yes), ("depends_on", Yes)]
        }
        Section::Tools => &[("effect", No), ("subjects", Yes), ("expires", Yes)],
        Section::Rules => &[("severity", No), ("scope", Yes), ("enabled", Yes)],
    }
}

fn mark(item: &ItemView, name: &str, named: Named) -> Option<String> {
    let field = item.fields.get(name)?;
    // Only what departs from the rule: everything is enabled, nothing is pinned.
    let usual = (name == "enabled" && field.value.bool() == Some(true))
        || (name == "pinned" && field.value.bool() == Some(false));
    if field.value.is_empty() || usual {
        return None;
    }
    let value = brief(&field.value.to_string(), 60);
    Some(match named {
        Named::No => value,
        Named::Yes => format!("{name} {value}"),
    })
}
