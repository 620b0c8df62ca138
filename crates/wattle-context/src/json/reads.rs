//! What reads and edits give, as JSON for programs.

use serde_json::{Map, Value as Json, json};

use super::{timestamp, value_to_json};
use crate::conflict::{Candidate, Conflict, ConflictKind, letter};
use crate::edit::{Answer, Landed, Touch};
use crate::history::{Difference, LogEntry};
use crate::limits::HEAD_DIGITS;
use crate::plain::hex;
use crate::value::Value;
use crate::view::{Defect, FieldView, ItemView};

/// `{id, path, kind, candidates: [{key, value, by, at, why, v}], base, policy, in_force}`; `key` is what
/// settling takes.
pub fn conflict_to_json(conflict: &Conflict) -> Json {
    let kind = match conflict.kind {
        ConflictKind::Value => "value",
        ConflictKind::EditDelete => "edit_delete",
        ConflictKind::Claim => "claim",
    };
    json!({
        "id": conflict.id,
        "path": conflict.path,
        "kind": kind,
        "candidates": lettered(&conflict.candidates),
        "base": value_to_json(&conflict.base),
        "policy": conflict.policy.to_string(),
        "in_force": values(&conflict.in_force),
    })
}

fn lettered(candidates: &[Candidate]) -> Json {
    let lettered = candidates.iter().enumerate();
    lettered.map(|(index, candidate)| candidate_to_json(&letter(index), candidate)).collect()
}

fn candidate_to_json(key: &str, candidate: &Candidate) -> Json {
    json!({
        "key": key,
        "value": value_to_json(&candidate.value),
        "by": candidate.by,
        "at": timestamp(candidate.time),
        "why": candidate.why,
        "v": short(&candidate.change),
    })
}

/// `{path, landed: "on_top" | "merged" | "overlapping", with, replaced, conflict, v}`; what there is not, is
/// absent.
pub fn answer_to_json(answer: &Answer) -> Json {
    let (landed, with) = match &answer.landed {
        Landed::OnTop => ("on_top", None),
        Landed::Merged { with } => ("merged", Some(with)),
        Landed::Overlapping { with } => ("overlapping", Some(with)),
    };
    let mut json = Map::new();
    json.insert("path".to_owned(), answer.path.as_str().into());
    json.insert("landed".to_owned(), landed.into());
    let with = with.map(|with| with.iter().map(touch_to_json).collect());
    let parts = [
        ("with", with),
        ("replaced", answer.replaced.as_ref().map(value_to_json)),
        ("conflict", answer.conflict.as_ref().map(conflict_to_json)),
        ("v", Some(answer.version.as_str().into())),
    ];
    extend(&mut json, parts);
    Json::Object(json)
}

/// `{by, at, why, v}`.
pub fn touch_to_json(touch: &Touch) -> Json {
    json!({
        "by": touch.by,
        "at": timestamp(touch.time),
        "why": touch.why,
        "v": short(&touch.change),
    })
}

/// `{change, document, paths, by, key, client, at, why}`.
pub fn log_entry_to_json(entry: &LogEntry) -> Json {
    json!({
        "change": entry.change,
        "document": entry.part.to_string(),
        "paths": entry.paths,
        "by": entry.by,
        "key": entry.key,
        "client": entry.client,
        "at": timestamp(entry.time_ms),
        "why": entry.why,
    })
}

/// `{path, before, after}`.
pub fn difference_to_json(difference: &Difference) -> Json {
    json!({
        "path": difference.path,
        "before": value_to_json(&difference.before),
        "after": value_to_json(&difference.after),
    })
}

/// `{path, what}`.
pub fn defect_to_json(defect: &Defect) -> Json {
    json!({ "path": defect.path, "what": defect.what })
}

/// `{id, path, v, fields: {name: field}, conflict}`.
pub fn item_to_json(item: &ItemView) -> Json {
    let fields: Map<String, Json> =
        item.fields.iter().map(|(name, field)| (name.clone(), field_to_json(field))).collect();
    let mut json = Map::new();
    let parts = [
        ("id", Some(item.id.to_string().into())),
        ("path", Some(format!("{}/{}", item.section, item.id).into())),
        ("v", Some(item.version.as_str().into())),
        ("fields", Some(Json::Object(fields))),
        ("conflict", item.conflict.as_ref().map(conflict_to_json)),
    ];
    extend(&mut json, parts);
    Json::Object(json)
}

/// `{value, v, in_force, conflict, candidates, entries}`: `in_force` where several values are, `candidates` where
/// a policy has decided between them, and of a map those entries that have any of this.
pub fn field_to_json(field: &FieldView) -> Json {
    let disputed: Map<String, Json> = field
        .entries
        .iter()
        .filter(|(_, entry)| !entry.candidates.is_empty() || entry.conflict.is_some())
        .map(|(name, entry)| (name.clone(), field_to_json(entry)))
        .collect();
    let decided = field.conflict.is_none() && !field.candidates.is_empty();
    let mut json = Map::new();
    let parts = [
        ("value", Some(value_to_json(&field.value))),
        ("v", Some(field.version.as_str().into())),
        ("in_force", (field.in_force.len() > 1).then(|| values(&field.in_force))),
        ("conflict", field.conflict.as_ref().map(conflict_to_json)),
        ("candidates", decided.then(|| lettered(&field.candidates))),
        ("entries", (!disputed.is_empty()).then_some(Json::Object(disputed))),
    ];
    extend(&mut json, parts);
    Json::Object(json)
}

fn extend<const N: usize>(json: &mut Map<String, Json>, parts: [(&str, Option<Json>); N]) {
    for (name, part) in parts {
        if let Some(part) = part {
            json.insert(name.to_owned(), part);
        }
    }
}

fn values(values: &[Value]) -> Json {
    values.iter().map(value_to_json).collect()
}

/// As in version tokens, so that it serves as a base.
fn short(change: &[u8; 32]) -> String {
    hex(change.iter().take(HEAD_DIGITS / 2))
}
