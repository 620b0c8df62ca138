//! What can be typed of the programs that agents run in.

use clap::{Args, Subcommand, ValueEnum};

pub(crate) const CONNECT_EXAMPLES: &str = "\
Examples:
  wattle connect                     which programs are here, and which are connected
  wattle connect claude-code         .mcp.json and the hooks in .claude/settings.json of this project
  wattle connect codex --user        ~/.codex/config.toml, for every project
  wattle connect cursor --as bot     the agent works with a key of its own (`wattle agent add bot`)
  wattle connect gemini --dry-run    show the change, and do nothing
  wattle connect vscode --http https://relay.example.org/mcp --token-env WATTLE_TOKEN
  wattle disconnect claude-code      takes it out again

What else is in the files stays as it is. At a terminal you are asked first; elsewhere say --yes.";

/// A program that agents run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// Claude Code
    ClaudeCode,
    /// Codex
    Codex,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    #[value(name = "vscode")]
    VsCode,
    /// Gemini CLI
    Gemini,
    /// opencode
    #[value(name = "opencode")]
    OpenCode,
    /// Claude Desktop
    ClaudeDesktop,
}

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The program; without it: which are here
    #[arg(value_name = "CLIENT")]
    pub(crate) client: Option<Client>,
    #[command(flatten)]
    pub(crate) how: How,
    /// Without the hooks that tell a session of Claude Code what others change
    #[arg(long)]
    pub(crate) no_hooks: bool,
    /// The program to start [default: wattle; for Claude Desktop: the path of this one]
    #[arg(long, value_name = "PROGRAM", conflicts_with = "http")]
    pub(crate) command: Option<String>,
    /// Reach the context over HTTP, at this address, instead of starting a program
    #[arg(long, value_name = "URL")]
    pub(crate) http: Option<String>,
    /// With --http: the environment variable that holds the token
    #[arg(long, value_name = "VAR", requires = "http")]
    pub(crate) token_env: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Disconnect {
    /// The program
    #[arg(value_name = "CLIENT")]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) how: How,
}

/// How a configuration is changed.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// The user's configuration instead of this project's
    #[arg(long)]
    pub(crate) user: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Show the change, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also where an entry was changed by hand
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Hook {
    /// The brief, when a session begins
    #[command(after_help = "\
For the hook SessionStart of Claude Code; `wattle connect claude-code` sets it up. Reads the hook's JSON
on standard input. Never fails: what goes wrong is one line on standard error.")]
    Brief,
    /// What others have changed since the session was last told; nothing if nothing was
    #[command(after_help = "\
For the hook UserPromptSubmit of Claude Code; `wattle connect claude-code` sets it up. Reads the hook's
JSON on standard input. Never fails: what goes wrong is one line on standard error.")]
    Changes,
}
