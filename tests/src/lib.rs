//! What the integration tests share: a link that can be cut, invitations, a party that
//! speaks frames by hand, a relay process, a recording.

pub mod cable;
pub mod invitation;
pub mod process;
pub mod raw;
pub mod recording;
