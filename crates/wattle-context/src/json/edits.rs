//! Edits as the command, MCP and the library write them.

use serde_json::{Map, Value as Json};

use super::{JsonError, expected, text_at, value_at, value_to_json};
use crate::edit::{Edit, Op};
use crate::value::Value;

const FIELDS: [&str; 6] = ["op", "path", "value", "old", "base", "if_unchanged"];

/// One edit, or a list of them: `{"op": "set", "path": "rules/<id>/statement", "value": "…", "base": "…"}`.
pub fn edits_from_json(text: &str) -> Result<Vec<Edit>, JsonError> {
    let json: Json = serde_json::from_str(text)
        .map_err(|error| JsonError::Syntax { what: error.to_string() })?;
    match &json {
        Json::Array(list) => {
            let numbered = list.iter().zip(1_usize..);
            numbered
                .map(|(json, number)| Source::of(format!("edit {number}"), json)?.edit())
                .collect()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => {
            Ok(Vec::from([Source::of("the edit".to_owned(), &json)?.edit()?]))
        }
    }
}

/// An edit as [`edits_from_json`] reads it.
pub fn edit_to_json(edit: &Edit) -> Json {
    let mut json = Map::new();
    json.insert("op".to_owned(), name(edit.op).into());
    json.insert("path".to_owned(), edit.path.as_str().into());
    if takes_value(edit.op) && !(edit.op == Op::Remove && edit.value.is_null()) {
        json.insert("value".to_owned(), value_to_json(&edit.value));
    }
    for (field, text) in [("old", &edit.old), ("base", &edit.base)] {
        if let Some(text) = text {
            json.insert(field.to_owned(), text.as_str().into());
        }
    }
    if edit.if_unchanged {
        json.insert("if_unchanged".to_owned(), true.into());
    }
    Json::Object(json)
}

struct Source<'a> {
    at: String,
    fields: &'a Map<String, Json>,
}

impl<'a> Source<'a> {
    fn of(at: String, json: &'a Json) -> Result<Self, JsonError> {
        let fields = json.as_object().ok_or_else(|| expected(&at, "an edit (an object)", json))?;
        match fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            Some(field) => Err(JsonError::UnknownField { at, field: field.clone() }),
            None => Ok(Self { at, fields }),
        }
    }

    fn edit(&self) -> Result<Edit, JsonError> {
        let op = self.op()?;
        Ok(Edit {
            op,
            path: self.text("path")?.ok_or_else(|| self.missing("an edit", "path"))?,
            value: self.value(op)?,
            old: self.old(op)?,
            base: self.text("base")?,
            if_unchanged: self.if_unchanged()?,
        })
    }

    fn op(&self) -> Result<Op, JsonError> {
        match self.text("op")?.ok_or_else(|| self.missing("an edit", "op"))?.as_str() {
            "set" => Ok(Op::Set),
            "add" => Ok(Op::Add),
            "replace" => Ok(Op::Replace),
            "append" => Ok(Op::Append),
            "remove" => Ok(Op::Remove),
            "delete" => Ok(Op::Delete),
            other => Err(JsonError::UnknownOp { at: self.at.clone(), op: other.to_owned() }),
        }
    }

    fn value(&self, op: Op) -> Result<Value, JsonError> {
        match self.fields.get("value") {
            Some(Json::Null) | None if !takes_value(op) => Ok(Value::Null),
            Some(_) if !takes_value(op) => Err(self.unused(op, "value")),
            Some(json) => value_at(&self.within("value"), json),
            // An entry of a map is removed by its path, an element of a set by its path or its value.
            None if op == Op::Remove => Ok(Value::Null),
            None => Err(self.missing(name(op), "value")),
        }
    }

    fn old(&self, op: Op) -> Result<Option<String>, JsonError> {
        match (self.text("old")?, op == Op::Replace) {
            (Some(_), false) => Err(self.unused(op, "old")),
            (None, true) => Err(self.missing(name(op), "old")),
            (old, _) => Ok(old),
        }
    }

    fn if_unchanged(&self) -> Result<bool, JsonError> {
        match self.fields.get("if_unchanged") {
            Some(Json::Bool(value)) => Ok(*value),
            Some(Json::Null) | None => Ok(false),
            Some(json) => Err(expected(&self.within("if_unchanged"), "true or false", json)),
        }
    }

    /// Null is as good as absent.
    fn text(&self, field: &str) -> Result<Option<String>, JsonError> {
        let json = self.fields.get(field).filter(|json| !json.is_null());
        json.map(|json| text_at(&self.within(field), json)).transpose()
    }

    fn within(&self, field: &str) -> String {
        format!("{}, {field}", self.at)
    }

    fn missing(&self, op: &'static str, field: &'static str) -> JsonError {
        JsonError::Missing { at: self.at.clone(), op, field }
    }

    fn unused(&self, op: Op, field: &'static str) -> JsonError {
        JsonError::Unused { at: self.at.clone(), op: name(op), field }
    }
}

fn name(op: Op) -> &'static str {
    match op {
        Op::Set => "set",
        Op::Add => "add",
        Op::Replace => "replace",
        Op::Append => "append",
        Op::Remove => "remove",
        Op::Delete => "delete",
    }
}

fn takes_value(op: Op) -> bool {
    op != Op::Delete
}
