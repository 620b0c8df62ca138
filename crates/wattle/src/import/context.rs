//! A context that Wattle has exported as JSON, taken in again.

use serde_json::Value as Json;
use wattle_context::{Context, Section};

use super::gather::Text;
use super::plan::Step;
use crate::failure::Failure;

/// Whether a JSON value is a context as `wattle export --json` prints it.
pub(crate) fn is_context(json: &Json) -> bool {
    let Some(object) = json.as_object() else { return false };
    let known = |name: &String| name == "policies" || name.parse::<Section>().is_ok();
    !object.is_empty() && object.keys().all(known)
}

/// What becomes of each item.
pub(crate) fn steps(_context: &Context, _text: &Text) -> Result<Vec<Step>, Failure> {
    Ok(Vec::new())
}
