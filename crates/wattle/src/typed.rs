//! What was typed as a value, as a value: the field says what it takes.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde_json::Value as Json;
use wattle_context::schema::Shape;
use wattle_context::{Field, Kind, Section, Value};

use crate::args::Verb;
use crate::failure::Failure;

/// A value for an edit of this path.
pub(crate) fn value(verb: Verb, path: &str, typed: &str) -> Result<Value, Failure> {
    let (text, read) = read(typed)?;
    let mut parts = path.trim_matches('/').split('/');
    let section: Option<Section> = parts.next().and_then(|name| name.parse().ok());
    let item = parts.next();
    let field = section.zip(parts.next()).and_then(|(section, name)| section.field(name));
    let deeper = parts.next().is_some();
    Ok(match (section, item, field) {
        _ if read => Value::Text(text),
        (Some(section), None, _) if verb == Verb::Add => item_of(section, text),
        (Some(_), Some(_), Some(field)) if deeper || field.kind == Kind::Register => {
            shaped(field, text)
        }
        (Some(_), Some(_), Some(field)) => collected(field, text),
        (Some(_) | None, _, _) => object(&text).unwrap_or(Value::Text(text)),
    })
}

/// A value whose field is not known: JSON where it can only be meant so, else text.
pub(crate) fn free(typed: &str) -> Result<Value, Failure> {
    let (text, read) = read(typed)?;
    Ok(if read { Value::Text(text) } else { scalar(&text).unwrap_or(Value::Text(text)) })
}

/// `@FILE` and `-` are read, and then text; everything else is what it is.
fn read(typed: &str) -> Result<(String, bool), Failure> {
    if typed == "-" {
        return Ok((input()?, true));
    }
    let Some(file) = typed.strip_prefix('@') else { return Ok((typed.to_owned(), false)) };
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((text, true)),
        Err(error) => Err(Failure::Unreadable { file: file.into(), error }),
    }
}

/// Everything from standard input.
pub(crate) fn input() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| Failure::Input { error })?;
    Ok(text)
}

/// A new item: an object of fields, or the text that names it.
fn item_of(section: Section, text: String) -> Value {
    object(&text).unwrap_or_else(|| {
        let title = section.title().to_owned();
        Value::Map(BTreeMap::from([(title, Value::Text(text))]))
    })
}

/// A value of a register. What does not fit stays text; the refusal then names what the field takes.
fn shaped(field: &Field, text: String) -> Value {
    match field.shape {
        Shape::Int => text.trim().parse().map_or(Value::Text(text), Value::Int),
        Shape::Bool => text.trim().parse().map_or(Value::Text(text), Value::Bool),
        Shape::Scalar => scalar(&text).unwrap_or(Value::Text(text)),
        Shape::Line { .. } | Shape::Text { .. } | Shape::OneOf(_) | Shape::Key => {
            if text == "null" { Value::Null } else { Value::Text(text) }
        }
    }
}

/// A value of a field that holds several, or of a text.
fn collected(field: &Field, text: String) -> Value {
    match field.kind {
        Kind::Set | Kind::Log => parsed(&text).filter(is_list).unwrap_or(Value::Text(text)),
        Kind::Map => object(&text).unwrap_or(Value::Text(text)),
        Kind::Register | Kind::Text | Kind::Body => Value::Text(text),
    }
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::List(_))
}

/// A boolean, a number, a quoted text, a list or an object of JSON.
fn scalar(text: &str) -> Option<Value> {
    parsed(text)
}

fn object(text: &str) -> Option<Value> {
    parsed(text).filter(|value| matches!(value, Value::Map(_)))
}

fn parsed(text: &str) -> Option<Value> {
    let json: Json = serde_json::from_str(text).ok()?;
    wattle_context::json::value_from_json(&json).ok()
}

#[cfg(test)]
mod tests;
