//! What a proposal would do, or why its author may not make it.

mod giving;
mod inviting;

use std::collections::BTreeMap;

use crate::id::{ChangeHash, PublicKey};
use crate::identity::{Seal, seal_bytes_of, verify};
use crate::limits::MEMBERS_MAX;
use crate::message::{Code, Refusal};

use super::{End, Invited, Log, Member};
use crate::access::proposal::{
    Action, Contested, Proposal, proposal_hash, redeem_bytes, rotate_bytes,
};
use crate::access::rights::{Power, Rights, Scopes};

/// The effect of a proposal on the state.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Members as they will be; their eras are not set.
    pub(super) members: BTreeMap<PublicKey, Member>,
    pub(super) invited: BTreeMap<PublicKey, Invited>,
    pub(super) sequencer: Option<(PublicKey, u32)>,
    /// A forger's key, and what stays of its two changes.
    pub(super) contested: Option<(PublicKey, Contested)>,
    /// Whose right to write shrinks, in order.
    pub(super) shrinks: Vec<PublicKey>,
}

type Planned = Result<Plan, Refusal>;

impl Log {
    pub(super) fn plan(&self, bytes: &[u8], proposal: &Proposal, time: u64) -> Planned {
        if proposal.context != self.context {
            return Err(Refusal::new(Code::Invalid, "a proposal for another context"));
        }
        if self.has(&proposal_hash(bytes)) {
            return Err(Refusal::new(Code::Replayed, "it was done before"));
        }
        if proposal.based_on > self.entries {
            return Err(Refusal::new(Code::Missing, "it builds on entries that are not here"));
        }
        let author = &proposal.author;
        let mut plan = match &proposal.action {
            Action::Grant(grant) => self.grant(author, grant, time)?,
            Action::Revoke { key } => self.revoke(author, key, time)?,
            Action::Rotate { new, proof } => {
                let old = self.live(author, time)?;
                if !verify(new, &rotate_bytes(&self.context, author, new), proof) {
                    return Err(Refusal::new(Code::BadSignature, "the new key did not sign"));
                }
                self.rotate(author, old, new)?
            }
            Action::Invite(invitation) => self.invite(author, invitation, time)?,
            Action::Redeem { invitation, name, proof } => {
                if !verify(invitation, &redeem_bytes(&self.context, invitation, author), proof) {
                    return Err(Refusal::new(
                        Code::BadSignature,
                        "the invitation's secret did not sign",
                    ));
                }
                self.redeem(author, (invitation, name), time)?
            }
            Action::SetSequencer { key, term } => {
                self.set_sequencer(author, (*key, *term), time)?
            }
            Action::Expire { key } => self.expire(author, key, time)?,
            Action::Freeze { key, contested, proof } => {
                self.freeze(author, key, (contested, proof))?
            }
        };
        self.finish(&mut plan);
        if !plan.members.is_empty() && !self.has_owner_after(&plan) {
            return Err(Refusal::new(Code::Invalid, "the last owner stays"));
        }
        Ok(plan)
    }

    /// A member who may do something, at a time.
    fn live(&self, key: &PublicKey, time: u64) -> Result<&Member, Refusal> {
        let Some(member) = self.members.get(key) else {
            return Err(Refusal::new(Code::Forbidden, "its author has no role in this context"));
        };
        let expired = member.until.is_some_and(|until| until <= time);
        match member.ended {
            Some((End::Expired, _)) => {
                Err(Refusal::new(Code::Expired, "its author's rights have expired"))
            }
            None if expired => Err(Refusal::new(Code::Expired, "its author's rights have expired")),
            None if member.rights != Rights::NONE => Ok(member),
            None | Some((End::Revoked | End::Rotated | End::Frozen, _)) => {
                Err(Refusal::new(Code::Revoked, "its author's rights have ended"))
            }
        }
    }

    /// Room for one more member. Owners always have it, so that nobody can fill it up against them.
    fn room(&self, power: Power) -> Result<(), Refusal> {
        if self.members.len() < MEMBERS_MAX || power == Power::Own {
            return Ok(());
        }
        Err(Refusal::new(Code::TooLarge, "too many members"))
    }

    /// A key has one meaning for ever: a member's or an invitation's.
    fn unused(&self, key: &PublicKey) -> Result<(), Refusal> {
        if self.members.contains_key(key) || self.invitations.contains_key(key) {
            return Err(Refusal::new(Code::Invalid, "the key is in use"));
        }
        Ok(())
    }

    fn rotate(&self, old_key: &PublicKey, old: &Member, new: &PublicKey) -> Planned {
        self.unused(new)?;
        self.room(old.power())?;
        let mut plan = self.end(old_key, old, End::Rotated);
        let fresh = Member { since: self.entries, eras: Vec::new(), ..old.clone() };
        plan.members.insert(*new, fresh);
        for (key, agent) in &self.members {
            if agent.sponsor == Some(*old_key) && agent.ended.is_none() {
                plan.members.insert(*key, Member { sponsor: Some(*new), ..agent.clone() });
            }
        }
        for (key, invited) in self.invitations.iter().filter(|(_, by)| by.by == *old_key) {
            plan.invited.insert(*key, Invited { by: *new, ..invited.clone() });
        }
        if self.sequencer == *old_key {
            plan.sequencer = Some((*new, self.term));
        }
        Ok(plan)
    }

    fn set_sequencer(
        &self,
        author: &PublicKey,
        (key, term): (PublicKey, u32),
        time: u64,
    ) -> Planned {
        if self.live(author, time)?.power() < Power::Own {
            return Err(Refusal::new(Code::Forbidden, "only an owner names the sequencer"));
        }
        if term != self.term && Some(term) != self.term.checked_add(1) {
            return Err(Refusal::new(Code::NotSequencer, "neither the present term nor the next"));
        }
        Ok(Plan { sequencer: Some((key, term)), ..Plan::default() })
    }

    fn expire(&self, author: &PublicKey, key: &PublicKey, time: u64) -> Planned {
        self.by_sequencer(author)?;
        match self.members.get(key) {
            Some(member)
                if member.ended.is_none() && member.until.is_some_and(|until| until <= time) =>
            {
                Ok(self.end(key, member, End::Expired))
            }
            _ => Err(Refusal::new(Code::Invalid, "no grant of this key has come to its end")),
        }
    }

    fn freeze(
        &self,
        author: &PublicKey,
        key: &PublicKey,
        (contested, proof): (&Contested, &[(ChangeHash, Seal); 2]),
    ) -> Planned {
        self.by_sequencer(author)?;
        let Some(member) = self.members.get(key) else {
            return Err(Refusal::new(Code::Unknown, "no such member"));
        };
        let place = (*key, contested.document, contested.actor, contested.seq);
        if self.contested.contains_key(&place) {
            return Err(Refusal::new(Code::Replayed, "this was decided before"));
        }
        let [(keep, _), (other, _)] = proof;
        let sealed = |(hash, seal): &(ChangeHash, Seal)| {
            let signed = seal_bytes_of(
                (&self.context, &contested.document),
                (contested.actor, contested.seq, *hash),
                seal.epoch,
            );
            seal.key == *key && verify(key, &signed, &seal.signature)
        };
        if keep == other || *keep != contested.keep || !proof.iter().all(sealed) {
            return Err(Refusal::new(Code::BadSignature, "the proof of a forger does not hold"));
        }
        let mut plan = match member.ended {
            Some(_) => Plan::default(),
            None => self.end(key, member, End::Frozen),
        };
        if !self.has_owner_after(&plan) {
            // Nobody could take the last owner's place. What stays is decided all the same.
            plan = Plan::default();
        }
        plan.contested = Some((*key, *contested));
        Ok(plan)
    }

    fn by_sequencer(&self, author: &PublicKey) -> Result<(), Refusal> {
        if *author == self.sequencer {
            return Ok(());
        }
        Err(Refusal::new(Code::NotSequencer, "only the sequencer does this"))
    }

    fn end(&self, key: &PublicKey, member: &Member, end: End) -> Plan {
        let member = Member {
            rights: Rights::NONE,
            ended: Some((end, self.entries)),
            eras: Vec::new(),
            ..member.clone()
        };
        Plan { members: BTreeMap::from([(*key, member)]), ..Plan::default() }
    }

    /// Agents follow their sponsors; whoever may write less than before needs a cutoff.
    fn finish(&self, plan: &mut Plan) {
        let touched: Vec<PublicKey> = plan.members.keys().copied().collect();
        for (key, agent) in self.members.iter().filter(|(_, member)| member.ended.is_none()) {
            let of = agent.sponsor.filter(|sponsor| touched.contains(sponsor));
            let Some(sponsor) = of.and_then(|sponsor| plan.members.get(&sponsor)) else { continue };
            if !plan.members.contains_key(key) {
                let ended = sponsor.ended.map(|(end, at)| match end {
                    End::Expired => (End::Expired, at),
                    End::Revoked | End::Rotated | End::Frozen => (End::Revoked, at),
                });
                plan.members.insert(*key, Member { ended, eras: Vec::new(), ..agent.clone() });
            }
        }
        let of_sponsor: BTreeMap<PublicKey, Rights> = plan
            .members
            .values()
            .filter_map(|member| member.sponsor)
            .map(|sponsor| {
                let after = plan.members.get(&sponsor).or_else(|| self.members.get(&sponsor));
                (sponsor, after.map_or(Rights::NONE, |member| member.rights))
            })
            .collect();
        for (key, member) in &mut plan.members {
            member.rights = match (member.ended, member.sponsor) {
                (Some(_), _) => Rights::NONE,
                (None, Some(sponsor)) => {
                    let within = of_sponsor.get(&sponsor).copied().unwrap_or(Rights::NONE);
                    let both = member.granted.and(&within);
                    if both.read == Scopes::default() { Rights::NONE } else { both }
                }
                (None, None) => member.granted,
            };
            let before = self.members.get(key).map_or(Rights::NONE, |before| before.rights);
            let (old, new) = (before.write.and(before.read), member.rights);
            if !old.is_within(new.write.and(new.read)) {
                plan.shrinks.push(*key);
            }
        }
    }

    /// Whether somebody owns the context whose rights no end date takes.
    fn has_owner_after(&self, plan: &Plan) -> bool {
        let now = self.members.iter().filter(|(key, _)| !plan.members.contains_key(key));
        let owns = |member: &Member| member.rights.power == Power::Own && member.until.is_none();
        now.map(|(_, member)| member).chain(plan.members.values()).any(owns)
    }
}

impl Member {
    fn power(&self) -> Power {
        self.rights.power
    }
}
