//! The fold of the entries: who is a member, what each may do, and how far each one's work counts.

mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{ActorId, ChangeHash, ContextId, DocumentKey, PublicKey};
use crate::identity::{ContextRecord, Keypair};
use crate::message::{Code, Refusal};
use crate::{Blob, Header};

use self::plan::Plan;
use super::entry::{Closure, Entry, entry_hash, fit};
use super::proposal::{Action, Invitation, Kind, Proposal, proposal_hash};
use super::rights::{Rights, Scopes};

/// The state that an access log leads to. Equal entries give equal states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    context: ContextId,
    entries: u64,
    head: [u8; 32],
    time: u64,
    term: u32,
    sequencer: PublicKey,
    /// Who ordered, by term and the entry that named them.
    reigns: BTreeMap<(u32, u64), PublicKey>,
    members: BTreeMap<PublicKey, Member>,
    invitations: BTreeMap<PublicKey, Invited>,
    /// Those that are in the log, with the numbers of their entries: none counts twice.
    proposals: BTreeMap<ChangeHash, u64>,
    /// What stays of a forger's two changes, by its key and their place.
    contested: BTreeMap<(PublicKey, DocumentKey, ActorId, u64), ChangeHash>,
}

/// Somebody whose key is, or was, in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// For people to read.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// For whom an agent works.
    pub sponsor: Option<PublicKey>,
    /// What was granted.
    pub granted: Rights,
    /// What it may do now: what was granted, within what its sponsor may do; nothing once it ended.
    pub rights: Rights,
    /// When the grant ends: seconds since 1970, by the sequencer's clock.
    pub until: Option<u64>,
    /// Its budget.
    pub edits_per_minute: Option<u32>,
    /// Who granted it; itself for the owners of entry 0.
    pub by: PublicKey,
    /// The number of the entry that made it a member.
    pub since: u64,
    /// Why and by which entry its rights ended.
    pub ended: Option<(End, u64)>,
    eras: Vec<Era>,
}

/// Why a member's rights ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody took them.
    Revoked,
    /// Another key has them.
    Rotated,
    /// The end date came.
    Expired,
    /// It signed two changes with one actor and sequence.
    Frozen,
}

/// A time in which the rights of a key were the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Era {
    rights: Rights,
    /// Absent while it lasts: then everything that the rights allow counts.
    upto: Option<Arc<BTreeMap<(DocumentKey, ActorId), u64>>>,
}

/// An invitation and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// As it was made.
    pub invitation: Invitation,
    /// By whom.
    pub by: PublicKey,
    /// How often it has been taken up.
    pub used: u32,
    /// It was withdrawn.
    pub withdrawn: bool,
}

impl Log {
    /// The log that begins with a record.
    pub fn begin(record: &ContextRecord) -> Self {
        let context = record.id();
        let owner = |key: &PublicKey| Member {
            name: String::new(),
            kind: Kind::Person,
            sponsor: None,
            granted: Rights::ALL,
            rights: Rights::ALL,
            until: None,
            edits_per_minute: None,
            by: *key,
            since: 0,
            ended: None,
            eras: vec![Era { rights: Rights::ALL, upto: None }],
        };
        Self {
            context,
            entries: 1,
            head: context.0,
            time: 0,
            term: 0,
            sequencer: record.sequencer,
            reigns: BTreeMap::from([((0, 0), record.sequencer)]),
            members: record.owners.iter().map(|key| (*key, owner(key))).collect(),
            invitations: BTreeMap::new(),
            proposals: BTreeMap::new(),
            contested: BTreeMap::new(),
        }
    }

    /// Reads a whole log, from entry 0. Fails with the number of the entry that does not hold.
    pub fn read(entries: &[Blob]) -> Result<Self, (u64, Refusal)> {
        let (first, rest) = entries
            .split_first()
            .ok_or_else(|| (0, Refusal::new(Code::Unknown, "the access log is empty")))?;
        let record = ContextRecord::from_bytes(first)
            .map_err(|error| (0, Refusal::new(Code::Malformed, &error.to_string())))?;
        let mut log = Self::begin(&record);
        for entry in rest {
            log.append(entry).map_err(|refusal| (log.entries, refusal))?;
        }
        Ok(log)
    }

    /// Adds the next entry, after checking its place, its signatures and its author's right to it.
    /// On failure nothing has changed.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let entry = Entry::read(bytes)?;
        if entry.context != self.context {
            return Err(Refusal::new(Code::Invalid, "an entry of another context"));
        }
        if entry.number != self.entries || entry.previous != self.head {
            return Err(Refusal::new(Code::Fork, "the entry does not follow the newest one here"));
        }
        if entry.time < self.time {
            return Err(Refusal::new(Code::Invalid, "an entry older than the one before it"));
        }
        let proposal = Proposal::read(&entry.proposal)?;
        self.check_sequencer(&entry, &proposal)?;
        let plan = self.plan(&entry.proposal, &proposal, entry.time)?;
        if !entry.closes.iter().map(|closure| closure.key).eq(plan.shrinks.iter().copied()) {
            return Err(Refusal::new(Code::Invalid, "its cutoffs are not those that it needs"));
        }
        if !entry.closes.iter().all(Closure::is_in_order) {
            return Err(Refusal::new(Code::Invalid, "its cutoffs are not in their order"));
        }
        self.carry_out(plan, &entry.closes);
        self.proposals.insert(proposal_hash(&entry.proposal), entry.number);
        self.entries += 1;
        self.head = entry_hash(bytes);
        self.time = entry.time;
        Ok(())
    }

    /// Who would lose a right to write by a proposal: their cutoffs are needed to sequence it.
    /// Fails when its author may not make it, with the code of the reason.
    pub fn judge(&self, proposal: &[u8], time: u64) -> Result<Vec<PublicKey>, Refusal> {
        let read = Proposal::read(proposal)?;
        Ok(self.plan(proposal, &read, time.max(self.time))?.shrinks)
    }

    /// The entry that a proposal becomes: `closes` are the cutoffs of those whom `judge` named. Where
    /// they are too long for an entry, the shortest histories of the longest lists are left out, and
    /// with them what was written there: nobody can write so much that they cannot be revoked.
    pub fn sequence(
        &self,
        proposal: &Blob,
        (time, closes): (u64, Vec<Closure>),
        sequencer: &Keypair,
    ) -> Result<Blob, Refusal> {
        let read = Proposal::read(proposal)?;
        let term = match read.action {
            Action::SetSequencer { term, .. } => term,
            Action::Grant(_)
            | Action::Revoke { .. }
            | Action::Rotate { .. }
            | Action::Invite(_)
            | Action::Redeem { .. }
            | Action::Expire { .. }
            | Action::Freeze { .. } => self.term,
        };
        let entry = Entry {
            context: self.context,
            term,
            number: self.entries,
            previous: self.head,
            time: time.max(self.time),
            proposal: proposal.clone(),
            closes: fit(closes),
            sequencer: sequencer.public(),
        };
        let bytes = entry.sign(sequencer);
        self.clone().append(&bytes)?;
        Ok(bytes)
    }

    fn check_sequencer(&self, entry: &Entry, proposal: &Proposal) -> Result<(), Refusal> {
        if entry.term == self.term && entry.sequencer == self.sequencer {
            return Ok(());
        }
        match proposal.action {
            Action::SetSequencer { key, term }
                if Some(term) == self.term.checked_add(1)
                    && entry.term == term
                    && (entry.sequencer == proposal.author || entry.sequencer == key) =>
            {
                Ok(())
            }
            Action::SetSequencer { .. }
            | Action::Grant(_)
            | Action::Revoke { .. }
            | Action::Rotate { .. }
            | Action::Invite(_)
            | Action::Redeem { .. }
            | Action::Expire { .. }
            | Action::Freeze { .. } => {
                Err(Refusal::new(Code::NotSequencer, "it was not ordered by the sequencer"))
            }
        }
    }

    fn carry_out(&mut self, plan: Plan, closes: &[Closure]) {
        for (key, mut member) in plan.members {
            let before = self.members.get(&key);
            member.eras = before.map(|before| before.eras.clone()).unwrap_or_default();
            let closure = closes.iter().find(|closure| closure.key == key);
            if let (Some(era), Some(closure)) = (member.eras.last_mut(), closure) {
                let upto = closure.upto.iter().flat_map(|(document, actors)| {
                    actors.iter().map(|(actor, seq)| ((*document, *actor), *seq))
                });
                era.upto = Some(Arc::new(upto.collect()));
            } else {
                // What may be more is written anew, and nothing is lost by it.
                member.eras.retain(|era| era.upto.is_some());
            }
            if member.rights != Rights::NONE {
                member.eras.push(Era { rights: member.rights, upto: None });
            }
            self.members.insert(key, member);
        }
        self.invitations.extend(plan.invited);
        if let Some((key, term)) = plan.sequencer {
            (self.sequencer, self.term) = (key, term);
            self.reigns.insert((term, self.entries), key);
        }
        if let Some((key, contested)) = plan.contested {
            let place = (key, contested.document, contested.actor, contested.seq);
            self.contested.insert(place, contested.keep);
        }
    }

    /// The context.
    pub fn context(&self) -> ContextId {
        self.context
    }

    /// How many entries there are: the epoch.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// [`entry_hash`] of the newest entry.
    pub fn head(&self) -> [u8; 32] {
        self.head
    }

    /// Whose turn it is to order.
    pub fn term(&self) -> u32 {
        self.term
    }

    /// Who orders the log.
    pub fn sequencer(&self) -> PublicKey {
        self.sequencer
    }

    /// The present sequencer's term, and the number of the entry that named it.
    pub fn reign(&self) -> (u32, u64) {
        self.reigns.last_key_value().map_or((self.term, 0), |(reign, _)| *reign)
    }

    /// Who ordered the log and since when: by term, and by the entry that named them in it.
    pub fn sequencers(&self) -> &BTreeMap<(u32, u64), PublicKey> {
        &self.reigns
    }

    /// Everybody who is or was a member, in the order of their keys.
    pub fn members(&self) -> impl Iterator<Item = (&PublicKey, &Member)> {
        self.members.iter()
    }

    /// Somebody who is or was a member.
    pub fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.members.get(key)
    }

    /// All invitations, in the order of their keys.
    pub fn invitations(&self) -> impl Iterator<Item = (&PublicKey, &Invited)> {
        self.invitations.iter()
    }

    /// Whether a proposal is in the log.
    pub fn has(&self, proposal: &ChangeHash) -> bool {
        self.proposals.contains_key(proposal)
    }

    /// The number of the entry that a proposal has become.
    pub fn entry_of(&self, proposal: &ChangeHash) -> Option<u64> {
        self.proposals.get(proposal).copied()
    }

    /// What a key may do now. The sequencer, which orders, may read everything.
    pub fn rights(&self, key: &PublicKey) -> Rights {
        let rights = self.members.get(key).map_or(Rights::NONE, |member| member.rights);
        if *key == self.sequencer {
            return Rights { read: Scopes::ALL, ..rights };
        }
        rights
    }

    /// The first member whose end date has come.
    pub fn due(&self, now: u64) -> Option<PublicKey> {
        let due = |member: &Member| {
            member.ended.is_none() && member.until.is_some_and(|until| until <= now)
        };
        self.members.iter().find(|(_, member)| due(member)).map(|(key, _)| *key)
    }

    /// The next end date.
    pub fn next_end(&self) -> Option<u64> {
        let live = self.members.values().filter(|member| member.ended.is_none());
        live.filter_map(|member| member.until).min()
    }

    /// Whether a change counts: its author may have made it where it is. The same for ever for equal
    /// logs, whoever delivers it and whenever.
    pub fn allows(
        &self,
        author: &PublicKey,
        document: &DocumentKey,
        header: &Header,
    ) -> Result<(), Refusal> {
        self.allows_at(author, document, (header.actor, header.seq, header.hash))
    }

    /// [`Self::allows`], for what a graph keeps of a change: actor, sequence and hash.
    pub fn allows_at(
        &self,
        author: &PublicKey,
        document: &DocumentKey,
        (actor, seq, hash): (ActorId, u64, ChangeHash),
    ) -> Result<(), Refusal> {
        let refuse =
            |code, reason| Err(Refusal { about: Some(hash), ..Refusal::new(code, reason) });
        if self.contested.get(&(*author, *document, actor, seq)).is_some_and(|keep| *keep != hash) {
            return refuse(Code::Contradiction, "its actor has another change with this number");
        }
        let Some(member) = self.members.get(author) else {
            return refuse(Code::Forbidden, "its author has no role in this context");
        };
        let counts = |era: &Era| {
            era.rights.writes(document.scope)
                && era.upto.as_ref().is_none_or(|upto| {
                    upto.get(&(*document, actor)).is_some_and(|last| seq <= *last)
                })
        };
        if member.eras.iter().any(counts) {
            return Ok(());
        }
        match member.ended {
            Some((End::Expired, _)) => {
                refuse(Code::Expired, "its author's rights had expired before it")
            }
            Some((End::Revoked | End::Rotated | End::Frozen, _)) => {
                refuse(Code::Revoked, "its author's rights had been taken before it")
            }
            None if member.rights == Rights::NONE => {
                refuse(Code::Revoked, "the rights of its author's sponsor had been taken before it")
            }
            None => refuse(Code::Forbidden, "its author may not write this section"),
        }
    }
}
