//! An entry in a JSON file that somebody else writes too: nothing but the entry is touched.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value as Json;

use super::unfit::Unfit;

/// What stands at `container.name`.
pub(super) fn find(text: &str, (container, name): (&str, &str)) -> Result<Option<Json>, Unfit> {
    let root = parse(text)?;
    let Some(servers) = object_in(&top(&root)?, container)? else { return Ok(None) };
    let entry = servers.get(name).and_then(|property| property.value());
    Ok(entry.and_then(|value| value.to_serde_value()))
}

/// The text with this value at `container.name`.
pub(super) fn put(
    text: &str,
    (container, name): (&str, &str),
    value: &Json,
) -> Result<String, Unfit> {
    let root = parse(text)?;
    let top = top(&root)?;
    let servers = match object_in(&top, container)? {
        Some(servers) => servers,
        None => top.object_value_or_set(container),
    };
    match servers.get(name) {
        Some(property) => property.set_value(input(value)),
        None => drop(servers.append(name, input(value))),
    }
    Ok(root.to_string())
}

/// The text without what stands at `container.name`; the container goes with its last entry.
pub(super) fn take(text: &str, (container, name): (&str, &str)) -> Result<String, Unfit> {
    let root = parse(text)?;
    let top = top(&root)?;
    let Some(servers) = object_in(&top, container)? else { return Ok(text.to_owned()) };
    let Some(property) = servers.get(name) else { return Ok(text.to_owned()) };
    property.remove();
    if is_blank(&servers)
        && let Some(property) = top.get(container)
    {
        property.remove();
    }
    Ok(root.to_string())
}

/// The document of a text. What is more than JSON with comments and trailing commas is refused: no
/// client would read it either.
pub(super) fn parse(text: &str) -> Result<CstRootNode, Unfit> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    CstRootNode::parse(text, &options).map_err(|error| Unfit::Syntax {
        line: error.line_display(),
        column: error.column_display(),
        what: error.kind().to_string(),
    })
}

/// The object that the whole document is; made if there is nothing at all.
pub(super) fn top(root: &CstRootNode) -> Result<CstObject, Unfit> {
    root.object_value_or_create().ok_or(Unfit::NoObject { key: None })
}

/// The object at a key, if there is something.
pub(super) fn object_in(object: &CstObject, key: &str) -> Result<Option<CstObject>, Unfit> {
    let Some(property) = object.get(key) else { return Ok(None) };
    let unfit = || Unfit::NoObject { key: Some(key.to_owned()) };
    property.object_value().map(Some).ok_or_else(unfit)
}

/// Whether nothing is in an object, not even a comment.
pub(super) fn is_blank(object: &CstObject) -> bool {
    object.properties().is_empty() && !object.children().iter().any(CstNode::is_comment)
}

/// A value as the library takes it.
pub(super) fn input(value: &Json) -> CstInputValue {
    match value {
        Json::Null => CstInputValue::Null,
        Json::Bool(value) => CstInputValue::Bool(*value),
        Json::Number(number) => CstInputValue::Number(number.to_string()),
        Json::String(text) => CstInputValue::String(text.clone()),
        Json::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Json::Object(map) => CstInputValue::Object(
            map.iter().map(|(key, value)| (key.clone(), input(value))).collect(),
        ),
    }
}
