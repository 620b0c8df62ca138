//! The context as resources: for clients that show them, attach them, or follow them.

use rmcp::model::{
    Annotations, ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Role,
};
use serde_json::{Value as Json, json};
use wattle_context::json::{conflict_to_json, item_to_json};
use wattle_context::{ItemView, Path, Section, Value};
use wattle_sync::Parts;

use crate::address::{Address, Form, Wanted, encoded, uri};
use crate::args::{Read, View};
use crate::desk::{Opened, Scene};
use crate::limits::{LISTED_DOCUMENTS_MAX, RESOURCE_TOKENS};
use crate::read;
use crate::show;
use crate::trouble::Trouble;

const MARKDOWN: &str = "text/markdown";
/// Completions of one answer.
const COMPLETIONS_MAX: usize = 100;

/// What is listed: the brief, the conflicts, the sections, and pinned documents.
pub(crate) async fn list(desk: &Opened) -> Result<Vec<Resource>, Trouble> {
    let pinned = |scene: Scene<'_>| -> Vec<(String, String)> {
        let documents = scene.context.section(Section::Documents).items;
        let pinned = |item: &&ItemView| {
            item.fields.get("pinned").and_then(|field| field.value.bool()) == Some(true)
        };
        let named = documents.iter().filter(pinned).take(LISTED_DOCUMENTS_MAX);
        named.map(|item| (item.id.to_string(), show::title(item))).collect()
    };
    let pinned = desk.view(Parts::Sections, pinned).await?;
    let mut list = vec![
        resource(desk, "brief", ("What a session begins with", 0.9)),
        resource(desk, "conflicts", ("Open conflicts, with every version", 0.8)),
    ];
    for section in Section::ALL {
        let priority = if section == Section::Rules { 1.0 } else { 0.5 };
        list.push(resource(desk, section.name(), (&format!("All {section}"), priority)));
    }
    for (id, title) in pinned {
        list.push(resource(desk, &format!("documents/{id}/body"), (&title, 0.6)));
    }
    Ok(list)
}

fn resource(desk: &Opened, path: &str, (title, priority): (&str, f32)) -> Resource {
    let audience = vec![Role::Assistant, Role::User];
    let annotations = Annotations::default().with_audience(audience).with_priority(priority);
    Resource::new(uri(&desk.name, path), path)
        .with_title(title)
        .with_mime_type(MARKDOWN)
        .with_annotations(annotations)
}

/// The forms of addresses.
pub(crate) fn templates(name: &str) -> Vec<ResourceTemplate> {
    let name = encoded(name);
    let template = |path: &str, called: &str, description: &str| {
        ResourceTemplate::new(format!("context://{name}/{path}"), called)
            .with_description(description)
            .with_mime_type(MARKDOWN)
    };
    vec![
        template("{section}", "section", "All items of a section; ?format=json for programs"),
        template("{section}/{id}", "item", "One item, with who wrote each field and why"),
        template("documents/{id}/body", "body", "The text of a knowledge document"),
        template("history/{+path}", "history", "Who changed a section, an item or a field"),
    ]
}

/// What an address names.
pub(crate) async fn read(desk: &Opened, given: &str) -> Result<ReadResourceResult, ErrorData> {
    let missing = |why: &str| {
        ErrorData::resource_not_found(format!("{given}: {why}"), Some(json!({ "uri": given })))
    };
    let address = Address::parse(given, &desk.name)
        .ok_or_else(|| missing(&format!("addresses look like {}", uri(&desk.name, "brief"))))?;
    let contents = match (&address.wanted, address.form) {
        (Wanted::Body(item), Form::Markdown) => body(desk, item)
            .await
            .map(|(text, media)| ResourceContents::text(text, given).with_mime_type(media)),
        (_, Form::Markdown) => {
            let text = read::run(desk, args(&address.wanted), std::future::pending()).await;
            text.map(|text| ResourceContents::text(text, given).with_mime_type(MARKDOWN))
        }
        (wanted, Form::Json) => json(desk, wanted.clone()).await.map(|json| {
            ResourceContents::text(json.to_string(), given).with_mime_type("application/json")
        }),
    };
    contents
        .map(|contents| ReadResourceResult::new(vec![contents]))
        .map_err(|trouble| missing(&trouble.told()))
}

/// The read that shows what is wanted.
fn args(wanted: &Wanted) -> Read {
    let (path, view) = match wanted {
        Wanted::Brief => (None, View::Brief),
        Wanted::Conflicts => (None, View::Conflicts),
        Wanted::Section(section) => (Some(section.to_string()), View::Full),
        Wanted::Item(section, item) => (Some(format!("{section}/{item}")), View::Full),
        Wanted::Body(item) => (Some(format!("documents/{item}/body")), View::Full),
        Wanted::History(path) => (Some(path.clone()), View::History),
    };
    let paths = path.map(|path| vec![path]);
    Read { paths, view: Some(view), max_tokens: Some(RESOURCE_TOKENS), ..Read::default() }
}

/// A body as it is, and what it is.
async fn body(desk: &Opened, item: &str) -> Result<(String, String), Trouble> {
    let path = format!("documents/{item}/body");
    let places = read::located(desk, std::slice::from_ref(&path)).await?;
    let parts = read::parts_of(&places);
    let id = places.first().and_then(|place| place.path.item);
    let read = move |scene: Scene<'_>| {
        let id = id?;
        let item = scene.context.item(&Path::item(Section::Documents, id));
        let media = item.and_then(|item| Some(item.fields.get("media_type")?.value.clone()));
        let media =
            media.filter(|media| !media.is_empty()).unwrap_or_else(|| Value::from(MARKDOWN));
        Some((scene.context.body(&id)?, media.to_string()))
    };
    desk.view(parts, read).await?.ok_or(Trouble::Missing { path })
}

async fn json(desk: &Opened, wanted: Wanted) -> Result<Json, Trouble> {
    let places = match &wanted {
        Wanted::Item(section, item) => read::located(desk, &[format!("{section}/{item}")]).await?,
        Wanted::Body(item) => read::located(desk, &[format!("documents/{item}")]).await?,
        Wanted::Brief | Wanted::Conflicts | Wanted::Section(_) | Wanted::History(_) => Vec::new(),
    };
    let parts = read::parts_of(&places);
    let read = move |scene: Scene<'_>| {
        let section = |section: Section| -> Json {
            scene.context.section(section).items.iter().map(item_to_json).collect()
        };
        if let Some(place) = places.first() {
            let item = scene.context.item(&place.path);
            let mut json = item.as_ref().map(item_to_json).unwrap_or_default();
            let body = place.path.item.and_then(|id| scene.context.body(&id));
            if let (Some(text), Some(object)) = (body, json.as_object_mut()) {
                object.insert("body".to_owned(), text.into());
            }
            return json;
        }
        match wanted {
            Wanted::Section(wanted) => json!({ "items": section(wanted) }),
            Wanted::Conflicts => {
                show::conflicts(scene.context).iter().map(conflict_to_json).collect()
            }
            Wanted::Brief | Wanted::Item(..) | Wanted::Body(_) | Wanted::History(_) => {
                Section::ALL.into_iter().map(|name| (name.to_string(), section(name))).collect()
            }
        }
    };
    desk.view(parts, read).await
}

/// What an argument of an address or a prompt may be: names of sections, or ids of items.
pub(crate) async fn completions(
    desk: &Opened,
    (argument, begun): (&str, &str),
    section: Option<Section>,
) -> Result<Vec<String>, Trouble> {
    let begun = begun.to_lowercase();
    if argument == "section" {
        let names = Section::ALL.into_iter().map(|section| section.name().to_owned());
        return Ok(names.filter(|name| name.starts_with(&begun)).collect());
    }
    let (with_section, path) = match argument {
        "id" | "task" => (false, begun),
        "path" => (true, begun),
        _ => return Ok(Vec::new()),
    };
    let look = move |scene: Scene<'_>| {
        let sections = section.map_or_else(|| Section::ALL.to_vec(), |section| vec![section]);
        let items = sections.into_iter().flat_map(|section| scene.context.section(section).items);
        let fits = |item: &ItemView| {
            let title = show::title(item).to_lowercase();
            let address = format!("{}/{}", item.section, item.id);
            let name = if with_section { address } else { item.id.to_string() };
            (name.starts_with(&path) || title.contains(&path)).then_some(name)
        };
        items.filter_map(|item| fits(&item)).take(COMPLETIONS_MAX).collect()
    };
    desk.view(Parts::Sections, look).await
}
