//! `wattle task` and `wattle fence`.

use serde_json::{Value as Json, json};
use wattle_context::claim::{self, ready};
use wattle_context::plain::{brief, clean};
use wattle_context::{ItemId, ItemView, Section};
use wattle_sync::clock::now_ms;
use wattle_sync::task::{After, Handle, Report, Standing, TTL_S, Taken, owner, seconds_left};
use wattle_sync::{Parts, Peer, PublicKey};

use crate::args::task::{Claim, Fence, List, OfClaim, Status, Task};
use crate::failure::Failure;
use crate::place::person;
use crate::screen::{Form, Screen, say};
use crate::session::{Session, locate};
use crate::who::{Roll, Whom};

/// A title in a line.
const TITLE_CHARS: usize = 100;

/// Does what was asked of a task.
pub(crate) async fn run(session: &Session, task: Task, screen: &mut Screen) -> Result<(), Failure> {
    if let Task::List(args) = task {
        return list(session, &args, screen).await;
    }
    let peer = session.asking().await?;
    match task {
        Task::List(_) => Ok(()),
        Task::Claim(args) => claim(&peer, (session, args), screen).await,
        Task::Renew(args) => {
            let standing = peer.renew_claim(&args.claim.claim, args.ttl_s).await?;
            told(screen, (Some(&args.claim.claim), &standing), None)
        }
        Task::Report(args) => {
            let status = match args.status {
                Status::InProgress => "in_progress",
                Status::Blocked => "blocked",
                Status::Review => "review",
            };
            let after = After::GoesOn { ttl_s: TTL_S };
            report(&peer, (args.claim, status), (after, args.note), screen).await
        }
        Task::Done(args) => {
            report(&peer, (args.claim, "done"), (After::Ends, args.note), screen).await
        }
        Task::Release(args) => {
            let after = match &args.to {
                Some(to) => After::PassedTo(member(&peer, to).await?),
                None => After::Ends,
            };
            report(&peer, (args.claim, "open"), (after, args.note), screen).await
        }
    }
}

/// Says whether a claim still holds.
pub(crate) async fn fence(
    session: &Session,
    fence: Fence,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let Fence::Check(OfClaim { claim }) = fence;
    let peer = session.asking().await?;
    let standing = peer.check_claim(&claim).await?;
    told(screen, (Some(&claim), &standing), None)
}

async fn claim(
    peer: &Peer,
    (session, args): (&Session, Claim),
    screen: &mut Screen,
) -> Result<(), Failure> {
    let who = session.agent().map_or_else(person, str::to_owned);
    let claimant =
        peer.claimant(&[if session.agent().is_some() { "agent" } else { "person" }]).await?;
    let tasks = match &args.task {
        Some(named) => vec![item(peer, named).await?],
        None => {
            let fit = claimant.clone();
            let ready = move |context: &mut wattle_context::Context| {
                ready::ready(context, (&fit, now_ms()), 0)
            };
            peer.view(Parts::Sections, ready).await?
        }
    };
    if let ([task], Some(_)) = (tasks.as_slice(), &args.task)
        && let Some(ended) = ready::ended(task)
    {
        return Err(Failure::NotHeld { sentence: format!("{} is {ended}", path(task)) });
    }
    let mut last = None;
    for task in tasks {
        let Taken { handle, standing } = peer.claim_task(task.id, &who, args.ttl_s).await?;
        if standing.holds() || args.task.is_some() {
            told(screen, (handle.as_ref(), &standing), Some(&task))?;
            if screen.form == Form::Text && !claimant.fits(&task) {
                let meant_for = brief(&ready::meant_for(&task).join(", "), TITLE_CHARS);
                say!(screen, "it is meant for {meant_for}, which you are not")?;
            }
            return Ok(());
        }
        last = Some(standing);
    }
    let sentence = match last {
        Some(_) => "every task that was ready has just been claimed by others",
        None => {
            "no task is ready: those that are not done are held, not open, meant for others, or wait for another"
        }
    };
    Err(Failure::NotHeld { sentence: sentence.to_owned() })
}

async fn report(
    peer: &Peer,
    (claim, status): (OfClaim, &str),
    (after, note): (After, Option<String>),
    screen: &mut Screen,
) -> Result<(), Failure> {
    let why = note.clone().unwrap_or_else(|| format!("reported {status}"));
    let stale = note.as_ref().map(|note| format!("(stale claim, reported {status}) {note}"));
    let ends = !matches!(after, After::GoesOn { .. });
    let report =
        Report { status: status.to_owned(), after, notes: [note, stale], why: brief(&why, 200) };
    let standing = peer.report_on_task(&claim.claim, report).await?;
    if ends && standing.holds() {
        let task = format!("tasks/{}", claim.claim.task);
        match screen.form {
            Form::Json => screen.json(&json!({ "task": task, "status": status, "ended": true }))?,
            Form::Text => say!(screen, "{task} is {status}; the claim has ended")?,
        }
        return Ok(());
    }
    told(screen, (Some(&claim.claim), &standing), None)
}

/// Prints how a claim stands; one that does not hold is a failure.
fn told(
    screen: &mut Screen,
    (handle, standing): (Option<&Handle>, &Standing),
    task: Option<&ItemView>,
) -> Result<(), Failure> {
    if screen.form == Form::Json {
        screen.json(&to_json(handle, standing))?;
    }
    let title = task.map(|task| format!(" {}", title(task))).unwrap_or_default();
    let sentence = match standing {
        Standing::Leased { fence, until_ms } => {
            format!("leased for {} s, fence {fence}", seconds_left(*until_ms))
        }
        Standing::Optimistic { until_ms, refused: Some(refusal) } => format!(
            "optimistic for {} s: the relay grants no lease ({})",
            seconds_left(*until_ms),
            refusal.reason
        ),
        Standing::Optimistic { until_ms, refused: None } => {
            format!(
                "optimistic for {} s: nobody who grants leases is in reach",
                seconds_left(*until_ms)
            )
        }
        Standing::Lost { by } => {
            let held = match by {
                Some(holder) => format!(
                    "is held by {} for another {} s",
                    brief(&holder.name, 80),
                    seconds_left(holder.until_ms)
                ),
                None => "is held by nobody: the claim has ended or expired".to_owned(),
            };
            let task = match (task, handle) {
                (Some(task), _) => path(task),
                (None, Some(handle)) => format!("tasks/{}", handle.task),
                (None, None) => "the task".to_owned(),
            };
            return Err(Failure::NotHeld { sentence: format!("{task}{title} {held}") });
        }
    };
    if screen.form == Form::Text {
        let handle = handle.map(ToString::to_string).unwrap_or_default();
        say!(screen, "{handle}{title}")?;
        say!(screen, "{sentence}")?;
    }
    Ok(())
}

fn to_json(handle: Option<&Handle>, standing: &Standing) -> Json {
    let claim = handle.map(ToString::to_string);
    match standing {
        Standing::Leased { fence, until_ms } => json!({
            "claim": claim, "standing": "leased", "fence": fence.to_string(), "until_ms": until_ms,
        }),
        Standing::Optimistic { until_ms, refused } => json!({
            "claim": claim, "standing": "optimistic", "until_ms": until_ms,
            "refused": refused.as_ref().map(|refusal| refusal.reason.clone()),
        }),
        Standing::Lost { by } => json!({
            "claim": claim, "standing": "lost",
            "holder": by.as_ref().map(|holder| holder.name.clone()),
            "until_ms": by.as_ref().map(|holder| holder.until_ms),
        }),
    }
}

async fn list(session: &Session, args: &List, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.open().await?;
    let sequencers = peer.sequencers().await.ok_or(wattle_sync::ReadError::Closed)?;
    let read = |context: &mut wattle_context::Context| context.section(Section::Tasks).items;
    let mut tasks = peer.view(Parts::Sections, read).await?;
    tasks.retain(|task| args.all || ready::ended(task).is_none());
    let now = now_ms();
    if screen.form == Form::Json {
        let list: Vec<Json> = tasks
            .iter()
            .map(|task| {
                let owner = owner(&sequencers, task, now);
                json!({
                    "path": path(task), "title": title(task), "status": word(task, "status"),
                    "holder": owner.as_ref().map(|owner| owner.holder.clone()),
                    "until_ms": owner.map(|owner| owner.until_ms),
                })
            })
            .collect();
        screen.json(&json!({ "tasks": list }))?;
        return Ok(());
    }
    if tasks.is_empty() {
        say!(screen, "no tasks")?;
    }
    for task in &tasks {
        let held = owner(&sequencers, task, now).map(|owner: claim::Claim| {
            format!("  held by {} for {} s", brief(&owner.holder, 60), seconds_left(owner.until_ms))
        });
        let status = brief(&word(task, "status"), 20);
        say!(screen, "{}  {status}  {}{}", path(task), title(task), held.unwrap_or_default())?;
    }
    Ok(())
}

async fn item(peer: &Peer, named: &str) -> Result<ItemView, Failure> {
    let path =
        if named.starts_with("tasks/") { named.to_owned() } else { format!("tasks/{named}") };
    let (found, _) = locate(peer, &path, None).await?;
    let item = peer.view(Parts::Sections, move |context| context.item(&found)).await?;
    item.ok_or(Failure::Missing { path })
}

async fn member(peer: &Peer, word: &str) -> Result<PublicKey, Failure> {
    match Roll::of(peer).await?.find(word)? {
        Whom::Member(member) => Ok(member.key),
        Whom::Invitation(_) | Whom::Stranger(_) => Err(Failure::NoMember { word: word.to_owned() }),
    }
}

fn path(task: &ItemView) -> String {
    let id: &ItemId = &task.id;
    format!("tasks/{id}")
}

fn title(task: &ItemView) -> String {
    brief(&clean(&word(task, Section::Tasks.title())), TITLE_CHARS)
}

fn word(task: &ItemView, field: &str) -> String {
    task.fields.get(field).map(|field| field.value.to_string()).unwrap_or_default()
}
