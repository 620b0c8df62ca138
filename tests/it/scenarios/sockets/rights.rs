//! Rights over real sockets: who is given which role, what is wished of the access log, who may read.

use std::collections::{BTreeMap, BTreeSet};

use wattle_sim::expect::check_rights;
use wattle_sim::roles;
use wattle_sim::scenario::{Deed, Step};
use wattle_sync::access::{Member, Members, Passing};
use wattle_sync::{GrantTerms, Identity, Kind, Outcome, Peer, PublicKey, Role};

use super::{Stage, state, view};

/// All who will be peers, each with the role that it is given from the beginning.
pub(super) fn cast(steps: &[Step]) -> Result<BTreeMap<String, (Identity, Option<String>)>, String> {
    let mut cast = BTreeMap::new();
    for step in steps {
        let (names, role) = match step {
            Step::Peers(names) => (names.as_slice(), Some("owner")),
            Step::Recovery(name) => (std::slice::from_ref(name), None),
            Step::Invited { names, .. } => (names.as_slice(), None),
            Step::Members { names, role } if role == "none" => (names.as_slice(), None),
            Step::Patched { names, role } => (names.as_slice(), Some(role.as_str())),
            Step::Members { names, role } => (names.as_slice(), Some(role.as_str())),
            Step::Seed(_)
            | Step::Net(_)
            | Step::Relay(_)
            | Step::Link(..)
            | Step::Cut { .. }
            | Step::Slow(_)
            | Step::Heal(_)
            | Step::Crash(_)
            | Step::Restart(_)
            | Step::Compact(_)
            | Step::Wait(_)
            | Step::Settle
            | Step::Act(_)
            | Step::Expect(_) => continue,
        };
        for name in names {
            let identity = Identity::random(name).map_err(|error| error.to_string())?;
            cast.entry(name.clone()).or_insert((identity, role.map(str::to_owned)));
        }
    }
    Ok(cast)
}

/// The founder gives all others their roles before it has a link: it orders the access log itself.
pub(super) async fn give_roles(
    founder: &Peer,
    cast: &BTreeMap<String, (Identity, Option<String>)>,
) -> Result<(), String> {
    for (name, (identity, role)) in cast {
        let Some(role) = role else { continue };
        if identity.key() == founder.key() {
            continue;
        }
        let terms = terms(name, identity.key(), (Kind::Person, role))?;
        match founder.grant(terms).await.map_err(|error| error.to_string())? {
            Outcome::Done { .. } => {}
            Outcome::Waiting { .. } => return Err("the founder waits for itself".to_owned()),
        }
    }
    Ok(())
}

fn terms(name: &str, key: PublicKey, (kind, role): (Kind, &str)) -> Result<GrantTerms, String> {
    let role: Role = role.parse().map_err(|_| format!("{role} is no role"))?;
    let name = name.to_owned();
    Ok(GrantTerms { key, name, kind, role, until: None, edits_per_minute: None })
}

impl Stage {
    /// Does what a step wishes of the access log; it may have to wait for the sequencer.
    pub(super) async fn wish(&self, peer: &str, deed: &Deed) -> Result<(), String> {
        let peer = self.alive(peer)?;
        let done = match deed {
            Deed::Grant { whom, role, kind, seconds } => {
                let until = seconds.map(|seconds| self.clock.unix_s() + seconds);
                let terms = terms(whom, self.key(whom)?, (*kind, role))?;
                peer.grant(GrantTerms { until, ..terms }).await
            }
            Deed::Revoke(whom) => peer.revoke(self.key(whom)?).await,
            Deed::Rotate(to) => {
                let (new, _) = self.cast.get(to).ok_or("no such peer")?;
                peer.rotate(new).await
            }
            Deed::Sequencer { whom, pass_by } => {
                let passing = if *pass_by { Passing::PassBy } else { Passing::HandOver };
                peer.set_sequencer(self.key(whom)?, passing).await
            }
            Deed::Edit(_)
            | Deed::Mark(_)
            | Deed::Resolve { .. }
            | Deed::Claim(_)
            | Deed::Invite { .. }
            | Deed::Forge { .. }
            | Deed::Reparent { .. }
            | Deed::Send { .. }
            | Deed::Order(_) => return Err("no wish".to_owned()),
        };
        done.map(drop).map_err(|error| error.to_string())
    }

    pub(super) async fn expect_rights(
        &self,
        peer: &Peer,
        (whom, role): (&str, &str),
    ) -> Result<(), String> {
        let members = peer.members().await.map_err(|error| error.to_string())?;
        let found = role_of(&members, &self.key(whom)?);
        let found = found.map_or(wattle_protocol::access::Rights::NONE, |role| role.rights());
        check_rights(role, &found).map_err(|unmet| unmet.to_string())
    }

    /// Those of a group who may read something, by the access log that is furthest among them.
    pub(super) async fn members(&self, group: Vec<&String>) -> Result<BTreeSet<String>, String> {
        let Some(newest) = self.newest(&group).await? else { return Ok(BTreeSet::new()) };
        let reads = |name: &&String| {
            let key = self.peers.get(*name).map(|actor| actor.identity.key());
            key.is_some_and(|key| role_of(&newest, &key).is_some())
        };
        Ok(group.into_iter().filter(reads).cloned().collect())
    }

    async fn newest(&self, group: &[&String]) -> Result<Option<Members>, String> {
        let mut newest: Option<Members> = None;
        for name in group {
            let Ok(peer) = self.alive(name) else { continue };
            let members = peer.members().await.map_err(|error| error.to_string())?;
            let come = |members: &Members| (members.term, members.entries);
            if newest.as_ref().is_none_or(|newest| come(newest) < come(&members)) {
                newest = Some(members);
            }
        }
        Ok(newest)
    }

    /// What is not yet as it will be: logs, wishes, or what those show who may read everything.
    pub(super) async fn differences(
        &self,
        members: &BTreeSet<String>,
        group: &BTreeSet<String>,
    ) -> Result<Option<String>, String> {
        let mut logs = BTreeMap::new();
        let mut shown = BTreeMap::new();
        for name in members {
            let Ok(peer) = self.alive(name) else { continue };
            let log = peer.members().await.map_err(|error| error.to_string())?;
            if !log.waiting.is_empty() && self.orders(group, &log) {
                return Ok(Some(format!("{name} waits for {:?}", log.waiting)));
            }
            if let Some(due) = self.due(&log).filter(|_| self.orders(group, &log)) {
                return Ok(Some(format!("the end date of {} has come", due.name)));
            }
            let role = role_of(&log, &peer.key());
            let all = roles::rights("reader").ok_or("a role")?.read;
            if role.is_some_and(|role| all.is_within(role.rights().read)) {
                shown.insert(name.clone(), view(&peer, state).await?);
            }
            logs.insert(name.clone(), (log.entries, log.head));
        }
        let one = |different: usize| different <= 1;
        if !one(logs.values().collect::<BTreeSet<_>>().len()) {
            return Ok(Some(format!("{logs:?}")));
        }
        let equal = one(shown.values().collect::<BTreeSet<&(String, String)>>().len());
        Ok((!equal).then(|| format!("{shown:#?}")))
    }

    /// Somebody whose end date has come and is not in the log.
    fn due<'a>(&self, log: &'a Members) -> Option<&'a Member> {
        let now = self.clock.unix_s();
        let due = |member: &&Member| {
            member.ended.is_none() && member.until.is_some_and(|until| until <= now)
        };
        log.members.iter().find(due)
    }

    /// Whether whoever orders the access log is in the group: a peer of it, or else its relay.
    fn orders(&self, group: &BTreeSet<String>, log: &Members) -> bool {
        let key = |name: &&String| self.cast.get(*name).map(|(identity, _)| identity.key());
        let of_peer = self.cast.keys().find(|name| key(name) == log.sequencer);
        of_peer.map_or_else(
            || group.iter().any(|name| self.relays.contains_key(name)),
            |name| group.contains(name),
        )
    }

    pub(super) fn key(&self, name: &str) -> Result<PublicKey, String> {
        let door = self.doors.get(name).and_then(|link| link.secret.as_ref());
        if let Some(secret) = door {
            return Ok(secret.key());
        }
        let (identity, _) = self.cast.get(name).ok_or_else(|| format!("no peer {name}"))?;
        Ok(identity.key())
    }
}

/// What a key may do, as a role.
fn role_of(members: &Members, key: &PublicKey) -> Option<Role> {
    members.members.iter().find(|member| member.key == *key)?.now.clone()
}
