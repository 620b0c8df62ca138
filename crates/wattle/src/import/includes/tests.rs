use std::path::Path;

use super::*;

#[test]
fn files_are_named_by_an_at_sign_outside_of_code() {
    let text = "See @docs/style.md and @./README.md, @../up.md.\n\
        @ana and ana@example.org are people, @types/node is a package\n\
        `@docs/not.md` is code\n```\n@docs/neither.md\n```\n- @AGENTS.md\n";
    let found: Vec<_> =
        includes(text, Path::new("p")).into_iter().map(|one| (one.line, one.named)).collect();
    let expected = [(1, "docs/style.md"), (1, "./README.md"), (1, "../up.md"), (7, "AGENTS.md")];
    assert_eq!(found, expected.map(|(line, named)| (line, named.to_owned())));
}

#[test]
fn a_line_that_only_names_files_is_told_from_a_sentence() {
    for (line, only) in [
        ("@AGENTS.md", true),
        ("- @a.md @b.md", true),
        ("see @a.md", false),
        ("", false),
        ("-", false),
    ] {
        assert_eq!(only_names(line), only, "{line:?}");
    }
}
