//! The real binary, driven as people and scripts do.

mod desk;
mod alone;
mod demo;
mod import;
mod many;
mod shared;
