//! Whether an expectation holds for what a peer sees.

use wattle_context::schema::Section;
use wattle_context::value::Value;
use wattle_context::{Context, PathError};
use wattle_protocol::access::Rights;

use crate::names::{Names, name_field};
use crate::roles::rights;
use crate::scenario::{Expectation, Shown};

/// Checks one expectation against one context.
pub fn check(expected: &Expectation, context: &Context, names: &Names) -> Result<(), Unmet> {
    match expected {
        Expectation::Conflicts(count) => {
            let conflicts = context.conflicts();
            if conflicts.len() == *count {
                return Ok(());
            }
            let paths: Vec<String> = conflicts.into_iter().map(|conflict| conflict.path).collect();
            Err(Unmet::Found { found: format!("{} conflicts: {}", paths.len(), paths.join(", ")) })
        }
        Expectation::Owner { path, holder } => {
            let task = context.item(&context.locate(&names.path(path))?);
            let found = task.and_then(|task| context.owner(&task)).map(|claim| claim.holder);
            if found == *holder {
                return Ok(());
            }
            Err(Unmet::Found { found: found.unwrap_or_else(|| "nobody".to_owned()) })
        }
        Expectation::Rights { .. }
        | Expectation::Admitted(_)
        | Expectation::Used { .. }
        | Expectation::Forked => Err(Unmet::NotInDocuments),
        Expectation::Values { path, values } => {
            let mut values = values.clone();
            values.sort();
            let mut found = in_force(path, context, names)?;
            found.sort();
            if found == values { Ok(()) } else { Err(Unmet::Found { found: list(&found) }) }
        }
        Expectation::Contains { path, passage } => {
            let found = in_force(path, context, names)?;
            let has =
                found.iter().any(|value| value.text().is_some_and(|text| text.contains(passage)));
            if has { Ok(()) } else { Err(Unmet::Found { found: list(&found) }) }
        }
        Expectation::Lacks { path, passage } => {
            let found = in_force(path, context, names)?;
            let has =
                found.iter().any(|value| value.text().is_some_and(|text| text.contains(passage)));
            if has { Err(Unmet::Found { found: list(&found) }) } else { Ok(()) }
        }
    }
}

/// Checks what somebody may do against a role.
pub fn check_rights(role: &str, found: &Rights) -> Result<(), Unmet> {
    if rights(role).is_some_and(|expected| expected == *found) {
        return Ok(());
    }
    Err(Unmet::Found { found: format!("{found:?}") })
}

/// The names in a section, or the values of a field; nothing at all for an item that is not there.
fn in_force(path: &str, context: &Context, names: &Names) -> Result<Vec<Value>, PathError> {
    if let Some(field) = name_field(path) {
        return Ok(names_in(&context.locate(path)?.section, field, context));
    }
    let path = match context.locate(&names.path(path)) {
        Err(PathError::UnknownItem { .. }) => return Ok(Vec::new()),
        located => located?,
    };
    if let (Some(item), Some("body")) = (&path.item, path.field.as_deref()) {
        return Ok(context.body(item).map(Value::Text).into_iter().collect());
    }
    if path.field.is_none() {
        let item = context.item(&path).map(|item| Value::Text(item.id.to_string()));
        return Ok(item.into_iter().collect());
    }
    let values = context.field(&path).map(|field| field.in_force).unwrap_or_default();
    Ok(values.into_iter().filter(|value| !value.is_null()).collect())
}

fn names_in(section: &Section, field: &str, context: &Context) -> Vec<Value> {
    let items = context.section(*section).items;
    items
        .into_iter()
        .filter_map(|mut item| item.fields.remove(field))
        .flat_map(|view| view.in_force)
        .collect()
}

fn list(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(|value| Shown(value).to_string()).collect();
    if values.is_empty() { "none".to_owned() } else { values.join(" + ") }
}

/// Why an expectation does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// Something else is there.
    #[error("found {found}")]
    Found {
        /// What is there.
        found: String,
    },
    /// The path names nothing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It is said by the access log.
    #[error("this is asked of the access log")]
    NotInDocuments,
}
