//! Merge policies: pure functions from the set of concurrent values to what is in force. They run on read.

/// How concurrent values of a field are read. Never decides what is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// All values stand until somebody settles it.
    KeepAll,
    /// A text, merged by Automerge.
    Merge,
    /// An element is in if any concurrent write says so.
    AddWins,
    /// An element is out if any concurrent write says so.
    RemoveWins,
    /// Numbers: the common base plus every concurrent difference.
    Counter,
    /// The smallest value.
    Smallest,
    /// The largest value.
    Largest,
    /// The first of the declared values (deny before ask before allow).
    Strictest {
        /// From the strictest on.
        order: Vec<String>,
    },
    /// The last of the declared states.
    Furthest {
        /// From the first on.
        states: Vec<String>,
    },
    /// By time, then author, the earliest.
    FirstWriter,
    /// By time, then causality, then author, the latest. Opt-in.
    LastWriter,
    /// The values of the highest role; equals are kept.
    Authority,
    /// A named pure function of the embedding app; who lacks it keeps all.
    Custom {
        /// Its name.
        name: String,
    },
}
