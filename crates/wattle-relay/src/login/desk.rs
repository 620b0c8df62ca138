//! Checks tokens apart from the engine: their keys may have to be fetched first.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use wattle_protocol::LinkId;
use wattle_protocol::message::{Code, Refusal};

use super::keys::{Keys, KeysError};
use super::{Decision, Denied, Waiting, fetch, token};
use crate::config::TokenKeys;
use crate::inbox::Notice;
use crate::limits::{KEYS_REFRESH_MS, KEYS_RETRY_MS};
use crate::relay::Shared;

/// The keys, and those who wait until they have been read anew.
pub(super) struct Desk {
    source: TokenKeys,
    shared: Arc<Shared>,
    keys: Keys,
    /// The keys on their way.
    fetching: Option<Fetching>,
    /// When somebody who named an unknown key last made the desk fetch.
    asked: Option<Instant>,
    held: VecDeque<Waiting>,
}

type Fetching = Pin<Box<dyn Future<Output = Result<Keys, KeysError>> + Send>>;

impl Desk {
    /// Reads the keys. A file must have them now; a server may have them later.
    pub(super) async fn open(source: TokenKeys, shared: Arc<Shared>) -> Result<Self, KeysError> {
        let keys = match &source {
            TokenKeys::File(_) => fetch::fetch(&source).await?,
            TokenKeys::Url { url, authorities } => {
                fetch::check(url, authorities.as_deref()).await?;
                fetch::fetch(&source).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "no token can be checked yet");
                    Keys::none()
                })
            }
        };
        let (fetching, asked, held) = (None, None, VecDeque::new());
        Ok(Self { source, shared, keys, fetching, asked, held })
    }

    /// Ends when the engine has.
    pub(super) async fn run(mut self, mut logins: mpsc::Receiver<Waiting>) {
        let period = Duration::from_millis(KEYS_REFRESH_MS);
        let mut refresh = interval_at(Instant::now() + period, period);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                login = logins.recv() => match login {
                    Some(login) => self.login(login),
                    None => return,
                },
                keys = fetched(&mut self.fetching) => self.fetched(keys),
                _ = refresh.tick() => self.fetch(),
            }
        }
    }

    /// A token whose key is not known may be of a key that is newer than those here.
    fn login(&mut self, login: Waiting) {
        let unknown = token::key_name(&login.token)
            .is_ok_and(|name| self.keys.find(name.as_deref()).is_none());
        if unknown && self.may_fetch() {
            self.held.push_back(login);
        } else {
            self.decide(&login);
        }
    }

    /// Whether keys are on their way, now or already.
    fn may_fetch(&mut self) -> bool {
        let pause = Duration::from_millis(KEYS_RETRY_MS);
        if self.fetching.is_none() && self.asked.is_none_or(|asked| asked.elapsed() >= pause) {
            self.asked = Some(Instant::now());
            self.fetch();
        }
        self.fetching.is_some()
    }

    fn fetch(&mut self) {
        if self.fetching.is_none() {
            let source = self.source.clone();
            self.fetching = Some(Box::pin(async move { fetch::fetch(&source).await }));
        }
    }

    fn fetched(&mut self, keys: Result<Keys, KeysError>) {
        self.fetching = None;
        match keys {
            Ok(keys) => self.keys = keys,
            Err(error) => tracing::warn!(%error, "the keys of tokens stay as they were"),
        }
        for login in std::mem::take(&mut self.held) {
            self.decide(&login);
        }
    }

    fn decide(&self, Waiting { link, key, token }: &Waiting) {
        if self.keys.is_empty() {
            let refusal =
                Refusal::new(Code::Failed, "tokens cannot be checked now; try again later");
            let why = "there are no keys of tokens yet".to_owned();
            return self.tell(*link, Decision::Refused(Denied { refusal, why }));
        }
        let config = &self.shared.config;
        let audience = config.token_audience.as_deref();
        self.tell(
            *link,
            match token::check(token, &self.keys, (audience, key)) {
                Ok(mut granted) => {
                    granted.login.founds |= config.founders.contains(key);
                    Decision::Granted(granted)
                }
                Err(error) => Decision::Refused(error.into()),
            },
        );
    }

    fn tell(&self, link: LinkId, decision: Decision) {
        self.shared.inbox.notice(Notice::Decided { link, decision });
    }
}

async fn fetched(fetching: &mut Option<Fetching>) -> Result<Keys, KeysError> {
    match fetching {
        Some(fetching) => fetching.await,
        None => pending().await,
    }
}
