//! Who did what to whose rights, and what was refused: one event each, and one line of a file.

mod entry;
mod file;

use std::path::Path;

use serde::Serialize;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{ContextId, DocumentKey, LinkId, PublicKey};

use crate::metrics::Metrics;
use crate::relay::StartError;

use file::File;

/// Where audited acts go.
#[derive(Debug)]
pub(crate) struct Audit {
    file: Option<File>,
}

/// An act, with what is known of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Act {
    /// Which kind: `entry`, `declined`, `refused`, `login-refused`, `closed`.
    act: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    /// Of the access entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    /// Whose rights, or what is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<u64>,
    /// Who is at the other end of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    /// The change or proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A link and who is at its other end.
pub(crate) type End = (LinkId, Option<PublicKey>);

impl Audit {
    /// Opens the file for what comes next; what it has stays.
    pub(crate) fn open(path: Option<&Path>, metrics: &Metrics) -> Result<Self, StartError> {
        let open = |path| File::open(path, metrics.audit_lines_lost.clone());
        Ok(Self { file: path.map(open).transpose()? })
    }

    /// Never waits.
    pub(crate) fn note(&self, act: &Act) {
        act.log();
        if let Some(file) = &self.file {
            file.write(act);
        }
    }

    /// Writes what waits. Blocks until it is written.
    pub(crate) fn finish(&self) {
        if let Some(file) = &self.file {
            file.finish();
        }
    }
}

impl Act {
    /// Somebody was not let in.
    pub(crate) fn login_refused(end: End, code: Code, why: &str) -> Self {
        Self::at("login-refused", end, &Refusal::new(code, why))
    }

    /// A link was closed because rights have ended or changed.
    pub(crate) fn closed(end: End, refusal: &Refusal) -> Self {
        Self::at("closed", end, refusal)
    }

    /// A change, or something else that came over a link, was refused.
    pub(crate) fn refused(end: End, refusal: &Refusal) -> Self {
        Self::at("refused", end, refusal)
    }

    pub(crate) fn of(self, document: &DocumentKey) -> Self {
        let item: String = document.item.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { document: Some(format!("{}/{item}", document.scope)), ..self }
    }

    pub(crate) fn within(self, context: &ContextId) -> Self {
        Self { context: Some(context.to_string()), ..self }
    }

    pub(super) fn at(act: &'static str, (link, key): End, refusal: &Refusal) -> Self {
        Self {
            act,
            link: Some(link.0),
            by: key.map(|key| key.to_string()),
            about: refusal.about.map(|hash| hash.to_string()),
            code: Some(refusal.code.number()),
            reason: Some(refusal.reason.clone()),
            ..Self::default()
        }
    }

    fn log(&self) {
        tracing::info!(
            target: "audit",
            act = self.act,
            context = self.context,
            number = self.number,
            action = self.action,
            author = self.author,
            subject = self.subject,
            link = self.link,
            by = self.by,
            document = self.document,
            about = self.about,
            code = self.code,
            reason = self.reason,
        );
    }
}
