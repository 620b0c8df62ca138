//! wattle-sync
