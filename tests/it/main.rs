//! The tests of the whole: one binary, one module for each subject.

mod kills;
mod late;
mod machines;
mod recording;
mod scenarios;
mod tidy;
