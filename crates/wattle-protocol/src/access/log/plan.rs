//! What a proposal would do, or why its author may not make it.

use std::collections::BTreeMap;

use crate::id::{ChangeHash, PublicKey};
use crate::identity::{Seal, seal_bytes_of, verify};
use crate::limits::{INVITATION_USES_MAX, MEMBERS_MAX};
use crate::message::{Code, Refusal};

use super::{End, Invited, Log, Member};
use crate::access::proposal::{
    Action, Contested, Grant, Invitation, Kind, Proposal, proposal_hash, redeem_bytes, rotate_bytes,
};
use crate::access::rights::{Power, Rights, Scopes};

/// The effect of a proposal on the state.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Members as they will be; their eras are not set.
    pub(super) members: BTreeMap<PublicKey, Member>,
    pub(super) invited: Option<(PublicKey, Invited)>,
    pub(super) sequencer: Option<(PublicKey, u32)>,
    pub(super) contested: Option<Contested>,
    /// Whose right to write shrinks, in order.
    pub(super) shrinks: Vec<PublicKey>,
}

type Planned = Result<Plan, Refusal>;

impl Log {
    pub(super) fn plan(&self, bytes: &[u8], proposal: &Proposal, time: u64) -> Planned {
        if proposal.context != self.context {
            return Err(Refusal::new(Code::Invalid, "a proposal for another context"));
        }
        if self.proposals.contains(&proposal_hash(bytes)) {
            return Err(Refusal::new(Code::Replayed, "it was done before"));
        }
        if proposal.based_on > self.entries {
            return Err(Refusal::new(Code::Missing, "it builds on entries that are not here"));
        }
        let author = &proposal.author;
        let mut plan = match &proposal.action {
            Action::Grant(grant) => self.grant(author, grant, time)?,
            Action::Revoke { key } => self.revoke(author, key)?,
            Action::Rotate { new, proof } => {
                let old = self.live(author)?;
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
            Action::SetSequencer { key, term } => self.set_sequencer(author, *key, *term)?,
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

    fn live(&self, key: &PublicKey) -> Result<&Member, Refusal> {
        match self.members.get(key) {
            Some(member) if member.rights != Rights::NONE => Ok(member),
            Some(_) => Err(Refusal::new(Code::Revoked, "its author's rights have ended")),
            None => Err(Refusal::new(Code::Forbidden, "its author has no role in this context")),
        }
    }

    fn grant(&self, author: &PublicKey, grant: &Grant, time: u64) -> Planned {
        let giver = self.live(author)?;
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
        if grant.rights.read == Scopes::default() {
            return Err(Refusal::new(Code::Invalid, "a grant that allows nothing; revoke instead"));
        }
        if !grant.rights.is_within(&giver.rights)
            || (grant.kind != Kind::Person && grant.rights.power > Power::Sponsor)
        {
            return Err(Refusal::new(Code::Excess, "nobody grants more than they hold"));
        }
        if grant.until.is_some_and(|until| until <= time) {
            return Err(Refusal::new(Code::Expired, "the end date of the grant is past"));
        }
        if grant.kind != Kind::Agent && giver.power() < Power::Maintain {
            return Err(Refusal::new(Code::Forbidden, "its author may only grant to agents"));
        }
        let before = self.members.get(&grant.key);
        if let Some(before) = before {
            may_replace(giver, author, before, grant)?;
        } else if self.members.len() >= MEMBERS_MAX {
            return Err(Refusal::new(Code::TooLarge, "too many members"));
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

    fn revoke(&self, author: &PublicKey, key: &PublicKey) -> Planned {
        let taker = self.live(author)?;
        if let Some(invited) = self.invitations.get(key) {
            if invited.by != *author && taker.power() < Power::Maintain {
                return Err(Refusal::new(Code::Forbidden, "the invitation is somebody else's"));
            }
            let withdrawn = Invited { withdrawn: true, ..invited.clone() };
            return Ok(Plan { invited: Some((*key, withdrawn)), ..Plan::default() });
        }
        let Some(member) = self.members.get(key) else {
            return Err(Refusal::new(Code::Unknown, "no such member"));
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

    fn rotate(&self, old_key: &PublicKey, old: &Member, new: &PublicKey) -> Planned {
        if self.members.contains_key(new) || self.invitations.contains_key(new) {
            return Err(Refusal::new(Code::Invalid, "the new key is in use"));
        }
        let mut plan = self.end(old_key, old, End::Rotated);
        let fresh = Member { since: self.entries, eras: Vec::new(), ..old.clone() };
        plan.members.insert(*new, fresh);
        for (key, agent) in &self.members {
            if agent.sponsor == Some(*old_key) && agent.ended.is_none() {
                plan.members.insert(*key, Member { sponsor: Some(*new), ..agent.clone() });
            }
        }
        if self.sequencer == *old_key {
            plan.sequencer = Some((*new, self.term));
        }
        Ok(plan)
    }

    fn invite(&self, author: &PublicKey, invitation: &Invitation, time: u64) -> Planned {
        let giver = self.live(author)?;
        if giver.power() < Power::Maintain {
            return Err(Refusal::new(Code::Forbidden, "its author may not invite"));
        }
        if !invitation.rights.is_within(&giver.rights) {
            return Err(Refusal::new(Code::Excess, "nobody grants more than they hold"));
        }
        if invitation.until.is_some_and(|until| until <= time) {
            return Err(Refusal::new(Code::Expired, "the end date of the invitation is past"));
        }
        if self.members.contains_key(&invitation.key)
            || self.invitations.contains_key(&invitation.key)
        {
            return Err(Refusal::new(Code::Invalid, "the invitation's key is in use"));
        }
        if invitation.uses == 0
            || invitation.uses > INVITATION_USES_MAX
            || self.invitations.len() >= MEMBERS_MAX
        {
            return Err(Refusal::new(Code::TooLarge, "an invitation outside the limits"));
        }
        let invited =
            Invited { invitation: invitation.clone(), by: *author, used: 0, withdrawn: false };
        Ok(Plan { invited: Some((invitation.key, invited)), ..Plan::default() })
    }

    fn redeem(&self, author: &PublicKey, (key, name): (&PublicKey, &str), time: u64) -> Planned {
        let Some(invited) = self.invitations.get(key) else {
            return Err(Refusal::new(Code::Unknown, "no such invitation"));
        };
        match self.members.get(author) {
            Some(member) if member.ended.is_some() => {
                return Err(Refusal::new(Code::Revoked, "this key's rights have ended for ever"));
            }
            Some(_) => return Err(Refusal::new(Code::Replayed, "this key is a member already")),
            None => {}
        }
        let rights = invited.invitation.rights.and(&self.rights(&invited.by));
        if invited.withdrawn || rights.read == Scopes::default() {
            return Err(Refusal::new(Code::Revoked, "the invitation was withdrawn"));
        }
        if invited.invitation.until.is_some_and(|until| until <= time) {
            return Err(Refusal::new(Code::Expired, "the invitation has expired"));
        }
        if invited.used >= invited.invitation.uses {
            return Err(Refusal::new(Code::UsedUp, "the invitation is used up"));
        }
        if self.members.len() >= MEMBERS_MAX {
            return Err(Refusal::new(Code::TooLarge, "too many members"));
        }
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
            invited: Some((*key, taken)),
            ..Plan::default()
        })
    }

    fn set_sequencer(&self, author: &PublicKey, key: PublicKey, term: u32) -> Planned {
        if self.live(author)?.power() < Power::Own {
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
        let place = (contested.document, contested.actor, contested.seq);
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
        if self.contested.contains_key(&place) {
            return Err(Refusal::new(Code::Replayed, "this was decided before"));
        }
        let Some(member) = self.members.get(key) else {
            return Err(Refusal::new(Code::Unknown, "no such member"));
        };
        let mut plan = match member.ended {
            Some(_) => Plan::default(),
            None => self.end(key, member, End::Frozen),
        };
        plan.contested = Some(*contested);
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
        for (key, agent) in &self.members {
            if agent.sponsor.is_some_and(|sponsor| touched.contains(&sponsor))
                && !plan.members.contains_key(key)
            {
                plan.members.insert(*key, Member { eras: Vec::new(), ..agent.clone() });
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

    fn has_owner_after(&self, plan: &Plan) -> bool {
        let now = self.members.iter().filter(|(key, _)| !plan.members.contains_key(key));
        let owns = |member: &Member| member.rights.power == Power::Own;
        now.map(|(_, member)| member).chain(plan.members.values()).any(owns)
    }
}

impl Member {
    fn power(&self) -> Power {
        self.rights.power
    }
}

/// Whether a giver may change the rights of somebody who is a member already.
fn may_replace(
    giver: &Member,
    author: &PublicKey,
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
