//! Why a call was not carried out: an answer that says what to do next.

use wattle_context::json::JsonError;
use wattle_context::{EditError, PathError, ResolveError};
use wattle_sync::task::TaskFailed;
use wattle_sync::{EditFailed, ReadError, ResolveFailed};

/// Why a call was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is nothing to work on.
    #[error("no context is open: {why}")]
    Closed {
        /// Why.
        why: String,
    },
    /// Too many programs with one token.
    #[error("{most} programs use this token at once already")]
    Crowded {
        /// How many.
        most: usize,
    },
    /// It took too long.
    #[error(
        "this took longer than {seconds} seconds, and was given up; what it was to write may be written"
    )]
    Hung {
        /// How long it could take.
        seconds: u64,
    },
    /// Arguments that do not fit the schema.
    #[error("the arguments of {tool} are not understood: {problem}")]
    Arguments {
        /// Of which tool.
        tool: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// An argument that is missing or too much.
    #[error("{problem}")]
    Argument {
        /// What is wrong, and what to do instead.
        problem: String,
    },
    /// Edits that are not understood.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A path that names nothing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A path that leads to something that is not there.
    #[error("{path} is not there")]
    Missing {
        /// The path.
        path: String,
    },
    /// A cursor that this replica does not know.
    #[error("{given:?} is no cursor that is known here")]
    Cursor {
        /// What was given.
        given: String,
    },
    /// Edits of what binds others, by somebody who has not read it.
    #[error(
        "nothing was written: rules, tools and people are edited with the `base` that was read"
    )]
    Unread {
        /// What there is to read, ready to be shown.
        shown: String,
    },
    /// A conflict that is not open.
    #[error("there is no open conflict {id}: it was settled, or somebody added a version")]
    NoConflict {
        /// What was given.
        id: String,
        /// The conflicts that are open.
        open: Vec<String>,
    },
    /// A document cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An edit was refused.
    #[error("nothing was written: {0}")]
    Edit(#[from] EditFailed),
    /// A conflict was not settled.
    #[error("nothing was written: {0}")]
    Resolve(#[from] ResolveFailed),
    /// Nothing was made of a claim.
    #[error(transparent)]
    Task(#[from] TaskFailed),
    /// The client has taken the call back, or is gone.
    #[error("the call was cancelled")]
    Cancelled,
}

impl Trouble {
    /// The whole answer.
    pub(crate) fn told(&self) -> String {
        format!("{self}\n{}", self.next())
    }

    /// What to do next.
    fn next(&self) -> String {
        match self {
            Self::Closed { .. } => "Tell the user; `wattle init` makes a context in the project's folder, `wattle join LINK` takes part in one. Then call again.".to_owned(),
            Self::Crowded { .. } => "Call again later; a token for each agent keeps them apart.".to_owned(),
            Self::Hung { .. } => "Read what is there now, then call again.".to_owned(),
            Self::Arguments { .. } | Self::Argument { .. } => {
                "Call again with arguments as the tool's schema says.".to_owned()
            }
            Self::Json(_) => "Each op is {\"op\", \"path\", \"value\", \"old\", \"base\"}.".to_owned(),
            Self::Path(error) => path(error),
            Self::Missing { .. } => "context_read of the section lists what is there.".to_owned(),
            Self::Cursor { .. } => {
                "Call context_read without since; its answer ends with a new cursor.".to_owned()
            }
            Self::Unread { shown } => {
                format!("Read this, and repeat the call with the v as base if it still holds:\n{shown}")
            }
            Self::NoConflict { open, .. } if open.is_empty() => {
                "No conflict is open now.".to_owned()
            }
            Self::NoConflict { open, .. } => format!("Open now:\n{}", open.join("\n")),
            Self::Read(_) => "Try again; if it fails again, tell the user.".to_owned(),
            Self::Edit(failed) => edit(failed),
            Self::Resolve(failed) => resolve(failed),
            Self::Task(failed) => task(failed),
            Self::Cancelled => "Nothing else happened.".to_owned(),
        }
    }
}

fn task(failed: &TaskFailed) -> String {
    match failed {
        TaskFailed::Missing { .. } => {
            "context_read paths=[\"tasks\"] lists what is there.".to_owned()
        }
        TaskFailed::NoClaim { .. } => "task_claim gives a claim.".to_owned(),
        TaskFailed::Edit(failed) => edit(failed),
        TaskFailed::NoRandomness | TaskFailed::Record(_) | TaskFailed::Read(_) => {
            "Try again; if it fails again, tell the user.".to_owned()
        }
    }
}

fn path(error: &PathError) -> String {
    match error {
        PathError::Malformed { .. } | PathError::UnknownSection { .. } => {
            "Sections: instructions, people, documents, tasks, tools, rules.".to_owned()
        }
        PathError::UnknownItem { section, .. } => {
            format!("context_read paths=[\"{section}\"] lists its items.")
        }
        PathError::Ambiguous { .. } => "Use one of these paths.".to_owned(),
        PathError::UnknownField { .. } | PathError::TooDeep { .. } => {
            "Use one of the fields.".to_owned()
        }
    }
}

fn edit(failed: &EditFailed) -> String {
    let error = match failed {
        EditFailed::Refused(error) => error,
        EditFailed::NotAllowed { .. } | EditFailed::NoMember { .. } | EditFailed::Ended { .. } => {
            return "Another try changes nothing. Tell the user what you wanted to write, and who \
                    may grant it."
                .to_owned();
        }
        EditFailed::Past { .. } | EditFailed::NotYetMember => {
            return "Another try changes nothing for now: tell the user.".to_owned();
        }
        EditFailed::OverBudget { .. } => return "Wait so long, then call again.".to_owned(),
        EditFailed::TooMuch { .. } => return "Write less in one call.".to_owned(),
        EditFailed::Unreadable(_)
        | EditFailed::Store(_)
        | EditFailed::NoRandomness
        | EditFailed::Panicked
        | EditFailed::Closed => {
            return "Try again; if it fails again, tell the user.".to_owned();
        }
    };
    match error {
        EditError::Path(error) => path(error),
        EditError::Passage { path, found: 0 } => {
            format!("Read {path} again: `old` must be exactly what stands there.")
        }
        EditError::Passage { .. } => {
            "Take more of the text into `old`, until it is unique.".to_owned()
        }
        EditError::UnknownVersion { .. } => {
            "Read it again, and take the v of that answer as base.".to_owned()
        }
        EditError::Changed { path, .. } => format!("Read {path} again and decide anew."),
        EditError::Secret { .. } => {
            "Take the secret out, write where it is found (a vault, a variable), and tell the user that it was about to be shared.".to_owned()
        }
        EditError::NotLoaded { .. }
        | EditError::TooManyEdits { .. }
        | EditError::TooLong { .. }
        | EditError::WrongValue { .. }
        | EditError::Unfit { .. }
        | EditError::OutOfText { .. }
        | EditError::NoBase { .. }
        | EditError::Deleted { .. }
        | EditError::Damaged { .. } => {
            "Correct the op and call again; ops apply together.".to_owned()
        }
    }
}

fn resolve(failed: &ResolveFailed) -> String {
    match failed {
        ResolveFailed::Refused(
            ResolveError::UnknownCandidate { .. } | ResolveError::KeepOne { .. },
        ) => "Call again with how=keep and the letter of one of them.".to_owned(),
        ResolveFailed::Refused(ResolveError::Unknown { .. }) => {
            "context_read view=conflicts shows what is open.".to_owned()
        }
        ResolveFailed::Refused(ResolveError::Edit(_)) => {
            "Call again with a value that the field takes.".to_owned()
        }
        ResolveFailed::Failed(failed) => edit(failed),
    }
}
