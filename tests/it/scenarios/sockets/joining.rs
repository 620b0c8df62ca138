//! Invitations over real sockets, and what the access log says besides rights.

use tempfile::TempDir;
use tokio::time::{Instant, interval};
use wattle_sim::scenario::{Answer, Deed, Expectation};
use wattle_sync::{InvitationSecret, InviteTerms, JoinLink, OpenError, Peer};
use wattle_tests::cable::Cable;

use super::{Actor, Edge, PATIENCE, Stage, url};

/// So long somebody waits who can reach nobody.
const ALONE: std::time::Duration = std::time::Duration::from_millis(100);

impl Stage {
    pub(super) async fn invite(&mut self, peer: &str, deed: &Deed) -> Result<(), String> {
        let Deed::Invite { name, role, uses, seconds } = deed else {
            return Err("no invitation".to_owned());
        };
        let role = role.parse().map_err(|_| format!("{role} is no role"))?;
        let until = seconds.map(|seconds| self.clock.unix_s() + seconds);
        let made = self.alive(peer)?.invite(InviteTerms { role, uses: *uses, until }).await;
        let (link, _) = made.map_err(|error| error.to_string())?;
        self.doors.insert(name.clone(), link);
        Ok(())
    }

    /// A peer comes with a link, and dials the relays; an invitation that nobody has made is a guess.
    pub(super) async fn invited(&mut self, name: &str, door: &str) -> Result<(), String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let (identity, _) = self.cast.get(name).cloned().ok_or("no such peer")?;
        let guess = || InvitationSecret::new([7; 32]);
        let secret = self.doors.get(door).and_then(|link| link.secret.clone());
        let context = self.context.ok_or("there is no context yet")?;
        let secret = Some(secret.unwrap_or_else(guess));
        let link = JoinLink { relay: None, context, secret };
        let mut options = self.options(&folder, &identity);
        let reached = self.relays.values().all(|relay| relay.process.is_some());
        options.access_patience = if reached { PATIENCE } else { ALONE };
        for (relay, there) in &self.relays {
            let cable = Cable::to(there.address).await;
            options.dial.push(url(&cable));
            let (dialler, listener) = (name.to_owned(), relay.clone());
            self.edges.push(Edge { dialler, listener, cable, cut: false });
        }
        match Peer::join(options, &link).await {
            Ok(peer) => {
                let actor = Actor { folder, identity, peer: Some(peer), listens: None };
                self.peers.insert(name.to_owned(), actor);
            }
            Err(OpenError::NotAdmitted { refusal }) => {
                self.not_admitted.insert(name.to_owned(), Answer::Refused(refusal.code));
            }
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }

    pub(super) async fn expect_admitted(&self, name: &str, answer: Answer) -> Result<(), String> {
        let found = match self.not_admitted.get(name) {
            Some(refused) => Some(*refused),
            None => {
                let whoami = self.alive(name)?.whoami().await.map_err(|error| error.to_string())?;
                whoami.member.map(|_| Answer::Yes)
            }
        };
        if found == Some(answer) { Ok(()) } else { Err(format!("found {found:?}")) }
    }

    /// Invitations are counted now; for the proof of a fork there is time.
    pub(super) async fn expect_entry(
        &self,
        peer: &Peer,
        expected: &Expectation,
    ) -> Result<(), String> {
        if let Expectation::Used { invitation, times } = expected {
            let key = self.key(invitation)?;
            let members = peer.members().await.map_err(|error| error.to_string())?;
            let found = members.invitations.into_iter().find(|found| found.key == key);
            let found = found.map(|found| found.used);
            return if found == Some(*times) { Ok(()) } else { Err(format!("found {found:?}")) };
        }
        let until = Instant::now() + PATIENCE;
        let mut ticks = interval(super::LOOKS_EVERY);
        while peer.status().await.map_err(|error| error.to_string())?.forks == 0 {
            if Instant::now() > until {
                return Err("no proof".to_owned());
            }
            ticks.tick().await;
        }
        Ok(())
    }
}
