//! Every limit of the protocol, with its unit in its name.

/// A frame before the other side has proved its key.
pub const FRAME_BEFORE_PROOF_BYTES_MAX: usize = 4 * 1024;
/// A frame after that.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What one frame of changes aims at; a single larger change still travels alone.
pub const FRAME_CHANGES_BYTES_TARGET: usize = 64 * 1024;
/// A change chunk.
pub const CHANGE_BYTES_MAX: usize = 1024 * 1024;
/// Operations that one change may declare.
pub const CHANGE_OPS_MAX: u64 = 100_000;
/// Dependencies of one change.
pub const CHANGE_DEPS_MAX: usize = 64;
/// Other actors that one change may name.
pub const CHANGE_ACTORS_MAX: usize = 256;
/// Operation counters stay below this: Automerge keeps them in 32 bits.
pub const OP_COUNTER_MAX: u64 = 1 << 31;
/// Changes of one frame.
pub const FRAME_CHANGES_MAX: usize = 4096;
/// Documents that one message opens; more come in further messages.
pub const OPEN_DOCUMENTS_MAX: usize = 1024;
/// Documents of one context.
pub const CONTEXT_DOCUMENTS_MAX: usize = 100_000;
/// Heads or samples that one side states for one document.
pub const HEADS_MAX: usize = 256;
/// Bytes under way to one link before the machine stops sending to it.
pub const LINK_UNDER_WAY_BYTES_MAX: usize = 256 * 1024;
/// Changes of one document kept in memory for live fan-out.
pub const RECENT_BYTES_MAX: usize = 256 * 1024;
/// Changes that wait for a dependency, per link.
pub const DEFERRED_CHANGES_MAX: usize = 4096;
/// The same in bytes.
pub const DEFERRED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A snapshot.
pub const SNAPSHOT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// One part of a snapshot.
pub const SNAPSHOT_PART_BYTES: usize = 256 * 1024;
/// The time a link has to prove its key.
pub const HANDSHAKE_MS_MAX: u64 = 5_000;
/// A document without a link that follows it leaves memory after this.
pub const IDLE_DOCUMENT_MS: u64 = 60_000;
/// The text of a presence message.
pub const PRESENCE_BYTES_MAX: usize = 4 * 1024;
/// Presence messages of one link per second; further ones are dropped.
pub const PRESENCE_PER_SECOND_MAX: u32 = 10;
/// How long presence lasts without renewal.
pub const PRESENCE_TTL_MS: u64 = 30_000;
/// The longest lease.
pub const LEASE_TTL_S_MAX: u32 = 86_400;
/// How long nobody else gets what was passed on to somebody.
pub const LEASE_PASSED_S: u64 = 600;
/// Leases of one holder in one context.
pub const LEASES_OF_ONE_MAX: usize = 10_000;
/// Leases of one context.
pub const LEASES_MAX: usize = 100_000;
/// Requests for leases of one link per second; further ones are told to try again.
pub const LEASES_PER_SECOND_MAX: u32 = 2_000;
/// Requests for leases of one link that wait, or whose answer is not sent yet.
pub const LEASES_WAITING_MAX: usize = 1_024;
/// Principals whose presence is kept per context.
pub const PRESENCE_MAX: usize = 1_024;
/// A name that people read: of a context, of a program.
pub const NAME_BYTES_MAX: usize = 64;
/// The reason of a refusal.
pub const REASON_BYTES_MAX: usize = 256;
/// A token of a login.
pub const TOKEN_BYTES_MAX: usize = 2 * 1024;
/// An entry of the access log: 25 bytes for each actor of whoever loses a right.
pub const ACCESS_ENTRY_BYTES_MAX: usize = 1024 * 1024;
/// What one frame of access entries aims at; a single larger entry still travels alone.
pub const FRAME_ACCESS_BYTES_TARGET: usize = 64 * 1024;
/// A proposal for the access log.
pub const PROPOSAL_BYTES_MAX: usize = 2 * 1024;
/// Proposals of one context that wait to be ordered, of this replica or passed on.
pub const PROPOSALS_WAITING_MAX: usize = 64;
/// Those who are or were members of one context; as many invitations.
pub const MEMBERS_MAX: usize = 10_000;
/// Agents that one sponsor has had.
pub const AGENTS_OF_ONE_MAX: usize = 1_000;
/// How often an invitation can be taken up.
pub const INVITATION_USES_MAX: u32 = 10_000;
/// Contexts that one link may open.
pub const LINK_CONTEXTS_MAX: usize = 64;
/// Keys that own a context from its beginning.
pub const CONTEXT_OWNERS_MAX: usize = 32;
/// Entries of the access log in one frame.
pub const FRAME_ACCESS_ENTRIES_MAX: usize = 256;
/// Signatures that come with one snapshot.
pub const SNAPSHOT_SEALS_MAX: usize = 4096;
/// Refusals that one link is told between two of its frames; further ones are only counted.
pub const REFUSALS_WAITING_MAX: usize = 64;
/// Hashes that one link may state and that still wait for an answer.
pub const LINK_STATED_HASHES_MAX: usize = 1 << 20;
/// Bytes of changes from one link that are not stored yet; above, the link is closed as too fast.
/// A driver that stops reading from a link early enough never gets there.
pub const LINK_UNSTORED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What one `Open` or `Opened` aims at, in bytes.
pub const FRAME_OPEN_BYTES_TARGET: usize = 512 * 1024;
/// The time after which readers of a changed document are told how far the log has become durable.
pub const CURSOR_UPDATE_MS: u64 = 1_000;
/// The time after which something that failed for the moment is tried again.
pub const RETRY_MS: u64 = 5_000;
/// So long after the question whoever may know nothing of a context is told that it does not exist:
/// long enough to look for one that does.
pub const STRANGER_ANSWER_MS: u64 = 250;
