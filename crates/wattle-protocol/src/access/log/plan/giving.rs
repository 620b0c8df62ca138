//! Giving rights and taking them.

use std::collections::BTreeMap;

use crate::access::proposal::{Grant, Kind};
use crate::access::rights::{Power, Scopes};
use crate::id::PublicKey;
use crate::limits::AGENTS_OF_ONE_MAX;
use crate::message::{Code, Refusal};

use super::{Plan, Planned};
use crate::access::log::{End, Invited, Log, Member};

impl Log {
    pub(super) fn grant(&self, author: &PublicKey, grant: &Grant, time: u64) -> Planned {
        let giver = self.live(author, time)?;
        self.may_give((author, giver), grant)?;
        if grant.rights.read == Scopes::default() {
            return Err(Refusal::new(Code::Invalid, "a grant that allows nothing; revoke instead"));
        }
        if grant.kind != Kind::Person && grant.rights.power > Power::Sponsor {
            let reason = "an agent or a service is never a maintainer or an owner";
            return Err(Refusal::new(Code::Excess, reason));
        }
        if !grant.rights.is_within(&giver.rights) {
            return Err(Refusal::new(Code::Excess, "nobody grants more than they hold"));
        }
        if grant.until.is_some_and(|until| until <= time) {
            return Err(Refusal::new(Code::Expired, "the end date of the grant is past"));
        }
        let before = self.members.get(&grant.key);
        if let Some(before) = before {
            may_replace((author, giver), before, grant)?;
        } else {
            self.unused(&grant.key)?;
            self.room(giver.power())?;
        }
        let member = Member {
            name: grant.name.clone(),
            kind: grant.kind,
            sponsor: (grant.kind == Kind::Agent).then_some(*author),
            granted: grant.rights,
            rights: grant.rights,
            until: grant.until,
            edits_per_minute: grant.edits_per_minute,
            by: *author,
            since: before.map_or(self.entries, |before| before.since),
            ended: None,
            eras: Vec::new(),
        };
        Ok(Plan { members: BTreeMap::from([(grant.key, member)]), ..Plan::default() })
    }

    /// Whether somebody may grant to this key, whatever it is that is granted.
    fn may_give(
        &self,
        (author, giver): (&PublicKey, &Member),
        grant: &Grant,
    ) -> Result<(), Refusal> {
        if grant.key == *author {
            return Err(Refusal::new(Code::SelfGrant, "nobody grants to their own key"));
        }
        if giver.kind == Kind::Agent {
            return Err(match giver.sponsor {
                Some(sponsor) if sponsor == grant.key => {
                    Refusal::new(Code::Cycle, "an agent cannot sponsor its own sponsor")
                }
                _ => Refusal::new(Code::Forbidden, "an agent grants nothing"),
            });
        }
        if grant.kind != Kind::Agent {
            return if giver.power() < Power::Maintain {
                Err(Refusal::new(Code::Forbidden, "its author may only grant to agents"))
            } else {
                Ok(())
            };
        }
        let theirs = |(key, member): &(&PublicKey, &Member)| {
            member.sponsor == Some(*author) && **key != grant.key
        };
        if self.members.iter().filter(theirs).count() >= AGENTS_OF_ONE_MAX {
            return Err(Refusal::new(Code::TooLarge, "too many agents of one sponsor"));
        }
        Ok(())
    }

    pub(super) fn revoke(&self, author: &PublicKey, key: &PublicKey, time: u64) -> Planned {
        let taker = self.live(author, time)?;
        let Some(member) = self.members.get(key) else {
            return self.withdraw((author, taker), key);
        };
        if member.ended.is_some() {
            return Err(Refusal::new(Code::Revoked, "its rights have ended already"));
        }
        let may = key == author
            || member.sponsor == Some(*author)
            || taker.power() == Power::Own
            || (taker.power() == Power::Maintain && member.granted.power < Power::Maintain);
        if !may {
            return Err(Refusal::new(Code::Forbidden, "its author may not revoke this member"));
        }
        Ok(self.end(key, member, End::Revoked))
    }

    fn withdraw(&self, (author, taker): (&PublicKey, &Member), key: &PublicKey) -> Planned {
        let Some(invited) = self.invitations.get(key) else {
            return Err(Refusal::new(Code::Unknown, "no such member, and no such invitation"));
        };
        if invited.by != *author && taker.power() < Power::Maintain {
            return Err(Refusal::new(Code::Forbidden, "the invitation is somebody else's"));
        }
        if invited.withdrawn {
            return Err(Refusal::new(Code::Revoked, "the invitation was withdrawn already"));
        }
        let withdrawn = Invited { withdrawn: true, ..invited.clone() };
        Ok(Plan { invited: BTreeMap::from([(*key, withdrawn)]), ..Plan::default() })
    }
}

/// Whether a giver may change the rights of somebody who is a member already.
fn may_replace(
    (author, giver): (&PublicKey, &Member),
    before: &Member,
    grant: &Grant,
) -> Result<(), Refusal> {
    if before.ended.is_some() {
        return Err(Refusal::new(Code::Revoked, "this key's rights have ended for ever"));
    }
    if before.kind != grant.kind {
        return Err(Refusal::new(Code::Invalid, "a member stays what it is"));
    }
    let may = giver.power() == Power::Own
        || before.sponsor == Some(*author)
        || (giver.power() == Power::Maintain
            && before.sponsor.is_none()
            && before.granted.power < Power::Maintain);
    if may {
        return Ok(());
    }
    Err(Refusal::new(Code::Forbidden, "its author may not change this member"))
}
