use super::*;

#[test]
fn an_address_survives_its_text() {
    for (text, shown) in [
        ("wattle://relay.example:9000", "wattle://relay.example:9000"),
        ("wattles://relay.example", "wattles://relay.example:4747"),
        ("http://127.0.0.1:4747", "wattle://127.0.0.1:4747"),
        ("ws://[::1]:80/sync", "wattle://[::1]:80"),
        ("wss://a/", "wattles://a:4747"),
    ] {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), shown);
        assert_eq!(shown.parse::<Address>().unwrap(), address);
    }
}

#[test]
fn what_is_no_address_is_refused_with_a_sentence() {
    for (text, sentence) in [
        ("relay.example", "relay.example is no address: it begins with wattle:// or wattles://"),
        ("ftp://a:1", "ftp://a:1 is no address: it begins with wattle:// or wattles://"),
        ("wattle://a:99999", "wattle://a:99999 has no port between 0 and 65535"),
        ("wattle://:1", "wattle://:1 names no host"),
        ("wattle://a b:1", "wattle://a b:1 names no host"),
        ("wattle://::1:1", "wattle://::1:1 names no host"),
        ("wattle://a:1/repo", "wattle://a:1/repo has the path repo; an address has none"),
    ] {
        assert_eq!(text.parse::<Address>().unwrap_err().to_string(), sentence);
    }
}

#[test]
fn a_join_link_survives_its_text() {
    let context = "ab".repeat(32);
    for text in [
        format!("wattle://relay.example:9000/{context}"),
        format!("wattles://relay.example:4747/{context}"),
        format!("wattle:///{context}"),
    ] {
        assert_eq!(text.parse::<JoinLink>().unwrap().to_string(), text);
    }
    let error = "wattle://a:1".parse::<JoinLink>().unwrap_err();
    assert_eq!(error.to_string(), "wattle://a:1 names no context: a link to join ends in /CONTEXT");
    let error = "wattle://a:1/abc".parse::<JoinLink>().unwrap_err();
    assert_eq!(error.to_string(), "\"abc\" is no context: 64 hexadecimal digits are");
}

#[test]
fn the_secret_of_a_link_is_in_its_text_and_nowhere_else() {
    let (context, secret) = ("ab".repeat(32), "5c".repeat(32));
    for text in [
        format!("wattle://relay.example:9000/{context}#{secret}"),
        format!("wattle:///{context}#{secret}"),
    ] {
        let link: JoinLink = text.parse().unwrap();
        assert_eq!(link.to_string(), text);
        assert!(!format!("{link:?}").contains(&secret), "{link:?}");
    }
    for cut in [format!("wattle:///{context}#{}", &secret[1..]), format!("wattle://a:1#{secret}")] {
        let error = cut.parse::<JoinLink>().unwrap_err().to_string();
        assert!(!error.contains(&secret[1..]), "{error}");
    }
}
