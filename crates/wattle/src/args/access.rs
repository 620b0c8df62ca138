//! What can be typed for members, roles and invitations.

use clap::{Args, Subcommand};
use wattle_sync::Role;

#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// What it gives: reader, contributor, editor, maintainer, owner, or `read=…;write=…`
    #[arg(long, default_value = "contributor", value_name = "ROLE")]
    pub(crate) role: Role,
    /// How often it can be taken up
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) uses: u32,
    /// For how long; parts of a day too, like 0.5
    #[arg(long, default_value = "3", value_name = "N", value_parser = days)]
    pub(crate) days: Seconds,
    /// Where those who take it up connect to [default: the relay that this replica knows]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) relay: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Grant {
    /// A name, the beginning of a key, or a whole key
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// reader, contributor, editor, maintainer, owner, or `read=…;write=…`
    #[arg(value_name = "ROLE")]
    pub(crate) role: Role,
    /// What to call a key that is new here
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
}

/// How long and how much.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Bounds {
    /// For how long; parts of a day too [default: without an end]
    #[arg(long, value_name = "N", value_parser = days)]
    pub(crate) days: Option<Seconds>,
    /// At most this many edits per minute [default: no budget]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) per_minute: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// A name, the beginning of a key, or an invitation as listed by `wattle members`
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Where the context is, when it is not in this folder: wattle://HOST:PORT/CONTEXT
    #[arg(value_name = "LINK")]
    pub(crate) link: Option<String>,
    /// What to call you, for a new key [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Make a key for an agent, and give it a role
    #[command(after_help = "\
Examples:
  wattle agent add bot --role contributor --days 7
  wattle agent add scribe --role 'read=documents,rules;write=documents' --per-minute 30
  wattle --as bot edit tasks add \"Ship it\"

The key is kept beside yours; `--as NAME` or WATTLE_AS uses it. An agent never has more rights than
you, grants nothing, and loses what it has when you lose yours.")]
    Add(AddAgent),
    /// The agents of this machine, and what they may do here
    List,
    /// Take an agent's rights, and remove its key from this machine
    #[command(after_help = "\
Examples:
  wattle agent remove bot

Its edits so far stay. The key never comes back; `wattle agent add bot` makes another one.")]
    Remove(RemoveAgent),
}

#[derive(Debug, Args)]
pub(crate) struct AddAgent {
    /// What to call it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it may do: never more than you
    #[arg(long, default_value = "contributor", value_name = "ROLE")]
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveAgent {
    /// What it is called
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Sequencer {
    /// Who shall order: the address of a relay that this replica has met, a name, or a key
    #[arg(value_name = "TO")]
    pub(crate) to: Option<String>,
    /// Without the present one, which is lost or lies
    #[arg(long, requires = "to")]
    pub(crate) pass_by: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check every signature, right, cutoff and receipt of a store again; needs no network
    #[command(after_help = "\
Examples:
  wattle audit verify                this context
  wattle audit verify backup.db      a copy of a store

Exit code 1 with the list when something does not hold.")]
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A store [default: this context's]
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<std::path::PathBuf>,
}

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) u64);

const DAY: f64 = 86_400.0;
/// A century.
const DAYS_MAX: f64 = 36_525.0;

/// Days, also parts of one; at least a second.
pub(super) fn days(text: &str) -> Result<Seconds, String> {
    match text.parse::<f64>() {
        Ok(days) if days > 0.0 && days <= DAYS_MAX => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and at most a century"
            )]
            let seconds = (days * DAY).round().max(1.0) as u64;
            Ok(Seconds(seconds))
        }
        Ok(_) | Err(_) => Err(format!("a number of days above 0 and up to {DAYS_MAX}")),
    }
}

#[cfg(test)]
mod tests;
