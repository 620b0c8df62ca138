//! Entries of the access log, and proposals that became none, as acts.

use wattle_protocol::access::{Action, Entry, Proposal};
use wattle_protocol::message::Refusal;
use wattle_protocol::{Blob, ContextId, ContextRecord, PublicKey, StoreReply, StoreRequest};

use super::{Act, End};

impl Act {
    /// The entries that a request brings, once the store has them.
    pub(crate) fn entries(request: &StoreRequest, reply: &StoreReply) -> Vec<Self> {
        let (StoreRequest::AppendAccess { context, from, entries }
        | StoreRequest::ReplaceAccess { context, from, entries }) = request
        else {
            return Vec::new();
        };
        if !matches!(reply, StoreReply::AccessAppended { .. }) {
            return Vec::new();
        }
        let numbered = (*from..).zip(entries);
        numbered.filter_map(|(number, bytes)| Self::entry(context, number, bytes)).collect()
    }

    /// A proposal for the access log was refused: by whose will, what, and who brought it.
    pub(crate) fn declined(end: End, proposal: &Blob, refusal: &Refusal) -> Self {
        let mut act = Self::at("declined", end, refusal);
        if let Ok(proposal) = Proposal::read(proposal) {
            let (action, subject) = named(&proposal.action);
            act.author = Some(proposal.author.to_string());
            act.action = Some(action);
            act.subject = subject.map(|key| key.to_string());
        }
        act
    }

    /// Absent for what is no entry, which the machine has not let through.
    fn entry(context: &ContextId, number: u64, bytes: &Blob) -> Option<Self> {
        let (author, action, subject) = if number == 0 {
            let record = ContextRecord::from_bytes(bytes).ok()?;
            (*record.owners.first()?, "begin", Some(record.sequencer))
        } else {
            let entry = Entry::decode(bytes)?;
            let proposal = Proposal::decode(&entry.proposal)?;
            let (action, subject) = named(&proposal.action);
            (proposal.author, action, subject)
        };
        Some(
            Self {
                act: "entry",
                number: Some(number),
                action: Some(action),
                author: Some(author.to_string()),
                subject: subject.map(|key| key.to_string()),
                ..Self::default()
            }
            .within(context),
        )
    }
}

/// The name of an action, and whom it is about.
fn named(action: &Action) -> (&'static str, Option<PublicKey>) {
    match action {
        Action::Grant(grant) => ("grant", Some(grant.key)),
        Action::Revoke { key } => ("revoke", Some(*key)),
        Action::Rotate { new, .. } => ("rotate", Some(*new)),
        Action::Invite(invitation) => ("invite", Some(invitation.key)),
        Action::Redeem { invitation, .. } => ("redeem", Some(*invitation)),
        Action::SetSequencer { key, .. } => ("set-sequencer", Some(*key)),
        Action::Expire { key } => ("expire", Some(*key)),
        Action::Freeze { key, .. } => ("freeze", Some(*key)),
    }
}
