//! Invitations: made, and taken up.

use std::collections::BTreeMap;

use crate::access::proposal::{Invitation, Kind};
use crate::access::rights::{Power, Scopes};
use crate::id::PublicKey;
use crate::limits::{INVITATION_USES_MAX, MEMBERS_MAX};
use crate::message::{Code, Refusal};

use super::{Plan, Planned};
use crate::access::log::{Invited, Log, Member};

impl Log {
    pub(super) fn invite(&self, author: &PublicKey, invitation: &Invitation, time: u64) -> Planned {
        let giver = self.live(author, time)?;
        if giver.power() < Power::Maintain {
            return Err(Refusal::new(Code::Forbidden, "its author may not invite"));
        }
        if invitation.rights.read == Scopes::default() {
            return Err(Refusal::new(Code::Invalid, "an invitation that allows nothing"));
        }
        if !invitation.rights.is_within(&giver.rights) {
            return Err(Refusal::new(Code::Excess, "nobody grants more than they hold"));
        }
        if invitation.until.is_some_and(|until| until <= time) {
            return Err(Refusal::new(Code::Expired, "the end date of the invitation is past"));
        }
        self.unused(&invitation.key)?;
        if invitation.uses == 0
            || invitation.uses > INVITATION_USES_MAX
            || self.invitations.len() >= MEMBERS_MAX
        {
            return Err(Refusal::new(Code::TooLarge, "an invitation outside the limits"));
        }
        let invited =
            Invited { invitation: invitation.clone(), by: *author, used: 0, withdrawn: false };
        Ok(Plan { invited: BTreeMap::from([(invitation.key, invited)]), ..Plan::default() })
    }

    pub(super) fn redeem(
        &self,
        author: &PublicKey,
        (key, name): (&PublicKey, &str),
        time: u64,
    ) -> Planned {
        let Some(invited) = self.invitations.get(key) else {
            return Err(Refusal::new(Code::Unknown, "no such invitation"));
        };
        match self.members.get(author) {
            Some(member) if member.ended.is_some() => {
                return Err(Refusal::new(Code::Revoked, "this key's rights have ended for ever"));
            }
            Some(_) => return Err(Refusal::new(Code::Replayed, "this key is a member already")),
            None => self.unused(author)?,
        }
        if invited.withdrawn {
            return Err(Refusal::new(Code::Revoked, "the invitation was withdrawn"));
        }
        let host = self.live(&invited.by, time).ok();
        let Some(host) = host.filter(|host| host.power() >= Power::Maintain) else {
            let reason = "whoever made the invitation may invite nobody any more";
            return Err(Refusal::new(Code::Revoked, reason));
        };
        let rights = invited.invitation.rights.and(&host.rights);
        if rights.read == Scopes::default() {
            return Err(Refusal::new(Code::Revoked, "the invitation allows nothing any more"));
        }
        if invited.invitation.until.is_some_and(|until| until <= time) {
            return Err(Refusal::new(Code::Expired, "the invitation has expired"));
        }
        if invited.used >= invited.invitation.uses {
            return Err(Refusal::new(Code::UsedUp, "the invitation is used up"));
        }
        self.room(host.power())?;
        let member = Member {
            name: name.to_owned(),
            kind: Kind::Person,
            sponsor: None,
            granted: rights,
            rights,
            until: None,
            edits_per_minute: None,
            by: invited.by,
            since: self.entries,
            ended: None,
            eras: Vec::new(),
        };
        let taken = Invited { used: invited.used + 1, ..invited.clone() };
        Ok(Plan {
            members: BTreeMap::from([(*author, member)]),
            invited: BTreeMap::from([(*key, taken)]),
            ..Plan::default()
        })
    }
}
