//! What the roles of a scenario allow. `wattle-sync` has the names for people; the two are compared
//! wherever a scenario runs over sockets as well.

use wattle_context::Section;
use wattle_protocol::access::{Power, Rights, Scopes};

/// What a role allows: one with a name, or a selection like `read=rules,tasks;write=tasks`.
pub fn rights(role: &str) -> Option<Rights> {
    use Section::{Documents, Instructions, People, Tasks};
    let all = scopes(&Section::ALL);
    let writes = |sections: &[Section], power| Rights { read: all, write: scopes(sections), power };
    Some(match role {
        "none" => Rights::NONE,
        "reader" => writes(&[], Power::Sponsor),
        "contributor" => writes(&[Tasks, Documents], Power::Sponsor),
        "editor" => writes(&[Tasks, Documents, Instructions, People], Power::Sponsor),
        "maintainer" => writes(&Section::ALL, Power::Maintain),
        "owner" => Rights::ALL,
        selection => selected(selection)?,
    })
}

/// Whether this is the name of a role, or a selection.
pub(crate) fn is_role(role: &str) -> bool {
    rights(role).is_some()
}

fn selected(selection: &str) -> Option<Rights> {
    let (mut read, mut write) = (Scopes::default(), Scopes::default());
    for clause in selection.split(';') {
        let (verb, names) = clause.split_once('=')?;
        let sections: Option<Vec<Section>> =
            names.split(',').map(|name| name.parse().ok()).collect();
        match verb {
            "read" => read = scopes(&sections?),
            "write" => write = scopes(&sections?),
            _ => return None,
        }
    }
    Some(Rights { read: Scopes(read.0 | write.0), write, power: Power::Sponsor })
}

fn scopes(sections: &[Section]) -> Scopes {
    let numbers: Vec<u8> = sections.iter().map(|section| section.number()).collect();
    Scopes::of(&numbers)
}
