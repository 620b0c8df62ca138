//! What can be typed after `wattle`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const FIRST_STEPS: &str = "\
First steps:
  wattle init --name shop            make a context in this folder
  wattle edit rules add \"No deploys on Friday\"
  wattle show                        read it
  wattle up                          share it: prints the link for `wattle join`
  wattle demo                        see two peers edit at once, in a few seconds

Exit codes: 0 done, 1 refused or not found, 2 usage, 3 changed since the version given.";

/// Shared, live context for agents and people: one context, edited by many at once, offline too.
#[derive(Debug, Parser)]
#[command(name = "wattle", version, after_help = FIRST_STEPS, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) everywhere: Everywhere,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Everywhere {
    /// The folder with `.wattle/` in it [default: the nearest one upward]
    #[arg(long, global = true, env = "WATTLE_DIR", value_name = "DIR", hide_env_values = true)]
    pub(crate) dir: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a context in this folder
    #[command(after_help = "\
Examples:
  wattle init
  wattle init --name shop --as ana

Makes `.wattle/` here and, once per person, a key in ~/.config/wattle (or WATTLE_CONFIG_DIR).")]
    Init(Init),
    /// Share the context: a relay and this replica in one process
    #[command(after_help = "\
Examples:
  wattle up
  wattle up --listen 0.0.0.0:4747    others on the network can join
  wattle up --listen 127.0.0.1:0     any free port

Runs until Ctrl-C. Commands in other terminals see and share everything meanwhile.")]
    Up(Up),
    /// Take part in a context that somebody shares
    #[command(after_help = "\
Examples:
  wattle join wattle://192.168.1.7:4747/4f1c…
  wattle join wattle://192.168.1.7:4747/4f1c… --as bot

The link is what `wattle up` prints. The context is kept in `.wattle/` here and works offline too.")]
    Join(Join),
    /// Exchange changes with the relay
    #[command(after_help = "\
Examples:
  wattle sync --once                 return when both sides are equal
  wattle sync                        stay connected and print what comes")]
    Sync(Sync),
    /// What this replica has, and what of it is safe elsewhere
    Status,
    /// Read the context, a section, an item or a field
    #[command(after_help = "\
Examples:
  wattle show                        everything, in short
  wattle show rules                  one section
  wattle show rules/no-deploys       one item: by id, by the start of its id, or by its title
  wattle show documents/api/body     a text as it is
  wattle show --at V                 as it was: V as printed by show, edit or log
  wattle show --full                 every field of every item")]
    Show(Show),
    /// Change the context
    #[command(after_help = "\
Examples:
  wattle edit rules add \"No deploys on Friday\"
  wattle edit rules/no-deploys/severity set should --why \"agreed on Monday\"
  wattle edit tasks add '{\"title\": \"Ship it\", \"priority\": 2}'
  wattle edit tasks/ship-it/notes append \"tests are green\"
  wattle edit documents/api/body replace --old \"port 80\" \"port 443\"
  wattle edit documents/api/body set @api.md --base V
  wattle edit rules/no-deploys delete
  echo '[{\"op\": \"set\", \"path\": \"rules/…/severity\", \"value\": \"must\"}]' | wattle edit -

A VALUE is what the field takes: a number for a priority, true or false for a switch, else text;
JSON objects and lists where an item or a set is meant. `@FILE` reads a file, `-` standard input.
With --base the edit is made as of that version: what others did since is merged, not overwritten.
`wattle edit -` reads one edit or a list of them as JSON; a list is one transaction.")]
    Edit(Edit),
    /// Print every change as it arrives
    #[command(after_help = "\
Examples:
  wattle watch
  wattle watch --json | jq .paths")]
    Watch,
    /// List what concurrent edits left to decide
    Conflicts,
    /// Settle a conflict
    #[command(after_help = "\
Examples:
  wattle conflicts
  wattle resolve C-3fa27b10 --keep a --why \"bot read the old plan\"
  wattle resolve C-3fa27b10 --value \"No deploys on Friday after noon\"")]
    Resolve(Resolve),
    /// Who changed what, when and why
    #[command(after_help = "\
Examples:
  wattle log
  wattle log rules/no-deploys -n 5")]
    Log(Log),
    /// What changed between two versions
    #[command(after_help = "\
Examples:
  wattle diff V                      from V to now
  wattle diff V W

Versions are printed by show, edit and log.")]
    Diff(Diff),
    /// Take Markdown and text files in as documents
    #[command(after_help = "\
Examples:
  wattle import docs/ README.md
  wattle import --dry-run docs/

Importing a file again rewrites its document, based on the last import: what others changed in the
document since then is merged, not overwritten.")]
    Import(Import),
    /// Print the whole context
    #[command(after_help = "\
Examples:
  wattle export --json > context.json
  wattle export --markdown -o CONTEXT.md
  wattle export --json --at V

Equal contexts give equal bytes of JSON on every replica.")]
    Export(Export),
    /// Serve the context to an agent, as an MCP server on standard input and output
    #[command(after_help = "\
Examples:
  claude mcp add wattle -- wattle mcp
  codex mcp add wattle -- wattle mcp

The agent's program starts it and ends it. Several may run on one folder at once.
Logs go to standard error: WATTLE_LOG=info wattle mcp")]
    Mcp,
    /// See it work: a relay and two peers that edit at once, one of them offline for a while
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What to call the context [default: the folder's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Who you are [default: the user's name]
    #[arg(long = "as", value_name = "PERSON")]
    pub(crate) person: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where the relay listens; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4747")]
    pub(crate) listen: String,
}

#[derive(Debug, Args)]
pub(crate) struct Join {
    /// What `wattle up` printed
    #[arg(value_name = "LINK")]
    pub(crate) link: String,
    /// Who you are [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) person: Option<String>,
    /// How long to wait for the relay
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Return when everything is durable there and theirs is here
    #[arg(long)]
    pub(crate) once: bool,
    /// With --once: give up after this
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "once")]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A section, an item (`rules/ID`) or a field (`rules/ID/statement`)
    pub(crate) path: Option<String>,
    /// As of this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) at: Option<String>,
    /// Every field of every item
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// What to change, or `-` to read edits as JSON
    pub(crate) path: String,
    /// How
    #[arg(value_enum)]
    pub(crate) op: Option<Verb>,
    /// The value: text or JSON; `@FILE` or `-` to read it
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
    /// With replace: the text to be replaced
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) old: Option<String>,
    /// Make the edit as of this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) base: Option<String>,
    /// Refuse (exit 3) if it has changed since --base
    #[arg(long, requires = "base")]
    pub(crate) if_unchanged: bool,
    /// The reason, for the history
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) why: String,
}

/// The operations of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Verb {
    /// Give a field a value
    Set,
    /// A new item, or an element of a set
    Add,
    /// A passage of a text
    Replace,
    /// To a list or the end of a text
    Append,
    /// An element of a set, or a passage of a text
    Remove,
    /// An item
    Delete,
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// As listed by `wattle conflicts`
    pub(crate) id: String,
    /// The letter of the value that holds
    #[arg(
        long,
        value_name = "LETTER",
        required_unless_present = "value",
        conflicts_with = "value"
    )]
    pub(crate) keep: Option<String>,
    /// A new value instead: text or JSON, `@FILE` or `-`
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
    /// The reason, for the history
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) why: String,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Only what touched this section, item or field
    pub(crate) path: Option<String>,
    /// At most this many, the newest
    #[arg(short, long, value_name = "N")]
    pub(crate) number: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The earlier version
    pub(crate) from: String,
    /// The later one [default: now]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Files, or folders with Markdown and text files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// As Markdown, for people
    #[arg(long)]
    pub(crate) markdown: bool,
    /// As of this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) at: Option<String>,
    /// To a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave the folders, to look around in them
    #[arg(long)]
    pub(crate) keep: bool,
}
