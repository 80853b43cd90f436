//! Call flows through the transactions: every transition, and its unhappy twin.
//!
//! `phone` is the other end of the wire, `user` the transaction user.

#![allow(clippy::unwrap_used)] // A test may panic.

mod ladder;

use cordboard::ids::ConnectionId;
use cordboard::random::Random;
use cordboard::sip::{
    self, Destination, Flow, HeaderName, Message, OwnAddresses, Request, Response, StatusCode,
    Transport,
};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use cordboard::transaction::{
    ClientId, Effect, Input, InviteHead, Machine, SavedClientInvite, SavedClientState,
    SavedServerInvite, SavedServerState, ServerId, Settings, SourceTrust, TransactionFailure,
};
use std::net::SocketAddr;

/// RFC 3261 §17.2.1: the final response is repeated, at doubling intervals, until its ACK.
#[test]
fn a_refusal_is_repeated_until_its_ack() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        +200ms        # the user is silent: 100 Trying
        us -> phone   100
        user -> us    486
        us -> phone   486
        +500ms        # timer G = T1
        us -> phone   486
        +1s           # timer G doubles
        us -> phone   486
        phone -> us   ACK
        phone -> us   ACK             # a late copy changes nothing
        phone -> us   INVITE          # nor does a late INVITE
        +5s           # timer I = T4
        over
    ",
    );
}

#[test]
fn without_its_ack_a_refusal_is_given_up() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    603
        us -> phone   603
        +3500ms
        us -> phone   603
        us -> phone   603
        us -> phone   603
        +28s          # then every T2
        us -> phone   603
        us -> phone   603
        us -> phone   603
        us -> phone   603
        us -> phone   603
        us -> phone   603
        us -> phone   603
        +500ms        # timer H
        us -> user    no ack
        over
    ",
    );
}

#[test]
fn over_a_stream_nothing_is_repeated() {
    over_tcp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    486
        us -> phone   486
        +31s
        phone -> us   ACK
        +0s
        over
    ",
    );
    over_tcp(
        "
        user -> us    call
        us -> phone   INVITE
        +31s
        +1s           # timer B
        us -> user    timeout
        over
    ",
    );
}

/// RFC 6026 §7.1: the copies of a 2xx and of its INVITE are no affair of the transaction.
#[test]
fn after_a_200_a_copy_of_the_invite_is_absorbed() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    180
        us -> phone   180
        phone -> us   INVITE          # the 180 was lost
        us -> phone   180
        user -> us    200
        us -> phone   200
        phone -> us   INVITE
        user -> us    200             # the user repeats
        us -> phone   200
        phone -> us   ACK branch=2
        us -> user    ACK
        phone -> us   ACK             # an old client's ACK has the branch of the INVITE
        us -> user    ACK
        +32s          # timer L
        over
    ",
    );
}

#[test]
fn a_late_refusal_after_a_200_is_not_sent() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    200
        us -> phone   200
        user -> us    486
        +32s
        over
    ",
    );
}

#[test]
fn a_cancel_is_answered_and_told_and_the_invite_refused() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    180
        us -> phone   180
        phone -> us   CANCEL
        us -> phone   200 for CANCEL
        us -> user    cancelled
        user -> us    487
        us -> phone   487
        phone -> us   CANCEL          # a copy
        us -> phone   200 for CANCEL
        phone -> us   ACK
        +32s
        over
    ",
    );
}

/// §9.2: it has no effect, but it is answered.
#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    200
        us -> phone   200
        phone -> us   CANCEL
        us -> phone   200 for CANCEL
        +32s
        over
    ",
    );
}

#[test]
fn a_cancel_of_nothing_gets_481() {
    over_udp(
        "
        phone -> us   CANCEL
        us -> phone   481 for CANCEL
        +32s
        over
    ",
    );
}

/// Who sees an INVITE go by knows its branch.
#[test]
fn an_invite_is_cancelled_from_where_it_came_and_nowhere_else() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    180
        us -> phone   180
        phone -> us   CANCEL from elsewhere
        us -> phone   481 for CANCEL
        phone -> us   CANCEL          # no copy of the other
        us -> phone   200 for CANCEL
        us -> user    cancelled
    ",
    );
}

#[test]
fn an_invite_that_cannot_be_answered_any_more_is_told() {
    over_tcp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        transport fails
        us -> user    no ack
        over
    ",
    );
    over_tcp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    486
        us -> phone   486
        transport fails
        us -> user    no ack
        over
    ",
    );
}

/// A datagram that could not leave is as good as a lost one: a line that is down for a second ends no call.
#[test]
fn an_invite_is_not_given_up_for_a_datagram_that_could_not_leave() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    180
        us -> phone   180
        transport fails
        phone -> us   INVITE
        us -> phone   180
        user -> us    200
        us -> phone   200
    ",
    );
}

/// §17.2.2, and RFC 4320 §4.1 for the 100.
#[test]
fn a_copy_of_an_answered_request_gets_the_same_answer() {
    over_udp(
        "
        phone -> us   OPTIONS
        us -> user    OPTIONS
        phone -> us   OPTIONS         # nothing to repeat yet
        +3500ms
        us -> phone   100
        phone -> us   OPTIONS
        us -> phone   100
        user -> us    200
        us -> phone   200
        phone -> us   OPTIONS
        us -> phone   200
        user -> us    500             # too late
        +32s          # timer J
        over
    ",
    );
}

/// RFC 4320 §4.2: who asks has given up already.
#[test]
fn a_408_to_another_request_is_never_sent() {
    over_udp(
        "
        phone -> us   OPTIONS
        us -> user    OPTIONS
        user -> us    183             # §4.1: nor any 1xx but 100
        user -> us    408
        over
    ",
    );
    over_udp(
        "
        phone -> us   OPTIONS
        us -> user    OPTIONS
        +4s
        us -> phone   100
        +28s          # the user forgot it
        over
    ",
    );
}

/// §8.2.2.2
#[test]
fn a_request_that_comes_on_two_ways_is_answered_once() {
    over_udp(
        "
        phone -> us   INVITE
        us -> user    INVITE
        phone -> us   INVITE branch=2
        us -> phone   482
        phone -> us   ACK branch=2    # nothing is left of it, and nobody misses it
        us -> user    ACK
        user -> us    486
        us -> phone   486
        phone -> us   ACK
        +5s
        over
    ",
    );
}

#[test]
fn a_client_older_than_rfc_3261_is_matched_by_everything_else() {
    over_udp(
        "
        phone -> us   INVITE branch=old
        us -> user    INVITE
        phone -> us   INVITE branch=old
        user -> us    486
        us -> phone   486
        phone -> us   INVITE branch=old
        us -> phone   486
        phone -> us   ACK branch=old
        +5s
        over
    ",
    );
}

#[test]
fn more_requests_than_the_limit_are_asked_to_come_later() {
    let mut testbed = Testbed::over(Transport::Udp);
    let settings = Settings { server_transactions_max: 1, ..Settings::default() };
    testbed.machine = Machine::new(settings, Random::from_number(1));
    ladder::play(
        &mut testbed,
        "
        phone -> us   OPTIONS
        us -> user    OPTIONS
        phone -> us   OPTIONS branch=2
        us -> phone   503 retry
        phone -> us   CANCEL branch=3 # answered, and not remembered
        us -> phone   481 for CANCEL
        phone -> us   CANCEL branch=3
        us -> phone   481 for CANCEL
        user -> us    200
        us -> phone   200
        +32s
        over
    ",
    );
}

/// §8.2.7: a copy is a new request, and nothing is repeated until the ACK.
#[test]
fn of_a_stateless_answer_nothing_is_left() {
    for over in [over_udp, over_tcp] {
        over(
            "
            phone -> us   INVITE
            us -> user    INVITE
            user -> us    401 stateless
            us -> phone   401
            over
            phone -> us   INVITE
            us -> user    INVITE
            user -> us    401 stateless
            us -> phone   401
            phone -> us   ACK             # the user knows no dialog of it
            us -> user    ACK
            phone -> us   CANCEL          # too late
            us -> phone   481 for CANCEL
            +32s
            over
        ",
        );
    }
}

#[test]
fn our_own_refusals_have_one_tag_for_all_copies() {
    let mut testbed = Testbed::over(Transport::Udp);
    let mut refused = |branch: &str| {
        let message = request("CANCEL", branch).into();
        let standing = SourceTrust::Unauthenticated;
        let input = Input::Received { flow: testbed.flow, standing, message };
        let effects = testbed.machine.handle(Instant::START, input);
        let [Effect::Send { message, .. }] = &effects[..] else { panic!("{effects:?}") };
        message.headers().to_tag().unwrap().to_owned()
    };
    let tag = refused("1");
    assert_eq!(refused("1"), tag);
    assert_ne!(refused("2"), tag);
}

/// The unhappy twin: in a full house who is in a call is heard, and who is not is not.
#[test]
fn when_places_run_short_the_unauthenticated_go_first() {
    let mut testbed = Testbed::over(Transport::Udp);
    let settings = Settings { server_transactions_max: 4, ..Settings::default() };
    testbed.machine = Machine::new(settings, Random::from_number(1));
    testbed.standing = SourceTrust::Unauthenticated;
    ladder::play(
        &mut testbed,
        "
        phone -> us   OPTIONS
        us -> user    OPTIONS
        phone -> us   INFO branch=2   # one percent of four is one
        us -> phone   503 retry
        phone -> us   OPTIONS         # a copy is no other request
    ",
    );
    testbed.standing = SourceTrust::Registered;
    ladder::play(
        &mut testbed,
        "phone -> us INFO branch=2
us -> phone 503 retry",
    );
    testbed.flow.remote = SocketAddr::from(([192, 0, 2, 8], 5062));
    ladder::play(
        &mut testbed,
        "phone -> us INFO branch=2
us -> user INFO",
    );
    testbed.standing = SourceTrust::Unauthenticated;
    testbed.flow.remote = SocketAddr::from(([192, 0, 2, 9], 5062));
    ladder::play(
        &mut testbed,
        "phone -> us INFO branch=3
us -> phone 503 retry",
    );
    testbed.standing = SourceTrust::Dialog;
    ladder::play(
        &mut testbed,
        "phone -> us BYE branch=4
us -> user BYE",
    );
}

/// §17.1.1.2
#[test]
fn an_invite_is_repeated_until_something_comes() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        +500ms        # timer A
        us -> phone   INVITE
        +1s
        us -> phone   INVITE
        phone -> us   100
        us -> user    100
        +60s          # a phone may ring as long as the user lets it
        phone -> us   180
        us -> user    180
        phone -> us   486
        us -> phone   ACK
        us -> user    486
        phone -> us   486             # the ACK was lost
        us -> phone   ACK
        phone -> us   180             # foolish
        +32s          # timer D
        over
    ",
    );
}

#[test]
fn an_invite_that_nobody_answers_times_out() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        +31500ms
        us -> phone   INVITE
        us -> phone   INVITE
        us -> phone   INVITE
        us -> phone   INVITE
        us -> phone   INVITE
        us -> phone   INVITE
        +500ms        # timer B
        us -> user    timeout
        over
    ",
    );
}

/// RFC 6026 §7.2
#[test]
fn every_200_to_an_invite_goes_up() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        phone -> us   200
        us -> user    200
        phone -> us   200             # its ACK was lost
        us -> user    200
        phone -> us   200 tag=b       # another fork answered
        us -> user    200
        phone -> us   486             # foolish
        user -> us    ack
        us -> phone   ACK
        +32s          # timer M
        over
    ",
    );
}

/// §9.1
#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        user -> us    cancel
        +500ms
        us -> phone   INVITE
        phone -> us   100
        us -> user    100
        us -> phone   CANCEL with reason
        phone -> us   200 for CANCEL
        phone -> us   487
        us -> phone   ACK
        us -> user    487
        +32s
        over
    ",
    );
}

/// Whoever has not answered four copies is not called a fifth time for a call that nobody wants; what he
/// says after all is heard.
#[test]
fn an_unwanted_invite_is_repeated_for_4_s_and_its_late_answer_heard() {
    let silent = "
        user -> us    call
        us -> phone   INVITE
        user -> us    cancel
        +3500ms
        us -> phone   INVITE
        us -> phone   INVITE
        us -> phone   INVITE
        +28s";
    over_udp(&format!(
        "{silent}
        phone -> us   200
        us -> user    200
        user -> us    ack
        us -> phone   ACK
        +32s
        over
    "
    ));
    over_udp(&format!(
        "{silent}
        +500ms        # timer B
        us -> user    timeout
        over
    "
    ));
}

#[test]
fn a_cancel_that_crosses_the_answer_is_not_sent() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        user -> us    cancel
        phone -> us   200
        us -> user    200
        +32s
        over
    ",
    );
}

#[test]
fn a_phone_that_cancels_and_never_says_487_is_given_up() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        phone -> us   180
        us -> user    180
        user -> us    cancel
        us -> phone   CANCEL with reason
        user -> us    cancel          # once is enough
        +500ms
        us -> phone   CANCEL with reason
        phone -> us   200 for CANCEL
        +31500ms
        us -> user    timeout
        over
    ",
    );
}

/// §16.6, timer C: a session that ended over its re-INVITE asks for no answer any more, and a phone that
/// gives none is not waited for without end.
#[test]
fn a_phone_that_rings_for_ever_is_given_up() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        phone -> us   180
        us -> user    180
        +239s
        phone -> us   180             # it is still there
        us -> user    180
        +239s
        +1s           # timer C
        us -> phone   CANCEL
        phone -> us   200 for CANCEL
        +32s
        us -> user    timeout
        over
    ",
    );
}

#[test]
fn a_lost_cancel_is_repeated_and_the_answer_still_counts() {
    over_udp(
        "
        user -> us    call
        us -> phone   INVITE
        phone -> us   180
        us -> user    180
        user -> us    cancel
        us -> phone   CANCEL with reason
        +1500ms
        us -> phone   CANCEL with reason
        us -> phone   CANCEL with reason
        phone -> us   200
        us -> user    200
        phone -> us   481 for CANCEL
        +32s
        over
    ",
    );
}

/// §17.1.2.2
#[test]
fn another_request_is_repeated_up_to_every_four_seconds() {
    over_udp(
        "
        user -> us    ask
        us -> phone   OPTIONS
        +500ms
        us -> phone   OPTIONS
        +1s
        us -> phone   OPTIONS
        +2s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        phone -> us   100
        us -> user    100
        +4s           # timer E = T2
        us -> phone   OPTIONS
        phone -> us   200
        us -> user    200
        phone -> us   200             # a copy
        +5s           # timer K
        over
    ",
    );
}

#[test]
fn another_request_that_nobody_answers_times_out() {
    over_tcp(
        "
        user -> us    ask
        us -> phone   OPTIONS
        phone -> us   100
        us -> user    100
        +32s
        us -> user    timeout
        over
    ",
    );
}

/// A line that is down for a second loses no BYE; one that stays down is told from a peer that says nothing.
#[test]
fn a_request_that_could_not_leave_is_repeated() {
    over_udp(
        "
        user -> us    ask
        us -> phone   OPTIONS
        transport fails
        +500ms
        us -> phone   OPTIONS
        phone -> us   200
        us -> user    200
    ",
    );
    over_udp(
        "
        user -> us    ask
        us -> phone   OPTIONS
        +500ms
        us -> phone   OPTIONS
        +1s
        us -> phone   OPTIONS
        +2s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        +4s
        us -> phone   OPTIONS
        transport fails
        +500ms
        us -> user    transport failed
        over
    ",
    );
}

#[test]
fn a_request_that_cannot_be_carried_fails_at_once() {
    over_tcp(
        "
        user -> us    call
        us -> phone   INVITE
        transport fails
        us -> user    transport failed
        over
    ",
    );
    over_tcp(
        "
        user -> us    ask
        us -> phone   OPTIONS
        transport fails
        us -> user    transport failed
        over
    ",
    );
}

/// §8.1.3.3, §17.1.3
#[test]
fn a_stray_response_is_dropped() {
    over_udp(
        "
        user -> us    ask
        us -> phone   OPTIONS
        phone -> us   200 via=other
        phone -> us   200 via=two
        phone -> us   200 for CANCEL
        phone -> us   200
        us -> user    200
        +5s
        over
    ",
    );
}

/// §18.1.1: and back to UDP when the peer has no TCP.
#[test]
fn a_long_request_goes_by_tcp() {
    let mut testbed = Testbed::over(Transport::Udp);
    testbed.to = Destination::Address { transport: Transport::Udp, remote: testbed.flow.remote };
    let body = vec![b'x'; 1300].into();
    let request = Request { body, ..request("INVITE", "1") };
    let input = Input::Request { id: ClientId(1), to: testbed.to, request };
    let effects = testbed.machine.handle(Instant::START, input);
    let [Effect::Send { to, message }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(to.transport(), Transport::Tcp);
    let branch = message.headers().via().unwrap().branch().map(str::to_owned);
    assert_eq!(message.headers().via().unwrap().transport(), Some(Transport::Tcp));

    let failed = Input::TransportFailed { destination: *to };
    let effects = testbed.machine.handle(Instant::START, failed);
    let [Effect::Send { to, message }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*to, testbed.to);
    assert_eq!(message.headers().via().unwrap().transport(), Some(Transport::Udp));
    assert_eq!(message.headers().via().unwrap().branch().map(str::to_owned), branch);

    let failed = Input::TransportFailed { destination: *to };
    let effects = testbed.machine.handle(Instant::START, failed);
    assert_eq!(effects, [Effect::Failed { id: ClientId(1), why: TransactionFailure::Transport }]);
}

/// A firewall that says nothing would cost each caller the seconds of a try.
#[test]
fn where_there_is_no_tcp_none_is_tried_for_a_while() {
    let mut testbed = Testbed::over(Transport::Udp);
    let remote = testbed.flow.remote;
    let mut goes_by = |seconds, id, remote| {
        let to = Destination::Address { transport: Transport::Udp, remote };
        let request = Request { body: vec![b'x'; 1300].into(), ..request("OPTIONS", "1") };
        let now = Instant::START + Duration::from_secs(seconds);
        let input = Input::Request { id: ClientId(id), to, request };
        let effects = testbed.machine.handle(now, input);
        let [Effect::Send { to, .. }] = &effects[..] else { panic!("{effects:?}") };
        if id == 1 {
            let _ = testbed.machine.handle(now, Input::TransportFailed { destination: *to });
        }
        to.transport()
    };
    assert_eq!(goes_by(0, 1, remote), Transport::Tcp);
    assert_eq!(goes_by(1, 2, remote), Transport::Udp);
    assert_eq!(goes_by(599, 3, remote), Transport::Udp);
    assert_eq!(goes_by(599, 4, "192.0.2.99:5060".parse().unwrap()), Transport::Tcp, "another one");
    assert_eq!(goes_by(600, 5, remote), Transport::Tcp, "it may have one by now");
}

#[test]
fn a_long_request_on_a_flow_stays_there() {
    let mut testbed = Testbed::over(Transport::Udp);
    let request = Request { body: vec![b'x'; 5000].into(), ..request("OPTIONS", "1") };
    let to = testbed.to;
    let effects = testbed.machine.handle(Instant::START, Input::Forward { to, request });
    let [Effect::Send { to, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*to, testbed.to);
}

/// RFC 3581 §4, RFC 3261 §18.2.2
#[test]
fn an_answer_goes_where_the_request_came_from() {
    for (via, port, stamp) in [
        ("pc33.example.com:5066;branch=z9hG4bK1;rport", 9999, ";rport=9999;received=192.0.2.7"),
        ("pc33.example.com:5066;branch=z9hG4bK2", 5066, ";received=192.0.2.7"),
        ("10.0.0.1;branch=z9hG4bK3;received=203.0.113.9", 5060, ";received=192.0.2.7"),
        ("192.0.2.7:5070;branch=z9hG4bK4", 5070, ""),
    ] {
        let mut testbed = Testbed::over(Transport::Udp);
        testbed.flow.remote.set_port(9999);
        let mut came = request("CANCEL", "1");
        came.headers.set(HeaderName::Via, format_args!("SIP/2.0/UDP {via}"));
        let input = Input::Received {
            flow: testbed.flow,
            standing: SourceTrust::Unauthenticated,
            message: came.into(),
        };
        let effects = testbed.machine.handle(Instant::START, input);
        let [Effect::Send { to, message }] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(to.remote(), SocketAddr::from(([192, 0, 2, 7], port)), "{via}");
        let stamped = message.headers().get(HeaderName::Via).unwrap();
        assert!(stamped.ends_with(stamp), "{stamped}");
    }
}

#[test]
fn ten_thousand_transactions_keep_their_order() {
    let mut testbed = Testbed::over(Transport::Udp);
    for id in 0..10_000 {
        let request = request("INVITE", "1");
        let now = Instant::from_micros(id);
        let _ = testbed
            .machine
            .handle(now, Input::Request { id: ClientId(id), to: testbed.to, request });
    }
    assert_eq!(testbed.machine.deadline(), Some(Instant::from_micros(500_000)));
    let effects = testbed.machine.tick(Instant::from_micros(500_009));
    assert_eq!(effects.len(), 10);
    let failed = Input::TransportFailed { destination: testbed.to };
    assert_eq!(testbed.machine.handle(Instant::from_micros(500_009), failed).len(), 10_000);
    assert_eq!(testbed.machine.count(), (0, 0));
    assert_eq!(testbed.machine.deadline(), None);
}

/// RFC 3261 §18.2.2: a call that rings outlives its caller's connection, if the caller does.
#[test]
fn an_invite_whose_connection_is_closed_is_answered_by_another_or_given_up() {
    let closed = |testbed: &mut Testbed| {
        let message = request("INVITE", "1").into();
        let input =
            Input::Received { flow: testbed.flow, standing: SourceTrust::Unauthenticated, message };
        let _ = testbed.machine.handle(Instant::START, input);
        let (requests, invites) = testbed.machine.strand(testbed.to);
        let [(id, last)] = &invites[..] else { panic!("{invites:?}") };
        assert!(requests.is_empty() && last.status == StatusCode::TRYING);
        let failed = Input::TransportFailed { destination: testbed.to };
        assert_eq!(testbed.machine.handle(Instant::START, failed), []);
        *id
    };
    let mut testbed = Testbed::over(Transport::Tcp);
    let id = closed(&mut testbed);
    let effects = testbed.machine.handle(Instant::START, Input::Abandon(id));
    assert_eq!(effects, [Effect::NoAck { id }]);
    assert_eq!(testbed.machine.count(), (0, 0));

    let mut testbed = Testbed::over(Transport::Tcp);
    let id = closed(&mut testbed);
    let to = Destination::Address { transport: Transport::Tcp, remote: testbed.flow.remote };
    let effects = testbed.machine.handle(Instant::START, Input::Redirect { id, to });
    let [Effect::Send { to: went, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*went, to);
    assert_eq!(testbed.machine.handle(Instant::START, Input::Abandon(id)), [], "it is found");
}

/// §9.2: who has lost its connection cancels by another.
#[test]
fn a_caller_cancels_by_another_connection_when_its_own_is_closed() {
    for (is_closed, same_host) in [(true, true), (true, false), (false, true)] {
        let mut testbed = Testbed::over(Transport::Tcp);
        let received = |flow, method| Input::Received {
            flow,
            standing: SourceTrust::Unauthenticated,
            message: request(method, "1").into(),
        };
        let _ = testbed.machine.handle(Instant::START, received(testbed.flow, "INVITE"));
        if is_closed {
            assert_eq!(testbed.machine.strand(testbed.to).1.len(), 1);
        }
        let mut flow = Flow { connection: ConnectionId(77), ..testbed.flow };
        if !same_host {
            flow.remote.set_ip([198, 51, 100, 66].into());
        }
        let effects = testbed.machine.handle(Instant::START, received(flow, "CANCEL"));
        let cancelled = effects.iter().any(|effect| matches!(effect, Effect::Cancelled { .. }));
        assert_eq!(cancelled, is_closed && same_host);
    }
}

/// Plays a script twice, the second time with INVITEs that are put into another machine between its lines.
#[track_caller]
fn over_udp(script: &str) {
    ladder::play(&mut Testbed::over(Transport::Udp), script);
    ladder::play(&mut Testbed { saves: true, ..Testbed::over(Transport::Udp) }, script);
}

#[track_caller]
fn over_tcp(script: &str) {
    ladder::play(&mut Testbed::over(Transport::Tcp), script);
    ladder::play(&mut Testbed { saves: true, ..Testbed::over(Transport::Tcp) }, script);
}

#[test]
fn an_invite_of_either_side_goes_on_in_another_machine() {
    let put_back = |script| {
        let mut testbed = Testbed { saves: true, ..Testbed::over(Transport::Udp) };
        ladder::play(&mut testbed, script);
        testbed.put_back
    };
    let theirs = put_back(
        "
        phone -> us   INVITE
        us -> user    INVITE
        user -> us    180
        us -> phone   180
        phone -> us   INVITE          # a copy gets the last answer again
        us -> phone   180
        user -> us    200
        us -> phone   200
        phone -> us   INVITE
        user -> us    200             # the user repeats
        us -> phone   200
        phone -> us   ACK branch=2
        us -> user    ACK
    ",
    );
    assert_eq!(theirs, 7, "it was there at each line");
    let ours = put_back(
        "
        user -> us    call
        us -> phone   INVITE
        phone -> us   180
        us -> user    180
        phone -> us   180
        us -> user    180
        +100s
        user -> us    cancel
        us -> phone   CANCEL with reason
        phone -> us   200 for CANCEL
        phone -> us   487
        us -> phone   ACK
        us -> user    487
    ",
    );
    assert_eq!(ours, 3, "from the first moment on, until it is cancelled");
}

/// What is read from a text may have been written by anybody.
#[test]
fn an_invite_that_cannot_be_known_again_is_not_put_back() {
    let now = Now::default();
    let mut machine = Testbed::over(Transport::Udp).machine;
    let mut invite = unsent("INVITE");
    let to = Testbed::over(Transport::Udp).to;
    for via in ["", "SIP/2.0/UDP 192.0.2.1", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtheirs"] {
        let (id, via) = (ClientId(1), via.to_owned());
        let state = SavedClientState::Proceeding { silent_until: UnixTime::default() };
        let saved = SavedClientInvite { id, via, to, fallback: None, state };
        assert!(!machine.restore_client(now, saved, invite.clone()));
    }
    invite.headers.remove(&HeaderName::Via);
    let state = SavedServerState::Accepted { until: UnixTime::default() };
    let saved = SavedServerInvite { id: ServerId(1), to, state };
    let head = InviteHead { uri: invite.uri.as_str(), headers: &invite.headers };
    assert!(!machine.restore_server(now, saved, head));
    assert_eq!(machine.count(), (0, 0));
}

struct Testbed {
    machine: Machine,
    flow: Flow,
    to: Destination,
    standing: SourceTrust,
    /// The last request that went to the user, and the last that went to the phone.
    served: Option<(ServerId, Request)>,
    sent: Option<Request>,
    /// Another machine goes on with each INVITE, line by line.
    saves: bool,
    /// How often one did.
    put_back: u64,
}

impl Testbed {
    fn over(transport: Transport) -> Self {
        let flow = Flow {
            transport,
            local: SocketAddr::from(([192, 0, 2, 1], 5060)),
            remote: SocketAddr::from(([192, 0, 2, 7], 5062)),
            connection: ConnectionId(u64::from(transport.is_reliable())),
        };
        let own = [Transport::Udp, Transport::Tcp].map(|t| (t, flow.local)).to_vec();
        let settings = Settings { own: OwnAddresses::new(own, vec![]), ..Settings::default() };
        let machine = Machine::new(settings, Random::from_number(7));
        let (to, standing) = (Destination::Flow(flow), SourceTrust::Registered);
        Self { machine, flow, to, standing, served: None, sent: None, saves: false, put_back: 0 }
    }

    /// Another machine goes on with the INVITE, where that is all there is and it can be saved.
    fn put_back(&mut self, now: Instant) {
        let since = now.since(Instant::START);
        let now = Now { instant: now, unix: UnixTime::from_secs(1_700_000_000) + since };
        let mut other = Self::over(self.flow.transport).machine;
        let count = self.machine.count();
        let invites = |request: &Request| request.method.as_str() == "INVITE";
        match (count, &self.served, &self.sent) {
            ((0, 1), Some((id, invite)), _) if invites(invite) => {
                let Some(saved) = self.machine.save_server(now, *id) else { return };
                let answer = invite.response(StatusCode::OK);
                // Of an INVITE that has its 2xx there is nothing else.
                let headers = match saved.state {
                    SavedServerState::Accepted { .. } => &answer.headers,
                    SavedServerState::Unsaid { .. } | SavedServerState::Said(_) => &invite.headers,
                };
                let head = InviteHead { uri: invite.uri.as_str(), headers };
                assert!(other.restore_server(now, saved.clone(), head));
                assert!(!other.restore_server(now, saved.clone(), head), "it is there");
                assert_eq!(other.save_server(now, *id), Some(saved.clone()));
                assert_eq!(self.machine.take_server(now, *id), Some(saved));
            }
            ((1, 0), _, Some(invite)) if invites(invite) => {
                let id = ClientId(1);
                let Some(saved) = self.machine.save_client(now, id) else { return };
                let mut invite = invite.clone();
                invite.headers.pop_front_element(HeaderName::Via);
                assert!(other.restore_client(now, saved.clone(), invite.clone()));
                assert!(!other.restore_client(now, saved.clone(), invite), "it is there");
                assert_eq!(other.save_client(now, id), Some(saved.clone()));
                assert_eq!(self.machine.take_client(now, id), Some(saved));
            }
            _ => return,
        }
        assert_eq!((self.machine.count(), self.machine.deadline()), ((0, 0), None));
        assert_eq!(other.count(), count);
        self.machine = other;
        self.put_back += 1;
    }

    fn phone_sends(&self, what: &str) -> Message {
        let words: Vec<&str> = what.split(' ').collect();
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let Ok(status) = words[0].parse() else {
            return request(words[0], option("branch=").unwrap_or("1")).into();
        };
        let mut request = self.sent.clone().expect("we asked for something");
        if what.contains("for CANCEL") {
            request = request.cancel();
        }
        let mut response = request.response(StatusCode::new(status).unwrap());
        response.headers.set_to_tag(option("tag=").unwrap_or("a"));
        match option("via=") {
            Some("other") => {
                response.headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother");
            }
            Some(_) => response.headers.push(HeaderName::Via, "SIP/2.0/UDP a;branch=z9hG4bKb"),
            None => {}
        }
        response.into()
    }

    fn forgets(&mut self, now: Instant, response: Response) -> Vec<String> {
        let (id, _) = self.served.take().expect("something was asked");
        let effects = self.machine.handle(now, Input::RespondStateless { id, response });
        self.told(effects)
    }

    fn told(&mut self, effects: Vec<Effect>) -> Vec<String> {
        effects.into_iter().map(|effect| self.tell(effect)).collect()
    }

    fn tell(&mut self, effect: Effect) -> String {
        match effect {
            Effect::Send { message: Message::Request(request), .. } => {
                let reason = request.headers.contains(HeaderName::Reason);
                let told = format!("us -> phone {}", request.method);
                if request.method.as_str() != "ACK" && request.method.as_str() != "CANCEL" {
                    self.sent = Some(request);
                }
                if reason { told + " with reason" } else { told }
            }
            Effect::Send { message: Message::Response(response), .. } => {
                let Response { status, headers, .. } = response;
                let (_, method) = headers.cseq().unwrap();
                let tagged = headers.to_tag().is_some();
                assert_eq!(tagged, status != StatusCode::TRYING, "all but 100 have a tag");
                let cancel = if method.as_str() == "CANCEL" { " for CANCEL" } else { "" };
                let retry = if headers.contains(HeaderName::RetryAfter) { " retry" } else { "" };
                format!("us -> phone {status}{cancel}{retry}")
            }
            Effect::Request { id, request, .. } => {
                let told = format!("us -> user {}", request.method);
                self.served = Some((id, request));
                told
            }
            Effect::Ack { .. } => "us -> user ACK".to_owned(),
            Effect::Cancelled { reason, .. } => {
                assert_eq!(reason.as_deref(), Some("SIP;cause=200"));
                "us -> user cancelled".to_owned()
            }
            Effect::Response { response, .. } => format!("us -> user {}", response.status),
            Effect::Failed { why: TransactionFailure::Timeout, .. } => {
                "us -> user timeout".to_owned()
            }
            Effect::Failed { why: TransactionFailure::Transport, .. } => {
                "us -> user transport failed".to_owned()
            }
            Effect::NoAck { .. } => "us -> user no ack".to_owned(),
        }
    }
}

impl ladder::Testbed for Testbed {
    fn play(&mut self, now: Instant, rung: &str) -> Option<Vec<String>> {
        let (id, to) = (ClientId(1), self.to);
        let input = match rung {
            "over" => {
                return (self.machine.count() == (0, 0)).then(Vec::new);
            }
            "transport fails" => Input::TransportFailed { destination: self.to },
            "user -> us call" => Input::Request { id, to, request: unsent("INVITE") },
            "user -> us ask" => Input::Request { id, to, request: unsent("OPTIONS") },
            "user -> us ack" => Input::Forward { to, request: unsent("ACK") },
            "user -> us cancel" => Input::Cancel { id, reason: Some("SIP;cause=200".to_owned()) },
            _ => match (rung.strip_prefix("phone -> us "), rung.strip_prefix("user -> us ")) {
                (Some(what), _) => {
                    let mut flow = self.flow;
                    if what.contains("from elsewhere") {
                        flow.remote.set_ip([198, 51, 100, 66].into());
                    }
                    let (standing, message) = (self.standing, self.phone_sends(what));
                    Input::Received { flow, standing, message }
                }
                (None, Some(status)) => {
                    let stateless = status.ends_with(" stateless");
                    let status = status.trim_end_matches(" stateless");
                    let (id, request) = self.served.as_ref().expect("something was asked");
                    let mut response =
                        request.response(StatusCode::new(status.parse().unwrap()).unwrap());
                    response.headers.set_to_tag("ours");
                    if stateless {
                        return Some(self.forgets(now, response));
                    }
                    Input::Respond { id: *id, response }
                }
                (None, None) => return None,
            },
        };
        let effects = self.machine.handle(now, input);
        let told = self.told(effects);
        if self.saves {
            self.put_back(now);
        }
        Some(told)
    }

    fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    fn tick(&mut self, now: Instant) -> Vec<String> {
        let effects = self.machine.tick(now);
        let told = self.told(effects);
        if self.saves {
            self.put_back(now);
        }
        told
    }
}

fn request(method: &str, branch: &str) -> Request {
    let branch = if branch == "old" { "1" } else { &format!("z9hG4bK{branch}") };
    let text = format!(
        "{method} sip:9000@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.7:5062;rport;branch={branch}\r\n\
         From: <sip:3001@example.com>;tag=theirs\r\n\
         To: <sip:9000@example.com>\r\n\
         Call-ID: 1@phone\r\n\
         CSeq: 1 {method}\r\n\
         Reason: SIP;cause=200\r\n\
         Content-Length: 0\r\n\r\n"
    );
    match sip::parse(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// A request of the user: without Via.
fn unsent(method: &str) -> Request {
    let mut request = request(method, "1");
    request.headers.remove(HeaderName::Via);
    request.headers.remove(HeaderName::Reason);
    request
}
