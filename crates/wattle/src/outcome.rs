//! What became of a wish for the log of rights, told to people and programs.

use std::io;

use serde_json::{Value as Json, json};
use wattle_sync::Outcome;

use crate::screen::{Screen, say};

/// Adds to an object whether it is done, and by which entry, or what waits.
pub(crate) fn with(mut told: Json, outcome: &Outcome) -> Json {
    let (entry, waiting) = match outcome {
        Outcome::Done { entry } => (json!(entry), Json::Null),
        Outcome::Waiting { proposal } => (Json::Null, json!(proposal.to_string())),
    };
    if let Some(object) = told.as_object_mut() {
        object.insert("entry".to_owned(), entry);
        object.insert("waiting".to_owned(), waiting);
    }
    told
}

/// Says what was done, and that it waits if it does.
pub(crate) fn tell(screen: &mut Screen, outcome: &Outcome, done: &str) -> io::Result<()> {
    say!(screen, "{done}")?;
    match outcome {
        Outcome::Done { .. } => Ok(()),
        Outcome::Waiting { .. } => say!(screen, "{}", screen.paint.yellow(WAITS)),
    }
}

/// What waiting means.
pub(crate) const WAITS: &str = "not in force yet: who orders changes of rights is out of reach. It waits on this disk; \
     `wattle sync` sends it, and `wattle status` shows it";
