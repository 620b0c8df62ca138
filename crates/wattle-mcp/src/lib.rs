//! wattle-mcp
