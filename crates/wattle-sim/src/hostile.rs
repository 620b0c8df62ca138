//! Parties with changed programs: what they write, and what they say, the same in the simulator and
//! over sockets.

mod voice;

use sha2::{Digest, Sha256};
use wattle_context::edit::Edit;
use wattle_context::{Author, Context, Document, EditError, ItemId, Part, PathError};
use wattle_protocol::{ActorId, Blob, Change, ContextId, DocumentKey, Keypair, PublicKey};

use crate::names::part_of;
use crate::scenario::Lies;
use crate::world::key_of;

pub use voice::{Purpose, Voice};

/// Whoever has a key and a program of their own making.
#[derive(Clone, Debug)]
pub struct Party {
    /// The key.
    pub keypair: Keypair,
    /// The name that its changes give.
    pub name: String,
    context: ContextId,
    forged: u8,
}

/// A change that was made by hand.
#[derive(Clone, Debug)]
pub struct Forged {
    /// Where it is to go.
    pub document: DocumentKey,
    /// With its signature.
    pub change: Change,
    /// The genesis change of the document.
    pub genesis: Blob,
}

impl Party {
    /// One that has done nothing yet.
    pub fn new(keypair: Keypair, name: &str, context: ContextId) -> Self {
        Self { keypair, name: name.to_owned(), context, forged: 0 }
    }

    /// A change on what somebody shows, well formed, and signed whether its author may make it or not.
    /// What of it is named as its author's is said by `naming`, when that is somebody else.
    pub fn forge(
        &mut self,
        seen: &Context,
        edit: &Edit,
        (lies, naming): (&Lies, Option<PublicKey>),
    ) -> Result<Forged, ForgeError> {
        let part = part_of(&seen.locate(&edit.path)?);
        let mut context = Context::new();
        let document = seen.document(&part).map_or_else(|| Document::new(part), Document::fork);
        context.insert(part, document);
        let key = self.keypair.public();
        let by = naming.unwrap_or(key);
        // One actor for all that it writes in a name.
        let own = *key.0.first_chunk().ok_or(ForgeError::Nothing)?;
        let author = Author {
            actor: ActorId::of(&self.context, &by, own).0,
            key: by.0,
            name: self.name.clone(),
            client: "patched".to_owned(),
            time_ms: lies.time.unwrap_or(NOW_MS),
        };
        self.forged += 1;
        let mut id = [self.forged; 10];
        let mut ids = || {
            id = id.map(|byte| byte.wrapping_add(37));
            ItemId::from_bytes(id)
        };
        let edited =
            context.edit(std::slice::from_ref(edit), "because I can", &author, &mut ids)?;
        let (part, bytes) = edited.changes.into_iter().next().ok_or(ForgeError::Nothing)?;
        self.signed(part, Blob::from(bytes), (lies.epoch.unwrap_or(1), naming))
    }

    fn signed(
        &self,
        part: Part,
        bytes: Blob,
        (epoch, naming): (u64, Option<PublicKey>),
    ) -> Result<Forged, ForgeError> {
        let document = key_of(&part);
        let mut change = Change::parse(bytes, None).map_err(|_| ForgeError::Nothing)?;
        let mut seal = self.keypair.seal(&self.context, &document, &change.header, epoch);
        seal.key = naming.unwrap_or(seal.key);
        change.seal = Some(seal);
        Ok(Forged { document, change, genesis: Blob::from(Document::genesis(part)) })
    }
}

impl Forged {
    /// The same operations and the same signature, as if the change had been made on the genesis alone.
    pub fn reparented(&self) -> Result<Self, ForgeError> {
        let genesis = Change::parse(self.genesis.clone(), None).map_err(|_| ForgeError::Nothing)?;
        let bytes = replant(&self.change.bytes, &genesis.header.hash.0);
        let bytes = Blob::from(bytes.ok_or(ForgeError::Nothing)?);
        let change = Change::parse(bytes, self.change.seal).map_err(|_| ForgeError::Nothing)?;
        Ok(Self { change, ..self.clone() })
    }
}

/// Why a change was not forged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The path names nothing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The edit cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Nothing would be changed by it.
    #[error("nothing comes of it")]
    Nothing,
}

/// When forged changes are made, unless they lie about it: in 2023.
const NOW_MS: i64 = 1_700_000_000_000;
/// Magic bytes and checksum.
const BEFORE_TYPE_BYTES: usize = 8;

/// A change chunk with other dependencies: its length and its checksum follow.
fn replant(chunk: &[u8], onto: &[u8; 32]) -> Option<Vec<u8>> {
    let (magic, rest) = (chunk.get(..4)?, chunk.get(BEFORE_TYPE_BYTES..)?);
    let (kind, rest) = rest.split_first()?;
    let (_, body) = number(rest)?;
    let (deps, body) = number(body)?;
    let others = body.get(usize::try_from(deps).ok()?.checked_mul(32)?..)?;
    let body = [&[1][..], onto, others].concat();
    let hashed = [&[*kind][..], &leb(body.len()), &body].concat();
    let checksum = Sha256::digest(&hashed);
    Some([magic, checksum.get(..4)?, &hashed].concat())
}

/// A number in LEB128, and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 128 == 0)?;
    let (digits, rest) = bytes.split_at_checked(end + 1)?;
    let value = digits
        .iter()
        .rev()
        .try_fold(0_u64, |value, digit| Some(value.checked_mul(128)? | u64::from(digit & 127)));
    Some((value?, rest))
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = u8::try_from(number & 127).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(digit);
            return bytes;
        }
        bytes.push(digit | 128);
    }
}
