//! Which clients are here, and which are connected.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::change::{Standing, Wish, standing_in};
use super::client::Scope;
use super::{ConnectError, Ground};
use crate::args::clients::Client;
use crate::failure::Failure;
use crate::screen::{Form, Screen, say};

/// A file of a client, and what of ours is in it.
struct Place {
    scope: &'static str,
    what: &'static str,
    file: PathBuf,
    state: &'static str,
    problem: Option<String>,
}

/// Lists all clients.
pub(super) fn run(ground: &Ground, screen: &mut Screen) -> Result<(), Failure> {
    if screen.form == Form::Json {
        let clients: Vec<Json> = Client::ALL.iter().map(|client| told(*client, ground)).collect();
        screen.json(&json!({ "clients": clients }))?;
        return Ok(());
    }
    for client in Client::ALL {
        let here = if is_here(client, ground) { "here" } else { "not found" };
        let name = screen.paint.bold(&format!("{:15}", client.name()));
        let places = places(client, ground);
        let mut lines = places.iter().filter(|place| place.state != "absent").map(line);
        let first = lines.next().unwrap_or_else(|| "not connected".to_owned());
        say!(screen, "{name} {here:10} {first}")?;
        for line in lines {
            say!(screen, "{:26} {line}", "")?;
        }
    }
    Ok(())
}

fn line(place: &Place) -> String {
    let problem = place.problem.as_ref().map(|problem| format!(": {problem}"));
    let (scope, what, state) = (place.scope, place.what, place.state);
    format!("{scope} {what} {state} ({}){}", place.file.display(), problem.unwrap_or_default())
}

fn told(client: Client, ground: &Ground) -> Json {
    let place = |place: Place| {
        json!({
            "scope": place.scope,
            "what": place.what,
            "file": place.file,
            "state": place.state,
            "problem": place.problem,
        })
    };
    let places: Vec<Json> = places(client, ground).into_iter().map(place).collect();
    json!({ "client": client.name(), "here": is_here(client, ground), "places": places })
}

fn is_here(client: Client, ground: &Ground) -> bool {
    client.folder(&ground.folders).is_dir()
}

fn places(client: Client, ground: &Ground) -> Vec<Place> {
    let mut places = Vec::new();
    for (scope, named) in [(Scope::Project, "project"), (Scope::User, "user")] {
        let server = ground.server(client, scope, Wish::NoServer).map(|place| (place, "server"));
        let hooks = ground.hooks(client, scope, Wish::NoHooks).map(|place| (place, "hooks"));
        for ((file, wish), what) in server.into_iter().chain(hooks) {
            let found = standing_in((client, &file), &wish);
            let (state, problem) = match found {
                Ok(Standing::Absent) => ("absent", None),
                Ok(Standing::Ours) => ("connected", None),
                Ok(Standing::Changed(_)) => ("changed by hand", None),
                Err(ConnectError::Unfit { unfit, .. }) => ("unreadable", Some(unfit.to_string())),
                Err(error) => ("unreadable", Some(error.to_string())),
            };
            places.push(Place { scope: named, what, file, state, problem });
        }
    }
    places
}
