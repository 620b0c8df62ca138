//! What can be typed after `wattle`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::screen::Form;

pub(crate) mod access;
pub(crate) mod clients;
pub(crate) mod mcp;
pub(crate) mod task;

const FIRST_STEPS: &str = "\
First steps:
  wattle init shop                   make a context in this folder
  wattle edit rules add \"No deploys on Friday\"
  wattle show                        read it
  wattle up                          share it: prints a link for one other person
  wattle invite --role reader        a link for somebody else
  wattle agent add bot --days 7      a key for an agent, which edits with `wattle --as bot edit …`
  wattle demo                        see two peers edit at once, in a few seconds

Exit codes: 0 done, 1 refused or not found, 2 usage, 3 changed since the version given.
With --json a failure is {\"error\": {\"kind\", \"message\", \"exit\"}} on standard error.";

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
    /// Act as this agent of yours; with init and join also: what to call you
    #[arg(
        long = "as",
        global = true,
        env = "WATTLE_AS",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub(crate) whose: Option<String>,
    /// Print JSON for programs; what fails is one line of JSON on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Everywhere {
    /// In which form to print.
    pub(crate) fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a context in this folder
    #[command(after_help = "\
Examples:
  wattle init
  wattle init shop --as ana
  wattle init shop --recovery        prints a key to put away, for the day when yours is lost
  wattle init shop --relay wattle://relay.example.org:4747

Makes `.wattle/` here and, once per person, a key in ~/.config/wattle (or WATTLE_CONFIG_DIR). You are
the owner. With --relay the context is kept there too, and that relay orders changes of rights.")]
    Init(Init),
    /// Share the context: a relay and this replica in one process
    #[command(after_help = "\
Examples:
  wattle up
  wattle up --listen 0.0.0.0:4747    others on the network can join
  wattle up --listen 127.0.0.1:0     any free port

Runs until Ctrl-C. Commands in other terminals see and share everything meanwhile. Agents on this
machine come to /mcp with a token: `wattle mcp token add`.")]
    Up(Up),
    /// Take part in a context that somebody shares
    #[command(after_help = "\
Examples:
  wattle join 'wattle://192.168.1.7:4747/4f1c…#9a02…'
  wattle join 'wattle://192.168.1.7:4747/4f1c…#9a02…' --name bob

The link is what `wattle up` and `wattle invite` print; what stands behind `#` is the invitation.
Who is a member already joins another folder with the part before it. The context is kept in
`.wattle/` here and works offline too.")]
    Join(Join),
    /// Make a link with which somebody becomes a member
    #[command(after_help = "\
Examples:
  wattle invite                      one contributor, within 3 days
  wattle invite --role editor --uses 5 --days 1
  wattle invite --role 'read=tasks,documents;write=tasks'
  wattle invite | qrencode -t utf8   only the link is on standard output

Who has the link can take it up, so send it like a password. `wattle members` lists what is open,
`wattle revoke` withdraws it.")]
    Invite(access::Invite),
    /// Who takes part, with which role; and which invitations are open
    Members,
    /// Give a member another role, or a key a role
    #[command(after_help = "\
Examples:
  wattle grant bob editor
  wattle grant bob editor --days 30
  wattle grant 4f1c8a… contributor --name ci --per-minute 30

Nobody gives more than they have. Less than before is a revocation of the rest: what was edited
until then stays.")]
    Grant(access::Grant),
    /// Take a member's rights for ever, or withdraw an invitation
    #[command(after_help = "\
Examples:
  wattle revoke bob
  wattle revoke 4f1c8a               by the beginning of the key
  wattle revoke inv-9a02b7c4         an invitation, as listed by `wattle members`

What bob edited until now stays; what comes later from that key counts nowhere. What bob has read,
bob keeps. The agents that bob sponsors end too.")]
    Revoke(access::Revoke),
    /// Replace your key by a new one, here and in the context
    #[command(after_help = "\
Examples:
  wattle rotate

Your name, role and agents go over to the new key. The old one counts for nothing from then on.")]
    Rotate,
    /// Become owner again with the recovery key of `wattle init --recovery`
    #[command(after_help = "\
Examples:
  wattle recover                     asks for the key; or: wattle recover < recovery.txt
  wattle recover wattle://relay.example.org:4747/4f1c…

Gives this machine's key the role of owner. Then `wattle revoke` the key that was lost.")]
    Recover(access::Recover),
    /// Which key you are, and what it may do here
    Whoami,
    /// Keys for agents that work for you
    #[command(subcommand)]
    Agent(access::Agent),
    /// Who orders changes of rights: show it, or name another one
    #[command(after_help = "\
Examples:
  wattle sequencer                   show it
  wattle sequencer wattle://relay.example.org:4747
  wattle sequencer ana --pass-by     the present one is lost, or lies

While the sequencer is out of reach, rights stand still, and editing goes on.")]
    Sequencer(access::Sequencer),
    /// What was done to rights, what was refused, what was settled: by whom and when
    #[command(after_help = "\
Examples:
  wattle audit
  wattle audit --json | jq .audit
  wattle audit verify                check every signature again, offline")]
    Audit(access::Audit),
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
  wattle watch --json | jq .paths
  wattle watch --files               keep AGENTS.md and the context equal, both ways
  wattle watch --files AGENTS.md sub/AGENTS.md

With --files, what is edited in a file comes into the context, and what changes in the context is
written between the marks of the file. What was not taken in is never written over.")]
    Watch(Watch),
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
    /// Share out work: list, claim, renew, report on and release tasks
    #[command(
        subcommand,
        after_help = "\
Examples:
  wattle task list
  wattle task claim                  the next task that is ready; prints the claim
  wattle task claim ship-it --for 3600
  wattle task report review CLAIM --note \"please look at the tests\"
  wattle task done CLAIM --note \"it is in main\"
  wattle task release CLAIM --to bob

CLAIM can also be given as WATTLE_CLAIM. A claim is leased when the relay is in reach, and then nobody
else has one; else it is optimistic, and whoever else claimed the task may turn out to hold it."
    )]
    Task(task::Task),
    /// Ask whether a claim still holds, for git hooks and scripts
    #[command(
        subcommand,
        after_help = "\
Examples:
  wattle fence check CLAIM
  WATTLE_CLAIM=… wattle fence check  in .git/hooks/pre-push, say

Exit 0: it holds, by the relay's word where that is in reach, else by what is known here. Exit 1: not."
    )]
    Fence(task::Fence),
    /// Take files in: instructions for agents, notes, the memory of a memory server, a context as JSON
    #[command(after_help = "\
Examples:
  wattle import AGENTS.md CLAUDE.md  show what would become what
  wattle import --yes AGENTS.md .cursor/rules .github/copilot-instructions.md
  wattle import --yes docs/ README.md memory.jsonl context.json

AGENTS.md, CLAUDE.md (with what it names by `@`) and the rules of Cursor and Copilot become rules and
instructions, other text documents. Importing a file again changes what has changed in it, based on
the last import: what others did since then is merged, not overwritten. Edits between the marks of
`wattle export --into` are taken as edits of what was written there. Files with keys or tokens in them
are refused, with the line. docs/files.md says more.")]
    Import(Import),
    /// Print the whole context
    #[command(after_help = "\
Examples:
  wattle export --json > context.json
  wattle export --markdown -o CONTEXT.md
  wattle export --json --at V
  wattle export --full -o garden.json
  wattle export --into AGENTS.md     rules and instructions, between two marks in the file

Equal contexts give equal bytes of JSON on every replica. --full loses nothing: signed changes,
rights, every value of a conflict; `wattle import FILE` makes a replica of it elsewhere. --into leaves everything outside of the
marks alone to the byte, and takes in first what was edited between them.")]
    Export(Export),
    /// Serve the context to an agent, as an MCP server on standard input and output
    #[command(after_help = "\
Examples:
  claude mcp add wattle -- wattle mcp
  codex mcp add wattle -- wattle mcp

  wattle mcp token add --as bot      for agents that come to `wattle up` or a relay over HTTP

The agent's program starts it and ends it. Several may run on one folder at once.
Logs go to standard error: WATTLE_LOG=info wattle mcp")]
    Mcp(mcp::Mcp),
    /// Give an agent's program this context: write its configuration, after showing the change
    #[command(after_help = clients::CONNECT_EXAMPLES)]
    Connect(clients::Connect),
    /// Take what `wattle connect` wrote out of an agent's program again
    Disconnect(clients::Disconnect),
    /// For the hooks of an agent's program: what to put into its session
    #[command(subcommand)]
    Hook(clients::Hook),
    /// See it work: a relay and two peers that edit at once, one of them offline for a while
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What to call the context [default: the folder's name]
    #[arg(value_name = "NAME", conflicts_with = "called")]
    pub(crate) name: Option<String>,
    /// The same
    #[arg(long = "name", value_name = "NAME", hide = true)]
    pub(crate) called: Option<String>,
    /// Keep it at this relay too, from now on
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) relay: Option<String>,
    /// Print a recovery key: an owner that you put away
    #[arg(long)]
    pub(crate) recovery: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where the relay listens; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4747")]
    pub(crate) listen: String,
}

#[derive(Debug, Args)]
pub(crate) struct Join {
    /// What `wattle up` or `wattle invite` printed
    #[arg(value_name = "LINK")]
    pub(crate) link: String,
    /// What to call you [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
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
pub(crate) struct Watch {
    /// Keep these files and the context equal [default: AGENTS.md]
    #[arg(long, value_name = "FILE", num_args = 0..)]
    pub(crate) files: Option<Vec<PathBuf>>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Files, or folders with Markdown and text files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Do it, without asking; else it is only shown, or asked for at a terminal
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// As Markdown, for people
    #[arg(long)]
    pub(crate) markdown: bool,
    /// With everything: every change as it was signed, who may do what, conflicts
    #[arg(long, conflicts_with_all = ["markdown", "at", "into"])]
    pub(crate) full: bool,
    /// As of this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) at: Option<String>,
    /// To a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Rules and instructions into this file, between two marks: AGENTS.md
    #[arg(long, value_name = "FILE", conflicts_with_all = ["markdown", "at", "output"])]
    pub(crate) into: Vec<PathBuf>,
    /// With --into: name AGENTS.md in the CLAUDE.md beside it, if there is one that does not yet
    #[arg(long, requires = "into")]
    pub(crate) claude: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave the folders, to look around in them
    #[arg(long)]
    pub(crate) keep: bool,
}
