//! The rules of names and references, as an administrator meets them.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::directory::{
    Account, Accounts, Camera, ChangeRefusal, Directory, DirectoryChange, DraftField, Effect,
    Holder, LEVELS_MAX, Level, LevelUser, Meaning, NightSwitch, NumberingPlan, OperatorDraft,
    OperatorMode, PHONES_MAX, Permit, Secret, Srtp, TerminalDraft, Thing, Trunk, patent_levels,
};
use cordboard::ids::{CameraId, LevelId, Number, OperatorId, QueueId};
use cordboard::random::Random;
use cordboard::sip::Uri;
use cordboard::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

fn number(text: &str) -> Number {
    Number::from(text)
}

fn level(text: &str) -> LevelId {
    LevelId::from(text)
}

fn plan() -> NumberingPlan {
    NumberingPlan {
        realm: "cordboard.local".to_owned(),
        addresses: vec![],
        queues: BTreeMap::from([(number("9000"), QueueId::from("main"))]),
        trunks: vec![Trunk {
            name: "carrier".to_owned(),
            addresses: vec!["192.0.2.10:5060".parse().unwrap()],
            level: level("B"),
            prefixes: vec!["0".to_owned()],
            srtp: Srtp::Optional,
            login: None,
            register: false,
        }],
        cameras: vec![camera("B")],
        external: level("B"),
    }
}

/// The gate at 7001.
fn camera(level: &str) -> Camera {
    Camera {
        id: CameraId(0),
        name: "gate".to_owned(),
        number: Some(number("7001")),
        level: LevelId::from(level),
        display: String::new(),
        viewers_max: 20,
        watch_max: Duration::from_secs(7200),
    }
}

/// The patent's levels, terminals 3001 (A) and 4001 (B), operator op1 at 3001.
fn directory() -> Directory {
    let levels = patent_levels().to_vec();
    let mut directory = Directory::new(plan(), Accounts { levels, ..Accounts::default() });
    let inside = TerminalDraft { level: Some(level("A")), ..terminal("3001") };
    for change in [
        DirectoryChange::AddTerminal(inside),
        DirectoryChange::AddTerminal(terminal("4001")),
        DirectoryChange::AddOperator(operator("op1", "3001")),
    ] {
        directory.apply(&change).unwrap();
    }
    directory
}

fn terminal(text: &str) -> TerminalDraft {
    TerminalDraft::new(number(text))
}

fn operator(name: &str, phone: &str) -> OperatorDraft {
    OperatorDraft { phone: Some(number(phone)), ..OperatorDraft::new(OperatorId::from(name)) }
}

fn permit(callee: &str, caller: &str) -> Permit {
    Permit { callee: number(callee), caller: number(caller) }
}

/// Expects a refusal that leaves the directory as it was, and returns its sentence.
#[track_caller]
fn refused(directory: &mut Directory, change: &DirectoryChange) -> (ChangeRefusal, String) {
    let before = directory.clone();
    let refusal = directory.apply(change).unwrap_err();
    assert_eq!(*directory, before, "a refused change left a trace: {change}");
    let sentence = refusal.to_string();
    (refusal, sentence)
}

#[test]
fn the_patents_levels_let_the_inside_call_out_but_not_the_outside_in() {
    let directory = directory();
    let may = |caller: &str, callee: &str| directory.admits(&level(callee), &level(caller));
    assert!(may("A", "A") && may("A", "B"));
    assert!(!may("B", "A") && !may("B", "B"));
    assert!(directory.admitted_anywhere(&level("A")));
    assert!(!directory.admitted_anywhere(&level("B")));
    assert!(!may("C", "A") && !may("A", "C"), "a level that is not there admits nobody");
}

#[test]
fn a_terminal_without_a_level_is_outside() {
    let directory = directory();
    assert_eq!(directory.terminal(&number("4001")).unwrap().level, level("B"));
}

#[test]
fn numbers_operators_queues_and_the_desk_share_one_space_of_names() {
    let mut directory = directory();
    for (name, holder) in [
        ("op1", Holder::Operator),
        ("9000", Holder::Queue),
        ("7001", Holder::Camera),
        ("desk", Holder::Desk),
        ("Desk", Holder::Desk),
    ] {
        let (refusal, _) = refused(&mut directory, &DirectoryChange::AddTerminal(terminal(name)));
        let thing = Thing::Terminal;
        assert_eq!(refusal, ChangeRefusal::NameTaken { thing, name: name.to_owned(), holder });
    }
    for (name, holder) in
        [("3001", Holder::Terminal), ("9000", Holder::Queue), ("desk", Holder::Desk)]
    {
        let (refusal, _) =
            refused(&mut directory, &DirectoryChange::AddOperator(operator(name, "4001")));
        let thing = Thing::Operator;
        assert_eq!(refusal, ChangeRefusal::NameTaken { thing, name: name.to_owned(), holder });
    }
    let (_, sentence) = refused(&mut directory, &DirectoryChange::AddTerminal(terminal("*50")));
    assert_eq!(sentence, "terminal \"*50\": names with `*` are feature codes: choose another");
}

#[test]
fn what_is_set_stays_and_what_is_left_out_stays_too() {
    let mut directory = directory();
    let secret = Secret::from_password("3001", "cordboard.local", "geheim").unwrap();
    let set = TerminalDraft {
        name: Some("Anna".to_owned()),
        secret: Some(secret.clone()),
        contact: DraftField::Set(Uri::parse("sip:3001@192.0.2.7").unwrap()),
        ..terminal("3001")
    };
    directory.apply(&DirectoryChange::SetTerminal(set)).unwrap();
    let effects = directory
        .apply(&DirectoryChange::SetTerminal(TerminalDraft {
            contact: DraftField::Clear,
            ..terminal("3001")
        }))
        .unwrap();
    let now = directory.terminal(&number("3001")).unwrap();
    assert_eq!(effects, [Effect::PutTerminal(now.clone())]);
    assert_eq!((now.name.as_str(), &now.level, &now.contact), ("Anna", &level("A"), &None));
    assert_eq!(now.secret, Some(secret));
}

#[test]
fn what_is_there_is_not_added_and_what_is_not_there_is_not_set() {
    let mut directory = directory();
    for (change, sentence) in [
        (
            DirectoryChange::AddTerminal(terminal("3001")),
            "terminal 3001: it is there already: change it with `cordboard terminal set`, \
             or choose another number",
        ),
        (
            DirectoryChange::SetTerminal(terminal("3999")),
            "terminal 3999: there is none of that name: see `cordboard terminal list`",
        ),
        (
            DirectoryChange::RemoveTerminal(number("3999")),
            "terminal 3999: there is none of that name: see `cordboard terminal list`",
        ),
        (
            DirectoryChange::AddOperator(operator("op1", "3001")),
            "operator op1: it is there already: change it with `cordboard operator set`, \
             or choose another name",
        ),
        (
            DirectoryChange::AddOperator(OperatorDraft::new(OperatorId::from("op2"))),
            "operator op2: it has no desk phone: give one with --phone NUMBER",
        ),
        (
            DirectoryChange::AddOperator(operator("op2", "3999")),
            "terminal 3999: there is none of that name: see `cordboard terminal list`",
        ),
        (
            DirectoryChange::SetOperator(operator("op2", "3001")),
            "operator op2: there is none of that name: see `cordboard operator list`",
        ),
        (
            DirectoryChange::RemoveOperator(OperatorId::from("op2")),
            "operator op2: there is none of that name: see `cordboard operator list`",
        ),
        (
            DirectoryChange::RemovePermit(permit("3001", "4001")),
            "permit 3001 4001: there is none of that name: see `cordboard permit list`",
        ),
        (
            DirectoryChange::AddPermit(permit("3999", "4001")),
            "terminal 3999: there is none of that name: see `cordboard terminal list`",
        ),
        (
            DirectoryChange::AddLevel(patent_levels()[0].clone()),
            "level A: it is there already: change it with `cordboard level set`, \
             or choose another name",
        ),
        (
            DirectoryChange::AddTerminal(TerminalDraft {
                level: Some(level("Z")),
                ..terminal("3002")
            }),
            "level Z: there is none of that name: see `cordboard level list`",
        ),
    ] {
        assert_eq!(refused(&mut directory, &change).1, sentence);
    }
}

#[test]
fn a_permit_goes_with_its_caller_and_with_its_callee() {
    let mut directory = directory();
    directory.apply(&DirectoryChange::AddTerminal(terminal("4002"))).unwrap();
    for pair in [("3001", "4001"), ("4001", "3001"), ("3001", "0123")] {
        directory.apply(&DirectoryChange::AddPermit(permit(pair.0, pair.1))).unwrap();
    }
    assert!(directory.permits(&number("3001"), &number("4001")));
    assert!(!directory.permits(&number("4002"), &number("4001")));
    let again = DirectoryChange::AddPermit(permit("3001", "4001"));
    assert!(matches!(refused(&mut directory, &again).0, ChangeRefusal::Exists { .. }));

    let effects = directory.apply(&DirectoryChange::RemoveTerminal(number("4001"))).unwrap();
    assert_eq!(
        effects,
        [
            Effect::DropTerminal(number("4001")),
            Effect::DropPermit(permit("3001", "4001")),
            Effect::DropPermit(permit("4001", "3001")),
        ]
    );
    directory.apply(&DirectoryChange::AddTerminal(terminal("4001"))).unwrap();
    assert!(!directory.permits(&number("3001"), &number("4001")), "the next 4001 inherits nothing");
    assert!(directory.permits(&number("3001"), &number("0123")));
}

#[test]
fn a_level_in_use_stays() {
    let mut directory = directory();
    let visitors = Level { name: level("C"), admits: BTreeSet::from([level("C"), level("A")]) };
    directory.apply(&DirectoryChange::AddLevel(visitors)).unwrap();
    for (name, user) in [("A", LevelUser::Terminal(number("3001"))), ("B", LevelUser::External)] {
        let (refusal, _) = refused(&mut directory, &DirectoryChange::RemoveLevel(level(name)));
        assert_eq!(refusal, ChangeRefusal::LevelInUse { level: level(name), user });
    }
    let admitting = Level { name: level("B"), admits: BTreeSet::from([level("C")]) };
    directory.apply(&DirectoryChange::SetLevel(admitting)).unwrap();
    let (_, sentence) = refused(&mut directory, &DirectoryChange::RemoveLevel(level("C")));
    assert_eq!(sentence, "level C: the admits of level B uses it: change that first");

    let closed = Level { name: level("B"), admits: BTreeSet::new() };
    directory.apply(&DirectoryChange::SetLevel(closed)).unwrap();
    directory.apply(&DirectoryChange::RemoveLevel(level("C"))).unwrap();
    assert!(directory.level(&level("C")).is_none());
}

#[test]
fn operators_share_further_phones_but_feature_codes_have_one_owner() {
    let mut directory = directory();
    let by_phone = OperatorDraft {
        mode: Some(OperatorMode::Phone),
        phones: Some(BTreeSet::from([number("3001")])),
        ..operator("op2", "4001")
    };
    directory.apply(&DirectoryChange::AddOperator(by_phone.clone())).unwrap();
    let at = |phone: &str| {
        let phone = number(phone);
        directory.operators_at(&phone).map(|o| o.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!((at("3001"), at("4001")), (vec!["op1".into(), "op2".into()], vec!["op2".into()]));
    let owner = directory.operator_by_phone(&number("4001")).map(|o| o.name.as_str());
    assert_eq!(owner, Some("op2"));
    assert_eq!(directory.operator_by_phone(&number("3001")), None, "op1 has a desk");

    let second = OperatorDraft { name: OperatorId::from("op3"), ..by_phone };
    let (refusal, _) = refused(&mut directory, &DirectoryChange::AddOperator(second));
    assert!(matches!(refusal, ChangeRefusal::PhoneShared { .. }));
    let (refusal, _) = refused(&mut directory, &DirectoryChange::RemoveTerminal(number("3001")));
    let (number, operator) = (number("3001"), OperatorId::from("op1"));
    assert_eq!(refusal, ChangeRefusal::PhoneInUse { number, operator });
}

#[test]
fn an_operator_without_queues_serves_them_all() {
    let mut directory = directory();
    let main = QueueId::from("main");
    assert!(directory.operator(&OperatorId::from("op1")).unwrap().serves(&main));
    let elsewhere = OperatorDraft {
        queues: Some(BTreeSet::from([QueueId::from("night")])),
        ..operator("op2", "4001")
    };
    let (_, sentence) = refused(&mut directory, &DirectoryChange::AddOperator(elsewhere));
    assert_eq!(
        sentence,
        "operator op2: there is no queue night: add [queue.night] to the configuration, \
         or name another"
    );
}

#[test]
fn an_import_happens_wholly_or_not_at_all() {
    let mut directory = directory();
    let named = TerminalDraft { name: Some("Anna".to_owned()), ..terminal("3001") };
    let good = DirectoryChange::ImportTerminals(vec![named, terminal("3002"), terminal("3003")]);
    assert_eq!(directory.apply(&good).unwrap().len(), 3);
    assert_eq!(directory.terminal(&number("3001")).unwrap().level, level("A"), "the level stays");

    let bad = vec![terminal("3004"), terminal("op1")];
    let (_, sentence) = refused(&mut directory, &DirectoryChange::ImportTerminals(bad));
    assert_eq!(
        sentence,
        "row 2: terminal op1: this is already the name of an operator: choose another"
    );
    let twice = vec![terminal("3004"), terminal("3005"), terminal("3004")];
    let (refusal, _) = refused(&mut directory, &DirectoryChange::ImportTerminals(twice));
    let refusal_within = Box::new(ChangeRefusal::Twice(number("3004")));
    assert_eq!(refusal, ChangeRefusal::Row { row: 3, refusal: refusal_within });
}

#[test]
fn the_audit_names_what_was_changed_and_shows_no_secret() {
    let secret = Secret::from_password("3001", "cordboard.local", "geheim").ok();
    let draft = TerminalDraft { secret, level: Some(level("A")), ..terminal("3001") };
    for (change, what) in [
        (DirectoryChange::SetTerminal(draft), "terminal set 3001 level=A password=(set)"),
        (DirectoryChange::AddLevel(patent_levels()[0].clone()), "level add A admits=A"),
        (DirectoryChange::RemovePermit(permit("3001", "4001")), "permit remove 3001 4001"),
        (DirectoryChange::AddOperator(operator("op1", "3001")), "operator add op1 phone=3001"),
        (
            DirectoryChange::ImportTerminals(vec![terminal("1"), terminal("2")]),
            "terminal import of 2: 1 2",
        ),
    ] {
        assert_eq!(change.to_string(), what);
    }
    let many =
        DirectoryChange::ImportTerminals((0..1000).map(|n| terminal(&n.to_string())).collect());
    assert!(many.to_string().ends_with(" 18 19 …"), "{many}");
}

#[test]
fn limits_hold() {
    let mut directory = directory();
    for n in 2..LEVELS_MAX {
        let name = LevelId::from(format!("L{n}").as_str());
        directory
            .apply(&DirectoryChange::AddLevel(Level { name, admits: BTreeSet::new() }))
            .unwrap();
    }
    let more = Level { name: level("more"), admits: BTreeSet::new() };
    let (_, sentence) = refused(&mut directory, &DirectoryChange::AddLevel(more));
    assert_eq!(sentence, "levels: there are 100 already, which is the limit: remove some first");

    let phones = (0..=PHONES_MAX).map(|n| number(&n.to_string())).collect();
    let draft = OperatorDraft { phones: Some(phones), ..operator("op2", "3001") };
    let (refusal, _) = refused(&mut directory, &DirectoryChange::AddOperator(draft));
    assert!(matches!(refusal, ChangeRefusal::Limit { max: PHONES_MAX, .. }));
}

#[test]
fn a_number_has_one_meaning() {
    let mut directory = directory();
    directory.apply(&DirectoryChange::AddTerminal(terminal("0815"))).unwrap();
    let meaning = |text: &str| match directory.meaning(&number(text)) {
        Meaning::Desk => "desk",
        Meaning::FeatureCode => "feature code",
        Meaning::Queue(_) => "queue",
        Meaning::Camera(_) => "camera",
        Meaning::Terminal(_) => "terminal",
        Meaning::Trunk(_) => "trunk",
        Meaning::Unknown => "unknown",
    };
    for (text, means) in [
        ("desk", "desk"),
        ("*50", "feature code"),
        ("9000", "queue"),
        ("7001", "camera"),
        ("3001", "terminal"),
        ("0815", "terminal"),
        ("08151", "trunk"),
        ("op1", "unknown"),
        ("", "unknown"),
    ] {
        assert_eq!(meaning(text), means, "{text}");
    }
}

#[test]
fn a_configuration_that_contradicts_the_journal_is_named() {
    let mut accounts = Accounts::default();
    {
        let directory = directory();
        accounts.terminals.extend(directory.terminals().cloned());
        accounts.operators.extend(directory.operators().cloned());
        accounts.levels.extend(directory.levels().cloned());
    }
    assert_eq!(Directory::new(plan(), accounts.clone()).conflicts(), []);

    let changed = NumberingPlan {
        queues: BTreeMap::from([(number("4001"), QueueId::from("main"))]),
        cameras: vec![Camera { number: Some(number("4002")), ..camera("Y") }],
        external: level("Z"),
        ..plan()
    };
    let directory = Directory::new(changed, accounts);
    let sentences: Vec<_> = directory.conflicts().iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "level Z: levels.external of the configuration uses it and it is not there: \
             `cordboard level add Z`, or change the configuration",
            "level Y: camera gate of the configuration uses it and it is not there: \
             `cordboard level add Y`, or change the configuration",
            "terminal 4001: this is already an operator number: choose another",
        ]
    );
    assert_eq!(directory.meaning(&number("4001")), Meaning::Queue(&QueueId::from("main")));
}

#[test]
fn terminals_are_found_by_number_and_by_name() {
    let mut directory = directory();
    let anna = TerminalDraft { name: Some("Anna Müller".to_owned()), ..terminal("3002") };
    directory.apply(&DirectoryChange::AddTerminal(anna)).unwrap();
    let find = |text: &str| directory.find(text).map(|t| t.number.to_string()).collect::<Vec<_>>();
    assert_eq!(find("300"), ["3001", "3002"]);
    assert_eq!(find(" MÜLL"), ["3002"]);
    assert_eq!(find("01"), Vec::<String>::new(), "a number is found from its beginning");
}

#[test]
fn an_account_is_found_by_its_user_name() {
    let directory = directory();
    assert!(matches!(directory.account("3001"), Some(Account::Terminal(_))));
    assert!(matches!(directory.account("op1"), Some(Account::Operator(_))));
    assert!(directory.account("9000").is_none());
}

/// Whatever administrators type: after every change the references hold, and the effects alone
/// rebuild the directory.
#[test]
fn random_changes_never_break_a_reference() {
    for seed in 0..20 {
        let mut random = Random::from_number(seed);
        let mut directory = directory();
        let mut journal = Journal::of(&directory);
        for _ in 0..400 {
            let change = any_change(&mut random);
            if let Ok(effects) = directory.apply(&change) {
                effects.into_iter().for_each(|effect| journal.write(effect));
            }
            assert_eq!(directory.conflicts(), [], "seed {seed} after {change}");
            for operator in directory.operators() {
                assert!(directory.terminal(&operator.phone).is_some(), "seed {seed}: {change}");
            }
            for terminal in directory.terminals() {
                assert!(directory.level(&terminal.level).is_some(), "seed {seed}: {change}");
            }
        }
        assert_eq!(Directory::new(plan(), journal.accounts()), directory, "seed {seed}");
    }
}

fn any_change(random: &mut Random) -> DirectoryChange {
    let mut pick = |of: &[&str]| of[random.below(of.len() as u64) as usize].to_owned();
    let numbers = ["3001", "3002", "3003", "4001", "op2", "9000"];
    let levels = ["A", "B", "C", "D"];
    let draft = TerminalDraft { level: Some(level(&pick(&levels))), ..terminal(&pick(&numbers)) };
    let row =
        Level { name: level(&pick(&levels)), admits: BTreeSet::from([level(&pick(&levels))]) };
    let pair = permit(&pick(&numbers), &pick(&numbers));
    let at = operator(&pick(&["op1", "op2", "3003"]), &pick(&numbers));
    match pick(&["+t", "t", "-t", "+l", "l", "-l", "+p", "-p", "+o", "o", "-o", "i"]).as_str() {
        "+t" => DirectoryChange::AddTerminal(draft),
        "t" => DirectoryChange::SetTerminal(draft),
        "-t" => DirectoryChange::RemoveTerminal(draft.number),
        "+l" => DirectoryChange::AddLevel(row),
        "l" => DirectoryChange::SetLevel(row),
        "-l" => DirectoryChange::RemoveLevel(row.name),
        "+p" => DirectoryChange::AddPermit(pair),
        "-p" => DirectoryChange::RemovePermit(pair),
        "+o" => DirectoryChange::AddOperator(at),
        "o" => DirectoryChange::SetOperator(at),
        "-o" => DirectoryChange::RemoveOperator(at.name),
        _ => DirectoryChange::ImportTerminals(vec![draft, terminal(&pick(&numbers))]),
    }
}

/// What the store makes of the effects.
#[derive(Default)]
struct Journal {
    terminals: BTreeMap<Number, cordboard::directory::Terminal>,
    levels: BTreeMap<LevelId, Level>,
    permits: BTreeSet<Permit>,
    operators: BTreeMap<OperatorId, cordboard::directory::Operator>,
    nights: BTreeMap<QueueId, NightSwitch>,
}

impl Journal {
    fn of(directory: &Directory) -> Self {
        let mut journal = Self::default();
        directory.terminals().for_each(|t| journal.write(Effect::PutTerminal(t.clone())));
        directory.levels().for_each(|l| journal.write(Effect::PutLevel(l.clone())));
        directory.operators().for_each(|o| journal.write(Effect::PutOperator(o.clone())));
        journal
    }

    fn write(&mut self, effect: Effect) {
        match effect {
            Effect::PutTerminal(t) => drop(self.terminals.insert(t.number.clone(), t)),
            Effect::DropTerminal(number) => drop(self.terminals.remove(&number)),
            Effect::PutLevel(l) => drop(self.levels.insert(l.name.clone(), l)),
            Effect::DropLevel(name) => drop(self.levels.remove(&name)),
            Effect::PutPermit(p) => assert!(self.permits.insert(p)),
            Effect::DropPermit(p) => assert!(self.permits.remove(&p)),
            Effect::PutOperator(o) => drop(self.operators.insert(o.name.clone(), o)),
            Effect::DropOperator(name) => drop(self.operators.remove(&name)),
            Effect::PutNight(queue, NightSwitch::Auto) => drop(self.nights.remove(&queue)),
            Effect::PutNight(queue, switch) => drop(self.nights.insert(queue, switch)),
        }
    }

    fn accounts(self) -> Accounts {
        Accounts {
            terminals: self.terminals.into_values().collect(),
            levels: self.levels.into_values().collect(),
            permits: self.permits.into_iter().collect(),
            operators: self.operators.into_values().collect(),
            nights: self.nights.into_iter().collect(),
        }
    }
}

#[test]
fn the_night_of_a_queue_is_switched_and_switched_back() {
    let mut directory = directory();
    let main = QueueId::from("main");
    let set = |queue: &QueueId, switch| DirectoryChange::SetNight { queue: queue.clone(), switch };
    assert_eq!(directory.night(&main), NightSwitch::Auto);
    let on = directory.apply(&set(&main, NightSwitch::On)).unwrap();
    assert_eq!(directory.night(&main), NightSwitch::On);
    // One that was considered and is not to be leaves what there is.
    let off = directory.consider(&set(&main, NightSwitch::Off)).unwrap();
    assert_eq!(directory.opposite(&off), on);
    directory.apply(&set(&main, NightSwitch::Auto)).unwrap();
    assert_eq!(directory.night(&main), NightSwitch::Auto);
    assert_eq!(directory.opposite(&off), [Effect::PutNight(main.clone(), NightSwitch::Auto)]);
    let nowhere = QueueId::from("nowhere");
    let (refusal, said) = refused(&mut directory, &set(&nowhere, NightSwitch::On));
    assert_eq!(refusal, ChangeRefusal::NotConfigured(nowhere));
    assert!(said.contains("`cordboard queues`"), "{said}");
}

/// As a terminal may be permitted to a caller, so may a camera; its level cannot go.
#[test]
fn permits_and_levels_hold_for_cameras() {
    let mut directory = directory();
    directory.apply(&DirectoryChange::AddPermit(permit("7001", "4001"))).unwrap();
    assert!(directory.permits(&number("7001"), &number("4001")));
    directory.apply(&DirectoryChange::RemovePermit(permit("7001", "4001"))).unwrap();

    let changed = NumberingPlan { cameras: vec![camera("C")], ..plan() };
    let levels = [&patent_levels()[..], &[Level { name: level("C"), admits: BTreeSet::new() }]];
    let accounts = Accounts { levels: levels.concat(), ..Accounts::default() };
    let mut directory = Directory::new(changed, accounts);
    let (refusal, _) = refused(&mut directory, &DirectoryChange::RemoveLevel(level("C")));
    let user = LevelUser::Camera("gate".to_owned());
    assert_eq!(refusal, ChangeRefusal::LevelInUse { level: level("C"), user });
}
