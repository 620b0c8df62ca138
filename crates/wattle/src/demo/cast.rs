//! Who plays in the demonstration, and what they do.

use std::path::PathBuf;

use tempfile::TempDir;
use wattle_context::{Conflict, Edit, Landed, Op, Part, Section, Settlement, Value};
use wattle_relay::{Config, Relay, RelayHandle};
use wattle_sync::{
    EditFailed, GrantTerms, Identity, InviteTerms, JoinLink, Kind, Options, Parts, Peer, Role,
    Uplink,
};

use super::check::{PATIENCE, fingerprint};
use crate::failure::Failure;
use crate::landing;
use crate::screen::{Paint, Screen, say};
use crate::time;

/// What the context is called.
pub(super) const CONTEXT: &str = "spring shop";

/// A relay on a free port, and a folder for everybody's data.
#[derive(Debug)]
pub(super) struct Stage {
    folder: TempDir,
    pub(super) relay: RelayHandle,
}

/// A peer, and what it has made so far.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) name: &'static str,
    identity: Identity,
    pub(super) peer: Peer,
    /// Changes that were acknowledged.
    pub(super) changes: usize,
}

/// An edit that was acknowledged.
#[derive(Debug)]
pub(super) struct Deed {
    by: &'static str,
    what: &'static str,
    pub(super) landed: Landed,
}

impl Stage {
    pub(super) async fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("wattle-demo-")
            .tempdir()
            .map_err(|error| Failure::Unwritable { file: std::env::temp_dir(), error })?;
        let mut config = Config::new(folder.path().join("relay"));
        config.listen = "127.0.0.1:0".to_owned();
        Ok(Self { relay: Relay::start(config).await?, folder })
    }

    /// Ends the relay, and leaves the folder.
    pub(super) async fn leave(self) -> PathBuf {
        self.relay.stop().await;
        self.folder.keep()
    }

    /// Ends the relay, and removes the folder.
    pub(super) async fn clear(self) -> Result<(), Failure> {
        self.relay.stop().await;
        let file = self.folder.path().to_owned();
        self.folder.close().map_err(|error| Failure::Unwritable { file, error })
    }

    pub(super) async fn create(&self, name: &'static str) -> Result<Actor, Failure> {
        let identity = Identity::random(name)?;
        let mut options = self.options(name, &identity);
        options.dial = vec![self.address()];
        let peer = Peer::create(options, CONTEXT).await?;
        Ok(Actor { name, identity, peer, changes: 0 })
    }

    pub(super) async fn join(&self, name: &'static str, link: &JoinLink) -> Result<Actor, Failure> {
        let identity = Identity::random(name)?;
        let peer = Peer::join(self.options(name, &identity), link).await?;
        Ok(Actor { name, identity, peer, changes: 0 })
    }

    /// A link that makes somebody a member, once.
    pub(super) async fn invite(&self, host: &Actor, role: Role) -> Result<JoinLink, Failure> {
        let terms = InviteTerms { role, uses: 1, until: Some(time::in_seconds(3600)) };
        let (link, _) = host.peer.invite(terms).await?;
        // Whoever takes it up finds the context at the relay.
        host.peer.settled(PATIENCE).await?;
        Ok(JoinLink { relay: Some(self.address()), ..link })
    }

    /// An agent of somebody, at work on their machine: a key of its own, on the same disk.
    pub(super) async fn agent(
        &self,
        name: &'static str,
        (of, role): (&Actor, Role),
    ) -> Result<Actor, Failure> {
        let identity = Identity::random(name)?;
        let terms = GrantTerms {
            key: identity.key(),
            name: name.to_owned(),
            kind: Kind::Agent,
            role,
            until: Some(time::in_seconds(3600)),
            edits_per_minute: Some(60),
        };
        of.peer.grant(terms).await?;
        let mut options = self.options(of.name, &identity);
        options.uplink = Uplink::Never;
        let peer = Peer::open(options).await?;
        Ok(Actor { name, identity, peer, changes: 0 })
    }

    fn address(&self) -> String {
        format!("wattle://{}", self.relay.address())
    }

    fn options(&self, name: &str, identity: &Identity) -> Options {
        let mut options =
            Options::new(self.folder.path().join(name).join(".wattle"), identity.clone());
        options.client = "wattle demo".to_owned();
        options
    }
}

impl Actor {
    /// Makes an edit, and tells it.
    pub(super) async fn does(
        &mut self,
        screen: &mut Screen,
        edit: Edit,
        what: &'static str,
    ) -> Result<(), Failure> {
        self.makes(edit, what).await?.tell(screen)
    }

    /// Makes an edit; it is durable when this returns.
    pub(super) async fn makes(&mut self, edit: Edit, what: &'static str) -> Result<Deed, Failure> {
        let edited = self.peer.edit(vec![edit], "").await?;
        self.changes += edited.changes.len();
        let landed =
            edited.answers.into_iter().next().map_or(Landed::OnTop, |answer| answer.landed);
        Ok(Deed { by: self.name, what, landed })
    }

    /// Tries an edit that its role does not allow; answers the refusal.
    pub(super) async fn is_refused(&self, edit: Edit) -> Result<String, Failure> {
        match self.peer.edit(vec![edit], "").await {
            Err(refused @ EditFailed::NotAllowed { .. }) => Ok(refused.to_string()),
            Err(other) => Err(other.into()),
            Ok(_) => {
                let claim = format!("{} may not write there", self.name);
                Err(Failure::Claim { claim })
            }
        }
    }

    pub(super) async fn settles(&mut self, conflict: &str, letter: &str) -> Result<(), Failure> {
        let keep = Settlement::Keep(letter.to_owned());
        let edited = self.peer.resolve(conflict, keep, "mornings are fine").await?;
        self.changes += edited.changes.len();
        Ok(())
    }

    /// The same directory, without links.
    pub(super) async fn goes_offline(&mut self, stage: &Stage) -> Result<(), Failure> {
        let mut options = stage.options(self.name, &self.identity);
        options.uplink = Uplink::Never;
        self.reopen(options).await
    }

    /// The same directory, with the link that it remembers.
    pub(super) async fn comes_back(&mut self, stage: &Stage) -> Result<(), Failure> {
        self.reopen(stage.options(self.name, &self.identity)).await
    }

    async fn reopen(&mut self, options: Options) -> Result<(), Failure> {
        self.peer.clone().close().await;
        self.peer = Peer::open(options).await?;
        Ok(())
    }

    pub(super) async fn conflicts(&self) -> Result<Vec<Conflict>, Failure> {
        Ok(self.peer.view(Parts::All, |context| context.conflicts()).await?)
    }

    pub(super) async fn fingerprint(&self) -> Result<String, Failure> {
        Ok(self.peer.view(Parts::All, |context| fingerprint(context)).await?)
    }

    /// The text of a field.
    pub(super) async fn text(&self, path: &'static str) -> Result<Option<String>, Failure> {
        let read = self.peer.view(Parts::Sections, |context| {
            let path = context.locate(path)?;
            let field = context.field(&path);
            Ok(field.and_then(|field| field.value.text().map(str::to_owned)))
        });
        read.await?
    }

    pub(super) async fn body(&self) -> Result<String, Failure> {
        Ok(self.body_and_version().await?.0)
    }

    /// The body of the one document, and its version.
    pub(super) async fn body_and_version(&self) -> Result<(String, String), Failure> {
        let read = self.peer.view(Parts::All, |context| {
            let item = context.section(Section::Documents).items.into_iter().next()?.id;
            let version = context.document(&Part::Body(item))?.version();
            Some((context.body(&item)?, version))
        });
        read.await?.ok_or_else(|| Failure::Missing { path: super::BODY.to_owned() })
    }
}

impl Deed {
    pub(super) fn tell(&self, screen: &mut Screen) -> Result<(), Failure> {
        let how = match &self.landed {
            Landed::OnTop => String::new(),
            Landed::Merged { .. } | Landed::Overlapping { .. } => {
                format!("  {}", landing::landed(&self.landed, screen.paint))
            }
        };
        let by = match screen.paint {
            Paint::Plain => format!("{:<6}", self.by),
            Paint::Colour => screen.paint.cyan(&format!("{:<6}", self.by)),
        };
        Ok(say!(screen, "  {by} {}{how}", self.what)?)
    }
}

pub(super) fn add(section: &str, title: &str) -> Edit {
    let name = section.parse::<Section>().map_or("title", Section::title);
    let item = [(name.to_owned(), Value::from(title))];
    edit(Op::Add, section, Value::Map(item.into()))
}

pub(super) fn set(path: &str, value: &str) -> Edit {
    edit(Op::Set, path, value.into())
}

pub(super) fn append(path: &str, value: &str) -> Edit {
    edit(Op::Append, path, value.into())
}

pub(super) fn replace(path: &str, old: &str, value: &str) -> Edit {
    Edit { old: Some(old.to_owned()), ..edit(Op::Replace, path, value.into()) }
}

fn edit(op: Op, path: &str, value: Value) -> Edit {
    Edit { op, path: path.to_owned(), value, old: None, base: None, if_unchanged: false }
}
