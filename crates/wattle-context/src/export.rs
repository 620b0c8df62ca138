//! A context as plain JSON: the values that are in force, and nothing else.

use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::history::empty;
use crate::json::value_to_json;
use crate::schema::{Kind, Section};
use crate::view::{FieldView, ItemView};

/// Keys are sorted, items are sorted by id, and what is empty is left out, so that equal contexts give equal JSON.
pub(crate) fn export(context: &Context) -> Json {
    let (mut json, mut policies) = (Map::new(), Map::new());
    let mut sections = Section::ALL;
    sections.sort_by_key(|section| section.name());
    for section in sections {
        let view = context.section(section);
        let set = view
            .policies
            .iter()
            .filter_map(|(name, field)| exported(field).map(|json| (name, json)));
        let set: Map<String, Json> = set.map(|(name, json)| (name.clone(), json)).collect();
        if !set.is_empty() {
            policies.insert(section.name().to_owned(), set.into());
        }
        let mut items = view.items;
        items.sort_by_key(|item| item.id);
        let items: Vec<Json> = items.iter().map(|item| item_json(context, item)).collect();
        if !items.is_empty() {
            json.insert(section.name().to_owned(), items.into());
        }
    }
    if !policies.is_empty() {
        json.insert("policies".to_owned(), policies.into());
        json.sort_keys();
    }
    json.into()
}

fn item_json(context: &Context, item: &ItemView) -> Json {
    let mut json = Map::new();
    for (name, field) in &item.fields {
        json.extend(exported(field).map(|value| (name.clone(), value)));
    }
    let body = item.section.fields().iter().find(|field| field.kind == Kind::Body);
    let text = body.and_then(|_| context.body(&item.id)).filter(|text| !text.is_empty());
    json.extend(body.zip(text).map(|(field, text)| (field.name.to_owned(), text.into())));
    json.insert("id".to_owned(), item.id.to_string().into());
    json.sort_keys();
    json.into()
}

fn exported(field: &FieldView) -> Option<Json> {
    if !field.entries.is_empty() {
        let entries = field.entries.iter();
        let entries = entries.filter_map(|(key, entry)| Some((key.clone(), exported(entry)?)));
        return Some(entries.collect::<Map<_, _>>().into());
    }
    match field.in_force.as_slice() {
        [] => None,
        [value] => Some(value).filter(|value| !empty(value)).map(value_to_json),
        several => {
            // By value: the same values give the same JSON, whoever wrote them.
            let mut several = several.to_vec();
            several.sort();
            let values: Vec<Json> = several.iter().map(value_to_json).collect();
            let mut json = Map::new();
            json.insert("conflict".to_owned(), values.into());
            Some(json.into())
        }
    }
}
