//! What the integration tests share: a link that can be cut, a relay process, a recording.

pub mod cable;
pub mod process;
pub mod recording;
