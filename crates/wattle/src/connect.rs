//! `wattle connect` and `wattle disconnect`: this server in the configuration of an agent's program.
//!
//! Nothing is written that was not shown, and nothing else in a file is touched.

use std::env;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use wattle_sync::Identity;

use crate::args::clients::{Client, Connect, Disconnect, How};
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::{Form, Paint, Screen, say};
use crate::session::{Acting, told};

mod change;
mod client;
mod entry;
mod file;
mod hooks;
mod jsonc;
mod list;
mod record;
mod splice;
mod toml;
mod trouble;
mod unfit;

use change::{Change, Hand, Wish};
use client::{Folders, Scope};
use entry::{Entry, Program};
use record::Records;
pub(crate) use trouble::ConnectError;

/// Where configurations and what is known of them lie.
struct Ground {
    folders: Folders,
    records: Records,
}

/// Gives a client this server, or lists the clients.
pub(crate) fn connect(
    (dir, acting): (Option<&Path>, &Acting),
    args: Connect,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let Some(client) = args.client else { return list::run(&ground(project(dir))?, screen) };
    let scope = scope(client, &args.how);
    let place = match (&args.http, scope) {
        (Some(_), _) => project(dir).map_or_else(|| here(dir), Ok)?,
        (None, Scope::User) if client.has_projects() && dir.is_none() => PathBuf::new(),
        (None, _) => root(dir)?,
    };
    let ground = ground(Some(place.clone()))?;
    let mut wishes = Vec::new();
    if let Some(url) = &args.http {
        let remote = remote(client, (url, args.token_env.as_deref()), acting)?;
        wishes.extend(ground.server(client, scope, Wish::Server(remote)));
    } else {
        let program = program((client, scope), (&args, acting), (dir, &place))?;
        let entry = Entry::Program(program.clone());
        wishes.extend(ground.server(client, scope, Wish::Server(entry)));
        if !args.no_hooks {
            wishes.extend(ground.hooks(client, scope, Wish::Hooks(program)));
        }
    }
    let changes = ground.plan(client, &wishes, &args.how)?;
    let done = apply(&ground, (client, &changes), (&args.how, screen))?;
    if screen.form == Form::Text && done == Done::Written {
        say!(screen, "next: {}", client.next(scope))?;
    }
    Ok(())
}

/// Takes this server out of a client's configuration.
pub(crate) fn disconnect(
    dir: Option<&Path>,
    args: Disconnect,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let (client, scope) = (args.client, scope(args.client, &args.how));
    let ground = ground(Some(project(dir).map_or_else(|| here(dir), Ok)?))?;
    let server = ground.server(client, scope, Wish::NoServer);
    let hooks = ground.hooks(client, scope, Wish::NoHooks);
    let wishes: Vec<_> = server.into_iter().chain(hooks).collect();
    let changes = ground.plan(client, &wishes, &args.how)?;
    apply(&ground, (client, &changes), (&args.how, screen))?;
    Ok(())
}

/// What became of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// There was nothing to do.
    Nothing,
    /// They were shown.
    Shown,
    /// They are on the disk.
    Written,
}

fn scope(client: Client, how: &How) -> Scope {
    if how.user || !client.has_projects() { Scope::User } else { Scope::Project }
}

/// The project around the context, if there is one.
fn project(dir: Option<&Path>) -> Option<PathBuf> {
    root(dir).ok()
}

fn root(dir: Option<&Path>) -> Result<PathBuf, Failure> {
    Ok(told(&Place::find(dir)?.root))
}

fn here(dir: Option<&Path>) -> Result<PathBuf, Failure> {
    match dir {
        Some(dir) => Ok(told(dir)),
        None => env::current_dir().map_err(|error| Failure::Here { error }),
    }
}

fn ground(project: Option<PathBuf>) -> Result<Ground, Failure> {
    let folders = Folders::of(project).ok_or(ConnectError::NoHome)?;
    Ok(Ground { folders, records: Records::new(&Identity::config_dir()?) })
}

impl Ground {
    fn server(&self, client: Client, scope: Scope, wish: Wish) -> Option<(PathBuf, Wish)> {
        Some((client.file(scope, &self.folders)?, wish))
    }

    fn hooks(&self, client: Client, scope: Scope, wish: Wish) -> Option<(PathBuf, Wish)> {
        Some((client.hooks(scope, &self.folders)?, wish))
    }

    fn plan(
        &self,
        client: Client,
        wishes: &[(PathBuf, Wish)],
        how: &How,
    ) -> Result<Vec<Change>, ConnectError> {
        let hand = if how.force { Hand::Replaced } else { Hand::Kept };
        let plan = |(file, wish): &(PathBuf, Wish)| {
            Change::plan((client, file), (wish, hand), &self.records)
        };
        let mut changes = wishes.iter().map(plan).collect::<Result<Vec<_>, _>>()?;
        changes.retain(Change::is_needed);
        Ok(changes)
    }
}

/// The program that the client starts.
fn program(
    (client, scope): (Client, Scope),
    (args, acting): (&Connect, &Acting),
    (dir, place): (Option<&Path>, &Path),
) -> Result<Program, Failure> {
    let whose = acting.0.clone();
    if let Some(name) = &whose {
        Identity::agent(&Identity::config_dir()?, name)?;
    }
    let command = match &args.command {
        Some(command) => command.clone(),
        // It does not look for programs where a shell does.
        None if client == Client::ClaudeDesktop => {
            text(&env::current_exe().map_err(|error| Failure::Here { error })?)?
        }
        None => entry::NAME.to_owned(),
    };
    let dir = match (client, scope) {
        // They start servers anywhere, and put the project's folder in for this.
        (Client::Cursor | Client::VsCode, Scope::Project) => Some("${workspaceFolder}".to_owned()),
        (Client::ClaudeDesktop, _) => Some(text(place)?),
        (_, Scope::User) if dir.is_some() => Some(text(place)?),
        (_, Scope::User | Scope::Project) => None,
    };
    Ok(Program { command, whose, dir })
}

/// The server that runs elsewhere.
fn remote(
    client: Client,
    (url, token_env): (&str, Option<&str>),
    acting: &Acting,
) -> Result<Entry, Failure> {
    if client == Client::ClaudeDesktop {
        return Err(ConnectError::NoRemote.into());
    }
    if acting.0.is_some() {
        let what = "with --http the token says who acts: leave out --as and WATTLE_AS".to_owned();
        return Err(Failure::Usage { what });
    }
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
        return Err(ConnectError::NoUrl { url: url.to_owned() }.into());
    }
    let named = |name: &str| {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(letters)
    };
    match token_env {
        Some(name) if !named(name) => {
            Err(ConnectError::NoVariable { name: name.to_owned() }.into())
        }
        _ => Ok(Entry::Remote { url: url.to_owned(), token_env: token_env.map(str::to_owned) }),
    }
}

fn text(path: &Path) -> Result<String, ConnectError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| ConnectError::NotText { path: path.to_owned() })
}

/// Shows changes, asks, and writes them.
fn apply(
    ground: &Ground,
    (client, changes): (Client, &[Change]),
    (how, screen): (&How, &mut Screen),
) -> Result<Done, Failure> {
    let write = !how.dry_run && !changes.is_empty();
    if screen.form == Form::Text {
        for change in changes {
            show(screen, &change.diff())?;
        }
        if changes.is_empty() {
            say!(screen, "{}: nothing to do", client.name())?;
        }
    }
    if write {
        if !how.yes {
            ask()?;
        }
        for change in changes {
            change.write(&ground.records)?;
            if screen.form == Form::Text {
                let verb = if change.after.is_none() { "removed" } else { "wrote" };
                say!(screen, "{verb} {}", change.file.display())?;
            }
        }
    }
    if screen.form == Form::Json {
        let changes: Vec<_> = changes.iter().map(as_json).collect();
        screen.json(&json!({ "client": client.name(), "changes": changes, "written": write }))?;
    }
    Ok(match (changes.is_empty(), write) {
        (true, _) => Done::Nothing,
        (false, false) => Done::Shown,
        (false, true) => Done::Written,
    })
}

fn as_json(change: &Change) -> serde_json::Value {
    let action = match (&change.before, &change.after) {
        (None, _) => "create",
        (Some(_), None) => "remove",
        (Some(_), Some(_)) => "change",
    };
    json!({ "file": change.file, "action": action, "diff": change.diff() })
}

fn show(screen: &mut Screen, diff: &str) -> io::Result<()> {
    let paint: Paint = screen.paint;
    for line in diff.lines() {
        let line = match line.chars().next() {
            Some('+') => paint.green(line),
            Some('-') => paint.red(line),
            Some('@') => paint.dim(line),
            _ => line.to_owned(),
        };
        say!(screen, "{line}")?;
    }
    Ok(())
}

/// Asks the person at the terminal.
fn ask() -> Result<(), Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() || !io::stderr().is_terminal() {
        return Err(ConnectError::NotAsked.into());
    }
    write!(io::stderr(), "write this? [y/N] ")?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|error| Failure::Input { error })?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(ConnectError::Declined.into()),
    }
}
