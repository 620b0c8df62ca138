use super::*;

fn heads(bodies: &[(&str, &str)]) -> Heads {
    let part = |id: &str| Part::Body(id.parse().unwrap());
    bodies.iter().map(|(id, head)| (part(id), vec![(*head).to_owned()])).collect()
}

#[test]
fn a_cursor_is_read_as_it_was_written() {
    let heads = heads(&[("0000000000000000", "a"), ("1000000000000000", "b")]);
    let cursor = Cursor {
        sections: BTreeMap::from([(Section::Rules, "0123456789abcdef".to_owned())]),
        bodies: digests(&heads),
        at_ms: 1_700_000_000_000,
    };
    let text = cursor.to_string();
    assert_eq!(Cursor::parse(&text), Some(cursor), "{text}");
    for wrong in ["", "rules", "nothing:1", "bodies:k12", "at:never", "C-12345678"] {
        assert_eq!(Cursor::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn the_bodies_behind_another_digest_may_have_changed() {
    let before = heads(&[("0000000000000000", "a"), ("1000000000000000", "b")]);
    let cursor = Cursor { bodies: digests(&before), ..Cursor::default() };
    assert_eq!(cursor.bodies_since(&before), []);
    let after =
        heads(&[("0000000000000000", "a"), ("1000000000000000", "c"), ("2000000000000000", "d")]);
    let changed: Vec<String> = cursor.bodies_since(&after).iter().map(ItemId::to_string).collect();
    assert_eq!(changed, ["1000000000000000", "2000000000000000"]);
}
