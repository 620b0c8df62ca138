//! `wattle export`.

use std::collections::BTreeMap;

use wattle_context::{Context, ItemId, Section};
use wattle_sync::Parts;

use crate::args;
use crate::failure::Failure;
use crate::screen::{Form, Screen};
use crate::session::{self, Session};
use crate::write;

mod full;
mod into;
mod markdown;

/// Prints all values, as JSON unless Markdown is asked for.
pub(crate) async fn run(
    session: &Session,
    args: args::Export,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if args.markdown && screen.form == Form::Json {
        return Err(Failure::Usage { what: "--json or --markdown?".to_owned() });
    }
    if !args.into.is_empty() {
        return into::run(session, &args, screen).await;
    }
    if args.full {
        return full::run(session, &args, screen).await;
    }
    let peer = session.open().await?;
    let name = session::name(&peer).await;
    let (at, as_markdown) = (args.at, args.markdown);
    let exported = peer
        .view(Parts::All, move |context| -> Result<String, Failure> {
            let past = at.map(|version| context.at(&version)).transpose()?;
            let context: &Context = past.as_ref().unwrap_or(context);
            if as_markdown {
                return Ok(markdown_of(context, &name));
            }
            Ok(format!("{:#}\n", context.export()))
        })
        .await??;
    match &args.output {
        Some(file) => write::replace(file, exported.as_bytes()),
        None => Ok(screen.text(&exported)?),
    }
}

fn markdown_of(context: &Context, name: &str) -> String {
    let sections: Vec<_> =
        Section::ALL.into_iter().map(|section| context.section(section)).collect();
    let bodies: BTreeMap<ItemId, String> =
        context.body_ids().into_iter().filter_map(|id| Some((id, context.body(&id)?))).collect();
    markdown::render(name, &sections, &bodies)
}
