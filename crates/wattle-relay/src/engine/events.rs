//! What the machine tells of.

use wattle_protocol::Event;

use super::{Engine, Linked};
use crate::audit::{Act, End};
use wattle_protocol::LinkId;

impl Engine {
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Login { link, key, token } => self.login(link, key, token),
            Event::Ready { link, store, key, agent, .. } => {
                tracing::debug!(link = link.0, %store, %key, agent, "is ready");
                if let Some(Linked { end, .. }) = self.links.get(&link) {
                    end.prove();
                }
            }
            Event::Rejected { link, document, refusal } => {
                tracing::debug!(link = link.0, ?document, %refusal, "refuses a change");
                self.shared.metrics.refused(refusal.code);
                let act = Act::refused(self.end_of(link), &refusal);
                self.shared.audit.note(&act.of(&document));
            }
            Event::Refused { link, refusal } => {
                tracing::debug!(link = link.0, %refusal, "was refused something");
            }
            Event::ProposalRefused { context, proposal, refusal } => {
                tracing::debug!(%context, %proposal, %refusal, "a proposal is refused");
            }
            Event::ProposalDeclined { link, context, proposal, refusal } => {
                tracing::debug!(link = link.0, %context, %refusal, "declines a proposal");
                self.shared.metrics.refused(refusal.code);
                let act = Act::declined(self.end_of(link), &proposal, &refusal);
                self.shared.audit.note(&act.within(&context));
            }
            Event::Forked { context, .. } => {
                tracing::error!(%context, "the sequencer of this context has signed two logs");
            }
            Event::Receipt { .. }
            | Event::Opened { .. }
            | Event::InSync { .. }
            | Event::Durable { .. }
            | Event::Snapshot { .. }
            | Event::Access { .. }
            | Event::Leased { .. }
            | Event::Presence { .. } => {}
        }
    }

    fn end_of(&self, link: LinkId) -> End {
        (link, self.links.get(&link).and_then(|linked| linked.key))
    }
}
