//! One history: who does what, who hears of it when, and what must hold in the end.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::access::{Action, Contested, Grant, Kind, Log, proposal_hash, rotate_bytes};
use wattle_protocol::identity::seal_bytes_of;
use wattle_protocol::message::Code;
use wattle_protocol::{ActorId, Blob, ChangeHash, PublicKey, Seal};
use wattle_sim::rng::Rng;

use super::cast::{Cast, DOCUMENTS, PRINCIPALS, role};
use super::replica::{Answer, Change, Replica, allows};

/// A bug that is put in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A replica goes on showing what the log does not allow.
    KeepsAll,
    /// It takes out that alone, and not what builds on it.
    KeepsDependents,
    /// The sequencer's cutoffs are one change short.
    ShortCutoffs,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) changes: u64,
    pub(super) entries: u64,
    pub(super) refused_proposals: u64,
    /// Keys whose rights ended.
    pub(super) ended: u64,
    pub(super) frozen: u64,
    pub(super) refused: u64,
    /// Changes that were shown and taken out.
    pub(super) taken_out: u64,
    /// Changes that all show in the end.
    pub(super) live: u64,
}

impl Tally {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            changes: self.changes + other.changes,
            entries: self.entries + other.entries,
            refused_proposals: self.refused_proposals + other.refused_proposals,
            ended: self.ended + other.ended,
            frozen: self.frozen + other.frozen,
            refused: self.refused + other.refused,
            taken_out: self.taken_out + other.taken_out,
            live: self.live + other.live,
        }
    }
}

/// The replica that orders.
const SEQUENCER: usize = 0;
const REPLICAS: usize = 3;

/// Somebody's pen at one replica: an actor, and its newest change in each document.
#[derive(Clone, Copy)]
struct Pen {
    actor: ActorId,
    last: [Option<usize>; DOCUMENTS.len()],
}

pub(super) struct History<'a> {
    seed: u64,
    cast: &'a Cast,
    fault: Option<Fault>,
    rng: Rng,
    time: u64,
    changes: Vec<Change>,
    entries: Vec<Blob>,
    replicas: [Replica; REPLICAS],
    /// Where each principal writes, and which of its two keys it uses.
    homes: [usize; PRINCIPALS],
    rotated: [bool; PRINCIPALS],
    pens: BTreeMap<(usize, Company), Pen>,
    made: u64,
    /// Written by whoever does not care for the log; it may reach anybody.
    rogue: BTreeSet<usize>,
    /// Signed, and where they wait.
    proposals: Vec<(usize, Blob)>,
    /// Links that are down.
    cut: BTreeSet<(usize, usize)>,
    /// What the sequencer ever had.
    stored: BTreeSet<usize>,
    /// What it had of a key when its rights ended.
    ended: BTreeMap<PublicKey, BTreeSet<usize>>,
    tally: Tally,
}

/// What a pen writes for: its own replica, or the rogue's pool.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Company {
    Honest,
    Rogue,
}

type Step = Result<(), String>;

impl<'a> History<'a> {
    pub(super) fn new(seed: u64, cast: &'a Cast, fault: Option<Fault>) -> Self {
        let mut rng = Rng::new(seed, "history");
        let homes = std::array::from_fn(|_| below(&mut rng, REPLICAS));
        Self {
            seed,
            cast,
            fault,
            rng,
            time: 10,
            changes: Vec::new(),
            entries: cast.entries.clone(),
            replicas: std::array::from_fn(|_| Replica::new(cast.log.clone())),
            homes,
            rotated: [false; PRINCIPALS],
            pens: BTreeMap::new(),
            made: 0,
            rogue: BTreeSet::new(),
            proposals: Vec::new(),
            cut: BTreeSet::new(),
            stored: BTreeSet::new(),
            ended: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<Tally, String> {
        for _ in 0..self.rng.within(20..=50) {
            self.step()?;
        }
        self.settle()?;
        self.judge()?;
        self.tally.live = self.replicas[SEQUENCER].live.len() as u64;
        Ok(self.tally)
    }

    fn step(&mut self) -> Step {
        self.time += self.rng.within(0..=3);
        match self.rng.within(0..=99) {
            0..=44 => self.edit(),
            45..=54 => {
                self.rogue_edit();
                Ok(())
            }
            55..=66 => {
                self.propose();
                Ok(())
            }
            67..=72 => {
                let link = self.link();
                if !self.cut.remove(&link) {
                    self.cut.insert(link);
                }
                Ok(())
            }
            73..=75 => self.expire(),
            _ => {
                let link = self.link();
                if self.cut.contains(&link) { Ok(()) } else { self.meet(link, 700) }
            }
        }
    }

    fn link(&mut self) -> (usize, usize) {
        let links = [(0, 1), (0, 2), (1, 2)];
        links[below(&mut self.rng, links.len())]
    }

    fn key_of(&self, principal: usize) -> usize {
        if self.rotated[principal] { principal + PRINCIPALS } else { principal }
    }

    /// Somebody writes where they are, on all that is shown there, if their own machine lets them.
    fn edit(&mut self) -> Step {
        let principal = below(&mut self.rng, PRINCIPALS);
        let (key, home) = (self.key_of(principal), self.homes[principal]);
        let document = below(&mut self.rng, DOCUMENTS.len());
        let replica = &self.replicas[home];
        let rights = replica.log.rights(&self.cast.public[key]);
        if !rights.writes(DOCUMENTS[document].scope) {
            return Ok(());
        }
        let heads = replica.heads(document, &self.changes);
        let pen = self.pens.get(&(key, Company::Honest));
        // A pen whose last change was taken out is thrown away.
        let broken = pen
            .is_none_or(|pen| pen.last.iter().flatten().any(|last| !replica.live.contains(last)));
        let number = self.write((key, Company::Honest), document, (heads, broken));
        let Answer::Taken = self.replicas[home].take(number, &self.changes) else {
            return Err("an own change was not taken".to_owned());
        };
        self.note_stored();
        Ok(())
    }

    /// Somebody writes whatever their rights, on something that is somewhere, perhaps twice with one
    /// number.
    fn rogue_edit(&mut self) {
        let principal = below(&mut self.rng, PRINCIPALS);
        let key = if self.rng.permille(300) { principal } else { self.key_of(principal) };
        let document = below(&mut self.rng, DOCUMENTS.len());
        let seen = &self.replicas[below(&mut self.rng, REPLICAS)];
        let fits = |number: &&usize| self.changes[**number].document == document;
        let seen: Vec<usize> = seen.live.iter().filter(fits).copied().collect();
        let deps: Vec<usize> = self.rng.pick(&seen).copied().into_iter().collect();
        let number = self.write((key, Company::Rogue), document, (deps, false));
        self.rogue.insert(number);
        if self.rng.permille(150) {
            let Change { document, key, author, actor, seq, .. } = self.changes[number];
            let deps = self.changes[number].deps.clone();
            let hash = self.hash();
            self.changes.push(Change { hash, document, key, author, actor, seq, deps });
            self.rogue.insert(self.changes.len() - 1);
        }
    }

    fn write(
        &mut self,
        (key, company): (usize, Company),
        document: usize,
        (mut deps, fresh): (Vec<usize>, bool),
    ) -> usize {
        let hash = self.hash();
        let mut actor = ActorId([0; 16]);
        actor.0[..8].copy_from_slice(&self.made.to_be_bytes());
        let new = Pen { actor, last: [None; DOCUMENTS.len()] };
        let pen = self.pens.entry((key, company)).or_insert(new);
        if fresh {
            *pen = new;
        }
        let before = pen.last[document];
        deps.extend(before);
        deps.sort_unstable();
        deps.dedup();
        let seq = before.map_or(1, |before| self.changes[before].seq + 1);
        pen.last[document] = Some(self.changes.len());
        let (actor, author) = (pen.actor, self.cast.public[key]);
        self.changes.push(Change { hash, document, key, author, actor, seq, deps });
        self.tally.changes += 1;
        self.changes.len() - 1
    }

    fn hash(&mut self) -> ChangeHash {
        self.made += 1;
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.made.to_be_bytes());
        ChangeHash(hash)
    }

    /// Somebody wants something done to the log, and signs it where they are.
    fn propose(&mut self) {
        let author = below(&mut self.rng, PRINCIPALS);
        let other = below(&mut self.rng, PRINCIPALS);
        let (home, key) = (self.homes[author], self.key_of(author));
        let (new, target) = (author + PRINCIPALS, self.cast.public[self.key_of(other)]);
        let context = self.cast.log.context();
        let action = match self.rng.within(0..=9) {
            0..=4 => Action::Grant(self.grant(other, target)),
            5..=8 => Action::Revoke { key: target },
            _ if self.rotated[author] => return,
            _ => {
                let new_key = self.cast.public[new];
                let bytes = rotate_bytes(&context, &self.cast.public[key], &new_key);
                Action::Rotate { new: new_key, proof: self.cast.keys[new].sign(&bytes) }
            }
        };
        self.rotated[author] |= matches!(action, Action::Rotate { .. });
        self.made += 1;
        let log = &self.replicas[home].log;
        self.proposals.push((home, self.cast.proposal(key, log, action, 1_000 + self.made)));
    }

    fn grant(&mut self, other: usize, key: PublicKey) -> Grant {
        let kind = if other == 5 { Kind::Agent } else { Kind::Person };
        let until = self.rng.permille(300).then(|| self.time + self.rng.within(1..=30));
        let rights = role(self.rng.within(0..=5));
        let name = format!("principal {other}");
        Grant { key, name, kind, rights, until, edits_per_minute: None }
    }

    /// The sequencer looks at the clock.
    fn expire(&mut self) -> Step {
        while let Some(key) = self.replicas[SEQUENCER].log.due(self.time) {
            self.by_sequencer(Action::Expire { key })?;
        }
        Ok(())
    }

    fn by_sequencer(&mut self, action: Action) -> Step {
        self.made += 1;
        let log = &self.replicas[SEQUENCER].log;
        let proposal = wattle_protocol::access::Proposal {
            context: log.context(),
            based_on: log.entries(),
            nonce: [u8::try_from(self.made % 251).unwrap_or(0); 16],
            author: self.cast.sequencer.public(),
            action,
        };
        match self.order(&proposal.sign(&self.cast.sequencer))? {
            None => Ok(()),
            Some(code) => Err(format!("the sequencer's own proposal is refused: {code:?}")),
        }
    }

    /// The sequencer puts a proposal into the log, or answers why not.
    fn order(&mut self, proposal: &Blob) -> Result<Option<Code>, String> {
        let sequencer = &self.replicas[SEQUENCER];
        let keys = match sequencer.log.judge(proposal, self.time) {
            Ok(keys) => keys,
            Err(refusal) => {
                self.tally.refused_proposals += 1;
                return Ok(Some(refusal.code));
            }
        };
        let mut closes = sequencer.cutoffs(&keys, &self.changes);
        if self.fault == Some(Fault::ShortCutoffs) {
            let last = closes.iter_mut().flat_map(|it| &mut it.upto).flat_map(|it| &mut it.1);
            last.for_each(|(_, seq)| *seq -= 1);
        }
        let say = |refusal: wattle_protocol::message::Refusal| refusal.reason;
        let placed = (self.time, closes);
        let entry = sequencer.log.sequence(proposal, placed, &self.cast.sequencer).map_err(say)?;
        let live_before: Vec<PublicKey> = living(&sequencer.log);
        let sequencer = &mut self.replicas[SEQUENCER];
        sequencer.log.append(&entry).map_err(say)?;
        if !sequencer.log.has(&proposal_hash(proposal)) {
            return Err("a proposal that was ordered is not in the log".to_owned());
        }
        self.entries.push(entry);
        self.tally.entries += 1;
        let after: BTreeSet<PublicKey> = living(&sequencer.log).into_iter().collect();
        for key in live_before.into_iter().filter(|key| !after.contains(key)) {
            let of_key = sequencer.live.iter().filter(|it| self.changes[**it].author == key);
            self.ended.insert(key, of_key.copied().collect());
            self.tally.ended += 1;
        }
        let gone = self.replicas[SEQUENCER].purge(&self.changes, self.fault);
        if gone.is_empty() {
            return Ok(None);
        }
        Err(format!("the sequencer itself loses {} changes by an entry", gone.len()))
    }

    /// Two replicas tell each other the log, and then some of what the other lacks.
    fn meet(&mut self, (one, other): (usize, usize), permille: u64) -> Step {
        if one == SEQUENCER {
            let (here, waiting) = std::mem::take(&mut self.proposals)
                .into_iter()
                .partition(|(at, _)| [one, other].contains(at));
            self.proposals = waiting;
            for (_, proposal) in here {
                self.order(&proposal)?;
            }
        }
        for (from, to) in [(one, other), (other, one)] {
            self.tell_log(from, to)?;
            self.tell_changes(from, to, permille)?;
        }
        Ok(())
    }

    fn tell_log(&mut self, from: usize, to: usize) -> Step {
        let known = self.replicas[to].log.entries() as usize;
        let news = known..self.replicas[from].log.entries() as usize;
        for entry in self.entries.get(news.clone()).unwrap_or_default() {
            let appended = self.replicas[to].log.append(entry);
            appended.map_err(|refusal| format!("an entry is refused: {}", refusal.reason))?;
        }
        if !news.is_empty() {
            let gone = self.replicas[to].purge(&self.changes, self.fault);
            self.tally.taken_out += gone.len() as u64;
        }
        Ok(())
    }

    fn tell_changes(&mut self, from: usize, to: usize, permille: u64) -> Step {
        let mut offered: Vec<usize> = self.replicas[from].live.iter().copied().collect();
        offered.extend(&self.rogue);
        // Any order: what comes too early is offered again.
        for at in (1..offered.len()).rev() {
            offered.swap(at, below(&mut self.rng, at + 1));
        }
        offered.retain(|_| self.rng.permille(permille));
        for _ in 0..3 {
            for number in &offered {
                self.tell(*number, to)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, number: usize, to: usize) -> Step {
        match self.replicas[to].take(number, &self.changes) {
            Answer::Taken => self.note_stored(),
            Answer::Refused => self.tally.refused += 1,
            Answer::Nothing => {}
            Answer::Contradicts(kept) if to == SEQUENCER => self.freeze(kept, number)?,
            Answer::Contradicts(_) => self.tally.refused += 1,
        }
        Ok(())
    }

    fn note_stored(&mut self) {
        self.stored.extend(&self.replicas[SEQUENCER].live);
    }

    /// The sequencer has seen two changes in one place.
    fn freeze(&mut self, kept: usize, other: usize) -> Step {
        let log = &self.replicas[SEQUENCER].log;
        let [keep, lost] = [kept, other].map(|number| &self.changes[number]);
        let document = DOCUMENTS[keep.document];
        let seal = |change: &Change| {
            let place = (change.actor, change.seq, change.hash);
            let bytes = seal_bytes_of((&log.context(), &document), place, 1);
            let signature = self.cast.keys[change.key].sign(&bytes);
            (change.hash, Seal { epoch: 1, key: change.author, signature })
        };
        let contested = Contested { document, actor: keep.actor, seq: keep.seq, keep: keep.hash };
        let action =
            Action::Freeze { key: keep.author, contested, proof: [seal(keep), seal(lost)] };
        if log.allows_at(&lost.author, &document, (lost.actor, lost.seq, lost.hash)).is_err() {
            return Ok(());
        }
        self.tally.frozen += 1;
        self.by_sequencer(action)
    }

    /// All links are up, and everybody hears everything.
    fn settle(&mut self) -> Step {
        self.cut.clear();
        self.expire()?;
        for _ in 0..20 {
            let before = self.state();
            for link in [(0, 1), (0, 2), (1, 2)] {
                self.meet(link, 1_000)?;
            }
            if self.state() == before {
                return Ok(());
            }
        }
        Err("they do not come to rest".to_owned())
    }

    fn state(&self) -> Vec<(u64, BTreeSet<usize>)> {
        let states = self.replicas.iter().map(|it| (it.log.entries(), it.live.clone()));
        states.collect()
    }

    fn judge(&self) -> Step {
        let sequencer = &self.replicas[SEQUENCER];
        for (name, replica) in self.replicas.iter().enumerate() {
            if replica.log != sequencer.log {
                return Err(format!("replica {name} has other rights"));
            }
            if replica.live != sequencer.live {
                let differ = replica.live.symmetric_difference(&sequencer.live).count();
                return Err(format!("replica {name} differs in {differ} changes"));
            }
            if let Some(shown) = replica.live.iter().find(|it| !self.is_allowed(**it, &replica.log))
            {
                return Err(format!("replica {name} shows change {shown}, which is not allowed"));
            }
        }
        if sequencer.live != self.stored {
            return Err("the sequencer has lost what it had stored".to_owned());
        }
        for (key, had) in &self.ended {
            let of_key = sequencer.live.iter().filter(|it| self.changes[**it].author == *key);
            if !of_key.copied().eq(had.iter().copied()) {
                return Err(format!("of {key:?} counts what the sequencer did not have"));
            }
        }
        if self.seed.is_multiple_of(16) {
            let read = Log::read(&self.entries);
            let read = read.map_err(|(at, refusal)| format!("entry {at}: {refusal:?}"))?;
            if read != sequencer.log {
                return Err("read anew, rights differ".to_owned());
            }
        }
        Ok(())
    }

    /// By the log, and nothing that it builds on is missing.
    fn is_allowed(&self, number: usize, log: &Log) -> bool {
        let change = &self.changes[number];
        let stands = |dep: &usize| self.replicas[SEQUENCER].live.contains(dep);
        allows(log, change) && change.deps.iter().all(stands)
    }
}

/// The keys whose rights have not ended.
fn living(log: &Log) -> Vec<PublicKey> {
    log.members().filter(|(_, member)| member.ended.is_none()).map(|(key, _)| *key).collect()
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.within(0..=bound as u64 - 1)).unwrap_or(0)
}
