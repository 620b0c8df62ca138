//! A context that Wattle has exported as JSON, taken in again.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde_json::{Map, Value as Json};
use wattle_context::json::value_from_json;
use wattle_context::{Context, ItemId, Kind, LogFilter, Op, Section, Value};

use super::gather::Text;
use super::known::{self, Fields};
use super::plan::{Fate, Rival, Step, edit};
use crate::failure::Failure;

/// What stands in the export where several values are in force.
const CONFLICT: &str = "conflict";
/// What an item is called until the values of its title are written.
const SEVERAL: &str = "(several values)";
const POLICIES: &str = "policies";

/// Whether a JSON value is a context as `wattle export --json` prints it.
pub(crate) fn is_context(json: &Json) -> bool {
    let Some(object) = json.as_object() else { return false };
    let known = |name: &String| name == POLICIES || name.parse::<Section>().is_ok();
    !object.is_empty() && object.keys().all(known)
}

/// What becomes of each item. Into a context without a history they come with their ids; elsewhere what
/// has no item there gets a new id, because two replicas may take in one file apart.
pub(crate) fn steps(context: &Context, text: &Text) -> Result<Vec<Step>, Failure> {
    let malformed =
        |error: serde_json::Error| Failure::Usage { what: format!("{}: {error}", text.source) };
    let json: Json = serde_json::from_str(&text.body).map_err(malformed)?;
    let newest = LogFilter { limit: Some(1), ..LogFilter::default() };
    let is_new = context.log(&newest).is_empty();
    let mut taking =
        Taking { context, source: &text.source, ids: BTreeMap::new(), steps: Vec::new() };
    let items =
        |section: Section| json.get(section.name()).and_then(Json::as_array).into_iter().flatten();
    for section in Section::ALL {
        let there = known::all(context, section);
        for item in items(section) {
            let Some(id) = id_of(item) else { continue };
            let own =
                if is_new || there.iter().any(|(known, _)| *known == id) { id } else { drawn(&id) };
            taking.ids.insert(id.to_string(), own.to_string());
        }
    }
    // What was taken in before under another id is found again, and then what refers to it.
    let mut before = None;
    while before.as_ref() != Some(&taking.ids) {
        before = Some(taking.ids.clone());
        for section in Section::ALL {
            let there = known::all(context, section);
            for item in items(section) {
                taking.recognise(section, &there, item)?;
            }
        }
    }
    for section in Section::ALL {
        let there = known::all(context, section);
        for item in items(section) {
            taking.item(section, &there, item)?;
        }
        let policies = json.get(POLICIES).and_then(|all| all.get(section.name())?.as_object());
        for (field, policy) in policies.into_iter().flatten() {
            taking.policy(section, field, policy)?;
        }
    }
    Ok(taking.steps)
}

struct Taking<'a> {
    context: &'a Context,
    source: &'a str,
    /// The ids in the file, and those that the items have or get here.
    ids: BTreeMap<String, String>,
    steps: Vec<Step>,
}

impl Taking<'_> {
    fn item(
        &mut self,
        section: Section,
        there: &[(ItemId, Fields)],
        json: &Json,
    ) -> Result<(), Failure> {
        let (mut fields, mut rivals) = (Fields::new(), Vec::new());
        let id = id_of(json).and_then(|id| self.ids.get(&id.to_string())?.parse::<ItemId>().ok());
        for (name, value) in json.as_object().into_iter().flatten() {
            if name == "id" {
                continue;
            }
            let value = self.value(value, &mut vec![name.clone()], &mut rivals)?;
            fields.insert(name.clone(), value);
        }
        let item = id.filter(|id| there.iter().any(|(known, _)| known == id));
        let known = there.iter().find(|(known, fields_there)| match item {
            Some(item) => *known == item,
            // Taken in before, under another id.
            None => self.same(section, (known, fields_there), (&fields, &rivals)),
        });
        if is_rival(section.title(), &rivals) {
            fields.insert(section.title().to_owned(), SEVERAL.into());
        }
        let title =
            fields.get(section.title()).and_then(Value::text).unwrap_or_default().to_owned();
        let mut step = self.step(section, &title);
        match known {
            Some((known, there)) => {
                step.item = Some(*known);
                // What stands in a conflict there is settled there, or not at all.
                fields.retain(|name, _| !is_rival(name, &rivals));
                step.edits = self.changes(section, (known, there), &fields);
                step.fate = if step.edits.is_empty() { Fate::Unchanged } else { Fate::Rewritten };
            }
            None => {
                step.fate = Fate::New;
                step.new_id = Some(id.unwrap_or_else(|| drawn(&ItemId([b'0'; 16]))));
                step.edits = vec![edit(Op::Add, section.name(), Value::Map(fields), None)];
                let path = step.new_id.map(|id| format!("{section}/{id}")).unwrap_or_default();
                step.rivals = rivals
                    .into_iter()
                    .map(|(at, values)| Rival { path: format!("{path}/{at}"), values })
                    .collect();
            }
        }
        self.steps.push(step);
        Ok(())
    }

    /// Notes the id of an item that says the same.
    fn recognise(
        &mut self,
        section: Section,
        there: &[(ItemId, Fields)],
        json: &Json,
    ) -> Result<(), Failure> {
        let Some(old) = id_of(json).map(|id| id.to_string()) else { return Ok(()) };
        let own = self.ids.get(&old).cloned().unwrap_or_default();
        if there.iter().any(|(known, _)| known.to_string() == own) {
            return Ok(());
        }
        let (mut fields, mut rivals) = (Fields::new(), Vec::new());
        for (name, value) in
            json.as_object().into_iter().flatten().filter(|(name, _)| *name != "id")
        {
            let value = self.value(value, &mut vec![name.clone()], &mut rivals)?;
            fields.insert(name.clone(), value);
        }
        let alike = |(item, there): &&(ItemId, Fields)| {
            self.same(section, (item, there), (&fields, &rivals))
        };
        if let Some((known, _)) = there.iter().find(alike) {
            self.ids.insert(old, known.to_string());
        }
        Ok(())
    }

    /// A value with the ids of this context in it. Of several values the first, and all are noted.
    fn value(
        &self,
        json: &Json,
        at: &mut Vec<String>,
        rivals: &mut Vec<(String, Vec<Value>)>,
    ) -> Result<Value, Failure> {
        let Some(object) = json.as_object() else {
            return Ok(self.renamed(value_from_json(json)?));
        };
        if let Some(values) = several(object) {
            let values = values.iter().map(value_from_json).collect::<Result<Vec<_>, _>>()?;
            rivals.push((at.join("/"), values));
            // Each is written later: one that was there already would not be written again.
            return Ok(Value::Null);
        }
        let mut map = BTreeMap::new();
        for (name, json) in object {
            at.push(name.clone());
            map.insert(name.clone(), self.value(json, at, rivals)?);
            at.pop();
        }
        Ok(Value::Map(map))
    }

    /// References to items, as they are called here.
    fn renamed(&self, value: Value) -> Value {
        let new = |text: &String| self.ids.get(text).cloned().unwrap_or_else(|| text.clone());
        match value {
            Value::Text(text) => Value::Text(new(&text)),
            Value::List(list) => Value::List(list.iter().map(new).collect()),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Map(_) => value,
        }
    }

    /// Whether an item says the same: of what stood in a conflict, one of its values.
    fn same(
        &self,
        section: Section,
        (item, there): (&ItemId, &Fields),
        (fields, rivals): (&Fields, &[(String, Vec<Value>)]),
    ) -> bool {
        let mut plain = fields.clone();
        plain.retain(|name, _| !is_rival(name, rivals));
        let one_of = |(at, values): &(String, Vec<Value>)| {
            at.contains('/') || there.get(at).is_some_and(|value| values.contains(value))
        };
        let named = |name: &String| {
            there.get(name).is_none_or(Value::is_empty) || fields.contains_key(name)
        };
        rivals.iter().all(one_of)
            && self.changes(section, (item, there), &plain).is_empty()
            && there.keys().all(named)
    }

    /// The edits that make an item what the file says. What the file does not name stays.
    fn changes(
        &self,
        section: Section,
        (item, there): (&ItemId, &Fields),
        fields: &Fields,
    ) -> Vec<wattle_context::Edit> {
        let mut edits = Vec::new();
        for (name, value) in fields {
            let Some(field) = section.field(name) else { continue };
            let body = (field.kind == Kind::Body).then(|| self.context.body(item).map(Value::Text));
            let is = body.flatten().or_else(|| there.get(name).cloned()).unwrap_or(Value::Null);
            if is == *value || (is.is_empty() && value.is_empty()) {
                continue;
            }
            let path = format!("{section}/{item}/{name}");
            if field.kind != Kind::Log {
                edits.push(edit(Op::Set, &path, value.clone(), None));
                continue;
            }
            let known = is.list().unwrap_or_default();
            let new: Vec<String> = value
                .list()
                .unwrap_or_default()
                .iter()
                .filter(|entry| !known.contains(entry))
                .cloned()
                .collect();
            if !new.is_empty() {
                edits.push(edit(Op::Append, &path, new.into(), None));
            }
        }
        edits
    }

    fn policy(&mut self, section: Section, field: &str, json: &Json) -> Result<(), Failure> {
        let mut rivals = Vec::new();
        let value = self.value(json, &mut Vec::new(), &mut rivals)?;
        let path = format!("{POLICIES}/{section}/{field}");
        let is = self.context.section(section).policies.remove(field).map(|field| field.value);
        let mut step = self.step(section, &path);
        if is.as_ref() != Some(&value) {
            step.fate = Fate::Rewritten;
            if rivals.is_empty() {
                step.edits = vec![edit(Op::Set, &path, value, None)];
            }
            step.rivals = rivals
                .into_iter()
                .map(|(_, values)| Rival { path: path.clone(), values })
                .collect();
        }
        self.steps.push(step);
        Ok(())
    }

    fn step(&self, section: Section, title: &str) -> Step {
        Step {
            source: self.source.to_owned(),
            line: 0,
            section,
            title: title.to_owned(),
            item: None,
            fate: Fate::Unchanged,
            edits: Vec::new(),
            new_id: None,
            rivals: Vec::new(),
        }
    }
}

/// Whether a field, or an entry of it, has several values.
fn is_rival(field: &str, rivals: &[(String, Vec<Value>)]) -> bool {
    rivals.iter().any(|(at, _)| at.split('/').next() == Some(field))
}

/// The values that were in force at once.
fn several(object: &Map<String, Json>) -> Option<&Vec<Json>> {
    let values = object.get(CONFLICT)?.as_array()?;
    (object.len() == 1).then_some(values)
}

fn id_of(json: &Json) -> Option<ItemId> {
    json["id"].as_str()?.parse().ok()
}

/// An id that nobody else draws.
fn drawn(old: &ItemId) -> ItemId {
    let random = || RandomState::new().hash_one(old.0).to_be_bytes();
    let mut bytes = [0; 10];
    let sixteen = random().into_iter().chain(random());
    bytes.iter_mut().zip(sixteen).for_each(|(byte, random)| *byte = random);
    ItemId::from_bytes(bytes)
}
