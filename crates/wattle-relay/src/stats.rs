//! What a relay has done so far, for tests and for programs that embed one.

/// What a relay has done so far, and holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Links that are up.
    pub links: u64,
    /// Documents in memory.
    pub documents: u64,
    /// Changes made durable that came over links.
    pub changes_in: u64,
    /// Bytes of frames from links.
    pub bytes_in: u64,
    /// Bytes of frames to links.
    pub bytes_out: u64,
    /// Snapshots made.
    pub snapshots: u64,
    /// Panics that were caught; zero, or there is a bug.
    pub panics: u64,
}
