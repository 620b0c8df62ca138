//! `wattle members` and `wattle whoami`.

use serde_json::{Value as Json, json};
use wattle_context::Section;
use wattle_sync::clock::now_s;
use wattle_sync::{End, Invitation, Kind, Member, Role};

use crate::failure::Failure;
use crate::grant::kind;
use crate::screen::{Form, Paint, Screen, say};
use crate::session::{self, Session};
use crate::time;
use crate::who::{self, Roll};

/// Lists who takes part, and what invitations are open.
pub(crate) async fn run(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.open().await?;
    let roll = Roll::of(&peer).await?;
    if screen.form == Form::Json {
        screen.json(&to_json(&roll))?;
        return Ok(());
    }
    say!(screen, "members of {}", screen.paint.bold(&session::name(&peer).await))?;
    let (ended, live): (Vec<&Member>, Vec<&Member>) =
        roll.members.members.iter().partition(|member| member.ended.is_some());
    for member in &live {
        say!(screen, "  {}", line(&roll, member, screen.paint))?;
    }
    if !ended.is_empty() {
        say!(screen, "{}", screen.paint.dim("ended"))?;
    }
    for member in &ended {
        say!(screen, "  {}", line(&roll, member, screen.paint))?;
    }
    invitations(screen, &roll)?;
    say!(screen, "{}", screen.paint.dim(&ordered_by(&roll)))?;
    for waiting in &roll.members.waiting {
        let line = format!("waits for the sequencer: {}", waiting.what);
        say!(screen, "{}", screen.paint.yellow(&line))?;
    }
    Ok(())
}

/// Prints who one is here.
pub(crate) async fn whoami(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.open().await?;
    let me = peer.whoami().await?;
    let roll = Roll::of(&peer).await?;
    if screen.form == Form::Json {
        screen.json(&json!({
            "key": me.key.to_string(),
            "name": me.name,
            "member": me.member.as_ref().map(|member| member_to_json(&roll, member)),
            "says": me.sentence,
        }))?;
    } else {
        say!(screen, "{}", you(&roll))?;
        if let Some(member) = roll.member(&me.key).filter(|member| member.now.is_some()) {
            say!(screen, "{}", may(member))?;
        }
        say!(screen, "{}", screen.paint.dim(&format!("key {}", me.key)))?;
    }
    Ok(())
}

/// Who one is here, and what one may do.
pub(crate) fn you(roll: &Roll) -> String {
    let name = roll.name(&roll.me);
    match roll.member(&roll.me) {
        None => format!("{name}, without a role here"),
        Some(member) => match (&member.now, roll.sponsor(&roll.me)) {
            (None, _) => format!("{name}, whose rights have ended"),
            (Some(role), None) => format!("{name}, {role}"),
            (Some(role), Some(sponsor)) => format!("{name}, {role}, agent of {sponsor}"),
        },
    }
}

/// What a member may do, in words.
fn may(member: &Member) -> String {
    let rights = member.now.as_ref().map(Role::rights).unwrap_or_default();
    let of = |allows: &dyn Fn(u8) -> bool| {
        let names = Section::ALL.into_iter().filter(|section| allows(section.number()));
        let names: Vec<&str> = names.map(Section::name).collect();
        match names.len() {
            0 => "nothing".to_owned(),
            6 => "everything".to_owned(),
            _ => names.join(", "),
        }
    };
    let (reads, writes) = (of(&|scope| rights.reads(scope)), of(&|scope| rights.writes(scope)));
    let grants = match (member.kind, member.now.as_ref()) {
        (Kind::Person, Some(Role::Owner)) => "; grants to everyone",
        (Kind::Person, Some(Role::Maintainer)) => "; invites, and grants to those below",
        (Kind::Person, _) => "; gives agents of its own less than that",
        (Kind::Agent | Kind::Service, _) => "; grants nothing",
    };
    format!("reads {reads}; writes {writes}{grants}")
}

/// Who orders the log, in words.
pub(crate) fn ordered_by(roll: &Roll) -> String {
    match roll.members.sequencer {
        None => "the log of rights has not arrived yet".to_owned(),
        Some(key) if key == roll.me => "you order changes of rights".to_owned(),
        Some(key) if roll.member(&key).is_some() => {
            format!("{} orders changes of rights", roll.name(&key))
        }
        Some(key) => format!("the relay {} orders changes of rights", key.short()),
    }
}

pub(crate) fn line(roll: &Roll, member: &Member, paint: Paint) -> String {
    let name = format!("{:<12}", roll.name(&member.key));
    let name = if member.ended.is_some() { paint.dim(&name) } else { paint.green(&name) };
    let role = match (&member.now, &member.ended) {
        (_, Some((end, _))) => format!("{}, was {}", ending(*end), member.role),
        (Some(now), None) if *now != member.role => format!("{now} (granted {})", member.role),
        (Some(now), None) => now.to_string(),
        (None, None) => format!("nothing (granted {})", member.role),
    };
    let mut notes = Vec::new();
    if member.key == roll.me {
        notes.push("you".to_owned());
    }
    match member.kind {
        Kind::Person => {}
        Kind::Agent => {
            let sponsor = member.sponsor.map(|sponsor| roll.name(&sponsor));
            notes.push(format!("agent of {}", sponsor.unwrap_or_else(|| "nobody".to_owned())));
        }
        Kind::Service => notes.push("service".to_owned()),
    }
    notes.extend(member.until.map(|until| format!("until {}", time::minute(until))));
    notes.extend(member.edits_per_minute.map(|budget| format!("{budget} edits per minute")));
    let key = paint.dim(&member.key.short());
    format!("{key}  {name} {role:<12}  {}", paint.dim(&notes.join(" · "))).trim_end().to_owned()
}

fn invitations(screen: &mut Screen, roll: &Roll) -> Result<(), Failure> {
    let now = now_s();
    let open = roll.members.invitations.iter().filter(|one| state(one, now) == "open");
    let open: Vec<&Invitation> = open.collect();
    if !open.is_empty() {
        say!(screen, "{}", screen.paint.dim("invitations"))?;
    }
    for one in open {
        let name = screen.paint.cyan(&who::invitation(&one.key));
        let left = one.uses.saturating_sub(one.used);
        let end =
            one.until.map_or_else(String::new, |until| format!(" · until {}", time::minute(until)));
        let notes = format!("{left} of {} left · by {}{end}", one.uses, roll.name(&one.by));
        say!(screen, "  {name}  {:<12}  {}", one.role.to_string(), screen.paint.dim(&notes))?;
    }
    Ok(())
}

/// How an invitation stands.
fn state(one: &Invitation, now: u64) -> &'static str {
    if one.withdrawn {
        "withdrawn"
    } else if one.used >= one.uses {
        "used_up"
    } else if one.until.is_some_and(|until| until <= now) {
        "expired"
    } else {
        "open"
    }
}

fn ending(end: End) -> &'static str {
    match end {
        End::Revoked => "revoked",
        End::Rotated => "rotated",
        End::Expired => "expired",
        End::Frozen => "frozen",
    }
}

fn to_json(roll: &Roll) -> Json {
    let members = &roll.members;
    let now = now_s();
    let invitations: Vec<Json> = members
        .invitations
        .iter()
        .map(|one| {
            json!({
                "invitation": one.key.to_string(),
                "role": one.role.to_string(),
                "uses": one.uses,
                "used": one.used,
                "until": one.until,
                "by": one.by.to_string(),
                "state": state(one, now),
            })
        })
        .collect();
    json!({
        "entries": members.entries,
        "term": members.term,
        "sequencer": members.sequencer.map(|key| key.to_string()),
        "members": members.members.iter().map(|member| member_to_json(roll, member)).collect::<Vec<_>>(),
        "invitations": invitations,
        "waiting": waiting_to_json(roll),
    })
}

/// What waits for the sequencer.
pub(crate) fn waiting_to_json(roll: &Roll) -> Vec<Json> {
    let one = |waiting: &wattle_sync::Waiting| {
        json!({
            "proposal": waiting.proposal.to_string(),
            "by": waiting.author.to_string(),
            "what": waiting.what,
        })
    };
    roll.members.waiting.iter().map(one).collect()
}

pub(crate) fn member_to_json(roll: &Roll, member: &Member) -> Json {
    json!({
        "key": member.key.to_string(),
        "name": roll.name(&member.key),
        "you": member.key == roll.me,
        "kind": kind(member.kind),
        "role": member.role.to_string(),
        "now": member.now.as_ref().map(ToString::to_string),
        "sponsor": member.sponsor.map(|key| key.to_string()),
        "agent_of": roll.sponsor(&member.key),
        "until": member.until,
        "edits_per_minute": member.edits_per_minute,
        "since": member.since,
        "by": member.by.to_string(),
        "ended": member.ended.map(|(end, entry)| json!({ "how": ending(end), "entry": entry })),
    })
}
