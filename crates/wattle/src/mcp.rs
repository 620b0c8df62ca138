//! `wattle mcp`.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use wattle_mcp::Open;
use wattle_mcp::http::{Endpoint, Offer, OpenAs, Terms, Tokens};
use wattle_sync::Peer;

use crate::failure::Failure;
use crate::session::{Acting, Session};
use crate::signal::Stop;

/// What stands in the history until a client has said its name; nothing is written before that.
const CLIENT: &str = "wattle mcp";

/// Serves an agent's program until it goes, or until it is asked to end.
///
/// The folder is looked for when the agent first asks: that there is no context yet is an answer to
/// the agent, not an end of the server.
pub(crate) async fn run(dir: Option<&Path>, acting: Acting) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let dir = dir.map(Path::to_owned);
    let open: Open = Box::new(move |client| Box::pin(open(dir.clone(), acting.clone(), client)));
    tokio::select! {
        served = wattle_mcp::serve(open) => served?,
        () = stop.asked() => {}
    }
    // A read of standard input cannot be taken back, and would keep the process.
    process::exit(0)
}

/// The context of a session for agents over HTTP, each as whom its token serves.
pub(crate) fn endpoint(session: &Session) -> Result<Endpoint, Failure> {
    let tokens = Tokens::of(session.directory());
    let session = session.clone();
    let open: OpenAs = Arc::new(move |agent, client| {
        let session = session.clone();
        Box::pin(async move {
            let opened = session.open_for(Acting(agent), client).await;
            opened.map_err(|failure| failure.to_string())
        })
    });
    Ok(Endpoint::new(vec![Offer { tokens, open }], Terms::default())?)
}

async fn open(dir: Option<PathBuf>, acting: Acting, client: String) -> Result<Peer, String> {
    let opened = async { Session::find(dir.as_deref(), acting, CLIENT)?.online_as(client).await };
    opened.await.map_err(|failure| failure.to_string())
}
