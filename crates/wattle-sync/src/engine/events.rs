//! What the machine tells, and what commands ask.

use wattle_context::{Document, Part};
use wattle_protocol::io::Event;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, ChangeHash, DocumentKey, Input, LinkId, Seal};

use super::{Command, Engine, Flow};
use crate::error::{OpenError, ReadError};
use crate::guard;
use crate::hex::hex;
use crate::part::{name_of, part_of};
use crate::peer::Parts;
use crate::status::Present;

/// A snapshot that has come over a link.
struct Arrived {
    link: LinkId,
    document: DocumentKey,
    bytes: Blob,
    seals: Vec<(ChangeHash, Seal)>,
}

impl Engine {
    /// Does what one command asks.
    pub(super) fn take_in(&mut self, command: Command) -> Flow {
        match command {
            Command::Write(order) => self.write(vec![order]),
            Command::View { parts, view } => self.view(&parts, view),
            // Who asked may have gone; that is no fault.
            Command::Name(reply) => drop(reply.send(self.name())),
            Command::Dial { address } => {
                self.links.aim(address);
                self.uplink.hurry();
                self.tend_uplink(std::time::Instant::now());
            }
            Command::AddRemote { address, reply } => {
                drop(reply.send(self.add_remote(&address.to_string())));
                self.links.aim(address);
                self.uplink.hurry();
                self.tend_uplink(std::time::Instant::now());
            }
            Command::Listen { address, reply } => self.listen(address, reply),
            Command::Present { body } => self.present(&body),
            Command::Presence(reply) => {
                drop(reply.send(self.presence.values().cloned().collect()));
            }
            Command::Heads(reply) => drop(reply.send(self.heads())),
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Settled { timeout, reply } => self.wait_settled(timeout, reply),
            Command::Wish { wish, reply } => self.wish(wish, reply),
            Command::AwaitAdmission(reply) => self.await_admission(reply),
            Command::Members(reply) => drop(reply.send(self.members())),
            Command::Whoami(reply) => drop(reply.send(self.whoami())),
            Command::Remote(reply) => {
                let elsewhere = || self.uplink.dialled_elsewhere().into_iter().next();
                drop(reply.send(self.links.first_remote().or_else(elsewhere)));
            }
            Command::Audit(reply) => drop(reply.send(self.audit())),
            Command::Principals(reply) => drop(reply.send(self.principals())),
            Command::Close(reply) => {
                self.closing.push(reply);
                return Flow::Stop;
            }
            Command::LinkUp { outbox, dialled, reply } => self.link_up(outbox, dialled, reply),
            Command::Link { link, event } => self.link_event(link, event),
            Command::LinkDown { link, ended } => self.link_down(link, &ended),
            Command::Attempt { address, state } => {
                self.attempt(&address, state);
                self.seek_sequencer();
            }
            Command::Lease { request, reply } => self.ask_lease(request, reply),
            Command::Sequencers(reply) => drop(reply.send(self.sequencers())),
            Command::AskingEnded { address } => self.asking_ended(address),
            Command::Snapshot { part, made } => self.keep_snapshot(part, made),
        }
        Flow::Continue
    }

    fn view(&mut self, parts: &Parts, view: super::View) {
        let ready = self.refresh().map_err(ReadError::Store);
        let ready = ready.and_then(|()| self.load_all(parts));
        self.documents.context.moment(crate::clock::now_ms());
        let context = &mut self.documents.context;
        let run = std::panic::AssertUnwindSafe(|| view(ready.map(|()| context)));
        if std::panic::catch_unwind(run).is_err() {
            tracing::error!("a view panicked; the documents are read again");
            self.forget_loaded();
        }
    }

    fn add_remote(&self, remote: &str) -> Result<(), OpenError> {
        let mut settings = self.directory.read()?;
        if !settings.remotes.iter().any(|known| known == remote) {
            settings.remotes.push(remote.to_owned());
            self.directory.rewrite(&settings)?;
        }
        Ok(())
    }

    fn present(&mut self, body: &str) {
        let body = Blob::from(body.as_bytes());
        self.tell_machine(Input::Present { context: self.context, body });
    }

    /// Takes in what the machine tells.
    pub(super) fn notice(&mut self, event: Event) {
        match event {
            Event::Ready { link, store, key, agent, is_relay } => {
                tracing::info!(link = link.0, %store, %key, agent, "a link is ready");
                if let Some(entry) = self.links.get_mut(link) {
                    entry.is_relay = is_relay;
                    entry.prove(store, key, agent);
                }
                self.note_address(link, store);
                self.ask_again(link);
            }
            Event::InSync { link, .. } => {
                if let Some(entry) = self.links.get_mut(link) {
                    entry.in_sync = true;
                }
            }
            Event::Opened { link, .. } => self.hand_over(link),
            Event::Durable { remote, context, known } if context == self.context => {
                self.durable.entry(remote).or_default().insert(known.document, known);
            }
            Event::Durable { .. } => {}
            Event::Snapshot { link, document, bytes, seals, .. } => {
                self.expand(Arrived { link, document, bytes, seals });
            }
            Event::Refused { link, refusal } => {
                tracing::warn!(link = link.0, %refusal, "the other side refuses");
                let by = self.links.get_mut(link).and_then(|entry| entry.key);
                self.note_refusal(&refusal, (by, None));
                // Whoever joins may come before the context does: dialled again later, it may be there.
                if refusal.code == Code::Unknown {
                    self.note_unknown(link, &refusal);
                    self.hang_up(link, &refusal);
                }
            }
            Event::Rejected { link, document, refusal } => {
                let by = self.links.get_mut(link).and_then(|entry| entry.key);
                self.note_refusal(&refusal, (by, Some(&document)));
                let document = name_of(&document);
                tracing::warn!(link = link.0, document, %refusal, "a change was refused");
            }
            Event::Access { .. } => {
                if let Err(error) = self.read_access() {
                    tracing::warn!(%error, "the access log cannot be read");
                }
            }
            Event::ProposalRefused { proposal, refusal, .. } => {
                let about = Some(proposal);
                let refusal = Refusal { about, ..refusal };
                self.note_refusal(&refusal, (None, None));
                self.wish_refused(proposal, &refusal);
            }
            Event::Forked { context, entries } if context == self.context => {
                self.note_fork(&entries);
            }
            Event::Receipt { context, document, heads, receipt, .. } if context == self.context => {
                self.note_receipt(document, heads, receipt);
            }
            Event::Leased { number, answer, .. } => self.leased(number, answer),
            Event::Login { .. }
            | Event::Forked { .. }
            | Event::Receipt { .. }
            | Event::ProposalDeclined { .. } => {}
            Event::Presence { key, session, body, .. } => {
                if body.is_empty() {
                    self.presence.remove(&(key, session));
                } else {
                    let body = String::from_utf8_lossy(&body).into_owned();
                    let name = hex(&session);
                    self.presence.insert((key, session), Present { key, session: name, body });
                }
            }
        }
    }

    /// Takes a snapshot apart into the changes that it holds; only they are checked and kept.
    fn expand(&mut self, arrived: Arrived) {
        let Arrived { link, document, bytes, seals } = arrived;
        let changes = part_of(&document).and_then(|part| expanded(part, &bytes, &seals));
        let changes = changes.unwrap_or_else(|| {
            let document = name_of(&document);
            tracing::warn!(link = link.0, document, "a snapshot cannot be loaded");
            Vec::new()
        });
        self.tell_machine(Input::Expanded { link, context: self.context, document, changes });
    }
}

fn expanded(
    part: Part,
    bytes: &[u8],
    seals: &[(ChangeHash, Seal)],
) -> Option<Vec<(Blob, Option<Seal>)>> {
    let loaded = guard::load(part, Some(bytes), &[]).ok()?;
    let seals: std::collections::BTreeMap<ChangeHash, Seal> = seals.iter().copied().collect();
    let genesis = (Blob::from(Document::genesis(part).to_vec()), None);
    let changes = loaded.document.changes().into_iter().map(|bytes| {
        let hash = wattle_protocol::Header::parse(&bytes).map(|header| header.hash);
        let seal = hash.ok().and_then(|hash| seals.get(&hash).copied());
        (Blob::from(bytes), seal)
    });
    Some(std::iter::once(genesis).chain(changes).collect())
}
