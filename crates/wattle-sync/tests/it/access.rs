//! Invitations, grants, keys: who may do what, and who is told why not.

use tempfile::tempdir;
use wattle_context::{Op, Value};
use wattle_sync::{
    AccessFailed, Code, EditFailed, End, GrantTerms, Identity, InviteTerms, JoinLink, Kind,
    NotSettled, OpenError, Options, Outcome, Passing, Peer, Role,
};

use crate::cable::Cable;
use crate::support::{
    PATIENCE, add_rule, create, edit, export, grant, identity, invite, join, listen, options,
    settled, until,
};

async fn add_task(peer: &Peer, title: &str) -> Result<(), EditFailed> {
    let task = Value::Map([("title".to_owned(), title.into())].into());
    peer.edit(vec![edit(Op::Add, "tasks", task)], "").await.map(drop)
}

async fn add_any_rule(peer: &Peer) -> EditFailed {
    let rule = Value::Map([("statement".to_owned(), "mine".into())].into());
    peer.edit(vec![edit(Op::Add, "rules", rule)], "").await.unwrap_err()
}

#[tokio::test]
async fn who_is_invited_edits_what_the_role_allows_and_nothing_else() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    add_rule(&ana, "water in the evening").await;
    let address = listen(&ana).await;
    let link = invite(&ana, Role::Contributor, &address).await;
    let bob = Peer::join(options(b.path(), "bob"), &link).await.unwrap();
    let whoami = bob.whoami().await.unwrap();
    assert_eq!(whoami.sentence, "contributor");
    assert_eq!(whoami.member.unwrap().role, Role::Contributor);

    add_task(&bob, "buy a hose").await.unwrap();
    settled(&[&bob]).await;
    assert!(export(&ana).await.contains("buy a hose"));
    let before = export(&bob).await;
    let error = add_any_rule(&bob).await;
    let sentence = "the role contributor may not write rules: \
                    that takes one of maintainer, owner";
    assert_eq!(error.to_string(), sentence);
    assert_eq!(export(&bob).await, before);
    assert_eq!(before, export(&ana).await);
}

#[tokio::test]
async fn a_link_that_is_used_up_withdrawn_or_unknown_says_so_and_leaves_nothing() {
    let (a, b, e) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let used_up = invite(&ana, Role::Reader, &address).await;
    Peer::join(options(b.path(), "bob"), &used_up).await.unwrap().close().await;
    let withdrawn = invite(&ana, Role::Reader, &address).await;
    ana.revoke(withdrawn.secret.as_ref().unwrap().key()).await.unwrap();
    let unknown = format!("{address}/{}#{}", ana.context_id(), "5c".repeat(32));
    let unknown: JoinLink = unknown.parse().unwrap();

    let directory = e.path().join("garden");
    for (link, code) in
        [(used_up, Code::UsedUp), (withdrawn, Code::Revoked), (unknown, Code::Unknown)]
    {
        let error = Peer::join(options(&directory, "eve"), &link).await.unwrap_err();
        let OpenError::NotAdmitted { refusal } = error else { panic!("{error}") };
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(!directory.exists());
    }
    let link = invite(&ana, Role::Reader, &address).await;
    let eve = Peer::join(options(&directory, "eve"), &link).await.unwrap();
    settled(&[&eve]).await;
}

#[tokio::test]
async fn who_has_joined_offline_edits_once_it_has_been_admitted() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let link = JoinLink { relay: None, ..invite(&ana, Role::Editor, &address).await };
    let bob = Peer::join(options(b.path(), "bob"), &link).await.unwrap();
    let error = add_task(&bob, "too early").await.unwrap_err();
    assert!(matches!(error, EditFailed::NotYetMember), "{error}");
    assert_eq!(bob.members().await.unwrap().waiting.len(), 1);
    bob.close().await;

    // The wish survives the process.
    let bob = Peer::open(options(b.path(), "bob")).await.unwrap();
    bob.dial(&address).unwrap();
    settled(&[&bob]).await;
    add_task(&bob, "in time").await.unwrap();
    assert!(bob.members().await.unwrap().waiting.is_empty());
}

#[tokio::test]
async fn who_was_not_invited_gets_nothing() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let relay = Some(listen(&ana).await);
    let link = JoinLink { relay, context: ana.context_id(), secret: None };
    let eve = Peer::join(options(b.path(), "eve"), &link).await.unwrap();
    // At once: the time that is allowed is an hour.
    let settled = eve.settled(std::time::Duration::from_secs(3_600));
    let error = tokio::time::timeout(PATIENCE, settled).await.unwrap().unwrap_err();
    let NotSettled::Unknown { key, .. } = &error else { panic!("{error}") };
    assert_eq!(*key, eve.key());
    assert!(error.to_string().contains("ask a member for an invitation"), "{error}");
    assert_eq!((eve.name().await, eve.members().await.unwrap().entries), (None, 0));
}

#[tokio::test]
async fn an_agent_edits_tasks_and_is_refused_on_rules_at_its_own_machine() {
    let home = tempdir().unwrap();
    let ana = create(home.path(), "ana").await;
    let done = grant(&ana, "bot", Kind::Agent, Role::Contributor).await;
    assert_eq!(done, Outcome::Done { entry: 1 });
    let bot = Peer::open(options(home.path(), "bot")).await.unwrap();
    assert_eq!(bot.whoami().await.unwrap().sentence, "contributor (agent)");
    add_task(&bot, "of the bot").await.unwrap();
    let before = export(&ana).await;
    assert!(before.contains("of the bot"));
    assert!(matches!(add_any_rule(&bot).await, EditFailed::NotAllowed { .. }));
    assert_eq!(export(&ana).await, before);

    let terms = InviteTerms { role: Role::Reader, uses: 1, until: None };
    let refused = bot.invite(terms).await.unwrap_err();
    assert!(matches!(refused, AccessFailed::Refused { .. }), "{refused}");
    ana.revoke(bot.key()).await.unwrap();
    let error = add_task(&bot, "too late").await.unwrap_err();
    assert!(matches!(error, EditFailed::Ended { how: Some(End::Revoked), .. }), "{error}");
    assert_eq!(export(&ana).await, before);
}

#[tokio::test]
async fn a_budget_and_an_end_date_are_kept_by_all_processes_of_a_key() {
    let home = tempdir().unwrap();
    let ana = create(home.path(), "ana").await;
    let terms = |until, edits_per_minute| GrantTerms {
        key: identity("bot").key(),
        name: "bot".to_owned(),
        kind: Kind::Agent,
        role: Role::Contributor,
        until,
        edits_per_minute,
    };
    ana.grant(terms(None, Some(2))).await.unwrap();
    let one = Peer::open(options(home.path(), "bot")).await.unwrap();
    let two = Peer::open(options(home.path(), "bot")).await.unwrap();
    add_task(&one, "one").await.unwrap();
    add_task(&two, "two").await.unwrap();
    for bot in [&one, &two] {
        let error = add_task(bot, "three").await.unwrap_err();
        assert!(matches!(error, EditFailed::OverBudget { per_minute: 2, .. }), "{error}");
    }
    let past = ana.grant(terms(Some(1), None)).await.unwrap_err();
    assert_eq!(past.to_string(), "the end date of the grant is past");
}

#[tokio::test]
async fn a_second_machine_of_a_person_joins_by_invitation() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let desk = create(a.path(), "ana").await;
    let address = listen(&desk).await;
    let link = invite(&desk, Role::Owner, &address).await;
    let laptop = Identity::random("ana").unwrap();
    let laptop = Peer::join(Options::new(b.path(), laptop), &link).await.unwrap();
    settled(&[&laptop]).await;
    add_rule(&laptop, "written on the laptop").await;
    settled(&[&laptop]).await;
    assert!(export(&desk).await.contains("written on the laptop"));
    let members = desk.members().await.unwrap().members;
    assert!(members.iter().all(|member| member.role == Role::Owner), "{members:?}");
    assert_eq!(members.len(), 2);
}

#[tokio::test]
async fn a_wish_made_offline_is_carried_out_when_the_sequencer_is_back() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = ana.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let cable = Cable::to(address).await;
    let bob = join(b.path(), "bob", &ana, &format!("wattle://{}", cable.address())).await;
    settled(&[&bob]).await;
    cable.cut();
    bob.close().await;
    let impatient = Options {
        access_patience: std::time::Duration::from_millis(100),
        ..options(b.path(), "bob")
    };
    let bob = Peer::open(impatient).await.unwrap();
    grant(&ana, "eve", Kind::Person, Role::Reader).await;
    ana.revoke(identity("eve").key()).await.unwrap();
    for name in ["bot", "eve"] {
        let outcome = grant(&bob, name, Kind::Person, Role::Editor).await;
        assert!(matches!(outcome, Outcome::Waiting { .. }), "{outcome:?}");
    }
    assert_eq!(bob.members().await.unwrap().waiting[0].author, bob.key());

    cable.heal();
    let waits = || async { bob.members().await.unwrap().waiting.len() };
    until(|| async { waits().await == 0 }).await;
    let members = bob.members().await.unwrap().members;
    let of = |name: &str| members.iter().find(|one| one.key == identity(name).key()).unwrap();
    assert_eq!(of("bot").now, Some(Role::Editor));
    // What came too late was not done.
    assert_eq!((of("eve").now.clone(), of("eve").role.clone()), (None, Role::Reader));
    assert_eq!(ana.members().await.unwrap().members, members_with_name(&ana, members).await);
}

/// The name of who owned the context from its beginning is known only to itself.
async fn members_with_name(
    owner: &Peer,
    mut members: Vec<wattle_sync::Member>,
) -> Vec<wattle_sync::Member> {
    let name = owner.whoami().await.unwrap().name;
    let own = members.iter_mut().filter(|member| member.key == owner.key());
    own.for_each(|member| member.name.clone_from(&name));
    members
}

#[tokio::test]
async fn processes_on_one_directory_see_a_grant_at_once_and_carry_each_others_wishes() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let bob = join(b.path(), "bob", &ana, &address).await;
    settled(&[&bob]).await;
    let other = Peer::open(options(b.path(), "bob")).await.unwrap();
    let done = grant(&other, "bot", Kind::Agent, Role::Reader).await;
    assert!(matches!(done, Outcome::Done { .. }), "{done:?}");
    for peer in [&bob, &other] {
        let members = peer.members().await.unwrap();
        assert!(members.members.iter().any(|member| member.name == "bot"), "{members:?}");
    }
    let bot = Peer::open(options(b.path(), "bot")).await.unwrap();
    assert_eq!(bot.whoami().await.unwrap().sentence, "reader (agent)");
    grant(&bob, "bot", Kind::Agent, Role::Contributor).await;
    add_task(&bot, "at once").await.unwrap();
}

#[tokio::test]
async fn rights_that_grow_open_what_was_closed_without_a_restart() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    add_rule(&ana, "for maintainers").await;
    add_task(&ana, "for all").await.unwrap();
    let address = listen(&ana).await;
    let link = invite(&ana, "read=tasks".parse().unwrap(), &address).await;
    let bob = Peer::join(options(b.path(), "bob"), &link).await.unwrap();
    settled(&[&bob]).await;
    let text = export(&bob).await;
    assert!(text.contains("for all") && !text.contains("for maintainers"), "{text}");
    grant(&ana, "bob", Kind::Person, Role::Reader).await;
    until(|| async { export(&bob).await.contains("for maintainers") }).await;
}

#[tokio::test]
async fn a_key_that_is_rotated_leaves_its_work_and_its_rights_to_the_new_one() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let old = join(b.path(), "bob", &ana, &address).await;
    add_rule(&old, "of the old key").await;
    settled(&[&old]).await;
    let done = old.rotate(&identity("bob again")).await.unwrap();
    assert!(matches!(done, Outcome::Done { .. }), "{done:?}");
    let error = add_any_rule(&old).await;
    assert!(matches!(error, EditFailed::Ended { how: Some(End::Rotated), .. }), "{error}");
    old.close().await;

    let new = Peer::open(options(b.path(), "bob again")).await.unwrap();
    add_rule(&new, "of the new key").await;
    settled(&[&new]).await;
    let text = export(&ana).await;
    assert!(text.contains("of the old key") && text.contains("of the new key"), "{text}");
    assert_eq!(export(&new).await, text);
    assert_eq!(new.whoami().await.unwrap().sentence, "maintainer");
}

#[tokio::test]
async fn a_recovery_key_takes_the_place_of_one_that_is_lost() {
    let home = tempdir().unwrap();
    let recovery = Identity::random("recovery").unwrap();
    let paper = recovery.recovery_text();
    let made = Options { recovery: Some(recovery.key()), ..options(home.path(), "ana") };
    let lost = Peer::create(made, "garden").await.unwrap();
    add_rule(&lost, "still here").await;
    lost.close().await;

    let found = Identity::from_recovery(&paper, "ana").unwrap();
    let found = Peer::open(Options::new(home.path(), found)).await.unwrap();
    // The lost key orders the log; it is passed by.
    found.set_sequencer(found.key(), Passing::PassBy).await.unwrap();
    grant(&found, "ana anew", Kind::Person, Role::Owner).await;
    found.revoke(identity("ana").key()).await.unwrap();
    found.close().await;
    let anew = Peer::open(options(home.path(), "ana anew")).await.unwrap();
    add_rule(&anew, "and goes on").await;
    let text = export(&anew).await;
    assert!(text.contains("still here") && text.contains("and goes on"), "{text}");
    tokio::time::timeout(PATIENCE, anew.close()).await.unwrap();
}
