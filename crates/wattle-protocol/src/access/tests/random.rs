//! What holds in every log, whatever its members try.

use proptest::prelude::*;

use super::*;
use crate::access::proposal::Signed;
use crate::access::{Entry, Member};
use crate::wire;

/// Who takes part: keys of these bytes; half of them own the context or come into it.
const KEYS: u8 = 8;
const SCOPES: [u8; 3] = [RULES, PEOPLE, TASKS];

#[derive(Clone, Debug)]
enum Step {
    Grant { to: u8, role: u8, kind: u8, until: Option<u64> },
    Revoke(u8),
    Rotate(u8),
    Invite { ticket: u8, role: u8 },
    Redeem(u8),
    Sequencer { key: u8, next: bool },
    Expire(u8),
    Write { scope: usize, actor: u8 },
    Wait(u64),
}

fn step() -> impl Strategy<Value = (u8, Step)> {
    let who = 1..=KEYS;
    let until = prop::option::of(1_000..1_200_u64);
    let step = prop_oneof![
        6 => (who.clone(), 0..6_u8, 0..3_u8, until)
            .prop_map(|(to, role, kind, until)| Step::Grant { to, role, kind, until }),
        3 => (1..=KEYS + 2).prop_map(Step::Revoke),
        1 => who.clone().prop_map(Step::Rotate),
        1 => (KEYS + 1..=KEYS + 2, 0..5_u8).prop_map(|(ticket, role)| Step::Invite { ticket, role }),
        1 => (KEYS + 1..=KEYS + 2).prop_map(Step::Redeem),
        1 => (who.clone(), any::<bool>()).prop_map(|(key, next)| Step::Sequencer { key, next }),
        1 => who.clone().prop_map(Step::Expire),
        8 => (0..SCOPES.len(), 1..3_u8).prop_map(|(scope, actor)| Step::Write { scope, actor }),
        1 => (0..80_u64).prop_map(Step::Wait),
    ];
    (who, step)
}

fn role(role: u8) -> Rights {
    let some = rights(&[PEOPLE, TASKS], &[PEOPLE]);
    [READER, CONTRIBUTOR, EDITOR, MAINTAINER, Rights::ALL, some][usize::from(role)]
}

fn action(world: &World, who: u8, step: &Step) -> Option<Action> {
    let kinds = [Kind::Person, Kind::Agent, Kind::Service];
    Some(match *step {
        Step::Grant { to, role: number, kind, until } => {
            let kind = kinds[usize::from(kind)];
            Action::Grant(Grant { kind, until, ..plain(to, role(number)) })
        }
        Step::Revoke(key) => revoke(key),
        Step::Rotate(new) => rotate(who, new),
        Step::Invite { ticket, role: number } => invite(ticket, role(number)),
        Step::Redeem(ticket) => redeem(ticket, who),
        Step::Sequencer { key, next } => {
            Action::SetSequencer { key: public(key), term: world.log.term() + u32::from(next) }
        }
        Step::Expire(key) => Action::Expire { key: public(key) },
        Step::Write { .. } | Step::Wait(_) => return None,
    })
}

impl World {
    /// Does a step as the sequencer of the moment would; answers what was put into the log.
    fn walk(&mut self, who: u8, step: &Step) -> Option<Action> {
        match step {
            Step::Wait(time) => self.time += time,
            Step::Write { scope, actor } => self.write(who, (SCOPES[*scope], *actor)),
            Step::Grant { .. }
            | Step::Revoke(_)
            | Step::Rotate(_)
            | Step::Invite { .. }
            | Step::Redeem(_)
            | Step::Sequencer { .. }
            | Step::Expire(_) => {
                let action = action(self, who, step)?;
                if self.tries(who, action.clone()).is_ok() {
                    let now = (1..=KEYS).find(|key| public(*key) == self.log.sequencer());
                    self.sequencer = now.unwrap();
                    return Some(action);
                }
            }
        }
        None
    }

    /// The next change of an actor reaches the sequencer, which takes it in if it may be.
    fn write(&mut self, who: u8, place: (u8, u8)) {
        let next = self.last(who, place) + 1;
        if self.allows(who, place, next).is_ok() {
            self.stores(who, place, next);
        }
    }

    fn last(&self, who: u8, (scope, actor): (u8, u8)) -> u64 {
        let documents = self.stored.get(&public(who));
        let actors = documents.and_then(|documents| documents.get(&document(scope)));
        actors.and_then(|actors| actors.get(&ActorId([actor; 16]))).copied().unwrap_or_default()
    }

    /// Each place, and whether its change counts.
    fn counted(&self) -> BTreeMap<(u8, u8, u8, u64), bool> {
        let mut all = BTreeMap::new();
        for (who, scope) in (1..=KEYS).flat_map(|who| SCOPES.map(|scope| (who, scope))) {
            for (actor, seq) in (1..3).flat_map(|actor| (1..6).map(move |seq| (actor, seq))) {
                let counts = self.allows(who, (scope, actor), seq).is_ok();
                all.insert((who, scope, actor, seq), counts);
            }
        }
        all
    }

    fn ended(&self, who: u8) -> bool {
        self.log.member(&public(who)).is_some_and(|member| member.ended.is_some())
    }
}

/// What was given by an entry lay within what its giver had before it.
fn check_giving(before: &World, after: &World, who: u8, action: &Action) {
    let of = |world: &World, key: &PublicKey| world.log.member(key).cloned();
    match action {
        Action::Grant(grant) => {
            let giver = before.log.member(&public(who)).unwrap();
            assert!(grant.rights.is_within(&giver.rights), "{action:?}");
            assert_ne!(grant.key, public(who));
            assert_eq!(giver.ended, None);
        }
        Action::Redeem { invitation, .. } => {
            let (_, invited) =
                before.log.invitations().find(|(key, _)| *key == invitation).unwrap();
            let host = of(before, &invited.by).unwrap();
            let guest = of(after, &public(who)).unwrap();
            assert!(guest.rights.is_within(&host.rights));
            assert!(guest.rights.is_within(&invited.invitation.rights));
        }
        Action::Rotate { new, .. } => {
            let old: Member = of(before, &public(who)).unwrap();
            assert_eq!(of(after, new).unwrap().rights, old.rights);
        }
        Action::Revoke { .. }
        | Action::Invite(_)
        | Action::SetSequencer { .. }
        | Action::Expire { .. }
        | Action::Freeze { .. } => {}
    }
}

fn check_state(world: &World) {
    let mut owners = 0;
    for (key, member) in world.log.members() {
        owners += u32::from(member.rights.power == Power::Own && member.until.is_none());
        if let Some(sponsor) = member.sponsor.and_then(|sponsor| world.log.member(&sponsor)) {
            assert!(member.rights.is_within(&sponsor.rights), "an agent beyond its sponsor");
            assert_eq!(member.rights.power, Power::Sponsor);
        }
        assert!(member.rights.is_within(&member.granted));
        if member.ended.is_some() {
            assert_eq!(world.log.member(key).unwrap().rights, Rights::NONE);
        }
    }
    assert!(owners > 0, "somebody owns the context");
}

/// Nothing comes back, and nothing that the sequencer took in goes.
fn check_counting(before: &World, after: &World) {
    let (was, is) = (before.counted(), after.counted());
    for (place, counts) in &is {
        let (who, scope, actor, seq) = *place;
        let stored = seq <= after.last(who, (scope, actor));
        if was[place] && stored {
            assert!(counts, "{place:?} was stored and counted");
        }
        if before.ended(who) {
            assert_eq!(was[place], *counts, "{place:?} after its author's end");
            assert!(after.ended(who));
        }
        if after.ended(who) && !stored {
            assert!(!counts, "{place:?} was not stored when its author ended");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rights_hold_in_every_log(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for (who, step) in steps {
            let before = world.clone();
            if let Some(action) = world.walk(who, &step) {
                check_giving(&before, &world, who, &action);
                check_counting(&before, &world);
                check_state(&world);
            } else {
                prop_assert_eq!(&before.log, &world.log, "what is refused changes nothing");
            }
        }
        let again = Log::read(&world.entries);
        prop_assert_eq!(again.as_ref(), Ok(&world.log), "equal entries, equal logs");
    }

    #[test]
    fn changed_bytes_are_refused(
        which in 1..5_usize,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let world = World::staffed();
        let mut entry = world.entries[which].to_vec();
        let at = at.index(entry.len());
        if cut {
            entry.truncate(at);
        } else {
            entry[at] = byte;
        }
        let mut log = Log::read(&world.entries[..which]).unwrap();
        let before = log.clone();
        let same = entry[..] == world.entries[which][..];
        prop_assert_eq!(log.append(&entry).is_ok(), same);
        if !same {
            prop_assert_eq!(log, before);
        }
    }

    /// A sequencer that lies can sign anything: nothing panics, and what does not decode is refused.
    #[test]
    fn signed_junk_is_refused(
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..9),
        of_entry in any::<bool>(),
    ) {
        let mut world = World::staffed();
        let proposal = world.propose(MAIN, revoke(CONTRI));
        let entry = Entry::read(&world.order(&proposal).unwrap()).unwrap();
        let signed = if of_entry { wire::encode_value(&entry) } else {
            wire::decode_value::<Signed>(&proposal).unwrap().body
        };
        let mut body = signed.to_vec();
        let at = at.index(body.len());
        for (place, byte) in body[at..].iter_mut().zip(&bytes) {
            *place = *byte;
        }
        let changed = body[..] != signed[..];
        let sign = |domain: &[u8], who: u8, body: Vec<u8>| {
            let signature = key(who).sign(&[domain, &body].concat());
            wire::encode_value(&Signed { body: body.into(), signature })
        };
        let bytes = if of_entry {
            sign(b"wattle/access/1", OWNER, body)
        } else {
            let proposal = sign(b"wattle/proposal/1", MAIN, body);
            Entry { proposal, ..entry }.sign(&key(OWNER))
        };
        let mut log = world.log.clone();
        if log.append(&bytes).is_err() {
            prop_assert!(changed);
            prop_assert_eq!(&log, &world.log);
        }
    }

    #[test]
    fn any_bytes_are_no_entry(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Proposal::read(&bytes).is_err());
        prop_assert!(Entry::read(&bytes).is_err());
        let mut log = World::new().log;
        prop_assert!(log.append(&bytes).is_err());
        prop_assert!(Log::read(&[bytes.into()]).is_err());
    }
}
