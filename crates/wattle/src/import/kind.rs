//! What a file is, by its name and its first line.

use std::path::Path;

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// AGENTS.md and the like: for its folder and everything below.
    Instructions,
    /// The same, and what it names with `@` is read too.
    Including,
    /// Rules of an editor, which say themselves for which files they are.
    Scoped,
    /// What a memory server keeps: one JSON object per line.
    Memory,
    /// A context that Wattle has exported.
    Context,
    /// Everything else.
    Document,
}

impl FileKind {
    /// What a file is taken for.
    pub(crate) fn of(file: &Path, text: &str) -> Self {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let under = |folders: &str| file.parent().is_some_and(|folder| folder.ends_with(folders));
        match name.as_ref() {
            "CLAUDE.md" | "CLAUDE.local.md" | "GEMINI.md" => Self::Including,
            "AGENTS.md" | "AGENTS.override.md" | "AGENT.md" | ".cursorrules" | ".windsurfrules" => {
                Self::Instructions
            }
            "copilot-instructions.md" if under(".github") => Self::Scoped,
            name if name.ends_with(".instructions.md") || name.ends_with(".mdc") => Self::Scoped,
            name if name.ends_with(".json") || name.ends_with(".jsonl") => Self::of_json(text),
            _ => Self::Document,
        }
    }

    /// Whether text below headings becomes instructions and rules.
    pub(crate) fn is_instructions(self) -> bool {
        matches!(self, Self::Instructions | Self::Including | Self::Scoped)
    }

    fn of_json(text: &str) -> Self {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let object = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let is_memory = object(first).is_some_and(|line| {
            ["entity", "relation"]
                .iter()
                .any(|word| line.get("type").is_some_and(|kind| kind == word))
        });
        if is_memory {
            return Self::Memory;
        }
        match object(text) {
            Some(whole) if super::context::is_context(&whole) => Self::Context,
            Some(_) | None => Self::Document,
        }
    }
}
