//! What becomes of each proposal, given what the context holds.

use std::collections::BTreeMap;

use wattle_context::limits::BODY_BYTES_MAX;
use wattle_context::{Context, Edit, ItemId, Op, Section, Value};

use super::known::{self, Fields, Known};
use super::proposal::Proposal;
use super::{gather, likeness};

/// What becomes of one passage of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A new item.
    New,
    /// Its item is changed.
    Rewritten,
    /// It is there already.
    Unchanged,
    /// Its item was deleted since the last import, and stays so.
    Deleted,
    /// It is no longer in the file; its item stays.
    Left,
    /// It was deleted from a managed block, and so is its item.
    Removed,
    /// It is not taken.
    Refused {
        /// Why.
        reason: String,
    },
}

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) source: String,
    /// In the file, from 1 on; 0 when it is not there any more.
    pub(crate) line: usize,
    pub(crate) section: Section,
    pub(crate) title: String,
    pub(crate) item: Option<ItemId>,
    pub(crate) fate: Fate,
    pub(crate) edits: Vec<Edit>,
    /// The id that the new item is to have, where it must not be drawn.
    pub(crate) new_id: Option<ItemId>,
    /// Values that stood side by side, and shall again.
    pub(crate) rivals: Vec<Rival>,
}

/// Several values of one field, none of which replaces another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rival {
    pub(crate) path: String,
    pub(crate) values: Vec<Value>,
}

/// What becomes of the proposals of some files.
pub(crate) fn plan(context: &Context, files: &[(String, Vec<Proposal>)]) -> Vec<Step> {
    let mut plan =
        Planner { context, known: BTreeMap::new(), all: BTreeMap::new(), made: Vec::new() };
    for section in [Section::Instructions, Section::Rules] {
        plan.known.insert(section, known::items(context, section));
        plan.all.insert(section, known::all(context, section));
    }
    let documents = documents(context);
    let mut steps = Vec::new();
    for (source, proposals) in files {
        let mut of_file: Vec<Step> = proposals
            .iter()
            .filter(|proposal| proposal.section == Section::Documents)
            .map(|proposal| plan.document(proposal, &documents))
            .collect();
        for section in [Section::Instructions, Section::Rules] {
            let own = proposals.iter().filter(|proposal| proposal.section == section);
            let own: Vec<&Proposal> = own.collect();
            of_file.extend(plan.passages((source, section), &own));
        }
        of_file.sort_by_key(|step| (step.line == 0, step.line));
        steps.extend(of_file);
    }
    steps
}

struct Planner<'a> {
    context: &'a Context,
    known: BTreeMap<Section, Vec<Known>>,
    all: BTreeMap<Section, Vec<(ItemId, Fields)>>,
    /// What this plan adds: the same passage in two files is one item.
    made: Vec<Proposal>,
}

impl Planner<'_> {
    /// The passages of one file that go into one section.
    fn passages(&mut self, (source, section): (&str, Section), own: &[&Proposal]) -> Vec<Step> {
        let known = self.known.get(&section).map(Vec::as_slice).unwrap_or_default();
        let known: Vec<&Known> = known.iter().filter(|known| known.is_from(source)).collect();
        let pairs = likeness::pairs(&known, own);
        let mut steps = Vec::new();
        for (proposal, pair) in own.iter().zip(&pairs) {
            let step = match pair.and_then(|at| known.get(at)) {
                Some(known) => rewritten(proposal, known),
                None => self.unpaired(proposal),
            };
            if step.fate == Fate::New {
                self.made.push((*proposal).clone());
            }
            steps.push(step);
        }
        let paired = |at: &usize| pairs.contains(&Some(*at));
        let left =
            known.iter().enumerate().filter(|(at, known)| !paired(at) && known.now.is_some());
        let title = section.title();
        steps.extend(left.map(|(_, known)| Step {
            source: source.to_owned(),
            line: 0,
            section,
            title: known::text(&known.then, title).to_owned(),
            item: Some(known.item),
            fate: Fate::Left,
            edits: Vec::new(),
            new_id: None,
            rivals: Vec::new(),
        }));
        steps
    }

    fn unpaired(&self, proposal: &Proposal) -> Step {
        let alike = |fields: &Fields| {
            ["title", "statement", "body", "rationale"]
                .iter()
                .all(|name| known::text(fields, name) == proposal.text(name))
                && ["scope", "audience"].iter().all(|name| same(fields, &proposal.fields, name))
        };
        let there = self.all.get(&proposal.section).into_iter().flatten();
        if let Some((item, _)) = there.clone().find(|(_, fields)| alike(fields)) {
            return step(proposal, Some(*item), Fate::Unchanged);
        }
        if self.made.iter().any(|made| made.section == proposal.section && alike(&made.fields)) {
            return step(proposal, None, Fate::Unchanged);
        }
        let add = edit(Op::Add, proposal.section.name(), Value::Map(proposal.fields.clone()), None);
        Step { edits: vec![add], ..step(proposal, None, Fate::New) }
    }

    fn document(&self, proposal: &Proposal, known: &BTreeMap<String, (ItemId, String)>) -> Step {
        let body = proposal.text("body");
        if body.len() > BODY_BYTES_MAX {
            let reason = format!("{} bytes; a document has at most {BODY_BYTES_MAX}", body.len());
            return step(proposal, None, Fate::Refused { reason });
        }
        let Some((item, title)) = known.get(proposal.text("source")) else {
            return self.new_document(proposal);
        };
        let (base, then) = known::body(self.context, item);
        if then == body {
            return step(proposal, Some(*item), Fate::Unchanged);
        }
        let path = format!("documents/{item}");
        let mut edits = vec![edit(Op::Set, &format!("{path}/body"), body.into(), base)];
        let (was, is) = (gather::heading(&then), gather::heading(body));
        if is.is_some() && was != is && title != proposal.title() {
            edits.push(edit(Op::Set, &format!("{path}/title"), proposal.title().into(), None));
        }
        Step { edits, ..step(proposal, Some(*item), Fate::Rewritten) }
    }

    fn new_document(&self, proposal: &Proposal) -> Step {
        let add = edit(Op::Add, "documents", Value::Map(proposal.fields.clone()), None);
        Step { edits: vec![add], ..step(proposal, None, Fate::New) }
    }
}

/// The documents that have a source, by it: their ids and titles.
fn documents(context: &Context) -> BTreeMap<String, (ItemId, String)> {
    let mut known = BTreeMap::new();
    for (item, fields) in known::all(context, Section::Documents) {
        let title = known::text(&fields, "title").to_owned();
        match known::text(&fields, "source") {
            "" => {}
            // Two replicas that imported one file apart made two documents: the first is rewritten.
            source => {
                known.entry(source.to_owned()).or_insert((item, title));
            }
        }
    }
    known
}

/// What a file says now of an item that came from it.
fn rewritten(proposal: &Proposal, known: &Known) -> Step {
    let Some(now) = &known.now else { return step(proposal, Some(known.item), Fate::Deleted) };
    let mut edits = Vec::new();
    for name in ["title", "statement", "body", "rationale"] {
        let new = proposal.text(name);
        if proposal.section.field(name).is_none()
            || known::text(&known.then, name) == new
            || known::text(now, name) == new
        {
            continue;
        }
        let path = format!("{}/{}/{name}", proposal.section, known.item);
        edits.push(edit(Op::Set, &path, new.into(), Some(known.base.clone())));
    }
    let fate = if edits.is_empty() { Fate::Unchanged } else { Fate::Rewritten };
    Step { edits, ..step(proposal, Some(known.item), fate) }
}

fn same(one: &Fields, other: &Fields, name: &str) -> bool {
    let list =
        |fields: &Fields| fields.get(name).and_then(Value::list).unwrap_or_default().to_vec();
    list(one) == list(other)
}

fn step(proposal: &Proposal, item: Option<ItemId>, fate: Fate) -> Step {
    Step {
        source: proposal.text("source").split('#').next().unwrap_or_default().to_owned(),
        line: proposal.line,
        section: proposal.section,
        title: proposal.title().to_owned(),
        item,
        fate,
        edits: Vec::new(),
        new_id: None,
        rivals: Vec::new(),
    }
}

pub(crate) fn edit(op: Op, path: &str, value: Value, base: Option<String>) -> Edit {
    Edit { op, path: path.to_owned(), value, old: None, base, if_unchanged: false }
}
