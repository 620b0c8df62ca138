//! A change of one file: worked out, shown, then written.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::entry::{Entry, NAME, Program};
use super::record::{Record, Records};
use super::splice;
use super::trouble::ConnectError;
use super::unfit::Unfit;
use super::{client::Format, file, hooks, jsonc, toml};
use crate::args::clients::Client;
use crate::write;

/// What a file should hold of ours.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// This server.
    Server(Entry),
    /// The hooks of this program.
    Hooks(Program),
    /// No server of ours.
    NoServer,
    /// No hooks of ours.
    NoHooks,
}

/// How what is there is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    /// What somebody changed by hand stays.
    Kept,
    /// It is replaced, or taken out.
    Replaced,
}

/// What stands in a file of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Absent,
    /// What this program writes.
    Ours,
    /// What somebody changed, or wrote.
    Changed(String),
}

/// A file before and after.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) file: PathBuf,
    /// Where it really is.
    real: PathBuf,
    /// None if there is no file.
    pub(super) before: Option<String>,
    /// None if there is to be none.
    pub(super) after: Option<String>,
    /// What taking it back gives again, in place of `after`; none if that is not known.
    first: Option<Option<String>>,
    /// The folders that were made for the file.
    folders: Vec<PathBuf>,
}

impl Change {
    /// Works out what a wish changes.
    pub(super) fn plan(
        (client, path): (Client, &Path),
        (wish, hand): (&Wish, Hand),
        records: &Records,
    ) -> Result<Self, ConnectError> {
        let file = path.to_owned();
        let real = write::real(path).map_err(|error| ConnectError::unreadable(path, error))?;
        let before = read(&real, path)?;
        let record = records.of(&real);
        let text = before.clone().unwrap_or_default();
        let unfit = |unfit| ConnectError::Unfit { file: file.clone(), unfit };
        let found = standing(client, &text, wish).map_err(unfit)?;
        if let (Hand::Kept, Standing::Changed(entry)) = (hand, &found) {
            return Err(ConnectError::ByHand { file, entry: entry.clone() });
        }
        let undone = record.as_ref().and_then(|record| record.undone(&text));
        let folders = record.filter(|_| undone.is_some()).map(|record| record.folders().to_vec());
        let after = match (wish, &undone) {
            (Wish::NoServer | Wish::NoHooks, Some(undone)) => undone.clone(),
            (Wish::NoServer | Wish::NoHooks, None) if before.is_none() => None,
            _ => Some(splice::edited(&text, |text| edit(client, text, wish)).map_err(unfit)?),
        };
        let first = match (wish, found, undone) {
            // What is taken out does not come back with the next taking back.
            (Wish::NoServer | Wish::NoHooks, _, _) => None,
            (_, _, Some(undone)) => Some(undone),
            // Somebody has written the file since our entry came in: how it was without is not known.
            (_, Standing::Ours, None) => None,
            (_, Standing::Absent | Standing::Changed(_), None) => Some(before.clone()),
        };
        Ok(Self { file, real, before, after, first, folders: folders.unwrap_or_default() })
    }

    /// Whether there is anything to do.
    pub(super) fn is_needed(&self) -> bool {
        self.before != self.after
    }

    /// The change as people read it.
    pub(super) fn diff(&self) -> String {
        let (before, after) = (self.before.as_deref(), self.after.as_deref());
        let (old, new) = (before.unwrap_or_default(), after.unwrap_or_default());
        let name = self.file.display().to_string();
        let named = |text: Option<&str>| text.map_or("/dev/null", |_| name.as_str());
        let diff = TextDiff::from_lines(old, new);
        diff.unified_diff().context_radius(2).header(named(before), named(after)).to_string()
    }

    /// Writes it, unless the file has changed since it was read.
    pub(super) fn write(&self, records: &Records) -> Result<(), ConnectError> {
        let unwritable = |error| ConnectError::Unwritable { file: self.file.clone(), error };
        if read(&self.real, &self.file)? != self.before {
            return Err(ConnectError::Moved { file: self.file.clone() });
        }
        let Some(after) = &self.after else {
            file::remove(&self.real, &self.folders).map_err(unwritable)?;
            return records.forget(&self.real).map_err(unwritable);
        };
        let made = file::make_folder(&self.real).map_err(unwritable)?;
        let real = write::real(&self.real).map_err(unwritable)?;
        write::whole(&real, after.as_bytes()).map_err(unwritable)?;
        self.remember((&real, after), made, records).map_err(unwritable)
    }

    /// Keeps how the file was before the first of several changes, as far as that is known.
    fn remember(
        &self,
        (real, after): (&Path, &str),
        made: Vec<PathBuf>,
        records: &Records,
    ) -> std::io::Result<()> {
        match &self.first {
            Some(first) if first.as_deref() != Some(after) => {
                let folders = if made.is_empty() { self.folders.clone() } else { made };
                records.keep(&Record::of(real, (first.as_deref(), after), folders))
            }
            Some(_) | None => records.forget(real),
        }
    }
}

/// What a file holds of ours, if it can be read.
pub(super) fn standing_in(
    (client, path): (Client, &Path),
    wish: &Wish,
) -> Result<Standing, ConnectError> {
    let text = read(path, path)?.unwrap_or_default();
    let found = standing(client, &text, wish);
    found.map_err(|unfit| ConnectError::Unfit { file: path.to_owned(), unfit })
}

fn read(real: &Path, named: &Path) -> Result<Option<String>, ConnectError> {
    let bytes = file::read(real).map_err(|error| ConnectError::unreadable(named, error))?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        ConnectError::Unfit { file: named.to_owned(), unfit: Unfit::NotText { at } }
    })
}

fn standing(client: Client, text: &str, wish: &Wish) -> Result<Standing, Unfit> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    match wish {
        Wish::Server(_) | Wish::NoServer => {
            let place = (client.servers(), NAME);
            let entry = match client.format() {
                Format::Json => jsonc::find(text, place)?,
                Format::Toml => toml::find(text, place)?,
            };
            found.extend(entry.map(|entry| (Entry::read(client, &entry).is_some(), entry)));
        }
        Wish::Hooks(_) | Wish::NoHooks => {
            for (event, hook) in hooks::EVENTS {
                let one = hooks::find(text, (event, hook))?;
                found.extend(one.map(|one| (hooks::read(&one, hook).is_some(), one)));
            }
        }
    }
    let changed = found.iter().find(|(ours, _)| !ours);
    Ok(match (found.is_empty(), changed) {
        (true, _) => Standing::Absent,
        (false, None) => Standing::Ours,
        (false, Some((_, entry))) => Standing::Changed(format!("{entry:#}")),
    })
}

fn edit(client: Client, text: &str, wish: &Wish) -> Result<String, Unfit> {
    let place = (client.servers(), NAME);
    match (wish, client.format()) {
        (Wish::Server(entry), Format::Json) => {
            let wanted = entry.written(client);
            if jsonc::find(text, place)?.as_ref() == Some(&wanted) {
                return Ok(text.to_owned());
            }
            jsonc::put(fresh(client, text), place, &wanted)
        }
        (Wish::Server(entry), Format::Toml) => {
            let wanted = entry.written(client);
            if toml::find(text, place)?.as_ref() == Some(&wanted) {
                return Ok(text.to_owned());
            }
            toml::put(text, place, &wanted)
        }
        (Wish::NoServer, Format::Json) => jsonc::take(text, place),
        (Wish::NoServer, Format::Toml) => toml::take(text, place),
        (Wish::Hooks(program), _) => {
            let put = |text: String, (event, hook): (&'static str, &'static str)| {
                let wanted = hooks::written(program, hook);
                if hooks::find(&text, (event, hook))?.as_ref() == Some(&wanted) {
                    return Ok(text);
                }
                hooks::put(&text, (event, hook), &wanted)
            };
            hooks::EVENTS.into_iter().try_fold(fresh(client, text).to_owned(), put)
        }
        (Wish::NoHooks, _) => {
            let take = |text: String, place| hooks::take(&text, place);
            hooks::EVENTS.into_iter().try_fold(text.to_owned(), take)
        }
    }
}

/// What a new file begins with.
fn fresh(client: Client, text: &str) -> &str {
    match (client, text.is_empty()) {
        // It writes this line itself into a file without it, and the file would be another.
        (Client::OpenCode, true) => "{\n  \"$schema\": \"https://opencode.ai/config.json\"\n}\n",
        (_, true) => "{}\n",
        (_, false) => text,
    }
}
