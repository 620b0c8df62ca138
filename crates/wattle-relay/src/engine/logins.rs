//! Who comes in, how long they may stay, and what time it is.

use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, Input, LinkId, PublicKey};
use wattle_sync::clock::now_s;

use super::{Engine, LoginState};
use crate::audit::Act;
use crate::limits::TOKEN_LEEWAY_SECONDS;
use crate::login::{Decision, Denied, Granted, Waiting};
use crate::metrics::Outcome;

impl Engine {
    /// A link has proved its key.
    pub(super) fn login(&mut self, link: LinkId, key: PublicKey, token: Blob) {
        if let Some(linked) = self.links.get_mut(&link) {
            linked.key = Some(key);
        }
        let decision = self.logins.decide(Waiting { link, key, token });
        self.decided(link, decision);
    }

    pub(super) fn decided(&mut self, link: LinkId, decision: Decision) {
        let Some(linked) = self.links.get_mut(&link) else { return };
        match decision {
            Decision::Later => linked.login = LoginState::Waits,
            Decision::Granted(Granted { login, until }) => {
                linked.login = until.map_or(LoginState::Settled, LoginState::Until);
                self.shared.metrics.login(Outcome::Granted);
                self.give(Input::Login { link, login }, Some(link));
            }
            Decision::Refused(Denied { refusal, why }) => {
                let end = (link, linked.key);
                tracing::info!(link = link.0, why, "a login is refused");
                self.shared.metrics.login(Outcome::Refused);
                self.shared.audit.note(&Act::login_refused(end, refusal.code, &why));
                self.turn_out(link, refusal);
            }
        }
    }

    /// Tells the machine the time of day, and ends the links whose tokens have ended.
    pub(super) fn strike(&mut self) {
        let unix_seconds = now_s();
        self.give(Input::Clock { unix_seconds }, None);
        let ended = |state| match state {
            LoginState::Until(end) => end.saturating_add(TOKEN_LEEWAY_SECONDS) < unix_seconds,
            LoginState::Settled | LoginState::Waits => false,
        };
        let links = self.links.iter().filter(|(_, linked)| ended(linked.login));
        for link in links.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.turn_out(link, Refusal::new(Code::Expired, "the token has expired"));
        }
    }
}
