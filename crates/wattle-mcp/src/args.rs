//! The arguments of the tools, as their schemas in `tools.json` say.

use rmcp::model::JsonObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::trouble::Trouble;

/// Of `context_read`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    pub(crate) paths: Option<Vec<String>>,
    pub(crate) query: Option<String>,
    pub(crate) view: Option<View>,
    pub(crate) since: Option<String>,
    pub(crate) wait_s: Option<u64>,
    pub(crate) max_tokens: Option<usize>,
}

/// What a read shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum View {
    #[default]
    Brief,
    Full,
    Conflicts,
    History,
}

/// Of `context_edit`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    pub(crate) ops: Json,
    pub(crate) why: String,
}

/// Of `context_resolve`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolve {
    pub(crate) conflict: String,
    pub(crate) how: How,
    pub(crate) keep: Option<String>,
    pub(crate) value: Option<Json>,
    pub(crate) why: Option<String>,
}

/// How a conflict is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Keep,
    Merge,
    AskHuman,
    Leave,
}

/// Of `task_claim`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskClaim {
    pub(crate) id: Option<String>,
    pub(crate) claim: Option<String>,
    pub(crate) ttl_s: Option<i64>,
}

/// Of `task_update`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskUpdate {
    pub(crate) claim: String,
    pub(crate) status: Status,
    pub(crate) note: Option<String>,
    pub(crate) to: Option<String>,
}

/// What is reported of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    InProgress,
    Blocked,
    Review,
    Done,
    Released,
}

impl Status {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Blocked => "blocked",
            Self::Review => "review",
            Self::Done => "done",
            Self::Released => "released",
        }
    }
}

/// Reads the arguments of a call.
pub(crate) fn parse<T: DeserializeOwned>(
    tool: &'static str,
    arguments: Option<JsonObject>,
) -> Result<T, Trouble> {
    serde_json::from_value(Json::Object(arguments.unwrap_or_default()))
        .map_err(|error| Trouble::Arguments { tool, problem: error.to_string() })
}
