//! What a context is.
