//! `context_resolve`.

use wattle_context::json::value_from_json;
use wattle_context::plain::short;
use wattle_context::{Conflict, Op, ResolveError, Section, Settlement};
use wattle_sync::{Parts, ResolveFailed};

use crate::args::{How, Resolve};
use crate::desk::{Opened, Scene};
use crate::edit;
use crate::read::foot;
use crate::show;
use crate::trouble::Trouble;
use crate::who::own_words;

/// Settles a conflict, or leaves it open; to ask a person is another module's.
pub(crate) async fn run(desk: &Opened, args: Resolve) -> Result<String, Trouble> {
    let wrong = |problem: &str| Err(Trouble::Argument { problem: problem.to_owned() });
    let settlement = match (args.how, args.keep, args.value) {
        (How::Leave, _, _) => return leave(desk, &args.conflict).await,
        (How::Keep, Some(letter), None) => Settlement::Keep(letter.trim().to_lowercase()),
        (How::Keep, None, _) => return wrong("how=keep needs keep: the letter of a version"),
        (How::Keep, Some(_), Some(_)) => return wrong("how=keep takes no value; how=merge does"),
        (How::Merge, None, Some(value)) => Settlement::Value(value_from_json(&value)?),
        (How::Merge, _, None) => return wrong("how=merge needs value: the merged text or value"),
        (How::Merge, Some(_), _) => return wrong("how=merge takes no keep; how=keep does"),
        (How::AskHuman, _, _) => return wrong("how=ask_human is answered by the client's user"),
    };
    let why = own_words(args.why.as_deref().unwrap_or_default());
    settle(desk, (&args.conflict, settlement), &why).await
}

/// Settles a conflict as it stands: if its candidates have changed, its id is another.
pub(crate) async fn settle(
    desk: &Opened,
    (id, settlement): (&str, Settlement),
    why: &str,
) -> Result<String, Trouble> {
    match desk.peer.resolve(id, settlement, why).await {
        Ok(edited) => {
            let first = edited.answers.first().map(|answer| answer.path.clone());
            if let Some(told) = claimed(desk, first.unwrap_or_default()).await? {
                return Ok(format!("{id} is settled. {told}"));
            }
            let ops = vec![Op::Set; edited.answers.len()];
            let told = edit::told(desk, (ops, edited.answers), Vec::new()).await?;
            Ok(format!("{id} is settled. {told}"))
        }
        Err(ResolveFailed::Refused(ResolveError::Unknown { .. })) => Err(unknown(desk, id).await?),
        Err(failed) => Err(failed.into()),
    }
}

/// The task whose claims were settled, if the path is one of its records.
async fn claimed(desk: &Opened, path: String) -> Result<Option<String>, Trouble> {
    let heads = desk.peer.heads().await?;
    let read = move |scene: Scene<'_>| {
        let path = scene.context.locate(&path).ok()?;
        let of_claims = path.section == Section::Tasks && path.field.as_deref() == Some("claims");
        let task = scene.context.item(&path).filter(|_| of_claims)?;
        let told = "The other claims have ended; who held them is told that they lost.";
        let foot = foot(scene, &heads).join("\n");
        Some(format!("{told}\n{}\n{foot}", show::line(&task, scene.now_ms)))
    };
    desk.view(Parts::Sections, read).await
}

/// A conflict that is open.
pub(crate) async fn open(desk: &Opened, id: &str) -> Result<Conflict, Trouble> {
    let wanted = id.to_owned();
    let find = move |scene: Scene<'_>| {
        let open = scene.context.conflicts();
        open.into_iter().find(|conflict| conflict.id == wanted)
    };
    match desk.view(Parts::Sections, find).await? {
        Some(conflict) => Ok(conflict),
        None => Err(unknown(desk, id).await?),
    }
}

async fn leave(desk: &Opened, id: &str) -> Result<String, Trouble> {
    let conflict = open(desk, id).await?;
    let heads = desk.peer.heads().await?;
    let read = move |scene: Scene<'_>| {
        let shown = show::conflict(scene, &conflict);
        format!(
            "{} stays open; others see it too.\n{shown}\n{}",
            conflict.id,
            foot(scene, &heads).join("\n")
        )
    };
    desk.view(Parts::Sections, read).await
}

/// That a conflict is not open, and which ones are.
async fn unknown(desk: &Opened, id: &str) -> Result<Trouble, Trouble> {
    let list = |scene: Scene<'_>| {
        let open = show::conflicts(scene.context).into_iter();
        open.map(|conflict| format!("{} {}", conflict.id, short(&conflict.path))).collect()
    };
    Ok(Trouble::NoConflict { id: id.to_owned(), open: desk.view(Parts::Sections, list).await? })
}
