//! Two peers meet directly, without a relay: both edit, and both end with the same.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use wattle_context::{Edit, Op, Value};
use wattle_sync::{Identity, InviteTerms, JoinLink, Options, Parts, Peer, Role};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let ana = Peer::create(options(home.path(), "ana")?, "garden").await?;
    let address = ana.listen("127.0.0.1:0".parse()?).await?;
    let terms = InviteTerms { role: Role::Maintainer, uses: 1, until: None };
    let (link, _) = ana.invite(terms).await?;
    let link = JoinLink { relay: Some(format!("wattle://{address}")), ..link };

    let bob = Peer::join(options(home.path(), "bob")?, &link.to_string().parse()?).await?;
    ana.edit(vec![add("water in the evening")], "").await?;
    bob.edit(vec![add("feed the birds")], "").await?; // Needs no connection.
    bob.settled(Duration::from_secs(30)).await?;

    let of_ana = ana.view(Parts::All, |context| context.export().to_string()).await?;
    let of_bob = bob.view(Parts::All, |context| context.export().to_string()).await?;
    assert_eq!(of_ana, of_bob);
    assert!(of_ana.contains("water in the evening") && of_ana.contains("feed the birds"));
    assert_eq!(bob.name().await.as_deref(), Some("garden"));
    bob.close().await;
    ana.close().await;
    Ok(())
}

fn options(home: &Path, name: &str) -> Result<Options, Box<dyn Error>> {
    Ok(Options::new(home.join(name), Identity::random(name)?))
}

fn add(statement: &str) -> Edit {
    let value = Value::Map([("statement".to_owned(), statement.into())].into());
    let path = "rules".to_owned();
    Edit { op: Op::Add, path, value, old: None, base: None, if_unchanged: false }
}
