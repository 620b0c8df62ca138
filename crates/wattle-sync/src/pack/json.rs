//! A pack as JSON.

use serde_json::{Value as Json, json};
use wattle_protocol::identity::{Seal, Signature};
use wattle_protocol::{Blob, Change, DocumentKey};

use super::Pack;
use crate::hex::{hex, unhex};

/// The format, as the first thing that the JSON says.
const FORMAT: u64 = 1;

/// Why JSON is no pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no full export of a context: {at} {wrong}")]
pub struct MalformedPack {
    /// Where.
    pub at: String,
    /// What is wrong there.
    pub wrong: &'static str,
}

/// `{wattle_full, context, access, documents: [{scope, item, changes: [{bytes, seal}]}]}`; bytes are
/// hexadecimal.
pub fn to_json(pack: &Pack) -> Json {
    let documents = pack.documents.iter().map(|(key, changes)| {
        json!({
            "scope": key.scope,
            "item": hex(&key.item),
            "changes": changes.iter().map(change).collect::<Vec<_>>(),
        })
    });
    json!({
        "wattle_full": FORMAT,
        "context": pack.context.to_string(),
        "access": pack.access.iter().map(|entry| hex(entry.iter())).collect::<Vec<_>>(),
        "documents": documents.collect::<Vec<_>>(),
    })
}

/// Reads what [`to_json`] gave. Other keys beside those are passed over.
pub fn from_json(json: &Json) -> Result<Pack, MalformedPack> {
    let wrong = |at: &str, wrong| MalformedPack { at: at.to_owned(), wrong };
    if json["wattle_full"].as_u64() != Some(FORMAT) {
        return Err(wrong("wattle_full", "is not 1: use the program that wrote it"));
    }
    let context = json["context"].as_str().and_then(|text| text.parse().ok());
    let list = |json: &Json, name: &str| {
        json[name].as_array().cloned().ok_or_else(|| wrong(name, "is no list"))
    };
    let access = list(json, "access")?.into_iter().enumerate().map(|(index, entry)| {
        let at = format!("access[{index}]");
        bytes(&entry).map(Blob::from).ok_or_else(|| wrong(&at, "is not hexadecimal"))
    });
    let access = access.collect::<Result<_, _>>()?;
    let mut documents = Vec::new();
    for (index, document) in list(json, "documents")?.iter().enumerate() {
        let at = format!("documents[{index}]");
        let scope = document["scope"].as_u64().and_then(|scope| u8::try_from(scope).ok());
        let item = bytes(&document["item"]).and_then(|item| item.try_into().ok());
        let key = scope.zip(item).map(|(scope, item)| DocumentKey { scope, item });
        let changes = list(document, "changes")?.into_iter().enumerate().map(|(index, change)| {
            read(&change).ok_or_else(|| wrong(&format!("{at}.changes[{index}]"), "is no change"))
        });
        let changes = changes.collect::<Result<_, _>>()?;
        documents.push((key.ok_or_else(|| wrong(&at, "has no scope and item"))?, changes));
    }
    let context = context.ok_or_else(|| wrong("context", "is no context's id"))?;
    Ok(Pack { context, access, documents })
}

fn change(change: &Change) -> Json {
    let seal = change.seal.as_ref().map(|seal| {
        json!({
            "epoch": seal.epoch,
            "key": seal.key.to_string(),
            "signature": hex(&seal.signature.0),
        })
    });
    json!({ "bytes": hex(change.bytes.iter()), "seal": seal })
}

fn read(json: &Json) -> Option<Change> {
    let seal = match json.get("seal").filter(|seal| !seal.is_null()) {
        None => None,
        Some(seal) => Some(Seal {
            epoch: seal["epoch"].as_u64()?,
            key: seal["key"].as_str()?.parse().ok()?,
            signature: Signature(bytes(&seal["signature"])?.try_into().ok()?),
        }),
    };
    Change::parse(Blob::from(bytes(&json["bytes"])?), seal).ok()
}

fn bytes(json: &Json) -> Option<Vec<u8>> {
    unhex(json.as_str()?)
}
