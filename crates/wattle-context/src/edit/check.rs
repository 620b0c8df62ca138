//! Whether values fit their fields. A refusal names the field, the limit and what was given.

use super::EditError;
use crate::limits::{ELEMENT_BYTES_MAX, ELEMENTS_MAX, LOG_ENTRY_BYTES_MAX};
use crate::schema::{Field, Kind, Section, Shape};
use crate::value::Value;

/// The fields of a new item: an object, or its title alone.
pub(super) fn fields_of(
    section: Section,
    value: &Value,
) -> Result<Vec<(&'static Field, Value)>, EditError> {
    let title = section.title();
    let wanted = || EditError::WrongValue {
        field: section.name().to_owned(),
        expected: format!("an object with at least {title:?}, or a text as the {title}"),
    };
    let given = match value {
        Value::Text(text) => [(title.to_owned(), Value::from(text.as_str()))].into(),
        Value::Map(fields) => fields.clone(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::List(_) => return Err(wanted()),
    };
    if given.get(title).and_then(Value::text).is_none_or(|title| title.trim().is_empty()) {
        return Err(wanted());
    }
    let mut fields = Vec::with_capacity(given.len());
    for (name, value) in given {
        let Some(field) = section.field(&name) else {
            let known = section.fields().iter().map(|field| field.name).collect();
            return Err(crate::path::PathError::UnknownField { section, field: name, known }.into());
        };
        fields.push((field, check(field, None, &value)?));
    }
    Ok(fields)
}

/// The value as the field, or an entry of it, takes it.
pub(super) fn check(field: &Field, key: Option<&str>, value: &Value) -> Result<Value, EditError> {
    if let Some(key) = key {
        within(field, (key.len(), ELEMENT_BYTES_MAX), "bytes in a name or element")?;
        return scalar(field, value);
    }
    match field.kind {
        Kind::Register => scalar(field, value),
        Kind::Text | Kind::Body => text_of(field, value).map(Value::Text),
        Kind::Log => texts_of(field, value).map(Value::List),
        Kind::Set => {
            let elements = texts_of(field, value)?;
            let long = elements.iter().map(String::len).max().unwrap_or_default();
            within(field, (long, ELEMENT_BYTES_MAX), "bytes in a name or element")?;
            within(field, (elements.len(), ELEMENTS_MAX), "elements")?;
            Ok(Value::List(elements))
        }
        Kind::Map => {
            let Value::Map(entries) = value else {
                return Err(wrong(field, "an object".to_owned()));
            };
            within(field, (entries.len(), ELEMENTS_MAX), "entries")?;
            for (key, value) in entries {
                check(field, Some(key), value)?;
            }
            Ok(value.clone())
        }
    }
}

/// A text for a text, or for one element.
pub(super) fn text_of(field: &Field, value: &Value) -> Result<String, EditError> {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Null if matches!(field.kind, Kind::Text | Kind::Body) => String::new(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::List(_) | Value::Map(_) => {
            return Err(wrong(field, "a text".to_owned()));
        }
    };
    fits(field, &text)?;
    Ok(text)
}

/// A list of texts; one text is a list of one.
pub(super) fn texts_of(field: &Field, value: &Value) -> Result<Vec<String>, EditError> {
    let texts = match value {
        Value::Text(text) => vec![text.clone()],
        Value::List(texts) => texts.clone(),
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Int(_) | Value::Map(_) => {
            return Err(wrong(field, "a list of texts".to_owned()));
        }
    };
    if field.kind == Kind::Log {
        let long = texts.iter().map(String::len).max().unwrap_or_default();
        within(field, (long, LOG_ENTRY_BYTES_MAX), "bytes in an entry")?;
    }
    Ok(texts)
}

/// Whether a text is short enough for its field.
pub(super) fn fits(field: &Field, text: &str) -> Result<(), EditError> {
    match field.shape {
        Shape::Line { chars } => within(field, (text.chars().count(), chars), "characters"),
        Shape::Text { bytes } => within(field, (text.len(), bytes), "bytes"),
        Shape::Scalar => within(field, (text.len(), crate::limits::TEXT_BYTES_MAX), "bytes"),
        Shape::Int | Shape::Bool | Shape::OneOf(_) | Shape::Key => Ok(()),
    }
}

pub(super) fn within(
    field: &Field,
    (actual, limit): (usize, usize),
    unit: &'static str,
) -> Result<(), EditError> {
    let field = || field.name.to_owned();
    if actual <= limit {
        Ok(())
    } else {
        Err(EditError::TooLong { field: field(), actual, limit, unit })
    }
}

fn scalar(field: &Field, value: &Value) -> Result<Value, EditError> {
    if !field.shape.holds(value) {
        return Err(wrong(field, field.shape.to_string()));
    }
    if let Value::Text(text) = value {
        fits(field, text)?;
    }
    Ok(value.clone())
}

fn wrong(field: &Field, expected: String) -> EditError {
    EditError::WrongValue { field: field.name.to_owned(), expected }
}
