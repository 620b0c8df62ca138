//! A TCP connection with a switch in it.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to one address until it is cut; healed, it takes new ones.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Cable {
    /// Listens on a free port and forwards to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (whole, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *state.borrow() {
                    tokio::spawn(carry(near, target, state.clone()));
                }
            }
        });
        Self { address, whole }
    }

    /// Where to dial instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops every connection and refuses new ones.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Takes new connections.
    pub fn heal(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(mut near: TcpStream, target: SocketAddr, mut state: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    near.set_nodelay(true).expect("a TCP socket");
    far.set_nodelay(true).expect("a TCP socket");
    tokio::select! {
        // Either side has closed: nothing to carry any more.
        ended = copy_bidirectional(&mut near, &mut far) => drop(ended),
        cut = state.wait_for(|whole| !whole) => drop(cut),
    }
}
