//! Scenarios: what happens to a few replicas, and what must hold, as text. Plans are long scenarios.
//!
//! One step a line; `#` begins a comment. Names are words, texts are in double quotes with the escapes
//! `\"`, `\\` and `\n`. A step is one of
//!
//! ```text
//! seed 7                              chance: delays, keys and ids follow from it (default 1)
//! net delay=1..60 tail=30/3000 rate=1000 disk=1..20 halfopen=300
//!                                     delay in ms; 30 in a thousand frames take up to 3000 ms;
//!                                     bytes per ms; ms for a commit; cuts in a thousand that nobody is told of
//! relay r                             a relay; every peer dials every relay
//! peers ana bot                       peers, who own the context; a line later in the text makes late joiners
//! peers bob as contributor            peers whom the first peer grants a role: reader, contributor, editor,
//!                                     maintainer, owner, `none`, or a selection "read=rules;write=tasks"
//! peers bob by door                   peers who join with the invitation `door`; the step ends when that is decided,
//!                                     or when nobody can be asked
//! recovery safe                       a second owner of the context from its beginning: a key in a drawer, until
//!                                     `peers safe`; before the first `peers`
//! patched mal as reader               somebody with a key, a role and a changed program: no replica, see below
//! link ana bot                        ana dials bot, without a relay
//! cut bot                             all links of bot end, and cannot be dialled
//! cut bot r                           only those between the two
//! cut bot half-open                   the same, but both ends notice it late
//! slow bot                            bot reads 2 bytes a millisecond
//! heal                                every cut and slowness ends; `heal bot` only bot's
//! crash bot                           memory and what is not durable are lost, links hang
//! restart bot                         it comes back with its disk
//! compact r                           it replaces older changes by a verified snapshot
//! wait 250                            milliseconds pass (over real sockets the clocks are put ahead)
//! settle                              until those that can reach each other are silent and equal
//!
//! ana: rules add "no deploys on Friday" severity=must as friday
//! ana: rules/friday/severity set should
//! ana: documents/plan/body replace "old words" with "new words"
//! ana: documents/plan/body append "one more line\n"
//! ana: documents/plan/tags append "ops"       (also: remove)
//! ana: rules/friday delete
//! ana: mark before                    names the version that ana sees now
//! ana: documents/plan/body set "…" base before
//! ana: resolve rules/friday/statement keep a
//! ana: resolve rules/friday/statement set "…"
//! ana: grant bob editor               other rights for bob; `for 60` ends them after 60 seconds
//! ana: agent bot contributor          the same for an agent of ana's
//! ana: revoke bob                     bob's rights end, for ever
//! ana: rotate new                     the rights of ana's key go over to the peer `new`
//! ana: invite door contributor        an invitation; `uses 2` for more than one use, `for 60` ends it after 60
//!                                     seconds. `revoke door` withdraws it
//! ana: sequencer r                    r orders the access log from now on; `pass-by` without the present one
//! ana: claim tasks/ship for 600       ana claims the task for so many seconds, as `wattle task` does; `= leased`
//!                                     behind it says how it must stand then: leased, optimistic or lost
//! ana: renew tasks/ship for 600       ana's claim of it goes on
//! ana: report tasks/ship review       the status of the task, by who holds it; `done` ends the claim
//! ana: release tasks/ship             ana gives it back
//! try ana: …                          the same, and it may be refused; nobody waits until it is saved
//!
//! mal: forge f tasks add "x"          a change `f` in mal's name on what the first peer shows, made and signed whether
//!                                     mal may or not, and sent nowhere. Two that are made before either is sent have
//!                                     one actor and one number. After `f` may stand lies: `epoch 1`, as if mal had
//!                                     known so many entries; `time 0`, when it was made; `naming ana`, its author
//! mal: reparent f as g                `f` with its signature, put on the genesis change alone
//! mal: send f to r = yes              mal hands a change to a relay or peer over a link of its own; what it answers:
//!                                     `yes` when it is stored, or the code of the refusal, like `bad-signature`
//! mal: order ana                      mal, who is the sequencer, takes what ana wants of the access log, orders it
//!                                     and shows the entry to ana alone
//!
//! expect * rules = "one" + "two"      the names of the items, in any order; `none` for no item
//! expect bot tasks/ship/status = done the values in force of a field, in any order
//! expect * conflicts = 1
//! expect * owner tasks/ship = ana     who holds a task; `none` for nobody
//! expect * rights bob = contributor   what bob may do, by the access log at a peer; `none` for nothing
//! expect bob admitted = used-up       what became of an invitation: `yes`, or the code of the refusal
//! expect * used door = 1              how often an invitation was taken up, by the access log at a peer
//! expect ana forked                   ana has, or comes to have, proof of a sequencer that lies
//! expect * documents/plan/body contains "words"
//! expect * documents/plan/body lacks "words"
//! ```
//!
//! A path is what `wattle edit` takes. Where an item is named, an alias given by `as` stands for its id.
//! The same text runs in the simulator and over real sockets, so the parser gives plain data.

mod answer;
mod claiming;
mod lexer;
mod parse;
mod show;
#[cfg(test)]
mod tests;

use wattle_context::edit::Op;
use wattle_context::value::Value;
use wattle_protocol::access::Kind;

pub use answer::Answer;
pub use claiming::{Claiming, Standing, Verb};
pub use lexer::LexError;
pub use parse::{LineError, ScenarioError, parse};
pub(crate) use show::Shown;

/// One line of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Where chance begins.
    Seed(u64),
    /// How the network and the disks are from here on.
    Net(Net),
    /// A relay starts.
    Relay(String),
    /// Peers start, who own the context.
    Peers(Vec<String>),
    /// Peers start, whom the first peer grants a role.
    Members {
        /// Who.
        names: Vec<String>,
        /// What they may do.
        role: String,
    },
    /// Peers start, who take up an invitation.
    Invited {
        /// Who.
        names: Vec<String>,
        /// What the invitation is called.
        by: String,
    },
    /// A second owner of the context, whose key nobody uses for now.
    Recovery(String),
    /// Parties with changed programs come.
    Patched {
        /// Who.
        names: Vec<String>,
        /// What they may do.
        role: String,
    },
    /// The first dials the second.
    Link(String, String),
    /// Links end.
    Cut {
        /// Whose.
        node: String,
        /// Only those to this one.
        other: Option<String>,
        /// Nobody is told.
        half_open: bool,
    },
    /// A peer reads slowly.
    Slow(String),
    /// Cuts and slowness end; of all when empty.
    Heal(Vec<String>),
    /// A replica dies.
    Crash(String),
    /// It comes back.
    Restart(String),
    /// A replica takes a snapshot and drops the bytes of older changes.
    Compact(String),
    /// Milliseconds pass.
    Wait(u64),
    /// Until all are silent and equal.
    Settle,
    /// A peer does something.
    Act(Act),
    /// What must hold now.
    Expect(Expect),
}

/// What a peer does.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// Who.
    pub peer: String,
    /// What.
    pub deed: Deed,
    /// A refusal is no failure of the scenario.
    pub may_fail: bool,
}

/// The things that a peer can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// An edit.
    Edit(Line),
    /// Names the version that the peer sees.
    Mark(String),
    /// Settles the conflict of a field or item.
    Resolve {
        /// The field or item.
        path: String,
        /// How.
        choice: Choice,
    },
    /// Claims a task, or does what only its holder may.
    Claim(Claiming),
    /// Gives a peer rights, or other rights than it has.
    Grant {
        /// Whom.
        whom: String,
        /// What it may do.
        role: String,
        /// Whether it works for who grants.
        kind: Kind,
        /// For so many seconds.
        seconds: Option<u64>,
    },
    /// Takes all rights from a peer.
    Revoke(String),
    /// The rights go over to another peer's key.
    Rotate(String),
    /// Another replica orders the access log.
    Sequencer {
        /// Which.
        whom: String,
        /// The present one is not asked.
        pass_by: bool,
    },
    /// Makes an invitation.
    Invite {
        /// What it is called.
        name: String,
        /// What it gives.
        role: String,
        /// How often.
        uses: u32,
        /// For so many seconds.
        seconds: Option<u64>,
    },
    /// A patched party makes a change, and keeps it.
    Forge {
        /// What the change is called.
        name: String,
        /// What is wrong with it.
        lies: Lies,
        /// What it does.
        line: Line,
    },
    /// A patched party puts a signed change elsewhere.
    Reparent {
        /// The change.
        change: String,
        /// What the new one is called.
        name: String,
    },
    /// A patched party hands a change to a replica.
    Send {
        /// The change.
        change: String,
        /// To whom.
        to: String,
        /// What comes back.
        answer: Answer,
    },
    /// A patched sequencer orders for one peer.
    Order(String),
}

/// What a forged change says that is not so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lies {
    /// The number of access entries in the signature.
    pub epoch: Option<u64>,
    /// When it was made, in milliseconds since 1970.
    pub time: Option<i64>,
    /// Whose it is.
    pub naming: Option<String>,
}

/// An edit as it is written, before aliases and marks are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The verb.
    pub op: Op,
    /// Where, with aliases.
    pub path: String,
    /// What.
    pub value: Value,
    /// For `replace`: the passage to be replaced.
    pub old: Option<String>,
    /// A mark.
    pub base: Option<String>,
    /// What the new item is called from here on.
    pub alias: Option<String>,
}

/// How a conflict is settled.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// By keeping one of the values, by its letter.
    Keep(String),
    /// By a new value.
    Set(Value),
}

/// What must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// At which peer; of all that are up when absent.
    pub peer: Option<String>,
    /// What of it.
    pub what: Expectation,
}

/// The things that can be expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// So many conflicts are unsettled.
    Conflicts(usize),
    /// These are the names of a section's items, or the values in force of a field, in any order.
    Values {
        /// A section or a field.
        path: String,
        /// The values.
        values: Vec<Value>,
    },
    /// Who holds a task; nobody when absent.
    Owner {
        /// The task.
        path: String,
        /// Who.
        holder: Option<String>,
    },
    /// What a peer may do, by the access log.
    Rights {
        /// Who.
        whom: String,
        /// A role, or `none`.
        role: String,
    },
    /// A peer's invitation was taken up, or refused.
    Admitted(Answer),
    /// An invitation was taken up so often, by the access log.
    Used {
        /// Which.
        invitation: String,
        /// How often.
        times: u32,
    },
    /// A peer has proof of a sequencer that lies.
    Forked,
    /// A text has this passage.
    Contains {
        /// The field.
        path: String,
        /// The passage.
        passage: String,
    },
    /// A text does not have this passage.
    Lacks {
        /// The field.
        path: String,
        /// The passage.
        passage: String,
    },
}

/// The weather: how the network and the disks behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// The shortest and longest usual delay of a frame.
    pub delay_ms: (u64, u64),
    /// How many frames in a thousand take longer.
    pub tail_permille: u64,
    /// Up to this.
    pub tail_ms_max: u64,
    /// What a link carries.
    pub rate_bytes_per_ms: u64,
    /// The shortest and longest time of a commit.
    pub disk_ms: (u64, u64),
    /// How many ends of links in a thousand go unnoticed for a while.
    pub half_open_permille: u64,
}

impl Default for Net {
    fn default() -> Self {
        Self {
            delay_ms: (1, 40),
            tail_permille: 10,
            tail_ms_max: 1_500,
            rate_bytes_per_ms: 2_000,
            disk_ms: (1, 15),
            half_open_permille: 200,
        }
    }
}
