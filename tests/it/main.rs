//! The tests of the whole: one binary, one module for each subject.

mod recording;
mod scenarios;
mod tidy;
