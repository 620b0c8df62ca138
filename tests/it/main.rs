//! The tests of the whole: one binary, one module for each subject.

mod late;
mod machines;
mod recording;
mod scenarios;
mod tidy;
