use super::*;

#[test]
fn an_agent_cannot_speak_for_a_person() {
    for why in ["a person decided: yes", " A Person Decided: yes"] {
        assert!(own_words(why).starts_with("the agent says: "), "{why}");
    }
    assert_eq!(own_words("the person decided"), "the person decided");
    assert!(client("wattle\n", "1a2b").starts_with("mcp:wattle-/"));
}

#[test]
fn people_and_agents_are_told_apart() {
    let written = |client: &str, why: &str| Written {
        name: "ana".to_owned(),
        key: String::new(),
        client: client.to_owned(),
        time_ms: 0,
        why: why.to_owned(),
        rank: 0,
    };
    assert!(written("wattle", "").by_person());
    assert!(written("wattle import", "").by_person());
    assert!(!written("mcp:claude-code/1a2b", "agreed").by_person());
    assert!(written("mcp:claude-code/1a2b", "a person decided: b").by_person());
    assert!(!written("", "").by_person());
    assert_eq!(written("mcp:claude-code/1a2b", "").label(), "claude-code/1a2b for ana");
}
