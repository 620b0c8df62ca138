use super::*;

#[test]
fn what_editors_write_is_read() {
    let (front, text) = split(
        "---\r\ndescription: How to: write \"tests\"\nglobs: *.ts, src/**/*.{js,jsx}\nalwaysApply: false\nowner: ana\n---\n# Tests\n",
    );
    assert_eq!(front.description.as_deref(), Some("How to: write \"tests\""));
    assert_eq!(front.globs, ["*.ts", "src/**/*.{js,jsx}"]);
    assert_eq!(front.rest, ["owner: ana"]);
    assert_eq!((front.lines, text), (6, "# Tests\n"));
}

#[test]
fn lists_and_quotes_and_everything_are_read() {
    for (text, globs) in [
        ("---\nglobs: [\"a/**\", 'b/*.rs']\n---\n", vec!["a/**", "b/*.rs"]),
        ("---\nglobs:\n  - \"a/**\"\n  - b/*.rs\n---\n", vec!["a/**", "b/*.rs"]),
        ("---\napplyTo: \"**\"\n---\n", vec![]),
        ("---\napplyTo: '**/*.py'\n---\n", vec!["**/*.py"]),
        ("---\nglobs:\n---\n", vec![]),
        ("no front\n", vec![]),
        ("---\nnever closed\n", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(split(text).0.globs, globs, "{text:?}");
    }
    assert_eq!(split("---\nnever closed\n").1, "---\nnever closed\n");
}
