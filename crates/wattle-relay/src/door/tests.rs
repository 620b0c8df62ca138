use std::future::{Future, poll_fn};
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{Door, FRAME_HEADER_BYTES_MAX};
use wattle_protocol::limits::FRAME_BEFORE_PROOF_BYTES_MAX;

const ONE_FRAME: usize = FRAME_BEFORE_PROOF_BYTES_MAX + FRAME_HEADER_BYTES_MAX;

#[tokio::test]
async fn no_more_than_one_small_frame_comes_through_until_it_is_allowed_or_opened() {
    let (mut far, near) = duplex(64 * 1024);
    far.write_all(&vec![7; 3 * ONE_FRAME]).await.unwrap();
    let mut door = Door::new(near);
    let mut bytes = vec![0; ONE_FRAME];
    door.read_exact(&mut bytes).await.unwrap();
    assert!(!door.is_exceeded());
    {
        let mut byte = [0];
        let mut more = std::pin::pin!(door.read(&mut byte));
        let pending = poll_fn(|context| Poll::Ready(more.as_mut().poll(context).is_pending()));
        assert!(pending.await);
    }
    assert!(door.is_exceeded());
    door.allow_frame();
    door.read_exact(&mut bytes).await.unwrap();
    door.open();
    door.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, vec![7; ONE_FRAME]);
    assert!(!door.is_exceeded());
}
