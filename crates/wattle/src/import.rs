//! `wattle import`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use wattle_context::limits::HEAD_DIGITS;
use wattle_context::plain::brief;
use wattle_context::{Context, Edit, ItemId, Landed, LogFilter, Op, Part, Section, Value};
use wattle_sync::{Parts, Peer};

use crate::args;
use crate::failure::Failure;
use crate::landing;
use crate::screen::{Form, Paint, Progress, Screen, say};
use crate::session::Session;

mod gather;

use gather::Text;

/// The program that stands in the history of what is imported; the next import is based on its last change.
pub(crate) const CLIENT: &str = "wattle import";
/// What stands in the history as the reason.
const WHY: &str = "import";

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Dry,
    Real,
}

/// What becomes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// A new document.
    New,
    /// Its document was rewritten.
    Rewritten(Landed),
    /// Nothing to do.
    Unchanged,
    /// It was not taken, and why.
    Refused { reason: String },
}

/// One file and its document.
#[derive(Debug)]
struct Line {
    source: String,
    title: String,
    path: Option<String>,
    outcome: Outcome,
}

/// A document that was imported from a source before.
#[derive(Clone, Debug)]
struct Known {
    item: ItemId,
    /// The version of the body after the last import.
    base: Option<String>,
    /// The body at that version.
    body: String,
}

/// Takes files in, and says what became of each.
pub(crate) async fn run(
    session: &Session,
    args: args::Import,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let gathered = gather::gather(&args.files, session.root())?;
    let peer = session.open().await?;
    let known = known(&peer).await?;
    let how = if args.dry_run { Run::Dry } else { Run::Real };
    let mut progress = Progress::new();
    let mut lines = Vec::new();
    let total = gathered.texts.len();
    for (index, text) in gathered.texts.iter().enumerate() {
        progress.show(&format!("{} of {total}  {}", index + 1, text.source));
        let before = known.get(&text.source);
        let line = match (how, before) {
            (Run::Dry, before) => foretold(text, before),
            (Run::Real, None) => new(&peer, text).await?,
            (Run::Real, Some(before)) => rewrite(&peer, text, before).await?,
        };
        lines.push(line);
    }
    drop(progress);
    lines.extend(gathered.binary.iter().map(|file| Line {
        source: file.display().to_string(),
        title: String::new(),
        path: None,
        outcome: Outcome::Refused { reason: "not UTF-8 text".to_owned() },
    }));
    report(screen, &lines, how)?;
    let refused = lines.iter().filter(|line| matches!(line.outcome, Outcome::Refused { .. }));
    match refused.count() {
        0 => Ok(()),
        files => Err(Failure::NotImported { files }),
    }
}

/// The documents of this context that have a source, by it.
async fn known(peer: &Peer) -> Result<BTreeMap<String, Known>, Failure> {
    Ok(peer.view(Parts::All, |context| documents(context)).await?)
}

fn documents(context: &Context) -> BTreeMap<String, Known> {
    let mut known = BTreeMap::new();
    for item in context.section(Section::Documents).items {
        let source = item.fields.get("source").and_then(|field| field.value.text());
        let Some(source) = source else { continue };
        let (base, body) = last_import(context, &item.id);
        // Two replicas that imported one file apart made two documents: the first one is rewritten.
        known.entry(source.to_owned()).or_insert(Known { item: item.id, base, body });
    }
    known
}

/// The body as the last import left it, and the version of that.
fn last_import(context: &Context, item: &ItemId) -> (Option<String>, String) {
    let part = Part::Body(*item);
    let filter =
        LogFilter { section: Some(Section::Documents), item: Some(*item), ..LogFilter::default() };
    let entry =
        context.log(&filter).into_iter().find(|entry| entry.part == part && entry.client == CLIENT);
    let base: Option<String> = entry.map(|entry| entry.change.chars().take(HEAD_DIGITS).collect());
    let then = base.as_ref().and_then(|base| context.at(&format!("{part}:{base}")).ok());
    let body = match then {
        Some(then) => then.body(item),
        None => context.body(item),
    };
    (base, body.unwrap_or_default())
}

/// What an import would do.
fn foretold(text: &Text, before: Option<&Known>) -> Line {
    let outcome = match before {
        None => Outcome::New,
        Some(before) if before.body == text.body => Outcome::Unchanged,
        Some(_) => Outcome::Rewritten(Landed::OnTop),
    };
    line(text, before.map(|before| before.item), outcome)
}

async fn new(peer: &Peer, text: &Text) -> Result<Line, Failure> {
    let fields = [
        ("title", text.title.as_str()),
        ("kind", "document"),
        ("media_type", text.media_type),
        ("source", text.source.as_str()),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), Value::from(value)));
    let add = edit(Op::Add, "documents", Value::Map(fields.into()), None);
    let added = match peer.edit(vec![add], WHY).await {
        Ok(edited) => edited.answers,
        Err(error) => return Ok(refused(text, error.to_string())),
    };
    let path = added.into_iter().next().map(|answer| answer.path).unwrap_or_default();
    if text.body.is_empty() {
        return Ok(Line { path: Some(path), ..line(text, None, Outcome::New) });
    }
    let body = edit(Op::Set, &format!("{path}/body"), text.body.as_str().into(), None);
    match peer.edit(vec![body], WHY).await {
        Ok(_) => Ok(Line { path: Some(path), ..line(text, None, Outcome::New) }),
        Err(error) => {
            // Without its text the document is of no use, and the next import would take it for the last.
            peer.edit(vec![edit(Op::Delete, &path, Value::Null, None)], WHY).await?;
            Ok(refused(text, error.to_string()))
        }
    }
}

async fn rewrite(peer: &Peer, text: &Text, before: &Known) -> Result<Line, Failure> {
    if before.body == text.body {
        return Ok(line(text, Some(before.item), Outcome::Unchanged));
    }
    let path = format!("documents/{}", before.item);
    let body = text.body.as_str().into();
    let mut edits = vec![edit(Op::Set, &format!("{path}/body"), body, before.base.clone())];
    let (was, is) = (gather::heading(&before.body), gather::heading(&text.body));
    if is.is_some() && was != is {
        edits.push(edit(Op::Set, &format!("{path}/title"), text.title.as_str().into(), None));
    }
    Ok(match peer.edit(edits, WHY).await {
        Ok(edited) => {
            let landed =
                edited.answers.into_iter().next().map_or(Landed::OnTop, |answer| answer.landed);
            line(text, Some(before.item), Outcome::Rewritten(landed))
        }
        Err(error) => refused(text, error.to_string()),
    })
}

fn edit(op: Op, path: &str, value: Value, base: Option<String>) -> Edit {
    Edit { op, path: path.to_owned(), value, old: None, base, if_unchanged: false }
}

fn line(text: &Text, item: Option<ItemId>, outcome: Outcome) -> Line {
    let path = item.map(|item| format!("documents/{item}"));
    Line { source: text.source.clone(), title: text.title.clone(), path, outcome }
}

fn refused(text: &Text, reason: String) -> Line {
    line(text, None, Outcome::Refused { reason })
}

fn report(screen: &mut Screen, lines: &[Line], how: Run) -> Result<(), Failure> {
    let count = |word: &str| lines.iter().filter(|line| line.outcome.word() == word).count();
    if screen.form == Form::Json {
        let files: Vec<_> = lines.iter().map(Line::to_json).collect();
        screen.json(&json!({
            "dry_run": how == Run::Dry,
            "files": files,
            "new": count("new"),
            "rewritten": count("rewritten"),
            "unchanged": count("unchanged"),
            "refused": count("refused"),
        }))?;
        return Ok(());
    }
    let paint = screen.paint;
    for line in lines {
        let (word, told) = (format!("{:<10}", line.outcome.word()), line.outcome.told(paint));
        let word = match &line.outcome {
            Outcome::New => paint.green(&word),
            Outcome::Rewritten(_) => paint.cyan(&word),
            Outcome::Unchanged => paint.dim(&word),
            Outcome::Refused { .. } => paint.red(&word),
        };
        let title = paint.bold(&brief(&line.title, 60));
        say!(screen, "{word} {}  {title}{told}", brief(&line.source, 80))?;
    }
    let (new, rewritten) = (count("new"), count("rewritten"));
    let (unchanged, refused) = (count("unchanged"), count("refused"));
    let would = if how == Run::Dry { "would be: " } else { "" };
    let refused = if refused == 0 { String::new() } else { format!(", {refused} refused") };
    say!(screen, "{would}{new} new, {rewritten} rewritten, {unchanged} unchanged{refused}")?;
    Ok(())
}

impl Line {
    fn to_json(&self) -> Json {
        let mut json = json!({
            "source": self.source,
            "title": self.title,
            "path": self.path,
            "outcome": self.outcome.word(),
        });
        if let (Outcome::Refused { reason }, Some(object)) = (&self.outcome, json.as_object_mut()) {
            object.insert("reason".to_owned(), reason.as_str().into());
        }
        json
    }
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Rewritten(_) => "rewritten",
            Self::Unchanged => "unchanged",
            Self::Refused { .. } => "refused",
        }
    }

    fn told(&self, paint: Paint) -> String {
        match self {
            Self::New | Self::Unchanged => String::new(),
            Self::Rewritten(landed) => format!("  {}", landing::landed(landed, paint)),
            Self::Refused { reason } => format!("  {}", paint.red(reason)),
        }
    }
}
