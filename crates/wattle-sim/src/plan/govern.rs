//! Rights by chance: who has fewer than all, and who changes that.

use wattle_protocol::access::Kind;

use crate::rng::Rng;
use crate::scenario::{Act, Deed, Step};

/// Remembers who takes part. In half of all plans everybody owns the context and nothing changes that.
pub(super) struct Governor {
    owners: Vec<String>,
    /// Who came with a role, and may lose it.
    members: Vec<(String, &'static str)>,
    /// Keys that nobody writes with, until somebody rotates to them.
    spare: Vec<String>,
    governs: bool,
}

const ROLES: &[&str] =
    &["reader", "contributor", "editor", "maintainer", "read=tasks,rules;write=tasks"];

impl Governor {
    pub(super) fn new(names: &[String], rng: &mut Rng) -> Self {
        // The first one stays the owner.
        let governs = names.len() > 1 && rng.permille(500);
        let (mut owners, mut members) = (Vec::new(), Vec::new());
        for (at, name) in names.iter().enumerate() {
            match rng.pick(ROLES).filter(|_| governs && at > 0 && rng.permille(700)) {
                Some(role) => members.push((name.clone(), *role)),
                None => owners.push(name.clone()),
            }
        }
        let spare = if governs { vec!["spare".to_owned()] } else { Vec::new() };
        Self { owners, members, spare, governs }
    }

    /// How they come.
    pub(super) fn arrivals(&self) -> Vec<Step> {
        let mut steps = vec![Step::Peers(self.owners.clone())];
        for (name, role) in &self.members {
            let names = vec![name.clone()];
            steps.push(Step::Members { names, role: (*role).to_owned() });
        }
        for name in &self.spare {
            let names = vec![name.clone()];
            steps.push(Step::Members { names, role: "none".to_owned() });
        }
        steps
    }

    /// Somebody wants something done to the access log, which may be refused.
    pub(super) fn act(&mut self, rng: &mut Rng) -> Option<Act> {
        if !self.governs {
            return None;
        }
        let everybody = || self.owners.iter().chain(self.members.iter().map(|(name, _)| name));
        let all: Vec<String> = everybody().cloned().collect();
        let authors = if rng.permille(700) { &self.owners } else { &all };
        let peer = rng.pick(authors)?.clone();
        let (whom, role) = rng.pick(&self.members)?.clone();
        let deed = match rng.within(0..=99) {
            0..=59 => {
                let role = rng.pick(ROLES).map_or(role, |role| role).to_string();
                let kind = if rng.permille(150) { Kind::Agent } else { Kind::Person };
                // An end date would come while everybody is to be silent.
                Deed::Grant { whom, role, kind, seconds: None }
            }
            60..=84 if whom != peer => Deed::Revoke(whom),
            60..=84 => return None,
            _ => {
                let spare = self.spare.pop()?;
                return Some(Act { peer: whom, deed: Deed::Rotate(spare), may_fail: true });
            }
        };
        Some(Act { peer, deed, may_fail: true })
    }
}
