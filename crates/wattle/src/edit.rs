//! `wattle edit`.

use serde_json::json;
use wattle_context::{Answer, Edit, Op, Value};

use crate::args::{self, Verb};
use crate::failure::Failure;
use crate::landing;
use crate::screen::{Form, Screen};
use crate::session::Session;
use crate::typed;

/// Makes the edits, and says how they landed.
pub(crate) async fn run(
    session: &Session,
    args: args::Edit,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let edits = edits(&args)?;
    let ops: Vec<Op> = edits.iter().map(|edit| edit.op).collect();
    let answers = session.open().await?.edit(edits, &args.why).await?.answers;
    print(screen, &ops, &answers)
}

/// Answers as text or JSON.
fn print(screen: &mut Screen, ops: &[Op], answers: &[Answer]) -> Result<(), Failure> {
    match screen.form {
        Form::Json => {
            let list: Vec<_> = answers.iter().map(wattle_context::json::answer_to_json).collect();
            screen.json(&json!({ "answers": list }))?;
        }
        Form::Text => {
            for (op, answer) in ops.iter().zip(answers) {
                landing::answer(screen, *op, answer)?;
            }
        }
    }
    Ok(())
}

/// What was typed, or read as JSON, as edits.
fn edits(args: &args::Edit) -> Result<Vec<Edit>, Failure> {
    if args.path == "-" {
        return from_json(args);
    }
    let Some(verb) = args.op else {
        return Err(Failure::Usage { what: format!("what to do with {}?", args.path) });
    };
    let value = match &args.value {
        Some(typed) => typed::value(verb, &args.path, typed)?,
        None if matches!(verb, Verb::Delete | Verb::Remove) => Value::Null,
        None => return Err(Failure::Usage { what: format!("{} needs a VALUE", name(verb)) }),
    };
    if (verb == Verb::Replace) != args.old.is_some() {
        let what = "replace needs --old TEXT, and only replace takes it".to_owned();
        return Err(Failure::Usage { what });
    }
    Ok(vec![Edit {
        op: op(verb),
        path: args.path.clone(),
        value,
        old: args.old.clone(),
        base: args.base.clone(),
        if_unchanged: args.if_unchanged,
    }])
}

fn from_json(args: &args::Edit) -> Result<Vec<Edit>, Failure> {
    if args.op.is_some() || args.old.is_some() || args.base.is_some() || args.if_unchanged {
        let what = "with `-` everything but --why stands in the JSON".to_owned();
        return Err(Failure::Usage { what });
    }
    Ok(wattle_context::json::edits_from_json(&typed::input()?)?)
}

fn op(verb: Verb) -> Op {
    match verb {
        Verb::Set => Op::Set,
        Verb::Add => Op::Add,
        Verb::Replace => Op::Replace,
        Verb::Append => Op::Append,
        Verb::Remove => Op::Remove,
        Verb::Delete => Op::Delete,
    }
}

fn name(verb: Verb) -> &'static str {
    match verb {
        Verb::Set => "set",
        Verb::Add => "add",
        Verb::Replace => "replace",
        Verb::Append => "append",
        Verb::Remove => "remove",
        Verb::Delete => "delete",
    }
}
