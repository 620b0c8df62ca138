//! Where things are in a directory.
