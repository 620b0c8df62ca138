//! `context_resolve` with `how=ask_human`: the client shows a form to its user.
//!
//! A client of 2026-07-28 gets the form as the answer to its call and calls again with what the user
//! chose, and with a sealed note of what the user was shown. An older client is asked while the call
//! is open. What comes back counts only if the conflict is still the one that was shown.

use std::fmt;

use rmcp::model::{
    CallToolResponse, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
    ElicitationSchema, InputRequest, InputRequiredResult, InputResponses, ProtocolVersion,
    RequestStateCodec, SealOptions, ServerRequest,
};
use rmcp::service::{PeerRequestOptions, RequestContext};
use rmcp::{RoleServer, model::ClientResult};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use wattle_context::claim;
use wattle_context::plain::{brief, hex};
use wattle_context::{Candidate, Conflict, ConflictKind, Settlement, Value};
use wattle_sync::Parts;

use crate::desk::{Opened, Scene};
use crate::limits::{ASK_MAX, QUESTION_MAX};
use crate::resolve;
use crate::show;
use crate::text::quoted;
use crate::trouble::Trouble;
use crate::who::DECIDED;

/// The name of the one question of a call.
const QUESTION: &str = "choice";
/// A version in a list that the form shows.
const CHOICE_CHARS: usize = 200;

/// Seals what a user was shown.
pub(crate) struct Seal(RequestStateCodec);

/// What a user was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    conflict: String,
    digest: String,
}

/// What came back from the client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Back {
    pub(crate) responses: Option<InputResponses>,
    pub(crate) state: Option<String>,
}

/// What the user has chosen.
enum Choice {
    Settle(Settlement),
    Leave,
    Unclear,
}

impl Seal {
    /// With a key of this process: a question is answered to the process that asked.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(RequestStateCodec::new_unchecked(key)))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

/// Asks the user of the client, or takes the answer.
pub(crate) async fn run(
    desk: &Opened,
    (id, back): (&str, Back),
    (seal, context): (&Seal, &RequestContext<RoleServer>),
) -> Result<CallToolResponse, Trouble> {
    let conflict = resolve::open(desk, id).await;
    if !can_ask(context) {
        let left = left(desk, conflict?, "this client cannot ask its user").await?;
        return Ok(crate::server::text(left));
    }
    let modern = context.protocol_version().is_some_and(|v| v >= ProtocolVersion::V_2026_07_28);
    match (modern, back.state) {
        (true, Some(state)) => {
            let answer = back.responses.as_ref().and_then(|responses| responses.get(QUESTION));
            returned(desk, (conflict?, answer), (seal, &state)).await
        }
        (true, None) => question(desk, conflict?, seal).await,
        (false, _) => {
            let conflict = conflict?;
            let form = form(desk, &conflict).await?;
            let answer = ask_now(context, form).await;
            Ok(crate::server::text(taken(desk, conflict, answer).await?))
        }
    }
}

fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    let capability = context.client_capabilities().and_then(|can| can.elicitation);
    // A client that names no mode has forms; one that names only others has not.
    capability.is_some_and(|can| can.form.is_some() || can.url.is_none())
}

/// The form as the answer to the call.
async fn question(
    desk: &Opened,
    conflict: Conflict,
    seal: &Seal,
) -> Result<CallToolResponse, Trouble> {
    let form = form(desk, &conflict).await?;
    let shown = Shown { digest: digest(&conflict), conflict: conflict.id };
    let bound = desk.peer.context_id().to_string();
    let options = SealOptions::new().associated_data(bound.as_bytes()).ttl(QUESTION_MAX);
    let sealed = seal.0.seal_json_with(&shown, &options);
    let sealed = sealed.map_err(|error| Trouble::Argument { problem: error.to_string() })?;
    let request = InputRequest::Elicitation(ElicitRequest::new(form));
    let requests = [(QUESTION.to_owned(), request)].into();
    Ok(InputRequiredResult::new(Some(requests), Some(sealed)).into())
}

/// What the user chose, if the conflict is still the one that was shown; else the question again.
async fn returned(
    desk: &Opened,
    (conflict, answer): (Conflict, Option<&Json>),
    (seal, state): (&Seal, &str),
) -> Result<CallToolResponse, Trouble> {
    let bound = desk.peer.context_id().to_string();
    let shown: Result<Shown, _> = seal.0.open_json_with(state, bound.as_bytes());
    let now = Shown { conflict: conflict.id.clone(), digest: digest(&conflict) };
    if shown.ok() != Some(now) {
        return question(desk, conflict, seal).await;
    }
    let answer = answer.and_then(|json| serde_json::from_value(json.clone()).ok());
    Ok(crate::server::text(taken(desk, conflict, answer).await?))
}

/// Asks while the call is open; none if the client does not answer.
async fn ask_now(
    context: &RequestContext<RoleServer>,
    form: ElicitRequestParams,
) -> Option<ElicitResult> {
    let request = ServerRequest::ElicitRequest(ElicitRequest::new(form));
    let options = PeerRequestOptions::with_timeout(ASK_MAX);
    let asked = context.peer.send_request_with_option(request, options).await.ok()?;
    let answer = asked.await_response().await.ok()?;
    if let ClientResult::ElicitResult(result) = answer { Some(result) } else { None }
}

/// Settles as the user chose. Nothing but a clear choice settles: many clients decline or cancel
/// without having shown anything.
async fn taken(
    desk: &Opened,
    conflict: Conflict,
    answer: Option<ElicitResult>,
) -> Result<String, Trouble> {
    let Some(answer) = answer else {
        return left(desk, conflict, "the client gave no answer").await;
    };
    let content = match answer.action {
        ElicitationAction::Accept => answer.content.unwrap_or_default(),
        ElicitationAction::Decline => return left(desk, conflict, "the client declined").await,
        ElicitationAction::Cancel => return left(desk, conflict, "the client cancelled").await,
        _ => return left(desk, conflict, "the client gave an unknown answer").await,
    };
    let why = content.get("why").and_then(Json::as_str).unwrap_or_default();
    let why = if why.is_empty() { DECIDED.to_owned() } else { format!("{DECIDED}: {why}") };
    match choice(&conflict, &content) {
        Choice::Settle(settlement) => resolve::settle(desk, (&conflict.id, settlement), &why).await,
        Choice::Leave => left(desk, conflict, "the user decides later").await,
        Choice::Unclear => left(desk, conflict, "the user's choice was none of the versions").await,
    }
}

fn choice(conflict: &Conflict, content: &Json) -> Choice {
    let chosen = content.get(QUESTION).and_then(Json::as_str).unwrap_or_default();
    let own = content.get("text").and_then(Json::as_str).unwrap_or_default();
    match chosen {
        "later" => Choice::Leave,
        "own" if !own.is_empty() => Choice::Settle(Settlement::Value(typed(conflict, own))),
        letter if conflict.lettered().any(|(known, _)| known == letter) => {
            Choice::Settle(Settlement::Keep(letter.to_owned()))
        }
        _ => Choice::Unclear,
    }
}

/// A text as a value of the kind that the candidates are of.
fn typed(conflict: &Conflict, text: &str) -> Value {
    let like = |kind: fn(&Value) -> bool| conflict.candidates.iter().any(|c| kind(&c.value));
    if like(|value| value.int().is_some()) {
        return text.trim().parse().map_or_else(|_| Value::from(text), Value::Int);
    }
    if like(|value| value.bool().is_some()) {
        return text.trim().parse().map_or_else(|_| Value::from(text), Value::Bool);
    }
    Value::from(text)
}

/// That a conflict stays open, and what the agent does next.
async fn left(desk: &Opened, conflict: Conflict, because: &str) -> Result<String, Trouble> {
    let read = move |scene: Scene<'_>| show::conflict(scene, &conflict);
    let shown = desk.view(Parts::Sections, read).await?;
    Ok(format!(
        "Nobody has decided ({because}); the conflict stays open. Show both versions to the user in \
         your answer and ask; then call context_resolve with how=keep or how=merge.\n{shown}"
    ))
}

/// All versions in the message too: clients show the titles of choices cut short, or not at all.
async fn form(desk: &Opened, conflict: &Conflict) -> Result<ElicitRequestParams, Trouble> {
    let own = conflict.clone();
    let read = move |scene: Scene<'_>| (show::conflict(scene, &own), titles(scene, &own));
    let (message, titles) = desk.view(Parts::Sections, read).await?;
    let own = json!({ "const": "own", "title": "another text (below)" });
    // Claims cannot be merged.
    let own = Some(own).filter(|_| conflict.kind != ConflictKind::Claim);
    let later = json!({ "const": "later", "title": "decide later" });
    let others = own.into_iter().chain([later]);
    let schema = json!({
        "type": "object",
        "properties": {
            QUESTION: {
                "type": "string",
                "title": "Which version holds?",
                "oneOf": titles.into_iter().chain(others).collect::<Vec<_>>(),
            },
            "text": { "type": "string", "title": "Another text, if none of them" },
            "why": { "type": "string", "title": "Why (for the history)" },
        },
        "required": [QUESTION],
    });
    let schema: ElicitationSchema = serde_json::from_value(schema)
        .map_err(|error| Trouble::Argument { problem: error.to_string() })?;
    let message =
        format!("Several versions of the same thing are in the shared context.\n{message}");
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema: schema })
}

/// The versions as choices, each with the agent that wrote it: one person may have several.
fn titles(scene: Scene<'_>, conflict: &Conflict) -> Vec<Json> {
    let title = |(letter, candidate): (String, &Candidate)| {
        let value = match conflict.kind {
            ConflictKind::Value | ConflictKind::EditDelete => {
                quoted(&candidate.value, CHOICE_CHARS)
            }
            ConflictKind::Claim => brief(&claim::told(&candidate.value), CHOICE_CHARS),
        };
        let by = show::author(scene, conflict, candidate);
        json!({ "const": letter, "title": format!("{letter}) {value} — {by}") })
    };
    conflict.lettered().map(title).collect()
}

/// What exactly was shown: the id of a conflict is too short to stand for that.
fn digest(conflict: &Conflict) -> String {
    let mut hash = Sha256::new().chain_update(conflict.path.as_bytes());
    conflict.candidates.iter().for_each(|candidate| hash.update(candidate.change));
    hex(&hash.finalize())
}
