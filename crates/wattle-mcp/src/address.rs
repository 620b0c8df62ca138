//! The addresses of resources: `context://NAME/rules/7f3a21bc?format=json`.

use wattle_context::{ItemId, Section};

/// What an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// What a session begins with.
    Brief,
    /// The open conflicts.
    Conflicts,
    /// A section.
    Section(Section),
    /// An item, by id or title.
    Item(Section, String),
    /// The text of a knowledge document.
    Body(String),
    /// Who changed something, when and why.
    History(String),
}

/// The form in which it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Markdown,
    Json,
}

/// An address of this context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) wanted: Wanted,
    pub(crate) form: Form,
}

impl Address {
    /// Reads an address; none if it names nothing of the context of this name.
    pub(crate) fn parse(uri: &str, name: &str) -> Option<Self> {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let rest = path.strip_prefix("context://")?;
        let (context, path) = rest.split_once('/')?;
        if decoded(context)? != name {
            return None;
        }
        let form = match query {
            "" | "format=markdown" => Form::Markdown,
            "format=json" => Form::Json,
            _ => return None,
        };
        Some(Self { wanted: wanted(&decoded(path)?)?, form })
    }

    /// Whether a change at one of these paths changes what the address shows.
    pub(crate) fn shows(&self, path: &str) -> bool {
        let mut parts = path.trim_start_matches("policies/").split('/');
        let (section, item) = (parts.next().unwrap_or_default(), parts.next());
        match &self.wanted {
            Wanted::Brief | Wanted::Conflicts => true,
            Wanted::Section(wanted) => wanted.name() == section,
            Wanted::Item(wanted, name) => wanted.name() == section && is_named(item, name),
            Wanted::Body(name) => section == Section::Documents.name() && is_named(item, name),
            Wanted::History(wanted) => {
                wanted.split('/').next() == Some(section)
                    && wanted.split('/').nth(1).is_none_or(|name| is_named(item, name))
            }
        }
    }
}

/// The address of something in a context.
pub(crate) fn uri(name: &str, path: &str) -> String {
    format!("context://{}/{path}", encoded(name))
}

/// A context's name as it stands in an address.
pub(crate) fn encoded(name: &str) -> String {
    let spelled = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(spelled).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn wanted(path: &str) -> Option<Wanted> {
    let mut parts = path.splitn(3, '/');
    let first = parts.next()?;
    match (first, parts.next(), parts.next()) {
        ("brief", None, None) => Some(Wanted::Brief),
        ("conflicts", None, None) => Some(Wanted::Conflicts),
        ("history", Some(_), _) => {
            path.strip_prefix("history/").map(|p| Wanted::History(p.to_owned()))
        }
        ("documents", Some(item), Some("body")) => Some(Wanted::Body(item.to_owned())),
        (section, None, None) => section.parse().ok().map(Wanted::Section),
        (section, Some(item), None) if !item.is_empty() => {
            section.parse().ok().map(|section| Wanted::Item(section, item.to_owned()))
        }
        _ => None,
    }
}

/// Whether a name may be that of an item: the beginning of its id, or a title, which only a read can tell.
fn is_named(item: Option<&str>, name: &str) -> bool {
    let is_id = |text: &str| format!("{text:0<16}").parse::<ItemId>().is_ok();
    item.is_none_or(|item| item.starts_with(name) || !is_id(name))
}

#[cfg(test)]
mod tests;
