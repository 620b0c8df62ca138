//! The simulator itself: equal seeds are equal runs, and the judges notice what is broken.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with the first surprise"
)]

mod determinism;
mod histories;
mod planted;
mod regressions;
