//! `wattle audit`.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use wattle_context::json::timestamp;
use wattle_context::plain::{brief, clean, short};
use wattle_sync::audit::{self, Again, AuditLine, Audited, Principal, Verification};

use crate::args::access::{Audit, AuditCommand, Verify};
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::{Form, Paint, Screen, say};
use crate::session::Session;

/// A value in a line.
const CHARS: usize = 90;
/// The digits of a change or an entry.
const DIGITS: usize = 8;

/// Tells what happened to rights, or checks a store again.
pub(crate) async fn run(
    (session, dir): (impl FnOnce() -> Result<Session, Failure>, Option<&Path>),
    args: Audit,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match args.command {
        None => tell(&session()?, screen).await,
        Some(AuditCommand::Verify(args)) => verify(dir, args, screen),
    }
}

async fn tell(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.open().await?;
    let lines = peer.audit().await?;
    peer.close().await;
    if screen.form == Form::Json {
        let lines: Vec<Json> = lines.iter().map(|line| json!(line)).collect();
        screen.json(&json!({ "audit": lines }))?;
        return Ok(());
    }
    for line in &lines {
        say!(screen, "{}", told(line, screen.paint))?;
    }
    if lines.is_empty() {
        say!(screen, "nothing has happened to rights yet")?;
    }
    Ok(())
}

/// Checks a store again.
fn verify(dir: Option<&Path>, args: Verify, screen: &mut Screen) -> Result<(), Failure> {
    let path: PathBuf = match args.path {
        Some(path) => path,
        None => Place::find(dir)?.directory,
    };
    let found = audit::verify(&path)?;
    if screen.form == Form::Json {
        let mut told = json!(found);
        if let Some(object) = told.as_object_mut() {
            object.insert("holds".to_owned(), Json::from(found.problems.is_empty()));
        }
        screen.json(&told)?;
    } else {
        print(screen, &found)?;
    }
    match found.problems.len() {
        0 => Ok(()),
        problems => Err(Failure::NotVerified { problems }),
    }
}

fn print(screen: &mut Screen, found: &Verification) -> Result<(), Failure> {
    let Verification { entries, changes, documents, seals, receipts, .. } = found;
    say!(
        screen,
        "{entries} entries of the log of rights, {changes} changes in {documents} documents"
    )?;
    say!(screen, "{seals} signatures of authors, {receipts} receipts of other stores")?;
    for (count, what) in [
        (found.pruned, "changes whose bytes are only in a snapshot"),
        (found.unsigned, "changes that their author has not signed yet"),
        (found.refused, "changes that may not be there"),
        (found.removed, "changes kept apart, because their author had no right to them"),
        (found.void, "entries that a later sequencer has made void"),
    ] {
        if count > 0 {
            say!(screen, "{}", screen.paint.dim(&format!("{count} {what}")))?;
        }
    }
    for problem in &found.problems {
        let line = clean(&problem.to_string());
        say!(screen, "{}", screen.paint.red(&format!("does not hold: {line}")))?;
    }
    if found.problems.is_empty() {
        say!(screen, "{}", screen.paint.green("all of it holds"))?;
    }
    Ok(())
}

/// When, who, what.
fn told(line: &AuditLine, paint: Paint) -> String {
    let seconds = i64::try_from(line.time).unwrap_or_default();
    let when = match line.time {
        0 => "at the start  ".to_owned(),
        _ => timestamp(seconds.saturating_mul(1000)).chars().take(16).collect(),
    };
    let by = line.by.as_ref().map_or_else(|| "somebody".to_owned(), Principal::to_string);
    let entry = line.entry.map_or_else(String::new, |entry| format!("  entry {entry}"));
    format!(
        "{}  {}  {}{}",
        paint.dim(&when.replace('T', " ")),
        paint.green(&format!("{:<16}", brief(&by, 40))),
        what(&line.what, paint),
        paint.dim(&entry),
    )
}

fn what(what: &Audited, paint: Paint) -> String {
    match what {
        Audited::Access { action, cutoffs, .. } => {
            let cut = match cutoffs {
                0 => String::new(),
                1 => "  (with a cutoff)".to_owned(),
                several => format!("  (with {several} cutoffs)"),
            };
            format!("{}{cut}", brief(action, CHARS))
        }
        Audited::Void { action } => paint.dim(&format!("void: {}", brief(action, CHARS))),
        Audited::Refused { document, reason, code, .. } => {
            let of = document.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
            paint.red(&format!("refused{of}: {} ({code})", brief(reason, CHARS)))
        }
        Audited::Settled { paths, why, .. } => {
            let paths: Vec<String> = paths.iter().map(|path| short(path)).collect();
            let why =
                if why.is_empty() { String::new() } else { format!("  \u{201c}{why}\u{201d}") };
            brief(&format!("settled {}{why}", paths.join(", ")), CHARS)
        }
        Audited::Removed { document, change, reason, again } => {
            let change = brief(change, DIGITS);
            let line =
                format!("change {change} of {document} does not count: {reason}{}", then(again));
            paint.yellow(&brief(&line, 2 * CHARS))
        }
        Audited::Forked { here, other } => paint.red(&format!(
            "fork: the sequencer has signed {} and {} for one place",
            brief(here, DIGITS),
            brief(other, DIGITS)
        )),
    }
}

fn then(again: &Again) -> String {
    match again {
        Again::Refused | Again::No => String::new(),
        Again::Nothing => "; nothing of it was left to do".to_owned(),
        Again::As(change) => format!("; written again as {}", brief(change, DIGITS)),
        Again::Lost { places } => format!("; what it changed is gone: {}", places.join(", ")),
    }
}
