//! What was done to an access log, in words.

use std::collections::BTreeMap;

use wattle_protocol::access::{Action, Entry, Grant, Kind, Log, Proposal};
use wattle_protocol::{Blob, ContextRecord, PublicKey};

use super::{AuditLine, Audited, Known, Principal};
use crate::role::Role;

/// An access log, told entry by entry.
pub(crate) struct Told {
    pub(crate) lines: Vec<AuditLine>,
    /// Who was known after all of it.
    pub(crate) log: Option<Log>,
    /// The time of each entry.
    pub(crate) times: Vec<u64>,
    /// The entries in which a key lost a right to write.
    pub(crate) closed: BTreeMap<PublicKey, Vec<u64>>,
}

/// Tells every entry of an access log, as far as it holds.
pub(crate) fn told(entries: &[Blob], names: &BTreeMap<PublicKey, String>) -> Told {
    let (log, holds) = match Log::read(entries) {
        Ok(log) => (Some(log), entries.len()),
        Err((number, _)) => (None, usize::try_from(number).unwrap_or(usize::MAX)),
    };
    let mut told =
        Told { lines: Vec::new(), log: None, times: Vec::new(), closed: BTreeMap::new() };
    let Some((first, rest)) = entries.split_first() else { return told };
    let known = Known { log: log.as_ref(), names };
    if let Ok(record) = ContextRecord::from_bytes(first) {
        let owners: Vec<String> =
            record.owners.iter().map(|key| known.of(key).to_string()).collect();
        let action = format!("founded {:?}, owned by {}", record.name, owners.join(" and "));
        told.times.push(0);
        told.lines.push(AuditLine {
            time: 0,
            entry: Some(0),
            by: record.owners.first().map(|owner| known.of(owner)),
            what: Audited::Access { action, subject: None, cutoffs: 0 },
        });
    }
    for bytes in rest.iter().take(holds.saturating_sub(1)) {
        let Some(entry) = Entry::decode(bytes) else { break };
        let Some(proposal) = Proposal::decode(&entry.proposal) else { break };
        told.times.push(entry.time);
        for closure in &entry.closes {
            told.closed.entry(closure.key).or_default().push(entry.number);
        }
        let what = Audited::Access {
            action: words(&proposal.action, known),
            subject: subject(&proposal.action).map(|key| known.of(&key)),
            cutoffs: entry.closes.len(),
        };
        let by = Some(known.of(&proposal.author));
        told.lines.push(AuditLine { time: entry.time, entry: Some(entry.number), by, what });
    }
    told.log = log;
    told
}

/// Tells an entry that does not count any more.
pub(crate) fn void(known: Known<'_>, (number, bytes): (u64, &Blob)) -> Option<AuditLine> {
    let entry = Entry::decode(bytes)?;
    let proposal = Proposal::decode(&entry.proposal)?;
    let action = words(&proposal.action, known);
    let by = Some(known.of(&proposal.author));
    Some(AuditLine { time: entry.time, entry: Some(number), by, what: Audited::Void { action } })
}

fn words(action: &Action, known: Known<'_>) -> String {
    match action {
        Action::Grant(grant) => granted(grant),
        Action::Revoke { key } => match known.of(key) {
            Principal { what: None, .. } => format!("withdrew the invitation {}", key.short()),
            somebody => format!("revoked {somebody}"),
        },
        Action::Rotate { new, .. } => format!("replaced the key by {}", new.short()),
        Action::Invite(invitation) => {
            let (role, uses) = (Role::of(&invitation.rights), invitation.uses);
            let times = if uses == 1 { "once".to_owned() } else { format!("{uses} times") };
            format!("made the invitation {} as {role}, {times}", invitation.key.short())
        }
        Action::Redeem { invitation, name, .. } => {
            format!("took the invitation {} up as {name}", invitation.short())
        }
        Action::SetSequencer { key, term } => {
            format!("let {} order the log, term {term}", known.of(key))
        }
        Action::Expire { key } => {
            format!("ended the rights of {}: their date has come", known.of(key))
        }
        Action::Freeze { key, .. } => {
            format!("froze {}: it signed two changes with one number", known.of(key))
        }
    }
}

fn granted(grant: &Grant) -> String {
    let what = match grant.kind {
        Kind::Person => "",
        Kind::Agent => "the agent ",
        Kind::Service => "the service ",
    };
    let role = Role::of(&grant.rights);
    let name = if grant.name.is_empty() { grant.key.short() } else { grant.name.clone() };
    let until = if grant.until.is_some() { ", until a date" } else { "" };
    let budget = grant.edits_per_minute;
    let budget = budget.map(|edits| format!(", {edits} edits a minute")).unwrap_or_default();
    format!("granted {role} to {what}{name}{until}{budget}")
}

fn subject(action: &Action) -> Option<PublicKey> {
    match action {
        Action::Grant(grant) => Some(grant.key),
        Action::Revoke { key }
        | Action::SetSequencer { key, .. }
        | Action::Expire { key }
        | Action::Freeze { key, .. } => Some(*key),
        Action::Rotate { new, .. } => Some(*new),
        Action::Invite(_) | Action::Redeem { .. } => None,
    }
}
