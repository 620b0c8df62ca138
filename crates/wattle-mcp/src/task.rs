//! `task_claim` and `task_update`.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};
use wattle_context::plain::brief;
use wattle_context::{Edit, ItemId, ItemView, Op, Path, Section, Value};
use wattle_sync::Parts;
use wattle_sync::clock::now_ms;

use crate::args::{Status, TaskClaim, TaskUpdate};
use crate::claims::{Claim, Record, Said, claims, owner, records};
use crate::desk::{Opened, Scene};
use crate::read::foot;
use crate::show;
use crate::text::count;
use crate::trouble::Trouble;
use crate::who;

/// How long a claim holds, unless the caller says otherwise.
const TTL_S: i64 = 1_800;
/// A note in the log of a task.
const NOTE_CHARS: usize = 2_000;

/// A claim as its holder names it: the task's id and the claim's name.
#[derive(Clone, Debug)]
struct Handle {
    task: ItemId,
    claim: String,
}

/// What a call found.
struct Found {
    task: ItemView,
    owner: Option<Claim>,
    own: Option<Claim>,
}

/// Claims a task, or renews a claim.
pub(crate) async fn claim(desk: &Opened, args: TaskClaim) -> Result<String, Trouble> {
    let ttl_s = args.ttl_s.unwrap_or(TTL_S);
    if let Some(handle) = &args.claim {
        return renew(desk, &parse(handle)?, ttl_s).await;
    }
    let task = match &args.id {
        Some(id) => named(desk, id).await?,
        None => match next(desk).await? {
            Ok(task) => task,
            Err(none) => return Ok(none),
        },
    };
    let found = found(desk, &task, None).await?;
    if let Some(ended) = ended(&found.task) {
        let problem = format!("{} is {ended}; take another", show::address(&found.task));
        return Err(Trouble::Argument { problem });
    }
    match found.owner {
        Some(claim) if claim.key == desk.me.key && claim.holder == holder(desk) => {
            renew(desk, &Handle { task, claim: claim.name }, ttl_s).await
        }
        Some(claim) => Ok(lost(&found.task, &claim)),
        None => begin(desk, task, ttl_s).await,
    }
}

/// Reports on a task; who does not hold it any more leaves a note and changes nothing else.
pub(crate) async fn update(desk: &Opened, args: TaskUpdate) -> Result<String, Trouble> {
    let handle = parse(&args.claim)?;
    let found = found(desk, &handle.task, Some(&handle.claim)).await?;
    let Some(own) = &found.own else {
        let problem = format!("there is no claim {:?}; task_claim gives one", args.claim);
        return Err(Trouble::Argument { problem });
    };
    let holds =
        found.owner.as_ref().is_some_and(|owner| owner.name == own.name && owner.key == own.key);
    let mut edits = Vec::new();
    let status = args.status.word();
    let over = matches!(args.status, Status::Done | Status::Released);
    if holds {
        let state = if args.status == Status::Released { "open" } else { status };
        edits.push(edit(Op::Set, (handle.task, "status"), state.to_owned()));
        let said = if over { Said::End } else { Said::Renew };
        edits.push(record(desk, &handle, (said, TTL_S))?);
    } else if !own.ended {
        edits.push(record(desk, &handle, (Said::End, 0))?);
    }
    let note = note(desk, &args, holds);
    edits.extend(note.map(|note| edit(Op::Append, (handle.task, "notes"), note)));
    let why = brief(&args.note.clone().unwrap_or_else(|| format!("reported {status}")), 200);
    if !edits.is_empty() {
        desk.peer.edit(edits, &who::own_words(&why)).await?;
    }
    let address = show::address(&found.task);
    let told = match (holds, over, &found.owner) {
        (true, true, _) => format!("{address} is {status}; your claim has ended."),
        (true, false, _) => format!("{address} is {status}; your claim goes on: {}.", args.claim),
        (false, _, Some(owner)) => {
            format!("{}\nYour note was kept; the status was not changed.", lost(&found.task, owner))
        }
        (false, _, None) => format!(
            "lost: your claim on {address} has ended or expired. Your note was kept; the status was \
             not changed. task_claim id={address} claims it anew."
        ),
    };
    footed(desk, told).await
}

async fn begin(desk: &Opened, task: ItemId, ttl_s: i64) -> Result<String, Trouble> {
    let mut name = [0; 4];
    if getrandom::fill(&mut name).is_err() {
        let problem = "the system gives no randomness for a claim".to_owned();
        return Err(Trouble::Argument { problem });
    }
    let claim: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let handle = Handle { task, claim };
    let begun = record(desk, &handle, (Said::Claim, ttl_s))?;
    desk.me.claimed.store(true, Ordering::Release);
    desk.peer.edit(vec![begun], "claimed").await?;
    let found = found(desk, &task, Some(&handle.claim)).await?;
    match (&found.owner, &found.own) {
        (Some(owner), Some(own)) if owner == own => held(desk, &found.task, (&handle, own)).await,
        (Some(owner), _) => {
            let lost = lost(&found.task, owner);
            desk.peer.edit(vec![record(desk, &handle, (Said::End, 0))?], "lost the claim").await?;
            Ok(lost)
        }
        (None, _) => Err(Trouble::Missing { path: Path::item(Section::Tasks, task).to_string() }),
    }
}

async fn renew(desk: &Opened, handle: &Handle, ttl_s: i64) -> Result<String, Trouble> {
    desk.peer.edit(vec![record(desk, handle, (Said::Renew, ttl_s))?], "goes on").await?;
    let found = found(desk, &handle.task, Some(&handle.claim)).await?;
    match (&found.owner, &found.own) {
        (Some(owner), Some(own)) if owner == own => held(desk, &found.task, (handle, own)).await,
        (Some(owner), _) => Ok(lost(&found.task, owner)),
        (None, _) => {
            let address = show::address(&found.task);
            Ok(format!(
                "lost: this claim has ended or expired. task_claim id={address} claims {address} anew."
            ))
        }
    }
}

/// The answer to a claim that holds, with what there is to know about the task.
async fn held(
    desk: &Opened,
    task: &ItemView,
    (handle, claim): (&Handle, &Claim),
) -> Result<String, Trouble> {
    let seconds = (claim.until_ms - now_ms()).max(0) / 1_000;
    let told = format!(
        "optimistic: {} is yours as far as this replica knows, for {seconds} s; nobody grants leases \
         yet, so a replica that is apart may have given it to another.\nclaim: {}.{}\n{}",
        show::address(task),
        handle.task,
        handle.claim,
        show::line(task, now_ms())
    );
    footed(desk, told).await
}

fn lost(task: &ItemView, owner: &Claim) -> String {
    let seconds = (owner.until_ms - now_ms()).max(0) / 1_000;
    let holder = brief(&owner.holder, 80);
    format!(
        "lost: {} is held by {holder} for another {seconds} s. Stop, leave a note with task_update, \
         and take another: task_claim without id.",
        show::address(task)
    )
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
        let records = records(task);
        let owner = owner(&records, scene.now_ms)?;
        let own = claims(&records).into_iter().find(|claim| {
            let mine = claim.key == scene.me.key && claim.holder == scene.me.program();
            mine && claim.holds_at(scene.now_ms)
        })?;
        (own.name != owner.name).then(|| lost(task, &owner))
    };
    tasks.iter().filter_map(overtaken).collect()
}

/// The next task that can be worked on: open, held by nobody, with nothing undone before it. Of equal
/// priority another for each agent, so that they do not all run for the same.
async fn next(desk: &Opened) -> Result<Result<ItemId, String>, Trouble> {
    let look = |scene: Scene<'_>| {
        let tasks = scene.context.section(Section::Tasks).items;
        let mut ready: Vec<&ItemView> = tasks.iter().filter(|task| is_ready(scene, task)).collect();
        ready.sort_by_key(|task| std::cmp::Reverse(priority(task)));
        let first = ready.first().map(|task| priority(task));
        let equals = ready.iter().filter(|task| Some(priority(task)) == first).count();
        let turn = Sha256::digest(scene.me.client.as_bytes()).first().copied().unwrap_or_default();
        let chosen = ready.get(usize::from(turn).checked_rem(equals).unwrap_or_default());
        let undone = tasks.iter().filter(|task| ended(task).is_none()).count();
        chosen.map(|task| task.id).ok_or_else(|| {
            let undone = count(undone, "task is", "tasks are");
            format!(
                "No task is ready: {undone} not done, but held by others, not open, or waiting for \
                 another. context_read paths=[\"tasks\"] lists them."
            )
        })
    };
    desk.view(Parts::Sections, look).await
}

fn is_ready(scene: Scene<'_>, task: &ItemView) -> bool {
    let open = matches!(word(task, "status").as_str(), "" | "nothing" | "open");
    let depends = task.fields.get("depends_on").and_then(|field| field.value.list());
    let done = |name: &String| {
        let path = if name.contains('/') { name.clone() } else { format!("tasks/{name}") };
        let path = scene.context.locate(&path).ok();
        let item = path.and_then(|path| scene.context.item(&path));
        item.is_some_and(|item| word(&item, "status") == "done")
    };
    open && depends.unwrap_or_default().iter().all(done)
        && owner(&records(task), scene.now_ms).is_none()
}

fn priority(task: &ItemView) -> i64 {
    task.fields.get("priority").and_then(|field| field.value.int()).unwrap_or_default()
}

fn word(task: &ItemView, field: &str) -> String {
    task.fields.get(field).map(|field| field.value.to_string()).unwrap_or_default()
}

/// How a task has ended, if it has.
fn ended(task: &ItemView) -> Option<String> {
    Some(word(task, "status")).filter(|status| ["done", "cancelled"].contains(&status.as_str()))
}

/// A task by its id, by the beginning of it, or by its title.
async fn named(desk: &Opened, id: &str) -> Result<ItemId, Trouble> {
    let path = if id.starts_with("tasks/") { id.to_owned() } else { format!("tasks/{id}") };
    let found = crate::read::located(desk, std::slice::from_ref(&path)).await?;
    let item = found.first().and_then(|place| place.path.item);
    item.ok_or(Trouble::Missing { path })
}

async fn found(desk: &Opened, task: &ItemId, claim: Option<&str>) -> Result<Found, Trouble> {
    let path = Path::item(Section::Tasks, *task);
    let (claim, key) = (claim.map(str::to_owned), desk.me.key.clone());
    let look = move |scene: Scene<'_>| {
        let missing = || Trouble::Missing { path: path.to_string() };
        let task = scene.context.item(&path).ok_or_else(missing)?;
        let records = records(&task);
        let mine = |known: &Claim| Some(&known.name) == claim.as_ref() && known.key == key;
        let own = claims(&records).into_iter().find(mine);
        Ok(Found { owner: owner(&records, scene.now_ms), own, task })
    };
    desk.view(Parts::Sections, look).await?
}

/// A record as an edit: under a name that nobody else uses.
fn record(desk: &Opened, handle: &Handle, (said, ttl_s): (Said, i64)) -> Result<Edit, Trouble> {
    let at_ms = now_ms();
    let name = match said {
        Said::Claim => handle.claim.clone(),
        Said::Renew => format!("{}.renew.{at_ms}", handle.claim),
        Said::End => format!("{}.end.{at_ms}", handle.claim),
    };
    let (claim, key, holder) = (handle.claim.clone(), desk.me.key.clone(), holder(desk));
    let record = Record { said, claim, key, name: holder, at_ms, ttl_s };
    let text = serde_json::to_string(&record)
        .map_err(|error| Trouble::Argument { problem: error.to_string() })?;
    Ok(edit(Op::Set, (handle.task, &format!("claims/{name}")), text))
}

fn edit(op: Op, (task, field): (ItemId, &str), value: String) -> Edit {
    let path = format!("tasks/{task}/{field}");
    Edit { op, path, value: Value::Text(value), old: None, base: None, if_unchanged: false }
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
    let parsed = handle.trim().split_once('.').and_then(|(task, claim)| {
        let hex = claim.len() == 8 && claim.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(Handle { task: task.parse().ok().filter(|_| hex)?, claim: claim.to_owned() })
    });
    let problem = || format!("{handle:?} is no claim: it looks like <task id>.<8 digits>");
    parsed.ok_or_else(|| Trouble::Argument { problem: problem() })
}
