use super::*;

/// What every session of every client pays for.
const BYTES_MAX: usize = 4_500;

#[test]
fn the_tools_fit_into_their_room() {
    let tools = all().unwrap();
    let bytes = serde_json::to_string(&tools).unwrap().len();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes");
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    let expected = ["context_read", "context_edit", "context_resolve", "task_claim", "task_update"];
    assert_eq!(names, expected);
}

#[test]
fn what_is_listed_is_what_was_written() {
    let written: serde_json::Value = serde_json::from_str(TOOLS).unwrap();
    assert_eq!(serde_json::to_value(all().unwrap()).unwrap(), written);
}
