//! The tests of the whole: one binary, one module for each subject.

mod invitations;
mod kills;
mod late;
mod leases;
mod machines;
mod recording;
mod rights;
mod scenarios;
mod tidy;
