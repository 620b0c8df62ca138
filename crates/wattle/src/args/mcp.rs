//! What can be typed for agents' programs.

use clap::{Args, Subcommand};

use super::access::{Seconds, days};

#[derive(Debug, Args)]
pub(crate) struct Mcp {
    #[command(subcommand)]
    pub(crate) command: Option<McpCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Tokens with which agents come over HTTP, to `wattle up` or a relay
    #[command(subcommand)]
    Token(Token),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token, and print it once
    #[command(after_help = "\
Examples:
  wattle agent add bot --role contributor --days 7
  wattle mcp token add --as bot --days 7
  claude mcp add --transport http wattle http://127.0.0.1:4747/mcp \\
    --header \"Authorization: Bearer $(wattle mcp token add --as bot)\"

Only the token is on standard output, and only its digest is kept, in `.wattle/mcp-tokens/`. Who has
it can do in this context what the agent's key can do; without --as, what yours can.")]
    Add(AddToken),
    /// The tokens of this context: whom they serve, and until when
    List,
    /// Remove a token; who uses it is turned away within seconds
    #[command(after_help = "\
Examples:
  wattle mcp token list
  wattle mcp token remove 3fa27b10")]
    Remove(RemoveToken),
}

#[derive(Debug, Args)]
pub(crate) struct AddToken {
    /// For how long; parts of a day too [default: until it is removed]
    #[arg(long, value_name = "N", value_parser = days)]
    pub(crate) days: Option<Seconds>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveToken {
    /// As listed by `wattle mcp token list`; or the whole token
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}
