//! A scenario over real sockets: peers of `wattle-sync` in this process, relays as processes, and a
//! cable for every link that can be cut.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use wattle_context::{Context, ItemId, Settlement};
use wattle_sim::expect;
use wattle_sim::hostile::{Forged, Party};
use wattle_sim::names::Names;
use wattle_sim::scenario::{Act, Answer, Choice, Deed, Expect, Expectation, Step};
use wattle_sync::task::Handle;
use wattle_sync::{Clock, ContextId, Identity, JoinLink, Options, Parts, Peer, PublicKey};
use wattle_tests::cable::Cable;
use wattle_tests::process::ClockedRelay;

mod claims;
mod hostile;
mod joining;
mod rights;

/// Everything that a scenario names.
#[derive(Default)]
struct Stage {
    /// All who will be peers, and the role that each is given from the beginning; absent for none.
    cast: BTreeMap<String, (Identity, Option<String>)>,
    relays: BTreeMap<String, Relay>,
    peers: BTreeMap<String, Actor>,
    edges: Vec<Edge>,
    context: Option<ContextId>,
    names: Names,
    /// What time it is for all of them: the waits of the scenario have passed.
    clock: Clock,
    waited_ms: u64,
    /// The first peer, and the second owner of its context.
    founder: Option<String>,
    recovery: Option<PublicKey>,
    parties: BTreeMap<String, Party>,
    forged: BTreeMap<String, Forged>,
    /// Invitations.
    doors: BTreeMap<String, JoinLink>,
    /// What became of those whose invitation was refused.
    not_admitted: BTreeMap<String, Answer>,
    /// The claim that each peer has last made of a task.
    handles: BTreeMap<(String, ItemId), Handle>,
}

struct Relay {
    folder: TempDir,
    /// Where it listens, or did.
    address: SocketAddr,
    process: Option<ClockedRelay>,
}

struct Actor {
    folder: TempDir,
    identity: Identity,
    peer: Option<Peer>,
    /// Where it listens, once somebody dials it.
    listens: Option<SocketAddr>,
}

struct Edge {
    dialler: String,
    listener: String,
    cable: Cable,
    cut: bool,
}

/// So long before who is a member is looked up again.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often what is waited for is looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// Carries out a scenario; the error says which step failed, and why.
pub(super) async fn run(steps: &[Step]) -> Result<(), String> {
    let mut stage = Stage { cast: rights::cast(steps)?, ..Stage::default() };
    for step in steps {
        stage.step(step).await.map_err(|what| format!("`{step}`: {what}"))?;
    }
    Ok(())
}

impl Stage {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Relay(name) => self.relay(name).await,
            Step::Peers(names) | Step::Members { names, .. } => {
                for name in names {
                    self.peer(name).await?;
                }
                Ok(())
            }
            Step::Invited { names, by } => {
                for name in names {
                    self.invited(name, by).await?;
                }
                Ok(())
            }
            Step::Recovery(name) => {
                self.recovery = Some(self.key(name)?);
                Ok(())
            }
            Step::Patched { names, .. } => names.iter().try_for_each(|name| self.patch(name)),
            Step::Link(dialler, listener) => self.link(dialler, listener).await,
            Step::Cut { node, other, .. } => self.cut(node, other.as_deref()).await,
            Step::Heal(names) => {
                for edge in &mut self.edges {
                    let named = |name: &String| *name == edge.dialler || *name == edge.listener;
                    if names.is_empty() || names.iter().any(named) {
                        edge.cut = false;
                        edge.cable.heal();
                    }
                }
                Ok(())
            }
            Step::Crash(name) => {
                if let Some(relay) = self.relays.get_mut(name) {
                    relay.process.take().ok_or("it is down")?.kill();
                } else {
                    self.known(name).await?;
                    drop(self.peers.get_mut(name).and_then(|actor| actor.peer.take()));
                }
                Ok(())
            }
            Step::Restart(name) => self.restart(name).await,
            Step::Settle => self.settle().await,
            Step::Act(act) => self.act(act).await,
            Step::Expect(expect) => self.expect(expect).await,
            Step::Wait(ms) => {
                self.wait(*ms);
                Ok(())
            }
            // Only a simulated network has weather, and a relay compacts when it sees fit.
            Step::Seed(_) | Step::Net(_) | Step::Slow(_) | Step::Compact(_) => Ok(()),
        }
    }

    async fn relay(&mut self, name: &str) -> Result<(), String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let process = start_relay(&folder, self.waited_ms / 1_000).await?;
        let address = process.address();
        self.relays.insert(name.to_owned(), Relay { folder, address, process: Some(process) });
        let peers: Vec<String> = self.peers.keys().cloned().collect();
        for peer in peers {
            self.edge(&peer, (name, address)).await?;
        }
        Ok(())
    }

    async fn peer(&mut self, name: &str) -> Result<(), String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let (identity, _) = self.cast.get(name).cloned().ok_or("no such peer")?;
        let recovery = self.recovery;
        let options = Options { recovery, ..self.options(&folder, &identity) };
        let peer = match self.context {
            None => Peer::create(options, "scenario").await,
            Some(context) => {
                let link = JoinLink { relay: None, context, secret: None };
                Peer::join(options, &link).await
            }
        };
        let peer = peer.map_err(|error| error.to_string())?;
        if self.context.replace(peer.context_id()).is_none() {
            self.founder = Some(name.to_owned());
            rights::give_roles(&peer, &self.cast).await?;
        }
        let actor = Actor { folder, identity, peer: Some(peer), listens: None };
        self.peers.insert(name.to_owned(), actor);
        let relays = self.relays.iter();
        let relays: Vec<(String, SocketAddr)> = relays
            .filter_map(|(name, relay)| Some((name.clone(), relay.process.as_ref()?.address())))
            .collect();
        for (relay, address) in relays {
            self.edge(name, (&relay, address)).await?;
        }
        Ok(())
    }

    /// Nobody waits: the clocks are put ahead.
    fn wait(&mut self, ms: u64) {
        self.waited_ms += ms;
        let ahead_s = self.waited_ms / 1_000;
        self.clock.set_ahead(ahead_s);
        let relays = self.relays.values_mut().filter_map(|relay| relay.process.as_mut());
        relays.for_each(|relay| relay.set_ahead(ahead_s));
    }

    fn options(&self, folder: &TempDir, identity: &Identity) -> Options {
        let clock = self.clock.clone();
        Options { clock, ..Options::new(folder.path(), identity.clone()) }
    }

    async fn link(&mut self, dialler: &str, listener: &str) -> Result<(), String> {
        let actor = self.peers.get_mut(listener).ok_or("no such peer")?;
        let address = match actor.listens {
            Some(address) => address,
            None => listen(actor).await?,
        };
        self.edge(dialler, (listener, address)).await
    }

    async fn edge(&mut self, dialler: &str, to: (&str, SocketAddr)) -> Result<(), String> {
        let cable = Cable::to(to.1).await;
        // Who is down dials it when it comes back.
        if let Ok(peer) = self.alive(dialler) {
            peer.dial(&url(&cable)).map_err(|error| error.to_string())?;
        }
        let (dialler, listener) = (dialler.to_owned(), to.0.to_owned());
        self.edges.push(Edge { dialler, listener, cable, cut: false });
        Ok(())
    }

    async fn cut(&mut self, node: &str, other: Option<&str>) -> Result<(), String> {
        // Who has never heard of the context has nothing to edit while it is cut off.
        let members = self.members(self.peers.keys().collect()).await?;
        for name in members.iter().filter(|name| self.is_up(name)) {
            self.known(name).await?;
        }
        for edge in &mut self.edges {
            let ends = [edge.dialler.as_str(), edge.listener.as_str()];
            if ends.contains(&node) && other.is_none_or(|other| ends.contains(&other)) {
                edge.cut = true;
                edge.cable.cut();
            }
        }
        Ok(())
    }

    async fn restart(&mut self, name: &str) -> Result<(), String> {
        let address = if let Some(relay) = self.relays.get_mut(name) {
            let process = start_relay(&relay.folder, self.waited_ms / 1_000).await?;
            relay.address = process.address();
            relay.process = Some(process);
            Some(relay.address)
        } else {
            let own = self.edges.iter().filter(|edge| edge.dialler == name);
            let dial = own.map(|edge| url(&edge.cable)).collect();
            let actor = self.peers.get_mut(name).ok_or("no such peer")?;
            let options = Options::new(actor.folder.path(), actor.identity.clone());
            let options = Options { dial, clock: self.clock.clone(), ..options };
            actor.peer = Some(Peer::open(options).await.map_err(|error| error.to_string())?);
            if actor.listens.is_some() { Some(listen(actor).await?) } else { None }
        };
        if let Some(address) = address {
            let edges = self.edges.iter().filter(|edge| edge.listener == name);
            edges.for_each(|edge| edge.cable.lead(address));
        }
        Ok(())
    }

    async fn act(&mut self, act: &Act) -> Result<(), String> {
        if self.parties.contains_key(&act.peer) {
            return self.hostile(act).await;
        }
        self.known(&act.peer).await?;
        let done = match &act.deed {
            Deed::Edit(line) => {
                let (names, wanted) = (self.names.clone(), line.clone());
                let peer = self.alive(&act.peer)?;
                let edit = view(&peer, move |context| names.edit(&wanted, context)).await?;
                let edit = edit.map_err(|error| error.to_string())?;
                let edited = peer.edit(vec![edit], "").await.map_err(|error| error.to_string());
                edited.map(|edited| {
                    if let Some(answer) = edited.answers.first() {
                        self.names.learn(line, &answer.path);
                    }
                })
            }
            Deed::Mark(mark) => {
                let (mut names, mark) = (self.names.clone(), mark.clone());
                let peer = self.alive(&act.peer)?;
                let marked = view(&peer, move |context| {
                    names.mark(&mark, context);
                    names
                });
                self.names = marked.await?;
                Ok(())
            }
            Deed::Resolve { path, choice } => {
                let (names, path) = (self.names.clone(), path.clone());
                let peer = self.alive(&act.peer)?;
                let conflict = view(&peer, move |context| names.conflict(&path, context)).await?;
                let conflict = conflict.map_err(|error| error.to_string())?;
                let settlement = match choice {
                    Choice::Keep(letter) => Settlement::Keep(letter.clone()),
                    Choice::Set(value) => Settlement::Value(value.clone()),
                };
                let resolved = peer.resolve(&conflict.id, settlement, "").await;
                resolved.map(drop).map_err(|error| error.to_string())
            }
            Deed::Claim(claiming) => self.claim(&act.peer, claiming).await,
            Deed::Invite { .. } => self.invite(&act.peer, &act.deed).await,
            Deed::Grant { .. } | Deed::Revoke(_) | Deed::Rotate(_) | Deed::Sequencer { .. } => {
                self.wish(&act.peer, &act.deed).await
            }
            Deed::Forge { .. } | Deed::Reparent { .. } | Deed::Send { .. } | Deed::Order(_) => {
                Err("only patched parties do that".to_owned())
            }
        };
        if act.may_fail { Ok(()) } else { done }
    }

    async fn expect(&self, expected: &Expect) -> Result<(), String> {
        if let (Expectation::Admitted(answer), Some(peer)) = (&expected.what, &expected.peer) {
            return self.expect_admitted(peer, *answer).await;
        }
        let actors = self
            .peers
            .iter()
            .filter(|(name, _)| expected.peer.as_ref().is_none_or(|wanted| wanted == *name));
        let mut seen = 0;
        for (name, actor) in actors {
            let Some(peer) = &actor.peer else { continue };
            seen += 1;
            if let Expectation::Rights { whom, role } = &expected.what {
                let met = self.expect_rights(peer, (whom, role)).await;
                met.map_err(|unmet| format!("at {name}: {unmet}"))?;
                continue;
            }
            if let Expectation::Used { .. } | Expectation::Forked = &expected.what {
                let met = self.expect_entry(peer, &expected.what).await;
                met.map_err(|unmet| format!("at {name}: {unmet}"))?;
                continue;
            }
            let (names, what) = (self.names.clone(), expected.what.clone());
            let met = view(peer, move |context| expect::check(&what, context, &names)).await?;
            met.map_err(|unmet| format!("at {name}: {unmet}"))?;
        }
        if seen == 0 { Err("no such peer is up".to_owned()) } else { Ok(()) }
    }

    /// Waits until those that can reach each other have one access log, nothing waits to be put into it,
    /// and those who may read everything have the same heads and show the same values.
    async fn settle(&self) -> Result<(), String> {
        for group in self.groups() {
            let until = Instant::now() + PATIENCE;
            let mut ticks = interval(LOOKS_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let members = self.members(group.iter().collect()).await?;
                let left = until.saturating_duration_since(Instant::now());
                for name in members.iter().filter(|name| self.reaches_all_it_dials(name)) {
                    // It may be a member no longer before it is settled; then the next look says so.
                    if let Ok(peer) = self.alive(name)
                        && let Err(error) = peer.settled(left.min(SETTLED_WITHIN)).await
                        && left.is_zero()
                    {
                        return Err(format!("{name}: {error}"));
                    }
                }
                match self.differences(&members, &group).await? {
                    None => break,
                    Some(what) if Instant::now() > until => {
                        return Err(format!("still different: {what}"));
                    }
                    Some(_) => {}
                }
                ticks.tick().await;
            }
        }
        Ok(())
    }

    /// Waits until a peer has heard of the context that it has joined.
    async fn known(&self, name: &str) -> Result<(), String> {
        let peer = self.alive(name)?;
        let heard = async {
            let mut ticks = interval(LOOKS_EVERY);
            while peer.name().await.is_none() {
                ticks.tick().await;
            }
        };
        timeout(PATIENCE, heard).await.map_err(|_| format!("{name} never heard of the context"))
    }

    fn alive(&self, name: &str) -> Result<Peer, String> {
        let peer = self.peers.get(name).and_then(|actor| actor.peer.clone());
        peer.ok_or_else(|| format!("{name} is down, or no peer"))
    }

    fn is_up(&self, name: &str) -> bool {
        let relay = self.relays.get(name).is_some_and(|relay| relay.process.is_some());
        relay || self.alive(name).is_ok()
    }

    fn reaches_all_it_dials(&self, name: &str) -> bool {
        let mut own = self.edges.iter().filter(|edge| edge.dialler == name);
        let dials = self.edges.iter().any(|edge| edge.dialler == name);
        dials && own.all(|edge| !edge.cut && self.is_up(&edge.listener))
    }

    /// Who can reach whom.
    fn groups(&self) -> Vec<BTreeSet<String>> {
        let all = self.relays.keys().chain(self.peers.keys()).filter(|name| self.is_up(name));
        let mut groups: Vec<BTreeSet<String>> =
            all.map(|name| BTreeSet::from([name.clone()])).collect();
        for edge in self.edges.iter().filter(|edge| !edge.cut) {
            if self.is_up(&edge.dialler) && self.is_up(&edge.listener) {
                let (met, mut apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| {
                    group.contains(&edge.dialler) || group.contains(&edge.listener)
                });
                apart.push(met.into_iter().flatten().collect());
                groups = apart;
            }
        }
        groups
    }
}

/// The program may have to be built first, which blocks.
async fn start_relay(folder: &TempDir, ahead_s: u64) -> Result<ClockedRelay, String> {
    let path = folder.path().to_owned();
    let start = move || ClockedRelay::start(&path, ahead_s);
    let started = tokio::task::spawn_blocking(start).await;
    started.map_err(|error| error.to_string())
}

async fn listen(actor: &mut Actor) -> Result<SocketAddr, String> {
    let peer = actor.peer.as_ref().ok_or("it is down")?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let address = peer.listen(any).await.map_err(|error| error.to_string())?;
    actor.listens = Some(address);
    Ok(address)
}

async fn view<T: Send + 'static>(
    peer: &Peer,
    read: impl FnOnce(&mut Context) -> T + Send + 'static,
) -> Result<T, String> {
    peer.view(Parts::All, read).await.map_err(|error| error.to_string())
}

/// The versions of all documents, and all values.
fn state(context: &mut Context) -> (String, String) {
    (context.version(), context.export().to_string())
}

fn url(cable: &Cable) -> String {
    format!("ws://{}", cable.address())
}
