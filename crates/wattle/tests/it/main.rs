//! The real binary, driven as people and scripts do.

mod alone;
mod demo;
mod desk;
mod import;
mod many;
mod shared;
