//! What a principal may do: which scopes it reads and writes, and what it may grant.

use serde::{Deserialize, Serialize};

/// A set of scopes (sections): bit n is scope n. Scopes above 15 are in no set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scopes(pub u16);

/// What somebody may do to the access log. Ordered: a later one includes the earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Power {
    /// Give agents of their own less than they hold, and take it back.
    #[default]
    Sponsor,
    /// Also invite, and grant to and revoke those who have less power.
    Maintain,
    /// Also grant to and revoke everyone, and name the sequencer.
    Own,
}

/// What a principal may do. No right at all is [`Rights::NONE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Scopes that it may read.
    pub read: Scopes,
    /// Scopes that it may write; those that it may not read count for nothing.
    pub write: Scopes,
    /// What it may do to the access log.
    pub power: Power,
}

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(u16::MAX);

    /// The set of these scopes.
    pub fn of(scopes: &[u8]) -> Self {
        Self(scopes.iter().filter(|scope| **scope < 16).fold(0, |set, scope| set | 1 << scope))
    }

    /// Whether a scope is in the set.
    pub fn contains(self, scope: u8) -> bool {
        scope < 16 && self.0 & (1 << scope) != 0
    }

    /// Those in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of these are in another set.
    pub fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl Rights {
    /// None.
    pub const NONE: Self = Self { read: Scopes(0), write: Scopes(0), power: Power::Sponsor };
    /// Those of an owner.
    pub const ALL: Self = Self { read: Scopes::ALL, write: Scopes::ALL, power: Power::Own };

    /// Whether a document of a scope may be read.
    pub fn reads(&self, scope: u8) -> bool {
        self.read.contains(scope)
    }

    /// Whether a document of a scope may be written, which needs reading it.
    pub fn writes(&self, scope: u8) -> bool {
        self.write.and(self.read).contains(scope)
    }

    /// What both allow.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            read: self.read.and(other.read),
            write: self.write.and(other.write),
            power: self.power.min(other.power),
        }
    }

    /// Whether another allows all that this allows.
    pub fn is_within(&self, other: &Self) -> bool {
        self.and(other) == *self
    }
}
