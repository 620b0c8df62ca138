//! What was written last, beside the context: the merge base of hand edits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::render::{Entry, Rendered};
use super::{Mark, hash};
use crate::failure::Failure;
use crate::write;

/// Where it is kept, in the context's own folder.
const FILE: &str = "files.json";

/// What was written into which file, by its path below the project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bases {
    path: PathBuf,
    files: BTreeMap<String, Rendered>,
}

impl Bases {
    /// What is remembered. It can be made again, so what is damaged counts as forgotten.
    pub(crate) fn read(directory: &Path) -> Self {
        let path = directory.join(FILE);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let json: Json = serde_json::from_str(&text).unwrap_or_default();
        let files = json.as_object().into_iter().flatten();
        let files = files.filter_map(|(name, file)| Some((name.clone(), read(file)?))).collect();
        Self { path, files }
    }

    /// What a mark says was written.
    pub(crate) fn get(&self, source: &str, mark: &Mark) -> Option<&Rendered> {
        let base = self.files.get(source)?;
        (base.version == mark.version && hash(&base.inner) == mark.hash).then_some(base)
    }

    /// Remembers what was written.
    pub(crate) fn put(&mut self, source: &str, rendered: &Rendered) -> Result<(), Failure> {
        self.files.insert(source.to_owned(), rendered.clone());
        let files: Map<String, Json> =
            self.files.iter().map(|(name, base)| (name.clone(), written(base))).collect();
        write::replace(&self.path, format!("{:#}\n", Json::Object(files)).as_bytes())
    }
}

fn written(base: &Rendered) -> Json {
    let entries = base.entries.iter().map(|entry| {
        json!({
            "section": entry.section.name(),
            "item": entry.item.to_string(),
            "deeper": entry.deeper,
            "quoted": entry.quoted,
        })
    });
    json!({
        "version": base.version,
        "hash": hash(&base.inner),
        "items": entries.collect::<Vec<_>>(),
        "text": base.inner,
    })
}

fn read(json: &Json) -> Option<Rendered> {
    let entries = json["items"].as_array()?.iter().map(|entry| {
        Some(Entry {
            section: entry["section"].as_str()?.parse().ok()?,
            item: entry["item"].as_str()?.parse().ok()?,
            deeper: usize::try_from(entry["deeper"].as_u64()?).ok()?,
            quoted: entry["quoted"].as_bool()?,
        })
    });
    Some(Rendered {
        inner: json["text"].as_str()?.to_owned(),
        version: json["version"].as_str()?.to_owned(),
        entries: entries.collect::<Option<_>>()?,
    })
}
