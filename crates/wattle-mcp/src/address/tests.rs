use super::*;

#[test]
fn addresses_are_read_as_they_are_written() {
    let name = "our garden/ä";
    let cases = [
        ("brief", Some(Wanted::Brief)),
        ("conflicts", Some(Wanted::Conflicts)),
        ("rules", Some(Wanted::Section(Section::Rules))),
        ("rules/7f3a", Some(Wanted::Item(Section::Rules, "7f3a".to_owned()))),
        ("documents/api/body", Some(Wanted::Body("api".to_owned()))),
        ("history/rules/7f3a", Some(Wanted::History("rules/7f3a".to_owned()))),
        ("nothing", None),
        ("rules/", None),
        ("rules/7f3a/statement", None),
        ("%zz", None),
    ];
    for (path, expected) in cases {
        let found = Address::parse(&uri(name, path), name).map(|address| address.wanted);
        assert_eq!(found, expected, "{path}");
    }
    assert_eq!(Address::parse("context://other/brief", name), None);
    assert_eq!(Address::parse("https://garden/brief", name), None);
    let json = Address::parse(&(uri(name, "rules") + "?format=json"), name).unwrap();
    assert_eq!(json.form, Form::Json);
}

#[test]
fn a_change_concerns_what_shows_it() {
    let path = "rules/7f3a21bc00000000/statement";
    let shows = |address: &str| Address::parse(&uri("g", address), "g").unwrap().shows(path);
    for address in
        ["brief", "conflicts", "rules", "rules/7f3a21bc", "rules/no-deploys", "history/rules"]
    {
        assert!(shows(address), "{address}");
    }
    for address in ["tasks", "rules/8f3a21bc", "tasks/7f3a21bc", "history/tasks"] {
        assert!(!shows(address), "{address}");
    }
}
