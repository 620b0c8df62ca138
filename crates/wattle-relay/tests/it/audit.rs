//! Reads the audit log's file.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::until;

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Waits for a line with these members.
pub(crate) fn line(file: &Path, wanted: &[(&str, Value)]) -> Value {
    until(&format!("an audit line with {wanted:?}"), || {
        let fits = |line: &Value| wanted.iter().all(|(name, value)| line.get(name) == Some(value));
        lines(file).into_iter().find(fits)
    })
}
