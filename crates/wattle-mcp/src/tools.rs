//! The tools as clients see them.

use rmcp::model::Tool;

/// Names, descriptions and schemas, written by hand: generated ones are longer, and some clients
/// stumble over them.
const TOOLS: &str = include_str!("tools.json");

/// The tools, in the order in which they are listed.
pub(crate) fn all() -> Result<Vec<Tool>, serde_json::Error> {
    serde_json::from_str(TOOLS)
}

#[cfg(test)]
mod tests;
