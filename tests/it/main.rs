//! The tests of the whole: one binary, one module for each subject.

mod tidy;
