//! A TCP connection with a switch in it.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to one address until it is cut; healed, it takes new ones.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    whole: bool,
    target: SocketAddr,
}

impl Cable {
    /// Listens on a free port and forwards to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (sender, state) = watch::channel(State { whole: true, target });
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if state.borrow().whole {
                    tokio::spawn(carry(near, state.clone()));
                }
            }
        });
        Self { address, state: sender }
    }

    /// Where to dial instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops every connection and refuses new ones.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.whole = false);
    }

    /// Takes new connections.
    pub fn heal(&self) {
        self.state.send_modify(|state| state.whole = true);
    }

    /// Forwards new connections to another address: what was there has come back elsewhere.
    pub fn lead(&self, target: SocketAddr) {
        self.state.send_modify(|state| state.target = target);
    }
}

async fn carry(mut near: TcpStream, mut state: watch::Receiver<State>) {
    let target = state.borrow().target;
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    near.set_nodelay(true).expect("a TCP socket");
    far.set_nodelay(true).expect("a TCP socket");
    tokio::select! {
        // Either side has closed: nothing to carry any more.
        ended = copy_bidirectional(&mut near, &mut far) => drop(ended),
        cut = state.wait_for(|state| !state.whole) => drop(cut),
    }
}
