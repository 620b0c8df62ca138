//! The table of shapes against examples: what is a secret, and what only looks a little like one.

use super::{RULES, find, refuse};
use crate::edit::{Edit, EditError, Op};
use crate::value::Value;

/// Letters and digits without order, as many as are asked for; no secret of anybody.
fn noise(alphabet: &str, length: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        letters[(state >> 16) as usize % letters.len()]
    };
    (0..length).map(|_| next()).collect()
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";
const CROCKFORD: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BECH: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";

/// One secret of each shape, put together here so that none stands in the source.
fn secrets() -> Vec<(&'static str, String)> {
    let an = |length| noise(ALNUM, length);
    let hex = |length| noise(HEX, length);
    let groups: Vec<String> =
        (0..11).map(|at| noise(CROCKFORD, 60)[at..at + 5].to_owned()).collect();
    let pem =
        |kind: &str, key: &str| format!("-----BEGIN {kind}-----\n{key}\n-----END {kind}-----");
    vec![
        ("a private key", pem("PRIVATE KEY", &an(64))),
        ("a private key", pem("RSA PRIVATE KEY", &an(64))),
        ("a private key", pem("OPENSSH PRIVATE KEY", &an(70))),
        ("a private key", pem("EC PRIVATE KEY", &format!("Proc-Type: 4,ENCRYPTED\n\n{}", an(64)))),
        ("a private key", pem("PGP PRIVATE KEY BLOCK", &format!("\n{}", an(64)))),
        (
            "a private key",
            format!(r#"{{"private_key": "-----BEGIN PRIVATE KEY-----\n{}\n"#, an(64)),
        ),
        ("an age key", format!("AGE-SECRET-KEY-1{}", noise(BECH, 58))),
        ("an AWS access key", format!("AKIA{}", noise(UPPER, 16))),
        ("an AWS secret key", format!("aws_secret_access_key = {}", an(40))),
        ("a GitHub token", format!("ghp_{}", an(36))),
        ("a GitHub token", format!("ghs_{}", an(36))),
        ("a GitHub token", format!("github_pat_{}_{}", an(22), an(59))),
        ("a GitLab token", format!("glpat-{}", an(20))),
        (
            "a Slack token",
            format!("xoxb-{}-{}-{}", noise("0123456789", 12), noise("0123456789", 12), an(24)),
        ),
        (
            "a Slack token",
            format!("xapp-1-{}-{}-{}", noise(UPPER, 11), noise("0123456789", 13), hex(64)),
        ),
        (
            "a Slack webhook",
            format!(
                "https://hooks.slack.com/services/T{}/B{}/{}",
                noise(UPPER, 8),
                noise(UPPER, 8),
                an(24)
            ),
        ),
        ("a Stripe key", format!("sk_live_{}", an(24))),
        ("a Stripe webhook secret", format!("whsec_{}", an(32))),
        ("an Anthropic key", format!("sk-ant-api03-{}", an(93))),
        ("an OpenAI key", format!("sk-proj-{}", an(120))),
        ("an OpenAI key", format!("sk-{}", an(48))),
        ("an OpenRouter key", format!("sk-or-v1-{}", hex(64))),
        ("a Google API key", format!("AIza{}", an(35))),
        ("a Google client secret", format!("GOCSPX-{}", an(28))),
        ("a Google access token", format!("ya29.{}", an(60))),
        ("an npm token", format!("npm_{}", an(36))),
        ("a PyPI token", format!("pypi-AgE{}", an(80))),
        ("a crates.io token", format!("cio{}", an(32))),
        ("a Hugging Face token", format!("hf_{}", an(34))),
        ("a SendGrid key", format!("SG.{}.{}", an(22), an(43))),
        ("a Docker Hub token", format!("dckr_pat_{}", an(27))),
        ("a DigitalOcean token", format!("dop_v1_{}", hex(64))),
        ("a Shopify token", format!("shpat_{}", hex(32))),
        ("a Vault token", format!("hvs.{}", an(40))),
        ("an Azure storage key", format!("AccountKey={}==", an(86))),
        ("a Telegram bot token", format!("{}:AA{}", noise("0123456789", 9), an(33))),
        ("a JSON web token", format!("eyJ{}.eyJ{}.{}", an(20), an(60), an(43))),
        (
            "an invitation to a context",
            format!("wattle://192.168.1.7:4747/{}#{}", hex(64), hex(64)),
        ),
        ("an invitation to a context", format!("wattles://relay.test/{}#{}", hex(64), hex(64))),
        ("the recovery key of a context", format!("{}-{}", groups.join("-"), noise(CROCKFORD, 3))),
        ("the key of a wattle identity", format!(r#"{{"name": "ana", "secret": "{}"}}"#, hex(64))),
    ]
}

#[test]
fn every_shape_is_found_in_its_line_and_not_repeated() {
    for (kind, secret) in secrets() {
        let text = format!("# Notes\n\nuse this: `{secret}` please\n");
        let found = find(&text);
        assert_eq!(found.len(), 1, "{kind}: {secret}: {found:?}");
        assert_eq!((found[0].kind, found[0].line), (kind, 3), "{secret}");
        let shown = found[0].masked.trim_end_matches('…');
        assert!(secret.contains(shown) && shown.len() <= 23, "{kind}: {shown}");
    }
}

#[test]
fn every_rule_has_an_example() {
    for rule in RULES {
        assert!(secrets().iter().any(|(kind, _)| *kind == rule.kind), "{} has none", rule.kind);
    }
}

#[test]
fn hashes_ids_public_keys_and_placeholders_pass() {
    let (hex, an) = (|length| noise(HEX, length), |length| noise(ALNUM, length));
    let harmless = [
        hex(40),
        hex(64),
        format!("sha256:{}", hex(64)),
        format!("integrity sha512-{}==", an(86)),
        "550e8400-e29b-41d4-a716-446655440000".to_owned(),
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} ana@laptop", an(43)),
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", an(64)),
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", an(64)),
        "files that hold `-----BEGIN PRIVATE KEY-----` are never committed".to_owned(),
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----".to_owned(),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        "export GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".to_owned(),
        "ghp_123456789012345678901234567890123456".to_owned(),
        "ghp_YOUR_TOKEN_HERE, glpat-<token>, sk-ant-..., sk-proj-…".to_owned(),
        "OPENAI_API_KEY=sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        "from sk-learn-contrib-imbalanced-datasets-and-other-long-names import x".to_owned(),
        "npm_config_registry, npm_package_version, npm_lifecycle_event".to_owned(),
        "sk_test_ and rk_live_ begin keys of Stripe".to_owned(),
        format!("wattle://192.168.1.7:4747/{}", hex(64)),
        "wattle://192.168.1.7:4747/4f1c…#9a02…".to_owned(),
        "rules:0123456789abcdef;tasks:fedcba9876543210".to_owned(),
        "0123456789abcdef, 4t0jxa8m2c6w9y1z".to_owned(),
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX".to_owned(),
        concat!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6Ikpv",
            "aG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
        )
        .to_owned(),
    ];
    for text in harmless {
        assert_eq!(find(&text), [], "{text}");
    }
}

#[test]
fn edits_that_would_write_one_are_refused_with_the_place() {
    let token = format!("ghp_{}", noise(ALNUM, 36));
    let fields =
        [("title".to_owned(), "Push".into()), ("spec".to_owned(), format!("a\n{token}").into())];
    let edit = Edit {
        op: Op::Add,
        path: "tasks".to_owned(),
        value: Value::Map(fields.into()),
        old: None,
        base: None,
        if_unchanged: false,
    };
    let refused = refuse(&[edit]);
    let EditError::Secret { path, line, kind, masked } = refused.clone().unwrap_err() else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (path.as_str(), line, kind, masked.as_str()),
        ("tasks/spec", 2, "a GitHub token", "ghp_…")
    );
    assert!(!refused.unwrap_err().to_string().contains(&token));
}
