//! The two genesis changes: one of all sections, one of all bodies.
//!
//! They are byte-identical everywhere, so that replicas that create a document apart have the same
//! objects in it. Nothing else creates an object at a key that another replica might also create.

use std::sync::LazyLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjType, ROOT, ReadDoc};

use crate::schema::Part;

/// The items of a section, by id.
pub(crate) const ITEMS: &str = "items";
/// The policies of a section's fields, by field.
pub(crate) const POLICIES: &str = "policies";
/// The text of a body.
pub(crate) const BODY: &str = "body";

const ACTOR: &[u8] = b"wattle/genesis/1";

pub(super) struct Genesis {
    pub(super) doc: Automerge,
    pub(super) bytes: Vec<u8>,
    pub(super) hash: ChangeHash,
}

static SECTION: LazyLock<Genesis> =
    LazyLock::new(|| Genesis::with(&[(ITEMS, ObjType::Map), (POLICIES, ObjType::Map)]));

static TEXT: LazyLock<Genesis> = LazyLock::new(|| Genesis::with(&[(BODY, ObjType::Text)]));

pub(super) fn of(part: Part) -> &'static Genesis {
    match part {
        Part::Section(_) => &SECTION,
        Part::Body(_) => &TEXT,
    }
}

pub(super) fn all() -> impl Iterator<Item = &'static Genesis> {
    [&*SECTION, &*TEXT].into_iter()
}

impl Genesis {
    fn with(objects: &[(&str, ObjType)]) -> Self {
        let mut doc = Automerge::new().with_actor(ActorId::from(ACTOR));
        let options = CommitOptions::default().with_time(0);
        let written = doc.transact_with(
            |_: &()| options,
            |tx| {
                objects.iter().try_for_each(|(key, kind)| {
                    tx.put_object(ROOT, *key, *kind)?;
                    Ok::<(), AutomergeError>(())
                })
            },
        );
        let hash = written.ok().and_then(|written| written.hash).unwrap_or(ChangeHash([0; 32]));
        let bytes = doc.get_change_by_hash(&hash).map(|change| change.raw_bytes().to_vec());
        Self { doc, bytes: bytes.unwrap_or_default(), hash }
    }
}
