//! What happens within a dialog: changes, refreshes, other requests.

use super::ladder;
use super::testbed::{TALKING, Testbed, play, talking};
use cordboard::dialog::Command;
use cordboard::ids::LegId;
use cordboard::time::Instant;

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

#[test]
fn an_update_without_an_offer_stands_in_nobodys_way() {
    talking(
        "
        user -> us    tell
        us -> peer    UPDATE with identity
        peer -> us    INVITE sdp:c
        us -> user    reoffered sdp:c
        peer -> us    200 for UPDATE
        user -> us    answer sdp:d
        us -> peer    200 sdp:d
        peer -> us    ACK
    ",
    );
}

/// RFC 3311 §5.2, and its twin: an offer in an UPDATE of ours.
#[test]
fn offers_in_updates_cross_like_those_in_invites() {
    talking(
        "
        user -> us    offer by update sdp:c
        us -> peer    UPDATE sdp:c
        peer -> us    UPDATE sdp:x
        us -> peer    491 for UPDATE
        peer -> us    INVITE sdp:x
        us -> peer    491
        peer -> us    491 for UPDATE
        +4s
        us -> peer    UPDATE sdp:c
        peer -> us    200 for UPDATE sdp:d
        us -> user    reoffer answered sdp:d
        user -> us    offer by update sdp:e
        us -> peer    UPDATE sdp:e
        peer -> us    200 for UPDATE  # without an answer
        us -> user    reoffer refused 200
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

/// Rung by rung to the end of the session: what went wrong while it rang stands in the way of nothing.
const TO_THE_END: &str = "
        peer -> us    200 timer=90;refresher=uac
        us -> peer    ACK
        us -> user    answered
        +45s
        us -> peer    UPDATE
        peer -> us    200 for UPDATE timer=90;refresher=uac
        us -> user    refreshed
        +45s
        us -> peer    UPDATE
        +45s
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
";

const EARLY_UPDATE: &str = "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    183 rseq=1 sdp:b
        us -> peer    PRACK rack=1
        us -> user    183 sdp:b
        peer -> us    200 for PRACK
";

#[test]
fn an_early_update_without_an_answer_leaves_the_call_alone() {
    for fault in ["timeout of UPDATE", "no transport for UPDATE"] {
        play(&format!(
            "{EARLY_UPDATE}
        user -> us    offer by update sdp:c
        us -> peer    UPDATE sdp:c
        {fault}
        us -> user    reoffer refused 408
        user -> us    tell
        us -> peer    UPDATE with identity
        {fault}
        {TO_THE_END}"
        ));
    }
    for status in [408, 481, 500] {
        play(&format!(
            "{EARLY_UPDATE}
        user -> us    offer by update sdp:c
        us -> peer    UPDATE sdp:c
        peer -> us    {status} for UPDATE
        us -> user    reoffer refused {status}
        {TO_THE_END}"
        ));
    }
}

#[test]
fn an_early_update_is_asked_again_after_491_while_it_still_rings() {
    play(&format!(
        "{EARLY_UPDATE}
        user -> us    offer by update sdp:c
        us -> peer    UPDATE sdp:c
        peer -> us    491 for UPDATE
        +4s
        us -> peer    UPDATE sdp:c
        peer -> us    200 for UPDATE sdp:d
        us -> user    reoffer answered sdp:d
        {TO_THE_END}"
    ));
}

/// The branch that was asked is silent, another answers: it is told now, and its call goes on.
#[test]
fn what_one_branch_leaves_unanswered_is_no_fault_of_the_other() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    180 tag=other
        us -> user    180
        user -> us    tell
        us -> peer    UPDATE with identity to other
        peer -> us    200 sdp:b timer=90;refresher=uac
        us -> peer    ACK
        us -> user    answered sdp:b fork 1
        timeout of UPDATE
        us -> peer    UPDATE with identity
        peer -> us    200 for UPDATE
        +45s
        us -> peer    UPDATE
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

/// A line that is down for a while, or a connection that is gone: the session stays, and so does what was
/// agreed; whoever stays out of reach is given up when the session timer ends.
#[test]
fn what_cannot_be_carried_does_not_end_a_session() {
    talking(
        "
        user -> us    reoffer sdp:c
        us -> peer    INVITE sdp:c
        no transport for INVITE
        us -> user    reoffer refused 503
        user -> us    info 1
        us -> peer    INFO
        no transport for INFO
        us -> user    info 1 answered 408
        user -> us    reoffer sdp:e
        us -> peer    INVITE sdp:e
        peer -> us    200 sdp:f
        us -> peer    ACK
        us -> user    reoffer answered sdp:f
    ",
    );
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b timer=90;refresher=uac
        us -> peer    ACK
        us -> user    answered sdp:b
        +45s
        us -> peer    UPDATE
        no transport for UPDATE
        +22500ms      # half of what is left
        us -> peer    UPDATE
        peer -> us    200 for UPDATE timer=90;refresher=uac
        us -> user    refreshed
        +45s
        us -> peer    UPDATE
        no transport for UPDATE
        +22500ms
        us -> peer    UPDATE
        no transport for UPDATE
        +11250ms
        us -> peer    UPDATE
        no transport for UPDATE
        +5625ms
        us -> peer    UPDATE
        no transport for UPDATE
        +5625ms
        us -> peer    BYE reason
        us -> user    ended Connection lost by Timer
        no transport for BYE
        over
    ",
    );
}

/// A peer whose BYE was lost has forgotten us, and says so when it is asked.
#[test]
fn a_lost_bye_is_noticed_at_the_next_refresh() {
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b no update
        us -> peer    ACK
        us -> user    answered sdp:b
        +900s
        us -> peer    INVITE sdp:a
        peer -> us    481
        us -> peer    BYE reason
        us -> user    ended Connection lost by Peer
        peer -> us    481 for BYE
        +32s
        over
    ",
    );
    play(
        "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b no update
        us -> peer    ACK
        us -> user    answered sdp:b
        +900s
        us -> peer    INVITE sdp:a
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
fn a_refresh_with_nothing_to_repeat_is_acknowledged_all_the_same() {
    play(
        "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept          # a control dialog may do without
        us -> peer    200
        peer -> us    ACK
        us -> user    confirmed
        +900s
        us -> peer    UPDATE
        peer -> us    405 for UPDATE
        us -> peer    INVITE
        peer -> us    200 sdp:x
        us -> peer    ACK
        us -> user    refreshed
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
        peer -> us    REFER to sip:3002@example.com;method=BYE
        us -> peer    603 for REFER
        peer -> us    REFER to sip:3002@example.com;method=INVITE
        us -> user    referred to sip:3002@example.com;method=INVITE
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

/// Whoever brings a request from elsewhere has let the phone prove itself.
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
    let mut testbed = Testbed::new();
    ladder::play(&mut testbed, &format!("{TALKING} user -> us info 1\nus -> peer INFO\n"));
    let info = testbed.asked.last().unwrap().1.clone();
    let headers = &info.headers;
    let (call_id, ours) = (headers.call_id().unwrap(), headers.from_tag().unwrap());
    assert_eq!(testbed.machine.find_replaces(call_id, ours, "peer"), Some(LegId(1)));
    assert_eq!(testbed.machine.find_replaces(call_id, ours, "other"), None);
    assert_eq!(testbed.machine.find_replaces("other", ours, "peer"), None);
    testbed.command(Instant::START, Command::End { reason: None });
    assert_eq!(testbed.machine.find_replaces(call_id, ours, "peer"), None);
}
