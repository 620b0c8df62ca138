//! How an edit landed, told to people.

use std::io;

use wattle_context::plain::{ago, brief};
use wattle_context::{Answer, Landed, Op, Touch};
use wattle_sync::clock::now_ms;

use crate::render::quoted;
use crate::screen::{Paint, Screen, say};

/// Others that an answer names in one line.
const OTHERS_SHOWN: usize = 3;

/// One answer: what was done where, how it met what others did, and what to do next.
pub(crate) fn answer(screen: &mut Screen, op: Op, answer: &Answer) -> io::Result<()> {
    let paint = screen.paint;
    let path = paint.cyan(&answer.path);
    say!(screen, "{} {path}  {}", done(op), landed(&answer.landed, paint))?;
    if let Some(conflict) = &answer.conflict {
        let values: Vec<String> =
            conflict.candidates.iter().map(|candidate| quoted(&candidate.value)).collect();
        let line = format!("⚠ {}  {}", conflict.id, values.join("  and  "));
        say!(screen, "  {}", paint.yellow(&line))?;
        let next = format!("wattle resolve {} --keep LETTER | --value VALUE", conflict.id);
        say!(screen, "  settle it: {next}")?;
    }
    if let Some(replaced) = answer.replaced.as_ref().filter(|value| !value.is_empty()) {
        say!(screen, "  {}", paint.dim(&format!("before: {}", quoted(replaced))))?;
    }
    say!(screen, "  {}", paint.dim(&format!("version {}", answer.version)))
}

/// What others did meanwhile, in words.
pub(crate) fn landed(landed: &Landed, paint: Paint) -> String {
    match landed {
        Landed::OnTop => paint.green("on top"),
        Landed::Merged { with } => paint.green(&format!("merged with {}", others(with))),
        Landed::Overlapping { with } => paint.yellow(&format!("overlaps with {}", others(with))),
    }
}

/// Who else, when and why.
pub(crate) fn others(with: &[Touch]) -> String {
    let now = now_ms();
    let mut told: Vec<String> = Vec::new();
    for touch in with {
        let why = if touch.why.is_empty() {
            String::new()
        } else {
            format!(": {}", brief(&touch.why, 40))
        };
        let line = format!("{} ({}{why})", brief(&touch.by, 20), ago(touch.time, now));
        if !told.contains(&line) {
            told.push(line);
        }
    }
    let more = told.len().saturating_sub(OTHERS_SHOWN);
    told.truncate(OTHERS_SHOWN);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    told.join(", ")
}

fn done(op: Op) -> &'static str {
    match op {
        Op::Set => "set",
        Op::Add => "added",
        Op::Replace => "replaced in",
        Op::Append => "appended to",
        Op::Remove => "removed from",
        Op::Delete => "deleted",
    }
}
