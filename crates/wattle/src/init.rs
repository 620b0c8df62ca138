//! `wattle init` and `wattle join`: a context gets its folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use wattle_sync::{Identity, JoinLink, NotSettled, Options, Peer};

use crate::args;
use crate::failure::Failure;
use crate::place::Place;
use crate::recover;
use crate::screen::{Form, Progress, Screen, say};
use crate::session::{self, Acting, told};

/// How long `init --relay` waits for the relay.
const RELAY_PATIENCE: Duration = Duration::from_secs(20);

/// A context that has its folder now.
struct Arrival {
    place: Place,
    way: Way,
    /// What somebody is called; who asked for another name has a key already.
    you: String,
    asked: Option<String>,
    /// Whether everything was exchanged with the relay; none when there is no relay.
    exchanged: Option<Result<(), NotSettled>>,
}

/// How it came.
enum Way {
    /// Made, perhaps with a key to fall back on.
    Made { recovery: Option<Box<Identity>> },
    /// From others.
    Joined,
}

/// Makes a context.
pub(crate) async fn init(
    (dir, acting): (Option<&Path>, &Acting),
    args: args::Init,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let place = vacant(dir)?;
    let name = args.name.or(args.called).unwrap_or_else(|| folder_name(&place));
    let asked = acting.named(None);
    let identity = acting.newcomer(asked.as_deref())?;
    let you = identity.name.clone();
    let recovery = args.recovery.then(recover::fresh).transpose()?.map(Box::new);
    let mut options = Options::new(&place.directory, identity);
    options.recovery = recovery.as_deref().map(Identity::key);
    let peer = Peer::create(options, &name).await?;
    let exchanged = match &args.relay {
        None => None,
        Some(relay) => Some(kept_at(&peer, relay).await?),
    };
    let way = Way::Made { recovery };
    arrived(screen, &peer, Arrival { place, way, you, asked, exchanged }).await?;
    peer.close().await;
    Ok(())
}

/// Remembers a relay, and brings the context there.
async fn kept_at(peer: &Peer, relay: &str) -> Result<Result<(), NotSettled>, Failure> {
    peer.add_remote(relay).await?;
    let mut progress = Progress::new();
    progress.show("connecting");
    Ok(peer.settled(RELAY_PATIENCE).await)
}

/// Takes part in a context.
pub(crate) async fn join(
    (dir, acting): (Option<&Path>, &Acting),
    args: args::Join,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let link: JoinLink = args.link.parse()?;
    let place = vacant(dir)?;
    let asked = acting.named(args.name);
    let identity = acting.newcomer(asked.as_deref())?;
    let you = identity.name.clone();
    let options = Options::new(&place.directory, identity);
    let (peer, exchanged) = enter(options, (&place, &link), args.timeout).await?;
    let exchanged = Some(exchanged);
    let arrival = Arrival { place, way: Way::Joined, you, asked, exchanged };
    arrived(screen, &peer, arrival).await?;
    peer.close().await;
    Ok(())
}

/// A peer of a context that has begun to arrive. When it does not, nothing is left behind.
pub(crate) async fn enter(
    mut options: Options,
    (place, link): (&Place, &JoinLink),
    timeout_s: u64,
) -> Result<(Peer, Result<(), NotSettled>), Failure> {
    let mut progress = Progress::new();
    progress.show("connecting");
    let patience = Duration::from_secs(timeout_s);
    options.access_patience = patience;
    let peer = match Peer::join(options, link).await {
        Ok(peer) => peer,
        Err(error) => {
            undo(place)?;
            return Err(Failure::refused_link(error));
        }
    };
    let settled = peer.settled(patience).await;
    if peer.name().await.is_some() {
        return Ok((peer, settled));
    }
    peer.close().await;
    undo(place)?;
    if let Err(NotSettled::NotAdmitted { refusal }) = &settled {
        return Err(Failure::not_admitted(refusal));
    }
    Err(Failure::NotJoined { link: without_secret(link), late: settled.err() })
}

/// A link as it may be told: whoever reads along learns no secret.
pub(crate) fn without_secret(link: &JoinLink) -> String {
    JoinLink { secret: None, ..link.clone() }.to_string()
}

/// Removes what was made for a context of which nothing has come.
fn undo(place: &Place) -> Result<(), Failure> {
    let file = place.directory.clone();
    match fs::remove_dir_all(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::Unwritable { file, error })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Says what there is now, in one shape for both ways.
async fn arrived(screen: &mut Screen, peer: &Peer, arrival: Arrival) -> Result<(), Failure> {
    let name = session::name(peer).await;
    let role = peer.whoami().await?.member.and_then(|member| member.now);
    let directory = told(&arrival.place.directory);
    let (joined, recovery) = match &arrival.way {
        Way::Made { recovery } => (false, recovery.as_deref()),
        Way::Joined => (true, None),
    };
    if screen.form == Form::Json {
        screen.json(&json!({
            "context": peer.context_id().to_string(),
            "name": name,
            "directory": directory,
            "you": arrival.you,
            "key": peer.key().to_string(),
            "role": role.map(|role| role.to_string()),
            "joined": joined,
            "in_sync": arrival.exchanged.as_ref().map(Result::is_ok),
            "recovery": recovery.map(Identity::recovery_text),
        }))?;
        return Ok(());
    }
    let paint = screen.paint;
    let verb = if joined { "joined" } else { "context" };
    say!(screen, "{verb} {} in {}", paint.bold(&name), directory.display())?;
    let role = role.map_or_else(String::new, |role| format!(", {role}"));
    you(screen, &arrival, &role)?;
    if let Some(recovery) = recovery {
        recover::explain(screen, recovery)?;
    }
    if let Some(Err(late)) = &arrival.exchanged {
        let line = format!("not everything is exchanged yet: {late}; `wattle sync` goes on");
        say!(screen, "{}", paint.yellow(&line))?;
    }
    next(screen, &arrival)
}

fn you(screen: &mut Screen, arrival: &Arrival, role: &str) -> Result<(), Failure> {
    let name = screen.paint.green(&arrival.you);
    match arrival.asked.as_ref().filter(|asked| **asked != arrival.you) {
        None => say!(screen, "you are {name}{role}")?,
        Some(asked) => say!(
            screen,
            "you are {name}{role}, and not {asked}: this machine has your key already; another one needs another WATTLE_CONFIG_DIR"
        )?,
    }
    Ok(())
}

fn next(screen: &mut Screen, arrival: &Arrival) -> Result<(), Failure> {
    say!(screen, "next:")?;
    match (&arrival.way, &arrival.exchanged) {
        (Way::Joined, _) => {
            say!(screen, "  wattle show")?;
            let sync = "stays connected; every edit of either side is there at once";
            say!(screen, "  wattle sync        {sync}")?;
        }
        (Way::Made { .. }, exchanged) => {
            say!(screen, "  wattle edit rules add \"No deploys on Friday\"")?;
            say!(screen, "  wattle show")?;
            if exchanged.is_some() {
                say!(screen, "  wattle invite      prints a link for somebody else")?;
            } else {
                say!(screen, "  wattle up          shares it with other machines and agents")?;
            }
        }
    }
    Ok(())
}

pub(crate) fn vacant(dir: Option<&Path>) -> Result<Place, Failure> {
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
