//! What a passage of a file is to become.

use std::collections::BTreeMap;

use wattle_context::limits::{TEXT_BYTES_MAX, TITLE_CHARS_MAX};
use wattle_context::{Section, Value};

use super::markdown::{self, Passage};
use super::{front, gather::Text, kind::FileKind, memory};

/// What a passage of a file is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The line where it begins.
    pub(crate) line: usize,
    /// In which section.
    pub(crate) section: Section,
    /// The fields of the item, its source among them.
    pub(crate) fields: BTreeMap<String, Value>,
}

impl Proposal {
    fn new(line: usize, section: Section, fields: Vec<(&str, Value)>) -> Self {
        let given = fields
            .into_iter()
            .filter(|(name, value)| *name == section.title() || !value.is_empty());
        let fields = given.map(|(name, value)| (name.to_owned(), value)).collect();
        Self { line, section, fields }
    }

    /// What names the item for people.
    pub(crate) fn title(&self) -> &str {
        self.text(self.section.title())
    }

    /// A field that is a text; empty if there is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::text).unwrap_or_default()
    }
}

/// What becomes of a file.
pub(crate) fn of(text: &Text) -> Vec<Proposal> {
    match text.kind {
        FileKind::Instructions | FileKind::Including | FileKind::Scoped => instructions(text),
        FileKind::Memory => memory::proposals(text),
        FileKind::Context => Vec::new(),
        // A file that is only a managed block says nothing else.
        FileKind::Document if text.has_block && text.body.trim().is_empty() => Vec::new(),
        FileKind::Document => vec![document(text)],
    }
}

fn document(text: &Text) -> Proposal {
    Proposal::new(
        1,
        Section::Documents,
        vec![
            ("title", text.title.as_str().into()),
            ("kind", "document".into()),
            ("media_type", text.media_type.into()),
            ("source", text.source.as_str().into()),
            ("body", text.body.as_str().into()),
        ],
    )
}

/// One entry of a memory.
pub(crate) fn remembered(line: usize, source: &str, entry: memory::Entry) -> Proposal {
    Proposal::new(
        line,
        Section::Documents,
        vec![
            ("title", entry.title.into()),
            ("kind", entry.kind.into()),
            ("media_type", "text/markdown".into()),
            ("source", format!("{source}#{}", entry.name).into()),
            ("tags", vec!["memory".to_owned()].into()),
            ("body", entry.body.into()),
        ],
    )
}

fn instructions(text: &Text) -> Vec<Proposal> {
    let plain = text.body.replace("\r\n", "\n");
    let (front, body) = if text.kind == FileKind::Scoped {
        front::split(&plain)
    } else {
        (front::Front::default(), &*plain)
    };
    let scope = if front.globs.is_empty() { scope(text) } else { front.globs };
    let mut passages = markdown::passages(body, &text.source);
    passages.iter_mut().for_each(|passage| passage.move_down(front.lines));
    lead(&mut passages, (text, front.description), &front.rest);
    passages.into_iter().flat_map(|passage| proposed(passage, (&text.source, &scope))).collect()
}

/// Names the text before the first heading, and puts what the file says about itself there.
fn lead(passages: &mut Vec<Passage>, (text, about): (&Text, Option<String>), rest: &[String]) {
    let untitled = passages.first().is_some_and(|passage| passage.title.is_empty());
    if !untitled && (about.is_some() || !rest.is_empty()) {
        let empty =
            Passage { line: 1, title: String::new(), body: String::new(), rules: Vec::new() };
        passages.insert(0, empty);
    }
    let Some(first) = passages.first_mut().filter(|passage| passage.title.is_empty()) else {
        return;
    };
    let about = about.unwrap_or_else(|| text.source.clone());
    first.title = about.chars().take(TITLE_CHARS_MAX).collect();
    let whole = (first.title != about).then_some(about);
    let said = whole.into_iter().chain(rest.iter().cloned());
    let body = std::mem::take(&mut first.body);
    first.body =
        said.chain(Some(body).filter(|body| !body.is_empty())).collect::<Vec<_>>().join("\n");
}

fn proposed(mut passage: Passage, (source, scope): (&str, &[String])) -> Vec<Proposal> {
    if passage.title.trim().is_empty() {
        passage.title = source.to_owned();
    }
    let mut all = Vec::new();
    let Passage { line, title, body, rules } = passage;
    // Where a rule stood is known by its source alone.
    let place = if title == source { source.to_owned() } else { format!("{source}#{title}") };
    if body.len() > TEXT_BYTES_MAX {
        // More than an instruction can hold: a document can.
        let media = "text/markdown";
        let fields = [
            ("title", title),
            ("media_type", media.to_owned()),
            ("source", place.clone()),
            ("body", body),
        ];
        let fields = fields.map(|(name, value)| (name, Value::from(value))).into();
        all.push(Proposal::new(line, Section::Documents, fields));
    } else if !body.is_empty() || rules.is_empty() {
        all.push(Proposal::new(
            line,
            Section::Instructions,
            vec![
                ("title", title.into()),
                ("body", body.into()),
                ("audience", scope.to_vec().into()),
                ("source", source.into()),
            ],
        ));
    }
    all.extend(rules.into_iter().map(|rule| {
        let severity = rule.severity.map_or(Value::Null, |severity| severity.name().into());
        Proposal::new(
            rule.line,
            Section::Rules,
            vec![
                ("statement", rule.statement.into()),
                ("rationale", rule.rationale.into()),
                ("severity", severity),
                ("scope", scope.to_vec().into()),
                ("source", place.as_str().into()),
            ],
        )
    }));
    all
}

/// The files that a file of instructions is for: those in its folder and below.
fn scope(text: &Text) -> Vec<String> {
    let folder = text.reader.rsplit_once('/').map(|(folder, _)| folder);
    let own = folder.filter(|folder| !folder.starts_with('.') && !folder.starts_with('/'));
    own.filter(|_| text.kind != FileKind::Scoped)
        .map(|own| format!("{own}/**"))
        .into_iter()
        .collect()
}
