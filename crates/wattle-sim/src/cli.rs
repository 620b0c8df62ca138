//! What the command does: plans by seed, files, and the smaller ones that still fail.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Parser, Subcommand};
use wattle_sim::plan::{Size, generate};
use wattle_sim::scenario::{self, ScenarioError, Step};
use wattle_sim::shrink::shrink;
use wattle_sim::{Options, Outcome, Stats, run};

/// Runs many replicas of one context against a network and disks that lie, in virtual time, on one thread.
///
/// Everything follows from the seed: the same seed gives the same run, to the byte, on every machine.
/// After each run judges look: are all replicas equal, is every acknowledged edit everywhere, did each
/// crash leave what was called durable, do they fall silent, did anyone refuse an honest change.
///
/// Exit code 0: all judges agree. 1: one objects; its seed and what to run next are printed.
#[derive(Debug, Parser)]
#[command(name = "wattle-sim", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  wattle-sim run --seeds 0..500           five hundred plans; stops at the first that fails
  wattle-sim plan --seed 42 > 42.scenario the plan that seed 42 writes, as text
  wattle-sim shrink 42.scenario > s.scenario  the fewest steps that still fail
  wattle-sim replay s.scenario --trace    every input and output of every machine
  wattle-sim scenario tests/data/*.scenario   scenarios with expectations";

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes plans from seeds and runs them.
    Run {
        /// One seed.
        #[arg(long, default_value_t = 0, conflicts_with = "seeds")]
        seed: u64,
        /// From A to before B, as A..B.
        #[arg(long, value_name = "A..B")]
        seeds: Option<Seeds>,
        #[command(flatten)]
        size: SizeArgs,
        #[command(flatten)]
        shown: Shown,
    },
    /// Prints the plan that a seed writes.
    Plan {
        /// The seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        #[command(flatten)]
        size: SizeArgs,
    },
    /// Runs a plan from a file.
    Replay {
        /// The plan.
        file: PathBuf,
        #[command(flatten)]
        shown: Shown,
    },
    /// Prints the smallest plan that it finds in which the same judge objects.
    Shrink {
        /// A plan that fails.
        file: PathBuf,
    },
    /// Runs scenarios and says which hold.
    Scenario {
        /// The scenarios.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
struct SizeArgs {
    /// How many peers.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    peers: u8,
    /// How many virtual seconds of edits and faults.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, clap::Args)]
struct Shown {
    /// Print every input and output of every machine, with hashes, in virtual time.
    #[arg(long)]
    trace: bool,
    /// Print the outcome as JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// A range of seeds.
#[derive(Clone, Debug)]
struct Seeds(Range<u64>);

impl FromStr for Seeds {
    type Err = SeedsError;
    fn from_str(text: &str) -> Result<Self, SeedsError> {
        let (from, to) = text.split_once("..").ok_or(SeedsError)?;
        let number = |text: &str| text.parse().map_err(|_| SeedsError);
        Ok(Self(number(from)?..number(to)?))
    }
}

/// Not a range.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("write the first seed, two dots, and the seed to stop before, as in 0..100")]
struct SeedsError;

/// Why the command could not do it.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{} cannot be read", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{} is no scenario", file.display())]
    Scenario {
        file: PathBuf,
        #[source]
        cause: ScenarioError,
    },
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

pub(crate) fn main(args: &Args) -> ExitCode {
    match command(&args.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever reads our output has seen enough.
        Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                tell(&format!("wattle-sim: {error}"));
                cause = error.source();
            }
            ExitCode::from(1)
        }
    }
}

fn command(command: &Command) -> Result<bool, CommandError> {
    match command {
        Command::Run { seed, seeds, size, shown } => {
            let seeds = seeds
                .as_ref()
                .map_or_else(|| *seed..seed.saturating_add(1), |seeds| seeds.0.clone());
            run_seeds(seeds, size.size(), *shown)
        }
        Command::Plan { seed, size } => print_plan(&generate(*seed, size.size())).map(|()| true),
        Command::Replay { file, shown } => {
            let outcome = run(&read(file)?, shown.options());
            let out = &mut io::stdout().lock();
            show(out, &file.display().to_string(), &outcome, *shown)?;
            Ok(outcome.violations.is_empty())
        }
        Command::Shrink { file } => {
            let steps = read(file)?;
            if run(&steps, Options::default()).violations.is_empty() {
                tell("wattle-sim: no judge objects to this plan, so there is nothing to shrink");
                return Ok(false);
            }
            let smaller =
                shrink(&steps, Options::default(), |left| progress(&format!("{left} steps")));
            print_plan(&smaller).map(|()| true)
        }
        Command::Scenario { files } => scenarios(files),
    }
}

fn run_seeds(seeds: Range<u64>, size: Size, shown: Shown) -> Result<bool, CommandError> {
    let out = &mut io::stdout().lock();
    let (count, mut total) = (seeds.end.saturating_sub(seeds.start), Stats::default());
    for seed in seeds.clone() {
        let outcome = run(&generate(seed, size), shown.options());
        let name = format!("seed {seed}");
        if !outcome.violations.is_empty() {
            show(out, &name, &outcome, shown)?;
            let size = format!("--seed {seed} --peers {} --seconds {}", size.peers, size.seconds);
            tell(&format!("again:  wattle-sim run {size} --trace"));
            let file = format!("{seed}.scenario");
            tell(&format!("less:   wattle-sim plan {size} > {file} && wattle-sim shrink {file}"));
            return Ok(false);
        }
        if count == 1 || shown.json || shown.trace {
            show(out, &name, &outcome, shown)?;
        }
        total = total.and(&outcome.stats);
        progress(&format!("{} of {count} seeds", seed + 1 - seeds.start));
    }
    if count > 1 && !shown.json {
        writeln!(out, "{count} seeds hold: {}", sentence(&total))?;
    }
    Ok(true)
}

fn scenarios(files: &[PathBuf]) -> Result<bool, CommandError> {
    let out = &mut io::stdout().lock();
    let mut holds = true;
    for file in files {
        let outcome = run(&read(file)?, Options::default());
        holds &= outcome.violations.is_empty();
        let shown = Shown { trace: false, json: false };
        show(out, &file.display().to_string(), &outcome, shown)?;
    }
    Ok(holds)
}

fn show(out: &mut impl Write, name: &str, outcome: &Outcome, shown: Shown) -> io::Result<()> {
    out.write_all(outcome.trace.as_bytes())?;
    if shown.json {
        return writeln!(out, "{}", json(name, outcome));
    }
    for violation in &outcome.violations {
        let (at, checker, what) = (violation.at_ms, violation.checker, &violation.what);
        writeln!(out, "{name} fails at {at} ms, {checker}: {what}")?;
    }
    if outcome.violations.is_empty() {
        writeln!(out, "{name} holds: {}", sentence(&outcome.stats))?;
    }
    Ok(())
}

fn sentence(stats: &Stats) -> String {
    let Stats { virtual_ms, acknowledged, refused, links, frames, .. } = stats;
    let Stats { bytes, cuts, crashes, snapshots, retries, .. } = stats;
    format!(
        "{} virtual seconds, {acknowledged} changes saved, {refused} edits refused, {links} links, \
         {frames} frames, {bytes} bytes, {cuts} cuts, {crashes} crashes, {snapshots} snapshots, \
         {retries} retries",
        virtual_ms / 1_000
    )
}

fn json(name: &str, outcome: &Outcome) -> serde_json::Value {
    let stats = &outcome.stats;
    let violations = outcome.violations.iter().map(|violation| {
        serde_json::json!({
            "at_ms": violation.at_ms, "checker": violation.checker, "what": violation.what,
        })
    });
    serde_json::json!({
        "name": name,
        "holds": outcome.violations.is_empty(),
        "violations": violations.collect::<Vec<_>>(),
        "virtual_ms": stats.virtual_ms,
        "acknowledged": stats.acknowledged,
        "refused": stats.refused,
        "links": stats.links,
        "frames": stats.frames,
        "bytes": stats.bytes,
        "cuts": stats.cuts,
        "crashes": stats.crashes,
        "snapshots": stats.snapshots,
        "retries": stats.retries,
        "events": stats.events,
    })
}

fn print_plan(steps: &[Step]) -> Result<(), CommandError> {
    let out = &mut io::stdout().lock();
    steps.iter().try_for_each(|step| writeln!(out, "{step}"))?;
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Step>, CommandError> {
    let text = fs::read_to_string(file)
        .map_err(|cause| CommandError::Unreadable { file: file.to_owned(), cause })?;
    scenario::parse(&text).map_err(|cause| CommandError::Scenario { file: file.to_owned(), cause })
}

/// A line for people, beside the output.
#[expect(clippy::print_stderr, reason = "a command tells people what it does on standard error")]
fn tell(line: &str) {
    eprintln!("{line}");
}

/// How far it is, on a terminal only.
#[expect(clippy::print_stderr, reason = "a command tells people what it does on standard error")]
fn progress(what: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K{what}\r");
    }
}

impl SizeArgs {
    fn size(self) -> Size {
        Size { peers: usize::from(self.peers), seconds: self.seconds }
    }
}

impl Shown {
    fn options(self) -> Options {
        Options { trace: self.trace, bug: None }
    }
}
