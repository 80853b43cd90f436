//! A dialog that is saved, and goes on in another process. That it goes on as if nothing had happened, all
//! ladders show: each is played once more with a dialog that is put back at every quiet moment.

use super::ladder;
use super::testbed::{TALKING, Testbed, settings};
use cordboard::dialog::{Command, Effect, Input, Machine, SavedDialog, TrunkCredentials};
use cordboard::ids::LegId;
use cordboard::random::Random;
use cordboard::sip::{DigestClient, HeaderName, Method, Realms, digest};
use cordboard::time::{Duration, Instant, Now, UnixTime};

const LEG: LegId = LegId(1);

fn at(instant: u64, unix: u64) -> Now {
    let instant = Instant::START + Duration::from_secs(instant);
    Now { instant, unix: UnixTime::from_secs(unix) }
}

/// What is saved at the end of this ladder.
fn saved_after(script: &str) -> Option<SavedDialog> {
    let mut testbed = Testbed::new();
    ladder::play(&mut testbed, script);
    testbed.machine.save(at(0, 1_000_000), LEG)
}

fn talking() -> SavedDialog {
    saved_after(TALKING).expect("nothing is under way once the call is answered")
}

#[test]
fn the_session_timer_runs_on_while_no_process_has_the_dialog() {
    let mut later = Machine::new(settings(), Random::from_number(9));
    let now = at(1, 1_000_600);
    later.restore(now, talking(), None);
    assert!(later.tick(now.instant).is_empty(), "no copy of the 200 comes after so long");
    // Half of 1,800 s, of which 600 are over.
    assert_eq!(later.deadline(), Some(at(301, 0).instant));
    let effects = later.tick(at(301, 0).instant);
    let [Effect::Request { request, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(request.method, Method::UPDATE);
}

#[test]
fn one_whose_time_has_passed_meanwhile_is_refreshed_at_once() {
    let mut later = Machine::new(settings(), Random::from_number(9));
    let now = at(1, 1_001_000);
    later.restore(now, talking(), None);
    let effects = later.tick(now.instant);
    let [Effect::Request { request, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(request.method, Method::UPDATE);
}

#[test]
fn what_is_asked_next_bears_a_name_of_its_own_and_the_next_number() {
    let mut later = Machine::new(settings(), Random::from_number(9));
    let (now, saved) = (at(1, 1_000_001), talking());
    later.restore(now, saved.clone(), None);
    let command = Command::Info { tag: 1, headers: vec![], body: None };
    let effects = later.handle(now.instant, Input::Command { leg: LEG, command });
    let [Effect::Request { transaction, request, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(request.headers.cseq().unwrap().0, saved.dialog.local_cseq + 1);
    assert!(saved.acks.iter().all(|ack| ack.invite != *transaction));
    assert_eq!(later.save(now, LEG), None, "its answer is awaited");
}

const TALKING_TO_A_TRUNK: &str = "
    user -> us    call sdp:a with password
    us -> peer    INVITE sdp:a
    peer -> us    407
    us -> peer    INVITE sdp:a with credentials
    peer -> us    200 sdp:b
    us -> peer    ACK with credentials
    us -> user    answered sdp:b
";

/// What a call has of its trunk is its name and what it asks for; its password is where it belongs.
#[test]
fn no_password_is_saved_and_a_trunk_is_answered_by_what_it_has_now() {
    let saved = saved_after(TALKING_TO_A_TRUNK).expect("nothing is under way");
    let text = format!("{saved:?}");
    assert!(text.contains("trunk") && !text.contains("secret"), "{text}");
    let asks = |login: Option<TrunkCredentials>| {
        let mut later = Machine::new(settings(), Random::from_number(9));
        let now = at(1, 1_000_001);
        later.restore(now, saved.clone(), login);
        let command = Command::Info { tag: 1, headers: vec![], body: None };
        let effects = later.handle(now.instant, Input::Command { leg: LEG, command });
        let [Effect::Request { request, .. }] = &effects[..] else { panic!("{effects:?}") };
        request.headers.get(HeaderName::ProxyAuthorization).map(str::to_owned)
    };
    let login = |password: &str, trunk: &str| TrunkCredentials {
        digest: DigestClient::new("us".to_owned(), password.to_owned()),
        trunk: trunk.to_owned(),
        realms: Realms::default(),
    };
    let checks = |said: &str, password| {
        let said = digest::Credentials::parse(said).unwrap().unwrap();
        let ha1 = digest::ha1("us", "trunk", password, said.algorithm);
        said.verify(&ha1, "INFO")
    };
    let said = asks(Some(login("changed", "trunk"))).expect("the nonce is known");
    assert!(checks(&said, "changed") && !checks(&said, "secret"), "{said}");
    assert_eq!(asks(None), None, "the trunk is gone");
    assert_eq!(asks(Some(login("secret", "another"))), None);
}

#[test]
fn nothing_is_saved_that_is_under_way() {
    let with = |script: &str| format!("{TALKING}{script}");
    for script in [
        &with(
            "peer -> us BYE\n us -> peer 200 for BYE\n us -> user ended Normal call clearing by Peer",
        ),
        &with("user -> us info 1\n us -> peer INFO"),
        &with("peer -> us INFO\n us -> user info"),
        &with("user -> us reoffer sdp:c\n us -> peer INVITE sdp:c"),
        &with("peer -> us INVITE sdp:c\n us -> user reoffered sdp:c"),
    ] {
        assert_eq!(saved_after(script), None, "{script}");
    }
}
