//! Parties with changed programs over real sockets: each speaks frames by hand.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message as Socketed};
use wattle_protocol::Blob;
use wattle_sim::hostile::{Party, Purpose, Voice};
use wattle_sim::scenario::{Act, Answer, Deed, Lies, Line};
use wattle_tests::raw::connect;

use super::{LOOKS_EVERY, PATIENCE, Stage, listen, view};

type Socket = WebSocketStream<TcpStream>;

impl Stage {
    pub(super) fn patch(&mut self, name: &str) -> Result<(), String> {
        let (identity, _) = self.cast.get(name).ok_or("no such party")?;
        let context = self.context.ok_or("there is no context yet")?;
        let party = Party::new(identity.keypair.clone(), name, context);
        self.parties.insert(name.to_owned(), party);
        Ok(())
    }

    pub(super) async fn hostile(&mut self, act: &Act) -> Result<(), String> {
        match &act.deed {
            Deed::Forge { name, lies, line } => self.forge((&act.peer, name), (lies, line)).await,
            Deed::Reparent { change, name } => {
                let forged = self.forged.get(change).ok_or("no such change")?;
                let moved = forged.reparented().map_err(|error| error.to_string())?;
                self.forged.insert(name.clone(), moved);
                Ok(())
            }
            Deed::Send { change, to, answer } => {
                let forged = self.forged.get(change).cloned().ok_or("no such change")?;
                let purpose = Purpose::Send(Box::new(forged));
                let (voice, _socket) = self.talk(&act.peer, to, purpose).await?;
                let found = voice.answer();
                if found == Some(*answer) { Ok(()) } else { Err(format!("found {found:?}")) }
            }
            Deed::Order(whom) => self.order_for(&act.peer, whom).await,
            Deed::Edit(_)
            | Deed::Mark(_)
            | Deed::Resolve { .. }
            | Deed::Claim(_)
            | Deed::Grant { .. }
            | Deed::Revoke(_)
            | Deed::Rotate(_)
            | Deed::Sequencer { .. }
            | Deed::Invite { .. } => Err("only replicas do that".to_owned()),
        }
    }

    /// On what the first peer shows.
    async fn forge(
        &mut self,
        (by, name): (&str, &str),
        (lies, line): (&Lies, &Line),
    ) -> Result<(), String> {
        let naming = lies.naming.as_ref().map(|naming| self.key(naming)).transpose()?;
        let founder = self.alive(self.founder.as_ref().ok_or("there is no peer")?)?;
        let mut party = self.parties.get(by).cloned().ok_or("no such party")?;
        let (names, lies, line) = (self.names.clone(), lies.clone(), line.clone());
        let made = view(&founder, move |context| {
            let edit = names.edit(&line, context).map_err(|error| error.to_string())?;
            let forged = party.forge(context, &edit, (&lies, naming));
            Ok::<_, String>((party, forged.map_err(|error| error.to_string())?))
        });
        let (party, forged) = made.await??;
        self.parties.insert(by.to_owned(), party);
        self.forged.insert(name.to_owned(), forged);
        Ok(())
    }

    /// The link stays until the entry is there.
    async fn order_for(&mut self, by: &str, whom: &str) -> Result<(), String> {
        let (voice, _socket) = self.talk(by, whom, Purpose::Order).await?;
        if voice.answer() != Some(Answer::Yes) {
            return Err(format!("found {:?}", voice.answer()));
        }
        let (peer, until) = (self.alive(whom)?, Instant::now() + PATIENCE);
        let mut ticks = interval(LOOKS_EVERY);
        while peer.members().await.map_err(|error| error.to_string())?.entries < voice.entries() {
            if Instant::now() > until {
                return Err(format!("{whom} does not take the entry"));
            }
            ticks.tick().await;
        }
        Ok(())
    }

    /// Speaks with a replica until there is an answer, and what that calls for is said.
    async fn talk(
        &mut self,
        by: &str,
        to: &str,
        purpose: Purpose,
    ) -> Result<(Voice, Socket), String> {
        let address = self.address_of(to).await?;
        let party = self.parties.get(by).ok_or("no such party")?;
        let context = self.context.ok_or("there is no context yet")?;
        let (mut voice, first) = Voice::begin(&party.keypair, context, purpose);
        let mut socket = connect(address).await;
        say(&mut socket, first).await?;
        while voice.answer().is_none() {
            let heard = timeout(PATIENCE, socket.next()).await.map_err(|_| "no answer in time")?;
            match heard {
                Some(Ok(Socketed::Binary(frame))) => {
                    for frame in voice.hear(&frame) {
                        say(&mut socket, frame).await?;
                    }
                }
                Some(Ok(Socketed::Close(Some(frame)))) => voice.closed(frame.code.into()),
                Some(Ok(
                    Socketed::Text(_)
                    | Socketed::Ping(_)
                    | Socketed::Pong(_)
                    | Socketed::Frame(_)
                    | Socketed::Close(None),
                )) => {}
                Some(Err(_)) | None => return Err("the link ends without an answer".to_owned()),
            }
        }
        Ok((voice, socket))
    }

    async fn address_of(&mut self, name: &str) -> Result<SocketAddr, String> {
        if let Some(relay) = self.relays.get(name) {
            return Ok(relay.address);
        }
        let actor = self.peers.get_mut(name).ok_or("no such replica")?;
        match actor.listens {
            Some(address) => Ok(address),
            None => listen(actor).await,
        }
    }
}

async fn say(socket: &mut Socket, frame: Blob) -> Result<(), String> {
    let frame = Bytes::from_owner(frame.0);
    socket.send(Socketed::Binary(frame)).await.map_err(|error| error.to_string())
}
