//! A context as MCP tools, resources and prompts.
//!
//! [`serve`] speaks MCP with one client over standard input and output, in the revision of 2026-07-28
//! and in those with `initialize`; [`http`] does so with any number of clients, each of which shows a
//! token. The context is opened by the caller of this crate ([`Open`], [`http::OpenAs`]) when the first
//! request says who asks. Answers are short Markdown; what others wrote stands in them as quoted
//! input, with its author.
//!
//! [`brief()`] and [`changes`] are the same for hooks: programs that a client runs, and whose output it
//! puts into the session.

mod address;
mod args;
mod ask;
mod brief;
mod cursor;
mod desk;
mod edit;
mod follow;
mod hook;
pub mod http;
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
pub use hook::{HookError, Session, Told, brief, changes, now};
pub use stdio::{ServeError, serve};
