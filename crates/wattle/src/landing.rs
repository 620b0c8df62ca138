//! How an edit landed, told to people.

use std::io;

use wattle_context::plain::touches;
use wattle_context::{Answer, Landed, Op, Touch};
use wattle_sync::clock::now_ms;

use crate::render::quoted;
use crate::screen::{Paint, Screen, say};

/// Who else wrote.
const BY_CHARS: usize = 20;
/// Why they did.
const WHY_CHARS: usize = 40;

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
    touches(with, (BY_CHARS, WHY_CHARS), now_ms())
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
