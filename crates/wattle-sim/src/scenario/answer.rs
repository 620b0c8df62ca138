//! What a replica answers to whoever asks it for something.

use std::fmt::{Display, Formatter, Result as Shown};

use wattle_protocol::message::Code;

/// Done, or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is stored, or in the access log.
    Yes,
    /// It was refused.
    Refused(Code),
}

/// The refusals that a scenario can expect.
const CODES: [(&str, Code); 16] = [
    ("malformed", Code::Malformed),
    ("unproved", Code::Unproved),
    ("forbidden", Code::Forbidden),
    ("unknown", Code::Unknown),
    ("contradiction", Code::Contradiction),
    ("invalid", Code::Invalid),
    ("bad-signature", Code::BadSignature),
    ("missing", Code::Missing),
    ("fork", Code::Fork),
    ("not-sequencer", Code::NotSequencer),
    ("excess", Code::Excess),
    ("self-grant", Code::SelfGrant),
    ("expired", Code::Expired),
    ("used-up", Code::UsedUp),
    ("revoked", Code::Revoked),
    ("replayed", Code::Replayed),
];

impl Answer {
    /// `yes`, or the name of a code.
    pub(super) fn read(word: &str) -> Option<Self> {
        let code = || CODES.iter().find(|(name, _)| *name == word).map(|(_, code)| *code);
        if word == "yes" { Some(Self::Yes) } else { code().map(Self::Refused) }
    }
}

impl Answer {
    /// By the number of the code, where a scenario can expect it.
    pub(crate) fn refused(number: u16) -> Option<Self> {
        let known = CODES.iter().find(|(_, code)| code.number() == number);
        known.map(|(_, code)| Self::Refused(*code))
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Shown {
        let name = match self {
            Self::Yes => Some("yes"),
            Self::Refused(code) => {
                CODES.iter().find(|(_, known)| known == code).map(|(name, _)| *name)
            }
        };
        match (name, self) {
            (Some(name), _) => f.write_str(name),
            (None, Self::Yes) => Ok(()),
            (None, Self::Refused(code)) => write!(f, "code {}", code.number()),
        }
    }
}
