//! A relay in the same process: the peers are never there at the same time, and still agree.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use wattle_context::{Edit, Op, Value};
use wattle_relay::{Config, Relay};
use wattle_sync::{Identity, InviteTerms, Options, Parts, Peer, Role};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let config =
        Config { listen: "127.0.0.1:0".to_owned(), ..Config::new(home.path().join("relay")) };
    let relay = Relay::start(config).await?;
    let address = format!("wattle://{}", relay.address());

    let ana = Peer::create(options(home.path(), "ana")?, "garden").await?;
    let value = Value::Map([("statement".to_owned(), "water in the evening".into())].into());
    let path = "rules".to_owned();
    let add = Edit { op: Op::Add, path, value, old: None, base: None, if_unchanged: false };
    ana.edit(vec![add], "").await?;
    ana.add_remote(&address).await?;
    ana.settled(Duration::from_secs(30)).await?; // The relay has it on its disk.
    let (link, _) = ana.invite(InviteTerms { role: Role::Reader, uses: 1, until: None }).await?;
    let of_ana = ana.view(Parts::All, |context| context.export().to_string()).await?;
    ana.close().await;

    let bob = Peer::join(options(home.path(), "bob")?, &link).await?;
    bob.settled(Duration::from_secs(30)).await?;
    let of_bob = bob.view(Parts::All, |context| context.export().to_string()).await?;
    assert_eq!(of_ana, of_bob);
    bob.close().await;
    relay.stop().await;
    Ok(())
}

fn options(home: &Path, name: &str) -> Result<Options, Box<dyn Error>> {
    Ok(Options::new(home.join(name), Identity::random(name)?))
}
