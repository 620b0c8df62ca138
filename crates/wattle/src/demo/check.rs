//! What the demonstration claims, checked.

use std::time::Duration;

use sha2::{Digest, Sha256};
use wattle_context::plain::hex;
use wattle_context::{Context, LogFilter};
use wattle_sync::Parts;

use super::cast::Actor;
use crate::failure::Failure;
use crate::screen::{Screen, say};

/// How long replicas that can reach each other may take to become equal here.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Fails with the claim if it does not hold.
pub(super) fn claim(holds: bool, claim: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Claim { claim: claim.to_owned() }) }
}

/// Waits until both are equal, and shows that they are.
pub(super) async fn equal(screen: &mut Screen, a: &Actor, b: &Actor) -> Result<(), Failure> {
    let print = until_equal(a, b).await?;
    let (tick, names) = (screen.paint.green("="), format!("{} and {}", a.name, b.name));
    Ok(say!(screen, "  {tick} {names} are equal: {print}")?)
}

/// Waits until both export the same bytes; answers their fingerprint.
pub(super) async fn until_equal(a: &Actor, b: &Actor) -> Result<String, Failure> {
    let equal = tokio::time::timeout(PATIENCE, meet(a, b)).await;
    equal.unwrap_or_else(|_| {
        let claim = format!("{} and {} are equal within {PATIENCE:?}", a.name, b.name);
        Err(Failure::Claim { claim })
    })
}

async fn meet(a: &Actor, b: &Actor) -> Result<String, Failure> {
    let (mut news_a, mut news_b) = (a.peer.watch(), b.peer.watch());
    loop {
        let (one, two) = (a.fingerprint().await?, b.fingerprint().await?);
        if one == two {
            return Ok(one);
        }
        tokio::select! {
            notice = news_a.next() => claim(notice.is_some(), "the peer stays open")?,
            notice = news_b.next() => claim(notice.is_some(), "the peer stays open")?,
        }
    }
}

/// The beginning of the SHA-256 of what `wattle export --json` prints.
pub(super) fn fingerprint(context: &Context) -> String {
    let exported = format!("{:#}\n", context.export());
    hex(Sha256::digest(exported.as_bytes()).iter().take(6))
}

/// Both histories hold every change that any writer was acknowledged, and no other; answers how many.
pub(super) async fn nothing_lost(
    (a, b): (&Actor, &Actor),
    writers: &[&Actor],
) -> Result<usize, Failure> {
    for reader in [a, b] {
        let log =
            reader.peer.view(Parts::All, |context| context.log(&LogFilter::default())).await?;
        for writer in writers {
            let found = log.iter().filter(|entry| entry.by == writer.name).count();
            let made = writer.changes;
            let (reads, wrote) = (reader.name, writer.name);
            claim(
                found == made,
                &format!("{reads} has all {made} changes of {wrote} (it has {found})"),
            )?;
        }
    }
    Ok(writers.iter().map(|writer| writer.changes).sum())
}
