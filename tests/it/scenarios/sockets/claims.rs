//! Claims over real sockets.

use wattle_sim::scenario::{Claiming, Standing as Wanted, Verb};
use wattle_sync::task::{After, Handle, Report, Standing, TTL_S};

use super::{Stage, view};

impl Stage {
    /// Does what a step wants of a task, with the claim that the peer has last made of it.
    pub(super) async fn claim(&mut self, name: &str, claiming: &Claiming) -> Result<(), String> {
        let peer = self.alive(name)?;
        let path = self.names.path(&claiming.path);
        let task = view(&peer, move |context| context.locate(&path)).await?;
        let task = task.map_err(|error| error.to_string())?.item.ok_or("no task")?;
        let known = (name.to_owned(), task);
        let handle = self.handles.get(&known).cloned().ok_or("it has not claimed this task");
        let standing = match &claiming.verb {
            Verb::Claim { seconds } => {
                let taken = peer.claim_task(task, name, (*seconds).into()).await;
                let taken = taken.map_err(|error| error.to_string())?;
                self.handles.extend(taken.handle.map(|handle| (known, handle)));
                taken.standing
            }
            Verb::Renew { seconds } => peer
                .renew_claim(&handle?, (*seconds).into())
                .await
                .map_err(|error| error.to_string())?,
            Verb::Report { status } => report(&peer, &handle?, status).await?,
            Verb::Release => report(&peer, &handle?, "open").await?,
        };
        let found = match standing {
            Standing::Leased { .. } => Wanted::Leased,
            Standing::Optimistic { .. } => Wanted::Optimistic,
            Standing::Lost { .. } => Wanted::Lost,
        };
        match claiming.standing {
            Some(wanted) if wanted != found => Err(format!("it is {found}")),
            Some(_) | None => Ok(()),
        }
    }
}

async fn report(
    peer: &wattle_sync::Peer,
    handle: &Handle,
    status: &str,
) -> Result<Standing, String> {
    let ends = ["open", "done"].contains(&status);
    let after = if ends { After::Ends } else { After::GoesOn { ttl_s: TTL_S } };
    let notes = [None, Some("a stale claim".to_owned())];
    let report = Report { status: status.to_owned(), after, notes, why: String::new() };
    peer.report_on_task(handle, report).await.map_err(|error| error.to_string())
}
