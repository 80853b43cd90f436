//! Who is registered, as people see it: since when, from where, with what; who was refused, and why.

use super::*;
use cordboard::exchange::Complaint;
use cordboard::registrar::RegistrationEntry;

impl Testbed {
    fn registrations(&mut self) -> Vec<RegistrationEntry> {
        let request = AdminRequest::Registrations;
        let effects = self.give(Input::Admin { id: 3, by: "root".into(), request });
        effects
            .into_iter()
            .find_map(|effect| match effect {
                Effect::Reply { reply: Reply::Registrations(found), .. } => Some(found),
                _ => None,
            })
            .unwrap()
    }
}

/// What the log hears of phones that come.
fn came(effects: &[Effect]) -> Vec<String> {
    let visits = effects.iter().filter_map(|effect| match effect {
        Effect::Visit(visit) => Some(visit.to_string()),
        _ => None,
    });
    visits.collect()
}

#[test]
fn a_phone_that_comes_is_told_once_and_listed_until_it_is_gone() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let agent = "User-Agent: phone\u{1b}[2J 1.0\n";
    let effects = registers(&mut testbed, 1, agent);
    let told = ["3001 is registered from 192.0.2.8:5060 by UDP, phone\u{fffd}[2J 1.0"];
    assert_eq!(came(&effects), told);
    let batch = awaited(&effects);
    let _ = testbed.commits(batch);
    let since = testbed.now.unix;
    testbed.now = testbed.now + Duration::from_secs(60);
    let effects = registers(&mut testbed, 3, agent);
    assert_eq!(came(&effects), [] as [&str; 0], "it is there already");
    let batch = awaited(&effects);
    let _ = testbed.commits(batch);
    let [found] = &testbed.registrations()[..] else { panic!("one") };
    let binding = found.binding.as_ref().unwrap();
    assert_eq!((binding.since, found.refused.as_ref()), (Some(since), None));
    assert_eq!(binding.expires, testbed.now.unix + Duration::from_secs(3600));
    let status = testbed.machine.status();
    assert_eq!((status.phones, status.bindings), (1, 1));
    let _ = testbed.later(3601);
    assert_eq!(testbed.registrations(), []);
    assert_eq!(came(&registers(&mut testbed, 5, agent)).len(), 1, "it comes anew");
}

/// It is not told to the log anew either.
#[test]
fn a_phone_has_been_there_since_it_came_also_after_a_restart() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let since = testbed.now.unix;
    let entries = awaited(&registers(&mut testbed, 1, "")).entries;
    let stored = entries.into_iter().filter_map(|entry| match entry {
        JournalEntry::Binding(BindingChange::Put(binding)) => Some(*binding),
        _ => None,
    });
    let bindings = stored.collect();
    let (mut testbed, _) = Testbed::new(StoredState { bindings, ..StoredState::default() });
    testbed.now = testbed.now + Duration::from_secs(60);
    let effects = registers(&mut testbed, 3, "");
    assert_eq!(came(&effects), [] as [&str; 0]);
    let [found] = &testbed.registrations()[..] else { panic!("one") };
    assert_eq!(found.binding.as_ref().unwrap().since, Some(since));
}

#[test]
fn a_phone_that_is_refused_is_listed_with_the_reason() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let first = testbed.hears("192.0.2.8:5060", &register(1, "User-Agent: p\n"));
    assert!(testbed.registrations().is_empty(), "the first request of every phone is challenged");
    let wrong = credentials(&first).replace("response=\"", "response=\"0");
    let _ = testbed.hears("192.0.2.8:5060", &register(2, &format!("{wrong}User-Agent: p\n")));
    let refused = |testbed: &mut Testbed| {
        let found = testbed.registrations();
        let [RegistrationEntry { binding: None, refused: Some(refused), number, .. }] = &found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!((number.as_str(), refused.user_agent.as_str()), ("3001", "p"));
        refused.why.clone()
    };
    assert_eq!(refused(&mut testbed), "401: wrong password");
    // Another number than its own: the log hears of it, too.
    let other =
        |seq: u32, lines: &str| register(seq, lines).replace("To: <sip:3001@", "To: <sip:4001@");
    let challenged = testbed.hears("192.0.2.8:5060", &other(3, ""));
    let effects = testbed.hears("192.0.2.8:5060", &other(4, &credentials(&challenged)));
    let said = effects.iter().find_map(|effect| match effect {
        Effect::Complaint { about: Complaint::Refused(403), what, .. } => Some(what.as_str()),
        _ => None,
    });
    assert_eq!(said, Some("REGISTER of 4001 is refused with 403: Not your address"));
    assert_eq!(testbed.registrations().len(), 2);
    // Who gets in has the last refusal beside it.
    let _ = registers(&mut testbed, 5, "");
    let found = testbed.registrations();
    assert!(found[0].binding.is_some() && found[0].refused.is_some(), "{found:?}");
}

#[test]
fn unauthenticated_sources_fill_no_list() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    for seq in 1..50 {
        let text = register(seq, "").replace("3001@cordboard", &format!("x{seq}@cordboard"));
        let _ = testbed.hears(
            "203.0.113.9:5060",
            &text.replace("Via: SIP/2.0/UDP", "Require: nothing\nVia: SIP/2.0/UDP"),
        );
    }
    assert_eq!(testbed.registrations(), []);
}
