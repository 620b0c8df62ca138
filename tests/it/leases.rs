//! Leases: of many agents that claim one task exactly one gets it, over real sockets and through a
//! `kill -9` of the relay; and where no relay is in reach, one owner once they have met.
//!
//! `WATTLE_CLAIMS` sets the number of tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tempfile::{TempDir, tempdir};
use wattle_context::claim;
use wattle_context::{Edit, ItemId, Op, Section, Value};
use wattle_sync::lease::Fence;
use wattle_sync::task::{Handle, Standing, owner};
use wattle_sync::{Identity, Options, Parts, Peer, Uplink};
use wattle_tests::cable::Cable;
use wattle_tests::invitation::invitation;
use wattle_tests::process::RelayProcess;

const PATIENCE: Duration = Duration::from_secs(120);
const AGENTS: u32 = 8;
const TTL_S: i64 = 3_600;

/// A context at a relay, and agents on machines of their own, which all reach it over one cable.
struct Team {
    folder: TempDir,
    relay: RelayProcess,
    cable: Cable,
    agents: Vec<Peer>,
    tasks: Vec<ItemId>,
}

impl Team {
    async fn new(tasks: usize) -> Self {
        let folder = tempdir().unwrap();
        let relay = RelayProcess::start(&folder.path().join("relay"));
        let cable = Cable::to(relay.address()).await;
        let owner = Peer::create(options(folder.path(), 0), "work").await.unwrap();
        owner.add_remote(&format!("ws://{}", cable.address())).await.unwrap();
        owner.settled(PATIENCE).await.unwrap();
        let link = invitation(&owner, AGENTS, cable.address()).await;
        let mut agents = vec![owner];
        for number in 1..AGENTS {
            let agent = Peer::join(options(folder.path(), number), &link).await.unwrap();
            agents.push(agent);
        }
        let add = |number| edit(Op::Add, "tasks".into(), &format!("Task {number}"));
        let edits = (0..tasks).map(add).collect();
        agents[0].edit(edits, "work to share").await.unwrap();
        let team = Self { folder, relay, cable, agents, tasks: Vec::new() };
        team.settle().await;
        let read = |context: &mut wattle_context::Context| {
            let items = context.section(Section::Tasks).items;
            items.into_iter().map(|item| item.id).collect::<Vec<_>>()
        };
        let listed = team.agents[0].view(Parts::Sections, read).await.unwrap();
        assert_eq!(listed.len(), tasks);
        Self { tasks: listed, ..team }
    }

    /// All have everything of all.
    async fn settle(&self) {
        for _ in 0..2 {
            for agent in &self.agents {
                agent.settled(PATIENCE).await.unwrap();
            }
        }
    }

    /// Every agent claims each of these tasks, all at once: the claims that hold.
    async fn claim(&self, tasks: &[ItemId]) -> Vec<(usize, Handle, Standing)> {
        let all = self.agents.iter().enumerate().map(|(number, agent)| async move {
            let mut held = Vec::new();
            for task in tasks {
                let who = format!("agent {number}");
                let taken = agent.claim_task(*task, &who, TTL_S).await.unwrap();
                if taken.standing.holds() {
                    held.push((number, taken.handle.unwrap(), taken.standing));
                }
            }
            held
        });
        join_all(all).await.into_iter().flatten().collect()
    }

    /// Who owns each task, as each replica computes it; all must agree.
    async fn owners(&self) -> BTreeMap<ItemId, Option<String>> {
        let mut told = Vec::new();
        for agent in &self.agents {
            let sequencers = agent.sequencers().await.unwrap();
            let now_ms = now_ms();
            let read = move |context: &mut wattle_context::Context| {
                let items = context.section(Section::Tasks).items;
                let owner = |item| owner(&sequencers, item, now_ms).map(|claim| claim.name);
                items.iter().map(|item| (item.id, owner(item))).collect::<BTreeMap<_, _>>()
            };
            told.push(agent.view(Parts::Sections, read).await.unwrap());
        }
        let first = told.remove(0);
        assert!(told.iter().all(|other| *other == first), "replicas disagree");
        first
    }

    async fn close(self) {
        for agent in self.agents {
            agent.close().await;
        }
    }
}

fn fence_of(standing: &Standing) -> Option<Fence> {
    match standing {
        Standing::Leased { fence, .. } => Some(*fence),
        Standing::Optimistic { .. } | Standing::Lost { .. } => None,
    }
}

/// Eight agents claim each of a thousand tasks; the relay is killed in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_agents_exactly_one_gets_each_lease() {
    let count = std::env::var("WATTLE_CLAIMS").map_or(1_000, |count| count.parse().unwrap());
    let mut team = Team::new(count).await;
    let begun = Instant::now();
    let (before, after) = team.tasks.split_at(count / 2);
    let mut held = team.claim(before).await;
    let data = team.folder.path().join("relay");
    team.cable.cut();
    team.relay.kill();
    team.relay = RelayProcess::start(&data);
    team.cable.lead(team.relay.address());
    team.cable.heal();
    join_all(team.agents.iter().map(|agent| agent.settled(PATIENCE))).await;
    held.extend(team.claim(after).await);
    let took = begun.elapsed();

    let fences: BTreeSet<Fence> = held.iter().filter_map(|(.., how)| fence_of(how)).collect();
    assert_eq!(fences.len(), count, "each lease has a fence of its own");
    let tasks: BTreeSet<ItemId> = held.iter().map(|(_, handle, _)| handle.task).collect();
    assert_eq!((held.len(), tasks.len()), (count, count), "each task is leased to one");
    team.settle().await;
    let owners = team.owners().await;
    for (_, handle, _) in &held {
        assert_eq!(owners[&handle.task].as_ref(), Some(&handle.claim));
    }
    let asked = count * AGENTS as usize;
    println!("{asked} claims by {AGENTS} agents on {count} tasks in {took:?}, {count} leased");
    team.close().await;
}

/// The same without a relay: each believes to hold each task, and once they have met each has one owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_claimed_apart_has_one_owner_when_all_have_met() {
    let count = std::env::var("WATTLE_CLAIMS").map_or(100, |count| count.parse().unwrap());
    let team = Team::new(count).await;
    team.cable.cut();
    let begun = Instant::now();
    let held = team.claim(&team.tasks).await;
    assert_eq!(held.len(), count * AGENTS as usize, "nobody knows of the others");
    assert!(held.iter().all(|(.., how)| fence_of(how).is_none()), "nobody can grant a lease");
    println!("{} optimistic claims in {:?}", held.len(), begun.elapsed());
    team.cable.heal();
    team.settle().await;
    let owners = team.owners().await;
    assert!(owners.values().all(Option::is_some));
    // Whoever holds one gets a lease for it now, and whoever lost it is told who has it.
    let mut leased = BTreeSet::new();
    for (number, handle, _) in held.iter().filter(|(_, handle, _)| handle.task == team.tasks[0]) {
        let standing = team.agents[*number].renew_claim(handle, TTL_S).await.unwrap();
        match fence_of(&standing) {
            Some(_) => assert!(leased.insert(handle.claim.clone())),
            None => assert!(matches!(standing, Standing::Lost { by: Some(_) }), "{standing:?}"),
        }
    }
    assert_eq!(leased.into_iter().collect::<Vec<_>>(), [owners[&team.tasks[0]].clone().unwrap()]);
    team.close().await;
}

/// Several processes on one folder: those without the uplink ask over links of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_the_uplink_asks_by_itself() {
    let team = Team::new(3).await;
    let mut options = options(team.folder.path(), 0);
    options.uplink = Uplink::ToAsk;
    let other = Peer::open(options).await.unwrap();
    let begun = Instant::now();
    let taken = other.claim_task(team.tasks[0], "another process", TTL_S).await.unwrap();
    let first = begun.elapsed();
    assert!(fence_of(&taken.standing).is_some(), "{taken:?}");
    let begun = Instant::now();
    let taken = other.claim_task(team.tasks[1], "another process", TTL_S).await.unwrap();
    println!("a lease over an own link: {first:?} with its handshake, then {:?}", begun.elapsed());
    assert!(fence_of(&taken.standing).is_some(), "{taken:?}");
    let lost = team.agents[0].claim_task(team.tasks[0], "the first", TTL_S).await.unwrap();
    assert!(!lost.standing.holds(), "{lost:?}");
    // What is passed on waits for whom it is passed to.
    let handle = taken.handle.unwrap();
    let to = team.agents[1].key();
    let report = wattle_sync::task::Report {
        status: "open".to_owned(),
        after: wattle_sync::task::After::PassedTo(to),
        notes: [None, None],
        why: "over to you".to_owned(),
    };
    other.report_on_task(&handle, report).await.unwrap();
    team.settle().await;
    let not_theirs = team.agents[2].claim_task(handle.task, "a third", TTL_S).await.unwrap();
    assert!(!not_theirs.standing.holds(), "{not_theirs:?}");
    let theirs = team.agents[1].claim_task(handle.task, "a second", TTL_S).await.unwrap();
    assert!(fence_of(&theirs.standing).is_some(), "{theirs:?}");
    other.close().await;
    team.close().await;
}

fn edit(op: Op, path: String, title: &str) -> Edit {
    let value = Value::Map([("title".to_owned(), Value::Text(title.to_owned()))].into());
    Edit { op, path, value, old: None, base: None, if_unchanged: false }
}

fn options(folder: &Path, number: u32) -> Options {
    let folder = folder.join(format!("machine {number}"));
    let name = format!("agent {number}");
    let identity = Identity::load_or_create(&folder.join("config"), &name).unwrap();
    Options::new(folder.join("context"), identity)
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// The grace is for clocks that differ; a test of seconds never comes near it.
const _: () = assert!(claim::GRACE_MS > 10_000);
