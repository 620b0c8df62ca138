use super::*;

fn roles() -> Vec<Role> {
    let selection = |read: &[Section], write: &[Section]| Role::Selection {
        read: read.to_vec(),
        write: write.to_vec(),
    };
    let mut roles = Role::NAMED.to_vec();
    roles.push(selection(&[Section::Documents, Section::Tasks], &[Section::Tasks]));
    roles.push(selection(&[Section::Rules], &[]));
    roles
}

#[test]
fn a_role_is_what_its_rights_and_its_text_say() {
    for role in roles() {
        assert_eq!(Role::of(&role.rights()), role);
        assert_eq!(role.to_string().parse::<Role>().unwrap(), role);
    }
}

#[test]
fn each_named_role_allows_what_the_one_before_it_does_and_more() {
    for pair in Role::NAMED.windows(2) {
        let [less, more] = pair else { unreachable!("windows of two") };
        assert!(less.rights().is_within(&more.rights()), "{less} {more}");
        assert!(less.rights() != more.rights() && less.rank() < more.rank());
    }
}

#[test]
fn a_selection_is_a_named_role_when_it_says_the_same() {
    let all = "instructions,people,documents,tasks,tools,rules";
    assert_eq!(format!("read={all}").parse::<Role>().unwrap(), Role::Reader);
    let contributor = format!("read={all}; write=tasks,documents").parse::<Role>().unwrap();
    assert_eq!(contributor, Role::Contributor);
}

#[test]
fn what_may_be_written_may_be_read() {
    let role: Role = "write=tasks".parse().unwrap();
    assert_eq!(role.to_string(), "read=tasks;write=tasks");
    assert!(role.rights().reads(Section::Tasks.number()));
    assert!(!role.rights().reads(Section::Rules.number()));
}

#[test]
fn a_text_that_names_no_role_says_what_does() {
    for text in ["", "king", "read", "admire=tasks", "read=rulez", "read=;write="] {
        let error = text.parse::<Role>().unwrap_err().to_string();
        assert!(error.len() > 30, "{text}: {error}");
    }
}

#[test]
fn rights_of_a_maintainer_without_sections_keep_no_power_in_a_selection() {
    let rights = Rights { read: Scopes::of(&[4]), write: Scopes::of(&[4]), power: Power::Maintain };
    assert_eq!(Role::of(&rights).to_string(), "read=tasks;write=tasks");
}
