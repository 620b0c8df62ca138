//! A merge policy of the application: of concurrent titles of a task, the longest is in force.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use wattle_context::{Edit, Op, Value};
use wattle_sync::{Identity, InviteTerms, JoinLink, Options, Parts, Peer, Role};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let ana = Peer::create(options(home.path(), "ana")?, "garden").await?;
    let policy = edit(Op::Set, "policies/tasks/title", "custom(longest)".into());
    let task = Value::Map([("title".to_owned(), "water".into())].into());
    let made = ana.edit(vec![policy, edit(Op::Add, "tasks", task)], "").await?;
    let task = made.answers.last().ok_or("no answer")?.path.clone();
    let title = format!("{task}/title");

    let address = ana.listen("127.0.0.1:0".parse()?).await?;
    let (link, _) =
        ana.invite(InviteTerms { role: Role::Contributor, uses: 1, until: None }).await?;
    let link = JoinLink { relay: Some(format!("wattle://{address}")), ..link };
    let bob = Peer::join(options(home.path(), "bob")?, &link).await?;
    bob.settled(Duration::from_secs(30)).await?;

    // Both as of the same version: neither knows of the other's.
    let base = ana.view(Parts::Sections, |context| context.version()).await?;
    for (peer, text) in [(&ana, "water the beds"), (&bob, "water the beds and the trees")] {
        let edit = Edit { base: Some(base.clone()), ..edit(Op::Set, &title, text.into()) };
        peer.edit(vec![edit], "").await?;
    }
    bob.settled(Duration::from_secs(30)).await?;
    for peer in [&ana, &bob] {
        let path = title.clone();
        let view = move |context: &mut wattle_context::Context| {
            context.locate(&path).ok().and_then(|path| context.field(&path))
        };
        let field = peer.view(Parts::Sections, view).await?.ok_or("no title")?;
        assert_eq!(field.value.text(), Some("water the beds and the trees"));
    }
    Ok(())
}

fn options(home: &Path, name: &str) -> Result<Options, Box<dyn Error>> {
    let options = Options::new(home.join(name), Identity::random(name)?);
    Ok(options.custom("longest", |candidates, _base| {
        let length = |value: &Value| value.text().map_or(0, str::len);
        let values = candidates.iter().map(|candidate| candidate.value.clone());
        values.max_by_key(length).into_iter().collect()
    }))
}

fn edit(op: Op, path: &str, value: Value) -> Edit {
    Edit { op, path: path.to_owned(), value, old: None, base: None, if_unchanged: false }
}
