//! Frames: what decodes is the one coding of what it decodes to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wattle_protocol::ContextRecord;
use wattle_protocol::limits::FRAME_BYTES_MAX;
use wattle_protocol::wire;

fuzz_target!(|bytes: &[u8]| {
    for frame in [bytes.to_vec(), [&[wire::FRAME_VERSION], bytes].concat()] {
        if let Ok(message) = wire::decode(&frame, FRAME_BYTES_MAX) {
            assert_eq!(&wire::encode(&message)[..], &frame[..]);
        }
    }
    if let Ok(record) = ContextRecord::from_bytes(bytes) {
        assert_eq!(&record.to_bytes()[..], bytes);
    }
});
