//! `wattle export --full`: everything, to be read by people and taken in elsewhere.

use serde_json::{Map, Value as Json, json};
use wattle_context::json::{conflict_to_json, item_to_json, log_entry_to_json};
use wattle_context::{Context, LogFilter, Section};
use wattle_sync::{Parts, pack};

use crate::args;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::session::{self, Session};
use crate::write;

/// Prints what `wattle import` makes a replica of, and the same as it is read.
pub(super) async fn run(
    session: &Session,
    args: &args::Export,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.open().await?;
    let name = session::name(&peer).await;
    let reading = peer.view(Parts::All, |context| reading(context)).await?;
    peer.close().await;
    let mut json = pack::to_json(&pack::pack(session.directory())?);
    if let Some(object) = json.as_object_mut() {
        object.insert("name".to_owned(), name.into());
        object.insert("reading".to_owned(), reading);
    }
    let text = format!("{json:#}\n");
    match &args.output {
        Some(file) => write::replace(file, text.as_bytes()),
        None => Ok(screen.text(&text)?),
    }
}

/// What the changes come to: for people and other programs; an import makes it from the changes again.
fn reading(context: &Context) -> Json {
    let sections: Map<String, Json> = Section::ALL
        .into_iter()
        .map(|section| {
            let items = context.section(section).items;
            let items = items.iter().map(|item| {
                let mut json = item_to_json(item);
                let body = context.body(&item.id).filter(|_| section == Section::Documents);
                if let (Some(body), Some(object)) = (body, json.as_object_mut()) {
                    object.insert("body".to_owned(), body.into());
                }
                json
            });
            (section.name().to_owned(), items.collect::<Vec<_>>().into())
        })
        .collect();
    let conflicts: Vec<Json> = context.conflicts().iter().map(conflict_to_json).collect();
    let log: Vec<Json> = context.log(&LogFilter::default()).iter().map(log_entry_to_json).collect();
    json!({ "version": context.version(), "sections": sections, "conflicts": conflicts, "log": log })
}
