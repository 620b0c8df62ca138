//! Carrying out what the machine asks of its store.

use wattle_protocol::lease::{Outcome, Wanted};
use wattle_protocol::{Position, StoreReply, StoreRequest};

use crate::error::StoreError;
use crate::store::{Append, Store};

#[cfg(test)]
mod tests;

/// Carries out the requests and answers them in their order; `Remember` has no answer.
///
/// Appends are committed together, and so are leases, so that many cost one synchronisation: all that come before the next
/// request that could see what they have stored. When such a group fails because of what one request
/// asks, each is tried alone, so that no other suffers. When it fails because of the storage, all have
/// failed: nothing is tried again.
pub fn serve(store: &mut dyn Store, requests: Vec<StoreRequest>) -> Vec<StoreReply> {
    let mut replies = Vec::with_capacity(requests.len());
    let mut group = Vec::new();
    for request in requests {
        if sees_appends(&request) {
            serve_group(store, std::mem::take(&mut group), &mut replies);
            serve_group(store, vec![request], &mut replies);
        } else {
            group.push(request);
        }
    }
    serve_group(store, group, &mut replies);
    replies
}

/// Whether it makes a difference on which side of an append it is carried out.
/// Positions are known only once they are stored, so `Read` is not among them.
fn sees_appends(request: &StoreRequest) -> bool {
    match request {
        StoreRequest::LoadContext { .. }
        | StoreRequest::LoadGraph { .. }
        | StoreRequest::AppendAccess { .. }
        | StoreRequest::ReplaceAccess { .. }
        | StoreRequest::Cutoffs { .. }
        | StoreRequest::Remove { .. } => true,
        StoreRequest::LoadRemote { .. }
        | StoreRequest::Read { .. }
        | StoreRequest::ReadSnapshot { .. }
        | StoreRequest::Append { .. }
        | StoreRequest::Lease { .. }
        | StoreRequest::Remember { .. } => false,
    }
}

fn serve_group(
    store: &mut dyn Store,
    mut requests: Vec<StoreRequest>,
    replies: &mut Vec<StoreReply>,
) {
    let batch: Vec<Append> = requests.iter_mut().filter_map(take_append).collect();
    let mut positions = commit(store, &batch).into_iter();
    let mut batch = batch.into_iter();
    let wanted: Vec<Wanted> = requests.iter().filter_map(of_lease).collect();
    let mut leased = lease(store, &wanted).into_iter();
    for request in requests {
        if let StoreRequest::Lease { wanted } = request {
            replies.extend(leased.next().map(|outcome| done(wanted, outcome)));
        } else if is_append(&request) {
            let (Some(append), Some(positions)) = (batch.next(), positions.next()) else { return };
            replies.push(appended(request, append, positions));
        } else {
            let answer = carry_out(store, &request);
            replies.extend(answer.unwrap_or_else(|error| failed(request, &error)));
        }
    }
}

fn of_lease(request: &StoreRequest) -> Option<Wanted> {
    if let StoreRequest::Lease { wanted } = request { Some(**wanted) } else { None }
}

/// Commits all together: none can be at fault.
fn lease(store: &mut dyn Store, wanted: &[Wanted]) -> Vec<Result<Outcome, StoreError>> {
    if wanted.is_empty() {
        return Vec::new();
    }
    match store.lease(wanted) {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) => wanted.iter().map(|_| Err(error.clone())).collect(),
    }
}

fn done(wanted: Box<Wanted>, outcome: Result<Outcome, StoreError>) -> StoreReply {
    match outcome {
        Ok(outcome) => StoreReply::Leased { wanted, outcome },
        Err(error) => StoreReply::Failed {
            request: StoreRequest::Lease { wanted },
            reason: error.to_string(),
        },
    }
}

fn is_append(request: &StoreRequest) -> bool {
    matches!(request, StoreRequest::Append { .. })
}

/// Takes the changes out of the request; [`appended`] puts them back when they were not stored.
fn take_append(request: &mut StoreRequest) -> Option<Append> {
    if let StoreRequest::Append { context, document, changes, .. } = request {
        let changes = std::mem::take(changes);
        Some(Append { context: *context, document: *document, changes })
    } else {
        None
    }
}

/// Commits all together, or, when one of them is at fault, each alone.
fn commit(store: &mut dyn Store, batch: &[Append]) -> Vec<Result<Vec<Position>, StoreError>> {
    if batch.is_empty() {
        return Vec::new();
    }
    match store.append(batch) {
        Ok(positions) => positions.into_iter().map(Ok).collect(),
        Err(error) if error.is_of_request() && batch.len() > 1 => commit_each(store, batch),
        Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
    }
}

fn commit_each(store: &mut dyn Store, batch: &[Append]) -> Vec<Result<Vec<Position>, StoreError>> {
    let mut broken: Option<StoreError> = None;
    let each = batch.iter().map(|append| {
        if let Some(error) = &broken {
            return Err(error.clone());
        }
        let result = store.append(std::slice::from_ref(append));
        broken = result.as_ref().err().filter(|error| !error.is_of_request()).cloned();
        Ok(result?.into_iter().flatten().collect())
    });
    each.collect()
}

fn appended(
    mut request: StoreRequest,
    append: Append,
    positions: Result<Vec<Position>, StoreError>,
) -> StoreReply {
    match positions {
        Ok(positions) => {
            let hashes = append.changes.iter().map(|change| change.header.hash);
            StoreReply::Appended {
                context: append.context,
                document: append.document,
                positions: hashes.zip(positions).collect(),
                failed: Vec::new(),
            }
        }
        Err(error) => {
            if let StoreRequest::Append { changes, .. } = &mut request {
                *changes = append.changes;
            }
            StoreReply::Failed { request, reason: error.to_string() }
        }
    }
}

/// Best effort means that nobody waits for it, and nobody is told.
fn failed(request: StoreRequest, error: &StoreError) -> Option<StoreReply> {
    if matches!(request, StoreRequest::Remember { .. }) {
        tracing::warn!(%error, "what another store has was not noted");
        return None;
    }
    Some(StoreReply::Failed { request, reason: error.to_string() })
}

fn carry_out(
    store: &mut dyn Store,
    request: &StoreRequest,
) -> Result<Option<StoreReply>, StoreError> {
    Ok(Some(match request {
        StoreRequest::LoadContext { context } => {
            let access = store.access(context)?;
            StoreReply::Context { context: *context, access, documents: store.documents(context)? }
        }
        StoreRequest::LoadRemote { link, remote, context } => {
            let known = store.remote(remote, context)?;
            StoreReply::Remote { link: *link, context: *context, known }
        }
        StoreRequest::LoadGraph { context, document } => {
            let nodes = store.graph(context, document)?;
            StoreReply::Graph { context: *context, document: *document, nodes }
        }
        StoreRequest::Read { link, context, document, positions } => {
            let changes = store.read(context, document, positions)?.into_iter();
            let changes = changes.map(|(at, change)| (at, change.bytes, change.seal)).collect();
            StoreReply::Changes { link: *link, context: *context, document: *document, changes }
        }
        StoreRequest::ReadSnapshot { link, context, document } => {
            let snapshot = store.snapshot(context, document)?;
            StoreReply::Snapshot { link: *link, context: *context, document: *document, snapshot }
        }
        StoreRequest::AppendAccess { context, from, entries } => {
            let entries = store.append_access(context, *from, entries)?;
            StoreReply::AccessAppended { context: *context, entries }
        }
        StoreRequest::Remember { remote, context, known } => {
            store.remember(remote, context, std::slice::from_ref(known))?;
            return Ok(None);
        }
        StoreRequest::ReplaceAccess { context, from, entries } => {
            let entries = store.replace_access(context, *from, entries)?;
            StoreReply::AccessAppended { context: *context, entries }
        }
        StoreRequest::Cutoffs { context, keys } => {
            StoreReply::Cutoffs { context: *context, closes: store.cutoffs(context, keys)? }
        }
        StoreRequest::Remove { context, document, changes } => {
            store.remove(context, document, changes)?;
            StoreReply::Removed { context: *context, document: *document }
        }
        // Appends go through `commit`, leases through `lease`.
        StoreRequest::Append { .. } | StoreRequest::Lease { .. } => return Ok(None),
    }))
}
