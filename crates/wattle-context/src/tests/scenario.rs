//! Runs scenarios: several replicas of one context, one statement per line.
//!
//! ```text
//! peers ana bob
//! ana: add rules "no deploys on Friday" as r
//! sync
//! ana: read v                                        names the version that ana sees
//! ana: set r/statement "no deploys" base v           the answer can be asked for with `landed`
//! landed ontop
//! expect * r/statement = "no deploys"                what is in force; several values in a JSON list of `both`
//! conflicts * 0
//! ana: claim t [at 90] [for 600] [leased 3]          a record of ana's claim of a task; so are renew and release
//! try ana t 1                                        settles the conflict between claims, if one is open there
//! holds * t ana                                      who owns the task: by now, or by the moment
//! moment 700                                         it is so many seconds after the beginning, for all
//! fails "…"                                          the last edit was refused with these words
//! purge mal                                          everybody else takes out what mal wrote and what builds on it,
//!                                                    and writes what was theirs again, in the order of their names
//! lost bob 1                                         so many places could not be written again
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::json::{value_from_json, value_to_json};
use crate::{
    Author, Conflict, Context, Document, Edit, Edited, ItemId, Landed, Op, Part, Redo, Section,
    Settlement, Source, Value,
};

pub(crate) struct Replica {
    pub(crate) context: Context,
    pub(crate) by: Author,
    items: u8,
    versions: BTreeMap<String, String>,
    /// What could not be written again.
    lost: Vec<String>,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) replicas: BTreeMap<String, Replica>,
    names: BTreeMap<String, String>,
    last: Option<Result<Edited, String>>,
    pub(crate) time: i64,
    pub(crate) moment_ms: Option<i64>,
}

pub(crate) fn run(script: &str) -> World {
    let mut world = World::default();
    for (line, number) in script.lines().zip(1..) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            world.step(line).unwrap_or_else(|what| panic!("line {number}: {line}\n{what}"));
        }
    }
    world
}

impl Replica {
    pub(crate) fn new(number: u8, name: &str) -> Self {
        let mut context = Context::new();
        for section in Section::ALL {
            let part = Part::Section(section);
            context.insert(part, Document::new(part));
        }
        context.ranks([([1; 32], 3)].into());
        let by = Author {
            actor: [number; 16],
            key: [number; 32],
            name: name.to_owned(),
            client: "test".to_owned(),
            time_ms: 0,
        };
        Self { context, by, items: 0, versions: BTreeMap::new(), lost: Vec::new() }
    }

    pub(crate) fn edit(&mut self, edits: &[Edit], why: &str) -> Result<Edited, crate::EditError> {
        for part in self.context.needs(edits)? {
            self.context.insert(part, Document::new(part));
        }
        let (number, items) = (self.by.actor[0], &mut self.items);
        let mut ids = || {
            *items += 1;
            ItemId::from_bytes([number, *items, 0, 0, 0, 0, 0, 0, 0, 0])
        };
        self.context.edit(edits, why, &self.by, &mut ids)
    }

    /// Takes out what a principal wrote and what builds on it, then writes again what is this one's own.
    fn purge(&mut self, key: &[u8; 32]) {
        let parts: Vec<Part> = self.context.parts().copied().collect();
        for part in parts {
            let old = self.context.document(&part).unwrap().clone();
            let mut out: BTreeSet<[u8; 32]> =
                old.reasons(key).into_iter().map(|(change, _)| change).collect();
            let mut fresh = Document::new(part);
            for bytes in old.changes() {
                let change = automerge::Change::try_from(bytes.as_slice()).unwrap();
                let hash = change.hash().0;
                if out.contains(&hash) || change.deps().iter().any(|dep| out.contains(&dep.0)) {
                    out.insert(hash);
                } else {
                    fresh.apply(&[&bytes]).unwrap();
                }
            }
            self.context.insert(part, fresh);
            self.replay(&old, &out);
        }
    }

    fn replay(&mut self, old: &Document, out: &BTreeSet<[u8; 32]>) {
        let mut landed = BTreeMap::new();
        for run in old.runs(out, &self.by.key) {
            let source = Source { old, landed: &landed };
            let Redo { edits, ids, lost } = self.context.redo(&run, &source);
            self.lost.extend(lost);
            let mut ids = ids.into_iter();
            let edited =
                self.context.edit(&edits, &run.why, &self.by, &mut || ids.next().unwrap()).unwrap();
            if let Some((_, bytes)) = edited.changes.last() {
                let change = automerge::Change::try_from(bytes.as_slice()).unwrap();
                landed.extend(run.changes.iter().map(|own| (*own, change.hash().0)));
            }
        }
    }

    /// Takes in what the other one has.
    pub(crate) fn pull(&mut self, other: &Context) {
        for part in other.parts() {
            if self.context.document(part).is_none() {
                self.context.insert(*part, Document::new(*part));
            }
            let changes = other.document(part).unwrap().changes();
            let changes: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
            self.context.document_mut(part).unwrap().apply(&changes).unwrap();
        }
    }
}

impl World {
    fn step(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "peers" => {
                for (name, number) in rest.split(' ').zip(1..) {
                    self.replicas.insert(name.to_owned(), Replica::new(number, name));
                }
                Ok(())
            }
            "sync" => {
                let names: Vec<String> = self.whom(if rest.is_empty() { "*" } else { rest });
                for (one, other) in names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
                    let other = self.replicas[other].context.clone();
                    self.replicas.get_mut(one).unwrap().pull(&other);
                }
                Ok(())
            }
            "expect" => self.expect(rest),
            "conflicts" => self.conflicts(rest),
            "landed" => self.landed(rest),
            "fails" => self.fails(rest),
            "equal" => self.equal(),
            "holds" => self.holds(rest),
            "moment" => self.moment(rest),
            "try" => self.settle_any(rest),
            "purge" => self.purge(rest),
            "lost" => self.lost(rest),
            _ => {
                let name = word.strip_suffix(':').ok_or("no such statement")?.to_owned();
                self.act(&name, rest)
            }
        }
    }

    pub(crate) fn version(&self, name: &str, version: &str) -> String {
        self.replicas[name].versions[version].clone()
    }

    pub(crate) fn whom(&self, names: &str) -> Vec<String> {
        if names == "*" {
            return self.replicas.keys().cloned().collect();
        }
        names.split(' ').map(str::to_owned).collect()
    }

    fn act(&mut self, name: &str, rest: &str) -> Result<(), String> {
        self.time += 1000;
        let (rest, named) = match rest.rsplit_once(" as ") {
            Some((rest, named)) => (rest, Some(named.to_owned())),
            None => (rest, None),
        };
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let edit = match verb {
            "read" | "resolve" => None,
            "claim" | "renew" | "release" => Some(self.record_of(name, verb, rest)),
            _ => Some(self.edit_of(name, verb, rest)),
        };
        let edit = edit.transpose()?;
        let replica = self.replicas.get_mut(name).ok_or("no such peer")?;
        replica.by.time_ms = self.time;
        let Some(edit) = edit else {
            if verb == "read" {
                replica.versions.insert(rest.to_owned(), replica.context.version());
                return Ok(());
            }
            let (id, how) = rest.split_once(' ').ok_or("resolve PATH a|value")?;
            let path = self.full(id);
            let replica = self.replicas.get_mut(name).unwrap();
            let open: Vec<Conflict> = replica.context.conflicts();
            let conflict = open
                .iter()
                .find(|c| c.path == path)
                .ok_or_else(|| format!("no conflict at {path}"))?;
            let settlement = match serde_json::from_str::<Json>(how) {
                Ok(json) => Settlement::Value(value_from_json(&json).unwrap()),
                // By value, because the letters depend on hashes.
                Err(_) => {
                    let wanted = how.strip_prefix("keep:").ok_or("keep:VALUE")?;
                    let found = conflict.lettered().find(|(_, c)| called(&c.value) == wanted);
                    Settlement::Keep(found.ok_or("no such candidate")?.0)
                }
            };
            let done =
                replica.context.resolve(&conflict.id, settlement, "settled", &replica.by.clone());
            self.last = Some(done.map_err(|error| error.to_string()));
            return Ok(());
        };
        let done = replica.edit(&[edit], "because").map_err(|error| error.to_string());
        if let (Ok(done), Some(named)) = (&done, named) {
            self.names.insert(named, done.answers[0].path.clone());
        }
        self.last = Some(done);
        Ok(())
    }

    /// `set r/statement "text" base v`
    fn edit_of(&self, name: &str, verb: &str, rest: &str) -> Result<Edit, String> {
        let op = match verb {
            "set" => Op::Set,
            "add" => Op::Add,
            "replace" => Op::Replace,
            "append" => Op::Append,
            "remove" => Op::Remove,
            "delete" => Op::Delete,
            _ => return Err(format!("no verb {verb}")),
        };
        let (path, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut if_unchanged = false;
        if let Some(before) = rest.strip_suffix("unchanged") {
            (rest, if_unchanged) = (before.trim_end(), true);
        }
        let mut base = None;
        let parts = rest.rsplit_once("base ").filter(|(_, version)| !version.contains('"'));
        if let Some((before, version)) = parts {
            let known = self.replicas.values().find_map(|replica| replica.versions.get(version));
            base = Some(known.cloned().unwrap_or_else(|| version.to_owned()));
            rest = before.trim_end();
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Json>();
        let mut next = || -> Result<Option<Json>, String> {
            values.next().transpose().map_err(|error| format!("{name}: {error}"))
        };
        let old = if op == Op::Replace {
            next()?.and_then(|v| v.as_str().map(str::to_owned))
        } else {
            None
        };
        let value = next()?.map_or(Value::Null, |json| value_from_json(&json).unwrap());
        Ok(Edit { op, path: self.full(path), value, old, base, if_unchanged })
    }

    pub(crate) fn full(&self, path: &str) -> String {
        let (first, rest) = path.split_once('/').map_or((path, None), |(a, b)| (a, Some(b)));
        let first = self.names.get(first).map_or(first, String::as_str);
        rest.map_or_else(|| first.to_owned(), |rest| format!("{first}/{rest}"))
    }

    fn expect(&self, rest: &str) -> Result<(), String> {
        let (whom, rest) = rest.split_once(' ').ok_or("expect WHO PATH = VALUE")?;
        let (path, wanted) = rest.split_once(" = ").ok_or("expect WHO PATH = VALUE")?;
        let path = self.full(path);
        for name in self.whom(whom) {
            let found = look(&self.replicas[&name].context, &path);
            let (found, wanted): (Json, Json) = match wanted.strip_prefix("both ") {
                Some(both) => (found, serde_json::from_str(both).map_err(|e| e.to_string())?),
                None => {
                    let one =
                        found.as_array().filter(|all| all.len() == 1).map(|all| all[0].clone());
                    (one.unwrap_or(found), serde_json::from_str(wanted).map_err(|e| e.to_string())?)
                }
            };
            if found != wanted {
                return Err(format!("{name} has {found}, not {wanted}"));
            }
        }
        Ok(())
    }

    fn conflicts(&self, rest: &str) -> Result<(), String> {
        let (whom, count) = rest.split_once(' ').ok_or("conflicts WHO COUNT")?;
        for name in self.whom(whom) {
            let found = self.replicas[&name].context.conflicts();
            if found.len().to_string() != count {
                return Err(format!("{name} has {found:#?}"));
            }
        }
        Ok(())
    }

    fn landed(&self, wanted: &str) -> Result<(), String> {
        let answer = self.last.as_ref().ok_or("no edit")?.as_ref().map_err(Clone::clone)?;
        let found = match &answer.answers[0].landed {
            Landed::OnTop => "ontop".to_owned(),
            Landed::Merged { with } => format!("merged {}", who(with)),
            Landed::Overlapping { with } => format!("overlapping {}", who(with)),
        };
        if found == wanted { Ok(()) } else { Err(format!("it landed {found}")) }
    }

    fn purge(&mut self, name: &str) -> Result<(), String> {
        let forger = self.replicas.remove(name).ok_or("no such peer")?;
        for replica in self.replicas.values_mut() {
            replica.purge(&forger.by.key);
        }
        Ok(())
    }

    fn lost(&self, rest: &str) -> Result<(), String> {
        let (name, count) = rest.split_once(' ').ok_or("lost WHO COUNT")?;
        let lost = &self.replicas[name].lost;
        if lost.len().to_string() == count { Ok(()) } else { Err(format!("lost: {lost:?}")) }
    }

    fn fails(&self, wanted: &str) -> Result<(), String> {
        match self.last.as_ref().ok_or("no edit")? {
            Err(error) if error.contains(wanted.trim_matches('"')) => Ok(()),
            Err(error) => Err(format!("it failed with {error}")),
            Ok(_) => Err("it went well".to_owned()),
        }
    }

    /// Everybody has the same, exports and conflicts included.
    fn equal(&self) -> Result<(), String> {
        let mut all = self.replicas.values().map(|replica| {
            (
                replica.context.export().to_string(),
                replica.context.conflicts(),
                replica.context.version(),
            )
        });
        let first = all.next().ok_or("nobody")?;
        if all.all(|other| other == first) { Ok(()) } else { Err("they differ".to_owned()) }
    }
}

/// What a scenario calls a candidate: a claim by its holder.
fn called(value: &Value) -> String {
    match value {
        Value::Map(claim) => claim["holder"].to_string(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::List(_) => {
            value.to_string()
        }
    }
}

fn who(with: &[crate::Touch]) -> String {
    let mut who: Vec<&str> = with.iter().map(|touch| touch.by.as_str()).collect();
    who.dedup();
    who.join("+")
}

/// All that is in force at a path, as a list; `gone` for an item that is not there.
fn look(context: &Context, path: &str) -> Json {
    let Ok(path) = context.locate(path) else { return "gone".into() };
    if path.section == Section::Documents && path.field.as_deref() == Some("body") {
        return context.body(&path.item.unwrap()).map_or_else(|| "gone".into(), Json::from);
    }
    if path.item.is_some() && path.field.is_none() {
        return if context.item(&path).is_some() { "there".into() } else { "gone".into() };
    }
    match context.field(&path) {
        Some(field) => field.in_force.iter().map(value_to_json).collect::<Vec<_>>().into(),
        None => "gone".into(),
    }
}
