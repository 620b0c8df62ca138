//! The header parser: any bytes as a chunk, and any bytes as the body of a chunk with a right checksum.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use wattle_protocol::Header;
use wattle_protocol::limits::{CHANGE_DEPS_MAX, CHANGE_OPS_MAX, OP_COUNTER_MAX};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&chunk(bytes));
});

fn check(bytes: &[u8]) {
    if let Ok(header) = Header::parse(bytes) {
        assert!(header.ops <= CHANGE_OPS_MAX);
        assert!(header.deps.len() <= CHANGE_DEPS_MAX);
        assert!(header.seq > 0 && header.start_op > 0);
        assert!(header.max_op() < OP_COUNTER_MAX);
        assert!(header.author.is_none() || header.seq == 1);
    }
}

/// Puts a body into a change chunk, so that the fuzzer need not find a hash.
fn chunk(body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![1];
    let mut length = body.len();
    while length > 0x7f {
        hashed.push(length as u8 | 0x80);
        length >>= 7;
    }
    hashed.push(length as u8);
    hashed.extend(body);
    let hash = Sha256::digest(&hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &hash[..4], &hashed].concat()
}
