use super::Frame;
use crate::id::{Blob, ContextId, DocumentKey, Position};
use crate::identity::Signature;
use crate::limits::{FRAME_BYTES_MAX, FRAME_CHANGES_MAX};
use crate::message::{Changes, Message};
use crate::wire;

fn changes(scope: u8, sizes: &[usize], (cursor, done): (u64, bool)) -> Frame {
    let document = DocumentKey { scope, item: [0; 16] };
    let changes = sizes.iter().map(|size| (Blob::from(vec![7; *size]), None)).collect();
    let (context, cursor) = (ContextId([1; 32]), Position(cursor));
    let changes = Changes { context, document, changes, cursor, done };
    Frame::new(wire::encode(&Message::Changes(changes)).to_vec())
}

/// What two frames say when they are joined, or nothing where they are not.
fn joined(mut first: Frame, next: Frame) -> Option<Changes> {
    let (before, after) = (first.clone(), next.clone());
    match first.join(next) {
        None => match first.into_message() {
            Ok(Message::Changes(changes)) => Some(changes),
            other => panic!("{other:?}"),
        },
        Some(next) => {
            let said = |first: Frame, next: Frame| (first.into_message(), next.into_message());
            assert_eq!(said(first, next), said(before, after), "neither is touched");
            None
        }
    }
}

#[test]
fn frames_are_joined_that_one_could_have_carried() {
    let both = joined(changes(3, &[1, 2], (9, false)), changes(3, &[3], (0, true))).unwrap();
    let sizes: Vec<usize> = both.changes.iter().map(|(bytes, _)| bytes.len()).collect();
    assert_eq!((sizes, both.cursor, both.done), (vec![1, 2, 3], Position(9), true));
}

#[test]
fn other_frames_stay_apart() {
    let one = || changes(3, &[1], (0, false));
    let signature = Signature([0; 64]);
    let other = Frame::new(wire::encode(&Message::Proof { signature }).to_vec());
    let many = vec![1; FRAME_CHANGES_MAX];
    let apart = [
        (one(), changes(4, &[1], (0, false))),
        (changes(3, &[1], (0, true)), one()),
        (one(), other.clone()),
        (other, one()),
        (one(), Frame::new(vec![1, 2, 3])),
        (one(), changes(3, &many, (0, false))),
        (one(), changes(3, &[FRAME_BYTES_MAX - 75], (0, false))),
    ];
    for (number, (first, next)) in apart.into_iter().enumerate() {
        assert_eq!(joined(first, next), None, "pair {number}");
    }
}
