//! Versions of a context: which documents they name, what differs between two, and the context as of one.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{ChangeHash, ObjType, ROOT};

use super::{Difference, VersionError};
use crate::context::Context;
use crate::document::{BODY, Document};
use crate::path::Path;
use crate::read::{Reader, Reading};
use crate::schema::{Part, Section};
use crate::value::Value;
use crate::view::FieldView;

type Named = BTreeMap<Part, Vec<ChangeHash>>;

/// The documents that a version names, each with its heads. A token alone names the document that knows it.
fn named(context: &Context, version: &str) -> Result<Named, VersionError> {
    let malformed = || VersionError::Malformed { version: version.to_owned() };
    let mut named = Named::new();
    if version.is_empty() {
        return Ok(named);
    }
    if !version.contains(':') {
        for document in context.parts().filter_map(|part| context.document(part)) {
            named.extend(document.resolve(version).map(|heads| (document.part(), heads)));
        }
        return if named.is_empty() { Err(malformed()) } else { Ok(named) };
    }
    for entry in version.split(';') {
        let (part, token) = entry.split_once(':').ok_or_else(malformed)?;
        let part: Part = part.parse().map_err(|_| malformed())?;
        let heads = context.document(&part).and_then(|document| document.resolve(token));
        let unknown = || VersionError::Unknown { version: token.to_owned(), part };
        named.insert(part, heads.ok_or_else(unknown)?);
    }
    Ok(named)
}

/// The documents that a version names, as of it.
pub(crate) fn at(context: &Context, version: &str) -> Result<Vec<Document>, VersionError> {
    let named = named(context, version)?.into_iter();
    let documents = named.filter_map(|(part, heads)| context.document(&part)?.at(&heads));
    Ok(documents.collect())
}

/// What differs between two versions; a document that only one of them names is new or gone as a whole.
pub(crate) fn diff(
    context: &Context,
    from: &str,
    to: &str,
) -> Result<Vec<Difference>, VersionError> {
    let (from, to) = (named(context, from)?, named(context, to)?);
    let parts: BTreeSet<Part> = from.keys().chain(to.keys()).copied().collect();
    let mut differences = Vec::new();
    for part in parts {
        let (before, after) = (from.get(&part), to.get(&part));
        if before == after {
            continue;
        }
        let Some(document) = context.document(&part) else { continue };
        let mut before = values(context, document, before);
        for (path, after) in values(context, document, after) {
            let before = before.remove(&path).unwrap_or(Value::Null);
            if before != after {
                differences.push(Difference { path: path.to_string(), before, after });
            }
        }
        differences.extend(before.into_iter().map(|(path, before)| Difference {
            path: path.to_string(),
            before,
            after: Value::Null,
        }));
    }
    differences.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(differences)
}

/// What every field of a document holds as of a version.
fn values(
    context: &Context,
    document: &Document,
    at: Option<&Vec<ChangeHash>>,
) -> BTreeMap<Path, Value> {
    let mut values = BTreeMap::new();
    let Some(heads) = at else { return values };
    let section = match document.part() {
        Part::Section(section) => section,
        Part::Body(item) => {
            let reader = Reader::as_of(document.automerge(), heads);
            let text = reader.object(&ROOT, BODY, ObjType::Text).map(|text| reader.text(&text));
            let path = Path::field(Section::Documents, item, BODY);
            values.insert(path, Value::Text(text.unwrap_or_default()));
            return values;
        }
    };
    let view = Reading::as_of(context, section, document, heads).section();
    for (field, view) in view.policies {
        values.insert(Path::policy(section, &field), shown(&view));
    }
    for item in view.items {
        values.insert(Path::item(section, item.id), Value::Bool(true));
        for (name, field) in &item.fields {
            let path = Path::field(section, item.id, name);
            for (key, entry) in &field.entries {
                values.insert(path.below(key), shown(entry));
            }
            if field.entries.is_empty() {
                values.insert(path, shown(field));
            }
        }
    }
    values.retain(|_, value| !empty(value));
    values
}

/// One value, or all that stand side by side.
fn shown(field: &FieldView) -> Value {
    match field.in_force.as_slice() {
        [value] => value.clone(),
        several => Value::List(several.iter().map(Value::to_string).collect()),
    }
}

/// Nothing, or nothing in it: not to be told from a field that was never set.
pub(crate) fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(_) | Value::Int(_) => false,
    }
}
