//! Who comes in, how long they may stay, and what time it is.

use wattle_protocol::io::Time;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, Input, LinkId, PublicKey};

use super::{Engine, Linked, LoginState};
use crate::audit::Act;
use crate::limits::{CLOCK_MS, TOKEN_LEEWAY_SECONDS};
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
                if let Some(end) = linked.login.ends_at() {
                    self.strike_at(end);
                }
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
        let told = self.shared.config.clock.tell();
        self.told = Some(told);
        let unix_seconds = told.unix_s;
        self.clock = Time(self.now().0 + CLOCK_MS);
        self.give(Input::Clock { unix_seconds }, None);
        let ended = |linked: &Linked| linked.login.ends_at().is_some_and(|end| end <= unix_seconds);
        let links = self.links.iter().filter(|(_, linked)| ended(linked));
        for link in links.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.turn_out(link, Refusal::new(Code::Expired, "the token has expired"));
        }
        let ends: Vec<u64> =
            self.links.values().filter_map(|linked| linked.login.ends_at()).collect();
        ends.into_iter().for_each(|end| self.strike_at(end));
    }

    /// Looks at the clock again when a token ends, if not before.
    fn strike_at(&mut self, end: u64) {
        let wait_ms = end.saturating_sub(self.shared.config.clock.unix_s()).saturating_mul(1_000);
        self.clock = self.clock.min(Time(self.now().0.saturating_add(wait_ms)));
    }
}

impl LoginState {
    /// When the link is closed, in seconds since 1970.
    fn ends_at(self) -> Option<u64> {
        match self {
            Self::Until(end) => Some(end.saturating_add(TOKEN_LEEWAY_SECONDS + 1)),
            Self::Settled | Self::Waits => None,
        }
    }
}
