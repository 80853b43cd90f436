//! Ladders of one leg, or of two that the switchboard joins: SIP with the phones on the left, the
//! switchboard's words (`do`), the leg's events (`=`) and the relay's commands (`~`).
//!
//! Lines that begin with `do`, `relay` or `NAME ->` are played, all others must come out in order.
//! A ladder without `~` lines leaves the relay's commands out. SDP stands in short: sections
//! separated by `;`, each with its port, its formats and its attributes.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may panic.

use cordboard::cause::Cause;
use cordboard::codec::{Codec, Kind};
use cordboard::dialog::{self, ClientTx, ServerTx};
use cordboard::dtls::Fingerprint;
use cordboard::ids::{CallId, ConnectionId, LegId, PortId};
use cordboard::leg::{
    CodecChoice, Command, Effect, Event, IdentityPrivacy, Input, InviteRefusal, LegHealth,
    LegSenses, LegSource, Machine, OfferedCodecs, OfferedSecurity, OutgoingLeg, Party, Settings,
};
use cordboard::media;
use cordboard::random::Random;
use cordboard::sdp;
use cordboard::sip::{
    self, Destination, Flow, HeaderName, Message, Request, Response, StatusCode, Transport, Uri,
};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

#[path = "leg/handshakes.rs"]
mod handshakes;
mod written;

#[test]
fn a_caller_is_answered_with_one_codec_of_each_kind() {
    ladder("
        a -> INVITE audio 4000 96:opus/48000/2 8 0 101:telephone-event/8000; video 4002 98:VP8/90000 97:H264/90000
        = offered a audio video
        do progress a 182
        a <- 182
        do answer a
        ~ open 20000 audio PCMA telephone-event to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=silence
        a <- 200 audio 20000 8:PCMA 101:telephone-event; video 20002 97:H264
        a -> ACK
        = confirmed a PCMA H264
        do listen a=hold
        ~ patch 20000=hold 20002=hold
        a -> BYE
        a <- 200
        ~ close 20000
        ~ close 20002
        = ended a by Peer NormalClearing
    ");
}

#[test]
fn both_legs_of_a_conversation_are_put_back_again_and_again() {
    let script = "
        a -> INVITE audio 4000 0
        do call b for a
        b -> 200 audio 5000 0
        do answer a like b
        a -> ACK
        do listen a=b b=a
        a -> INVITE audio 4000 0 a=inactive
        a -> ACK
        ";
    let mut ladder = Ladder::new(script);
    ladder.saves = true;
    ladder.play_all(script);
    assert!(ladder.put_back >= 8, "{}", ladder.put_back);
}

#[test]
fn a_leg_that_is_recorded_is_so_with_each_of_its_streams() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        do record a
        ~ record 20000 call-17
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        a <- 200 v2 audio 20000 0:PCMU; video 20002 97:H264
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ record 20002 call-17
        = changed a PCMU H264
        a -> ACK
        do record a no longer
        ~ record 20000 no longer
        ~ record 20002 no longer
    ",
    );
}

#[test]
fn the_melody_plays_on_while_the_position_on_the_picture_changes() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do listen a=second
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=hold 20002=position(2)
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        do listen a=first
        ~ patch 20002=position(1)
        do listen a=first
        do listen a=hold
        ~ patch 20002=hold
    ",
    );
}

#[test]
fn the_operators_codecs_are_preferred_in_the_callers_order() {
    ladder(
        "
        a -> INVITE audio 4000 0 9 96:opus/48000/2
        = offered a audio
        do answer a prefer opus g722
        a <- 200 audio 20000 9:G722
    ",
    );
}

// ---- SRTP (RFC 4568) ----

#[test]
fn a_phone_that_offers_keys_is_answered_with_ours_and_its_partner_may_speak_in_clear() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP key=A 0; video 4002 SAVP key=B 97:H264/90000
        = offered a audio video sealed
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 sealed
        ~ open 20002 video H264 to 192.0.2.10:4002 sealed
        ~ patch 20000=silence
        a <- 200 audio 20000 SAVP 0:PCMU; video 20002 SAVP 97:H264
        a -> ACK
        = confirmed a PCMU H264
        do call b for a
        b <- INVITE audio 20004 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20006 97:H264 96:H264 99:VP8 OLD-PICTURES
    ",
    );
}

#[test]
fn of_a_stream_offered_twice_the_sealed_one_is_taken() {
    ladder(
        "
        a -> INVITE audio 4000 0; audio 4002 SAVP key=A 0
        = offered a audio sealed
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4002 sealed
        ~ patch 20000=silence
        a <- 200 audio 0; audio 20000 SAVP 0:PCMU
    ",
    );
}

#[test]
fn the_same_key_in_a_re_invite_is_answered_by_the_same_and_a_new_one_is_followed() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP key=A 0
        = offered a audio sealed
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 sealed
        ~ patch 20000=silence
        a <- 200 audio 20000 SAVP 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> INVITE audio 4000 SAVP key=A 0
        a <- 200 audio 20000 SAVP 0:PCMU
        a -> ACK
        a -> INVITE audio 4000 SAVP key=C 0
        a <- 200 audio 20000 SAVP 0:PCMU
        ~ update 20000 PCMU to 192.0.2.10:4000 sealed
    ",
    );
}

/// The relay is told of the update since the keys are others: nothing else has changed.
#[test]
fn new_keys_are_given_by_one_re_invite_that_changes_nothing_else() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP key=A 0
        = offered a audio sealed
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 sealed
        ~ patch 20000=silence
        a <- 200 audio 20000 SAVP 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        do rekey a
        a <- INVITE v2 audio 20000 SAVP 0:PCMU
        a -> 200 audio 4000 SAVP key=A 0
        a <- ACK
        ~ update 20000 PCMU to 192.0.2.10:4000 sealed
        = aligned a PCMU -
    ",
    );
}

#[test]
fn a_key_with_a_name_is_answered_by_one_of_the_same_name() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP key=A|1:4 0
        = offered a audio sealed
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 sealed
        ~ patch 20000=silence
        a <- 200 audio 20000 SAVP mki=1:4 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> INVITE audio 4000 SAVP key=A|1:4 0
        a <- 200 audio 20000 SAVP mki=1:4 0:PCMU    # the same key, all stays
        a -> ACK
        a -> INVITE audio 4000 SAVP key=A 0
        a <- 200 v2 audio 20000 SAVP 0:PCMU
        ~ update 20000 PCMU to 192.0.2.10:4000 sealed
    ",
    );
    ladder(
        "
        a -> INVITE audio 4000 SAVP key=A|1:99 0    # longer than we take
        = offered a NoCommonKeys
    ",
    );
}

#[test]
fn what_began_sealed_never_goes_on_in_clear() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP key=A 0
        = offered a audio sealed
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 sealed
        ~ patch 20000=silence
        a <- 200 audio 20000 SAVP 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> INVITE audio 4000 0
        a <- 488
    ",
    );
}

#[test]
fn a_phone_that_has_to_is_offered_nothing_in_clear_and_its_clear_answer_is_none() {
    ladder("
        do call b sealed
        b <- INVITE audio 20000 SAVP 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20002 SAVP 97:H264 98:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 SAVP key=A 8
        b <- ACK
        ~ open 20000 audio PCMA to 192.0.2.11:5000 sealed
        ~ patch 20000=silence
        = answered b PCMA -
    ");
    ladder("
        do call b sealed
        b <- INVITE audio 20000 SAVP 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20002 SAVP 97:H264 98:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 8
        b <- ACK
        = refused b 488 NoCommonCodec
        b <- BYE
        = ended b by Us NoCommonCodec
    ");
}

#[test]
fn a_phone_is_answered_with_the_suite_that_it_offers() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP gcm-key=A 0
        = offered a audio sealed
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 sealed
        ~ patch 20000=silence
        a <- 200 audio 20000 SAVP AEAD_AES_128_GCM 0:PCMU
        a -> ACK
        = confirmed a PCMU -
    ",
    );
}

// ---- ICE (RFC 8445, RFC 8839) ----

/// The first offer is of a phone that does not wait for its addresses.
#[test]
fn a_phone_that_checks_its_ways_is_told_ours_and_is_not_held_for_naming_none() {
    ladder(
        "
        a -> INVITE c=0audio 9 ice=A 0
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU to nowhere checked
        ~ patch 20000=silence
        a <- 200 audio 20000 ice=EV at 192.0.2.1:20000,192.0.2.1:20001 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> INVITE audio 4000 ice=A mux 0
        a <- 200 v2 audio 20000 mux ice=EV at 192.0.2.1:20000 0:PCMU
        ~ update 20000 PCMU to 192.0.2.10:4000 checked
        a -> ACK
        a -> INVITE audio 4000 ice=B mux 0
        a <- 200 v3 audio 20000 mux ice=S7 at 192.0.2.1:20000 0:PCMU
        ~ update 20000 PCMU to 192.0.2.10:4000 checked
        a -> ACK
        a -> INVITE audio 4000 0
        a <- 200 v4 audio 20000 0:PCMU
        ~ update 20000 PCMU to 192.0.2.10:4000
        a -> ACK
    ",
    );
}

/// Its network may be another, which reaches us by another address of ours. What only changes asks for nothing new.
#[test]
fn who_begins_its_checks_anew_is_told_the_address_that_it_reaches_now() {
    ladder(
        "
        both families
        a -> INVITE audio 4000 ice=A mux 0
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 checked
        ~ patch 20000=silence
        a <- 200 audio 20000 mux ice=EV at 192.0.2.1:20000,2001:db8::1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        by a 192.0.2.7
        a -> INVITE audio 4000 ice=A mux 0
        = moved a 192.0.2.10:5060
        a <- 200 audio 20000 mux ice=EV at 192.0.2.1:20000,2001:db8::1:20000 0:PCMU
        a -> ACK
        a -> INVITE audio 4000 ice=B mux 0
        a <- 200 v2 audio 20000 mux ice=S7 at 192.0.2.7:20000,2001:db8::1:20000 0:PCMU
        ~ update 20000 PCMU to 192.0.2.10:4000 checked
        a -> ACK
    ",
    );
}

#[test]
fn who_is_lite_as_we_are_is_answered_without() {
    ladder(
        "
        a -> INVITE audio 4000 lite ice=A 0
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU
    ",
    );
}

#[test]
fn an_answer_with_a_suite_that_was_not_offered_is_none() {
    ladder("
        do call b sealed
        b <- INVITE audio 20000 SAVP 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20002 SAVP 97:H264 98:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 SAVP short-key=A 8
        b <- ACK
        = refused b 488 NoCommonCodec
        b <- BYE
        = ended b by Us NoCommonCodec
    ");
}

#[test]
fn keys_that_cannot_be_used_are_no_stream() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP 0
        = offered a NoCommonKeys
        do answer a
        a <- 488
        = ended a by Us NoCommonCodec
    ",
    );
}

#[test]
fn early_media_are_repeated_byte_for_byte() {
    ladder(
        "
        a -> INVITE audio 4000 0 8
        = offered a audio
        do progress a 183 media
        a <- 183 audio 20000 0:PCMU
        do progress a 182
        a <- 182 audio 20000 0:PCMU
        do progress a 182 media prefer pcma
        a <- 182 audio 20000 0:PCMU
        do answer a prefer pcma
        a <- 200 audio 20000 0:PCMU
    ",
    );
}

#[test]
fn a_caller_without_sdp_gets_our_offer_in_the_200() {
    ladder(
        "
        a -> INVITE
        = offered a late
        do progress a 183 media
        a <- 183
        do answer a
        a <- 200 EVERYTHING
        a -> ACK audio 4000 9; video 0 97
        ~ open 20000 audio G722 to 192.0.2.10:4000
        ~ patch 20000=silence
        = confirmed a G722 -
    ",
    );
}

#[test]
fn an_ack_without_the_answer_that_it_owes_ends_the_call() {
    ladder(
        "
        a -> INVITE
        = offered a late
        do answer a
        a <- 200 EVERYTHING
        a -> ACK
        a <- BYE
        = ended a by Us ProtocolError
    ",
    );
}

#[test]
fn a_caller_that_we_cannot_hear_is_refused_when_it_is_answered() {
    ladder(
        "
        a -> INVITE audio 4000 101:telephone-event/8000; video 4002 97:H264/90000
        = offered a video NoCommonCodec
        do answer a
        a <- 488
        = ended a by Us NoCommonCodec
    ",
    );
}

/// RFC 5621: carriers put ISUP or a location beside it.
#[test]
fn a_description_is_found_in_every_message_that_has_more() {
    ladder(
        "
        a -> INVITE multipart audio 4000 0
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU
        a -> ACK multipart
        = confirmed a PCMU -
        a -> INVITE multipart audio 4000 0 8 a=sendonly
        a <- 200 v2 audio 20000 0:PCMU a=recvonly
        = held a true false
        a -> ACK
        a -> UPDATE multipart audio 4000 0 8
        a <- 200 v3 audio 20000 0:PCMU
        = held a false false
        a -> UPDATE multipart
        a <- 200
        a -> INVITE multipart
        a <- 200 v4 audio 20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
        a -> ACK multipart audio 4000 0
        a -> INVITE multipart-required audio 4000 0
        a <- 415
    ",
    );
    ladder(
        "
        a -> INVITE Supported:100rel multipart
        = offered a late
        do progress a 183 media
        a <- 183 EVERYTHING
        a -> PRACK multipart audio 4000 8
        a <- 200
        do answer a
        a <- 200
        a -> ACK
        = confirmed a PCMA -
    ",
    );
    ladder("a -> INVITE multipart-required audio 4000 0\na <- 415");
    ladder("a -> INVITE Content-Encoding:gzip audio 4000 0\na <- 415");
}

#[test]
fn a_callee_may_answer_in_company() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 multipart audio 5000 8
        ~ open 20000 audio PCMA to 192.0.2.11:5000
        ~ patch 20000=silence
        = ringing b 183
        b -> 200 multipart audio 5000 8
        b <- ACK
        = answered b PCMA -
    ",
    );
    // What a response has besides cannot be refused.
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 180 multipart
        = ringing b 180
        b -> 180 text/plain
        = ringing b 180
        b -> 200 multipart-required audio 5000 8
        b <- ACK
        = refused b 488 NoCommonCodec
        b <- BYE
        = ended b by Us NoCommonCodec
    ",
    );
}

#[test]
fn an_offer_that_nobody_can_answer_shows_why() {
    for (offer, why) in [
        ("audio 0 0 8; video 0 97:H264/90000", "NoMedia"),
        ("text 4004 98:t140/1000", "NoMedia"),
        ("audio 4000 UDP/TLS/RTP/SAVPF 0", "NoCommonTransport"),
        ("audio 4000 TCP/RTP/AVP 0", "NoCommonTransport"),
        ("audio 4000 SAVP 0", "NoCommonKeys"),
        ("audio 4000 SAVP foreign-key 0", "NoCommonKeys"),
        ("audio 4000 c=6 0", "NoCommonAddress"),
        ("audio 4000 101:telephone-event/8000", "NoCommonCodec"),
        // Of several sections the one that came nearest says it.
        ("audio 0 0; audio 4000 UDP/TLS/RTP/SAVPF 0; audio 4002 13", "NoCommonCodec"),
    ] {
        ladder(&format!("a -> INVITE {offer}\n= offered a {why}"));
    }
    // What one line lacks another may have; a picture out of reach leaves the sound alone.
    ladder(
        "
        a -> INVITE audio 4000 UDP/TLS/RTP/SAVPF 0; audio 4002 0; video 4004 97:H264/90000 c=6
        = offered a audio
        do answer a
        a <- 200 audio 0; audio 20000 0:PCMU; video 0
    ",
    );
}

#[test]
fn a_hold_by_the_address_of_the_other_family_is_none_of_its_media() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> INVITE audio 4000 0 c=nowhere6
        a <- 200 v2 audio 20000 0:PCMU a=recvonly
        = held a true false
        a -> ACK
        a -> INVITE audio 4000 0 c=6
        a <- 488
    ",
    );
}

#[test]
fn a_body_that_is_no_sdp_never_shows() {
    ladder(
        "
        a -> INVITE text/plain
        a <- 415
    ",
    );
    ladder(
        "
        b -> INVITE broken
        b <- 400
    ",
    );
}

#[test]
fn a_direct_call_settles_the_caller_by_its_callee() {
    ladder(
        "
        a -> INVITE audio 4000 8 0 9; video 4002 97:H264/90000 98:VP8/90000
        = offered a audio video
        do call b for a
        b <- INVITE audio 20000 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20002 97:H264 98:VP8 96:H264 OLD-PICTURES
        b -> 180
        = ringing b 180
        do progress a 180
        a <- 180
        b -> 200 audio 5000 9; video 5002 98:VP8/90000
        b <- ACK
        ~ open 20000 audio G722 to 192.0.2.11:5000
        ~ open 20002 video VP8 to 192.0.2.11:5002
        ~ patch 20000=silence
        = answered b G722 VP8
        do answer a like b
        ~ open 20004 audio G722 to 192.0.2.10:4000
        ~ open 20006 video VP8 to 192.0.2.10:4002
        ~ patch 20004=silence
        a <- 200 audio 20004 9:G722; video 20006 98:VP8
        a -> ACK
        = confirmed a G722 VP8
        do listen a=b b=a
        ~ patch 20004=20000 20006=20002 20000=20004 20002=20006
    ",
    );
}

#[test]
fn encrypted_media_are_refused_for_now() {
    ladder(
        "
        a -> INVITE audio 4000 SAVP 0
        = offered a NoCommonKeys
        do answer a
        a <- 488
        = ended a by Us NoCommonCodec
    ",
    );
    ladder(
        "
        b -> INVITE audio 4000 0; video 4002 SAVP 97:H264/90000; text 4004 98:t140/1000
        = offered b audio
        do answer b
        b <- 200 audio 20000 0:PCMU; video 0; text 0
    ",
    );
}

#[test]
fn a_partner_without_pictures_leaves_the_callers_camera_off() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do call b for a
        b <- INVITE audio 20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20002 97:H264 96:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 0; video 0 97
        b <- ACK
        ~ open 20000 audio PCMU to 192.0.2.11:5000
        ~ patch 20000=silence
        = answered b PCMU -
        do answer a like b
        ~ open 20004 audio PCMU to 192.0.2.10:4000
        ~ patch 20004=silence
        a <- 200 audio 20004 0:PCMU; video 0
    ",
    );
}

#[test]
fn the_partner_of_an_answered_caller_is_offered_its_codecs_first() {
    ladder(
        "
        a -> INVITE audio 4000 0 8 9 101:telephone-event/8000; video 4002 98:VP8/90000
        = offered a audio video
        do answer a
        a <- 200 audio 20000 0:PCMU 101:telephone-event; video 20002 98:VP8
        a -> ACK
        = confirmed a PCMU VP8
        do call b for a
        b <- INVITE audio 20004 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20006 98:VP8 97:H264 96:H264 OLD-PICTURES
        b -> 488
        = refused b 488 NoCommonCodec
        = ended b by Peer NoCommonCodec
    ",
    );
}

/// Where all hold one codec no switch changes what a leg gets: the one that the caller was answered with,
/// whatever an answer has before it.
#[test]
fn of_several_codecs_in_an_answer_the_one_that_the_others_speak_is_sent() {
    ladder(
        "
        a -> INVITE audio 4000 8 0 9
        = offered a audio
        do answer a
        ~ open 20000 audio PCMA to 192.0.2.10:4000
        ~ patch 20000=silence
        a <- 200 audio 20000 8:PCMA
        a -> ACK
        = confirmed a PCMA -
        do call b for a
        b <- INVITE audio 20002 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND
        b -> 200 audio 5000 9 0 8
        b <- ACK
        ~ open 20002 audio PCMA G722 PCMU to 192.0.2.11:5000
        ~ patch 20002=silence
        = answered b PCMA -
        do call c for b
        c <- INVITE audio 20004 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND
        c -> 200 audio 6000 0 9
        c <- ACK
        ~ open 20004 audio PCMU G722 to 192.0.2.12:6000
        ~ patch 20004=silence
        = answered c PCMU -
    ",
    );
}

#[test]
fn an_answer_without_our_codec_is_hung_up_and_reported() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 200 audio 5000 99:iLBC/8000; video 5002 97:H264/90000
        b <- ACK
        = refused b 488 NoCommonCodec
        b <- BYE
        = ended b by Us NoCommonCodec
        b -> 200
    ",
    );
}

/// Two who speak with their hands, and between them a phone that has sound, too.
#[test]
fn who_wants_no_sound_is_served_by_pictures() {
    for (sections, answer) in [
        ("video 4002 97:H264/90000", "video 20000 97:H264"),
        ("audio 0 0; video 4002 97:H264/90000", "audio 0; video 20000 97:H264"),
    ] {
        let no_sound = sections.replace("video 4002 97:H264/90000", "");
        ladder(&format!(
            "
        a -> INVITE {sections}
        = offered a video
        do answer a
        ~ open 20000 video H264 to 192.0.2.10:4002
        a <- 200 {answer}
        a -> ACK
        = confirmed a - H264
        do listen a=hold
        ~ patch 20000=hold
        do call b for a
        b <- INVITE audio 20002 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20004 97:H264 96:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 8; video 5002 97:H264/90000
        b <- ACK
        ~ open 20002 audio PCMA to 192.0.2.11:5000
        ~ open 20004 video H264 to 192.0.2.11:5002
        ~ patch 20002=silence
        = answered b PCMA H264
        do listen a=b b=a
        ~ patch 20000=20004 20004=20000
        do align a b
        = aligned a - H264
        do align b a
        = aligned b PCMA H264
        do watch a
        ~ watch 20000 true
        relay health 20000 video ok 0
        = health a dialog true audio Absent video Ok hold false
        a -> INVITE {no_sound}video 4002 97:H264/90000 a=inactive
        a <- 200 v2 {answer} a=inactive
        ~ update 20000 H264 to 192.0.2.10:4002 inactive
        ~ patch 20002=hold 20004=hold
        = held a true true
        a -> ACK
        relay health 20000 video ok 0
        = health a dialog true audio Absent video Absent hold true
    "
        ));
    }
}

#[test]
fn a_callee_may_want_no_sound() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 audio 0 8; video 5002 97:H264/90000
        = ringing b 183
        b -> 200 audio 0 8; video 5002 97:H264/90000
        b <- ACK
        = answered b - H264
        do call c for b
        c <- INVITE audio 20004 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20006 97:H264 96:H264 99:VP8 OLD-PICTURES
    ",
    );
}

#[test]
fn a_late_offer_may_be_answered_without_sound() {
    ladder(
        "
        a -> INVITE
        = offered a late
        do answer a
        a <- 200 EVERYTHING
        a -> ACK audio 0 8; video 4002 97:H264/90000
        = confirmed a - H264
        a -> INVITE
        a <- 200 v2 audio 0; video 20002 97:H264 98:H264 99:VP8 OLD-PICTURES
    ",
    );
}

#[test]
fn who_refuses_a_foreign_sound_alone_wants_another_one() {
    ladder(
        "
        a -> INVITE audio 4000 99:iLBC/8000; video 4002 97:H264/90000
        = offered a audio video inconvertible
        do call b for a
        b <- INVITE audio 20000 99:iLBC 101:telephone-event; video 20002 97:H264 96:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 0 99; video 5002 97:H264/90000
        b <- ACK
        = refused b 488 NoCommonCodec
        b <- BYE
        = ended b by Us NoCommonCodec
        b -> 200
    ",
    );
}

/// What cannot be seen is no picture: the other has nothing of the call.
#[test]
fn who_wants_no_sound_gets_pictures_or_a_refusal() {
    ladder(
        "
        a -> INVITE video 4002 98:VP9/90000         # which nobody converts
        = offered a video inconvertible
    ",
    );
    ladder(
        "
        a -> INVITE audio 0 0; video 4002 99:rtx/90000
        = offered a NoCommonCodec
    ",
    );
    ladder(
        "
        a -> INVITE audio 4000 99:rtx/90000; video 4002 97:H264/90000
        = offered a video NoCommonCodec             # a sound was wanted
    ",
    );
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 200 audio 5000 8
        b <- ACK
        = answered b PCMA -
        a -> INVITE video 4002 97:H264/90000
        = offered a video
        do answer a like b
        a <- 488
        = ended a by Us NoCommonCodec
    ",
    );
}

#[test]
fn early_media_come_from_the_branch_that_began_last_and_count_when_packets_come() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 audio 5000 8
        ~ open 20000 audio PCMA to 192.0.2.11:5000
        ~ patch 20000=silence
        = ringing b 183
        b -> 183 tag=other audio 6000 0
        ~ update 20000 PCMU to 192.0.2.11:6000
        = ringing b 183
        relay first 20000
        = early media b
        relay first 20000
        b -> 183 audio 5000 8
        = ringing b 183
        b -> 200 tag=other audio 6000 0
        b <- ACK
        = answered b PCMU -
    ",
    );
    // Whoever answers is heard, also with the answer that it gave before.
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 audio 5000 8
        ~ open 20000 audio PCMA to 192.0.2.11:5000
        ~ patch 20000=silence
        = ringing b 183
        b -> 183 tag=other audio 6000 0
        ~ update 20000 PCMU to 192.0.2.11:6000
        = ringing b 183
        b -> 200
        b <- ACK
        ~ update 20000 PCMA to 192.0.2.11:5000
        = answered b PCMA -
    ",
    );
}

#[test]
fn a_branch_that_is_gone_gets_nothing_and_answers_for_nobody() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 audio 5000 8
        ~ open 20000 audio PCMA to 192.0.2.11:5000
        ~ patch 20000=silence
        = ringing b 183
        b -> 180 tag=other
        = ringing b 180
        b -> BYE
        b <- 200
        ~ update 20000 PCMA to nowhere inactive
        b -> 200 tag=other audio 6000 0
        b <- ACK
        ~ update 20000 PCMU to 192.0.2.11:6000
        = answered b PCMU -
    ",
    );
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 audio 5000 8
        = ringing b 183
        b -> 180 tag=other
        = ringing b 180
        b -> BYE
        b <- 200
        b -> 200 tag=other
        b <- ACK
        = refused b 488 NoCommonCodec
        b <- BYE
        = ended b by Us NoCommonCodec
    ",
    );
}

/// Local ring-back unless packets really come (media-rules 14), and of the branch that is heard now.
#[test]
fn a_branch_that_is_gone_or_followed_by_another_is_heard_no_longer() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 audio 5000 8
        ~ open 20000 audio PCMA to 192.0.2.11:5000
        ~ patch 20000=silence
        = ringing b 183
        relay latched 20000
        = early media b
        relay first 20000
        b -> 180 tag=other
        = ringing b 180
        b -> BYE
        b <- 200
        ~ update 20000 PCMA to nowhere inactive
        = early media b over
        b -> 183 tag=other audio 6000 0
        ~ update 20000 PCMU to 192.0.2.11:6000
        = ringing b 183
        relay latched 20000
        = early media b
        b -> 183 tag=third audio 7000 0
        ~ update 20000 PCMU to 192.0.2.11:7000
        = early media b over
        = ringing b 183
        b -> 200 tag=third audio 7000 0
        b <- ACK
        = answered b PCMU -
        relay latched 20000
    ",
    );
    // Another branch that plays from the same place is what was heard all the time.
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 audio 5000 8
        = ringing b 183
        relay first 20000
        = early media b
        b -> 183 tag=other audio 5000 8
        = ringing b 183
        b -> BYE
        b <- 200
    ",
    );
}

/// The codec in use is that of the branch that offers, not of the one that rang last.
#[test]
fn an_update_before_the_answer_is_of_the_branch_that_sends_it() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 Require:100rel RSeq:1 audio 5000 8
        b <- PRACK
        = ringing b 183
        b -> 200
        b -> 183 tag=other audio 6000 0
        = ringing b 183
        b -> UPDATE audio 5000 0 8
        b <- 200 v2 audio 20000 8:PCMA
        = changed b PCMA -
    ",
    );
}

#[test]
fn a_reliable_answer_needs_none_in_the_200() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 183 Require:100rel RSeq:1 audio 5000 8
        b <- PRACK
        = ringing b 183
        b -> 200
        b -> 200
        b <- ACK
        = answered b PCMA -
    ",
    );
    ladder(
        "
        do call c
        c <- INVITE EVERYTHING
        c -> 200
        c <- ACK
        = refused c 488 NoCommonCodec
        c <- BYE
        = ended c by Us NoCommonCodec
        c -> 200
    ",
    );
}

#[test]
fn a_late_offer_goes_out_once_in_a_reliable_183() {
    ladder(
        "
        a -> INVITE Supported:100rel
        = offered a late
        do progress a 183 media
        a <- 183 EVERYTHING
        a -> PRACK audio 4000 8
        a <- 200
        ~ open 20000 audio PCMA to 192.0.2.10:4000
        ~ patch 20000=silence
        do progress a 182
        a <- 182
        do answer a
        a <- 200
        a -> ACK
        = confirmed a PCMA -
    ",
    );
}

#[test]
fn an_update_before_the_answer_is_the_last_word() {
    ladder(
        "
        a -> INVITE Supported:100rel audio 4000 0 8
        = offered a audio
        do progress a 183 media
        a <- 183 audio 20000 0:PCMU
        a -> PRACK
        a <- 200
        a -> UPDATE audio 4000 8
        a <- 200 v2 audio 20000 8:PCMA
        = changed a PCMA -
        do progress a 182
        a <- 182
        do answer a
        a <- 200
        a -> ACK
        = confirmed a PCMA -
    ",
    );
}

#[test]
fn a_phones_own_hold_is_answered_here_and_goes_nowhere_else() {
    let call = "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        a -> ACK
        = confirmed a PCMU H264
        do call b for a
        b <- INVITE audio 20004 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20006 97:H264 96:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 0; video 5002 97:H264/90000
        b <- ACK
        ~ open 20004 audio PCMU to 192.0.2.11:5000
        ~ open 20006 video H264 to 192.0.2.11:5002
        ~ patch 20004=silence
        = answered b PCMU H264
        do listen a=b b=a
        ~ patch 20000=20004 20002=20006 20004=20000 20006=20002
    ";
    let hold = "
        a -> INVITE audio 4000 0 a=sendonly; video 4002 97:H264/90000 a=inactive
        a <- 200 v2 audio 20000 0:PCMU a=recvonly; video 20002 97:H264 a=inactive
        ~ update 20000 PCMU to 192.0.2.10:4000 recvonly
        ~ update 20002 H264 to 192.0.2.10:4002 inactive
        ~ patch 20004=hold 20006=hold
        = held a true true
        a -> ACK
        a -> UPDATE audio 4000 0; video 4002 97:H264/90000
        a <- 200 v3 audio 20000 0:PCMU; video 20002 97:H264
        ~ update 20000 PCMU to 192.0.2.10:4000
        ~ update 20002 H264 to 192.0.2.10:4002
        ~ patch 20004=20000 20006=20002
        ~ key-frame 20006
        ~ key-frame 20002
        = held a false false
    ";
    ladder(&format!("{call}{hold}"));
    let by_address = "
        a -> INVITE c=0 audio 4000 0; video 4002 97:H264/90000
        a <- 200 v2 audio 20000 0:PCMU a=recvonly; video 20002 97:H264 a=recvonly
        ~ update 20000 PCMU to nowhere recvonly
        ~ update 20002 H264 to nowhere recvonly
        ~ patch 20004=hold 20006=hold
        = held a true true
    ";
    ladder(&format!("{call}{by_address}"));
    let sound_alone = "
        a -> INVITE audio 4000 0 a=inactive; video 4002 97:H264/90000
        a <- 200 v2 audio 20000 0:PCMU a=inactive; video 20002 97:H264
        ~ update 20000 PCMU to 192.0.2.10:4000 inactive
        ~ patch 20004=hold                          # and not its picture
        = held a true false
        a -> ACK
        a -> INVITE audio 4000 0 a=sendonly; video 4002 97:H264/90000 a=recvonly
        a <- 200 v3 audio 20000 0:PCMU a=recvonly; video 20002 97:H264 a=sendonly
        ~ update 20000 PCMU to 192.0.2.10:4000 recvonly
        ~ update 20002 H264 to 192.0.2.10:4002 sendonly
        ~ patch 20006=hold
    ";
    ladder(&format!("{call}{sound_alone}"));
    let picture_alone = "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000 a=inactive
        a <- 200 v2 audio 20000 0:PCMU; video 20002 97:H264 a=inactive
        ~ update 20002 H264 to 192.0.2.10:4002 inactive
        ~ patch 20006=soundonly                     # and not its voice
        = held a false true
        a -> ACK
        a -> INVITE audio 4000 0; video 4002 97:H264/90000 a=sendonly
        a <- 200 v3 audio 20000 0:PCMU; video 20002 97:H264 a=recvonly
        ~ update 20002 H264 to 192.0.2.10:4002 recvonly
        ~ patch 20006=20002                         # a camera at a door wants no picture back
    ";
    ladder(&format!("{call}{picture_alone}"));
}

#[test]
fn a_phone_may_change_its_codec_and_drop_its_picture() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        a -> ACK
        = confirmed a PCMU H264
        a -> INVITE audio 4000 8 9; video 0 97
        a <- 200 v2 audio 20000 8:PCMA; video 0
        ~ update 20000 PCMA to 192.0.2.10:4000
        ~ close 20002
        = changed a PCMA -
        a -> ACK
        a -> INVITE audio 4000 9 8; video 4002 97:H264/90000
        a <- 200 v3 audio 20000 8:PCMA; video 20004 97:H264
        ~ open 20004 video H264 to 192.0.2.10:4002
        = changed a PCMA H264
    ",
    );
}

#[test]
fn a_new_offer_that_cannot_be_met_changes_nothing() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> INVITE audio 4000 SAVP 0
        a <- 488
        a -> ACK
        a -> UPDATE broken
        a <- 400
        a -> INVITE audio 4000 0
        a <- 200 audio 20000 0:PCMU
    ",
    );
}

#[test]
fn a_re_invite_without_sdp_gets_what_is_in_use_first_and_then_all_the_rest() {
    ladder(
        "
        a -> INVITE audio 4000 0 101:telephone-event/8000; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        a <- 200 audio 20000 0:PCMU 101:telephone-event; video 20002 97:H264
        a -> ACK
        = confirmed a PCMU H264
        a -> INVITE audio 4000 0 101:telephone-event/8000 a=sendonly; video 4002 97:H264/90000
        a <- 200 v2 audio 20000 0:PCMU 101:telephone-event a=recvonly; video 20002 97:H264
        = held a true false
        a -> ACK
        a -> INVITE
        a <- 200 v3 audio 20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20002 97:H264 96:H264 99:VP8 OLD-PICTURES
        a -> ACK audio 4100 0 101:telephone-event/8000; video 0 97
        = changed a PCMU -
        = held a false false
        a -> INVITE
        a <- 200 v4 audio 20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 0
        a -> ACK audio 4100 8; video 0 97
        = changed a PCMA -
    ",
    );
}

#[test]
fn a_codec_that_nobody_converts_is_offered_again_alone() {
    ladder(
        "
        a -> INVITE audio 4000 99:iLBC/8000; video 4002 98:VP9/90000
        = offered a audio video inconvertible
        do answer a
        a <- 200 audio 20000 99:iLBC; video 20002 98:VP9
        a -> ACK
        = confirmed a iLBC VP9
        a -> INVITE
        a <- 200 v2 audio 20000 99:iLBC 101:telephone-event; video 20002 98:VP9
    ",
    );
}

#[test]
fn of_two_pictures_the_one_that_can_be_converted_is_taken() {
    ladder(
        "
        a -> INVITE audio 4000 98:AMR/8000 8; video 4002 98:VP9/90000; video 4004 99:JPEG/90000 97:H264/90000
        = offered a audio video
        do answer a prefer vp9 amr
        a <- 200 audio 20000 8:PCMA; video 0; video 20002 97:H264
    ",
    );
}

#[test]
fn a_late_offer_in_a_direct_call_has_more_than_the_callees_codec() {
    ladder(
        "
        a -> INVITE
        = offered a late
        do call b without-sdp
        b <- INVITE
        b -> 200 audio 5000 9 0
        b <- ACK audio 20000 0:PCMU
        = answered b PCMU -
        do answer a like b
        a <- 200 audio 20002 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
        a -> ACK audio 4000 8
        = confirmed a PCMA -
    ",
    );
}

#[test]
fn aligning_is_one_re_invite_with_the_others_codec() {
    let calls = "
        a -> INVITE audio 4000 99:iLBC/8000         # which nobody converts
        = offered a audio inconvertible
        do answer a prefer ilbc
        a <- 200 audio 20000 99:iLBC
        a -> ACK
        = confirmed a iLBC -
        do call b
        b <- INVITE audio 20002 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20004 97:H264 98:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 9
        b <- ACK
        = answered b G722 -
        do align a b
        a <- INVITE v2 audio 20000 9:G722 101:telephone-event
    ";
    ladder(&format!(
        "{calls}
        a -> 200 audio 4000 9
        a <- ACK
        = changed a G722 -
        = aligned a G722 -
    "
    ));
    ladder(&format!(
        "{calls}
        a -> 488
        = aligned a iLBC -
        a -> INVITE audio 4000 99:iLBC/8000
        a <- 200 v3 audio 20000 99:iLBC
    "
    ));
}

/// Early feedback, and one port for RTP and RTCP, are part of the way and not of the codec.
#[test]
fn a_re_invite_of_ours_keeps_the_profile_of_each_stream() {
    for (profile, key, sealed) in [("AVPF mux", "", ""), ("SAVPF", " key=A", " sealed")] {
        ladder(&format!(
            "
        a -> INVITE audio 4000 {profile}{key} 99:iLBC/8000; video 4002 {profile}{key} 98:VP9/90000
        = offered a audio video{sealed} inconvertible
        do answer a prefer ilbc
        a <- 200 audio 20000 {profile} 99:iLBC; video 20002 {profile} 98:VP9
        a -> ACK
        = confirmed a iLBC VP9
        do call b
        b <- INVITE audio 20004 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20006 97:H264 98:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 9; video 5002 99:VP8/90000
        b <- ACK
        = answered b G722 VP8
        do align a b
        a <- INVITE v2 audio 20000 {profile} 9:G722 101:telephone-event; video 20002 {profile} 99:VP8
        a -> 200 audio 4000 {profile}{key} 9; video 4002 {profile}{key} 99:VP8/90000
        a <- ACK
        = changed a G722 VP8
        = aligned a G722 VP8
        a -> INVITE
        a <- 200 v3 audio 20000 {profile} 9:G722 8:PCMA 0:PCMU 96:opus OLD-SOUND; video 20002 {profile} 99:VP8 97:H264 96:H264 OLD-PICTURES
    "
        ));
    }
}

#[test]
fn partners_that_we_can_convert_between_need_no_common_codec() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do call b for a
        b <- INVITE audio 20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
        b -> 200 audio 5000 9
        b <- ACK
        = answered b G722 -
        do answer a like b
        a <- 200 audio 20002 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        do align a b
        = aligned a PCMU -
    ",
    );
    ladder(
        "
        c -> INVITE audio 4000 99:iLBC/8000
        = offered c audio inconvertible
        do call d for c
        d <- INVITE audio 20000 99:iLBC 101:telephone-event
    ",
    );
}

#[test]
fn a_leg_that_is_not_up_is_not_aligned() {
    ladder(
        "
        a -> INVITE audio 4000 0 8 9
        = offered a audio
        do call b
        b <- INVITE EVERYTHING
        do align b a
        = aligned b - -
    ",
    );
}

#[test]
fn a_cancelled_callee_may_have_answered_already() {
    ladder(
        "
        do call b
        b <- INVITE EVERYTHING
        b -> 180
        = ringing b 180
        do end b
        b <- CANCEL
        = ended b by Us NormalClearing
        b -> 200 audio 5000 8
        b <- ACK
        b <- BYE
        b -> 200
    ",
    );
    ladder(
        "
        do call c
        c <- INVITE EVERYTHING
        c -> 180
        = ringing c 180
        do end c
        c <- CANCEL
        = ended c by Us NormalClearing
        c -> 487
    ",
    );
}

#[test]
fn a_desk_gets_no_media() {
    let desk = |offer: &str, answer: &str| {
        ladder(
            &format!(
                "
            a -> INVITE {offer}
            do desk a
            a <- 200 Recv-Info:operator-desk {answer}
            a -> ACK
            = confirmed a - -
        "
            )
            .replace(
                "            do desk a",
                &format!(
                    "            = offered a{}\n            do desk a",
                    match offer {
                        "" => " late",
                        "no-sections" => " NoMedia",
                        _ => " audio",
                    }
                ),
            ),
        );
    };
    desk("no-sections", "no-sections");
    desk("", "no-sections");
}

#[test]
fn a_desks_audio_line_is_answered_inactive_and_nothing_is_opened() {
    ladder(
        "
        a -> INVITE audio 4000 0 8 a=inactive; video 4002 97:H264/90000
        = offered a audio video
        do desk a
        ~ nothing
        a <- 200 Recv-Info:operator-desk audio 9 0:PCMU a=inactive; video 0
        a -> ACK
        = confirmed a PCMU -
        a -> UPDATE
        a <- 200 Recv-Info:operator-desk
        a -> INVITE audio 4000 0 8 a=inactive; video 4002 97:H264/90000
        a <- 200 Recv-Info:operator-desk audio 9 0:PCMU a=inactive; video 0
    "
        .replace("        ~ nothing\n", "")
        .as_str(),
    );
}

/// RFC 6086 §5.2.2: a desk that no longer wants to be spoken to is none.
#[test]
fn a_refresh_with_an_empty_recv_info_ends_a_desk() {
    ladder(
        "
        a -> INVITE no-sections
        = offered a NoMedia
        do desk a
        a <- 200 Recv-Info:operator-desk no-sections
        a -> ACK
        = confirmed a - -
        a -> UPDATE Recv-Info:operator-desk
        a <- 200 Recv-Info:operator-desk
        a -> UPDATE Recv-Info:
        a <- 200 Recv-Info:operator-desk
        a <- BYE
        = ended a by Us NormalClearing
    ",
    );
}

#[test]
fn an_info_with_a_package_is_for_desks_only() {
    ladder(
        "
        a -> INVITE no-sections
        = offered a NoMedia
        do desk a
        a <- 200 Recv-Info:operator-desk no-sections
        a -> INFO Info-Package:operator-desk application/json x
        = info a operator-desk
        do respond a 200
        a <- 200 Recv-Info:operator-desk
        a -> INFO Info-Package:other application/json x
        = info a other
        do respond a 469
        a <- 469 Recv-Info:operator-desk
    ",
    );
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> INFO Info-Package:operator-desk application/json x
        a <- 469 Recv-Info:
        a -> INFO application/json x
        a <- 415
        a -> INFO
        a <- 200
    ",
    );
}

#[test]
fn a_key_counts_once_however_it_comes() {
    ladder(
        "
        a -> INVITE audio 4000 0 101:telephone-event/8000
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU 101:telephone-event
        a -> ACK
        = confirmed a PCMU -
        relay dtmf 20000 5
        = dtmf a 5
        a -> INFO application/dtmf-relay Signal=5
        a <- 200
        relay dtmf 20000 5
        = dtmf a 5
        relay dtmf 20000 5
        = dtmf a 5
        +2s
        a -> INFO application/dtmf 5
        a <- 200
        = dtmf a 5
        a -> INFO application/dtmf-relay Signal=!
        a <- 200
    ",
    );
}

/// R6.4: keys reach the partner in the way that it takes them.
#[test]
fn a_key_reaches_the_partner_by_whichever_way_it_has() {
    let introduced = |a: &str, b: &str, more: &str| {
        format!(
            "a -> INVITE audio 4000 {a}
            do answer a
            a -> ACK
            b -> INVITE audio 5000 {b}
            do answer b
            b -> ACK
            do listen a=b b=a
            {more}
            ~ shown"
        )
    };
    let happened = |script: String| play(&script);
    let events = "0 101:telephone-event/8000";
    let lost = happened(introduced(events, "0", "relay dtmf 20000 5"));
    assert!(lost.contains("b <- INFO application/dtmf-relay"), "{lost}");
    let found = happened(introduced("0", events, "a -> INFO application/dtmf-relay Signal=5"));
    assert!(found.contains("~ dtmf 20002 5"), "{found}");
    let passed = happened(introduced(events, events, "relay dtmf 20000 5"));
    assert!(!passed.contains("~ dtmf") && !passed.contains("b <- INFO"), "{passed}");
    let both = happened(introduced("0", "0", "a -> INFO application/dtmf-relay Signal=5"));
    assert!(both.contains("b <- INFO application/dtmf-relay"), "{both}");
}

#[test]
fn keys_go_out_as_the_phone_takes_them() {
    ladder(
        "
        a -> INVITE audio 4000 0 101:telephone-event/8000
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU telephone-event to 192.0.2.10:4000
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU 101:telephone-event
        a -> ACK
        = confirmed a PCMU -
        do dtmf a #
        ~ dtmf 20000 #
        do intercept a
        ~ intercept 20000 true
    "
        .replace("do dtmf a #", "do dtmf a *")
        .replace("20000 #", "20000 *")
        .as_str(),
    );
    ladder(
        "
        b -> INVITE audio 4000 0
        = offered b audio
        do answer b
        b <- 200 audio 20000 0:PCMU
        b -> ACK
        = confirmed b PCMU -
        do dtmf b 7
        b <- INFO application/dtmf-relay
        b -> 200
    ",
    );
}

/// R6.4: one side has telephone-event and the other has none.
#[test]
fn keys_cross_between_packets_and_info() {
    ladder(&format!(
        "{}{}",
        joined("audio 4000 0 101:telephone-event/8000", "audio 5000 0"),
        "
        relay dtmf 20000 5                          # a's packets are nothing to b
        = dtmf a 5
        b <- INFO application/dtmf-relay
        b -> 200
        b -> INFO application/dtmf-relay Signal=7   # b has nothing but INFO
        b <- 200
        = dtmf b 7
        ~ dtmf 20000 7
    "
    ));
}

#[test]
fn keys_that_the_relay_passes_are_not_pressed_twice() {
    let events = "0 101:telephone-event/8000";
    ladder(&format!(
        "{}{}",
        joined(&format!("audio 4000 {events}"), &format!("audio 5000 {events}")),
        "
        relay dtmf 20000 5
        = dtmf a 5
        a -> INFO application/dtmf-relay Signal=5   # the same press
        a <- 200
        a -> INFO application/dtmf-relay Signal=6   # a key by INFO alone
        a <- 200
        ~ pressed 20000 6
        = dtmf a 6
        ~ dtmf 20002 6
    "
    ));
}

/// The relay keeps the packets of a press that counts already from the partner.
#[test]
fn a_key_by_info_and_then_as_packets_is_pressed_once_at_the_partner() {
    let events = "0 101:telephone-event/8000";
    ladder(&format!(
        "{}{}",
        joined(&format!("audio 4000 {events}"), &format!("audio 5000 {events}")),
        "
        a -> INFO application/dtmf-relay Signal=5
        a <- 200
        ~ pressed 20000 5
        = dtmf a 5
        ~ dtmf 20002 5
        relay dtmf 20000 5                          # the same press
        relay dtmf 20000 5                          # pressed again
        = dtmf a 5
    "
    ));
    ladder(&format!(
        "{}{}",
        joined(&format!("audio 4000 {events}"), "audio 5000 0"),
        "
        a -> INFO application/dtmf-relay Signal=5
        a <- 200
        ~ pressed 20000 5
        = dtmf a 5
        b <- INFO application/dtmf-relay
        b -> 200
        relay dtmf 20000 5                          # the same press
    "
    ));
}

/// What the switchboard makes feature codes of.
#[test]
fn a_feature_code_that_comes_in_both_ways_is_keyed_once() {
    let events = "0 101:telephone-event/8000";
    let call = joined(&format!("audio 4000 {events}"), &format!("audio 5000 {events}"));
    ladder(&format!(
        "{call}{}",
        "
        do intercept a
        ~ intercept 20000 true
        relay dtmf 20000 *
        = dtmf a *
        relay dtmf 20000 3                          # a quick finger: the INFOs fall behind
        = dtmf a 3
        a -> INFO application/dtmf-relay Signal=*
        a <- 200
        a -> INFO application/dtmf-relay Signal=3
        a <- 200
    "
    ));
    ladder(&format!(
        "{call}{}",
        "
        do intercept a
        ~ intercept 20000 true
        a -> INFO application/dtmf-relay Signal=*
        a <- 200
        ~ pressed 20000 *
        = dtmf a *
        relay dtmf 20000 *
        a -> INFO application/dtmf-relay Signal=3
        a <- 200
        ~ pressed 20000 3
        = dtmf a 3
        relay dtmf 20000 3
    "
    ));
}

#[test]
fn a_key_goes_to_nobody_while_it_is_intercepted_or_nobody_hears_it() {
    let call = joined("audio 4000 0", "audio 5000 0");
    ladder(&format!(
        "{call}{}",
        "
        do intercept a
        ~ intercept 20000 true
        a -> INFO application/dtmf-relay Signal=7
        a <- 200
        = dtmf a 7
    "
    ));
    ladder(&format!(
        "{call}{}",
        "
        do listen b=hold
        ~ patch 20002=hold
        a -> INFO application/dtmf-relay Signal=7
        a <- 200
        = dtmf a 7
    "
    ));
}

/// Two phones in PCMU that hear each other, with these sections.
fn joined(caller: &str, callee: &str) -> String {
    let events = |sections: &str| match sections.contains("101:") {
        true => (" telephone-event", " 101:telephone-event"),
        false => ("", ""),
    };
    let ((relayed_a, said_a), (relayed_b, _)) = (events(caller), events(callee));
    format!(
        "
        a -> INVITE {caller}
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU{relayed_a} to 192.0.2.10:4000
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU{said_a}
        a -> ACK
        = confirmed a PCMU -
        do call b for a
        b <- INVITE audio 20002 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
        b -> 200 {callee}
        b <- ACK
        ~ open 20002 audio PCMU{relayed_b} to 192.0.2.11:5000
        ~ patch 20002=silence
        = answered b PCMU -
        do listen a=b b=a
        ~ patch 20000=20002 20002=20000
"
    )
}

/// Opus to PCMA and back in the middle of a call: the other phone hears of none of it.
#[test]
fn codecs_that_change_in_a_call_ask_nothing_of_the_partner() {
    ladder(&format!(
        "{}{}",
        joined("audio 4000 0", "audio 5000 0"),
        "
        b -> INVITE audio 5000 96:opus/48000/2
        b <- 200 v2 audio 20002 96:opus
        ~ update 20002 opus to 192.0.2.11:5000
        = changed b opus -
        b -> ACK
        do watch a
        ~ watch 20000 true
        relay health 20000 audio ok 0
        = health a dialog true audio Ok video Absent hold false converted
        b -> INVITE audio 5000 8
        b <- 200 v3 audio 20002 8:PCMA
        ~ update 20002 PCMA to 192.0.2.11:5000
        = changed b PCMA -
        b -> ACK
        b -> INVITE audio 5000 0
        b <- 200 v4 audio 20002 0:PCMU
        ~ update 20002 PCMU to 192.0.2.11:5000
        = changed b PCMU -
        relay health 20000 audio ok 0
        = health a dialog true audio Ok video Absent hold false
        b -> INVITE audio 5000 98:AMR/8000          # nobody converts it: all stays
        b <- 488
    "
    ));
}

/// Two phones that were answered one after the other and are joined, with these sections; of the
/// relay and the phones, what follows from `more`.
fn after_joining(a: &str, b: &str, more: &str) -> String {
    let joined = format!(
        "a -> INVITE {a}
        do answer a
        a -> ACK
        b -> INVITE {b}
        do answer b
        b -> ACK
        do listen a=b b=a
        ~ shown
        "
    );
    let before = play(&joined).lines().count();
    play(&(joined + more)).lines().skip(before).fold(String::new(), |all, line| all + line + "\n")
}

/// As [`ladder`], for two phones that [`after_joining`] has joined.
fn ladder_between(a: &str, b: &str, script: &str) {
    let happened = after_joining(a, b, script);
    let expected: String = rungs(script).fold(String::new(), |all, line| all + line + "\n");
    let expected = spelt_out(&expected);
    assert_eq!(happened, expected, "\n--- what happened:\n{happened}");
}

#[test]
fn a_callee_that_refuses_every_stream_is_hung_up_and_the_caller_hears_nothing_of_it() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        a -> ACK
        = confirmed a PCMU H264
        do call b for a
        b <- INVITE audio 20004 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20006 97:H264 96:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 0 0; video 0 97
        b <- ACK
        = refused b 488 NoCommonCodec
        b <- BYE
        = ended b by Us NoCommonCodec
    ",
    );
}

#[test]
fn a_phone_that_refuses_every_stream_in_a_call_is_hung_up() {
    let (a, b) = ("audio 4000 0; video 4002 97:H264/90000", "audio 5000 0");
    ladder_between(
        a,
        b,
        "
        a -> INVITE audio 0 0; video 0 97           # its offer: what was agreed before holds
        a <- 488
        a -> ACK
        a -> INVITE
        a <- 200 v2 audio 20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20002 97:H264 96:H264 99:VP8 OLD-PICTURES
        a -> ACK audio 0 0; video 0 97              # its answer: nothing is agreed any more
        ~ close 20000
        ~ close 20002
        ~ patch 20004=silence
        = changed a - -
        a <- BYE
        = ended a by Us NoCommonCodec
    ",
    );
    ladder_between(
        "audio 4000 98:AMR/8000",
        b,
        "
        do align a b
        a <- INVITE v2 audio 20000 0:PCMU 101:telephone-event
        a -> 200 audio 0 0
        a <- ACK
        ~ close 20000
        ~ patch 20002=silence
        = changed a - -
        = aligned a - -
        a <- BYE
        = ended a by Us NoCommonCodec
    ",
    );
}

/// A monitor that shows and has no camera, and a door that shows and has no screen.
#[test]
fn one_way_pictures_go_their_one_way_and_a_switch_of_it_is_nobody_elses_affair() {
    ladder_between(
        "audio 4000 0; video 4002 97:H264/90000 a=recvonly",
        "audio 5000 0; video 5002 97:H264/90000",
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        a <- 200 v2 audio 20000 0:PCMU; video 20002 97:H264
        ~ update 20002 H264 to 192.0.2.10:4002
        ~ patch 20006=20002                         # b saw that there is sound only
        a -> ACK
        a -> INVITE audio 4000 0; video 4002 97:H264/90000 a=recvonly
        a <- 200 v3 audio 20000 0:PCMU; video 20002 97:H264 a=sendonly
        ~ update 20002 H264 to 192.0.2.10:4002 sendonly
        ~ patch 20006=soundonly
    ",
    );
    ladder_between(
        "audio 4000 0; video 4002 97:H264/90000",
        "audio 5000 0; video 5002 97:H264/90000 a=sendonly",
        "
        b -> INVITE audio 5000 0; video 5002 97:H264/90000
        b <- 200 v2 audio 20004 0:PCMU; video 20006 97:H264
        ~ update 20006 H264 to 192.0.2.11:5002
        ~ key-frame 20002
        ~ key-frame 20006
        = held b false false
        b -> ACK
    ",
    );
}

/// Each phone sends and gets its own numbers, whatever they mean to the other one.
#[test]
fn payload_types_that_clash_are_each_phones_own() {
    ladder(
        "
        a -> INVITE audio 4000 0 97:telephone-event/8000; video 4002 96:H264/90000 97:VP8/90000
        = offered a audio video
        do answer a
        ~ open 20000 audio PCMU telephone-event to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU 97:telephone-event; video 20002 96:H264
        a -> ACK
        = confirmed a PCMU H264
        do call b for a
        b <- INVITE audio 20004 0:PCMU 8:PCMA 9:G722 96:opus 18:G729 3:GSM 4:G723 106:speex 107:speex 97:telephone-event 101:telephone-event 98:telephone-event; video 20006 96:H264 97:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 0 96:telephone-event/8000; video 5002 96:VP8/90000
        b <- ACK
        ~ open 20004 audio PCMU telephone-event:96<97 to 192.0.2.11:5000
        ~ open 20006 video VP8:96<99 to 192.0.2.11:5002
        ~ patch 20004=silence
        = answered b PCMU VP8
        do listen a=b b=a
        ~ patch 20000=20004 20002=20006 20004=20000 20006=20002
    ",
    );
    ladder_between(
        "audio 4000 0 97:telephone-event/8000; video 4002 96:H264/90000 97:VP8/90000",
        "audio 5000 0 101:telephone-event/8000; video 5002 97:H264/90000 96:VP8/90000",
        "
        b -> INVITE audio 5000 0 101:telephone-event/8000; video 5002 97:VP8/90000 # 97 was H.264
        b <- 200 v2 audio 20004 0:PCMU 101:telephone-event; video 20006 97:VP8
        ~ update 20006 VP8 to 192.0.2.11:5002
        = changed b PCMU VP8
        b -> ACK
    ",
    );
}

#[test]
fn an_offer_of_codecs_that_we_do_not_know_is_passed_on_or_refused() {
    let offer = "
        a -> INVITE audio 4000 98:AMR/8000; video 4002 99:rtx/90000
        = offered a audio inconvertible
        do call b for a
        b <- INVITE audio 20000 98:AMR 101:telephone-event
    ";
    ladder(&format!(
        "{offer}
        b -> 200 audio 5000 98:AMR/8000
        b <- ACK
        = answered b AMR -
        do answer a like b
        a <- 200 audio 20002 98:AMR; video 0
    "
    ));
    ladder(&format!(
        "{offer}
        b -> 488
        = refused b 488 NoCommonCodec
        = ended b by Peer NoCommonCodec
    "
    ));
    ladder(
        "
        a -> INVITE audio 4000 98:red/8000; video 4002 99:rtx/90000
        = offered a NoCommonCodec
        do answer a
        a <- 488
        = ended a by Us NoCommonCodec
    ",
    );
}

/// Who presses the button of its camera has it on for whoever comes next.
#[test]
fn a_picture_that_is_added_in_a_call_serves_with_the_next_partner() {
    ladder_between(
        "audio 4000 0",
        "audio 5000 0",
        "
        a -> INVITE audio 4000 0; video 4002 98:VP8/90000
        a <- 200 v2 audio 20000 0:PCMU; video 20004 98:VP8
        ~ open 20004 video VP8 to 192.0.2.10:4002
        ~ patch 20004=soundonly
        = changed a PCMU VP8
        a -> ACK
        do call c for a
        c <- INVITE audio 20006 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20008 98:VP8 97:H264 96:H264 OLD-PICTURES
        c -> 200 audio 6000 0; video 6002 98:VP8/90000
        c <- ACK
        ~ open 20006 audio PCMU to 192.0.2.12:6000
        ~ open 20008 video VP8 to 192.0.2.12:6002
        ~ patch 20006=silence
        = answered c PCMU VP8
        do listen a=c c=a b=hold
        ~ patch 20000=20006 20004=20008 20006=20000 20008=20004 20002=hold
        do listen a=b b=a c=hold                    # back with the one without a picture
        ~ patch 20000=20002 20004=soundonly 20002=20000 20006=hold 20008=hold
    ",
    );
}

/// The answer to the first offer is another matter: nobody has asked for a camera yet.
#[test]
fn a_picture_that_is_offered_again_is_taken_although_the_first_offer_of_it_was_not() {
    ladder(
        "
        b -> INVITE audio 5000 0
        = offered b audio
        do answer b
        b <- 200 audio 20000 0:PCMU
        b -> ACK
        = confirmed b PCMU -
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a like b
        a <- 200 audio 20002 0:PCMU; video 0
        a -> ACK
        = confirmed a PCMU -
        do listen a=b b=a
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        a <- 200 v2 audio 20002 0:PCMU; video 20004 97:H264
        = changed a PCMU H264
    ",
    );
}

#[test]
fn a_picture_for_which_the_relay_has_no_room_leaves_the_sound_alone() {
    ladder_between(
        "audio 4000 0",
        "audio 5000 0",
        "
        two ports and no more
        a -> INVITE audio 4000 0; video 4002 98:VP8/90000
        a <- 200 v2 audio 20000 0:PCMU; video 0
        a -> ACK
    ",
    );
}

#[test]
fn a_party_whose_partner_shows_nothing_does_not_go_on_seeing_its_place_in_the_queue() {
    ladder_between(
        "audio 4000 0; video 4002 97:H264/90000",
        "audio 5000 0",
        "
        do listen a=first
        ~ patch 20000=hold 20002=position(1)
        do listen a=b
        ~ patch 20000=20004 20002=soundonly
        b -> BYE
        b <- 200
        ~ close 20004
        ~ patch 20000=silence 20002=nothing
        = ended b by Peer NormalClearing
    ",
    );
}

/// H.264 to VP8 and back, in the middle of a call.
#[test]
fn a_codec_of_pictures_that_changes_asks_nothing_of_the_partner() {
    ladder_between(
        "audio 4000 0; video 4002 97:H264/90000",
        "audio 5000 0; video 5002 97:H264/90000",
        "
        b -> INVITE audio 5000 0; video 5002 98:VP8/90000
        b <- 200 v2 audio 20004 0:PCMU; video 20006 98:VP8
        ~ update 20006 VP8 to 192.0.2.11:5002
        = changed b PCMU VP8
        b -> ACK
        b -> UPDATE audio 5000 0; video 5002 97:H264/90000
        b <- 200 v3 audio 20004 0:PCMU; video 20006 97:H264
        ~ update 20006 H264 to 192.0.2.11:5002
        = changed b PCMU H264
    ",
    );
}

#[test]
fn a_wanted_key_frame_is_asked_of_the_source() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        a -> ACK
        = confirmed a PCMU H264
        a -> INFO application/media_control+xml <picture_fast_update/>
        a <- 200
        do call b for a
        b <- INVITE audio 20004 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20006 97:H264 96:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 0; video 5002 97:H264/90000
        b <- ACK
        ~ open 20004 audio PCMU to 192.0.2.11:5000
        ~ open 20006 video H264 to 192.0.2.11:5002
        ~ patch 20004=silence
        = answered b PCMU H264
        do listen a=b
        ~ patch 20000=20004 20002=20006
        a -> INFO application/media_control+xml <picture_fast_update/>
        a <- 200
        ~ key-frame 20006
        relay key-frame-wanted 20006
        b <- INFO application/media_control+xml
        b -> 200
    ",
    );
}

#[test]
fn a_source_without_media_is_silence_until_it_has() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        do call b for a
        b <- INVITE audio 20002 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
        do listen a=b b=a
        b -> 183 audio 5000 0
        ~ open 20002 audio PCMU to 192.0.2.11:5000
        ~ patch 20002=20000 20000=20002
        = ringing b 183
        b -> 486
        = refused b 486 Busy
        ~ close 20002
        ~ patch 20000=silence
        = ended b by Peer Busy
    ",
    );
}

#[test]
fn a_tone_is_played_once() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        do listen a=done
        ~ patch 20000=tone(done)
        a -> ACK
        = confirmed a PCMU H264
        do listen a=done
        ~ patch 20000=tone(done)
    ",
    );
}

/// The sound alone goes to the tone; who is seen may hold the call, or come back, meanwhile.
#[test]
fn under_a_tone_the_picture_follows_whom_the_leg_sees() {
    ladder_between(
        "audio 4000 0; video 4002 97:H264/90000",
        "audio 5000 0; video 5002 97:H264/90000",
        "
        do listen b=done
        ~ patch 20004=tone(done)
        a -> INVITE audio 4000 0 a=sendonly; video 4002 97:H264/90000 a=inactive
        a <- 200 v2 audio 20000 0:PCMU a=recvonly; video 20002 97:H264 a=inactive
        ~ update 20000 PCMU to 192.0.2.10:4000 recvonly
        ~ update 20002 H264 to 192.0.2.10:4002 inactive
        ~ patch 20006=hold
        = held a true true
        a -> ACK
        b -> INVITE audio 5000 0; video 5002 97:H264/90000
        b <- 200 audio 20004 0:PCMU; video 20006 97:H264
        b -> ACK
        do listen b=a
        ~ patch 20004=hold
    ",
    );
}

#[test]
fn health_joins_both_streams_once_a_second() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000
        ~ open 20002 video H264 to 192.0.2.10:4002
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        relay health 20000 audio ok 0
        do watch a
        ~ watch 20000 true
        ~ watch 20002 true
        relay health 20000 audio ok -
        = health a dialog false audio Ok video None hold false
        a -> ACK
        = confirmed a PCMU H264
        relay health 20002 video ok 7
        relay health 20000 audio bad 0
        = health a dialog true audio None video Poor hold false
        relay health 20002 video ok 0 converted     # as pictures too large for it are
        relay health 20000 audio ok 0
        = health a dialog true audio Ok video Ok hold false converted
        a -> INVITE audio 4000 0 a=sendonly; video 0 97
        a <- 200 v2 audio 20000 0:PCMU a=recvonly; video 0
        ~ update 20000 PCMU to 192.0.2.10:4000 recvonly
        ~ close 20002
        = changed a PCMU -
        = held a true false
        relay health 20000 audio ok 0
        = health a dialog true audio Ok video Absent hold true
    ",
    );
}

#[test]
fn who_is_heard_and_seen_is_what_the_relay_passes_and_both_phones_let() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        a -> ACK
        = confirmed a PCMU H264
        do call b for a
        b <- INVITE audio 20004 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20006 97:H264 96:H264 99:VP8 OLD-PICTURES
        b -> 200 audio 5000 0; video 5002 97:H264/90000
        b <- ACK
        = answered b PCMU H264
        do listen a=b b=a
        relay fed 20000 20004           # of a leg that nobody watches nothing is said
        do watch a
        do watch b
        relay fed 20000 20004
        = senses a hears b sees -
        relay fed 20002 20006
        = senses a hears b sees b
        relay fed 20002 20006
        b -> INVITE audio 5000 0; video 5002 97:H264/90000 a=recvonly
        b <- 200 v2 audio 20004 0:PCMU; video 20006 97:H264 a=sendonly
        = senses a hears b sees -
        a -> INVITE audio 4000 0 a=sendonly; video 4002 97:H264/90000
        a <- 200 v2 audio 20000 0:PCMU a=recvonly; video 20002 97:H264
        = senses a hears - sees -
        = held a true false
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        a <- 200 v3 audio 20000 0:PCMU; video 20002 97:H264
        = senses a hears b sees -
        = held a false false
        relay fed 20000 -
        = senses a hears - sees -
    ",
    );
}

#[test]
fn a_full_relay_refuses_with_a_time_to_come_back() {
    ladder(
        "
        no ports
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        a <- 503
        = ended a by Us Overloaded
        do call b
        = ended b by Us Overloaded
    ",
    );
}

// ---- ports that are short ----

#[test]
fn a_burst_waits_for_ports_and_keeps_its_order() {
    ladder(
        "
        one port
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU
        b -> INVITE audio 4000 0
        = offered b audio
        do progress b 182 media
        do answer b
        do call c for a
        bind 2
        b <- 182 audio 30000 0:PCMU
        b <- 200 audio 30000 0:PCMU
        c <- INVITE audio 30002 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
    ",
    );
}

#[test]
fn a_picture_waits_for_its_port_and_the_sound_goes_alone_where_there_is_none() {
    let script = |after: &str| {
        format!(
            "
        one port
        a -> INVITE audio 4000 0; video 4002 98:VP8/90000
        = offered a audio video
        do answer a
        {after}
    "
        )
    };
    let both = "a <- 200 audio 20000 0:PCMU; video 30000 98:VP8";
    let alone = "a <- 200 audio 20000 0:PCMU; video 0";
    ladder(&script(&format!("bind 1\n{both}")));
    ladder(&script(&format!("bind 0\n{alone}")));
    ladder(&script(&format!("+2s\n{alone}")));
}

#[test]
fn a_callee_is_offered_no_picture_where_the_relay_has_no_room_for_it() {
    ladder(
        "
        one port and no more
        do call b
        b <- INVITE audio 20000 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND
    ",
    );
}

#[test]
fn who_waits_for_ports_in_vain_is_refused_and_who_gives_up_is_forgotten() {
    ladder(
        "
        one port
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        b -> INVITE audio 4000 0
        = offered b audio
        do answer b
        do call c for a
        do call d for a
        do end d
        = ended d by Us NormalClearing
        e -> INVITE audio 4000 0
        = offered e audio
        do answer e
        do end e
        e <- 480
        = ended e by Us NormalClearing
        +2s
        b <- 503
        = ended b by Us Overloaded
        = ended c by Us Overloaded
        bind 3
    ",
    );
}

// ---- conversations that have died ----

#[test]
fn a_call_of_which_neither_side_sends_anything_is_ended_with_a_reason() {
    ladder_between(
        "audio 4000 0",
        "audio 5000 0",
        "
        relay first 20000
        relay first 20002
        +100s
        relay silent 20000 60 60
        = silent a 60s
        relay silent 20002 50 50
        = silent b 50s
        relay silent 20000 70 70
        relay silent 20002 60 60
        b <- BYE
        ~ close 20002
        ~ patch 20000=silence
        = ended b by Us MediaStopped
        a <- BYE
        ~ close 20000
        = ended a by Us MediaStopped
    ",
    );
}

#[test]
fn a_call_lives_as_long_as_one_side_sends_or_reports() {
    ladder_between(
        "audio 4000 0",
        "audio 5000 0",
        "
        relay first 20000
        relay first 20002
        +100s
        relay silent 20000 90 90
        = silent a 90s
        relay silent 20002 90 4
        = silent b 90s
        relay silent 20000 95 95
        relay first 20002
        relay silent 20000 99 99
    ",
    );
}

#[test]
fn a_side_that_has_never_sent_anything_is_not_missed() {
    ladder_between(
        "audio 4000 0",
        "audio 5000 0",
        "
        relay first 20000
        +100s
        relay silent 20000 99 99
        = silent a 99s
    ",
    );
}

#[test]
fn who_shows_a_picture_is_alive_however_silent() {
    ladder(
        "
        a -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered a audio video
        do answer a
        a <- 200 audio 20000 0:PCMU; video 20002 97:H264
        a -> ACK
        = confirmed a PCMU H264
        relay first 20000
        relay first 20002
        +100s
        relay silent 20000 90 90
        = silent a 90s
        relay silent 20002 60 60
        a <- BYE
        = ended a by Us MediaStopped
    ",
    );
}

/// Before our 200 many phones send one packet, to open their NAT, and no more.
#[test]
fn a_dead_caller_that_waits_is_ended_alone_and_late_where_it_is_not_answered() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do progress a 183 media
        a <- 183 audio 20000 0:PCMU
        relay first 20000
        +700s
        a <- 183 audio 20000 0:PCMU
        relay silent 20000 60 60
        = silent a 60s
        relay silent 20000 599 599
        relay silent 20000 600 600
        a <- 408
        = ended a by Us MediaStopped
    ",
    );
}

#[test]
fn a_phone_that_holds_the_call_may_be_silent_for_ten_minutes() {
    ladder_between(
        "audio 4000 0",
        "audio 5000 0",
        "
        relay first 20000
        relay first 20002
        a -> INVITE audio 4000 0 a=inactive
        a <- 200 v2 audio 20000 0:PCMU a=inactive
        ~ update 20000 PCMU to 192.0.2.10:4000 inactive
        ~ patch 20002=hold
        = held a true false
        a -> ACK
        +700s
        relay silent 20002 650 650
        = silent b 650s
        relay silent 20000 590 590
        = silent a 590s
        relay silent 20000 600 600
        b <- BYE
        ~ close 20002
        ~ patch 20000=silence
        = ended b by Us MediaStopped
        a <- BYE
        ~ close 20000
        = ended a by Us MediaStopped
    ",
    );
}

// ---- whom nobody vouches for ----

#[test]
fn a_guest_is_trusted_when_it_has_read_our_answer() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        doubt a
        do answer a
        ~ open 20000 audio PCMU to 192.0.2.10:4000 untrusted
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        ~ update 20000 PCMU to 192.0.2.10:4000
        = confirmed a PCMU -
    ",
    );
}

#[test]
fn a_prack_is_as_good_as_an_ack() {
    ladder(
        "
        a -> INVITE Supported:100rel audio 4000 0
        = offered a audio
        doubt a
        do progress a 182 media
        ~ open 20000 audio PCMU to 192.0.2.10:4000 untrusted
        ~ patch 20000=silence
        a <- 182 audio 20000 0:PCMU
        a -> PRACK
        ~ update 20000 PCMU to 192.0.2.10:4000
        a <- 200
    ",
    );
}

#[test]
fn a_guest_that_names_somebody_elses_address_is_trusted_sparingly() {
    ladder(
        "
        a -> INVITE audio 4000 0 c=ip:198.51.100.9
        = offered a audio
        doubt a
        do answer a
        ~ open 20000 audio PCMU to 198.51.100.9:4000 untrusted
        ~ patch 20000=silence
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        ~ update 20000 PCMU to 198.51.100.9:4000 sparingly
        = confirmed a PCMU -
    ",
    );
}

#[test]
fn a_connected_line_is_told_without_sdp() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        do identify a 3002
        a <- UPDATE
        a -> 200
        do identify a 3002
        do identify a 3003
        a <- UPDATE
        a -> 200
    ",
    );
}

/// After a blind transfer the target shows the caller for whom it was called already.
#[test]
fn a_phone_is_not_told_again_who_called_it() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do call b for a
        b <- INVITE audio 20000 0:PCMU 8:PCMA 9:G722 96:opus 18:G729 3:GSM 4:G723 106:speex 107:speex 101:telephone-event 97:telephone-event 98:telephone-event
        b -> 200 audio 5000 0
        b <- ACK
        ~ open 20000 audio PCMU to 192.0.2.11:5000
        ~ patch 20000=silence
        = answered b PCMU -
        do identify b 3001
    ",
    );
}

#[test]
fn a_transfer_is_reported_and_its_progress_told() {
    ladder(
        "
        a -> INVITE audio 4000 0
        = offered a audio
        do answer a
        a <- 200 audio 20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        a -> REFER Refer-To:<sip:3002@example.com>
        = referred a to 3002
        do respond a 202
        a <- 202
        do refer-progress a 100
        a <- NOTIFY message/sipfrag;version=2.0
        a -> 200
        do refer-progress a 200
        a <- NOTIFY message/sipfrag;version=2.0
        a -> 200
        do refer-progress a 200
        a -> REFER Refer-To:<sip:3002@example.com?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>
        a <- 481
    ",
    );
}

#[test]
fn a_callee_may_make_the_offer() {
    ladder(
        "
        do call b without-sdp
        b <- INVITE
        b -> 180
        = ringing b 180
        b -> 200 audio 5000 96:opus/48000/2 8; video 5002 97:H264/90000; text 5004 98:t140/1000
        b <- ACK audio 20000 8:PCMA; video 20002 97:H264; text 0
        = answered b PCMA H264
    ",
    );
    ladder(
        "
        do call c without-sdp
        c <- INVITE
        c -> 183 Require:100rel RSeq:1 audio 5000 0
        c <- PRACK audio 20000 0:PCMU
        = ringing c 183
        c -> 200
        c -> 200
        c <- ACK
        = answered c PCMU -
    ",
    );
    ladder(
        "
        do call d without-sdp
        d <- INVITE
        d -> 200 audio 5000 SAVP 0
        d <- ACK audio 0
        = refused d 488 NoCommonCodec
        d <- BYE
        = ended d by Us NoCommonCodec
        d -> 200
    ",
    );
}

#[test]
fn a_call_that_would_replace_nothing_is_refused() {
    ladder(
        "
        a -> INVITE Replaces:nobody;to-tag=1;from-tag=2 audio 4000 0
        a <- 481
    ",
    );
}

mod random {
    //! Whatever is played in whatever order: ports and events keep their promises.

    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const RUNGS: &[&str] = &[
        "a -> INVITE audio 4000 0 8 101:telephone-event/8000; video 4002 97:H264/90000",
        "a -> INVITE",
        "a -> INVITE Supported:100rel audio 4000 9 96:opus/48000/2",
        "a -> INVITE audio 4000 0 a=sendonly; video 0 97",
        "a -> INVITE audio 4000 SAVP 0",
        "a -> INVITE no-sections",
        "a -> INVITE broken",
        "a -> UPDATE audio 4000 8; video 4002 98:VP8/90000",
        "a -> UPDATE",
        "a -> ACK",
        "a -> ACK audio 4000 8; video 4002 99:VP8/90000",
        "a -> BYE",
        "a -> INFO application/dtmf-relay Signal=5",
        "a -> INFO Info-Package:operator-desk application/json x",
        "a -> REFER Refer-To:<sip:3002@example.com>",
        "do progress a 180",
        "do progress a 183 media",
        "do answer a",
        "do answer a like b",
        "do desk a",
        "do refuse a 486",
        "do end a",
        "do end b",
        "do call b for a",
        "b -> 180",
        "b -> 183 audio 5000 8; video 5002 97:H264/90000",
        "b -> 200 audio 5000 0 8 9; video 5002 97:H264/90000",
        "b -> 200 audio 0 0",
        "b -> 200 broken",
        "b -> 200",
        "b -> 486",
        "b -> 491",
        "b -> INVITE audio 5000 0; video 5002 98:VP8/90000",
        "b -> INVITE c=0 audio 5000 8",
        "b -> ACK",
        "b -> BYE",
        "do align a b",
        "do align b a",
        "do listen a=b b=a",
        "do listen a=hold b=silence",
        "do listen a=done b=ringback",
        "do watch a",
        "do intercept b",
        "do identify a 3002",
        "do dtmf a 5",
        "relay first 20000",
        "relay first 20004",
        "relay health 20000 audio ok 0",
        "relay dtmf 20000 5",
        "relay key-frame-wanted 20002",
        "+1s",
        "+40s",
    ];

    proptest! {
        #[test]
        fn ports_and_events_keep_their_promises(rungs in prop::collection::vec(0..RUNGS.len(), 1..60)) {
            let mut ladder = Ladder::new("~");
            for at in rungs {
                let words: Vec<&str> = RUNGS[at].split_whitespace().collect();
                let possible = match words[..] {
                    // A leg is minted once, and a phone answers what it was asked.
                    ["do", "call", "b", ..] => !ladder.phones.contains_key("b"),
                    [name, "->", status, ..] if status.parse::<u16>().is_ok() => {
                        ladder.phones.get(name).is_some_and(|phone| !phone.open.is_empty())
                    }
                    ["b", "->", ..] => ladder.phones.contains_key("b"),
                    _ => true,
                };
                if possible {
                    ladder.play(&words, RUNGS[at]);
                }
            }
            for end in ["do end a", "do end b", "+40s"] {
                ladder.play(&end.split_whitespace().collect::<Vec<_>>(), end);
            }
            prop_assert_eq!(ladder.machine.legs(), 0, "\n{}", ladder.happened);
            check(&ladder.happened);
        }
    }

    fn check(happened: &str) {
        let (mut open, mut ended) = (BTreeSet::new(), BTreeSet::new());
        for line in happened.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["~", "open", port, ..] => assert!(open.insert(port), "{port} twice\n{happened}"),
                ["~", "close", port] => assert!(open.remove(port), "{port}\n{happened}"),
                ["~", "patch", ref rows @ ..] => {
                    for name in rows.iter().flat_map(|row| row.split('=')) {
                        let is_port = name.starts_with("20");
                        assert!(!is_port || open.contains(name), "{name}\n{happened}");
                    }
                }
                ["~", _, port, ..] => assert!(open.contains(port), "{line}\n{happened}"),
                ["=", "ended", name, ..] => assert!(ended.insert(name), "{name}\n{happened}"),
                ["=", "early", "media", name] | ["=", _, name, ..] => {
                    assert!(!ended.contains(name), "{line}\n{happened}");
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?} leaked\n{happened}");
    }
}

// ---- how the ladders are played -------------------------------------------------------------

/// A phone, seen from outside.
struct Phone {
    leg: LegId,
    flow: Flow,
    /// What was put into the dialog: the INVITE, as its maker wrote it.
    invite: Option<Request>,
    /// It made the INVITE.
    caller: bool,
    /// The tag that we gave ourselves.
    our_tag: String,
    cseq: u32,
    /// The CSeq of its last INVITE, which the ACK repeats.
    invite_cseq: u32,
    /// The RSeq of our last reliable provisional response.
    rseq: Option<String>,
    /// The requests that it has not answered.
    open: Vec<(ClientTx, Request)>,
}

struct Ladder {
    machine: Machine,
    now: Instant,
    phones: BTreeMap<String, Phone>,
    transactions: u64,
    settings: Settings,
    asked: BTreeMap<ServerTx, String>,
    last_asked: Option<ServerTx>,
    happened: String,
    relay: bool,
    /// Each leg is taken out and put back whenever it is quiet.
    saves: bool,
    /// How often that was done.
    put_back: u64,
}

/// What is offered where nothing is known of the other side, on the first ports.
const EVERYTHING: &str = "audio 20000 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; video 20002 97:H264 98:H264 99:VP8 OLD-PICTURES";

/// The certificate of the house.
const OUR_CERTIFICATE: &[u8] = b"cordboard";

/// What stands at the end of every offer of ours.
const OLD: [(&str, &str); 2] = [
    (
        "OLD-SOUND",
        "18:G729 3:GSM 4:G723 106:speex 107:speex 101:telephone-event 97:telephone-event \
         98:telephone-event",
    ),
    ("OLD-PICTURES", "100:H265 102:H263-1998 103:H263-2000 34:H263 31:H261"),
];

fn spelt_out(script: &str) -> String {
    let script = script.replace("EVERYTHING", EVERYTHING);
    OLD.iter().fold(script, |all, (word, formats)| all.replace(word, formats))
}

/// Plays a ladder; and once more where each leg is taken out and put back at each quiet moment: nobody may
/// notice.
#[track_caller]
fn ladder(script: &str) {
    let expected: String = rungs(script).fold(String::new(), |all, line| all + line + "\n");
    let expected = spelt_out(&expected);
    for saves in [false, true] {
        let mut ladder = Ladder::new(script);
        ladder.saves = saves;
        let happened = ladder.play_all(script);
        assert_eq!(happened, expected, "\n--- what happened, saved: {saves}\n{happened}");
    }
}

/// The lines about the house.
const HOUSES: [&str; 6] = [
    "no ports",
    "two ports",
    "two ports and no more",
    "one port",
    "one port and no more",
    "both families",
];
/// Where a house of both families is reached from everywhere by the other one.
const OUR_OTHER_ADDRESS: &str = "2001:db8::1";

fn rungs(script: &str) -> impl Iterator<Item = &str> {
    script
        .lines()
        .map(|l| l.split('#').next().unwrap_or("").trim())
        .filter(|l| !l.is_empty() && !HOUSES.contains(l))
}

/// Plays what a script plays and returns all that happened.
fn play(script: &str) -> String {
    Ladder::new(script).play_all(script)
}

impl Ladder {
    /// The lines with `ports`, `one port` and `both families` of a `script` are about the house.
    fn new(script: &str) -> Self {
        let has_both = script.contains("both families");
        let settings = Settings {
            domain: "example.com".to_owned(),
            media_addresses: if has_both { vec!["::".parse().unwrap()] } else { vec![] },
            port_rest: Duration::from_secs(10),
            rtp_timeout: Duration::from_secs(60),
            fingerprint: Some(Fingerprint::of(OUR_CERTIFICATE)),
            dialog: dialog::Settings::default(),
        };
        let mut ladder = Self {
            machine: Machine::new(settings.clone(), Random::from_number(1)),
            settings,
            now: Instant::START,
            phones: BTreeMap::new(),
            transactions: 0,
            asked: BTreeMap::new(),
            last_asked: None,
            happened: String::new(),
            saves: false,
            put_back: 0,
            relay: script.lines().any(|line| line.trim_start().starts_with('~')),
        };
        if has_both {
            let everywhere = sip::Network::IPV6;
            ladder.machine.set_routes(vec![(everywhere, OUR_OTHER_ADDRESS.parse().unwrap())]);
        }
        let ports = match script {
            _ if script.contains("no ports") => 0,
            _ if script.contains("two ports") => 2,
            _ if script.contains("one port") => 1,
            _ => 50,
        };
        let ports = (0..ports).map(|n| PortId(20_000 + 2 * n)).collect();
        let _ = ladder.machine.handle(ladder.now, Input::Ports(ports));
        if script.contains("and no more") {
            let _ = ladder.machine.handle(ladder.now, Input::Ports(vec![]));
        }
        ladder
    }

    fn play_all(&mut self, script: &str) -> String {
        for line in rungs(script) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let played = matches!(
                words[..],
                ["do" | "relay" | "dtls" | "doubt" | "bind" | "by", ..] | [_, "->", ..]
            );
            if played || line.starts_with('+') {
                let _ = writeln!(self.happened, "{line}");
                self.play(&words, line);
                if self.saves {
                    self.put_back();
                }
            }
        }
        std::mem::take(&mut self.happened)
    }

    /// Whatever is under way, another process could go on with what is settled of a leg.
    fn is_settled(&self, now: Now, leg: LegId) {
        let Some(saved) = self.machine.save_settled(now, leg) else { return };
        let (settings, random) = (self.settings.clone(), Random::from_number(9));
        let mut other = Machine::new(settings, random);
        let read = written::leg_through_text(now, &saved);
        let _ = other.restore(now, read, None);
        assert_eq!(other.save_settled(now, leg), Some(saved));
    }

    /// Takes out all legs of which nothing is under way, and puts them back in another order. The health of
    /// one that is watched would be measured anew.
    fn put_back(&mut self) {
        let since = self.now.since(Instant::START);
        let now = Now { instant: self.now, unix: UnixTime::from_secs(1_700_000_000) + since };
        let legs: Vec<LegId> = self.machine.names().collect();
        legs.iter().for_each(|leg| self.is_settled(now, *leg));
        let exact = |leg: &LegId| self.machine.save(now, *leg).is_some_and(|saved| !saved.watched);
        let quiet: Vec<LegId> = legs.into_iter().filter(exact).collect();
        let taken: Vec<_> = quiet.iter().filter_map(|leg| self.machine.take(now, *leg)).collect();
        assert_eq!(taken.len(), quiet.len());
        for saved in taken.iter().rev() {
            let leg = saved.dialog.leg;
            assert!(!self.machine.has(leg));
            let read = written::leg_through_text(now, saved);
            let _ = self.machine.restore(now, read, None);
            assert_eq!(self.machine.save(now, leg).as_ref(), Some(saved));
            self.put_back += 1;
        }
    }

    fn play(&mut self, words: &[&str], line: &str) {
        match *words {
            ["do", ref command @ ..] => {
                let command = self.command(command);
                self.input(Input::Command(command));
            }
            ["doubt", name] => {
                let leg = self.leg(name);
                self.input(Input::Unvouched(leg));
            }
            // From now on its signalling comes to this address of ours.
            ["by", name, address] => self.phone(name).flow.local.set_ip(address.parse().unwrap()),
            ["bind", count] => {
                let first = 30_000;
                let count: u64 = count.parse().unwrap();
                let ports = (0..count).map(|n| PortId(first + 2 * n)).collect();
                self.input(Input::Ports(ports));
            }
            ["relay", ref event @ ..] => self.input(Input::Media(relay_event(event))),
            ["dtls", ref event @ ..] => self.input(Input::Handshake(handshakes::event(event))),
            [name, "->", what, ..] => {
                let rest = line.split_once("->").unwrap().1.trim()[what.len()..].trim();
                match what.parse::<u16>() {
                    Ok(status) => self.phone_responds(name, status, rest),
                    Err(_) => self.phone_asks(name, what, rest),
                }
            }
            [time] if time.starts_with('+') => {
                let secs = time.trim_matches(['+', 's']).parse().unwrap();
                self.now = self.now + Duration::from_secs(secs);
                while self.machine.deadline().is_some_and(|at| at <= self.now) {
                    let effects = self.machine.tick(self.now);
                    self.follow(effects);
                }
            }
            _ => panic!("no such rung: {line}"),
        }
    }

    fn input(&mut self, input: Input) {
        let effects = self.machine.handle(self.now, input);
        self.follow(effects);
    }

    fn phone(&mut self, name: &str) -> &mut Phone {
        let host = name.bytes().next().unwrap() - b'a' + 10;
        // What is called over WebSocket is a browser.
        let transport = if name.starts_with('w') { Transport::Wss } else { Transport::Udp };
        self.phones.entry(name.to_owned()).or_insert_with(|| Phone {
            leg: LegId(u64::from(host)),
            flow: Flow {
                transport,
                local: SocketAddr::from(([192, 0, 2, 1], 5060)),
                remote: SocketAddr::from(([192, 0, 2, host], 5060)),
                connection: ConnectionId(0),
            },
            invite: None,
            caller: true,
            our_tag: String::new(),
            cseq: 0,
            invite_cseq: 0,
            rseq: None,
            open: Vec::new(),
        })
    }

    fn leg(&mut self, name: &str) -> LegId {
        self.phone(name).leg
    }

    fn name_of(&self, leg: LegId) -> String {
        let name = self.phones.iter().find(|(_, phone)| phone.leg == leg);
        name.map_or_else(|| leg.to_string(), |(name, _)| name.clone())
    }

    /// A request of a phone: `rest` is its SDP in short, or its content type.
    fn phone_asks(&mut self, name: &str, method: &str, rest: &str) {
        let rest = self.phones.iter().fold(rest.to_owned(), |rest, (name, phone)| {
            rest.replace(&format!("our-tag-to-{name}"), &phone.our_tag)
        });
        self.transactions += 1;
        let transaction = ServerTx(self.transactions);
        let branch = self.transactions;
        let phone = self.phone(name);
        phone.cseq += u32::from(method != "ACK");
        if method == "INVITE" {
            phone.invite_cseq = phone.cseq;
        }
        let invite_cseq = phone.invite_cseq;
        let cseq = if method == "ACK" { invite_cseq } else { phone.cseq };
        let (flow, leg) = (phone.flow, phone.leg);
        let ip = flow.remote.ip();
        let our_tag = if phone.our_tag.is_empty() {
            String::new()
        } else {
            format!(";tag={}", phone.our_tag)
        };
        let call_id = match &phone.invite {
            Some(invite) => invite.headers.call_id().unwrap().to_owned(),
            None => format!("call-of-{name}"),
        };
        let (from, to) = match &phone.invite {
            // Its From is our To.
            Some(invite) if !phone.caller => (
                format!("{};tag={name}", invite.headers.get(HeaderName::To).unwrap()),
                invite.headers.get(HeaderName::From).unwrap().to_owned(),
            ),
            Some(_) | None => (
                format!("<sip:{name}@example.com>;tag={name}"),
                format!("<sip:9000@example.com>{our_tag}"),
            ),
        };
        let (mut headers, content_type, body) = content(&rest, ip);
        if let Some(rseq) = self.phone(name).rseq.take_if(|_| method == "PRACK") {
            headers += &format!("RAck: {rseq} {invite_cseq} INVITE\r\n");
        }
        let text = format!(
            "{method} sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:5060;branch=z9hG4bK{branch}\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{name}@{ip}:5060>\r\nMax-Forwards: 70\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, INFO\r\n\
             {headers}{content_type}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Ok(Message::Request(request)) = sip::parse(text.as_bytes()) else { panic!("{text}") };
        self.asked.insert(transaction, name.to_owned());
        let known = self.phone(name).invite.is_some();
        let input = match method {
            "ACK" => dialog::Input::Ack { believed: true, request },
            "INVITE" if !known => {
                self.phone(name).invite = Some(request.clone());
                dialog::Input::Incoming(dialog::IncomingInvite {
                    leg,
                    transaction,
                    flow,
                    request,
                    credentials: None,
                })
            }
            _ => dialog::Input::Request { transaction, flow, request },
        };
        self.input(Input::Dialog(input));
    }

    fn phone_responds(&mut self, name: &str, status: u16, rest: &str) {
        let tag = rest.split_whitespace().find_map(|word| word.strip_prefix("tag="));
        let phone = self.phone(name);
        let words = rest.split_whitespace().filter(|word| !word.starts_with("tag="));
        let rest = words.collect::<Vec<_>>().join(" ");
        let (headers, content_type, body) = content(&rest, phone.flow.remote.ip());
        let at = phone.open.len() - 1;
        let (transaction, request) =
            if status < 200 { phone.open[at].clone() } else { phone.open.remove(at) };
        let mut response = request.response(StatusCode::new(status).unwrap());
        response.headers.set_to_tag(tag.unwrap_or(name));
        let ip = phone.flow.remote.ip();
        response.headers.push(HeaderName::Contact, format_args!("<sip:{name}@{ip}:5060>"));
        for line in format!("{headers}{content_type}").lines() {
            let (header, value) = line.split_once(": ").unwrap();
            response.headers.push(HeaderName::parse(header).unwrap(), value);
        }
        response.body = body.into_bytes().into();
        self.input(Input::Dialog(dialog::Input::Response { transaction, response }));
    }

    fn command(&mut self, words: &[&str]) -> Command {
        match *words {
            ["call", callee, "for", caller] => {
                let of = self.leg(caller);
                self.call(callee, OfferedCodecs::For(of))
            }
            ["call", callee, "sealed"] => {
                let Command::Call { leg, mut call } = self.call(callee, OfferedCodecs::Everything)
                else {
                    panic!("a call is a call")
                };
                call.security = OfferedSecurity::Keys;
                Command::Call { leg, call }
            }
            ["call", callee, "by-dtls"] => {
                let Command::Call { leg, mut call } = self.call(callee, OfferedCodecs::Everything)
                else {
                    panic!("a call is a call")
                };
                call.security = OfferedSecurity::Handshake;
                Command::Call { leg, call }
            }
            ["call", callee, "without-sdp"] => self.call(callee, OfferedCodecs::Theirs),
            ["call", callee] => self.call(callee, OfferedCodecs::Everything),
            ["progress", name, status, ref media @ ..] => Command::Progress {
                leg: self.leg(name),
                status: status.parse().unwrap(),
                phrase: String::new(),
                media: media.first().map(|_| self.choice(&media[1..])),
            },
            ["answer", name, ref choice @ ..] => {
                let (leg, choice) = (self.leg(name), self.choice(choice));
                Command::Answer { leg, choice, identify: None }
            }
            ["desk", name] => Command::AcceptDesk { leg: self.leg(name) },
            ["refuse", name, status] => Command::Refuse {
                leg: self.leg(name),
                refusal: InviteRefusal {
                    status: status.parse().unwrap(),
                    phrase: String::new(),
                    reason: None,
                    warning: None,
                    retry_after: None,
                },
            },
            ["end", name] => Command::End { leg: self.leg(name), cause: Cause::NormalClearing },
            ["record", name] => {
                Command::Record { leg: self.leg(name), recording: Some(CallId(17)) }
            }
            ["record", name, "no", "longer"] => {
                Command::Record { leg: self.leg(name), recording: None }
            }
            ["watch", name] => Command::Watch { leg: self.leg(name), on: true },
            ["intercept", name] => Command::InterceptDtmf { leg: self.leg(name), on: true },
            ["dtmf", name, digit] => {
                Command::SendDtmf { leg: self.leg(name), digit: digit.chars().next().unwrap() }
            }
            ["key-frame", name] => Command::RequestKeyFrame { leg: self.leg(name) },
            ["refer-progress", name, status] => {
                Command::ReferProgress { leg: self.leg(name), status: status.parse().unwrap() }
            }
            ["rekey", name] => Command::Rekey { leg: self.leg(name) },
            ["align", name, to] => Command::Align { leg: self.leg(name), to: self.leg(to) },
            ["identify", name, number] => Command::Identify {
                leg: self.leg(name),
                party: Party { number: number.to_owned(), ..Party::default() },
            },
            ["respond", name, status] => Command::Respond {
                leg: self.leg(name),
                transaction: self.last_asked.unwrap(),
                status: status.parse().unwrap(),
                phrase: String::new(),
                retry_after: None,
            },
            ["listen", ref pairs @ ..] => Command::Listen(
                pairs
                    .iter()
                    .map(|pair| {
                        let (name, source) = pair.split_once('=').unwrap();
                        let waiting_profile = media::WaitingProfileId(1);
                        let position = |number, said: Option<_>| {
                            let (minutes, crowded) = (None, said.is_some());
                            let message =
                                media::PromptMessage::Position { number, minutes, crowded };
                            LegSource::Wait(media::VideoPrompt { waiting_profile, message }, said)
                        };
                        let source = match source {
                            "hold" => LegSource::Wait(
                                media::VideoPrompt {
                                    waiting_profile,
                                    message: media::PromptMessage::Hold,
                                },
                                None,
                            ),
                            "first" => position(1, None),
                            "second" => position(2, None),
                            "crowded" => position(2, Some(media::Announcement::Busy)),
                            "sorry" => {
                                LegSource::Farewell(waiting_profile, media::Announcement::Nobody)
                            }
                            "ringback" => LegSource::RingBack,
                            "done" => LegSource::Tone(media::Tone::Done),
                            "silence" => LegSource::Silence,
                            other => LegSource::Leg(self.leg(other)),
                        };
                        (self.leg(name), source)
                    })
                    .collect(),
            ),
            _ => panic!("no such command: {words:?}"),
        }
    }

    fn call(&mut self, callee: &str, offer: OfferedCodecs) -> Command {
        let phone = self.phone(callee);
        phone.caller = false;
        let (leg, flow) = (phone.leg, phone.flow);
        let call = OutgoingLeg {
            target: dialog::CallTarget {
                uri: Uri::parse(&format!("sip:{callee}@{}", flow.remote)).unwrap(),
                route: vec![],
                destination: Destination::Flow(flow),
            },
            behalf: match offer {
                OfferedCodecs::For(other) | OfferedCodecs::WithPictures(other) => other,
                OfferedCodecs::Everything | OfferedCodecs::Theirs => leg,
            },
            caller: Party { number: "3001".to_owned(), ..Party::default() },
            callee: Party { number: callee.to_owned(), ..Party::default() },
            offer,
            identity: IdentityPrivacy::Shown,
            auto_answer: false,
            security: OfferedSecurity::None,
            patience: None,
            credentials: None,
        };
        Command::Call { leg, call: Box::new(call) }
    }

    fn choice(&mut self, words: &[&str]) -> CodecChoice {
        match *words {
            ["like", name] => CodecChoice { like: Some(self.leg(name)), prefer: vec![] },
            ["prefer", ref codecs @ ..] => {
                CodecChoice { like: None, prefer: codecs.iter().map(|name| codec(name)).collect() }
            }
            _ => CodecChoice::default(),
        }
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let line = match effect {
                Effect::Request { transaction, to, request } => {
                    let line = self.phone_gets(to, &request);
                    let name = line.split(' ').next().unwrap().to_owned();
                    self.phone(&name).open.push((transaction, request));
                    line
                }
                Effect::Forward { to, request } => self.phone_gets(to, &request),
                Effect::Respond { transaction, response } => {
                    self.phone_hears(transaction, &response)
                }
                Effect::Cancel { transaction, .. } => {
                    let of = |phone: &Phone| phone.open.iter().any(|(id, _)| *id == transaction);
                    let (name, _) = self.phones.iter().find(|(_, phone)| of(phone)).unwrap();
                    format!("{name} <- CANCEL")
                }
                Effect::Media(_) if !self.relay => continue,
                Effect::Media(command) => format!("~ {}", relay_command(&command)),
                Effect::Event(event) => format!("= {}", self.event(&event)),
                Effect::Handshake(command) => format!("^ {}", handshakes::in_short(command)),
                Effect::PortsWanted(_) => continue,
            };
            let _ = writeln!(self.happened, "{}", line.trim_end());
        }
    }

    fn phone_gets(&mut self, to: Destination, request: &Request) -> String {
        let name = self.phones.iter().find(|(_, phone)| phone.flow.remote == to.remote());
        let name = name.unwrap().0.clone();
        let phone = self.phone(&name);
        if phone.invite.is_none() {
            phone.our_tag = request.headers.from_tag().unwrap().to_owned();
            phone.invite = Some(request.clone());
        }
        let body = body_in_short(request.headers.get(HeaderName::ContentType), &request.body);
        format!("{name} <- {} {body}", request.method)
    }

    fn phone_hears(&mut self, transaction: ServerTx, response: &Response) -> String {
        let name = self.asked[&transaction].clone();
        let phone = self.phone(&name);
        if let Some(tag) = response.headers.to_tag().filter(|_| phone.caller) {
            phone.our_tag = tag.to_owned();
        }
        if let Some(rseq) = response.headers.get(HeaderName::RSeq) {
            phone.rseq = Some(rseq.to_owned());
        }
        let body = body_in_short(response.headers.get(HeaderName::ContentType), &response.body);
        let recv_info = response.headers.get(HeaderName::RecvInfo);
        let recv_info = recv_info.map(|value| format!(" Recv-Info:{value}")).unwrap_or_default();
        format!("{name} <- {}{recv_info} {body}", response.status)
    }

    fn event(&mut self, event: &Event) -> String {
        let name = self.name_of(event.leg());
        let spoken = |spoken: &cordboard::leg::Spoken| {
            let word = |codec: &Option<Codec>| {
                codec.as_ref().map_or("-".to_owned(), |c| c.facts().name.to_owned())
            };
            format!("{} {}", word(&spoken.audio), word(&spoken.video))
        };
        match event {
            Event::Offered { sdp, audio, video, sealed, unmet, convertible, replaces, .. } => {
                let mut line = format!("offered {name}");
                for (said, word) in [
                    (!*sdp, " late"),
                    (*sdp && *audio, " audio"),
                    (*sdp && *video, " video"),
                    (*sealed, " sealed"),
                    (unmet.is_none() && !*convertible, " inconvertible"),
                ] {
                    line += if said { word } else { "" };
                }
                line += &unmet.map(|cause| format!(" {cause:?}")).unwrap_or_default();
                line + &replaces
                    .map(|leg| format!(" replaces {}", self.name_of(leg)))
                    .unwrap_or_default()
            }
            Event::Ringing { status, .. } => format!("ringing {name} {status}"),
            Event::EarlyMedia { .. } => format!("early media {name}"),
            Event::EarlyMediaOver { .. } => format!("early media {name} over"),
            Event::Answered { spoken: codecs, .. } => format!("answered {name} {}", spoken(codecs)),
            Event::Confirmed { spoken: codecs, .. } => {
                format!("confirmed {name} {}", spoken(codecs))
            }
            Event::Refused { cause, status, .. } => format!("refused {name} {status} {cause:?}"),
            Event::Ended { cause, by, .. } => format!("ended {name} by {by:?} {cause:?}"),
            Event::Held { audio, video, .. } => format!("held {name} {audio} {video}"),
            Event::Changed { spoken: codecs, .. } => format!("changed {name} {}", spoken(codecs)),
            Event::Aligned { spoken: codecs, .. } => format!("aligned {name} {}", spoken(codecs)),
            Event::Dtmf { digit, .. } => format!("dtmf {name} {digit}"),
            Event::Health { health, .. } => {
                let LegHealth { dialog, audio, video, hold, .. } = health;
                let converted = if health.transcoding { " converted" } else { "" };
                format!(
                    "health {name} dialog {dialog} audio {audio:?} video {video:?} hold {hold}{converted}"
                )
            }
            Event::Senses { senses, .. } => {
                let LegSenses { hears, sees } = *senses;
                let name_of = |leg: Option<LegId>| leg.map_or("-".into(), |leg| self.name_of(leg));
                format!("senses {name} hears {} sees {}", name_of(hears), name_of(sees))
            }
            Event::Dropped { dropped, .. } => format!("dropped {name} {}", dropped.total()),
            Event::Silent { span, .. } => format!("silent {name} {span:?}"),
            Event::Info { transaction, package, .. } => {
                self.last_asked = Some(*transaction);
                format!("info {name} {package}")
            }
            Event::InfoAnswered { tag, status, .. } => {
                format!("info answered {name} {tag} {status}")
            }
            Event::Referred { transaction, refer_to, replaces, .. } => {
                self.last_asked = Some(*transaction);
                let user = refer_to.uri.user().unwrap_or_default().into_owned();
                let replaces = replaces.map(|leg| format!(" replaces {}", self.name_of(leg)));
                format!("referred {name} to {user}{}", replaces.unwrap_or_default())
            }
            Event::Moved { flow, .. } => format!("moved {name} {}", flow.remote),
        }
    }
}

fn relay_event(words: &[&str]) -> media::Event {
    let port = PortId(words[1].parse().unwrap());
    match *words {
        ["first", _] => media::Event::FirstPacket { port },
        ["consent-lost", _] => media::Event::ConsentLost { port },
        ["latched", _] => media::Event::Latched { port, remote: ([192, 0, 2, 11], 6000).into() },
        // `silent 20000 60 5`: no packet for 60 s, and no report for 5 s.
        ["silent", _, span, lifeless] => {
            let [span, lifeless] =
                [span, lifeless].map(|secs| Duration::from_secs(secs.parse().unwrap()));
            media::Event::Silent { port, span, lifeless }
        }
        ["dtmf", _, digit] => media::Event::Dtmf { port, digit: digit.chars().next().unwrap() },
        ["key-frame-wanted", _] => media::Event::KeyFrameWanted { port },
        ["fed", _, source] => media::Event::Fed { port, source: source.parse().ok().map(PortId) },
        ["health", _, kind, ok, loss, ref more @ ..] => {
            let health = media::PortHealth {
                kind: if kind == "audio" { Kind::Audio } else { Kind::Video },
                ok: ok == "ok",
                codec: None,
                packets: 1,
                silent: None,
                key_frame: true,
                frames_per_second: 25,
                loss_percent: loss.parse().ok(),
                jitter_ms: None,
                round_trip_ms: None,
                converted: more.contains(&"converted"),
            };
            media::Event::Health { port, health }
        }
        _ => panic!("no such event: {words:?}"),
    }
}

fn relay_command(command: &media::Command) -> String {
    let plan_in_short = |plan: &media::Plan| {
        // Where the phone's number is not ours: `H264:97<96`, sent to it as 97 and received as 96.
        let format = |f: &media::PayloadFormat| match (f.codec.facts().name, f.send_pt, f.recv_pt) {
            (name, sent, received) if sent == received => name.to_owned(),
            (name, sent, received) => format!("{name}:{sent}<{received}"),
        };
        let names: Vec<_> = plan.stream.formats.iter().map(format).collect();
        let to =
            plan.transport.remote.map_or_else(|| "nowhere".to_owned(), |remote| remote.to_string());
        let direction = match plan.stream.direction {
            sdp::Direction::SendRecv => String::new(),
            other => format!(" {}", other.word()),
        };
        let sealed = match plan.transport.protection {
            media::Protection::Clear => "",
            media::Protection::Awaited => " awaited",
            media::Protection::Keyed(_) => " sealed",
        };
        let trust = match plan.transport.trust {
            media::Trust::Full => "",
            media::Trust::Sparing => " sparingly",
            media::Trust::None => " untrusted",
        };
        let checked = if plan.transport.ice.is_some() { " checked" } else { "" };
        let carried = plan.carrier.map(|port| format!(" by {}", port.0)).unwrap_or_default();
        format!("{} to {to}{carried}{direction}{sealed}{checked}{trust}", names.join(" "))
    };
    match command {
        media::Command::Open { port, kind, plan } => {
            let kind = if *kind == Kind::Audio { "audio" } else { "video" };
            format!("open {} {kind} {}", port.0, plan_in_short(plan))
        }
        media::Command::Update { port, plan } => {
            format!("update {} {}", port.0, plan_in_short(plan))
        }
        media::Command::Close { port } => format!("close {}", port.0),
        media::Command::Patch(rows) => {
            let source = |source: &media::Source| match source {
                media::Source::Port(port) => port.0.to_string(),
                media::Source::Hold(_) => "hold".into(),
                media::Source::Prompt(prompt) => match prompt.message {
                    media::PromptMessage::Hold => "hold".into(),
                    media::PromptMessage::Position { number, .. } => format!("position({number})"),
                    other => format!("{other:?}").to_lowercase(),
                },
                media::Source::Greeting(_, said) => format!("{said:?}, then hold").to_lowercase(),
                media::Source::Farewell(_, said) => format!("{said:?}").to_lowercase(),
                other => format!("{other:?}").to_lowercase(),
            };
            let rows: Vec<_> =
                rows.iter().map(|(port, from)| format!("{}={}", port.0, source(from))).collect();
            format!("patch {}", rows.join(" "))
        }
        media::Command::KeyFrame { port } => format!("key-frame {}", port.0),
        media::Command::Dtmf { port, digit } => format!("dtmf {} {digit}", port.0),
        media::Command::Pressed { port, digit } => format!("pressed {} {digit}", port.0),
        media::Command::Intercept { port, on } => format!("intercept {} {on}", port.0),
        media::Command::Watch { port, on } => format!("watch {} {on}", port.0),
        media::Command::Record { port, recording: Some(call) } => {
            format!("record {} {call}", port.0)
        }
        media::Command::Record { port, recording: None } => format!("record {} no longer", port.0),
        media::Command::Preview { port, on } => format!("preview {} {on}", port.0),
    }
}

fn codec(name: &str) -> Codec {
    match name {
        "pcma" => Codec::Pcma,
        "g722" => Codec::G722,
        "opus" => Codec::Opus,
        "ilbc" => Codec::Ilbc,
        "vp8" => Codec::Vp8,
        "vp9" => Codec::Vp9,
        "amr" => Codec::from_rtpmap(Kind::Audio, "AMR", 8000, 1).unwrap(),
        other => panic!("no such codec: {other}"),
    }
}

/// Header lines, the Content-Type line and the body for what a script writes behind a method: words
/// in capitals with a colon are headers (`Require:100rel`), the rest SDP in short.
fn content(rest: &str, ip: IpAddr) -> (String, String, String) {
    let is_header =
        |word: &&str| word.contains(':') && word.starts_with(|c: char| c.is_ascii_uppercase());
    let headers = rest.split_whitespace().filter(is_header).fold(String::new(), |all, word| {
        let (name, value) = word.split_once(':').unwrap();
        format!("{all}{name}: {}\r\n", value.replace('_', " "))
    });
    let words: Vec<&str> = rest.split_whitespace().filter(|word| !is_header(word)).collect();
    let typed = |kind: &str, body: &str| (format!("Content-Type: {kind}\r\n"), body.to_owned());
    let (content_type, body) = match words[..] {
        [] => (String::new(), String::new()),
        ["broken"] => typed("application/sdp", "v=0\r\nm=audio"),
        ["no-sections"] => typed("application/sdp", &long("", ip)),
        // A browser's own words, with a change or two.
        ["browser", name, ref changes @ ..] => {
            typed("application/sdp", &handshakes::words_of(name, changes))
        }
        // In the company of others: ISUP, and something that has to be understood.
        ["multipart", ref words @ ..] => {
            let sdp = long(&words.join(" "), ip);
            let sdp =
                if words.is_empty() { String::new() } else { part("application/sdp", "", &sdp) };
            let isup = part("application/isup;version=x", "signal;handling=optional", "x");
            typed("multipart/mixed;boundary=b", &format!("{isup}{sdp}--b--\r\n"))
        }
        ["multipart-required", ref words @ ..] => {
            let sdp = part("application/sdp", "session", &long(&words.join(" "), ip));
            let other = part("x/y", "signal;handling=required", "x");
            typed("multipart/mixed;boundary=b", &format!("{sdp}{other}--b--\r\n"))
        }
        [kind] if kind.contains('/') => typed(kind, "x"),
        [kind, body] if kind.contains('/') => typed(kind, body),
        _ => typed("application/sdp", &long(&words.join(" "), ip)),
    };
    (headers, content_type, body)
}

/// A part of a body.
fn part(kind: &str, disposition: &str, body: &str) -> String {
    let disposition = match disposition {
        "" => String::new(),
        _ => format!("Content-Disposition: {disposition}\r\n"),
    };
    format!("--b\r\nContent-Type: {kind}\r\n{disposition}\r\n{body}\r\n")
}

/// A description from its short form: `audio 4000 0 8 a=sendonly; video 4002 97:H264/90000`.
fn long(sections: &str, ip: IpAddr) -> String {
    let nowhere = sections.contains("c=0");
    let elsewhere = sections.split_once("c=ip:").map(|(_, address)| address.to_owned());
    let own = if nowhere { "0.0.0.0".to_owned() } else { ip.to_string() };
    let address = elsewhere.unwrap_or(own);
    let sections = sections.trim_start_matches("c=0");
    let sections = sections.split("c=ip:").next().unwrap();
    let mut text =
        format!("v=0\r\no=- 7 7 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n");
    if sections.contains("lite") {
        text += "a=ice-lite\r\n";
    }
    if let Some(rest) = sections.split_once("bundle=").map(|(_, rest)| rest) {
        let mids = rest.split([' ', ';']).next().unwrap().replace(',', " ");
        text += &format!("a=group:BUNDLE {mids}\r\n");
    }
    for section in sections.split(';').map(str::trim).filter(|section| !section.is_empty()) {
        let mut words = section.split_whitespace();
        let (kind, port) = (words.next().unwrap(), words.next().unwrap());
        let (mut formats, mut attributes) = (String::new(), String::new());
        let (mut protocol, mut connection) = ("RTP/AVP", "");
        for word in words {
            match word.split_once(':') {
                _ if word == "SAVP" => protocol = "RTP/SAVP",
                _ if word == "AVPF" => protocol = "RTP/AVPF",
                _ if word == "SAVPF" => protocol = "RTP/SAVPF",
                _ if word == "TLS" => protocol = "UDP/TLS/RTP/SAVPF",
                _ if word.starts_with("fp=") => {
                    let fingerprint = Fingerprint::of(&word.as_bytes()[3..]);
                    attributes += &format!("a=fingerprint:{fingerprint}\r\n");
                }
                _ if word.starts_with("setup=") || word.starts_with("mid=") => {
                    attributes += &format!("a={}\r\n", word.replace('=', ":"));
                }
                _ if word == "lite" || word.starts_with("bundle=") => {}
                _ if word == "bundle-only" => attributes += "a=bundle-only\r\n",
                _ if word == "mux" => attributes += "a=rtcp-mux\r\n",
                _ if word.ends_with("/RTP/AVP") || word.ends_with("/RTP/SAVPF") => protocol = word,
                // Of the family that the house has not.
                _ if word == "c=6" => connection = "c=IN IP6 2001:db8::7\r\n",
                _ if word == "c=nowhere6" => connection = "c=IN IP6 ::\r\n",
                _ if word == "foreign-key" => {
                    attributes += "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA\r\n";
                }
                Some((key, length)) if key.starts_with("key=") => {
                    let (letter, mki) = key[4..].split_at(1);
                    let key = letter.repeat(40);
                    let suite = "AES_CM_128_HMAC_SHA1_80";
                    attributes +=
                        &format!("a=crypto:1 {suite} inline:{key}|2^31{mki}:{length}\r\n");
                }
                // Name and password of an agent that checks its ways to us.
                _ if word.starts_with("ice=") => {
                    let (ufrag, password) = (word[4..].repeat(4), word[4..].repeat(24));
                    attributes += &format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n");
                }
                // A key of 28 bytes in base64, for the suite that proves by its cipher.
                _ if word.starts_with("gcm-key=") => {
                    let key = word[8..].repeat(37);
                    attributes += &format!("a=crypto:1 AEAD_AES_128_GCM inline:{key}A==\r\n");
                }
                // A key of 30 bytes in base64, for the usual suite or for the one with short tags.
                _ if word.starts_with("key=") || word.starts_with("short-key=") => {
                    let (name, letter) = word.split_once('=').unwrap();
                    let key = letter.repeat(40);
                    let tag_bits = if name == "key" { 80 } else { 32 };
                    let suite = format!("AES_CM_128_HMAC_SHA1_{tag_bits}");
                    attributes += &format!("a=crypto:1 {suite} inline:{key}\r\n");
                }
                _ if word.starts_with("a=") => {
                    attributes += &format!("{}\r\n", word.replace('_', " "))
                }
                Some((number, map)) => {
                    formats += &format!(" {number}");
                    attributes += &format!("a=rtpmap:{number} {map}\r\n");
                }
                None => formats += &format!(" {word}"),
            }
        }
        text += &format!("m={kind} {port} {protocol}{formats}\r\n{connection}{attributes}");
    }
    text
}

fn body_in_short(content_type: Option<&str>, body: &[u8]) -> String {
    match content_type {
        None => String::new(),
        Some("application/sdp") => {
            let session = sdp::SessionDescription::parse(body).unwrap();
            let version = session.origin.version;
            let sections: Vec<String> =
                session.media.iter().map(|media| section(media, &session)).collect();
            let version = if version == 1 { String::new() } else { format!("v{version} ") };
            let bundle = session.bundle();
            let used = session.media.iter().filter(|media| media.port != 0);
            let in_order = used.filter_map(|media| media.mid()).eq(bundle.iter().copied());
            let bundle = match bundle.is_empty() {
                true => String::new(),
                false if in_order => "bundled ".to_owned(),
                false => format!("bundled={} ", bundle.join(",")),
            };
            let version = version + &bundle;
            if sections.is_empty() {
                "no-sections".to_owned()
            } else {
                version + &sections.join("; ")
            }
        }
        Some(other) => other.to_owned(),
    }
}

fn section(media: &sdp::MediaDescription, session: &sdp::SessionDescription) -> String {
    let mut words = format!("{} {}", media.kind, media.port);
    if media.port == 0 {
        return words;
    }
    let handshake = handshakes::said(media);
    if media.is_secure() && handshake.is_empty() {
        assert_eq!(media.cryptos().count(), 1, "one key of ours");
    }
    words += match (media.is_secure(), media.has_feedback_profile()) {
        (false, false) => "",
        (false, true) => " AVPF",
        (true, false) => " SAVP",
        (true, true) if media.is_rtp_over_dtls() => " TLS",
        (true, true) => " SAVPF",
    };
    words += &handshake;
    words += if media.rtcp_mux() { " mux" } else { "" };
    if let Some(ufrag) = media.attribute("ice-ufrag") {
        assert!(session.attribute("ice-lite").is_some(), "nothing is checked from here");
        let candidates: Vec<_> = media
            .attributes_named("candidate")
            .map(|value| value.split(' ').skip(4).take(2).collect::<Vec<_>>().join(":"))
            .collect();
        let priority =
            |value: &str| value.split(' ').nth(3).and_then(|word| word.parse::<u32>().ok());
        let priorities = media.attributes_named("candidate").filter_map(priority);
        assert!(priorities.is_sorted_by(|one, next| one > next), "of the first is thought most");
        words += &format!(" ice={}", &ufrag[..2]);
        // One that is carried by another has its addresses there.
        if !candidates.is_empty() {
            words += &format!(" at {}", candidates.join(","));
        }
    }
    for crypto in media.cryptos().filter(|crypto| crypto.suite != "AES_CM_128_HMAC_SHA1_80") {
        words += &format!(" {}", crypto.suite);
    }
    for (value, length) in media.cryptos().filter_map(|crypto| crypto.mki) {
        words += &format!(" mki={value}:{length}");
    }
    for map in media.rtpmaps() {
        words += &format!(" {}:{}", map.payload_type, map.encoding);
    }
    match media.stated_direction(session) {
        sdp::Direction::SendRecv => words,
        other => format!("{words} a={}", other.word()),
    }
}
