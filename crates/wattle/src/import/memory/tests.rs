use std::path::Path;

use crate::import::gather;

use super::*;

#[test]
fn every_entity_relation_and_stray_line_is_kept() {
    let lines = concat!(
        r#"{"type":"entity","name":"ana","entityType":"person","observations":["likes tea","works late","likes tea"]}"#,
        "\n",
        r#"{"type":"relation","from":"ana","to":"shop","relationType":"maintains"}"#,
        "\n\n",
        r#"{"type":"relation","from":"nobody","to":"ana","relationType":"knows"}"#,
        "\n",
        r#"{"type":"future","name":"ana","x":1}"#,
        "\n",
    );
    let text = gather::text("memory.jsonl".into(), lines.to_owned(), Path::new(".")).unwrap();
    let made = proposals(&text);
    let told: Vec<_> = made
        .iter()
        .map(|one| (one.line, one.title(), one.text("kind"), one.text("body")))
        .collect();
    assert_eq!(
        told,
        [
            (
                1,
                "ana",
                "person",
                "- likes tea\n- works late\n\n## Relations\n\n- maintains shop\n\n## Not understood\n\n{\"type\":\"future\",\"name\":\"ana\",\"x\":1}"
            ),
            (4, "nobody", "", "## Relations\n\n- knows ana\n"),
        ]
    );
    assert!(made[0].text("source").ends_with("memory.jsonl#ana"));
}
