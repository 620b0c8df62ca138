//! What is printed: to standard output as text or JSON, coloured only on a terminal.

use std::env;
use std::io::{self, IsTerminal, Stdout, Write};

use serde_json::Value as Json;

/// Writes a line to a screen.
macro_rules! say {
    ($screen:expr) => { $screen.line(format_args!("")) };
    ($screen:expr, $($format:tt)*) => { $screen.line(format_args!($($format)*)) };
}
pub(crate) use say;

/// In which form a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As it is.
    Plain,
    /// With the terminal's colours.
    Colour,
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    /// Not locked: `wattle mcp` writes its answers from other threads.
    out: Stdout,
    /// The form that was asked for.
    pub(crate) form: Form,
    /// The colours that are fit.
    pub(crate) paint: Paint,
}

impl Screen {
    pub(crate) fn new(form: Form) -> Self {
        let stdout = io::stdout();
        let paint = Paint::fit(stdout.is_terminal());
        Self { out: stdout, form, paint }
    }

    /// One line, seen at once.
    pub(crate) fn line(&mut self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// Text as it is.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// A line for the person beside the output; not for programs that read it.
    pub(crate) fn aside(&self, line: &str) -> io::Result<()> {
        writeln!(io::stderr(), "{line}")
    }

    /// JSON on several lines.
    pub(crate) fn json(&mut self, value: &Json) -> io::Result<()> {
        writeln!(self.out, "{value:#}")
    }

    /// JSON on one line: one of a stream.
    pub(crate) fn json_line(&mut self, value: &Json) -> io::Result<()> {
        writeln!(self.out, "{value}")
    }
}

impl Paint {
    /// Colours, unless the output is no terminal or the user wants none (`NO_COLOR`).
    fn fit(terminal: bool) -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|value| value == "dumb");
        if terminal && !unwanted { Self::Colour } else { Self::Plain }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.code("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.code("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.code("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.code("36", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// What stands on standard error while something takes long: one line that is written over.
///
/// Nothing is printed where standard error is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shown: false, terminal: io::stderr().is_terminal() }
    }

    /// Replaces the line. A terminal that is gone is no reason to stop.
    pub(crate) fn show(&mut self, text: &str) {
        if self.terminal {
            let _gone = write!(io::stderr(), "\r\x1b[2K{text}");
            self.shown = true;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _gone = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
