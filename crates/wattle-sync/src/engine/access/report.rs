//! What the access log says, for people to read.

use wattle_protocol::access::{self, Action, End, Invited, Kind, Proposal, Rights};
use wattle_protocol::{Blob, ChangeHash, PublicKey};

use super::super::Engine;
use crate::access::{Invitation, Member, Members, Waiting, Whoami};
use crate::error::ReadError;
use crate::role::Role;

impl Engine {
    /// What the access log says.
    pub(in super::super) fn members(&mut self) -> Result<Members, ReadError> {
        self.refresh()?;
        let waiting = self.access.wishes.iter();
        let waiting = waiting.filter_map(|(proposal, bytes)| waiting_of(*proposal, bytes));
        let waiting = waiting.collect();
        let Some(log) = &self.access.log else {
            return Ok(Members {
                entries: 0,
                head: ChangeHash([0; 32]),
                term: 0,
                sequencer: None,
                members: Vec::new(),
                invitations: Vec::new(),
                waiting,
            });
        };
        Ok(Members {
            entries: log.entries(),
            head: ChangeHash(log.head()),
            term: log.term(),
            sequencer: Some(log.sequencer()),
            members: log.members().map(|(key, member)| self.member_of(key, member)).collect(),
            invitations: log.invitations().map(invitation_of).collect(),
            waiting,
        })
    }

    /// Who edits here, and what they may do.
    pub(in super::super) fn whoami(&mut self) -> Result<Whoami, ReadError> {
        self.refresh()?;
        let key = self.identity.key();
        let member = self.access.log.as_ref().and_then(|log| log.member(&key));
        let member = member.map(|member| self.member_of(&key, member));
        let sentence = match &member {
            Some(member) => member.sentence(),
            None if self.access.log.is_some() => "no role in this context".to_owned(),
            None => "not a member yet: the invitation has not been taken up".to_owned(),
        };
        Ok(Whoami { key, name: self.identity.name.clone(), member, sentence })
    }

    fn member_of(&self, key: &PublicKey, member: &access::Member) -> Member {
        // Who owned the context from its beginning has no name in the log.
        let own = member.name.is_empty() && *key == self.identity.key();
        let name = if own { &self.identity.name } else { &member.name };
        Member {
            key: *key,
            name: name.clone(),
            kind: member.kind,
            role: Role::of(&member.granted),
            now: (member.rights != Rights::NONE).then(|| Role::of(&member.rights)),
            sponsor: member.sponsor,
            until: member.until,
            edits_per_minute: member.edits_per_minute,
            since: member.since,
            by: member.by,
            ended: member.ended,
        }
    }
}

impl Member {
    /// What it may do, as one sentence.
    fn sentence(&self) -> String {
        let ended = |how: &str, entry: u64| format!("was {}; {how} by entry {entry}", self.role);
        match (self.ended, &self.now) {
            (Some((End::Revoked, entry)), _) => ended("revoked", entry),
            (Some((End::Rotated, entry)), _) => ended("replaced by another key", entry),
            (Some((End::Expired, entry)), _) => ended("ended at its date", entry),
            (Some((End::Frozen, entry)), _) => ended("frozen for contradicting itself", entry),
            (None, None) => format!("was {}; its sponsor has no rights any more", self.role),
            (None, Some(now)) => {
                let what = match self.kind {
                    Kind::Person => "",
                    Kind::Agent => " (agent)",
                    Kind::Service => " (service)",
                };
                format!("{now}{what}")
            }
        }
    }
}

fn invitation_of((key, invited): (&PublicKey, &Invited)) -> Invitation {
    Invitation {
        key: *key,
        role: Role::of(&invited.invitation.rights),
        uses: invited.invitation.uses,
        used: invited.used,
        until: invited.invitation.until,
        by: invited.by,
        withdrawn: invited.withdrawn,
    }
}

fn waiting_of(proposal: ChangeHash, bytes: &Blob) -> Option<Waiting> {
    let read = Proposal::read(bytes).ok()?;
    let what = match &read.action {
        Action::Grant(grant) => format!("grant {} to {}", Role::of(&grant.rights), grant.name),
        Action::Revoke { key } => format!("revoke {}", key.short()),
        Action::Rotate { new, .. } => format!("replace the key by {}", new.short()),
        Action::Invite(invitation) => format!("invite as {}", Role::of(&invitation.rights)),
        Action::Redeem { name, .. } => format!("take an invitation up as {name}"),
        Action::SetSequencer { key, .. } => format!("let {} order the log", key.short()),
        Action::Expire { key } => format!("end the rights of {}", key.short()),
        Action::Freeze { key, .. } => format!("freeze {}", key.short()),
    };
    Some(Waiting { proposal, author: read.author, what })
}
