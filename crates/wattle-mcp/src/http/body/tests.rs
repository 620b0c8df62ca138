use super::*;

#[test]
fn only_a_request_takes_up_something() {
    for (body, takes) in [
        (r#"{"id": 1, "method": "initialize"}"#, Asked::Session),
        (r#"{"id": "a", "method": "subscriptions/listen"}"#, Asked::Stream),
        (r#"{"id": 0, "method": "tools/call"}"#, Asked::Answer),
        (r#"{"method": "notifications/cancelled"}"#, Asked::Nothing),
        (r#"{"id": 1, "result": {}}"#, Asked::Nothing),
        (r#"[{"id": 1, "method": "tools/call"}]"#, Asked::Answer),
        (r#"{"id": 1, "method": "initialize", "method": "ping"}"#, Asked::Answer),
        ("", Asked::Answer),
    ] {
        assert_eq!(asked(body.as_bytes()), takes, "{body}");
    }
}
