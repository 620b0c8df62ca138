//! What can be typed for tasks and claims.

use clap::{Args, Subcommand, ValueEnum};
use wattle_sync::task::Handle;

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// The tasks that are not done, and who holds them
    List(List),
    /// Claim a task; without one, the next that is ready and meant for you
    Claim(Claim),
    /// Go on with a claim
    Renew(Renew),
    /// Say how it goes; the claim goes on
    Report(Report),
    /// The task is done; the claim ends
    Done(Done),
    /// Give the task back, or hand it over; the claim ends
    Release(Release),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Those that are done or cancelled, too
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Claim {
    /// By id, by the start of its id, or by its title. Without it: the most urgent task that is open, held
    /// by nobody, behind no other, and whose field meant_for is empty or names your role, one below it,
    /// your name, or what you are (person or agent)
    #[arg(value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// How long it holds without being renewed
    #[arg(long = "for", value_name = "SECONDS", default_value_t = wattle_sync::task::TTL_S, value_parser = seconds())]
    pub(crate) ttl_s: i64,
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    pub(crate) claim: OfClaim,
    /// How long it holds from now on
    #[arg(long = "for", value_name = "SECONDS", default_value_t = wattle_sync::task::TTL_S, value_parser = seconds())]
    pub(crate) ttl_s: i64,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// How it goes
    #[arg(value_enum)]
    pub(crate) status: Status,
    #[command(flatten)]
    pub(crate) claim: OfClaim,
    /// What to put down in the task's log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

/// What a report can say of a task that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// It goes on
    InProgress,
    /// Something is in the way
    Blocked,
    /// Somebody is to look at it
    Review,
}

#[derive(Debug, Args)]
pub(crate) struct Done {
    #[command(flatten)]
    pub(crate) claim: OfClaim,
    /// What to put down in the task's log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) claim: OfClaim,
    /// Whose it is to be: nobody else gets a lease on it for ten minutes
    #[arg(long, value_name = "MEMBER")]
    pub(crate) to: Option<String>,
    /// What to put down in the task's log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OfClaim {
    /// As `wattle task claim` and task_claim print it
    #[arg(value_name = "CLAIM", env = "WATTLE_CLAIM")]
    pub(crate) claim: Handle,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Fence {
    /// Whether a claim still holds its task: exit 0 if so, 1 with a sentence if not
    Check(OfClaim),
}

fn seconds() -> clap::builder::RangedI64ValueParser<i64> {
    clap::value_parser!(i64).range(1..=86_400)
}
