//! Policies as data: `strictest(deny,ask,allow)`.

use std::fmt;
use std::str::FromStr;

use crate::policy::Policy;

/// Why a text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No policy has this name.
    #[error(
        "{name:?} is no policy; there are keep-all, merge, add-wins, remove-wins, counter, smallest, largest, \
         strictest(a,b,…), furthest(a,b,…), first-writer, last-writer, authority and custom(name)"
    )]
    Unknown {
        /// What was given.
        name: String,
    },
    /// A policy that needs values or a name in parentheses came without.
    #[error("the policy {name} needs what it is about in parentheses, as in {example}")]
    Bare {
        /// Its name.
        name: String,
        /// How it is spelled.
        example: &'static str,
    },
    /// A policy that takes nothing came with something.
    #[error("the policy {name} takes nothing in parentheses")]
    Overfull {
        /// Its name.
        name: String,
    },
    /// An empty or repeated value, or one with a parenthesis.
    #[error(
        "the policy {name} cannot declare {value:?}: each value once, none empty, no parentheses"
    )]
    Declared {
        /// Its name.
        name: String,
        /// The value.
        value: String,
    },
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeepAll => f.write_str("keep-all"),
            Self::Merge => f.write_str("merge"),
            Self::AddWins => f.write_str("add-wins"),
            Self::RemoveWins => f.write_str("remove-wins"),
            Self::Counter => f.write_str("counter"),
            Self::Smallest => f.write_str("smallest"),
            Self::Largest => f.write_str("largest"),
            Self::Strictest { order } => write!(f, "strictest({})", order.join(",")),
            Self::Furthest { states } => write!(f, "furthest({})", states.join(",")),
            Self::FirstWriter => f.write_str("first-writer"),
            Self::LastWriter => f.write_str("last-writer"),
            Self::Authority => f.write_str("authority"),
            Self::Custom { name } => write!(f, "custom({name})"),
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let (name, declared) = parts(text)?;
        let needed = |example| {
            let bare = || PolicyError::Bare { name: name.to_owned(), example };
            declared.clone().ok_or_else(bare)
        };
        let policy = match name {
            "strictest" => return Ok(Self::Strictest { order: needed("strictest(deny,allow)")? }),
            "furthest" => return Ok(Self::Furthest { states: needed("furthest(open,done)")? }),
            "custom" => return custom(needed("custom(budget)")?),
            "keep-all" => Self::KeepAll,
            "merge" => Self::Merge,
            "add-wins" => Self::AddWins,
            "remove-wins" => Self::RemoveWins,
            "counter" => Self::Counter,
            "smallest" => Self::Smallest,
            "largest" => Self::Largest,
            "first-writer" => Self::FirstWriter,
            "last-writer" => Self::LastWriter,
            "authority" => Self::Authority,
            _ => return Err(PolicyError::Unknown { name: name.to_owned() }),
        };
        match declared {
            None => Ok(policy),
            Some(_) => Err(PolicyError::Overfull { name: name.to_owned() }),
        }
    }
}

fn custom(names: Vec<String>) -> Result<Policy, PolicyError> {
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(Policy::Custom { name }),
        Err(names) => {
            Err(PolicyError::Declared { name: "custom".to_owned(), value: names.join(",") })
        }
    }
}

/// The name, and what is in parentheses after it.
fn parts(text: &str) -> Result<(&str, Option<Vec<String>>), PolicyError> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else { return Ok((text, None)) };
    let Some(inside) = rest.strip_suffix(')') else {
        return Err(PolicyError::Unknown { name: text.to_owned() });
    };
    let mut values: Vec<String> = Vec::new();
    for value in inside.split(',').map(str::trim) {
        if value.is_empty() || value.contains(['(', ')']) || values.iter().any(|v| v == value) {
            let (name, value) = (name.to_owned(), value.to_owned());
            return Err(PolicyError::Declared { name, value });
        }
        values.push(value.to_owned());
    }
    Ok((name.trim(), Some(values)))
}
