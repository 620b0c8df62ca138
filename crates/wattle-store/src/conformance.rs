//! What every store must do, as clauses that any implementation can be run against.
//!
//! ```
//! use wattle_protocol::StoreId;
//! use wattle_store::MemoryStore;
//! use wattle_store::conformance::{Open, conformance};
//!
//! let mut make = || -> Open {
//!     let storage = MemoryStore::new(StoreId([1; 16]));
//!     Box::new(move || Box::new(storage.clone()))
//! };
//! conformance(&mut make).unwrap();
//! ```

use crate::error::StoreError;
use crate::store::Store;

mod appends;
mod facts;
mod handles;
mod leases;
mod made;
mod reads;
mod removals;
mod rights;
mod snapshots;

/// Opens one more handle on one storage.
pub type Open = Box<dyn FnMut() -> Box<dyn Store>>;

/// A clause that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{clause}: {found}")]
pub struct Broken {
    /// The clause.
    pub clause: &'static str,
    /// What was seen instead.
    pub found: String,
}

/// Runs every clause, each on fresh storage, and stops at the first that does not hold.
///
/// `make` creates empty storage and answers with what opens handles on it: the first call opens it,
/// and further calls open it again, whether or not earlier handles still exist.
pub fn conformance(make: &mut dyn FnMut() -> Open) -> Result<(), Broken> {
    let groups = [
        appends::CLAUSES,
        reads::CLAUSES,
        handles::CLAUSES,
        snapshots::CLAUSES,
        facts::CLAUSES,
        removals::CLAUSES,
        rights::CLAUSES,
        leases::CLAUSES,
    ];
    for (clause, holds) in groups.iter().copied().flatten() {
        holds(make()).map_err(|Unmet(found)| Broken { clause, found })?;
    }
    Ok(())
}

/// A sentence of the contract and what tries it.
type Clause = (&'static str, fn(Open) -> Result<(), Unmet>);

/// What was seen instead.
struct Unmet(String);

impl From<StoreError> for Unmet {
    fn from(error: StoreError) -> Self {
        Self(format!("an error: {error}"))
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Result<(), Unmet> {
    if found == expected {
        Ok(())
    } else {
        Err(Unmet(format!("found {found:?} where {expected:?} was expected")))
    }
}

fn refused<T: std::fmt::Debug>(
    result: Result<T, StoreError>,
    expected: StoreError,
) -> Result<(), Unmet> {
    match result {
        Err(error) => equal(error, expected),
        Ok(answer) => Err(Unmet(format!("answered {answer:?} where {expected:?} was expected"))),
    }
}
