//! Versions as people give them: of a whole context, or of one document alone.

use wattle_context::{Context, Part, Section, VersionError};

/// A version of a context from what was given: `rules:…;tasks:…`, or the heads of one document alone,
/// as edits and the log print them.
pub(crate) fn spelled_out(context: &Context, given: &str) -> Result<String, VersionError> {
    if given.contains(':') {
        return Ok(given.to_owned());
    }
    let named = |part: &Part| format!("{part}:{given}");
    let found = context.parts().map(named).find(|version| context.at(version).is_ok());
    found.ok_or_else(|| VersionError::Malformed { version: given.to_owned() })
}

/// The present version to compare with: of the same document if `version` names one alone, else of all.
pub(crate) fn now(context: &Context, version: &str) -> String {
    let all = context.version();
    if version.contains(';') {
        return all;
    }
    let named: Vec<&str> = version.split(';').filter_map(|part| part.split(':').next()).collect();
    let kept = all
        .split(';')
        .filter(|part| part.split(':').next().is_some_and(|name| named.contains(&name)));
    kept.collect::<Vec<_>>().join(";")
}

/// The documents that a version names.
pub(crate) fn parts(version: &str) -> Vec<Part> {
    version.split(';').filter_map(|part| named(part.split_once(':')?.0)).collect()
}

fn named(name: &str) -> Option<Part> {
    match name.strip_prefix("body-") {
        Some(id) => id.parse().ok().map(Part::Body),
        None => name.parse::<Section>().ok().map(Part::Section),
    }
}
