//! The recording of two people who typed into one document at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

/// Transactions in an order in which each comes after its parents.
#[derive(Debug, Deserialize)]
pub struct Recording {
    /// What the document was at the end.
    #[serde(rename = "endContent")]
    pub end: String,
    /// Who did what, on top of what.
    pub txns: Vec<Transaction>,
}

/// What one of them did at once.
#[derive(Debug, Deserialize)]
pub struct Transaction {
    /// The numbers of the transactions that it builds on.
    pub parents: Vec<usize>,
    /// Who.
    pub agent: usize,
    /// Position, deleted, inserted; in Unicode code points, one after the other.
    pub patches: Vec<(usize, usize, String)>,
}

/// Consecutive transactions of one author of which the other has seen only the last: what an editor sends at once.
#[derive(Debug)]
pub struct Run {
    /// The numbers of the runs that it builds on.
    pub parents: Vec<usize>,
    /// Who.
    pub agent: usize,
    /// Position, deleted, inserted; one after the other.
    pub patches: Vec<(usize, usize, String)>,
}

impl Recording {
    /// The transactions, put together where nobody can tell the difference.
    pub fn runs(&self) -> Vec<Run> {
        let seen_by_the_other: BTreeSet<usize> = self
            .txns
            .iter()
            .flat_map(|txn| {
                txn.parents.iter().filter(|parent| self.txns[**parent].agent != txn.agent)
            })
            .copied()
            .collect();
        let (mut runs, mut run_of): (Vec<Run>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut last = BTreeMap::new();
        for (number, txn) in self.txns.iter().enumerate() {
            let before: Option<usize> = last.insert(txn.agent, number);
            let goes_on = before
                .filter(|before| txn.parents == [*before] && !seen_by_the_other.contains(before));
            let run = goes_on.map_or(runs.len(), |before| run_of[before]);
            if run == runs.len() {
                let mut parents: Vec<usize> =
                    txn.parents.iter().map(|parent| run_of[*parent]).collect();
                parents.dedup();
                runs.push(Run { parents, agent: txn.agent, patches: Vec::new() });
            }
            runs[run].patches.extend(txn.patches.iter().cloned());
            run_of.push(run);
        }
        runs
    }

    /// Reads `friendsforever.json.gz`.
    pub fn load() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/friendsforever.json.gz");
        let file = std::fs::File::open(path).expect("the recording");
        let mut json = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut json).expect("gzip");
        serde_json::from_str(&json).expect("the recording's form")
    }
}
