//! Automerge behind a guard.
