use proptest::prelude::*;

use super::{ItemId, ItemIdError, Value};

#[test]
fn ids_spell_their_bits() {
    assert_eq!(ItemId::from_bytes([0; 10]).to_string(), "0000000000000000");
    assert_eq!(ItemId::from_bytes([0xff; 10]).to_string(), "zzzzzzzzzzzzzzzz");
    let id = ItemId::from_bytes([0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf]);
    assert_eq!(id.to_string(), "0123456789abcdef");
    assert_eq!(format!("{id:?}"), "0123456789abcdef");
}

#[test]
fn ids_have_one_spelling() {
    let refused = |text: &str| text.parse::<ItemId>().unwrap_err();
    assert_eq!(refused("0123456789ABCDEF"), ItemIdError::Character { found: 'A' });
    assert_eq!(refused("o123456789abcdef"), ItemIdError::Character { found: 'o' });
    assert_eq!(refused("0123456789abcdé"), ItemIdError::Character { found: 'é' });
    assert_eq!(refused("0123"), ItemIdError::Length { characters: 4 });
    assert_eq!(refused(""), ItemIdError::Length { characters: 0 });
}

#[test]
fn values_read_well() {
    let map = [("calls".to_owned(), Value::Int(5)), ("usd".to_owned(), "1.50".into())];
    let shown = [
        (Value::Null, "nothing"),
        (true.into(), "true"),
        ((-3).into(), "-3"),
        ("no deploys".into(), "no deploys"),
        (vec!["a".to_owned(), "b".to_owned()].into(), "a, b"),
        (Value::Map(map.into()), "calls: 5, usd: 1.50"),
    ];
    for (value, text) in shown {
        assert_eq!(value.to_string(), text);
    }
}

proptest! {
    #[test]
    fn ids_come_back_and_keep_their_order(a: [u8; 10], b: [u8; 10]) {
        let (one, two) = (ItemId::from_bytes(a), ItemId::from_bytes(b));
        prop_assert_eq!(one.to_string().parse(), Ok(one));
        prop_assert_eq!(a.cmp(&b), one.cmp(&two));
    }

    #[test]
    fn any_text_is_an_id_or_refused(text in ".*") {
        if let Ok(id) = text.parse::<ItemId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
