//! `wattle conflicts` and `wattle resolve`.

use serde_json::json;
use wattle_context::json::answer_to_json;
use wattle_context::{Op, Settlement};
use wattle_sync::Parts;
use wattle_sync::clock::now_ms;

use crate::args;
use crate::failure::Failure;
use crate::landing;
use crate::render;
use crate::screen::{Form, Screen, say};
use crate::session::Session;
use crate::typed;
use crate::who::Roll;

/// Lists the open conflicts, with every value.
pub(crate) async fn list(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.open().await?;
    let mut conflicts = peer.view(Parts::All, |context| context.conflicts()).await?;
    let roll = Roll::of(&peer).await?;
    if screen.form == Form::Json {
        let list: Vec<_> = conflicts.iter().map(|one| roll.conflict_to_json(one)).collect();
        screen.json(&json!({ "conflicts": list }))?;
        return Ok(());
    }
    if conflicts.is_empty() {
        say!(screen, "no conflicts")?;
    }
    let now = now_ms();
    for conflict in &mut conflicts {
        roll.sign(conflict);
        render::conflict(screen, conflict, now)?;
    }
    Ok(())
}

/// Settles one.
pub(crate) async fn settle(
    session: &Session,
    args: args::Resolve,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let settlement = match (args.keep, args.value) {
        (Some(letter), _) => Settlement::Keep(letter),
        (None, Some(typed)) => Settlement::Value(typed::free(&typed)?),
        (None, None) => return Err(Failure::Usage { what: "--keep or --value?".to_owned() }),
    };
    let peer = session.open().await?;
    let answers = peer.resolve(&args.id, settlement, &args.why).await?.answers;
    match screen.form {
        Form::Json => {
            let list: Vec<_> = answers.iter().map(answer_to_json).collect();
            screen.json(&json!({ "settled": args.id, "answers": list }))?;
        }
        Form::Text => {
            say!(screen, "settled {}", screen.paint.green(&args.id))?;
            for answer in &answers {
                landing::answer(screen, Op::Set, answer)?;
            }
        }
    }
    Ok(())
}
