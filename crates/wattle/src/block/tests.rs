use super::*;

fn mark() -> Mark {
    Mark::new("0123456789abcdef0123", "rules:abc;instructions:def", "inner\n")
}

#[test]
fn a_block_is_put_in_and_replaced_and_nothing_else_changes() {
    for text in ["", "a", "a\n", "a\r\nb\r\n", "\u{feff}a\nb", "a\r\nb", "\u{feff}", "\n\n"] {
        let once = with(text, &mark(), "inner\n").unwrap();
        assert!(once.starts_with(text), "{text:?}: {once:?}");
        assert_eq!(once.contains("\r\n"), text.contains("\r\n"), "{text:?}");
        assert_eq!(once.replace("\r\n", "").contains('\n'), !text.contains("\r\n"), "{text:?}");
        let gap = if once.ends_with('\n') { "" } else { "\n" };
        let around = format!("{once}{gap}after");
        let split = split(&around).unwrap().unwrap();
        assert_eq!((split.inner.as_str(), &split.mark), ("inner\n", &mark()), "{text:?}");
        let outside = split.outside();
        assert_eq!(outside.lines().count(), around.lines().count());
        assert!(!outside.contains("inner") && outside.starts_with(text), "{text:?}: {outside:?}");
        let other = with(&around, &mark(), "other\nlines\n").unwrap();
        assert_eq!(with(&other, &mark(), "inner\n").unwrap(), around, "{text:?}");
        assert_eq!(with(&around, &mark(), "inner\n").unwrap(), around, "{text:?}");
    }
}

#[test]
fn a_file_without_an_end_of_line_stays_without_one() {
    let once = with("last line", &mark(), "inner\n").unwrap();
    assert!(once.starts_with("last line\n\n<!-- wattle:begin") && once.ends_with("end -->"));
}

#[test]
fn damaged_blocks_are_told_by_their_line() {
    let begin = "<!-- wattle:begin context=0123456789abcdef v=rules:a hash=0123456789abcdef -->";
    let end = "<!-- wattle:end -->";
    for (text, error) in [
        (format!("x\n{begin}\ny\n"), BlockError::Unclosed { line: 2 }),
        (format!("x\n{end}\n"), BlockError::Unopened { line: 2 }),
        (format!("{begin}\n{begin}\n{end}\n"), BlockError::Nested { line: 2, first: 1 }),
        (format!("{begin}\n{end}\n\n{begin}\n{end}\n"), BlockError::Second { line: 4, first: 1 }),
        (format!("{begin}\n{end}\n{end}\n"), BlockError::Unopened { line: 3 }),
        ("<!-- wattle:begin -->\n<!-- wattle:end -->".to_owned(), BlockError::Mark { line: 1 }),
        (format!("{begin}\n<!-- wattle:end maybe\n"), BlockError::Mark { line: 2 }),
    ] {
        assert_eq!(split(&text), Err(error.clone()), "{text}");
        assert_eq!(with(&text, &mark(), "inner\n"), Err(error), "{text}");
    }
}
