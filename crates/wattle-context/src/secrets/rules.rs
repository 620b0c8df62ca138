//! The shapes of secrets, as data.

/// One shape.
pub(super) struct Rule {
    /// What has it, with its article: it stands in sentences.
    pub(super) kind: &'static str,
    /// The shape; what it finds is the secret.
    pub(super) pattern: &'static str,
    /// How many of its first characters say nothing that is secret.
    pub(super) shown: usize,
}

/// All of them. To add one, add its examples in the tests, too.
pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: "a private key",
        // With some of the key behind its first line: that line alone is prose about keys.
        pattern: r#"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\\r|[\s>"',])*(?:[A-Z][A-Za-z-]+: [^\n]*[\s>]+)*[A-Za-z0-9+/=]{16,}"#,
        shown: 10,
    },
    Rule {
        kind: "an age key",
        pattern: r"\bAGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}\b",
        shown: 15,
    },
    Rule {
        kind: "an AWS access key",
        pattern: r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        shown: 4,
    },
    Rule {
        kind: "an AWS secret key",
        pattern: r#"(?i)\baws_?secret_?(?:access_?)?key["']?\s*[:=]\s*["']?[A-Za-z0-9/+]{40}\b"#,
        shown: 12,
    },
    Rule { kind: "a GitHub token", pattern: r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b", shown: 4 },
    Rule { kind: "a GitHub token", pattern: r"\bgithub_pat_[A-Za-z0-9_]{36,255}\b", shown: 11 },
    Rule {
        kind: "a GitLab token",
        pattern: r"\bgl(?:pat|dt|rt|ptt|ft|soat|cbt|agent|imt|oas)-[A-Za-z0-9_-]{20,}",
        shown: 6,
    },
    Rule { kind: "a Slack token", pattern: r"\bxox[abeoprs]-[0-9A-Za-z-]{20,}", shown: 5 },
    Rule {
        kind: "a Slack token",
        pattern: r"\bxapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-f0-9]{32,}",
        shown: 5,
    },
    Rule {
        kind: "a Slack webhook",
        pattern: r"https://hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{6,}/[A-Z0-9]{6,}/[A-Za-z0-9]{16,}",
        shown: 23,
    },
    Rule {
        kind: "a Stripe key",
        pattern: r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}\b",
        shown: 8,
    },
    Rule { kind: "a Stripe webhook secret", pattern: r"\bwhsec_[A-Za-z0-9+/]{24,}", shown: 6 },
    Rule { kind: "an Anthropic key", pattern: r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{32,}", shown: 7 },
    Rule {
        kind: "an OpenAI key",
        pattern: r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{32,}",
        shown: 8,
    },
    Rule { kind: "an OpenAI key", pattern: r"\bsk-[A-Za-z0-9]{40,64}\b", shown: 3 },
    Rule { kind: "an OpenRouter key", pattern: r"\bsk-or-v1-[0-9a-f]{64}\b", shown: 9 },
    Rule { kind: "a Google API key", pattern: r"\bAIza[A-Za-z0-9_-]{35}", shown: 4 },
    Rule { kind: "a Google client secret", pattern: r"\bGOCSPX-[A-Za-z0-9_-]{28}", shown: 7 },
    Rule { kind: "a Google access token", pattern: r"\bya29\.[A-Za-z0-9_-]{40,}", shown: 5 },
    Rule { kind: "an npm token", pattern: r"\bnpm_[A-Za-z0-9]{36}\b", shown: 4 },
    Rule { kind: "a PyPI token", pattern: r"\bpypi-AgE[A-Za-z0-9_-]{50,}", shown: 5 },
    Rule { kind: "a crates.io token", pattern: r"\bcio[A-Za-z0-9]{32}\b", shown: 3 },
    Rule { kind: "a Hugging Face token", pattern: r"\bhf_[A-Za-z0-9]{34,}\b", shown: 3 },
    Rule {
        kind: "a SendGrid key",
        pattern: r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b",
        shown: 3,
    },
    Rule {
        kind: "a Docker Hub token",
        pattern: r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}",
        shown: 9,
    },
    Rule { kind: "a DigitalOcean token", pattern: r"\bdo[opr]_v1_[a-f0-9]{64}\b", shown: 7 },
    Rule { kind: "a Shopify token", pattern: r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b", shown: 6 },
    Rule { kind: "a Vault token", pattern: r"\bhv[sb]\.[A-Za-z0-9_-]{24,}", shown: 4 },
    Rule { kind: "an Azure storage key", pattern: r"\bAccountKey=[A-Za-z0-9+/]{86}==", shown: 11 },
    Rule {
        kind: "a Telegram bot token",
        pattern: r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b",
        shown: 4,
    },
    Rule {
        kind: "a JSON web token",
        pattern: r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
        shown: 3,
    },
    Rule {
        kind: "an invitation to a context",
        pattern: r"\bwattles?://[^\s#/]+/[0-9a-f]{64}#[0-9a-f]{64}",
        shown: 9,
    },
    Rule {
        kind: "the recovery key of a context",
        pattern: r"\b(?:[0-9A-HJKMNP-TV-Z]{5}-){11}[0-9A-HJKMNP-TV-Z]{3}\b",
        shown: 0,
    },
    Rule {
        kind: "the key of a wattle identity",
        pattern: r#""secret"\s*:\s*"[0-9a-f]{64}""#,
        shown: 8,
    },
];
