//! A context as MCP tools, resources and prompts.
//!
//! [`serve`] speaks MCP with one client over standard input and output, in the revision of 2026-07-28
//! and in those with `initialize`. The context is opened by the caller of this crate ([`Open`]) when
//! the first request says who asks. Answers are short Markdown; what others wrote stands in them as
//! quoted input, with its author.

mod address;
mod args;
mod ask;
mod brief;
mod cursor;
mod desk;
mod edit;
mod follow;
mod limits;
mod news;
mod page;
mod prompts;
mod read;
mod resolve;
mod resources;
mod server;
mod show;
mod stdio;
mod task;
mod text;
mod tools;
mod trouble;
mod who;

pub use desk::{Open, Opening};
pub use stdio::{ServeError, serve};
