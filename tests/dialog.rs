//! Call flows through the dialogs, in both roles: every transition, and its unhappy twin.
//!
//! `peer` is the other end of the wire, below whose messages the transactions are thought away;
//! `user` is the floor above. Bodies are words: `sdp:a`.

#![allow(clippy::unwrap_used)] // A test may panic.

mod ladder;

use cordboard::dialog::{
    Body, Call, ClientTx, Command, Credentials, Effect, Event, Failure, Input, Lines, Machine,
    ServerTx, Settings, Target,
};
use cordboard::ids::{ConnectionId, LegId};
use cordboard::random::Random;
use cordboard::sip::{
    Destination, Flow, HeaderName, Method, NameAddr, Request, Response, StatusCode, Transport, Uri,
};
use cordboard::time::Instant;
use std::net::SocketAddr;

// ---- we call ----

#[test]
fn a_call_is_made_and_the_peer_hangs_up() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    100
        peer -> us    180
        us -> user    180
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> user    answered sdp:b
        peer -> us    BYE
        us -> peer    200 for BYE
        us -> user    ended Normal call clearing by Peer
        +32s          # the last copy of the 200 is past
        over
    ",
    );
}

#[test]
fn a_call_is_made_and_we_hang_up() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> user    answered sdp:b
        +40s
        user -> us    end
        us -> peer    BYE reason
        us -> user    ended Normal call clearing by Us
        peer -> us    200 for BYE
        over
    ",
    );
}

#[test]
fn a_refusal_is_told_and_ends_the_leg() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    486
        us -> user    refused 486
        us -> user    ended Busy by Peer
        over
    ",
    );
}

#[test]
fn a_redirection_is_told_and_not_followed() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    302
        us -> user    refused 302 to sip:peer@192.0.2.7:5062
        us -> user    ended Declined by Peer
        over
    ",
    );
}

#[test]
fn a_peer_that_says_nothing_or_cannot_be_reached_ends_the_leg() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        timeout of INVITE
        us -> user    refused 408
        us -> user    ended No answer by Timer
        over
    ",
    );
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        no transport for INVITE
        us -> user    refused 503
        us -> user    ended Not reachable by Transport
        over
    ",
    );
}

#[test]
fn a_lost_ack_is_sent_again_with_each_copy_of_the_200() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> user    answered sdp:b
        peer -> us    200 sdp:b
        us -> peer    ACK
        +32s
        peer -> us    200 sdp:b       # too late: nobody remembers
    ",
    );
}

#[test]
fn a_call_without_an_offer_gets_its_answer_into_the_ack() {
    play(
        "
        user -> us    call
        us -> peer    INVITE
        peer -> us    200 sdp:b
        us -> user    answered sdp:b wants answer
        peer -> us    200 sdp:b       # the floor above is slow
        user -> us    ack sdp:a
        us -> peer    ACK sdp:a
        peer -> us    200 sdp:b
        us -> peer    ACK sdp:a
    ",
    );
}

#[test]
fn a_late_offer_that_nobody_wants_is_acknowledged_and_ended() {
    play(
        "
        user -> us    call
        us -> peer    INVITE
        peer -> us    200 sdp:b
        us -> user    answered sdp:b wants answer
        user -> us    end
        us -> peer    ACK
        us -> peer    BYE reason
        us -> user    ended Normal call clearing by Us
        peer -> us    200 for BYE
        +32s
        over
    ",
    );
}

#[test]
fn giving_up_sends_cancel_and_the_487_is_met() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    180
        us -> user    180
        user -> us    end
        us -> peer    CANCEL
        us -> user    ended Normal call clearing by Us
        user -> us    end             # once is enough
        peer -> us    487
        over
    ",
    );
}

#[test]
fn a_200_that_crosses_the_cancel_gets_ack_and_bye() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        user -> us    end
        us -> peer    CANCEL
        us -> user    ended Normal call clearing by Us
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> peer    BYE
        peer -> us    200 sdp:b       # the ACK was lost
        us -> peer    ACK
        peer -> us    200 for BYE
        +32s
        over
    ",
    );
}

/// RFC 3261 §13.2.2.4
#[test]
fn the_first_branch_that_answers_wins_and_others_get_ack_and_bye() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    180 tag=1
        us -> user    180
        peer -> us    183 tag=2 sdp:x
        us -> user    183 sdp:x fork 1
        peer -> us    200 tag=2 sdp:y
        us -> peer    ACK
        us -> user    answered sdp:y fork 1
        peer -> us    200 tag=1 sdp:z
        us -> peer    ACK
        us -> peer    BYE to 1
        peer -> us    200 tag=1 sdp:z
        us -> peer    ACK
        peer -> us    200 tag=3 sdp:z  # never heard of before
        us -> peer    ACK
        us -> peer    BYE to 3
    ",
    );
}

#[test]
fn more_branches_than_the_limit_are_not_heard_before_they_answer() {
    let mut house = House::new();
    let mut script = "user -> us call sdp:a\nus -> peer INVITE sdp:a\n".to_owned();
    for tag in 0..16 {
        script += &format!("peer -> us 180 tag={tag}\nus -> user 180{}\n", fork(tag));
    }
    script += "peer -> us 180 tag=16\npeer -> us 200 tag=16 sdp:b\nus -> peer ACK\n";
    script += "us -> user answered sdp:b fork 16\n";
    ladder::play(&mut house, &script);
}

/// RFC 3262 §4
#[test]
fn a_reliable_180_gets_a_prack_and_its_copy_gets_none() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    183 rseq=7 sdp:b
        us -> peer    PRACK rack=7
        us -> user    183 sdp:b
        peer -> us    183 rseq=7 sdp:b
        peer -> us    200 for PRACK
        peer -> us    180 rseq=9      # 8 is missing: it comes again
        peer -> us    180 rseq=8
        us -> peer    PRACK rack=8
        us -> user    180
        peer -> us    200
        us -> peer    ACK
        us -> user    answered
    ",
    );
}

#[test]
fn an_offer_in_a_reliable_183_is_answered_in_the_prack() {
    play(
        "
        user -> us    call
        us -> peer    INVITE
        peer -> us    183 rseq=1 sdp:b
        us -> user    183 sdp:b wants answer
        peer -> us    183 rseq=1 sdp:b
        user -> us    answer prack sdp:a
        us -> peer    PRACK rack=1 sdp:a
        peer -> us    200 for PRACK
        peer -> us    200
        us -> peer    ACK
        us -> user    answered
    ",
    );
}

#[test]
fn a_422_is_followed_once_with_a_longer_interval() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    422 min=3600
        us -> peer    INVITE sdp:a
        peer -> us    422 min=3600    # that is what we asked for
        us -> user    refused 422
        us -> user    ended Declined by Peer
        over
    ",
    );
}

#[test]
fn a_challenge_is_answered_once_and_only_with_credentials() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    407
        us -> user    refused 407
        us -> user    ended Not permitted by Peer
        over
    ",
    );
    play(
        "
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    407
        us -> peer    INVITE with credentials
        peer -> us    407
        us -> user    refused 407
        us -> user    ended Not permitted by Peer
        over
    ",
    );
}

#[test]
fn a_bye_that_overtakes_the_200_ends_the_call() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    180
        us -> user    180
        peer -> us    BYE
        us -> peer    200 for BYE
        us -> peer    CANCEL
        us -> user    ended Normal call clearing by Peer
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> peer    BYE
        peer -> us    481 for BYE
        +32s
        over
    ",
    );
}

// ---- we are called ----

#[test]
fn a_call_is_taken_and_its_200_repeated_until_the_ack() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    180
        us -> peer    180
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        +500ms
        us -> peer    200 sdp:b
        +1s
        us -> peer    200 sdp:b
        peer -> us    ACK
        us -> user    confirmed
        peer -> us    ACK
        +5s
        user -> us    end
        us -> peer    BYE reason
        us -> user    ended Normal call clearing by Us
        peer -> us    200 for BYE
        over
    ",
    );
}

#[test]
fn without_an_ack_the_call_ends_with_bye() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        +31500ms
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        us -> peer    200 sdp:b
        +500ms
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
        timeout of BYE
        over
    ",
    );
}

/// RFC 3261 §15: a callee says no BYE before the ACK.
#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        user -> us    end
        us -> user    ended Normal call clearing by Us
        +500ms
        us -> peer    200 sdp:b
        peer -> us    ACK
        us -> peer    BYE reason
        peer -> us    200 for BYE
        over
    ",
    );
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        user -> us    end
        us -> user    ended Normal call clearing by Us
        peer -> us    BYE             # it comes first
        us -> peer    200 for BYE
        over
    ",
    );
}

#[test]
fn an_invite_without_an_offer_gets_ours_and_its_answer_in_the_ack() {
    play(
        "
        peer -> us    INVITE
        us -> user    invited
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    INFO            # nothing in its way
        us -> user    info
        peer -> us    INVITE sdp:c    # but our offer is open
        us -> peer    491
        peer -> us    ACK sdp:a cseq=101
        us -> user    confirmed sdp:a
    ",
    );
}

#[test]
fn a_call_is_refused() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    reject 486
        us -> peer    486
        us -> user    ended Busy by Us
        over
    ",
    );
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    end
        us -> peer    480 reason
        us -> user    ended Not reachable by Us
        over
    ",
    );
}

#[test]
fn a_cancel_gets_487_and_after_the_200_nothing() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        peer -> us    CANCEL
        us -> peer    487
        us -> user    ended Caller gave up by Peer
        user -> us    accept sdp:b
        over
    ",
    );
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        peer -> us    CANCEL elsewhere
        us -> peer    487
        us -> user    ended Call completed elsewhere by Peer
        over
    ",
    );
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    CANCEL
        peer -> us    ACK
        us -> user    confirmed
    ",
    );
}

/// RFC 3261 §15.1.2
#[test]
fn a_bye_while_it_rings_gets_200_and_the_invite_487() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    180
        us -> peer    180
        peer -> us    BYE
        us -> peer    200 for BYE
        us -> peer    487
        us -> user    ended Caller gave up by Peer
        over
    ",
    );
}

#[test]
fn a_caller_that_cannot_be_reached_any_more_is_gone() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        no transport to answer
        us -> user    ended Connection lost by Transport
        over
    ",
    );
}

#[test]
fn an_invite_that_asks_too_much_is_refused_before_anybody_is_told() {
    play(
        "
        peer -> us    INVITE sdp:a require=timer,foo
        us -> peer    420 unsupported foo
        us -> user    ended Protocol error by Us
        over
    ",
    );
    play(
        "
        peer -> us    INVITE sdp:a timer=60
        us -> peer    422 min 90
        us -> user    ended Protocol error by Us
        over
    ",
    );
    play(
        "
        peer -> us    INVITE sdp:a no contact
        us -> peer    400
        us -> user    ended Protocol error by Us
        over
    ",
    );
}

#[test]
fn legs_beyond_the_limit_are_asked_to_come_later() {
    let mut house = House::new();
    house.machine = Machine::new(Settings { legs_max: 0, ..settings() }, Random::from_number(1));
    ladder::play(
        &mut house,
        "
        peer -> us    INVITE sdp:a
        us -> peer    503 retry
        us -> user    ended Overloaded by Us
        over
    ",
    );
}

/// RFC 3261 §13.3.1.1
#[test]
fn ringing_is_said_again_every_minute() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    182
        us -> peer    182
        +60s
        us -> peer    182
        +60s
        us -> peer    182
    ",
    );
}

// ---- reliable provisional responses ----

/// RFC 3262 §3
#[test]
fn a_200_waits_for_the_prack_of_a_session_description() {
    play(
        "
        peer -> us    INVITE sdp:a 100rel
        us -> user    invited sdp:a
        user -> us    180
        us -> peer    180             # no body: not reliable
        user -> us    183 sdp:b
        us -> peer    183 sdp:b reliable
        user -> us    182
        us -> peer    182
        user -> us    accept sdp:b
        +500ms        # the 183 was lost
        us -> peer    183 sdp:b reliable
        peer -> us    PRACK
        us -> peer    200 for PRACK
        us -> peer    200 sdp:b
        peer -> us    PRACK           # a second one has nothing to acknowledge
        us -> peer    481 for PRACK
        peer -> us    ACK
        us -> user    confirmed
    ",
    );
}

#[test]
fn a_second_reliable_response_waits_for_the_first() {
    play(
        "
        peer -> us    INVITE sdp:a require=100rel
        us -> user    invited sdp:a
        user -> us    180
        us -> peer    180 reliable
        user -> us    182
        peer -> us    PRACK wrong
        us -> peer    481 for PRACK
        peer -> us    PRACK
        us -> peer    200 for PRACK
        us -> peer    182 reliable
        user -> us    accept sdp:b    # nothing that matters is open
        us -> peer    200 sdp:b
        peer -> us    PRACK
        us -> peer    200 for PRACK
        peer -> us    ACK
        us -> user    confirmed
    ",
    );
}

#[test]
fn without_a_prack_the_call_is_refused() {
    play(
        "
        peer -> us    INVITE sdp:a 100rel
        us -> user    invited sdp:a
        user -> us    183 sdp:b
        us -> peer    183 sdp:b reliable
        user -> us    accept sdp:b
        +31500ms
        us -> peer    183 sdp:b reliable
        us -> peer    183 sdp:b reliable
        us -> peer    183 sdp:b reliable
        us -> peer    183 sdp:b reliable
        us -> peer    183 sdp:b reliable
        us -> peer    183 sdp:b reliable
        +500ms
        us -> peer    500
        us -> user    ended Connection lost by Timer
        over
    ",
    );
}

#[test]
fn our_offer_in_a_183_is_answered_by_the_prack() {
    play(
        "
        peer -> us    INVITE 100rel
        us -> user    invited
        user -> us    183 sdp:b
        us -> peer    183 sdp:b reliable
        peer -> us    UPDATE sdp:x    # our offer is open
        us -> peer    491 for UPDATE
        peer -> us    PRACK sdp:a
        us -> peer    200 for PRACK
        us -> user    provisional answered sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    ACK
        us -> user    confirmed
    ",
    );
}

#[test]
fn a_prack_may_bring_a_new_offer() {
    play(
        "
        peer -> us    INVITE sdp:a 100rel
        us -> user    invited sdp:a
        user -> us    183 sdp:b
        us -> peer    183 sdp:b reliable
        peer -> us    PRACK sdp:c
        us -> user    reoffered sdp:c
        user -> us    answer sdp:d
        us -> peer    200 for PRACK sdp:d
    ",
    );
}

// ---- changes ----

#[test]
fn a_reoffer_is_answered_and_acknowledged() {
    talking(
        "
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        user -> us    reoffer sdp:e   # one after the other
        peer -> us    200 sdp:d
        us -> peer    ACK
        us -> user    reoffer answered sdp:d
        us -> peer    INVITE sdp:e
        peer -> us    200 sdp:f
        us -> peer    ACK
        us -> user    reoffer answered sdp:f
        peer -> us    200 sdp:f
        us -> peer    ACK
    ",
    );
}

/// RFC 6141
#[test]
fn a_refused_reoffer_keeps_the_session() {
    talking(
        "
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        peer -> us    488
        us -> user    reoffer refused 488
        user -> us    info 1
        us -> peer    INFO
    ",
    );
}

#[test]
fn a_reoffer_to_a_peer_that_has_forgotten_us_ends_the_call() {
    talking(
        "
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        peer -> us    481
        us -> peer    BYE reason
        us -> user    ended Connection lost by Peer
        peer -> us    481 for BYE
        +32s
        over
    ",
    );
    talking(
        "
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        timeout of INVITE
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
        timeout of BYE
        +32s
        over
    ",
    );
}

#[test]
fn asking_for_an_offer_answers_it_in_the_ack() {
    talking(
        "
        user -> us    reoffer
        us -> peer    INVITE
        peer -> us    200 sdp:d
        us -> user    reoffer answered sdp:d
        peer -> us    INVITE sdp:x    # it overtakes our ACK
        us -> peer    491
        user -> us    ack sdp:c
        us -> peer    ACK sdp:c
    ",
    );
}

#[test]
fn a_reoffer_of_the_peer_is_answered_and_repeated() {
    talking(
        "
        peer -> us    INVITE sdp:c
        us -> user    reoffered sdp:c
        user -> us    answer sdp:d
        us -> peer    200 sdp:d
        +500ms
        us -> peer    200 sdp:d
        peer -> us    ACK
        peer -> us    INVITE
        us -> user    reoffered       # it asks for our offer
        user -> us    answer sdp:e
        us -> peer    200 sdp:e
        peer -> us    ACK sdp:f
        us -> user    reoffer confirmed sdp:f
    ",
    );
}

#[test]
fn a_reoffer_of_the_peer_is_refused_or_cancelled_and_the_session_stays() {
    talking(
        "
        peer -> us    INVITE sdp:c
        us -> user    reoffered sdp:c
        user -> us    refuse 488
        us -> peer    488
        peer -> us    INVITE sdp:c
        us -> user    reoffered sdp:c
        peer -> us    CANCEL
        us -> peer    487
        user -> us    answer sdp:d
        user -> us    info 1
        us -> peer    INFO
    ",
    );
}

#[test]
fn a_second_reoffer_of_the_peer_is_asked_to_come_later() {
    talking(
        "
        peer -> us    INVITE sdp:c
        us -> user    reoffered sdp:c
        peer -> us    INVITE sdp:e
        us -> peer    500 retry
        peer -> us    UPDATE sdp:e
        us -> peer    500 for UPDATE retry
        peer -> us    BYE
        us -> peer    200 for BYE
        us -> peer    487
        us -> user    ended Normal call clearing by Peer
        +32s
        over
    ",
    );
}

/// RFC 3261 §14.1: we own the Call-ID, so we wait 2.1 to 4 s.
#[test]
fn when_reoffers_cross_the_peer_comes_first() {
    talking(
        "
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        peer -> us    INVITE sdp:x
        us -> peer    491
        peer -> us    491
        +2s
        peer -> us    INVITE sdp:x
        us -> user    reoffered sdp:x
        user -> us    answer sdp:y
        us -> peer    200 sdp:y
        peer -> us    ACK
        +2s
        us -> peer    INVITE sdp:c
        peer -> us    200 sdp:d
        us -> peer    ACK
        us -> user    reoffer answered sdp:d
    ",
    );
}

/// RFC 3261 §14.1: the peer owns the Call-ID, so we wait at most 2 s.
#[test]
fn when_reoffers_cross_a_callee_comes_first() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    ACK
        us -> user    confirmed
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        peer -> us    491
        +2s
        us -> peer    INVITE sdp:c
    ",
    );
}

/// RFC 5407 §3.1.5
#[test]
fn a_reoffer_that_overtakes_the_ack_proves_it() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    INVITE sdp:c
        us -> user    confirmed
        us -> user    reoffered sdp:c
        user -> us    answer sdp:d
        us -> peer    200 sdp:d
    ",
    );
}

#[test]
fn an_update_tells_headers_and_without_update_a_reinvite_repeats_itself() {
    talking(
        "
        user -> us    tell
        us -> peer    UPDATE with identity
        peer -> us    200 for UPDATE
        user -> us    tell
        us -> peer    UPDATE with identity
        peer -> us    405 for UPDATE
        us -> peer    INVITE sdp:a with identity
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> user    reoffer answered sdp:b
    ",
    );
}

#[test]
fn an_update_of_the_peer_is_answered_early_and_late() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    183 rseq=1 sdp:b
        us -> peer    PRACK rack=1
        us -> user    183 sdp:b
        peer -> us    200 for PRACK
        peer -> us    UPDATE sdp:c
        us -> user    reoffered sdp:c
        user -> us    answer sdp:d
        us -> peer    200 for UPDATE sdp:d
        peer -> us    UPDATE
        us -> peer    200 for UPDATE
        us -> user    refreshed
        user -> us    tell            # early, too
        us -> peer    UPDATE with identity
        peer -> us    200 for UPDATE
        peer -> us    200
        us -> peer    ACK
        us -> user    answered
        peer -> us    UPDATE sdp:e
        us -> user    reoffered sdp:e
        user -> us    refuse 488
        us -> peer    488 for UPDATE
    ",
    );
}

#[test]
fn an_update_before_our_offer_is_answered_gets_491() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    180
        us -> user    180
        peer -> us    UPDATE sdp:c
        us -> peer    491 for UPDATE
        peer -> us    INVITE sdp:c
        us -> peer    491
    ",
    );
}

#[test]
fn more_changes_than_the_limit_are_refused() {
    let mut script = "user -> us reoffer sdp:c\nus -> peer INVITE sdp:c\n".to_owned();
    for _ in 0..8 {
        script += "user -> us reoffer sdp:c\n";
    }
    talking(&(script + "user -> us reoffer sdp:c\nus -> user reoffer refused 491\n"));
}

// ---- session timers (RFC 4028) ----

#[test]
fn we_refresh_at_half_time_by_update() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b timer=90;refresher=uac
        us -> peer    ACK
        us -> user    answered sdp:b
        +45s
        us -> peer    UPDATE
        peer -> us    200 for UPDATE timer=90;refresher=uac
        us -> user    refreshed
        +45s
        us -> peer    UPDATE
        peer -> us    500 for UPDATE
        +22500ms      # half of what is left
        us -> peer    UPDATE
        timeout of UPDATE
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
        peer -> us    200 for BYE
        over
    ",
    );
}

#[test]
fn a_refresh_without_update_repeats_the_session_description() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b no update
        us -> peer    ACK
        us -> user    answered sdp:b
        +900s
        us -> peer    INVITE sdp:a
        peer -> us    501             # it knows no timer, but it lives
        +900s
        us -> peer    INVITE sdp:a
        peer -> us    422 min=3600    # and this one has learnt
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b timer=3600;refresher=uas
        us -> peer    ACK
        us -> user    refreshed
        us -> user    reoffer answered sdp:b
        +3568s
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
    ",
    );
}

#[test]
fn a_peer_that_refreshes_is_missed_when_it_does_not() {
    play(
        "
        peer -> us    INVITE sdp:a timer=90;refresher=uac
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    ACK
        us -> user    confirmed
        +50s
        peer -> us    UPDATE timer=90;refresher=uac
        us -> peer    200 for UPDATE
        us -> user    refreshed
        +50s
        peer -> us    UPDATE timer=60;refresher=uac
        us -> peer    422 for UPDATE min 90
        +10s
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
        peer -> us    200 for BYE
        over
    ",
    );
}

// ---- other requests ----

#[test]
fn byes_cross() {
    talking(
        "
        user -> us    end
        us -> peer    BYE reason
        us -> user    ended Normal call clearing by Us
        peer -> us    BYE
        us -> peer    200 for BYE
        peer -> us    481 for BYE
        +32s
        over
    ",
    );
}

#[test]
fn a_request_with_unknown_tags_finds_no_dialog() {
    talking(
        "
        peer -> us    INFO tag=nobody
        us -> peer    481 for INFO
        peer -> us    BYE tag=nobody
        us -> peer    481 for BYE
    ",
    );
}

#[test]
fn a_request_out_of_order_gets_500() {
    talking(
        "
        peer -> us    OPTIONS
        us -> peer    200 for OPTIONS
        peer -> us    INFO cseq=1
        us -> peer    500 for INFO
    ",
    );
}

#[test]
fn requests_are_passed_on_answered_or_refused() {
    talking(
        "
        peer -> us    INFO
        us -> user    info
        user -> us    respond 415
        us -> peer    415 for INFO
        peer -> us    MESSAGE
        us -> peer    405 for MESSAGE
        peer -> us    NOTIFY
        us -> peer    481 for NOTIFY
        peer -> us    INFO require=foo
        us -> peer    420 for INFO unsupported foo
        peer -> us    INFO
        us -> user    info
        peer -> us    BYE
        us -> peer    200 for BYE
        us -> peer    481 for INFO    # nobody will answer it
        us -> user    ended Normal call clearing by Peer
        +32s
        over
    ",
    );
}

#[test]
fn an_info_of_ours_is_answered_or_ends_the_call() {
    talking(
        "
        user -> us    info 1
        us -> peer    INFO
        peer -> us    200 for INFO
        us -> user    info 1 answered 200
        user -> us    info 2
        us -> peer    INFO
        timeout of INFO
        us -> user    info 2 answered 408
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
    ",
    );
    talking(
        "
        user -> us    info 3
        us -> peer    INFO
        peer -> us    481 for INFO
        us -> user    info 3 answered 481
        us -> peer    BYE reason
        us -> user    ended Connection lost by Peer
    ",
    );
}

#[test]
fn more_infos_than_the_limit_are_refused() {
    let mut script = String::new();
    for _ in 0..16 {
        script += "peer -> us INFO\nus -> user info\n";
    }
    talking(&(script + "peer -> us INFO\nus -> peer 503 for INFO\n"));
}

/// RFC 3515, RFC 3891
#[test]
fn a_refer_of_the_peer_goes_up_and_is_reported() {
    talking(
        "
        peer -> us    REFER to sip:3002@example.com?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2
        us -> user    referred to sip:3002@example.com replacing c
        user -> us    respond 202
        us -> peer    202 for REFER
        user -> us    notify
        us -> peer    NOTIFY sdp:SIP/2.0
        peer -> us    200 for NOTIFY
        peer -> us    REFER to sip:3002@example.com?Replaces=c
        us -> peer    400 for REFER
        peer -> us    REFER to nothing
        us -> peer    400 for REFER
    ",
    );
}

#[test]
fn a_refer_of_ours_is_reported_by_the_peer() {
    talking(
        "
        user -> us    refer
        us -> peer    REFER
        peer -> us    202 for REFER
        us -> user    refer answered 202
        peer -> us    NOTIFY state=active sdp:trying
        us -> peer    200 for NOTIFY
        us -> user    notified trying
        peer -> us    NOTIFY state=terminated sdp:done
        us -> peer    200 for NOTIFY
        us -> user    notified done, the last
        peer -> us    NOTIFY state=terminated sdp:done
        us -> peer    481 for NOTIFY
        peer -> us    NOTIFY event=presence
        us -> peer    489 for NOTIFY
    ",
    );
}

#[test]
fn a_phone_that_moves_is_followed() {
    talking(
        "
        peer -> us    OPTIONS from port 9999
        us -> user    moved to 9999
        us -> peer    200 for OPTIONS
        user -> us    end
        us -> peer    BYE reason at port 9999
        us -> user    ended Normal call clearing by Us
    ",
    );
}

#[test]
fn a_dialog_is_found_by_its_tags_until_it_is_over() {
    let mut house = House::new();
    ladder::play(&mut house, &format!("{TALKING} user -> us info 1\nus -> peer INFO\n"));
    let info = house.asked.last().unwrap().1.clone();
    let headers = &info.headers;
    let (call_id, ours) = (headers.call_id().unwrap(), headers.from_tag().unwrap());
    assert_eq!(house.machine.find_replaces(call_id, ours, "peer"), Some(LegId(1)));
    assert_eq!(house.machine.find_replaces(call_id, ours, "other"), None);
    assert_eq!(house.machine.find_replaces("other", ours, "peer"), None);
    house.command(Instant::START, Command::End { reason: None });
    assert_eq!(house.machine.find_replaces(call_id, ours, "peer"), None);
}

const TALKING: &str = "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> user    answered sdp:b
";

#[track_caller]
fn play(script: &str) {
    ladder::play(&mut House::new(), script);
}

/// After a call of ours was answered.
#[track_caller]
fn talking(script: &str) {
    play(&format!("{TALKING}{script}"));
}

fn fork(place: usize) -> String {
    if place == 0 { String::new() } else { format!(" fork {place}") }
}

fn settings() -> Settings {
    let ours = SocketAddr::from(([192, 0, 2, 1], 5060));
    Settings { advertise: [(Transport::Udp, ours)].into(), ..Settings::default() }
}

struct House {
    machine: Machine,
    flow: Flow,
    /// Our requests, and the last INVITE, so that the peer can answer and address us.
    asked: Vec<(ClientTx, Request)>,
    /// The peer's requests by name, and its first INVITE.
    served: Vec<(ServerTx, Request)>,
    peer_seq: u32,
    /// To and From of the dialog as the peer writes them.
    names: Option<(String, String, String)>,
    rseq: u32,
}

impl House {
    fn new() -> Self {
        let flow = Flow {
            transport: Transport::Udp,
            local: SocketAddr::from(([192, 0, 2, 1], 5060)),
            remote: SocketAddr::from(([192, 0, 2, 7], 5062)),
            connection: ConnectionId(0),
        };
        let machine = Machine::new(settings(), Random::from_number(5));
        let (asked, served) = (Vec::new(), Vec::new());
        Self { machine, flow, asked, served, peer_seq: 100, names: None, rseq: 0 }
    }

    fn command(&mut self, now: Instant, command: Command) -> Vec<Effect> {
        self.machine.handle(now, Input::Command { leg: LegId(1), command })
    }

    fn user(&mut self, now: Instant, what: &str) -> Vec<Effect> {
        let words: Vec<&str> = what.split(' ').collect();
        let body = body_in(&words);
        let wanted = || body.clone().expect("the rung has a body");
        let reason = String::new();
        let headers = Lines::new();
        let last_served = || self.served.last().expect("something was asked").0;
        let command = match words[..] {
            ["call", ..] => Command::Call(Box::new(Call {
                target: Target {
                    uri: uri("sip:peer@192.0.2.7:5062"),
                    route: vec![],
                    destination: Destination::Flow(self.flow),
                },
                from: address("<sip:9000@example.com>"),
                to: address("<sip:peer@example.com>"),
                body,
                headers,
                credentials: what
                    .contains("password")
                    .then(|| Credentials { user: "us".to_owned(), password: "secret".to_owned() }),
            })),
            ["accept", ..] => Command::Accept { body, headers },
            ["reject", status] => {
                Command::Reject { status: status.parse().unwrap(), reason, headers }
            }
            ["ack", ..] => Command::Ack { body: wanted() },
            ["answer", "prack", ..] => Command::AnswerPrack { body: wanted() },
            ["end"] => Command::End { reason: Some("Q.850;cause=16".to_owned()) },
            ["reoffer", ..] => Command::Reoffer { body },
            ["tell"] => {
                let identity = (HeaderName::PAssertedIdentity, "<sip:3001@example.com>".to_owned());
                Command::Update { body: None, headers: vec![identity] }
            }
            ["answer", ..] => Command::Answer { body: wanted() },
            ["refuse", status] => Command::Refuse { status: status.parse().unwrap() },
            ["info", tag] => Command::Info { tag: tag.parse().unwrap(), headers, body },
            ["refer"] => Command::Refer { refer_to: address("<sip:3002@example.com>"), headers },
            ["notify"] => Command::Notify {
                event: "refer".to_owned(),
                state: "terminated".to_owned(),
                body: Some(Body {
                    content_type: "message/sipfrag".to_owned(),
                    bytes: b"SIP/2.0 200 OK".to_vec(),
                }),
            },
            ["respond", status] => {
                let (transaction, status) = (last_served(), status.parse().unwrap());
                Command::Respond { transaction, status, reason, headers }
            }
            [status, ..] => {
                let status = status.parse().unwrap();
                Command::Provisional { status, reason, body, headers }
            }
            [] => panic!("an empty rung"),
        };
        self.command(now, command)
    }

    /// The peer answers our last request, or the one that `for` names.
    fn peer_answers(&mut self, now: Instant, status: u16, words: &[&str]) -> Vec<Effect> {
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let method =
            words.iter().position(|word| *word == "for").map_or("INVITE", |at| words[at + 1]);
        let asked = self.asked.iter().rev().find(|(_, request)| request.method.as_str() == method);
        let (transaction, request) =
            asked.unwrap_or_else(|| panic!("no {method} was sent")).clone();
        let mut response = request.response(StatusCode::new(status).unwrap());
        let headers = &mut response.headers;
        headers.set_to_tag(option("tag=").unwrap_or("peer"));
        headers.push(HeaderName::Contact, "<sip:peer@192.0.2.7:5062>");
        if !words.contains(&"update") {
            headers.push(HeaderName::Allow, "INVITE, UPDATE");
        }
        if let Some(rseq) = option("rseq=") {
            headers.push(HeaderName::RSeq, rseq);
            headers.push(HeaderName::Require, "100rel");
        }
        if let Some(timer) = option("timer=") {
            headers.push(HeaderName::SessionExpires, timer);
        }
        if let Some(min) = option("min=") {
            headers.push(HeaderName::MinSe, min);
        }
        if status == 407 {
            let challenge = "Digest realm=\"trunk\", nonce=\"n\", qop=\"auth\"";
            headers.push(HeaderName::ProxyAuthenticate, challenge);
        }
        if let Some(body) = body_in(words) {
            headers.push(HeaderName::ContentType, &body.content_type);
            response.body = body.bytes;
        }
        if method == "INVITE" && self.names.is_none() {
            let name = |name| response.headers.get(name).unwrap().to_owned();
            let names = (name(HeaderName::To), name(HeaderName::From), name(HeaderName::CallId));
            self.names = Some(names);
        }
        self.machine.handle(now, Input::Response { transaction, response })
    }

    fn peer_asks(&mut self, now: Instant, method: &str, words: &[&str]) -> Vec<Effect> {
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let first = self.names.is_none();
        let fresh = ("<sip:peer@example.com>;tag=peer", "<sip:9000@example.com>", "call-1");
        let (from, to, call_id) = self
            .names
            .clone()
            .unwrap_or_else(|| (fresh.0.to_owned(), fresh.1.to_owned(), fresh.2.to_owned()));
        let method = Method::parse(method).unwrap();
        let mut request = Request::new(method.clone(), uri("sip:9000@192.0.2.1"));
        if method != Method::ACK {
            self.peer_seq += 1;
        }
        let seq = option("cseq=").map_or(self.peer_seq, |seq| seq.parse().unwrap());
        let headers = &mut request.headers;
        headers.push(HeaderName::Via, "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1");
        headers.push(HeaderName::From, &from);
        if let Some(tag) = option("tag=") {
            headers.set(HeaderName::From, &format!("<sip:peer@example.com>;tag={tag}"));
        }
        headers.push(HeaderName::To, &to);
        headers.push(HeaderName::CallId, &call_id);
        headers.push(HeaderName::CSeq, &format!("{seq} {method}"));
        if !words.contains(&"contact") {
            headers.push(HeaderName::Contact, "<sip:peer@192.0.2.7:5062>");
        }
        headers.push(HeaderName::Allow, "INVITE, UPDATE");
        if words.contains(&"100rel") {
            headers.push(HeaderName::Supported, "100rel");
        }
        if let Some(require) = option("require=") {
            headers.push(HeaderName::Require, require);
        }
        if let Some(timer) = option("timer=") {
            headers.push(HeaderName::Supported, "timer");
            headers.push(HeaderName::SessionExpires, timer);
        }
        if let Some(state) = option("state=") {
            headers.push(HeaderName::SubscriptionState, state);
        }
        if method == Method::NOTIFY {
            headers.push(HeaderName::Event, option("event=").unwrap_or("refer"));
        }
        let refer_to = words.iter().position(|word| *word == "to" && method == Method::REFER);
        if let Some(wanted) = refer_to.map(|at| words[at + 1]).filter(|uri| *uri != "nothing") {
            headers.push(HeaderName::ReferTo, &format!("<{wanted}>"));
        }
        if method == Method::PRACK {
            let rseq = if words.contains(&"wrong") { self.rseq + 1 } else { self.rseq };
            headers.push(HeaderName::RAck, &format!("{rseq} {} INVITE", self.invite_seq()));
        }
        if let Some(body) = body_in(words) {
            headers.push(HeaderName::ContentType, &body.content_type);
            request.body = body.bytes;
        }
        let mut flow = self.flow;
        if words.contains(&"9999") {
            flow.remote.set_port(9999);
        }
        if method == Method::ACK {
            let seq = option("cseq=").map_or(self.invite_seq(), |seq| seq.parse().unwrap());
            request.headers.set(HeaderName::CSeq, &format!("{seq} ACK"));
            return self.machine.handle(now, Input::Ack { flow, request });
        }
        let transaction = ServerTx(self.served.len() as u64);
        self.served.push((transaction, request.clone()));
        let input = if first {
            Input::Incoming { leg: LegId(1), transaction, flow, request }
        } else {
            Input::Request { transaction, flow, request }
        };
        self.machine.handle(now, input)
    }

    /// The number of the peer's last INVITE.
    fn invite_seq(&self) -> u32 {
        self.last_invite().1.headers.cseq().unwrap().0
    }

    fn last_invite(&self) -> &(ServerTx, Request) {
        let invite = |(_, request): &&(ServerTx, Request)| request.method == Method::INVITE;
        self.served.iter().rev().find(invite).expect("the peer sent an INVITE")
    }

    fn told(&mut self, effects: Vec<Effect>) -> Vec<String> {
        effects.into_iter().map(|effect| self.tell(effect)).collect()
    }

    fn tell(&mut self, effect: Effect) -> String {
        match effect {
            Effect::Request { transaction, to, request } => {
                check_request(&request);
                let mut told = format!("us -> peer {}", request.method);
                let headers = &request.headers;
                if let Ok(Some(rack)) = headers.rack() {
                    told += &format!(" rack={}", rack.rseq);
                }
                told += &body_word(&request.body);
                for (name, word) in [
                    (HeaderName::Reason, " reason"),
                    (HeaderName::PAssertedIdentity, " with identity"),
                    (HeaderName::ProxyAuthorization, " with credentials"),
                ] {
                    told += if headers.contains(&name) { word } else { "" };
                }
                if let Some(tag) = headers.to_tag().filter(|tag| *tag != "peer") {
                    told += &format!(" to {tag}");
                }
                if to.remote() != self.flow.remote {
                    told += &format!(" at port {}", to.remote().port());
                }
                self.asked.push((transaction, request));
                told
            }
            Effect::Respond { response, .. } => self.tell_response(&response),
            Effect::Cancel { .. } => "us -> peer CANCEL".to_owned(),
            Effect::Forward { request, .. } => {
                check_request(&request);
                format!("us -> peer {}{}", request.method, body_word(&request.body))
            }
            Effect::Event { event, .. } => format!("us -> user {}", event_words(event)),
        }
    }

    fn tell_response(&mut self, response: &Response) -> String {
        let headers = &response.headers;
        assert!(headers.to_tag().is_some(), "each response of a dialog has a tag");
        let (_, method) = headers.cseq().unwrap();
        if method == Method::INVITE && self.names.is_none() {
            let name = |name| headers.get(name).unwrap().to_owned();
            let names = (name(HeaderName::From), name(HeaderName::To), name(HeaderName::CallId));
            self.names = Some(names);
        }
        let mut told = format!("us -> peer {}", response.status);
        if method != Method::INVITE {
            told += &format!(" for {method}");
        }
        told += &body_word(&response.body);
        if let Ok(Some(rseq)) = headers.rseq() {
            assert!(headers.requires("100rel"));
            self.rseq = rseq;
            told += " reliable";
        }
        if let Some(unsupported) = headers.get(HeaderName::Unsupported) {
            told += &format!(" unsupported {unsupported}");
        }
        if let Ok(Some(min)) = headers.min_se() {
            told += &format!(" min {min}");
        }
        told += if headers.contains(HeaderName::RetryAfter) { " retry" } else { "" };
        told += if headers.contains(HeaderName::Reason) { " reason" } else { "" };
        if method == Method::INVITE && response.status.is_success() {
            assert!(headers.contact().is_ok() && headers.contains(HeaderName::SessionExpires));
        }
        told
    }
}

fn check_request(request: &Request) {
    let headers = &request.headers;
    assert_eq!(headers.max_forwards(), Ok(Some(70)));
    assert!(headers.from_tag().is_some() && headers.call_id().is_ok());
    assert_eq!(headers.cseq().unwrap().1, request.method);
    assert_eq!(headers.contains(HeaderName::Contact), {
        let method = &request.method;
        [Method::INVITE, Method::UPDATE, Method::REFER, Method::NOTIFY].contains(method)
    });
}

fn event_words(event: Event) -> String {
    let body_of = |body: Option<Body>| body.map_or(String::new(), |b| body_word(&b.bytes));
    let wants = |wants| if wants { " wants answer" } else { "" };
    match event {
        Event::Invited { body } => format!("invited{}", body_of(body)),
        Event::Provisional { status, body, fork: place, wants_answer, .. } => {
            format!("{status}{}{}{}", body_of(body), fork(place), wants(wants_answer))
        }
        Event::Answered { body, fork: place, wants_answer, contact } => {
            assert!(contact.is_some());
            format!("answered{}{}{}", body_of(body), fork(place), wants(wants_answer))
        }
        Event::ProvisionalAnswered { body } => {
            format!("provisional answered{}", body_word(&body.bytes))
        }
        Event::Confirmed { body } => format!("confirmed{}", body_of(body)),
        Event::Refused { status, contacts, .. } => {
            let contacts = contacts.iter().map(|contact| format!(" to {}", contact.uri));
            format!("refused {status}{}", contacts.collect::<String>())
        }
        Event::Ended { cause, by, .. } => format!("ended {cause} by {by:?}"),
        Event::Reoffered { body } => format!("reoffered{}", body_of(body)),
        Event::ReofferAnswered { body } => format!("reoffer answered{}", body_word(&body.bytes)),
        Event::ReofferRefused { status } => format!("reoffer refused {status}"),
        Event::ReofferConfirmed { body } => format!("reoffer confirmed{}", body_word(&body.bytes)),
        Event::Refreshed => "refreshed".to_owned(),
        Event::Moved { flow } => format!("moved to {}", flow.remote.port()),
        Event::Info { .. } => "info".to_owned(),
        Event::InfoAnswered { tag, status } => format!("info {tag} answered {status}"),
        Event::Referred { refer_to, replaces, .. } => {
            let replaces = replaces.map_or(String::new(), |r| format!(" replacing {}", r.call_id));
            format!("referred to {}{replaces}", refer_to.uri.without_headers())
        }
        Event::ReferAnswered { status } => format!("refer answered {status}"),
        Event::Notified { line, last } => {
            format!("notified {line}{}", if last { ", the last" } else { "" })
        }
    }
}

impl ladder::House for House {
    fn play(&mut self, now: Instant, rung: &str) -> Option<Vec<String>> {
        let words: Vec<&str> = rung.split(' ').collect();
        let effects = match words[..] {
            ["over"] => return (self.machine.count() == 0).then(Vec::new),
            ["timeout", "of", method] => self.fails(now, method, Failure::Timeout),
            ["no", "transport", "for", method] => self.fails(now, method, Failure::Transport),
            ["no", "transport", "to", "answer"] => {
                let transaction = self.last_invite().0;
                self.machine.handle(now, Input::NoAck { transaction })
            }
            ["user", "->", "us", ..] => {
                let what = rung.strip_prefix("user -> us ").unwrap();
                self.user(now, what)
            }
            ["peer", "->", "us", "CANCEL", ..] => {
                let transaction = self.last_invite().0;
                let reason = words.contains(&"elsewhere").then(|| "SIP;cause=200".to_owned());
                self.machine.handle(now, Input::Cancelled { transaction, reason })
            }
            ["peer", "->", "us", what, ..] => match what.parse() {
                Ok(status) => self.peer_answers(now, status, &words[4..]),
                Err(_) => self.peer_asks(now, what, &words[4..]),
            },
            _ => return None,
        };
        Some(self.told(effects))
    }

    fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    fn tick(&mut self, now: Instant) -> Vec<String> {
        let effects = self.machine.tick(now);
        self.told(effects)
    }
}

impl House {
    fn fails(&mut self, now: Instant, method: &str, why: Failure) -> Vec<Effect> {
        let asked = self.asked.iter().rev().find(|(_, r)| r.method.as_str() == method);
        let transaction = asked.expect("it was asked").0;
        self.machine.handle(now, Input::Failed { transaction, why })
    }
}

fn body_in(words: &[&str]) -> Option<Body> {
    words.iter().find_map(|word| word.strip_prefix("sdp:")).map(Body::sdp)
}

fn body_word(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split(' ')
        .next()
        .filter(|word| !word.is_empty())
        .map_or(String::new(), |w| format!(" sdp:{w}"))
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

fn address(text: &str) -> NameAddr {
    NameAddr::parse(text, &HeaderName::To).unwrap()
}
