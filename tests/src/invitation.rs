//! Invitations for those who take part in a test.

use std::net::SocketAddr;

use wattle_sync::{InviteTerms, JoinLink, Outcome, Peer, Role};

/// An invitation for maintainers, to be taken up at an address.
pub async fn invitation(of: &Peer, uses: u32, at: SocketAddr) -> JoinLink {
    let terms = InviteTerms { role: Role::Maintainer, uses, until: None };
    let (link, outcome) = of.invite(terms).await.expect("an invitation");
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    JoinLink { relay: Some(format!("wattle://{at}")), ..link }
}
