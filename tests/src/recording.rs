//! The recording of two people who typed into one document at the same time.

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

impl Recording {
    /// Reads `friendsforever.json.gz`.
    pub fn load() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/friendsforever.json.gz");
        let file = std::fs::File::open(path).expect("the recording");
        let mut json = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut json).expect("gzip");
        serde_json::from_str(&json).expect("the recording's form")
    }
}
