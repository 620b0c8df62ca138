//! A context as one Markdown page.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use wattle_context::{ItemId, ItemView, Section, SectionView, Value};

use crate::render::title;

/// The page: a heading per section and item, a list of the fields, texts below.
pub(super) fn render(
    name: &str,
    sections: &[SectionView],
    bodies: &BTreeMap<ItemId, String>,
) -> String {
    let mut page = format!("# {name}\n");
    for view in sections.iter().filter(|view| !view.items.is_empty()) {
        // Writing to a String cannot fail.
        let _written: fmt::Result = section(&mut page, view, bodies);
    }
    page
}

fn section(
    page: &mut String,
    view: &SectionView,
    bodies: &BTreeMap<ItemId, String>,
) -> fmt::Result {
    let name = view.section.name();
    let (first, rest) = name.split_at(1);
    writeln!(page, "\n## {}{rest}", first.to_uppercase())?;
    for item in &view.items {
        let body = bodies.get(&item.id).filter(|_| view.section == Section::Documents);
        self::item(page, item, body.map(String::as_str))?;
    }
    Ok(())
}

fn item(page: &mut String, item: &ItemView, body: Option<&str>) -> fmt::Result {
    writeln!(page, "\n### {}", one_line(&title(item)))?;
    let (mut facts, mut texts) = (Vec::new(), Vec::new());
    for (name, field) in &item.fields {
        if name == item.section.title() || field.value.is_empty() {
            continue;
        }
        let shown = field.value.to_string();
        match &field.value {
            Value::List(list) if list.iter().any(|entry| entry.contains(' ')) => {
                facts.push(format!("- {name}:"));
                facts.extend(list.iter().map(|entry| format!("  - {}", one_line(entry))));
            }
            Value::Text(text) if text.contains('\n') => texts.push(text.clone()),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => facts.push(format!("- {name}: {}", one_line(&shown))),
        }
    }
    let facts = (!facts.is_empty()).then(|| facts.join("\n"));
    for block in facts.into_iter().chain(texts).chain(body.map(str::to_owned)) {
        writeln!(page, "\n{}", block.trim_end())?;
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
