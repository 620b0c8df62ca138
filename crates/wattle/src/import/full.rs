//! A full export becomes a replica.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use wattle_sync::pack::{self, Pack};

use crate::args;
use crate::failure::Failure;
use crate::init;
use crate::screen::{Form, Screen, say};
use crate::session::told;

/// The key with which a full export begins.
const MARK: &str = "\"wattle_full\"";

/// The full export that is to be taken in, if the one file that is named is one.
pub(crate) fn given(args: &args::Import) -> Result<Option<Pack>, Failure> {
    let [file] = args.files.as_slice() else { return Ok(None) };
    if file.extension().is_none_or(|ending| ending != "json") {
        return Ok(None);
    }
    let text = fs::read_to_string(file);
    let Some(text) = text.ok().filter(|text| text.contains(MARK)) else { return Ok(None) };
    let json: Json = serde_json::from_str(&text).unwrap_or_default();
    if json.get("wattle_full").is_none() {
        return Ok(None);
    }
    Ok(Some(pack::from_json(&json)?))
}

/// Makes the replica, in a folder that has none.
pub(crate) fn run(
    dir: Option<&Path>,
    packed: &Pack,
    (args, screen): (&args::Import, &mut Screen),
) -> Result<(), Failure> {
    let place = init::vacant(dir)?;
    let changes: usize = packed.documents.iter().map(|(_, changes)| changes.len()).sum();
    let documents = packed.documents.len();
    let dry = args.dry_run || !args.yes;
    if !dry {
        pack::unpack(&place.directory, packed)?;
    }
    match screen.form {
        Form::Json => screen.json(&json!({
            "dry_run": dry,
            "context": packed.context.to_string(),
            "directory": told(&place.directory),
            "documents": documents,
            "changes": changes,
        }))?,
        Form::Text if dry => {
            say!(screen, "would make a replica here: {documents} documents, {changes} changes")?;
            say!(screen, "nothing was written: --yes does it")?;
        }
        Form::Text => {
            say!(
                screen,
                "a replica in {}: {documents} documents, {changes} changes",
                told(&place.directory).display()
            )?;
            say!(screen, "`wattle whoami` says what you may do in it")?;
        }
    }
    Ok(())
}
