use super::*;

fn open(ids: &[&str]) -> BTreeSet<SessionId> {
    ids.iter().map(|id| SessionId::from(*id)).collect()
}

#[test]
fn a_session_whose_client_went_before_it_heard_of_it_has_a_place_and_loses_it() {
    let names: Vec<String> = (0..SESSIONS_MAX).map(|number| format!("{number:02}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let (left, heard) = all.split_first().unwrap();
    let mut known = Known::default();
    for id in heard {
        known.sessions.insert(SessionId::from(*id), Used::new(1));
    }
    // While one is being made, what has no name yet may be that one.
    known.beginning = 1;
    assert_eq!(known.make_room(&open(&all)), Err(Refused::Sessions));
    known.beginning = 0;
    assert_eq!(known.make_room(&open(&all)), Ok(Some(SessionId::from(*left))));
    assert_eq!(known.beginning, 1);
    known.beginning = 0;
    assert_eq!(known.make_room(&open(&heard[1..])), Ok(None), "one has ended by itself");
}
