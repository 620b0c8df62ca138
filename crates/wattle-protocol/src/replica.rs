//! The machine.

use crate::id::{ChangeHash, StoreId};
use crate::identity::Keypair;
use crate::io::{Input, Output, Time};

/// How a replica behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Proves who this replica is.
    pub key: Keypair,
    /// The store behind it.
    pub store: StoreId,
    /// This session (a process), for presence.
    pub session: [u8; 16],
    /// The program, for people to read.
    pub agent: String,
    /// The only changes without dependencies that are accepted: the genesis changes.
    pub roots: Vec<ChangeHash>,
    /// It loads documents: it can take snapshots, and passes changes on only when they are stored.
    /// A relay does neither: it passes changes on as soon as their headers are checked.
    pub loads_documents: bool,
    /// It takes in contexts that it does not know.
    pub accepts_new_contexts: bool,
}

/// One replica of any number of contexts, over any number of links.
#[derive(Debug)]
pub struct Replica {}

impl Replica {
    /// A replica without links.
    pub fn new(_config: Config) -> Self {
        todo!()
    }
    /// Takes in one input. Call `poll` until it is empty afterwards.
    pub fn handle(&mut self, _now: Time, _input: Input) {
        todo!()
    }
    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<Output> {
        todo!()
    }
    /// When to call `handle(.., Input::Tick)` at the latest.
    pub fn deadline(&self) -> Option<Time> {
        todo!()
    }
}
