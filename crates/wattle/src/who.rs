//! Members by the names that people use for them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};
use wattle_context::json::conflict_to_json;
use wattle_context::plain::brief;
use wattle_context::{Conflict, LogFilter};
use wattle_sync::{Invitation, Kind, Member, Members, Parts, Peer, PublicKey};

use crate::failure::Failure;
use crate::grant::kind;

/// The fewest digits by which a key is named.
const DIGITS_MIN: usize = 4;
/// What stands before an invitation's digits.
const INVITATION: &str = "inv-";
/// A name in a line.
const NAME_CHARS: usize = 24;

/// How long a relay may take to say who has come.
const PATIENCE: Duration = Duration::from_secs(5);

/// The members of a context, and what each is called.
#[derive(Debug)]
pub(crate) struct Roll {
    pub(crate) members: Members,
    /// Who asks.
    pub(crate) me: PublicKey,
    names: BTreeMap<PublicKey, String>,
}

/// Whom a word means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Somebody who is or was a member.
    Member(Member),
    /// An invitation.
    Invitation(Invitation),
    /// A key that is not known here.
    Stranger(PublicKey),
}

impl Roll {
    /// As the log of rights of this replica says.
    pub(crate) async fn of(peer: &Peer) -> Result<Self, Failure> {
        let members = peer.members().await?;
        let names = members.members.iter().map(|member| (member.key, member.name.clone()));
        let mut names: BTreeMap<PublicKey, String> = names.collect();
        if names.values().any(String::is_empty) {
            for (key, name) in written(peer).await? {
                names.entry(key).and_modify(|known| {
                    if known.is_empty() {
                        *known = name;
                    }
                });
            }
        }
        Ok(Self { members, me: peer.key(), names })
    }

    /// Whom a word means; a name that is not known yet may be on its way from the relay.
    pub(crate) async fn look_up(peer: &Peer, word: &str) -> Result<(Self, Whom), Failure> {
        let roll = Self::of(peer).await?;
        match roll.find(word) {
            Err(Failure::Nobody { .. }) => {}
            found => return found.map(|whom| (roll, whom)),
        }
        // What cannot be reached has nothing to add.
        let _late = peer.settled(PATIENCE).await;
        let roll = Self::of(peer).await?;
        roll.find(word).map(|whom| (roll, whom))
    }

    /// What somebody is called: by name, or by the beginning of the key.
    pub(crate) fn name(&self, key: &PublicKey) -> String {
        match self.names.get(key).filter(|name| !name.is_empty()) {
            Some(name) => brief(name, NAME_CHARS),
            None => key.short(),
        }
    }

    pub(crate) fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.members.members.iter().find(|member| member.key == *key)
    }

    /// For whom an agent works.
    pub(crate) fn sponsor(&self, key: &PublicKey) -> Option<String> {
        let member = self.member(key).filter(|member| member.kind == Kind::Agent)?;
        member.sponsor.map(|sponsor| self.name(&sponsor))
    }

    /// A name, and for whom its bearer works: how an author is told.
    pub(crate) fn signed(&self, by: &str, key: &PublicKey) -> String {
        match self.sponsor(key) {
            Some(sponsor) => format!("{by} (agent of {sponsor})"),
            None => by.to_owned(),
        }
    }

    /// Adds to what is told of an author: `kind`, and `agent_of`.
    pub(crate) fn describe(&self, key: &PublicKey, author: &mut serde_json::Map<String, Json>) {
        let kind = self.member(key).map(|member| kind(member.kind));
        author.insert("kind".to_owned(), json!(kind));
        author.insert("agent_of".to_owned(), json!(self.sponsor(key)));
    }

    /// A conflict, with what the writers of its values are.
    pub(crate) fn conflict_to_json(&self, conflict: &Conflict) -> Json {
        let mut told = conflict_to_json(conflict);
        let candidates = told.get_mut("candidates").and_then(Json::as_array_mut);
        for (json, candidate) in candidates.into_iter().flatten().zip(&conflict.candidates) {
            if let Some(author) = json.as_object_mut() {
                self.describe(&PublicKey(candidate.key), author);
            }
        }
        told
    }

    /// Puts into a conflict for whom the writers of its values work.
    pub(crate) fn sign(&self, conflict: &mut Conflict) {
        for candidate in &mut conflict.candidates {
            candidate.by = self.signed(&candidate.by, &PublicKey(candidate.key));
        }
    }

    /// Whom a word means: a name, the beginning of a key, a whole key, or an invitation.
    pub(crate) fn find(&self, word: &str) -> Result<Whom, Failure> {
        let live = |member: &&Member| member.ended.is_none();
        let all = &self.members.members;
        let named = |member: &&Member| self.names.get(&member.key).is_some_and(|n| n == word);
        for found in [
            all.iter().filter(named).filter(live).collect::<Vec<_>>(),
            all.iter().filter(named).collect(),
            all.iter().filter(|member| begins(&member.key, word)).collect(),
        ] {
            match found.as_slice() {
                [] => {}
                [one] => return Ok(Whom::Member((*one).clone())),
                several => return Err(self.ambiguous(word, several)),
            }
        }
        self.invitation(word)
    }

    fn invitation(&self, word: &str) -> Result<Whom, Failure> {
        let digits = word.strip_prefix(INVITATION).unwrap_or(word);
        let found = self.members.invitations.iter().filter(|one| begins(&one.key, digits));
        match found.collect::<Vec<_>>().as_slice() {
            [one] => Ok(Whom::Invitation((*one).clone())),
            [] => word
                .parse()
                .map(Whom::Stranger)
                .map_err(|_| Failure::Nobody { word: word.to_owned(), known: self.known() }),
            several => Err(Failure::Ambiguous {
                word: word.to_owned(),
                candidates: several.iter().map(|one| invitation(&one.key)).collect(),
            }),
        }
    }

    fn ambiguous(&self, word: &str, several: &[&Member]) -> Failure {
        let told = |member: &&Member| format!("{} {}", self.name(&member.key), member.key.short());
        Failure::Ambiguous { word: word.to_owned(), candidates: several.iter().map(told).collect() }
    }

    /// Names that could have been meant.
    fn known(&self) -> Vec<String> {
        let live = self.members.members.iter().filter(|member| member.ended.is_none());
        live.map(|member| self.name(&member.key)).collect()
    }
}

/// What an invitation is called.
pub(crate) fn invitation(key: &PublicKey) -> String {
    format!("{INVITATION}{}", key.short())
}

fn begins(key: &PublicKey, digits: &str) -> bool {
    digits.len() >= DIGITS_MIN && key.to_string().starts_with(&digits.to_ascii_lowercase())
}

/// The names with which keys have signed what they wrote. Those that made the context have no other.
async fn written(peer: &Peer) -> Result<Vec<(PublicKey, String)>, Failure> {
    let entries = peer.view(Parts::Sections, |context| context.log(&LogFilter::default())).await?;
    let names = entries.into_iter().filter_map(|entry| Some((entry.key.parse().ok()?, entry.by)));
    Ok(names.collect())
}
