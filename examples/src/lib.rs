//! The shortest honest programs that embed Wattle: see the folder `examples` of this package.
//!
//! `cargo run -p wattle-examples --example edit_and_watch`, and so on: each runs to its end, and
//! fails when what it claims is not so.
