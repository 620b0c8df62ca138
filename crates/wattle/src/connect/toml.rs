//! An entry in a TOML file that somebody else writes too: nothing but the entry is touched.

use serde_json::{Map, Value as Json};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, TomlError, Value, value};

use super::unfit::Unfit;

/// What stands at `container.name`.
pub(super) fn find(text: &str, (container, name): (&str, &str)) -> Result<Option<Json>, Unfit> {
    let mut document = parse(text)?;
    let Some(servers) = table_in(&mut document, container)? else { return Ok(None) };
    Ok(servers.get(name).map(json))
}

/// The text with this value at `container.name`.
pub(super) fn put(
    text: &str,
    (container, name): (&str, &str),
    entry: &Json,
) -> Result<String, Unfit> {
    let mut document = parse(text)?;
    if table_in(&mut document, container)?.is_none() {
        let mut servers = Table::new();
        servers.set_implicit(true);
        document.insert(container, Item::Table(servers));
    }
    let apart = !text.trim().is_empty();
    let Some(servers) = table_in(&mut document, container)? else {
        return Err(Unfit::NoObject { key: Some(container.to_owned()) });
    };
    let mut fresh = table(entry);
    match servers.get_mut(name).and_then(Item::as_table_mut) {
        Some(old) => *fresh.decor_mut() = old.decor().clone(),
        None if apart => fresh.decor_mut().set_prefix("\n"),
        None => {}
    }
    let position = servers.get(name).and_then(Item::as_table).and_then(Table::position);
    fresh.set_position(position);
    servers.insert(name, Item::Table(fresh));
    Ok(document.to_string())
}

/// The text without what stands at `container.name`.
pub(super) fn take(text: &str, (container, name): (&str, &str)) -> Result<String, Unfit> {
    let mut document = parse(text)?;
    let Some(servers) = table_in(&mut document, container)? else { return Ok(text.to_owned()) };
    if servers.remove(name).is_none() {
        return Ok(text.to_owned());
    }
    Ok(document.to_string())
}

fn parse(text: &str) -> Result<DocumentMut, Unfit> {
    text.parse::<DocumentMut>().map_err(|error| syntax(text, &error))
}

fn syntax(text: &str, error: &TomlError) -> Unfit {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let what = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    Unfit::Syntax { line, column, what }
}

fn table_in<'a>(
    document: &'a mut DocumentMut,
    key: &str,
) -> Result<Option<&'a mut dyn TableLike>, Unfit> {
    let unfit = || Unfit::NoObject { key: Some(key.to_owned()) };
    match document.get_mut(key) {
        None => Ok(None),
        Some(item) => item.as_table_like_mut().map(Some).ok_or_else(unfit),
    }
}

fn table(entry: &Json) -> Table {
    let mut table = Table::new();
    for (key, found) in entry.as_object().into_iter().flatten() {
        let item = match found {
            Json::String(text) => value(text.as_str()),
            Json::Array(list) => value(list.iter().filter_map(Json::as_str).collect::<Array>()),
            // No entry has these.
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => continue,
        };
        table.insert(key, item);
    }
    table
}

/// What was found, to be compared and shown.
fn json(item: &Item) -> Json {
    if let Some(table) = item.as_table_like() {
        let entries = table.iter().map(|(key, item)| (key.to_owned(), json(item)));
        return Json::Object(entries.collect::<Map<String, Json>>());
    }
    item.as_value().map_or(Json::Null, of_value)
}

fn of_value(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::String(text.value().clone()),
        Value::Array(list) => Json::Array(list.iter().map(of_value).collect()),
        Value::Boolean(value) => Json::Bool(*value.value()),
        Value::Integer(number) => Json::Number((*number.value()).into()),
        Value::Float(_) | Value::Datetime(_) | Value::InlineTable(_) => {
            Json::String(value.to_string().trim().to_owned())
        }
    }
}
