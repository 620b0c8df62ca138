//! The simulator itself: equal seeds are equal runs, and the judges notice what is broken.

mod determinism;
mod planted;
mod regressions;
