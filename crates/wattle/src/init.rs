//! `wattle init` and `wattle join`: a context gets its folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use wattle_sync::{JoinLink, NotSettled, Options, Peer};

use crate::args;
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::{Form, Progress, Screen, say};
use crate::session::{self, identity, told};

/// Who takes part, and who was asked for: the name goes with the key, and that may be there already.
struct You {
    name: String,
    asked: Option<String>,
}

/// Makes a context.
pub(crate) async fn init(
    dir: Option<&Path>,
    args: args::Init,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let place = vacant(dir)?;
    let name = match args.name {
        Some(name) => name,
        None => folder_name(&place),
    };
    let identity = identity(args.person.clone())?;
    let you = You { name: identity.name.clone(), asked: args.person };
    let peer = Peer::create(Options::new(&place.directory, identity), &name).await?;
    let directory = told(&place.directory);
    if screen.form == Form::Json {
        screen.json(&json!({
            "context": peer.context_id().to_string(),
            "name": name,
            "directory": directory,
            "you": you.name,
            "key": peer.key().to_string(),
        }))?;
    } else {
        let paint = screen.paint;
        say!(screen, "context {} in {}", paint.bold(&name), directory.display())?;
        you.tell(screen)?;
        say!(screen, "next:")?;
        say!(screen, "  wattle edit rules add \"No deploys on Friday\"")?;
        say!(screen, "  wattle show")?;
        say!(screen, "  wattle up          shares it with other machines and agents")?;
    }
    peer.close().await;
    Ok(())
}

/// Takes part in a context.
pub(crate) async fn join(
    dir: Option<&Path>,
    args: args::Join,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let link: JoinLink = args.link.parse()?;
    let place = vacant(dir)?;
    let mut progress = Progress::new();
    progress.show("connecting");
    let identity = identity(args.person.clone())?;
    let you = You { name: identity.name.clone(), asked: args.person };
    let peer = Peer::join(Options::new(&place.directory, identity), &link).await?;
    let settled = peer.settled(Duration::from_secs(args.timeout)).await;
    drop(progress);
    let begun = peer.name().await.is_some();
    match settled {
        Ok(()) if begun => joined(screen, &peer, (&place, &you), None).await?,
        Err(late) if begun => joined(screen, &peer, (&place, &you), Some(&late)).await?,
        failed => {
            peer.close().await;
            undo(&place)?;
            return Err(Failure::NotJoined { link: args.link, late: failed.err() });
        }
    }
    peer.close().await;
    Ok(())
}

/// Removes what was made for a context of which nothing has come.
fn undo(place: &Place) -> Result<(), Failure> {
    let file = place.directory.clone();
    fs::remove_dir_all(&file).map_err(|error| Failure::Unwritable { file, error })
}

async fn joined(
    screen: &mut Screen,
    peer: &Peer,
    (place, you): (&Place, &You),
    late: Option<&NotSettled>,
) -> Result<(), Failure> {
    let name = session::name(peer).await;
    let directory = told(&place.directory);
    if screen.form == Form::Json {
        screen.json(&json!({
            "context": peer.context_id().to_string(),
            "name": name,
            "directory": directory,
            "you": you.name,
            "key": peer.key().to_string(),
            "in_sync": late.is_none(),
        }))?;
        return Ok(());
    }
    let paint = screen.paint;
    say!(screen, "joined {} in {}", paint.bold(&name), directory.display())?;
    you.tell(screen)?;
    if let Some(late) = late {
        let line = format!("not everything has come yet: {late}; `wattle sync` goes on");
        say!(screen, "{}", paint.yellow(&line))?;
    }
    say!(screen, "next:")?;
    say!(screen, "  wattle show")?;
    say!(
        screen,
        "  wattle sync        stays connected; every edit of either side is there at once"
    )?;
    Ok(())
}

impl You {
    fn tell(&self, screen: &mut Screen) -> Result<(), Failure> {
        let name = screen.paint.green(&self.name);
        let ignored = self.asked.as_ref().filter(|asked| **asked != self.name);
        match ignored {
            None => say!(screen, "you are {name}")?,
            Some(asked) => say!(
                screen,
                "you are {name} and not {asked}: this machine has your key already; another one needs another WATTLE_CONFIG_DIR"
            )?,
        }
        Ok(())
    }
}

fn vacant(dir: Option<&Path>) -> Result<Place, Failure> {
    let place = Place::fresh(dir)?;
    if place.directory.is_dir() {
        return Err(Failure::Occupied { directory: told(&place.directory) });
    }
    Ok(place)
}

fn folder_name(place: &Place) -> String {
    let root = told(&place.root);
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "context".to_owned())
}
