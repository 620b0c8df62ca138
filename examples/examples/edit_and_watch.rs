//! Edits a context on disk, and sees who changed what, and why.

use std::error::Error;

use wattle_context::{Edit, Op, Section, Value};
use wattle_sync::{Identity, Notice, Options, Parts, Peer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let identity = Identity::load_or_create(&home.path().join("config"), "ana")?;
    let peer = Peer::create(Options::new(home.path().join(".wattle"), identity), "garden").await?;
    let mut watch = peer.watch();

    let rule = Value::Map([("statement".to_owned(), "water in the evening".into())].into());
    let add = Edit {
        op: Op::Add,
        path: "rules".to_owned(),
        value: rule,
        old: None,
        base: None,
        if_unchanged: false,
    };
    peer.edit(vec![add], "the sun burns wet leaves").await?; // Durable when it returns.

    let Some(Notice::Changed(changed)) = watch.next().await else { return Err("no news".into()) };
    assert_eq!((changed.by.as_str(), changed.why.as_str()), ("ana", "the sun burns wet leaves"));

    let rules = peer.view(Parts::Sections, |context| context.section(Section::Rules).items).await?;
    let statement = rules.iter().find_map(|rule| rule.fields.get("statement"));
    assert_eq!(statement.and_then(|field| field.value.text()), Some("water in the evening"));
    peer.close().await;
    Ok(())
}
