//! What an import would do, or has done, told to people and programs.

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use wattle_context::plain::brief;
use wattle_context::{Answer, Section};

use super::Steps;
use super::gather::Note;
use super::plan::{Fate, Step};
use crate::failure::Failure;
use crate::landing;
use crate::screen::{Form, Paint, Screen, say};

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    Dry,
    Real,
}

/// What is told besides the steps.
pub(crate) struct Report<'a> {
    pub(crate) how: Run,
    pub(crate) notes: &'a [Note],
    /// Files that are no text.
    pub(crate) binary: &'a [PathBuf],
}

impl Report<'_> {
    /// Tells it.
    pub(crate) fn tell(&self, screen: &mut Screen, steps: &Steps) -> Result<(), Failure> {
        let all = || steps.hand.iter().chain(&steps.other);
        let count = |word: &str| all().filter(|(step, _)| step.fate.word() == word).count();
        let refused = count("refused") + self.binary.len();
        if screen.form == Form::Json {
            let mut items: Vec<_> =
                all().map(|(step, answer)| to_json(step, answer.as_ref())).collect();
            items.extend(self.binary.iter().map(|file| {
                json!({ "source": file.display().to_string(), "outcome": "refused", "reason": NO_TEXT })
            }));
            let notes = self.notes.iter().map(|Note { source, line, what }| {
                json!({ "source": source, "line": line, "note": what })
            });
            screen.json(&json!({
                "dry_run": self.how == Run::Dry,
                "items": items,
                "notes": notes.collect::<Vec<_>>(),
                "new": count("new"),
                "rewritten": count("rewritten"),
                "removed": count("removed"),
                "unchanged": count("unchanged"),
                "refused": refused,
            }))?;
            return Ok(());
        }
        let paint = screen.paint;
        for (step, answer) in all() {
            say!(screen, "{}", line(step, answer.as_ref(), paint))?;
        }
        for file in self.binary {
            say!(
                screen,
                "{} {}  {NO_TEXT}",
                paint.red(&format!("{:<10}", "refused")),
                file.display()
            )?;
        }
        for Note { source, line, what } in self.notes {
            say!(screen, "{} {source}:{line}  {what}", paint.yellow(&format!("{:<10}", "note")))?;
        }
        let would = if self.how == Run::Dry { "would be: " } else { "" };
        let more = [("removed", count("removed")), ("refused", refused)];
        let more = more.iter().filter(|(_, count)| *count > 0);
        let more: String = more.map(|(word, count)| format!(", {count} {word}")).collect();
        let (new, rewritten, unchanged) = (count("new"), count("rewritten"), count("unchanged"));
        say!(screen, "{would}{new} new, {rewritten} rewritten, {unchanged} unchanged{more}")?;
        Ok(())
    }
}

const NO_TEXT: &str = "not UTF-8 text";

/// What, from where, into which section, under which name.
fn line(step: &Step, answer: Option<&Answer>, paint: Paint) -> String {
    let word = format!("{:<10}", step.fate.word());
    let word = match &step.fate {
        Fate::New => paint.green(&word),
        Fate::Rewritten => paint.cyan(&word),
        Fate::Unchanged | Fate::Left | Fate::Deleted => paint.dim(&word),
        Fate::Removed => paint.yellow(&word),
        Fate::Refused { .. } => paint.red(&word),
    };
    let place = match step.line {
        0 => brief(&step.source, 80),
        line => format!("{}:{line}", brief(&step.source, 80)),
    };
    let kind = step.severity().map_or_else(String::new, |severity| format!(" {severity}"));
    let section = format!("{}{kind}", step.section);
    let told = match (&step.fate, answer) {
        (Fate::Rewritten, Some(answer)) => format!("  {}", landing::landed(&answer.landed, paint)),
        (Fate::Refused { reason }, _) => format!("  {}", paint.red(reason)),
        (Fate::Left, _) => paint.dim("  no longer in the file; it stays in the context"),
        (Fate::Deleted, _) => paint.dim("  deleted in the context since; it stays deleted"),
        (Fate::New | Fate::Rewritten | Fate::Unchanged | Fate::Removed, _) => String::new(),
    };
    format!("{word} {place} → {section}  {}{told}", paint.bold(&brief(&step.title, 60)))
}

fn to_json(step: &Step, answer: Option<&Answer>) -> Json {
    let made = || answer.map(|answer| answer.path.clone()).filter(|_| step.fate == Fate::New);
    let path = step.item.map(|item| format!("{}/{item}", step.section)).or_else(made);
    let mut json = json!({
        "source": step.source,
        "line": step.line,
        "section": step.section.name(),
        "title": step.title,
        "path": path,
        "outcome": step.fate.word(),
    });
    let landed = answer.filter(|_| step.fate == Fate::Rewritten);
    if let Some(object) = json.as_object_mut() {
        object.extend(step.severity().map(|severity| ("severity".to_owned(), severity.into())));
        object.extend(
            landed
                .map(|answer| ("answer".to_owned(), wattle_context::json::answer_to_json(answer))),
        );
        if let Fate::Refused { reason } = &step.fate {
            object.insert("reason".to_owned(), reason.as_str().into());
        }
    }
    json
}

impl Step {
    /// How binding a new rule is.
    fn severity(&self) -> Option<&str> {
        let wattle_context::Value::Map(fields) = &self.edits.first()?.value else { return None };
        fields.get("severity").filter(|_| self.section == Section::Rules)?.text()
    }
}

impl Fate {
    fn word(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Rewritten => "rewritten",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Left => "kept",
            Self::Removed => "removed",
            Self::Refused { .. } => "refused",
        }
    }
}
