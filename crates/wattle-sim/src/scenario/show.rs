//! From steps back to text.

use std::fmt::{Display, Formatter, Result, Write as _};

use wattle_context::edit::Op;
use wattle_context::value::Value;
use wattle_protocol::access::Kind;

use super::{Act, Choice, Deed, Expect, Expectation, Lies, Line, Net, Step};
use crate::names::name_field;

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Net(net) => net.fmt(f),
            Self::Relay(name) => write!(f, "relay {name}"),
            Self::Peers(names) => write!(f, "peers {}", names.join(" ")),
            Self::Members { names, role } => {
                write!(f, "peers {} as {}", names.join(" "), Named(role))
            }
            Self::Invited { names, by } => write!(f, "peers {} by {by}", names.join(" ")),
            Self::Recovery(name) => write!(f, "recovery {name}"),
            Self::Patched { names, role } => {
                write!(f, "patched {} as {}", names.join(" "), Named(role))
            }
            Self::Link(dialler, listener) => write!(f, "link {dialler} {listener}"),
            Self::Cut { node, other, half_open } => {
                write!(f, "cut {node}")?;
                other.as_ref().map_or(Ok(()), |other| write!(f, " {other}"))?;
                if *half_open { f.write_str(" half-open") } else { Ok(()) }
            }
            Self::Slow(name) => write!(f, "slow {name}"),
            Self::Heal(names) if names.is_empty() => f.write_str("heal"),
            Self::Heal(names) => write!(f, "heal {}", names.join(" ")),
            Self::Crash(name) => write!(f, "crash {name}"),
            Self::Restart(name) => write!(f, "restart {name}"),
            Self::Compact(name) => write!(f, "compact {name}"),
            Self::Wait(ms) => write!(f, "wait {ms}"),
            Self::Settle => f.write_str("settle"),
            Self::Act(act) => act.fmt(f),
            Self::Expect(expect) => expect.fmt(f),
        }
    }
}

impl Display for Net {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self {
            delay_ms,
            tail_permille,
            tail_ms_max,
            rate_bytes_per_ms,
            disk_ms,
            half_open_permille,
        } = self;
        write!(f, "net delay={}..{} tail={tail_permille}/{tail_ms_max}", delay_ms.0, delay_ms.1)?;
        write!(f, " rate={rate_bytes_per_ms} disk={}..{}", disk_ms.0, disk_ms.1)?;
        write!(f, " halfopen={half_open_permille}")
    }
}

impl Display for Act {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.may_fail {
            f.write_str("try ")?;
        }
        write!(f, "{}: ", self.peer)?;
        self.deed.fmt(f)
    }
}

impl Display for Deed {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Edit(line) => line.fmt(f),
            Self::Mark(name) => write!(f, "mark {name}"),
            Self::Resolve { path, choice: Choice::Keep(letter) } => {
                write!(f, "resolve {path} keep {letter}")
            }
            Self::Resolve { path, choice: Choice::Set(value) } => {
                write!(f, "resolve {path} set {}", Shown(value))
            }
            Self::Claim(claiming) => claiming.fmt(f),
            Self::Grant { whom, role, kind, seconds } => {
                let verb = if *kind == Kind::Agent { "agent" } else { "grant" };
                write!(f, "{verb} {whom} {}", Named(role))?;
                seconds.map_or(Ok(()), |seconds| write!(f, " for {seconds}"))
            }
            Self::Revoke(whom) => write!(f, "revoke {whom}"),
            Self::Rotate(to) => write!(f, "rotate {to}"),
            Self::Sequencer { whom, pass_by } => {
                write!(f, "sequencer {whom}{}", if *pass_by { " pass-by" } else { "" })
            }
            Self::Invite { name, role, uses, seconds } => {
                write!(f, "invite {name} {}", Named(role))?;
                if *uses != 1 {
                    write!(f, " uses {uses}")?;
                }
                seconds.map_or(Ok(()), |seconds| write!(f, " for {seconds}"))
            }
            Self::Forge { name, lies, line } => write!(f, "forge {name} {lies}{line}"),
            Self::Reparent { change, name } => write!(f, "reparent {change} as {name}"),
            Self::Send { change, to, answer } => write!(f, "send {change} to {to} = {answer}"),
            Self::Order(whom) => write!(f, "order {whom}"),
        }
    }
}

impl Display for Lies {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { epoch, time, naming } = self;
        epoch.map_or(Ok(()), |epoch| write!(f, "epoch {epoch} "))?;
        time.map_or(Ok(()), |time| write!(f, "time {time} "))?;
        naming.as_ref().map_or(Ok(()), |naming| write!(f, "naming {naming} "))
    }
}

/// A role: a word, or a selection in quotes.
struct Named<'a>(&'a str);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0.contains('=') { write!(f, "{:?}", self.0) } else { f.write_str(self.0) }
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { op, path, value, old, base, alias } = self;
        write!(f, "{path} ")?;
        match op {
            Op::Set => write!(f, "set {}", Shown(value))?,
            Op::Add => {
                f.write_str("add")?;
                item(f, path, value)?;
            }
            Op::Append => write!(f, "append {}", Shown(value))?,
            Op::Remove => write!(f, "remove {}", Shown(value))?,
            Op::Delete => f.write_str("delete")?,
            Op::Replace => {
                let old = Value::Text(old.clone().unwrap_or_default());
                write!(f, "replace {} with {}", Shown(&old), Shown(value))?;
            }
        }
        base.as_ref().map_or(Ok(()), |base| write!(f, " base {base}"))?;
        alias.as_ref().map_or(Ok(()), |alias| write!(f, " as {alias}"))
    }
}

/// The value of an `add`: a new item begins with its name.
fn item(f: &mut Formatter<'_>, path: &str, value: &Value) -> Result {
    let (Value::Map(fields), Some(first)) = (value, name_field(path)) else {
        return write!(f, " {}", Shown(value));
    };
    fields.get(first).map_or(Ok(()), |name| write!(f, " {}", Shown(name)))?;
    let rest = fields.iter().filter(|(field, _)| *field != first);
    rest.into_iter().try_for_each(|(field, value)| write!(f, " {field}={}", Shown(value)))
}

impl Display for Expect {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "expect {} ", self.peer.as_deref().unwrap_or("*"))?;
        match &self.what {
            Expectation::Conflicts(count) => write!(f, "conflicts = {count}"),
            Expectation::Values { path, values } if values.is_empty() => write!(f, "{path} = none"),
            Expectation::Values { path, values } => {
                let values: Vec<String> = values.iter().map(|v| Shown(v).to_string()).collect();
                write!(f, "{path} = {}", values.join(" + "))
            }
            Expectation::Owner { path, holder } => {
                write!(f, "owner {path} = {}", holder.as_deref().unwrap_or("none"))
            }
            Expectation::Rights { whom, role } => write!(f, "rights {whom} = {}", Named(role)),
            Expectation::Admitted(answer) => write!(f, "admitted = {answer}"),
            Expectation::Used { invitation, times } => write!(f, "used {invitation} = {times}"),
            Expectation::Forked => f.write_str("forked"),
            Expectation::Contains { path, passage } => {
                write!(f, "{path} contains {}", Shown(&Value::Text(passage.clone())))
            }
            Expectation::Lacks { path, passage } => {
                write!(f, "{path} lacks {}", Shown(&Value::Text(passage.clone())))
            }
        }
    }
}

/// A value as the grammar writes it.
pub(crate) struct Shown<'a>(pub(crate) &'a Value);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Text(text) => quoted(f, text),
            Value::List(list) => {
                f.write_char('[')?;
                for (index, text) in list.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    quoted(f, text)?;
                }
                f.write_char(']')
            }
            Value::Map(fields) => write!(f, "{fields:?}"),
        }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    write!(f, "\"{text}\"")
}
