//! What holds of a context as a whole.

// `cfg(test)` tells clippy that helpers are tests too.
#[cfg(test)]
mod merge_page;
