//! Tokens mode: who shows a token that holds comes in, everyone else is told nothing but that.

use std::fs;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};
use tempfile::tempdir;
use wattle_protocol::ContextId;

use crate::audit::line;
use crate::client::{Client, Seen, Who};
use crate::jwt::{Issuer, certificates, claims, from_now, jwks, pem, sign};
use crate::process::{Relay, command, fails, until};
use crate::writer::{Writer, keypair, record};

const ISSUER: u8 = 90;
const NEXT_ISSUER: u8 = 91;

fn start(data: &std::path::Path, keys: &str) -> Relay {
    Relay::start_with(
        data,
        ["--listen", "127.0.0.1:0", "--mode", "tokens", "--token-audience", "wattle"]
            .into_iter()
            .chain(["--token-keys", keys])
            .chain(["--audit-log", data.join("audit.jsonl").to_str().unwrap()]),
    )
}

fn header(kid: &str) -> Value {
    json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid })
}

/// Claims for the first key, with some of them replaced; those that are null are left out.
fn with(changed: &Value) -> Value {
    let mut claims = claims(&keypair(1).public());
    for (name, value) in changed.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// Each time with a context of its own.
async fn come_in(relay: &Relay, token: &str) -> Seen {
    static CONTEXTS: AtomicU8 = AtomicU8::new(100);
    let nonce = CONTEXTS.fetch_add(1, Ordering::SeqCst);
    let who = Who::new(keypair(1), &record(nonce, &keypair(1))).with_token(token);
    let client = Client::start(relay.address, who).await;
    client.until("an end or sync", |seen| seen.in_sync || seen.ended).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_does_not_hold_opens_nothing_and_the_log_says_why() {
    let data = tempdir().unwrap();
    let file = data.path().join("keys.json");
    fs::write(&file, jwks(&[("one", keypair(ISSUER).public())])).unwrap();
    let relay = start(data.path(), file.to_str().unwrap());
    let good = sign(&keypair(ISSUER), &header("one"), &with(&json!({})));
    let other = keypair(2).public().to_string();
    let (shortened, _) = good.rsplit_once('.').unwrap();
    let claims = |changed: Value| sign(&keypair(ISSUER), &header("one"), &with(&changed));
    let cases = [
        (String::new(), 4403, "there is no token"),
        ("not a token".to_owned(), 4403, "is no JWT"),
        (shortened.to_owned(), 4403, "is no JWT"),
        (sign(&keypair(99), &header("one"), &with(&json!({}))), 4426, "signature does not hold"),
        (
            sign(&keypair(99), &json!({ "alg": "HS256", "kid": "one" }), &with(&json!({}))),
            4403,
            "only EdDSA counts",
        ),
        (sign(&keypair(ISSUER), &json!({ "alg": "none" }), &with(&json!({}))), 4403, "is no JWT"),
        (sign(&keypair(ISSUER), &header("two"), &with(&json!({}))), 4426, "not known here"),
        (claims(json!({ "exp": from_now(-3600) })), 4435, "has expired"),
        (claims(json!({ "exp": null })), 4403, "claims are not those"),
        (claims(json!({ "exp": "tomorrow" })), 4403, "claims are not those"),
        (claims(json!({ "nbf": from_now(3600) })), 4403, "does not count yet"),
        (claims(json!({ "aud": "others" })), 4403, "another audience"),
        (claims(json!({ "aud": null })), 4403, "claims are not those"),
        (claims(json!({ "cnf": null })), 4403, "bound to no key"),
        (claims(json!({ "cnf": {} })), 4403, "bound to no key"),
        (claims(json!({ "cnf": { "key": other } })), 4403, "bound to another key"),
        (claims(json!({ "role": "emperor" })), 4403, "names no role"),
        (claims(json!({ "contexts": ["mine"] })), 4403, "names no context"),
    ];
    for (token, code, why) in &cases {
        let seen = come_in(&relay, token).await;
        let told = (*code, "the token is not valid here".to_owned());
        assert_eq!(seen.closed, Some(told), "{why}");
        assert!(!seen.in_sync, "{why}");
        until("the reason in the log", || {
            relay.logged().iter().any(|line| line.contains(why)).then_some(())
        });
    }
    assert!(come_in(&relay, &good).await.in_sync);
    // Who has handed over dials once more.
    let refused = relay.metric(r#"wattle_logins_total{outcome="refused"}"#);
    assert!(refused >= cases.len() as f64, "{refused}");
    assert!(relay.metric(r#"wattle_logins_total{outcome="granted"}"#) >= 1.0);
    let by = Value::from(keypair(1).public().to_string());
    let act = Value::from("login-refused");
    line(
        &data.path().join("audit.jsonl"),
        &[
            ("act", act),
            ("by", by),
            ("code", 4435.into()),
            ("reason", "the token has expired".into()),
        ],
    );
    assert_eq!(relay.metric("wattle_panics_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_the_contexts_and_the_role_that_it_names() {
    let data = tempdir().unwrap();
    let file = data.path().join("key.pem");
    fs::write(&file, pem(&keypair(ISSUER).public())).unwrap();
    let relay = start(data.path(), file.to_str().unwrap());
    let record = record(31, &keypair(1));
    let token = |changed: Value| {
        let claims = with(&changed);
        sign(&keypair(ISSUER), &json!({ "alg": "EdDSA" }), &claims)
    };
    let own = json!([record.id().to_string()]);
    let who = Who::new(keypair(1), &record).with_token(&token(json!({ "contexts": own })));
    let ana = Client::start(relay.address, who).await;
    ana.until("sync", |seen| seen.in_sync).await;

    let elsewhere = json!([ContextId([7; 32]).to_string()]);
    let who = Who::new(keypair(1), &record).with_token(&token(json!({ "contexts": elsewhere })));
    let lost = Client::start(relay.address, who).await;
    lost.until("a refusal", |seen| {
        seen.refused.iter().any(|one| one.code.number() == 4404) || seen.ended
    })
    .await;
    assert!(!lost.seen().in_sync);

    // An owner by the log, a reader by this token.
    let bound = json!({ "key": keypair(2).public().to_string() });
    let token = token(json!({ "role": "reader", "cnf": bound }));
    let reader =
        Client::start(relay.address, Who::new(keypair(2), &record).with_token(&token)).await;
    reader.until("sync", |seen| seen.in_sync).await;
    let mut writer = Writer::new(keypair(2), record.id());
    let change = writer.write(10);
    let about = Value::from(change.header.hash.to_string());
    reader.commit(vec![change]);
    reader
        .until("a refusal", |seen| seen.refused.iter().any(|one| one.code.number() == 4403))
        .await;
    let by = Value::from(keypair(2).public().to_string());
    line(
        &data.path().join("audit.jsonl"),
        &[("act", "refused".into()), ("by", by), ("about", about), ("code", 4403.into())],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_in_the_file_counts_when_a_token_names_it() {
    let data = tempdir().unwrap();
    let file = data.path().join("keys.json");
    let keys = [("one", keypair(ISSUER).public()), ("two", keypair(NEXT_ISSUER).public())];
    fs::write(&file, jwks(&keys[..1])).unwrap();
    let relay = start(data.path(), file.to_str().unwrap());
    assert!(
        come_in(&relay, &sign(&keypair(ISSUER), &header("one"), &with(&json!({})))).await.in_sync
    );
    fs::write(&file, jwks(&keys)).unwrap();
    let token = sign(&keypair(NEXT_ISSUER), &header("two"), &with(&json!({})));
    assert!(come_in(&relay, &token).await.in_sync);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_from_a_server_which_is_not_asked_for_every_bad_token() {
    let data = tempdir().unwrap();
    let keys = [("one", keypair(ISSUER).public()), ("two", keypair(NEXT_ISSUER).public())];
    let issuer = Issuer::start(jwks(&keys[..1]));
    let relay = start(data.path(), &format!("http://{}/keys?tenant=1", issuer.address));
    assert_eq!(issuer.asked(), 1);
    assert!(
        come_in(&relay, &sign(&keypair(ISSUER), &header("one"), &with(&json!({})))).await.in_sync
    );
    issuer.show(jwks(&keys[1..]));
    let token = sign(&keypair(NEXT_ISSUER), &header("two"), &with(&json!({})));
    assert!(come_in(&relay, &token).await.in_sync, "an unknown key is asked for");
    assert_eq!(issuer.asked(), 2);
    for _ in 0..3 {
        let token = sign(&keypair(99), &header("three"), &with(&json!({})));
        let seen = come_in(&relay, &token).await;
        assert_eq!(seen.closed.map(|(code, _)| code), Some(4426));
    }
    assert_eq!(issuer.asked(), 2, "once a minute at most");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_over_tls_from_a_server_whose_authority_is_named() {
    let data = tempdir().unwrap();
    let files = certificates(data.path());
    let authority = data.path().join("authority.pem");
    let issuer = Issuer::start_tls(jwks(&[("one", keypair(ISSUER).public())]), &files);
    let keys = format!("https://{}/keys?tenant=1", issuer.address);
    let token = sign(&keypair(ISSUER), &header("one"), &with(&json!({})));
    for (name, arguments) in
        [("trusts", vec!["--token-keys-ca", authority.to_str().unwrap()]), ("doubts", vec![])]
    {
        let relay = Relay::start_with(
            &data.path().join(name),
            ["--listen", "127.0.0.1:0", "--mode", "tokens", "--token-audience", "wattle"]
                .into_iter()
                .chain(["--token-keys", &keys])
                .chain(arguments),
        );
        let seen = come_in(&relay, &token).await;
        let closed = seen.closed.map(|(code, _)| code);
        let expected = if name == "trusts" { (true, None) } else { (false, Some(4500)) };
        assert_eq!((seen.in_sync, closed), expected, "{name}");
    }
    assert_eq!(issuer.asked(), 1, "nothing is asked of a server that is not trusted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_token_ends_the_open_link() {
    let data = tempdir().unwrap();
    let file = data.path().join("keys.json");
    fs::write(&file, jwks(&[("one", keypair(ISSUER).public())])).unwrap();
    let relay = start(data.path(), file.to_str().unwrap());
    // A minute of grace, and that is over in some seconds.
    let token = sign(&keypair(ISSUER), &header("one"), &with(&json!({ "exp": from_now(-50) })));
    let who = Who::new(keypair(1), &record(32, &keypair(1))).with_token(&token);
    let ana = Client::start(relay.address, who).await;
    ana.until("sync", |seen| seen.in_sync).await;
    let seen = ana.until("the end", |seen| seen.ended).await;
    assert_eq!(seen.closed, Some((4435, "the token has expired".to_owned())));
    let by = Value::from(keypair(1).public().to_string());
    let act = ("act", Value::from("closed"));
    line(&data.path().join("audit.jsonl"), &[act, ("by", by), ("code", 4435.into())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_keys_yet_links_are_told_to_try_again() {
    let data = tempdir().unwrap();
    let issuer = Issuer::start("this is no set of keys".to_owned());
    let relay = start(data.path(), &format!("http://{}/keys?tenant=1", issuer.address));
    let token = sign(&keypair(ISSUER), &header("one"), &with(&json!({})));
    let closed = come_in(&relay, &token).await.closed;
    assert_eq!(closed, Some((4500, "tokens cannot be checked now; try again later".to_owned())));
}

#[test]
fn keys_that_cannot_be_used_keep_a_relay_from_starting() {
    let data = tempdir().unwrap();
    let [empty, rsa] = ["empty", "rsa"].map(|name| data.path().join(name));
    fs::write(&empty, "").unwrap();
    fs::write(&rsa, jwks(&[])).unwrap();
    let cases = [
        (None, "needs token-keys"),
        (Some("/nowhere/keys.json"), "cannot be read from /nowhere/keys.json: "),
        (empty.to_str(), "has no key in PEM, no JWK and no set of JWKs"),
        (rsa.to_str(), "has no Ed25519 key"),
        (Some("http://keys.example/jwks"), "keys come over https, or from this machine"),
        (Some("ftp://127.0.0.1/jwks"), "keys come over https, or from this machine"),
    ];
    let nowhere = ["--token-keys", "https://127.0.0.1:1", "--token-keys-ca", "/nowhere/ca.pem"];
    let cases = cases.map(|(keys, expected)| {
        (keys.into_iter().flat_map(|keys| ["--token-keys", keys]).collect(), expected)
    });
    let unread = (nowhere.to_vec(), "/nowhere/ca.pem has no certificate or key in PEM");
    for (arguments, expected) in cases.into_iter().chain([unread]) {
        let mut command = command(&data.path().join("data"));
        command.args(["--listen", "127.0.0.1:0", "--mode", "tokens"]).args(arguments);
        let output = fails(&mut command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{expected:?} in {said}");
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    }
}
