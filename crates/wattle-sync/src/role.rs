//! Names for rights: what people grant, and what the protocol knows only as section numbers.

use std::fmt;
use std::str::FromStr;

use wattle_context::Section;
use wattle_protocol::access::{Power, Rights, Scopes};

use crate::error::RoleError;

#[cfg(test)]
mod tests;

/// What somebody may do in a context. Nobody grants more than they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads all six sections.
    Reader,
    /// Also writes tasks and documents.
    Contributor,
    /// Also writes instructions and people.
    Editor,
    /// Also writes rules and tools; invites, grants to and revokes those below.
    Maintainer,
    /// Everything: also grants to and revokes everyone, and names the sequencer.
    Owner,
    /// These sections, and nothing else. What may be written may be read.
    Selection {
        /// Sections to read.
        read: Vec<Section>,
        /// Sections to write.
        write: Vec<Section>,
    },
}

impl Role {
    /// The roles that have a name, from the least to the most.
    pub const NAMED: [Self; 5] =
        [Self::Reader, Self::Contributor, Self::Editor, Self::Maintainer, Self::Owner];

    /// What it allows.
    pub fn rights(&self) -> Rights {
        use Section::{Documents, Instructions, People, Tasks};
        let all = scopes(&Section::ALL);
        let writer = |write, power| Rights { read: all, write, power };
        match self {
            Self::Reader => writer(Scopes::default(), Power::Sponsor),
            Self::Contributor => writer(scopes(&[Tasks, Documents]), Power::Sponsor),
            Self::Editor => {
                writer(scopes(&[Tasks, Documents, Instructions, People]), Power::Sponsor)
            }
            Self::Maintainer => writer(all, Power::Maintain),
            Self::Owner => Rights::ALL,
            Self::Selection { read, write } => {
                let (read, write) = (scopes(read), scopes(write));
                Rights { read: Scopes(read.0 | write.0), write, power: Power::Sponsor }
            }
        }
    }

    /// The role that allows this; a selection when none with a name does exactly that.
    pub fn of(rights: &Rights) -> Self {
        let named = Self::NAMED.into_iter().find(|role| role.rights() == *rights);
        named.unwrap_or_else(|| {
            let of = |allows: &dyn Fn(u8) -> bool| -> Vec<Section> {
                Section::ALL.into_iter().filter(|section| allows(section.number())).collect()
            };
            let (read, write) =
                (of(&|scope| rights.reads(scope)), of(&|scope| rights.writes(scope)));
            Self::Selection { read, write }
        })
    }

    /// Its rank for the `authority` merge policy, 0 to 4. A selection has that of the highest role
    /// without power over others whose sections it may write.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Reader => 0,
            Self::Contributor => 1,
            Self::Editor => 2,
            Self::Maintainer => 3,
            Self::Owner => 4,
            Self::Selection { .. } => {
                let writes = |role: &Self| role.rights().write.is_within(self.rights().write);
                match (writes(&Self::Editor), writes(&Self::Contributor)) {
                    (true, _) => 2,
                    (false, true) => 1,
                    (false, false) => 0,
                }
            }
        }
    }

    /// The named roles that may write a section.
    pub fn writers(section: Section) -> impl Iterator<Item = Self> {
        Self::NAMED.into_iter().filter(move |role| role.rights().writes(section.number()))
    }
}

fn scopes(sections: &[Section]) -> Scopes {
    let numbers: Vec<u8> = sections.iter().map(|section| section.number()).collect();
    Scopes::of(&numbers)
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reader => f.write_str("reader"),
            Self::Contributor => f.write_str("contributor"),
            Self::Editor => f.write_str("editor"),
            Self::Maintainer => f.write_str("maintainer"),
            Self::Owner => f.write_str("owner"),
            Self::Selection { read, write } => {
                let list = |sections: &[Section]| {
                    let names: Vec<&str> = sections.iter().map(|section| section.name()).collect();
                    names.join(",")
                };
                write!(f, "read={};write={}", list(read), list(write))
            }
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    /// A name, or a selection like `read=tasks,documents;write=tasks`.
    fn from_str(text: &str) -> Result<Self, RoleError> {
        if let Some(role) = Self::NAMED.into_iter().find(|role| role.to_string() == text) {
            return Ok(role);
        }
        let (mut read, mut write) = (Vec::new(), Vec::new());
        for clause in text.split(';') {
            let (verb, sections) = clause.trim().split_once('=').ok_or_else(|| unknown(text))?;
            let sections = sections.split(',').map(str::trim).filter(|name| !name.is_empty());
            let sections = sections.map(|name| {
                name.parse().map_err(|_| RoleError::Section { found: name.to_owned() })
            });
            match verb {
                "read" => read = sections.collect::<Result<_, _>>()?,
                "write" => write = sections.collect::<Result<_, _>>()?,
                _ => return Err(unknown(text)),
            }
        }
        if read.is_empty() && write.is_empty() {
            return Err(RoleError::Nothing);
        }
        Ok(Self::of(&Self::Selection { read, write }.rights()))
    }
}

fn unknown(text: &str) -> RoleError {
    RoleError::Unknown { found: text.to_owned() }
}
