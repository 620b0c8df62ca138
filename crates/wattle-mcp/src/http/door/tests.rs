use http::HeaderValue;

use super::*;

fn with(name: http::HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(&name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn programs_and_pages_of_this_machine_come_in_and_others_when_they_are_named() {
    let named = ["https://app.example".to_owned()];
    for (origins, comes_in) in [
        (&[] as &[&str], true),
        (&["http://localhost:6274"], true),
        (&["https://127.0.0.1"], true),
        (&["http://[::1]:8080"], true),
        (&["https://app.example"], true),
        (&["https://app.example:8443"], false),
        (&["http://app.example"], false),
        (&["https://evil.example"], false),
        (&["http://localhost.evil.example"], false),
        (&["http://127.0.0.1.evil.example"], false),
        (&["file://localhost"], false),
        (&["null"], false),
        (&[""], false),
        (&["http://localhost", "https://evil.example"], false),
    ] {
        let checked = origin(&with(ORIGIN, origins), &named);
        assert_eq!(checked.is_ok(), comes_in, "{origins:?}");
    }
}

#[test]
fn only_names_of_this_server_are_answered_to() {
    let named = ["mcp.example.org".to_owned(), "other.example.org:8443".to_owned()];
    for (shown, is_ours) in [
        ("localhost", true),
        ("LOCALHOST:4747", true),
        ("127.0.0.1:4747", true),
        ("[::1]:4747", true),
        ("mcp.example.org", true),
        ("mcp.example.org:443", true),
        ("other.example.org:8443", true),
        ("other.example.org", false),
        ("evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("", false),
    ] {
        assert_eq!(host(&with(HOST, &[shown]), &named).is_ok(), is_ours, "{shown}");
    }
    assert!(host(&HeaderMap::new(), &named).is_err());
}

#[test]
fn a_bearer_token_is_shown_once() {
    for (shown, token) in [
        (&[] as &[&str], None),
        (&["Bearer wattle_1"], Some("wattle_1")),
        (&["bearer  wattle_1 "], Some("wattle_1")),
        (&["Basic d2F0dGxl"], None),
        (&["Bearer"], None),
        (&["Bearer one", "Bearer two"], None),
    ] {
        assert_eq!(bearer(&with(AUTHORIZATION, shown)), token, "{shown:?}");
    }
}
