//! From the INVITE to its answer, in both roles, and back to silence.

use super::ladder;
use super::testbed::{Testbed, fork, play, settings};
use cordboard::dialog::{Input, Machine, Settings};
use cordboard::random::Random;
use cordboard::sip::{
    AnsweredChallenges, DigestClient, HeaderName, Method, Realms, Request, StatusCode, Uri,
};
use cordboard::time::Instant;

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

/// The number of a branch is never that of another, also when one is gone or the INVITE goes out anew.
#[test]
fn a_branch_that_is_gone_leaves_its_number_to_nobody() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    183 sdp:x
        us -> user    183 sdp:x
        peer -> us    180 tag=2
        us -> user    180 fork 1
        peer -> us    BYE
        us -> peer    200 for BYE
        us -> user    fork 0 gone
        peer -> us    180 tag=3
        us -> user    180 fork 2
        peer -> us    200 tag=2
        us -> peer    ACK
        us -> user    answered fork 1
    ",
    );
    play(
        "
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    180
        us -> user    180
        peer -> us    407
        us -> user    fork 0 gone
        us -> peer    INVITE with credentials
        peer -> us    180 tag=2
        us -> user    180 fork 1
    ",
    );
}

#[test]
fn more_branches_than_the_limit_are_not_heard_before_they_answer() {
    let mut testbed = Testbed::new();
    let mut script = "user -> us call sdp:a\nus -> peer INVITE sdp:a\n".to_owned();
    for tag in 0..16 {
        script += &format!("peer -> us 180 tag={tag}\nus -> user 180{}\n", fork(tag));
    }
    script += "peer -> us 180 tag=16\npeer -> us 200 tag=16 sdp:b\nus -> peer ACK\n";
    script += "us -> user answered sdp:b fork 16\n";
    ladder::play(&mut testbed, &script);
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
    // The house looks whether the nonce is counted on.
    play(
        "
        user -> us    call sdp:a with password
        us -> peer    INVITE sdp:a
        peer -> us    407
        us -> peer    INVITE sdp:a with credentials
        peer -> us    422 min=3600
        us -> peer    INVITE sdp:a with credentials
        peer -> us    200 sdp:b
        us -> peer    ACK with credentials
        us -> user    answered sdp:b
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
    play(
        "
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    200 sdp:b
        us -> user    answered sdp:b wants answer
        user -> us    ack sdp:a
        us -> peer    ACK sdp:a
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        peer -> us    407
        us -> peer    INVITE sdp:c with credentials
        peer -> us    200 sdp:d
        us -> peer    ACK with credentials
        us -> user    reoffer answered sdp:d
        user -> us    end
        us -> peer    BYE reason with credentials # the nonce is known
        us -> user    ended Normal call clearing by Us
        peer -> us    407 nonce=2 for BYE
        us -> peer    BYE reason with credentials
        peer -> us    407 nonce=2 for BYE
        +32s
        over
    ",
    );
}

/// RFC 3261 §22.1, RFC 3262 §4: the carrier asks for each request, and the ACK has what the INVITE had.
#[test]
fn prack_is_asked_again_and_the_ack_says_what_the_invite_said() {
    play(
        "
        user -> us    call sdp:a with password
        us -> peer    INVITE sdp:a
        peer -> us    407
        us -> peer    INVITE sdp:a with credentials
        peer -> us    183 rseq=1 sdp:b
        us -> peer    PRACK rack=1 with credentials
        us -> user    183 sdp:b
        peer -> us    407 nonce=2 stale for PRACK
        us -> peer    PRACK rack=1 with credentials
        peer -> us    200 for PRACK
        peer -> us    200
        us -> peer    ACK with credentials
        us -> user    answered
        peer -> us    BYE
        us -> peer    200 for BYE
        us -> user    ended Normal call clearing by Peer
        +32s
        over
    ",
    );
}

/// A carrier's own calls: what we ask within them is challenged as in ours.
#[test]
fn a_caller_that_challenges_us_is_answered() {
    play(
        "
        peer -> us    INVITE sdp:a with password
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    ACK
        us -> user    confirmed
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        peer -> us    407
        us -> peer    INVITE sdp:c with credentials
        peer -> us    200 sdp:d
        us -> peer    ACK with credentials
        us -> user    reoffer answered sdp:d
        user -> us    offer by update sdp:e
        us -> peer    UPDATE sdp:e with credentials
        peer -> us    407 nonce=2 stale for UPDATE
        us -> peer    UPDATE sdp:e with credentials
        peer -> us    200 sdp:f for UPDATE
        us -> user    reoffer answered sdp:f
        user -> us    end
        us -> peer    BYE reason with credentials
        us -> user    ended Normal call clearing by Us
        peer -> us    407 nonce=3 stale for BYE
        us -> peer    BYE reason with credentials
        peer -> us    200 for BYE
        +32s
        over
    ",
    );
}

/// A far end that asks without end is not answered without end.
#[test]
fn nobody_challenges_us_for_ever() {
    play(
        "
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    407 nonce=1 stale
        us -> peer    INVITE with credentials
        peer -> us    407 nonce=2 stale
        us -> peer    INVITE with credentials
        peer -> us    407 nonce=3 stale
        us -> peer    INVITE with credentials
        peer -> us    407 nonce=4 stale
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

/// Nobody can be asked to prove an ACK; one that brings an answer says where sound goes.
#[test]
fn an_ack_from_elsewhere_counts_where_it_has_nothing_to_say() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    ACK sdp:evil elsewhere
        us -> user    confirmed
        +60s
    ",
    );
    play(
        "
        peer -> us    INVITE
        us -> user    invited
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
        peer -> us    ACK sdp:evil elsewhere
        peer -> us    ACK elsewhere
        +500ms
        us -> peer    200 sdp:b
        peer -> us    ACK sdp:a
        us -> user    confirmed sdp:a
    ",
    );
}

#[test]
fn legs_beyond_the_limit_are_asked_to_come_later() {
    let mut testbed = Testbed::new();
    testbed.machine = Machine::new(Settings { legs_max: 0, ..settings() }, Random::from_number(1));
    ladder::play(
        &mut testbed,
        "
        peer -> us    INVITE sdp:a
        us -> peer    503 retry
        us -> user    ended Overloaded by Us
        over
    ",
    );
}

/// It waits for 200s of other phones (RFC 3261 §13.2.2.4), and takes nobody's place.
#[test]
fn a_leg_that_is_over_is_in_no_other_legs_way() {
    let mut testbed = Testbed::new();
    testbed.machine = Machine::new(Settings { legs_max: 1, ..settings() }, Random::from_number(1));
    ladder::play(
        &mut testbed,
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> user    answered sdp:b
        user -> us    end
        us -> peer    BYE reason
        us -> user    ended Normal call clearing by Us
    ",
    );
    assert_eq!(testbed.machine.count(), 1);
    testbed.next_leg();
    ladder::play(
        &mut testbed,
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
    ",
    );
    assert_eq!(testbed.machine.count(), 2);
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

/// RFC 3262 §3, §5: a description that waits behind an unacknowledged 1xx has not been said.
#[test]
fn an_answer_behind_an_unacknowledged_180_is_said_before_the_200() {
    play(
        "
        peer -> us    INVITE sdp:a require=100rel
        us -> user    invited sdp:a
        user -> us    180
        us -> peer    180 reliable
        user -> us    182
        user -> us    183 sdp:b
        user -> us    tell            # no offer: it may go at once
        us -> peer    UPDATE with identity
        peer -> us    200 for UPDATE
        user -> us    accept
        peer -> us    PRACK
        us -> peer    200 for PRACK
        us -> peer    183 sdp:b reliable
        peer -> us    PRACK
        us -> peer    200 for PRACK
        us -> peer    200
        peer -> us    ACK
        us -> user    confirmed
    ",
    );
}

#[test]
fn an_offer_behind_an_unacknowledged_180_is_no_open_offer_yet() {
    play(
        "
        peer -> us    INVITE require=100rel
        us -> user    invited
        user -> us    180
        us -> peer    180 reliable
        user -> us    183 sdp:b
        peer -> us    PRACK sdp:x     # nothing was offered that this could answer
        us -> peer    400 for PRACK
        us -> peer    183 sdp:b reliable
        peer -> us    PRACK sdp:a
        us -> peer    200 for PRACK
        us -> user    provisional answered sdp:a
        user -> us    accept
        us -> peer    200
        peer -> us    ACK
        us -> user    confirmed
        peer -> us    INVITE sdp:c
        us -> user    reoffered sdp:c
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

/// RFC 3261 §22.2: whoever is called behind a trunk may ask, too; he gets nothing to try passwords on.
#[test]
fn a_401_of_a_realm_that_is_not_the_trunks_is_a_refusal() {
    play(
        "
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    401 realm=carrier
        us -> peer    INVITE with credentials
        peer -> us    401 realm=evil
        us -> user    refused 401
        us -> user    ended Not permitted by Peer
        over
        next leg
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    401 realm=evil              # in any later call
        us -> user    refused 401
        us -> user    ended Not permitted by Peer
        over
        next leg
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    401 realm=carrier
        us -> peer    INVITE with credentials
        peer -> us    401 realm=192.0.2.7         # its own address
        us -> peer    INVITE with credentials
        peer -> us    486
        us -> user    refused 486
        us -> user    ended Busy by Peer
        over
    ",
    );
}

#[test]
fn a_realm_that_a_trunk_has_named_elsewhere_is_the_first() {
    let mut testbed = Testbed::new();
    let mut named = DigestClient::new("us".to_owned(), "secret".to_owned());
    let mut realms = Realms::default();
    let request = Request::new(Method::REGISTER, Uri::parse("sip:192.0.2.7").unwrap());
    let mut asks = request.response(StatusCode::UNAUTHORIZED);
    asks.headers.push(HeaderName::WwwAuthenticate, "Digest realm=\"carrier\", nonce=\"1\"");
    assert!(named.learn(&request, &asks, &mut AnsweredChallenges::default(), &mut realms));
    let input = Input::Realms { trunk: "trunk".to_owned(), realms };
    assert!(testbed.machine.handle(Instant::START, input).is_empty());
    ladder::play(
        &mut testbed,
        "
        user -> us    call with password
        us -> peer    INVITE
        peer -> us    401 realm=evil
        us -> user    refused 401
        us -> user    ended Not permitted by Peer
        over
    ",
    );
}

/// RFC 3263 §4.3: a next hop that says nothing at all is away; one that says 100 is not.
#[test]
fn a_silent_next_hop_is_given_up_where_there_are_others() {
    play(
        "
        user -> us    call sdp:a patient
        us -> peer    INVITE sdp:a
        +4s
        us -> peer    CANCEL
        us -> user    refused 503
        us -> user    ended Not reachable by Timer
        peer -> us    200 sdp:b                   # after all
        us -> peer    ACK
        us -> peer    BYE
        peer -> us    200 for BYE
        +32s
        over
    ",
    );
    play(
        "
        user -> us    call sdp:a patient
        us -> peer    INVITE sdp:a
        peer -> us    100
        +10s
        peer -> us    408                         # the far end's word, not silence
        us -> user    refused 408
        us -> user    ended No answer by Peer
        over
    ",
    );
}
