//! The law of agents' dial lists and of skills.

use cti_gateway::domain::{
    dial_list::{self, Added, DialList, DialListError, MAX_NAME, MAX_NUMBERS, Mark},
    phone::{HomeRegion, Number},
    skill::{MAX_DELAY_S, MAX_PRIORITY, SkillChange, SkillError, SkillPriority, update_priority},
};

fn list(id: i64, agent: &str, name: &str) -> DialList {
    DialList { id, agent: agent.into(), name: name.into() }
}

#[test]
fn a_list_is_the_agents_only_one_of_its_name_when_it_is_made() {
    let lists = [list(1, "anna", "hot"), list(2, "bert", "cold")];
    assert_eq!(dial_list::may_create("anna", "cold", &lists), Ok(()), "another agent's counts for nothing");
    assert_eq!(dial_list::may_create("Anna", "hot", &lists), Ok(()), "case matters");
    assert_eq!(dial_list::may_create("anna", "Hot", &lists), Ok(()), "case matters");
    assert_eq!(dial_list::may_create("anna", "hot leads", &lists), Ok(()), "blanks are not recommended, but fine");
    assert_eq!(dial_list::may_create("anna", &"ü".repeat(MAX_NAME), &lists), Ok(()));
    let exists = DialListError::Exists { agent: "anna".into(), name: "hot".into() };
    assert_eq!(dial_list::may_create("anna", "hot", &lists), Err(exists));
    for name in ["", " ", " hot", "hot\n", "a\nb", "a\0b", &"u".repeat(MAX_NAME + 1)] {
        assert_eq!(dial_list::may_create("anna", name, &lists), Err(DialListError::Name), "{name:?}");
    }
}

#[test]
fn for_anything_else_the_name_is_the_only_one_of_the_account() {
    let lists = [list(1, "anna", "hot"), list(2, "bert", "hot"), list(3, "bert", "cold"), list(4, "carl", "hot")];
    assert_eq!(dial_list::find("bert", "cold", &lists), Ok(&lists[2]));
    let none = |agent: &str, name: &str| Err(DialListError::NoSuchList { agent: agent.into(), name: name.into() });
    assert_eq!(dial_list::find("anna", "cold", &lists), none("anna", "cold"), "it is another agent's");
    assert_eq!(dial_list::find("Bert", "cold", &lists), none("Bert", "cold"));
    assert_eq!(dial_list::find("bert", "Cold", &lists), none("bert", "Cold"));
    let ambiguous = Err(DialListError::Ambiguous { name: "hot".into(), count: 3 });
    assert_eq!(dial_list::find("anna", "hot", &lists), ambiguous, "even for one who has it");
    assert_eq!(dial_list::find("dora", "hot", &lists), ambiguous);
}

#[test]
fn an_agents_own_list_is_whatever_others_have() {
    let lists = [list(1, "anna", "hot"), list(2, "bert", "hot")];
    assert_eq!(dial_list::own("bert", "hot", &lists), Ok(&lists[1]));
    for (agent, name) in [("carl", "hot"), ("Bert", "hot"), ("bert", "Hot")] {
        assert_eq!(dial_list::own(agent, name, &lists), Err(DialListError::NoSuchList { agent: agent.into(), name: name.into() }));
    }
}

#[test]
fn of_many_numbers_each_is_judged_by_those_before_it() {
    let number = |digits: &str| Number::from_canonical(digits.to_owned());
    let (old, new, other) = (number("+49301"), number("+49302"), number("+49303"));
    let found = [(old.clone(), Mark::Dialed)].into();
    let numbers = [new.clone(), old.clone(), new.clone(), other.clone(), new];
    let told = dial_list::add_each(&numbers, &found, MAX_NUMBERS - 1);
    assert_eq!(told, [Ok(Added::New), Ok(Added::Again), Ok(Added::Again), Err(DialListError::Full), Ok(Added::Again)]);
    assert_eq!(dial_list::add_each(&[other.clone(), other], &found, MAX_NUMBERS - 1), [Ok(Added::New), Ok(Added::Again)]);
    assert_eq!(dial_list::add_each(&[], &found, 0), []);
}

#[test]
fn numbers_are_digits_and_one_number_however_written() {
    let us = HomeRegion::default();
    let short = dial_list::read_number("7812706510", us).expect("a number");
    assert_eq!(short.as_str(), "+17812706510");
    assert_eq!(dial_list::read_number("17812706510", us), Ok(short));
    assert_eq!(dial_list::read_number("1001", us).expect("an extension").as_str(), "1001");
    assert!(dial_list::read_number("123456789012345", us).is_ok());
    for raw in ["", "+17812706510", "(781) 270-6510", "781-270-6510", " 7812706510", "781x", "٧٨١٢٧٠٦٥١٠", "1234567890123456"] {
        assert_eq!(dial_list::read_number(raw, us), Err(DialListError::Digits), "{raw}");
    }
}

#[test]
fn a_number_is_once_in_a_list() {
    assert_eq!(dial_list::add(None, MAX_NUMBERS - 1), Ok(Added::New));
    assert_eq!(dial_list::add(None, MAX_NUMBERS), Err(DialListError::Full));
    for found in [Mark::Undialed, Mark::Dialed] {
        assert_eq!(dial_list::add(Some(found), MAX_NUMBERS), Ok(Added::Again), "which needs no room");
        assert_eq!(dial_list::remove(Some(found)), Ok(()));
        for to in [Mark::Undialed, Mark::Dialed] {
            assert_eq!(dial_list::mark(Some(found), to), Ok(found != to));
        }
    }
    assert_eq!(dial_list::remove(None), Err(DialListError::NoSuchNumber));
    assert_eq!(dial_list::mark(None, Mark::Dialed), Err(DialListError::NoSuchNumber));
}

#[test]
fn a_priority_is_added_or_changed_by_what_is_set() {
    let set = |present, priority, delay_s, active| update_priority(present, SkillChange { priority, delay_s, active });
    let new = SkillPriority { priority: 0, delay_s: 0, active: true };
    assert_eq!(set(None, None, None, None), Ok(new));
    assert_eq!(set(None, Some(3), None, None), Ok(SkillPriority { priority: 3, ..new }));
    let present = SkillPriority { priority: 7, delay_s: 30, active: false };
    assert_eq!(set(Some(present), None, None, None), Ok(present), "what is not set is ignored");
    assert_eq!(set(Some(present), Some(0), None, None), Ok(SkillPriority { priority: 0, ..present }));
    assert_eq!(set(Some(present), None, Some(0), None), Ok(SkillPriority { delay_s: 0, ..present }));
    assert_eq!(set(Some(present), None, None, Some(true)), Ok(SkillPriority { active: true, ..present }));
    let most = SkillPriority { priority: MAX_PRIORITY, delay_s: MAX_DELAY_S, active: false };
    assert_eq!(set(None, Some(MAX_PRIORITY), Some(MAX_DELAY_S), Some(false)), Ok(most));
    for priority in [-1, MAX_PRIORITY + 1] {
        assert_eq!(set(Some(present), Some(priority), None, None), Err(SkillError::Priority));
    }
    for delay in [-1, MAX_DELAY_S + 1] {
        assert_eq!(set(Some(present), None, Some(delay), None), Err(SkillError::Delay));
    }
}

#[test]
fn what_is_refused_is_explained() {
    let (agent, name) = ("anna".to_owned(), "hot".to_owned());
    let errors = [
        DialListError::Name,
        DialListError::Exists { agent: agent.clone(), name: name.clone() },
        DialListError::NoSuchList { agent, name: name.clone() },
        DialListError::Ambiguous { name, count: 2 },
        DialListError::Digits,
        DialListError::NoSuchNumber,
        DialListError::Full,
    ];
    let skills = [SkillError::Priority, SkillError::Delay].map(|error| error.to_string());
    let told: Vec<String> = errors.iter().map(ToString::to_string).chain(skills).collect();
    insta::assert_snapshot!(told.join("\n"));
}
