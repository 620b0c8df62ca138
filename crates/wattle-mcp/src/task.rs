//! `task_claim` and `task_update`.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};
use wattle_context::claim::ready::Claimant;
use wattle_context::claim::{self, Claim, Record};
use wattle_context::plain::brief;
use wattle_context::{ItemId, ItemView, Path, Section};
use wattle_sync::clock::now_ms;
use wattle_sync::task::{
    After, Handle, Holder, Report, Standing, TTL_S, Taken, is_granted, owner, seconds_left,
};
use wattle_sync::{Parts, PublicKey};

use crate::args::{Status, TaskClaim, TaskUpdate};
use crate::desk::{Opened, Scene};
use crate::read::foot;
use crate::show;
use crate::text::count;
use crate::trouble::Trouble;
use crate::who;

/// A note in the log of a task.
const NOTE_CHARS: usize = 2_000;
/// Tasks that one call tries to claim, when others are faster.
const TRIES_MAX: usize = 64;

/// Claims a task, or renews a claim.
pub(crate) async fn claim(desk: &Opened, args: TaskClaim) -> Result<String, Trouble> {
    let ttl_s = args.ttl_s.unwrap_or(TTL_S);
    desk.me.claimed.store(true, Ordering::Release);
    if let Some(handle) = &args.claim {
        let handle = parse(handle)?;
        let standing = desk.peer.renew_claim(&handle, ttl_s).await?;
        return stands(desk, &handle.task, (Some(&handle), &standing)).await;
    }
    let Some(id) = &args.id else { return next(desk, ttl_s).await };
    let id = named(desk, id).await?;
    let task = item(desk, id).await?;
    if let Some(ended) = claim::ready::ended(&task) {
        let problem = format!("{} is {ended}; take another", show::address(&task));
        return Err(Trouble::Argument { problem });
    }
    let unfit = unfit(&claimant(desk).await?, &task);
    let Taken { handle, standing } = desk.peer.claim_task(id, &holder(desk), ttl_s).await?;
    let told = stands(desk, &id, (handle.as_ref(), &standing)).await?;
    Ok(format!("{told}{}", unfit.filter(|_| standing.holds()).unwrap_or_default()))
}

/// As what this agent takes a task: its member's roles and names, and its program's.
async fn claimant(desk: &Opened) -> Result<Claimant, Trouble> {
    let program = desk.me.program();
    let program = program.split('/').next().unwrap_or(program);
    Ok(desk.peer.claimant(&[program, "agent"]).await?)
}

/// What is said of a task that is meant for others: to take it by its id is allowed.
fn unfit(who: &Claimant, task: &ItemView) -> Option<String> {
    let meant_for = claim::ready::meant_for(task).join(", ");
    let line = format!(
        "\nIt is meant for {}, which you are not: work on it only if you were asked to.",
        brief(&meant_for, 120)
    );
    (!who.fits(task)).then_some(line)
}

/// Claims the next ready task that nobody else is faster to claim.
async fn next(desk: &Opened, ttl_s: i64) -> Result<String, Trouble> {
    let turn = Sha256::digest(desk.me.client.as_bytes()).first().copied().unwrap_or_default();
    let who = claimant(desk).await?;
    let look = move |scene: Scene<'_>| {
        let ready = claim::ready::ready(scene.context, (&who, scene.now_ms), turn);
        let tasks = scene.context.section(Section::Tasks).items;
        let undone = tasks.iter().filter(|task| claim::ready::ended(task).is_none()).count();
        (ready.into_iter().map(|task| task.id).take(TRIES_MAX).collect::<Vec<_>>(), undone)
    };
    let (ready, undone) = desk.view(Parts::Sections, look).await?;
    for task in ready {
        let Taken { handle, standing } = desk.peer.claim_task(task, &holder(desk), ttl_s).await?;
        if standing.holds() {
            return stands(desk, &task, (handle.as_ref(), &standing)).await;
        }
    }
    let undone = count(undone, "task is", "tasks are");
    Ok(format!(
        "No task is ready: {undone} not done, but held by others, not open, meant for others, or \
         waiting for another. \
         context_read paths=[\"tasks\"] lists them."
    ))
}

/// Reports on a task; who does not hold it any more leaves a note and changes nothing else.
pub(crate) async fn update(desk: &Opened, args: TaskUpdate) -> Result<String, Trouble> {
    let handle = parse(&args.claim)?;
    let word = args.status.word();
    let to = heir(desk, &args).await?;
    let after = match (args.status, to) {
        (Status::Released, Some(to)) => After::PassedTo(to),
        (Status::Done | Status::Released, _) => After::Ends,
        (Status::InProgress | Status::Blocked | Status::Review, _) => {
            After::GoesOn { ttl_s: TTL_S }
        }
    };
    let over = !matches!(after, After::GoesOn { .. });
    let status = if args.status == Status::Released { "open" } else { word };
    let notes = [note(desk, &args, true), note(desk, &args, false)];
    let why = brief(&args.note.clone().unwrap_or_else(|| format!("reported {word}")), 200);
    let report = Report { status: status.to_owned(), after, notes, why: who::own_words(&why) };
    let standing = desk.peer.report_on_task(&handle, report).await?;
    let task = item(desk, handle.task).await?;
    let address = show::address(&task);
    let told = match (&standing, over) {
        (Standing::Lost { by }, _) => {
            let lost = lost(&task, by.as_ref());
            format!("{lost}\nYour note was kept; the status was not changed.")
        }
        (_, true) => format!("{address} is {word}; your claim has ended."),
        (_, false) => format!("{address} is {word}; your claim goes on: {handle}."),
    };
    footed(desk, told).await
}

/// The answer to a claim, with what there is to know about the task when it holds.
async fn stands(
    desk: &Opened,
    task: &ItemId,
    (handle, standing): (Option<&Handle>, &Standing),
) -> Result<String, Trouble> {
    let task = item(desk, *task).await?;
    let address = show::address(&task);
    let told = match standing {
        Standing::Lost { by } => return footed(desk, lost(&task, by.as_ref())).await,
        Standing::Leased { fence, until_ms } => {
            format!(
                "leased: {address} is yours alone for {} s; fence {fence}.",
                seconds_left(*until_ms)
            )
        }
        Standing::Optimistic { until_ms, refused: Some(refusal) } => format!(
            "optimistic: {address} is yours as far as this replica knows, for {} s; the relay grants no \
             lease: {}.",
            seconds_left(*until_ms),
            brief(&refusal.reason, 120)
        ),
        Standing::Optimistic { until_ms, refused: None } => format!(
            "optimistic: {address} is yours as far as this replica knows, for {} s; the relay is out of \
             reach, so a replica that is apart may have given it to another. Renew it later.",
            seconds_left(*until_ms)
        ),
    };
    let handle = handle.map(|handle| format!("\nclaim: {handle}")).unwrap_or_default();
    footed(desk, format!("{told}{handle}\n{}", show::line(&task, now_ms()))).await
}

fn lost(task: &ItemView, by: Option<&Holder>) -> String {
    let address = show::address(task);
    match by {
        Some(holder) => format!(
            "lost: {address} is held by {} for another {} s. Stop, leave a note with task_update, and \
             take another: task_claim without id.",
            brief(&holder.name, 80),
            seconds_left(holder.until_ms)
        ),
        None => format!(
            "lost: this claim has ended or expired. task_claim id={address} claims {address} anew."
        ),
    }
}

async fn footed(desk: &Opened, told: String) -> Result<String, Trouble> {
    let heads = desk.peer.heads().await?;
    let foot = desk.view(Parts::Sections, move |scene| foot(scene, &heads).join("\n")).await?;
    Ok(format!("{told}\n{foot}"))
}

/// The claims that this agent believes to hold and another holds: they were apart, and have met.
pub(crate) fn lost_claims(scene: Scene<'_>) -> Vec<String> {
    if !scene.me.claimed.load(Ordering::Acquire) {
        return Vec::new();
    }
    let tasks = scene.context.section(Section::Tasks).items;
    let overtaken = |task: &ItemView| {
        let is_granted = |record: &Record| is_granted(scene.sequencers, &task.id, record);
        let mine = |claim: &Claim| {
            let mine = claim.key == scene.me.key && claim.holder == scene.me.program();
            mine && !claim.ended && claim.has_time_at(scene.now_ms)
        };
        let records = claim::records(task);
        let own = claim::claims(&records, &is_granted).into_iter().find(mine)?;
        let owner = owner(scene.sequencers, task, scene.now_ms);
        match owner {
            Some(owner) if owner.key == own.key && owner.holder == own.holder => None,
            Some(owner) => Some(lost(task, Some(&Holder::from(&owner)))),
            None => own.overruled.map(|_| lost(task, None)),
        }
    };
    tasks.iter().filter_map(overtaken).collect()
}

/// A task by its id, by the beginning of it, or by its title.
async fn named(desk: &Opened, id: &str) -> Result<ItemId, Trouble> {
    let path = if id.starts_with("tasks/") { id.to_owned() } else { format!("tasks/{id}") };
    let found = crate::read::located(desk, std::slice::from_ref(&path)).await?;
    let item = found.first().and_then(|place| place.path.item);
    item.ok_or(Trouble::Missing { path })
}

async fn item(desk: &Opened, task: ItemId) -> Result<ItemView, Trouble> {
    let path = Path::item(Section::Tasks, task);
    let missing = Trouble::Missing { path: path.to_string() };
    let found = desk.view(Parts::Sections, move |scene| scene.context.item(&path)).await?;
    found.ok_or(missing)
}

/// The member whom a hand-over names by their name, if there is exactly one.
async fn heir(desk: &Opened, args: &TaskUpdate) -> Result<Option<PublicKey>, Trouble> {
    let Some(to) = &args.to else { return Ok(None) };
    let members = desk.peer.members().await?.members;
    let mut named = members.iter().filter(|member| {
        member.ended.is_none() && (member.name == *to || member.key.to_string() == *to)
    });
    Ok(named.next().map(|member| member.key).filter(|_| named.next().is_none()))
}

fn holder(desk: &Opened) -> String {
    desk.me.program().to_owned()
}

/// A note with who wrote it, and what the report says beside.
fn note(desk: &Opened, args: &TaskUpdate, holds: bool) -> Option<String> {
    let mut parts = BTreeSet::new();
    if !holds {
        parts.insert(format!("stale claim, reported {}", args.status.word()));
    }
    parts.extend(args.to.as_ref().map(|to| format!("suggested for {}", brief(to, 80))));
    if args.note.is_none() && parts.is_empty() {
        return None;
    }
    let beside: Vec<String> = parts.into_iter().collect();
    let beside =
        if beside.is_empty() { String::new() } else { format!(" ({})", beside.join("; ")) };
    let note: String = args.note.as_deref().unwrap_or_default().chars().take(NOTE_CHARS).collect();
    Some(format!("{}{beside}: {note}", holder(desk)))
}

fn parse(handle: &str) -> Result<Handle, Trouble> {
    handle.parse().map_err(|error: wattle_sync::task::NoHandle| Trouble::Argument {
        problem: error.to_string(),
    })
}
