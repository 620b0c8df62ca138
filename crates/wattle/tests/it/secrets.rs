//! What must not get into a context, on its way through the tools.

use serde_json::json;

use crate::client::{Client, ERAS};
use crate::desk::Desk;

#[test]
fn a_secret_is_refused_with_its_line_and_not_told_again() {
    let ana = Desk::new("ana");
    ana.edit(&["documents", "add", r#"{"title": "API", "body": "one\ntwo\n"}"#]);
    let before = ana.export();
    let token = ["gh", "p_", "mZ8kQ2vT7xR4nB1cW6yL9dF3hJ5gS0aPqE2u"].concat();
    let text = format!("one\ntwo\nPush with {token}\n");
    for era in ERAS {
        let mut agent = Client::start(&ana, era, "coder");
        for (op, place) in [
            (json!({ "op": "set", "path": "documents/api/body", "value": text }), "line 3 of "),
            (json!({ "op": "append", "path": "documents/api/body", "value": token }), "line 1 of "),
            (
                json!({ "op": "add", "path": "tasks", "value": { "title": "Go", "spec": text } }),
                "line 3 of tasks/spec",
            ),
        ] {
            // The op beside it is held back too: they apply together.
            let ops = json!([{ "op": "add", "path": "tasks", "value": { "title": "Fine" } }, op]);
            let told = agent.refused("context_edit", json!({ "ops": ops, "why": "a test" }));
            for part in
                [place, "holds a GitHub token (ghp_…)", "Take the secret out", "tell the user"]
            {
                assert!(told.contains(part), "{part}: {told}");
            }
            assert!(!told.contains(&token[4..]), "{told}");
        }
    }
    assert_eq!(ana.export(), before);
}
