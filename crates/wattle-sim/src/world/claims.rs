//! Claims on tasks: what a peer of `wattle-sync` does with them, over the machine and the documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use wattle_context::claim::{self, Claim, Record, Said};
use wattle_context::{Edit, ItemId, Op, Section, Value};
use wattle_protocol::identity::Signature;
use wattle_protocol::lease::{Answer, Ask, ClaimName, Fence, Grant, Lease, Request, Subject};
use wattle_protocol::{ContextId, Input, PublicKey};

use super::act::{EPOCH_MS, author};
use super::{Event, World};
use crate::scenario::{Act, Claiming, Standing, Verb};

/// So long a peer waits for the sequencer.
const PATIENCE_MS: u64 = 2_500;

/// What is claimed, and what was asked of sequencers.
#[derive(Debug, Default)]
pub(super) struct Claims {
    count: u64,
    asked: BTreeMap<u64, Asked>,
    /// The claim that each peer has last made of a task; who claims outlives a crash.
    names: BTreeMap<(usize, ItemId), String>,
    /// How claims stood that somebody waits for.
    told: BTreeMap<u64, Standing>,
}

/// A question to a sequencer that was not answered yet.
#[derive(Clone, Debug)]
struct Asked {
    node: usize,
    life: u64,
    task: ItemId,
    claim: String,
    verb: Verb,
}

/// What a peer sees of a task and of its own claim.
struct Seen {
    owner: Option<Claim>,
    own: Option<Claim>,
}

/// Whether a claim is to be waited for.
pub(super) enum Done {
    Stands(Standing),
    Asked(u64),
}

impl World {
    /// Does what a step wants of a task; what needs the sequencer's answer is done when it comes.
    pub(super) fn claim(&mut self, node: usize, claiming: &Claiming) -> Result<Done, String> {
        self.permit(node, "tasks")?;
        self.look(node);
        let task = self.task(node, &claiming.path)?;
        let name = self.claims.names.get(&(node, task)).cloned();
        let seen = self.seen(node, (task, name.as_deref()))?;
        let owns = seen.own.as_ref().is_some_and(|own| is(&seen.owner, own));
        let claim = match (&claiming.verb, name) {
            (Verb::Claim { .. }, Some(name)) if owns => name,
            (Verb::Claim { .. }, _) if seen.owner.is_some() => {
                return Ok(Done::Stands(Standing::Lost));
            }
            (Verb::Claim { .. }, _) => {
                let bytes: [u8; 4] = self.nodes.get_mut(node).ok_or("no replica")?.rng.bytes();
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            (_, Some(_)) if seen.own.is_none() => return Err("its claim is gone".to_owned()),
            (_, Some(name)) => name,
            (_, None) => return Err("it has not claimed this task".to_owned()),
        };
        let life = self.nodes.get(node).map_or(0, |node| node.lives);
        let asked = Asked { node, life, task, claim, verb: claiming.verb.clone() };
        if !owns && !matches!(claiming.verb, Verb::Claim { .. }) {
            return self.stale(&asked, seen.own.as_ref()).map(|()| Done::Stands(Standing::Lost));
        }
        let ask = match claiming.verb {
            Verb::Claim { seconds } | Verb::Renew { seconds } => Ask::Take { ttl_s: seconds },
            Verb::Report { ref status } if status != "done" => Ask::Take { ttl_s: REPORTED_S },
            Verb::Report { .. } | Verb::Release => Ask::Look,
        };
        let number = self.ask(&asked, ask);
        self.claims.asked.insert(number, asked);
        self.schedule(self.now + PATIENCE_MS, Event::Answered(number, None));
        Ok(Done::Asked(number))
    }

    /// Whoever counts on a claim waits until it is known how it stands.
    pub(super) fn stands(&mut self, act: &Act, (claiming, done): (&Claiming, Done)) {
        if act.may_fail {
            return;
        }
        let standing = match done {
            Done::Stands(standing) => Some(standing),
            Done::Asked(number) => {
                while self.claims.asked.contains_key(&number) && self.outcome.violations.is_empty()
                {
                    self.happen();
                }
                self.claims.told.remove(&number)
            }
        };
        let wanted = claiming.standing;
        if wanted.is_some() && wanted != standing {
            let found = standing.map_or_else(|| "done".to_owned(), |found| found.to_string());
            self.violate("expectation", format!("`{act}` is {found}"));
        }
    }

    /// A machine tells what the sequencer says.
    pub(super) fn leased(&mut self, node: usize, (number, answer): (u64, Option<Answer>)) {
        if let Some(Answer::Granted(grant)) = &answer {
            let now_s = self.unix_seconds();
            let logs = self.nodes.iter().filter_map(|node| node.log_of(&self.context));
            let log = logs.max_by_key(|log| (log.term(), log.entries()));
            let may_write = |key: &PublicKey| {
                log.as_ref().is_some_and(|log| log.rights(key).writes(grant.lease.subject.scope))
            };
            let alone = self.leases.promised((&grant.lease, number), now_s, may_write);
            self.check("one lease", alone);
        }
        if self.claims.asked.get(&number).is_some_and(|asked| asked.node == node) {
            self.schedule(self.now, Event::Answered(number, answer.map(Box::new)));
        }
    }

    /// The sequencer has answered, or has not for too long.
    pub(super) fn answered(&mut self, number: u64, answer: Option<Box<Answer>>) {
        let Some(asked) = self.claims.asked.get(&number).cloned() else { return };
        let alive = self.nodes.get(asked.node).filter(|node| node.lives == asked.life);
        let Some(node) = alive.filter(|node| node.life.is_some()) else {
            self.claims.asked.remove(&number);
            return;
        };
        if node.blocked() {
            // Its engine does one thing after the other.
            return self.schedule(self.now + 1, Event::Answered(number, answer));
        }
        self.claims.asked.remove(&number);
        self.look(asked.node);
        let answer = answer.map(|answer| *answer);
        match self.finish(&asked, answer.as_ref()) {
            Ok(standing) => drop(self.claims.told.insert(number, standing)),
            // An item that was deleted meanwhile, or rights that have ended.
            Err(_) => self.outcome.stats.refused += 1,
        }
    }

    fn finish(&mut self, asked: &Asked, answer: Option<&Answer>) -> Result<Standing, String> {
        self.permit(asked.node, "tasks")?;
        let seen = self.seen(asked.node, (asked.task, Some(&asked.claim)))?;
        let holds = match answer {
            Some(Answer::Held { .. }) => false,
            Some(Answer::Granted(_)) => true,
            Some(Answer::Free | Answer::Refused(_)) | None => {
                seen.owner.is_none() || seen.own.as_ref().is_some_and(|own| is(&seen.owner, own))
            }
        };
        if !holds {
            self.stale(asked, seen.own.as_ref())?;
            return Ok(Standing::Lost);
        }
        let grant = match answer {
            Some(Answer::Granted(grant)) => Some(grant),
            Some(Answer::Held { .. } | Answer::Free | Answer::Refused(_)) | None => None,
        };
        let (said, seconds) = match &asked.verb {
            Verb::Claim { seconds } if seen.own.is_none() => (Said::Claim, *seconds),
            Verb::Claim { seconds } | Verb::Renew { seconds } => (Said::Renew, *seconds),
            Verb::Report { status } if status != "done" => (Said::Renew, REPORTED_S),
            Verb::Report { .. } | Verb::Release => (Said::End, 0),
        };
        let status = match &asked.verb {
            Verb::Report { status } => Some(status.as_str()),
            Verb::Release => Some("open"),
            Verb::Claim { .. } | Verb::Renew { .. } => None,
        };
        let status = status.map(|status| edit(format!("tasks/{}/status", asked.task), status));
        let record = self.record(asked, (said, seconds), grant)?;
        self.write_down(asked.node, status.into_iter().chain([record]).collect())?;
        self.claims.names.insert((asked.node, asked.task), asked.claim.clone());
        let stands = if grant.is_some() { Standing::Leased } else { Standing::Optimistic };
        if said == Said::End {
            self.give_back(asked);
            return Ok(stands);
        }
        let seen = self.seen(asked.node, (asked.task, Some(&asked.claim)))?;
        if seen.own.as_ref().is_some_and(|own| is(&seen.owner, own)) {
            return Ok(stands);
        }
        self.stale(asked, seen.own.as_ref())?;
        self.give_back(asked);
        Ok(Standing::Lost)
    }

    /// Who does not hold a task any more ends the claim, leaves a note, and changes nothing else.
    fn stale(&mut self, asked: &Asked, own: Option<&Claim>) -> Result<(), String> {
        let status = self.status(asked);
        let ends = own.is_some_and(|own| !own.ended) && !matches!(asked.verb, Verb::Renew { .. });
        let end = if ends { Some(self.record(asked, (Said::End, 0), None)?) } else { None };
        let note = matches!(asked.verb, Verb::Report { .. }).then(|| {
            let path = format!("tasks/{}/notes", asked.task);
            Edit { op: Op::Append, ..edit(path, "a stale claim") }
        });
        self.write_down(asked.node, end.into_iter().chain(note).collect())?;
        if self.status(asked) != status {
            self.violate(
                "stale",
                format!("a stale claim has changed the status of {}", asked.task),
            );
        }
        Ok(())
    }

    fn status(&self, asked: &Asked) -> Option<Vec<Value>> {
        let life = self.nodes.get(asked.node)?.life.as_ref()?;
        let path = life.context.locate(&format!("tasks/{}/status", asked.task)).ok()?;
        life.context.field(&path).map(|field| field.in_force)
    }

    /// Tells a peer's documents what time it is, and who ordered the log that its disk has.
    pub(super) fn look(&mut self, node: usize) {
        let (context, now_ms) = (self.context, self.now_ms());
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let log = entry.log_of(&context);
        let sequencers = log.map(|log| log.sequencers().clone()).unwrap_or_default();
        if let Some(life) = &mut entry.life {
            life.context.moment(now_ms);
            life.context.granted(Arc::new(move |task, record| {
                is_granted((&context, &sequencers), task, record)
            }));
        }
    }

    fn task(&self, node: usize, path: &str) -> Result<ItemId, String> {
        let life = self.nodes.get(node).and_then(|node| node.life.as_ref()).ok_or("down")?;
        let path =
            life.context.locate(&self.names.path(path)).map_err(|error| error.to_string())?;
        path.item.filter(|_| path.section == Section::Tasks).ok_or_else(|| "no task".to_owned())
    }

    fn seen(&self, node: usize, (task, name): (ItemId, Option<&str>)) -> Result<Seen, String> {
        let entry = self.nodes.get(node).ok_or("no replica")?;
        let life = entry.life.as_ref().ok_or("down")?;
        let path = life.context.locate(&format!("tasks/{task}")).map_err(|e| e.to_string())?;
        let item = life.context.item(&path).ok_or("no such task")?;
        let key = entry.key.public().to_string();
        // The signatures of leases are looked at where an owner is computed.
        let claims = claim::claims(&claim::records(&item), &|_| true);
        let mine = |claim: &Claim| Some(claim.name.as_str()) == name && claim.key == key;
        Ok(Seen { owner: life.context.owner(&item), own: claims.into_iter().find(mine) })
    }

    fn ask(&mut self, asked: &Asked, ask: Ask) -> u64 {
        self.claims.count += 1;
        let (context, number) = (self.context, self.claims.count);
        if let Some(request) = self.request(asked, ask) {
            self.input(asked.node, Input::Lease { context, number, request });
        }
        number
    }

    fn request(&self, asked: &Asked, ask: Ask) -> Option<Request> {
        let (subject, claim) = (subject(&asked.task), claim_name(&asked.claim)?);
        let holder = self.nodes.get(asked.node)?.key.public();
        Some(Request { subject, claim, holder, ask })
    }

    fn give_back(&mut self, asked: &Asked) {
        let number = self.ask(asked, Ask::Release);
        if let Some(Request { subject, claim, holder, .. }) = self.request(asked, Ask::Release) {
            self.leases.gives_back((subject, (holder, claim)), number);
        }
    }

    fn record(
        &self,
        asked: &Asked,
        (said, seconds): (Said, u32),
        grant: Option<&Grant>,
    ) -> Result<Edit, String> {
        let entry = self.nodes.get(asked.node).ok_or("no replica")?;
        let record = Record {
            said,
            claim: asked.claim.clone(),
            key: entry.key.public().to_string(),
            name: entry.name.clone(),
            at_ms: self.now_ms(),
            ttl_s: seconds.into(),
            lease: grant.map(recorded),
            verdict: None,
        };
        let text = serde_json::to_string(&record).map_err(|error| error.to_string())?;
        Ok(edit(claim::path(&asked.task, &record), &text))
    }

    fn write_down(&mut self, node: usize, edits: Vec<Edit>) -> Result<(), String> {
        let now = self.now;
        let entry = self.nodes.get_mut(node).ok_or("no replica")?;
        let life = entry.life.as_mut().ok_or("down")?;
        let by = author(&entry.name, (entry.key.public().0, life.actor), now);
        let mut ids = || ItemId([b'0'; 16]);
        let edited = life.context.edit(&edits, "", &by, &mut ids);
        self.commit(node, edited.map_err(|error| error.to_string())?)
    }

    fn now_ms(&self) -> i64 {
        EPOCH_MS.saturating_add(i64::try_from(self.now).unwrap_or(i64::MAX))
    }
}

/// So long a claim goes on after a report.
const REPORTED_S: u32 = 600;

fn is(owner: &Option<Claim>, own: &Claim) -> bool {
    owner.as_ref().is_some_and(|owner| owner.name == own.name && owner.key == own.key)
}

fn edit(path: String, value: &str) -> Edit {
    let value = Value::Text(value.to_owned());
    Edit { op: Op::Set, path, value, old: None, base: None, if_unchanged: false }
}

fn subject(task: &ItemId) -> Subject {
    Subject { scope: Section::Tasks.number(), item: task.0 }
}

fn claim_name(name: &str) -> Option<ClaimName> {
    let mut bytes = ClaimName::default();
    bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    Some(bytes)
}

fn recorded(grant: &Grant) -> claim::Lease {
    let Fence { term, entry, number } = grant.lease.fence;
    let signature = grant.signature.0.iter().map(|byte| format!("{byte:02x}")).collect();
    claim::Lease { term, entry, number, until_s: grant.lease.until, signature }
}

/// Whether a record's lease was granted by whoever ordered the log then.
fn is_granted(
    (context, sequencers): (&ContextId, &BTreeMap<(u32, u64), PublicKey>),
    task: &ItemId,
    record: &Record,
) -> bool {
    let grant = || {
        let said = record.lease.as_ref()?;
        let fence = Fence { term: said.term, entry: said.entry, number: said.number };
        let sequencer = *sequencers.get(&(said.term, said.entry))?;
        let (subject, claim) = (subject(task), claim_name(&record.claim)?);
        let holder = record.key.parse().ok()?;
        let lease = Lease { subject, claim, holder, fence, until: said.until_s };
        Some(Grant { lease, sequencer, signature: signature(&said.signature)? })
    };
    grant().is_some_and(|grant| grant.verify(context))
}

fn signature(digits: &str) -> Option<Signature> {
    let bytes = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes?.try_into().ok().map(Signature)
}
