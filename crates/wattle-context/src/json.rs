//! The one place for JSON: edits come in, what reads and edits give goes out.

mod edits;
mod reads;
mod timestamp;

pub use edits::{edit_to_json, edits_from_json};
pub use reads::{
    answer_to_json, conflict_to_json, defect_to_json, difference_to_json, field_to_json,
    item_to_json, log_entry_to_json, touch_to_json,
};
pub use timestamp::timestamp;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::value::Value;

/// Why a JSON text was not understood. Each says where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all, or nested too deeply.
    #[error("not JSON: {what}")]
    Syntax {
        /// What the parser says, with line and column.
        what: String,
    },
    /// Something else stands where a value of some kind should.
    #[error("{at}: expected {expected}, found {found}")]
    Expected {
        /// Where.
        at: String,
        /// What should stand there.
        expected: &'static str,
        /// What does.
        found: &'static str,
    },
    /// A number with a fraction, or beyond 64 bits.
    #[error("{at}: {number} is not a whole number of 64 bits; write other numbers as texts")]
    Number {
        /// Where.
        at: String,
        /// The number.
        number: String,
    },
    /// No such operation.
    #[error("{at}: there is no op {op:?}; there are set, add, replace, append, remove and delete")]
    UnknownOp {
        /// Which edit.
        at: String,
        /// What was given.
        op: String,
    },
    /// An edit has a field that no edit has.
    #[error(
        "{at}: unknown field {field:?}; an edit has op, path, value, old, base and if_unchanged"
    )]
    UnknownField {
        /// Which edit.
        at: String,
        /// The field.
        field: String,
    },
    /// An edit lacks a field that its operation needs.
    #[error("{at}: {op} needs {field:?}")]
    Missing {
        /// Which edit.
        at: String,
        /// Its operation, or `an edit`.
        op: &'static str,
        /// The field.
        field: &'static str,
    },
    /// An edit has a field that its operation has no use for.
    #[error("{at}: {op} takes no {field:?}")]
    Unused {
        /// Which edit.
        at: String,
        /// Its operation.
        op: &'static str,
        /// The field.
        field: &'static str,
    },
}

/// A value as JSON.
pub fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::List(list) => Json::from(list.as_slice()),
        Value::Map(map) => {
            map.iter().map(|(name, value)| (name.clone(), value_to_json(value))).collect()
        }
    }
}

/// A value from JSON. Lists hold texts only, numbers are whole.
pub fn value_from_json(json: &Json) -> Result<Value, JsonError> {
    value_at("the value", json)
}

fn value_at(at: &str, json: &Json) -> Result<Value, JsonError> {
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(value) => Ok(Value::Bool(*value)),
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .ok_or_else(|| JsonError::Number { at: at.to_owned(), number: number.to_string() }),
        Json::Array(list) => {
            let element = |(index, json): (usize, &Json)| text_at(&format!("{at}[{index}]"), json);
            list.iter().enumerate().map(element).collect::<Result<_, _>>().map(Value::List)
        }
        Json::Object(map) => {
            let entry = |(name, json): (&String, &Json)| {
                Ok((name.clone(), value_at(&format!("{at}.{name}"), json)?))
            };
            map.iter().map(entry).collect::<Result<BTreeMap<_, _>, _>>().map(Value::Map)
        }
    }
}

fn text_at(at: &str, json: &Json) -> Result<String, JsonError> {
    json.as_str().map(str::to_owned).ok_or_else(|| expected(at, "a text", json))
}

fn expected(at: &str, expected: &'static str, json: &Json) -> JsonError {
    let found = match json {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    JsonError::Expected { at: at.to_owned(), expected, found }
}

#[cfg(test)]
mod tests;
