//! Parties with changed programs in the simulated world: each speaks by hand, over a link of its own.

use wattle_protocol::message::Refusal;
use wattle_protocol::{Blob, Frame, Input, LinkId};

use super::node::{Kind, keypair_of};
use super::{Event, World};
use crate::hostile::{Party, Purpose, Voice};
use crate::scenario::{Act, Answer, Deed, Lies, Line, Step};

/// So long a patched party waits for an answer.
const ANSWERS_MS_MAX: u64 = 60_000;

/// A link of which one end is spoken by hand.
pub(crate) struct Talk {
    node: usize,
    voice: Voice,
}

/// Whether anybody in a scenario lies.
pub(super) fn lies(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Patched { .. }))
}

impl World {
    /// Somebody with a changed program comes.
    pub(super) fn patch(&mut self, name: &str, role: &str) {
        let party = Party::new(keypair_of(self.seed, name), name, self.context);
        self.parties.insert(name.to_owned(), party);
        self.admit(name, role);
    }

    /// Does what a patched party does.
    pub(super) fn hostile(&mut self, act: &Act) {
        let done = match &act.deed {
            Deed::Forge { name, lies, line } => self.forge((&act.peer, name), lies, line),
            Deed::Reparent { change, name } => self.reparent(change, name),
            Deed::Send { change, to, answer } => self.hand_over((&act.peer, change), to, *answer),
            Deed::Order(whom) => self.order_for(&act.peer, whom),
            Deed::Edit(_)
            | Deed::Mark(_)
            | Deed::Resolve { .. }
            | Deed::Claim(_)
            | Deed::Grant { .. }
            | Deed::Revoke(_)
            | Deed::Rotate(_)
            | Deed::Sequencer { .. }
            | Deed::Invite { .. } => Err("only replicas do that".to_owned()),
        };
        self.check("scenario", done.map_err(|what| format!("`{act}`: {what}")));
    }

    /// On what the first peer shows.
    fn forge(&mut self, (by, name): (&str, &str), lies: &Lies, line: &Line) -> Result<(), String> {
        let naming = lies.naming.as_ref().map(|naming| self.key(naming)).transpose()?;
        let first = self.nodes.iter().find(|node| node.kind == Kind::Peer);
        let life = first.and_then(|node| node.life.as_ref()).ok_or("the first peer is down")?;
        let party = self.parties.get_mut(by).ok_or("no such party")?;
        let edit = self.names.edit(line, &life.context).map_err(|error| error.to_string())?;
        let forged = party.forge(&life.context, &edit, (lies, naming));
        let forged = forged.map_err(|error| error.to_string())?;
        if naming.is_none() {
            self.ledger.wrote(forged.document, &forged.change.header);
        }
        self.forged.insert(name.to_owned(), forged);
        Ok(())
    }

    fn reparent(&mut self, change: &str, name: &str) -> Result<(), String> {
        let forged = self.forged.get(change).ok_or("no such change")?;
        let moved = forged.reparented().map_err(|error| error.to_string())?;
        self.forged.insert(name.to_owned(), moved);
        Ok(())
    }

    fn hand_over(
        &mut self,
        (by, change): (&str, &str),
        to: &str,
        expected: Answer,
    ) -> Result<(), String> {
        let forged = self.forged.get(change).cloned().ok_or("no such change")?;
        let (_, answer, _) = self.talk(by, to, Purpose::Send(Box::new(forged)))?;
        if answer == Some(expected) {
            return Ok(());
        }
        let answer = answer.map_or_else(|| "nothing".to_owned(), |answer| answer.to_string());
        Err(format!("{to} answers {answer}"))
    }

    /// The link stays until the entry is there.
    fn order_for(&mut self, by: &str, whom: &str) -> Result<(), String> {
        let (node, answer, entries) = self.talk(by, whom, Purpose::Order)?;
        match answer {
            Some(Answer::Yes) => {}
            Some(refused @ Answer::Refused(_)) => return Err(format!("it may not: {refused}")),
            None => return Err(format!("{whom} wants nothing")),
        }
        let (context, until) = (self.context, self.now + ANSWERS_MS_MAX);
        let has = |world: &Self| {
            let log = world.nodes.get(node).and_then(|node| node.log_of(&context));
            log.is_some_and(|log| log.entries() >= entries)
        };
        self.until(until, has);
        if has(self) { Ok(()) } else { Err(format!("{whom} does not take the entry")) }
    }

    /// Speaks with a replica until there is an answer; tells which one it is, and how long the log is
    /// that was made for it.
    fn talk(
        &mut self,
        by: &str,
        to: &str,
        purpose: Purpose,
    ) -> Result<(usize, Option<Answer>, u64), String> {
        let node = self.nodes.iter().position(|node| node.name == to).ok_or("no such replica")?;
        if !self.is_up(node) {
            return Err(format!("{to} is down"));
        }
        let party = self.parties.get(by).ok_or("no such party")?;
        let (voice, first) = Voice::begin(&party.keypair, self.context, purpose);
        self.count += 1;
        let (id, link) = (self.count, LinkId(self.count));
        let (nonce, token) = (self.rng.bytes(), Blob::from(Vec::new()));
        self.talks.insert(id, Talk { node, voice });
        self.input(node, Input::Connected { link, nonce, dials: None, token });
        self.schedule(self.now, Event::Said(id, first));
        let answered =
            |world: &Self| world.talks.get(&id).is_none_or(|talk| talk.voice.answer().is_some());
        self.until(self.now + ANSWERS_MS_MAX, answered);
        // What it said last is on its way.
        self.until(self.now + ANSWERS_MS_MAX, |world| {
            !world.events.values().any(|event| matches!(event, Event::Said(of, _) if *of == id))
        });
        let talk = self.talks.remove(&id).ok_or("no link")?;
        self.input(node, Input::Disconnected { link });
        Ok((node, talk.voice.answer(), talk.voice.entries()))
    }

    /// Lets things happen until something is so, or until then.
    pub(super) fn until(&mut self, until: u64, so: impl Fn(&Self) -> bool) {
        while !so(self) && self.outcome.violations.is_empty() {
            match self.next_at() {
                Some(at) if at <= until => self.happen(),
                Some(_) | None => return,
            }
        }
    }

    /// A machine says something to a party that speaks by hand. Answers whether it is one.
    pub(super) fn hears(&mut self, link: LinkId, frame: &Blob) -> bool {
        if !self.talks.contains_key(&link.0) {
            return false;
        }
        let at = self.now + self.net.delay_ms.0;
        self.schedule(at, Event::Heard(link.0, frame.clone()));
        true
    }

    /// It has come.
    pub(super) fn heard(&mut self, id: u64, frame: &Blob) {
        let Some(talk) = self.talks.get_mut(&id) else { return };
        let (node, said) = (talk.node, talk.voice.hear(frame));
        let at = self.now + self.net.delay_ms.0;
        said.into_iter().for_each(|frame| self.schedule(at, Event::Said(id, frame)));
        let (link, bytes) = (LinkId(id), frame.len());
        self.ledger.drained(node, link, bytes);
        self.input(node, Input::Drained { link, bytes });
    }

    /// What was said by hand comes to a machine.
    pub(super) fn said(&mut self, id: u64, frame: &Blob) {
        if let Some(talk) = self.talks.get(&id) {
            let (node, link) = (talk.node, LinkId(id));
            self.input(node, Input::Received { link, frame: Frame::new(frame.to_vec()) });
        }
    }

    /// A machine closes such a link.
    pub(super) fn hung_up(&mut self, link: LinkId, refusal: &Refusal) {
        if let Some(talk) = self.talks.get_mut(&link.0) {
            talk.voice.closed(refusal.code.number());
        }
    }
}
