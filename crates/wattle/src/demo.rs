//! `wattle demo`: a real relay, two real peers, and what happens when they edit at once.

use std::time::Instant;

use wattle_context::Landed;
use wattle_context::plain::brief;
use wattle_sync::Role;
use wattle_sync::clock::now_ms;

use crate::args;
use crate::failure::Failure;
use crate::render;
use crate::screen::{Screen, say};

mod cast;
mod check;

use cast::{Actor, CONTEXT, Stage, add, append, replace, set};
use check::{claim, equal};

const RULE: &str = "rules/no-deploys-on-friday/statement";
const TASK: &str = "tasks/ship-the-spring-catalogue";
const BODY: &str = "documents/runbook/body";
/// The document that both write.
const RUNBOOK: &str = "\
# Runbook
Deploy with `make ship`.
Watch the dashboard for ten minutes.
Tell the channel when it is done.
";

/// Plays the demonstration. Everything that it says is checked; a claim that does not hold fails it.
pub(crate) async fn run(args: args::Demo, screen: &mut Screen) -> Result<(), Failure> {
    let started = Instant::now();
    let stage = Stage::new().await?;
    let played = play(&stage, screen).await;
    let kept = if args.keep {
        Some(stage.leave().await)
    } else {
        stage.clear().await?;
        None
    };
    let summary = played?;
    let (tick, paint) = (screen.paint.green("✓"), screen.paint);
    say!(screen, "\n{}", paint.bold("Summary"))?;
    for line in &summary {
        say!(screen, "  {tick} {line}")?;
    }
    let took = started.elapsed().as_millis();
    say!(screen, "  {tick} real sockets, real disks, {}.{:01} s", took / 1000, took % 1000 / 100)?;
    if let Some(folder) = kept {
        say!(screen, "  look around: wattle show --dir {}", folder.join("ana").display())?;
    }
    say!(screen, "  next: wattle init, wattle edit rules add \"…\", wattle up")?;
    Ok(())
}

/// All acts; answers what they have shown.
async fn play(stage: &Stage, screen: &mut Screen) -> Result<Vec<String>, Failure> {
    let mut ana = opening(stage, screen).await?;
    let link = stage.invite(&ana, Role::Maintainer).await?;
    let mut bob = stage.join("bob", &link).await?;
    say!(screen, "  bob    joins as maintainer with {}", brief(&link.to_string(), 44))?;
    equal(screen, &ana, &bob).await?;
    at_once(screen, &mut ana, &mut bob).await?;
    apart(screen, stage, &mut ana, &mut bob).await?;
    settle(screen, &mut ana, &mut bob).await?;
    rewrite(screen, &mut ana, &mut bob).await?;
    let bot = bounded(stage, screen, (&ana, &bob)).await?;
    let fingerprint = check::until_equal(&ana, &bob).await?;
    let changes = check::nothing_lost((&ana, &bob), &[&ana, &bob, &bot]).await?;
    for actor in [bot, ana, bob] {
        actor.peer.close().await;
    }
    Ok(vec![
        format!("all {changes} acknowledged changes are in both histories: none was lost"),
        format!("both replicas are equal to the byte: {fingerprint}"),
        "both saw the conflict under one id, one settled it, and it is settled for both".to_owned(),
        "the agent did what its role allows, and the rule that it may not change is as it was"
            .to_owned(),
    ])
}

async fn opening(stage: &Stage, screen: &mut Screen) -> Result<Actor, Failure> {
    say!(screen, "A relay and two peers, each with its own folder and disk, over real sockets.")?;
    act(screen, "A relay, a context, two peers")?;
    say!(screen, "  relay  http://{}", stage.relay.address())?;
    let mut ana = stage.create("ana").await?;
    say!(screen, "  ana    makes the context \u{201c}{CONTEXT}\u{201d}")?;
    let rule = add("rules", "No deploys on Friday");
    ana.does(screen, rule, "adds the rule \u{201c}No deploys on Friday\u{201d}").await?;
    let task = add("tasks", "Ship the spring catalogue");
    ana.does(screen, task, "adds the task \u{201c}Ship the spring catalogue\u{201d}").await?;
    ana.does(screen, add("documents", "Runbook"), "adds the document \u{201c}Runbook\u{201d}")
        .await?;
    ana.does(screen, set(BODY, RUNBOOK), "writes its text, four lines").await?;
    Ok(ana)
}

/// Both are connected, and edit one task and one text at the same moment.
async fn at_once(screen: &mut Screen, ana: &mut Actor, bob: &mut Actor) -> Result<(), Failure> {
    act(screen, "Both edit the same task and the same text at the same moment")?;
    let status = set(&format!("{TASK}/status"), "in_progress");
    let note = append(&format!("{TASK}/notes"), "the photos are in");
    let (one, two) = tokio::join!(
        ana.makes(status, "sets the task in progress"),
        bob.makes(note, "notes \u{201c}the photos are in\u{201d}")
    );
    one?.tell(screen)?;
    two?.tell(screen)?;
    let live = replace(BODY, "make ship", "make ship STAGE=live");
    let longer = replace(BODY, "ten minutes", "a quarter of an hour");
    let (one, two) = tokio::join!(
        ana.makes(live, "changes line 2 of the text"),
        bob.makes(longer, "changes line 3 of the text")
    );
    one?.tell(screen)?;
    two?.tell(screen)?;
    equal(screen, ana, bob).await?;
    let body = ana.body().await?;
    claim(body.contains("STAGE=live"), "ana's line is in the text")?;
    claim(body.contains("a quarter of an hour"), "bob's line is in the text")?;
    quote(screen, &body)
}

/// One of them is offline for a while, and both go on.
async fn apart(
    screen: &mut Screen,
    stage: &Stage,
    ana: &mut Actor,
    bob: &mut Actor,
) -> Result<(), Failure> {
    act(screen, "bob goes offline; both go on, with the same rule and the same text")?;
    bob.goes_offline(stage).await?;
    let noon = set(RULE, "No deploys on Friday after noon");
    ana.does(screen, noon, "sets the rule to \u{201c}No deploys on Friday after noon\u{201d}")
        .await?;
    let fine = set(RULE, "Deploys on Friday are fine");
    bob.does(screen, fine, "sets it to \u{201c}Deploys on Friday are fine\u{201d}").await?;
    let email = append(BODY, "Then write to the customers.\n");
    ana.does(screen, email, "adds a last line to the text").await?;
    let title = replace(BODY, "# Runbook", "# Runbook for deploys");
    bob.does(screen, title, "changes its heading").await?;
    let effect = add("tools", "github/*");
    bob.does(screen, effect, "adds the tool \u{201c}github/*\u{201d}").await?;
    let (one, two) = (ana.fingerprint().await?, bob.fingerprint().await?);
    claim(one != two, "apart they differ")?;
    say!(screen, "  {} ana {one}, bob {two}", screen.paint.yellow("≠"))?;

    act(screen, "bob is back")?;
    bob.comes_back(stage).await?;
    equal(screen, ana, bob).await?;
    let body = bob.body().await?;
    claim(body.starts_with("# Runbook for deploys\n"), "bob's heading is in the text")?;
    claim(body.ends_with("Then write to the customers.\n"), "ana's last line is in the text")?;
    quote(screen, &body)
}

/// The rule has two values; somebody decides.
async fn settle(screen: &mut Screen, ana: &mut Actor, bob: &mut Actor) -> Result<(), Failure> {
    act(screen, "The rule has two values now: nothing was overwritten, and both are told")?;
    let (seen, also) = (ana.conflicts().await?, bob.conflicts().await?);
    claim(seen == also, "both see the same conflicts")?;
    let [conflict] = seen.as_slice() else {
        return claim(false, "there is exactly one conflict");
    };
    render::conflict(screen, conflict, now_ms())?;
    let keep = "No deploys on Friday after noon";
    let letter = conflict
        .candidates
        .iter()
        .position(|candidate| candidate.value.text() == Some(keep))
        .map(wattle_context::conflict::letter)
        .unwrap_or_default();
    ana.settles(&conflict.id, &letter).await?;
    say!(screen, "  ana    keeps {letter}: wattle resolve {} --keep {letter}", conflict.id)?;
    equal(screen, ana, bob).await?;
    claim(bob.conflicts().await?.is_empty(), "no conflict is left at bob's")?;
    claim(bob.text(RULE).await?.as_deref() == Some(keep), "the rule is what ana kept")
}

/// An agent with a role of its own: it does its work, and leaves the rules alone.
async fn bounded(
    stage: &Stage,
    screen: &mut Screen,
    (ana, bob): (&Actor, &Actor),
) -> Result<Actor, Failure> {
    act(screen, "ana gives an agent a key of its own: contributor, for an hour")?;
    let mut bot = stage.agent("bot", (ana, Role::Contributor)).await?;
    let note = append(&format!("{TASK}/notes"), "the prices are checked");
    bot.does(screen, note, "notes \u{201c}the prices are checked\u{201d} in the task").await?;
    let rule = ana.text(RULE).await?;
    let refusal = bot.is_refused(set(RULE, "Deploys on Friday are fine")).await?;
    say!(screen, "  bot    sets the rule to \u{201c}Deploys on Friday are fine\u{201d}")?;
    say!(screen, "  {} refused at its own machine: {refusal}", screen.paint.red("✗"))?;
    check::until_equal(ana, bob).await?;
    claim(bot.text(RULE).await? == rule && bob.text(RULE).await? == rule, "the rule is as it was")?;
    Ok(bot)
}

/// Somebody writes a whole text back that it read before somebody else changed it.
async fn rewrite(screen: &mut Screen, ana: &mut Actor, bob: &mut Actor) -> Result<(), Failure> {
    act(screen, "bob rewrites the whole text from the version that it read a while ago")?;
    let (read, version) = bob.body_and_version().await?;
    say!(screen, "  bob    reads the text, version {version}, and thinks")?;
    let early = replace(BODY, "Tell the channel", "Tell #deploys");
    ana.does(screen, early, "changes line 4 meanwhile").await?;
    check::until_equal(ana, bob).await?;
    let rewritten = read.replace("Deploy with", "From a clean checkout, deploy with");
    let mut edit = set(BODY, &rewritten);
    edit.base = Some(version);
    let deed = bob.makes(edit, "writes all of it back, based on that version").await?;
    deed.tell(screen)?;
    claim(matches!(deed.landed, Landed::Merged { .. }), "the rewrite was merged")?;
    equal(screen, ana, bob).await?;
    let body = ana.body().await?;
    claim(body.contains("#deploys"), "ana's change has survived the rewrite")?;
    claim(body.contains("clean checkout"), "the rewrite is in the text")?;
    quote(screen, &body)
}

fn act(screen: &mut Screen, title: &str) -> Result<(), Failure> {
    Ok(say!(screen, "\n{}", screen.paint.bold(title))?)
}

fn quote(screen: &mut Screen, text: &str) -> Result<(), Failure> {
    for line in text.lines() {
        say!(screen, "    {} {line}", screen.paint.dim("│"))?;
    }
    Ok(())
}
