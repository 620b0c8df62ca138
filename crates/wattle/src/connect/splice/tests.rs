use super::{edited, ends};

fn with_two(text: &str) -> Result<String, ()> {
    Ok(text.replace("one\n", "one\ntwo\n"))
}

#[test]
fn only_the_change_gets_new_bytes() {
    let cases = [
        ("one\nlast", "one\ntwo\nlast"),
        ("one\r\nlast\r\n", "one\r\ntwo\r\nlast\r\n"),
        ("\u{feff}one\r\nlast", "\u{feff}one\r\ntwo\r\nlast"),
        ("one\nmixed\r\nlast\n\r\n", "one\ntwo\nmixed\r\nlast\n\r\n"),
        ("a\r\none\nlast\n", "a\r\none\ntwo\r\nlast\n"),
        ("é\r\none\r\nü", "é\r\none\r\ntwo\r\nü"),
        ("nothing\r\nto do", "nothing\r\nto do"),
        ("", ""),
    ];
    for (before, after) in cases {
        assert_eq!(edited(before, with_two).unwrap(), after, "{before:?}");
    }
}

#[test]
fn equal_ends_do_not_overlap() {
    assert_eq!(ends("aa", "aaa"), (2, 0));
    assert_eq!(ends("aaa", "aa"), (2, 0));
    assert_eq!(ends("abc", "axc"), (1, 1));
    assert_eq!(ends("éa", "èa"), (0, 1));
}
