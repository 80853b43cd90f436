//! Ladders of legs whose keys are agreed by DTLS (RFC 5763), browsers above all: `^` is what those are told who do the
//! handshakes, `dtls` what comes of it. Certificates are letters.

use super::{OUR_CERTIFICATE, ladder};
use cordboard::dtls::{
    DtlsRole, Fingerprint, HandshakeCommand, HandshakeEvent, HandshakeFault, HandshakeKeys,
};
use cordboard::ids::PortId;
use cordboard::sdp::MediaDescription;
use cordboard::srtp::{MasterKey, Seed, Suite};
use std::fs;

/// As both browsers offer, before they know any address of theirs: with `max-bundle` they take nothing else.
#[test]
fn a_browser_that_calls_is_answered_at_once_and_heard_when_its_keys_are_there() {
    for browser in ["chromium-156", "chromium-156-gathered", "chromium-156-max-bundle"] {
        ladder(&format!("
            w -> INVITE browser {browser} FP>A
            = offered w audio video sealed
            do answer w
            ^ begin 20000 passive
            ~ open 20000 audio PCMU telephone-event to nowhere awaited checked
            ~ open 20001 video H264 to nowhere by 20000 awaited checked
            ~ patch 20000=silence
            w <- 200 bundled audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU 126:telephone-event; video 20000 TLS setup=passive mid=1 mux ice=EV 102:H264
            w -> ACK
            = confirmed w PCMU H264
            dtls keyed 20000 A
            ~ update 20000 PCMU telephone-event to nowhere sealed checked
            ~ update 20001 H264 to nowhere by 20000 sealed checked
            do listen w=hold
            ~ patch 20000=hold 20001=hold
            w -> BYE
            w <- 200
            ~ close 20001
            ^ end 20000
            ~ close 20000
            = ended w by Peer NormalClearing
        "));
    }
}

#[test]
fn a_browser_that_bundles_nothing_gets_a_port_for_each() {
    ladder("
        w -> INVITE browser chromium-156 FP>A a=group:BUNDLE%0%1>a=nothing
        = offered w audio video sealed
        do answer w
        ^ begin 20000 passive
        ~ open 20000 audio PCMU telephone-event to nowhere awaited checked
        ^ begin 20002 passive
        ~ open 20002 video H264 to nowhere awaited checked
        ~ patch 20000=silence
        w <- 200 audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU 126:telephone-event; video 20002 TLS setup=passive mid=1 mux ice=S3 at 192.0.2.1:20002 102:H264
        w -> ACK
        = confirmed w PCMU H264
        dtls keyed 20000 A
        ~ update 20000 PCMU telephone-event to nowhere sealed checked
        dtls keyed 20002 A
        ~ update 20002 H264 to nowhere sealed checked
        w -> BYE
        w <- 200
        ^ end 20000
        ~ close 20000
        ^ end 20002
        ~ close 20002
        = ended w by Peer NormalClearing
    ");
}

/// What is bundled stays so, and what is dropped leaves the other.
#[test]
fn a_bundle_lives_through_new_offers() {
    const ONE: &str = "audio 9 TLS bundle=0,1 setup=actpass fp=A mid=0 ice=A mux 0";
    ladder(&format!(
        "
        a -> INVITE {ONE}; video 0 TLS bundle-only mid=1 97:H264/90000
        = offered a audio video sealed
        do answer a
        ^ begin 20000 passive
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ open 20001 video H264 to nowhere by 20000 awaited checked
        ~ patch 20000=silence
        a <- 200 bundled audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU; video 20000 TLS setup=passive mid=1 mux ice=EV 97:H264
        a -> ACK
        = confirmed a PCMU H264
        dtls keyed 20000 A
        ~ update 20000 PCMU to nowhere sealed checked
        ~ update 20001 H264 to nowhere by 20000 sealed checked
        a -> INVITE {ONE}; video 9 TLS mid=1 97:H264/90000
        a <- 200 bundled audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU; video 20000 TLS setup=passive mid=1 mux ice=EV 97:H264
        a -> ACK
        a -> INVITE {ONE}; video 0 TLS mid=1 97:H264/90000
        a <- 200 v2 bundled audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU; video 0
        ~ close 20001
        = changed a PCMU -
        a -> ACK
        a -> INVITE {ONE}; video 0 TLS bundle-only mid=1 97:H264/90000
        a <- 200 v3 bundled audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU; video 20000 TLS setup=passive mid=1 mux ice=EV 97:H264
        ~ open 20001 video H264 to nowhere by 20000 sealed checked
        = changed a PCMU H264
        a -> ACK
        a -> INVITE
        a <- 200 v4 bundled audio 20000 TLS setup=actpass mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND; video 20000 TLS setup=actpass mid=1 mux ice=EV 97:H264 99:H264 100:VP8 102:H265 103:H263-1998 104:H263-2000 34:H263 31:H261
        a -> ACK {ONE}; video 9 TLS mid=1 97:H264/90000
        "
    ));
}

/// The transport of a bundle is that of its first section, be that the picture (RFC 9143 §7.3.1): it says who its peer
/// is, and there we say where we are.
#[test]
fn a_browser_whose_picture_comes_first_is_answered_in_one_bundle() {
    const ONE: &str = "video 9 TLS bundle=0,1 setup=actpass fp=A mid=0 ice=A mux 97:H264/90000";
    ladder(&format!(
        "
        a -> INVITE {ONE}; audio 0 TLS bundle-only mid=1 0
        = offered a audio video sealed
        do answer a
        ^ begin 20000 passive
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ open 20001 video H264 to nowhere by 20000 awaited checked
        ~ patch 20000=silence
        a <- 200 bundled video 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 97:H264; audio 20000 TLS setup=passive mid=1 mux ice=EV 0:PCMU
        a -> ACK
        = confirmed a PCMU H264
        dtls keyed 20000 A
        ~ update 20000 PCMU to nowhere sealed checked
        ~ update 20001 H264 to nowhere by 20000 sealed checked
        a -> INVITE {ONE}; audio 9 TLS mid=1 0
        a <- 200 bundled video 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 97:H264; audio 20000 TLS setup=passive mid=1 mux ice=EV 0:PCMU
        a -> ACK
        a -> INVITE
        a <- 200 v2 bundled video 20000 TLS setup=actpass mid=0 mux ice=EV at 192.0.2.1:20000 97:H264 99:H264 100:VP8 102:H265 103:H263-1998 104:H263-2000 34:H263 31:H261; audio 20000 TLS setup=actpass mid=1 mux ice=EV 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
        a -> ACK {ONE}; audio 9 TLS mid=1 0
        "
    ));
}

/// The name that the group says first counts, and not the place; its certificate, too, though the other names one.
#[test]
fn the_first_of_a_group_has_its_transport_wherever_it_stands() {
    ladder(
        "
        a -> INVITE audio 9 TLS bundle=p,s setup=actpass fp=B mid=s ice=B mux 0; video 9 TLS setup=actpass fp=A mid=p ice=A mux 97:H264/90000
        = offered a audio video sealed
        do answer a
        ^ begin 20000 passive
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ open 20001 video H264 to nowhere by 20000 awaited checked
        ~ patch 20000=silence
        a <- 200 bundled=p,s audio 20000 TLS setup=passive mid=s mux ice=EV 0:PCMU; video 20000 TLS setup=passive mid=p mux ice=EV at 192.0.2.1:20000 97:H264
        a -> ACK
        = confirmed a PCMU H264
        dtls keyed 20000 A
        ~ update 20000 PCMU to nowhere sealed checked
        ~ update 20001 H264 to nowhere by 20000 sealed checked
        ",
    );
}

/// A first section that is refused, by either side, leaves the bundle to the next.
#[test]
fn the_next_of_a_group_has_its_transport_where_the_first_is_refused() {
    for first in [
        "application 9 TLS bundle=2,0,1 setup=actpass fp=A mid=2 ice=A mux 5",
        "application 0 TLS bundle=2,0,1 mid=2 5",
    ] {
        ladder(&format!(
            "
            a -> INVITE {first}; video 9 TLS setup=actpass fp=A mid=0 ice=A mux 97:H264/90000; audio 0 TLS bundle-only mid=1 0
            = offered a audio video sealed
            do answer a
            ^ begin 20000 passive
            ~ open 20000 audio PCMU to nowhere awaited checked
            ~ open 20001 video H264 to nowhere by 20000 awaited checked
            ~ patch 20000=silence
            a <- 200 bundled application 0; video 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 97:H264; audio 20000 TLS setup=passive mid=1 mux ice=EV 0:PCMU
            "
        ));
    }
}

/// Chromium with `max-bundle` takes no other first section than its own: what we refuse there stays as one in which nothing
/// goes. To everybody else it is refused, and it may be taken later.
#[test]
fn a_first_section_that_is_refused_stays_for_its_transport() {
    const TWO: &str = "video 9 TLS bundle=0,1 setup=actpass fp=A mid=0 ice=A mux 97:H264/90000 99:rtx/90000 a=fmtp:97_x=1; \
        audio 0 TLS bundle-only mid=1 0";
    ladder(&format!(
        "
        b -> INVITE audio 4000 0
        = offered b audio
        do answer b
        ~ open 20000 audio PCMU to 192.0.2.11:4000
        ~ patch 20000=silence
        b <- 200 audio 20000 0:PCMU
        b -> ACK
        = confirmed b PCMU -
        a -> INVITE {TWO}
        = offered a audio video sealed
        do answer a like b
        ^ begin 20002 passive
        ~ open 20002 audio PCMU to nowhere awaited checked
        ~ patch 20002=silence
        a <- 200 bundled video 20002 TLS setup=passive mid=0 mux ice=sz at 192.0.2.1:20002 97:H264 a=inactive; audio 20002 TLS setup=passive mid=1 mux ice=sz 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20002 A
        ~ update 20002 PCMU to nowhere sealed checked
        do listen a=b b=a
        ~ patch 20002=20000 20000=20002
        a -> INVITE
        a <- 200 v2 bundled video 20002 TLS setup=actpass mid=0 mux ice=sz at 192.0.2.1:20002 97:H264 a=inactive; audio 20002 TLS setup=actpass mid=1 mux ice=sz 0:PCMU 8:PCMA 9:G722 96:opus 18:G729 3:GSM 4:G723 106:speex 107:speex 101:telephone-event 98:telephone-event 99:telephone-event    # 97 is the picture's
        a -> ACK video 9 TLS bundle=0,1 setup=active fp=A mid=0 ice=A mux 97:H264/90000 a=inactive; audio 9 TLS mid=1 0
        a -> INVITE {TWO}    # in the middle of a call a picture is wanted
        a <- 200 v3 bundled video 20002 TLS setup=passive mid=0 mux ice=sz at 192.0.2.1:20002 97:H264; audio 20002 TLS setup=passive mid=1 mux ice=sz 0:PCMU
        ~ open 20003 video H264 to nowhere by 20002 sealed checked
        ~ patch 20003=soundonly
        = changed a PCMU H264
        a -> ACK
        "
    ));
}

/// So does one that has nothing which could be passed on. Its number means nothing else on that transport.
#[test]
fn a_first_section_without_a_codec_stays_for_its_transport() {
    const TWO: &str = "video 9 TLS bundle=0,1 setup=actpass fp=A mid=0 ice=A mux 96:red/90000; audio 0 TLS bundle-only mid=1 0";
    ladder(&format!(
        "
        a -> INVITE {TWO}
        = offered a audio sealed
        do answer a
        ^ begin 20000 passive
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ patch 20000=silence
        a <- 200 bundled video 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 96:red a=inactive; audio 20000 TLS setup=passive mid=1 mux ice=EV 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20000 A
        ~ update 20000 PCMU to nowhere sealed checked
        a -> INVITE {TWO}    # nothing has changed
        a <- 200 bundled video 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 96:red a=inactive; audio 20000 TLS setup=passive mid=1 mux ice=EV 0:PCMU
        a -> ACK
        a -> INVITE
        a <- 200 v2 bundled video 20000 TLS setup=actpass mid=0 mux ice=EV at 192.0.2.1:20000 96:red a=inactive; audio 20000 TLS setup=actpass mid=1 mux ice=EV 0:PCMU 8:PCMA 9:G722 97:opus 18:G729 3:GSM 4:G723 106:speex 107:speex 101:telephone-event 98:telephone-event 99:telephone-event
        a -> ACK video 9 TLS bundle=0,1 setup=active fp=A mid=0 ice=A mux 96:vc2/90000 a=inactive; audio 9 TLS mid=1 0
        "
    ));
}

/// We call, and its answer puts the transport at its picture.
#[test]
fn a_browser_that_is_called_may_name_its_picture_first() {
    ladder(&format!(
        "
        do call w
        ^ begin 20000 passive
        ~ open 20000 audio {ALL} to nowhere inactive awaited checked
        ^ begin 20002 passive
        ~ open 20002 video {ALL_PICTURES} to nowhere inactive awaited checked
        ~ patch 20000=silence
        w <- INVITE {OFFERED}
        dtls keyed 20000 A
        w -> 200 audio 9 TLS bundle=1,0 mid=0 8; video 9 TLS setup=active fp=A mid=1 ice=A mux 99:H264/90000
        w <- ACK
        ^ end 20002
        ~ close 20002
        ~ update 20000 PCMA to nowhere sealed checked
        ~ open 20001 video H264 to nowhere by 20000 sealed checked
        = answered w PCMA H264
        "
    ));
}

#[test]
fn what_is_there_only_if_it_is_bundled_is_refused_without_what_carries_it() {
    ladder(
        "
        a -> INVITE audio 0 TLS bundle=0,1 setup=actpass fp=A mid=0 ice=A mux 0; video 0 TLS bundle-only setup=actpass fp=A mid=1 ice=A mux 97:H264/90000
        = offered a NoMedia
        do answer a
        a <- 488
        = ended a by Us NoCommonCodec
    ",
    );
}

/// Two ports are offered, and one is taken.
#[test]
fn a_browser_that_is_called_may_bundle_what_we_offer() {
    ladder(&format!(
        "
        do call w
        ^ begin 20000 passive
        ~ open 20000 audio {ALL} to nowhere inactive awaited checked
        ^ begin 20002 passive
        ~ open 20002 video {ALL_PICTURES} to nowhere inactive awaited checked
        ~ patch 20000=silence
        w <- INVITE {OFFERED}
        dtls keyed 20000 A
        w -> 200 audio 9 TLS bundle=0,1 setup=active fp=A mid=0 ice=A mux 8; video 9 TLS mid=1 99:H264/90000
        w <- ACK
        ^ end 20002
        ~ close 20002
        ~ update 20000 PCMA to nowhere sealed checked
        ~ open 20001 video H264 to nowhere by 20000 sealed checked
        = answered w PCMA H264
        do end w
        w <- BYE
        ~ close 20001
        ^ end 20000
        ~ close 20000
        = ended w by Us NormalClearing
        "
    ));
}

/// It has no H.264 where its plug-in is not there.
#[test]
fn firefox_is_answered_with_what_it_has() {
    for browser in ["firefox-153", "firefox-153-gathered", "firefox-153-max-bundle"] {
        ladder(&format!("
        w -> INVITE browser {browser} FP>A
        = offered w audio video sealed
        do answer w prefer opus
        ^ begin 20000 passive
        ~ open 20000 audio opus telephone-event to nowhere awaited checked
        ~ open 20001 video VP8 to nowhere by 20000 awaited checked
        ~ patch 20000=silence
        w <- 200 bundled audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 109:opus 101:telephone-event; video 20000 TLS setup=passive mid=1 mux ice=EV 120:VP8
    "));
    }
}

/// What it has found of its own addresses, be it names of nobody, TCP, or another family, is not read.
#[test]
fn a_browsers_addresses_make_no_difference() {
    for browser in [
        "chromium-156-gathered",
        "chromium-156-gathered 192.0.2.2>2001:db8::2",
        "firefox-153-gathered",
    ] {
        let play = super::play(&format!(
            "
            w -> INVITE browser {browser} FP>A
            do answer w
            ~
            "
        ));
        assert!(
            play.contains("open 20000 audio PCMU telephone-event to nowhere awaited"),
            "{play}"
        );
        assert!(play.contains("w <- 200 bundled audio 20000 TLS setup=passive"), "{play}");
    }
}

#[test]
fn a_handshake_needs_checks_one_port_and_a_fingerprint() {
    for (offer, why) in [
        ("TLS setup=actpass fp=A mux", "NoCommonTransport"),
        ("TLS setup=actpass fp=A ice=A", "NoCommonTransport"),
        ("TLS setup=actpass fp=A lite ice=A mux", "NoCommonTransport"),
        ("TLS setup=actpass ice=A mux", "NoCommonKeys"),
    ] {
        ladder(&format!(
            "
            a -> INVITE audio 9 {offer} 0
            = offered a {why}
            do answer a
            a <- 488
            = ended a by Us NoCommonCodec
            "
        ));
    }
}

#[test]
fn who_is_passive_gets_our_client_hello_and_goes_on_so() {
    ladder(
        "
        a -> INVITE audio 9 SAVPF setup=passive fp=A ice=A mux 0
        = offered a audio sealed
        do answer a
        ^ begin 20000 active
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ patch 20000=silence
        a <- 200 audio 20000 SAVPF setup=active mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20000 A
        ~ update 20000 PCMU to nowhere sealed checked
        a -> INVITE audio 9 SAVPF setup=actpass fp=A ice=A mux 0
        a <- 200 audio 20000 SAVPF setup=active mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        a -> INVITE audio 9 SAVPF setup=active fp=A ice=A mux 0
        a <- 200 v2 audio 20000 SAVPF setup=passive mux ice=EV at 192.0.2.1:20000 0:PCMU
        ^ begin 20000 passive
        ~ update 20000 PCMU to nowhere awaited checked
    ",
    );
}

/// What a peer names is not for us to count on.
#[test]
fn a_number_that_no_packet_has_room_for_breaks_nothing() {
    let happened = super::play(
        "
        a -> INVITE video 9 TLS bundle=0,1 setup=actpass fp=A mid=0 ice=A mux 200:red/90000; audio 0 TLS bundle-only mid=1 0
        do answer a
        a -> ACK
        a -> INVITE
        ",
    );
    assert!(happened.contains("a <- 200 v2 bundled video 20000"), "{happened}");
}

const OFFERED: &str = "bundled audio 20000 TLS setup=actpass mid=0 mux ice=EV at 192.0.2.1:20000 8:PCMA 0:PCMU 9:G722 96:opus OLD-SOUND; \
    video 20002 TLS setup=actpass mid=1 mux ice=S3 at 192.0.2.1:20002 99:H264 100:H264 102:VP8 103:H265 104:H263-1998 105:H263-2000 34:H263 31:H261";
const ALL: &str =
    "PCMA PCMU G722 opus G729 GSM G723 speex speex telephone-event telephone-event telephone-event";
const ALL_PICTURES: &str = "H264 H264 VP8 H265 H263-1998 H263-1998 H263 H261";

/// What is reached over WebSocket is a browser (RFC 7118); so is who is said to be one.
#[test]
fn checks_and_the_handshake_may_come_before_the_answer() {
    for (name, call) in [("w", "do call w"), ("b", "do call b by-dtls")] {
        ladder(&format!(
            "
            {call}
            ^ begin 20000 passive
            ~ open 20000 audio {ALL} to nowhere a=inactive awaited checked
            ^ begin 20002 passive
            ~ open 20002 video {ALL_PICTURES} to nowhere a=inactive awaited checked
            ~ patch 20000=silence
            {name} <- INVITE {OFFERED}
            relay latched 20000
            {name} -> 180
            = ringing {name} 180
            dtls keyed 20000 A
            {name} -> 200 audio 9 TLS setup=active fp=A mid=0 ice=A mux 8; video 9 TLS setup=active fp=A mid=1 ice=A mux 99:H264/90000
            {name} <- ACK
            ~ update 20000 PCMA to nowhere sealed checked
            ~ update 20002 H264 to nowhere awaited checked
            = answered {name} PCMA H264
            dtls keyed 20002 A
            ~ update 20002 H264 to nowhere sealed checked
            relay first 20000
            "
        ).replace("a=inactive", "inactive"));
    }
}

#[test]
fn a_phone_that_answers_passively_gets_our_client_hello() {
    ladder(&format!(
        "
        do call w
        ^ begin 20000 passive
        ^ begin 20002 passive
        w <- INVITE {OFFERED}
        w -> 200 audio 9 TLS setup=passive fp=A mid=0 ice=A mux 8; video 0 97
        w <- ACK
        ^ begin 20000 active
        ^ end 20002
        = answered w PCMA -
        "
    ));
}

/// Of the branches of a fork one has both on one transport and another has not: until one answers the port that the
/// picture was offered is kept for it.
#[test]
fn branches_of_a_fork_bundle_or_not_each_for_itself() {
    const ONE: &str = "audio 9 TLS bundle=0,1 setup=active fp=A mid=0 ice=A mux 8; video 9 TLS mid=1 99:H264/90000";
    const TWO: &str = "audio 9 TLS setup=active fp=B mid=0 ice=B mux 8; video 9 TLS setup=active fp=B mid=1 ice=B mux 99:H264/90000";
    let rings = format!(
        "
        do call w
        ^ begin 20000 passive
        ~ open 20000 audio {ALL} to nowhere inactive awaited checked
        ^ begin 20002 passive
        ~ open 20002 video {ALL_PICTURES} to nowhere inactive awaited checked
        ~ patch 20000=silence
        w <- INVITE {OFFERED}
        "
    );
    let one_and_two = format!(
        "
        w -> 183 {ONE}
        ~ update 20000 PCMA to nowhere awaited checked
        = ringing w 183
        w -> 183 tag=other {TWO}
        ^ end 20000
        ^ begin 20000 passive
        ~ update 20002 H264 to nowhere awaited checked
        = ringing w 183
        "
    );
    let two_answers = format!(
        "
        w -> 200 tag=other {TWO}
        w <- ACK
        = answered w PCMA H264
        "
    );
    let one_answers = format!(
        "
        w -> 200 {ONE}
        w <- ACK
        ^ end 20002
        ~ close 20002
        ^ end 20000
        ^ begin 20000 passive
        ~ open 20001 video H264 to nowhere by 20000 awaited checked
        = answered w PCMA H264
        "
    );
    for answers in [two_answers, one_answers] {
        ladder(&[&*rings, &*one_and_two, &*answers].concat());
    }
    let two_and_one = format!(
        "
        w -> 183 {TWO}
        ~ update 20000 PCMA to nowhere awaited checked
        ~ update 20002 H264 to nowhere awaited checked
        = ringing w 183
        w -> 183 tag=other {ONE}
        ^ end 20000
        ^ begin 20000 passive
        ~ update 20002 {ALL_PICTURES} to nowhere inactive awaited checked
        = ringing w 183
        w -> 200 tag=other {ONE}
        w <- ACK
        ^ end 20002
        ~ close 20002
        ~ open 20001 video H264 to nowhere by 20000 awaited checked
        = answered w PCMA H264
        "
    );
    ladder(&[&*rings, &*two_and_one].concat());
}

#[test]
fn an_answer_without_a_handshake_is_none() {
    for answer in [
        "audio 9 8",
        "audio 9 SAVPF key=A ice=A mux 8",
        "audio 9 TLS setup=active fp=A ice=A 8",
        "audio 9 TLS setup=active ice=A mux 8",
        "audio 9 TLS setup=active fp=A mux 8",
    ] {
        ladder(&format!(
            "
            do call w
            ^ begin 20000 passive
            ^ begin 20002 passive
            w <- INVITE {OFFERED}
            w -> 200 {answer}
            w <- ACK
            = refused w 488 NoCommonCodec
            w <- BYE
            ^ end 20000
            ^ end 20002
            = ended w by Us NoCommonCodec
            "
        ));
    }
}

/// Whoever has another certificate than the description says may be anybody.
#[test]
fn a_foreign_certificate_ends_the_call() {
    ladder(
        "
        a -> INVITE audio 9 TLS setup=actpass fp=A ice=A mux 0
        = offered a audio sealed
        do answer a
        ^ begin 20000 passive
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ patch 20000=silence
        a <- 200 audio 20000 TLS setup=passive mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20000 B
        a <- BYE
        ^ end 20000
        ~ close 20000
        = ended a by Us ForeignCertificate
    ",
    );
    ladder(&format!(
        "
        do call w
        ^ begin 20000 passive
        ^ begin 20002 passive
        w <- INVITE {OFFERED}
        dtls keyed 20000 B
        w -> 200 audio 9 TLS setup=active fp=A ice=A mux 8
        w <- ACK
        ^ end 20002
        = answered w PCMA -
        w <- BYE
        ^ end 20000
        = ended w by Us ForeignCertificate
        "
    ));
}

#[test]
fn a_phone_that_says_that_it_goes_is_lost_and_one_without_keys_is_of_no_use() {
    for (what, cause) in [
        ("dtls closed 20000", "Lost"),
        ("dtls failed 20000", "HandshakeFailed"),
        ("relay consent-lost 20000", "Lost"),
    ] {
        ladder(&format!(
            "
            a -> INVITE audio 9 TLS setup=actpass fp=A ice=A mux 0
            = offered a audio sealed
            do answer a
            ^ begin 20000 passive
            a <- 200 audio 20000 TLS setup=passive mux ice=EV at 192.0.2.1:20000 0:PCMU
            a -> ACK
            = confirmed a PCMU -
            {what}
            a <- BYE
            ^ end 20000
            = ended a by Us {cause}
            "
        ));
    }
}

#[test]
fn keys_that_never_come_end_the_call() {
    ladder(
        "
        a -> INVITE audio 9 TLS setup=actpass fp=A ice=A mux 0
        = offered a audio sealed
        do answer a
        ^ begin 20000 passive
        a <- 200 audio 20000 TLS setup=passive mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        +30s
        a <- BYE
        ^ end 20000
        = ended a by Us HandshakeFailed
    ",
    );
}

/// While a phone rings nothing is decided: it may answer from elsewhere.
#[test]
fn what_fails_while_it_rings_begins_anew_with_the_answer() {
    let happened = super::play(
        "
        do call w
        dtls failed 20000
        dtls closed 20002
        w -> 200 audio 9 TLS setup=active fp=A ice=A mux 8; video 9 TLS setup=active fp=A ice=A mux 97:H264/90000
        ",
    );
    let then = "w <- ACK\n^ begin 20000 passive\n^ begin 20002 passive\n= answered w PCMA H264\n";
    assert!(happened.ends_with(then), "{happened}");
    for failed in ["dtls failed 20000\n^ end 20000\n", "dtls closed 20002\n^ end 20002\n"] {
        assert!(happened.contains(failed), "the port is free for another handshake: {happened}");
    }
}

#[test]
fn other_checks_keep_the_keys_and_another_certificate_brings_others() {
    ladder(
        "
        a -> INVITE audio 9 TLS setup=actpass fp=A mid=0 ice=A mux 0
        = offered a audio sealed
        do answer a
        ^ begin 20000 passive
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ patch 20000=silence
        a <- 200 audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20000 A
        ~ update 20000 PCMU to nowhere sealed checked
        a -> INVITE audio 9 TLS setup=actpass fp=A mid=0 ice=A mux 0
        a <- 200 audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU    # nothing has changed
        a -> ACK
        a -> INVITE audio 9 TLS setup=actpass fp=A mid=0 ice=B mux 0
        a <- 200 v2 audio 20000 TLS setup=passive mid=0 mux ice=S7 at 192.0.2.1:20000 0:PCMU
        ~ update 20000 PCMU to nowhere sealed checked
        a -> ACK
        a -> INVITE audio 9 TLS setup=actpass fp=C mid=0 ice=C mux 0
        a <- 200 v3 audio 20000 TLS setup=passive mid=0 mux ice=Va at 192.0.2.1:20000 0:PCMU
        ^ end 20000
        ^ begin 20000 passive
        ~ update 20000 PCMU to nowhere awaited checked
        a -> ACK
        dtls keyed 20000 C
        ~ update 20000 PCMU to nowhere sealed checked
        a -> INVITE audio 4000 0
        a <- 488    # what began sealed never goes on in clear
        a -> ACK
    ",
    );
}

/// Three kinds of keys in one call, and a switch between them touches none.
#[test]
fn phones_with_keys_of_all_kinds_hear_each_other() {
    ladder(
        "
        a -> INVITE audio 9 TLS setup=actpass fp=A ice=A mux 0
        = offered a audio sealed
        do answer a
        ^ begin 20000 passive
        ~ open 20000 audio PCMU to nowhere awaited checked
        ~ patch 20000=silence
        a <- 200 audio 20000 TLS setup=passive mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20000 A
        ~ update 20000 PCMU to nowhere sealed checked
        b -> INVITE audio 4000 SAVP key=A 0
        = offered b audio sealed
        do answer b
        ~ open 20002 audio PCMU to 192.0.2.11:4000 sealed
        ~ patch 20002=silence
        b <- 200 audio 20002 SAVP 0:PCMU
        b -> ACK
        = confirmed b PCMU -
        c -> INVITE audio 4000 0
        = offered c audio
        do answer c
        ~ open 20004 audio PCMU to 192.0.2.12:4000
        ~ patch 20004=silence
        c <- 200 audio 20004 0:PCMU
        c -> ACK
        = confirmed c PCMU -
        do listen a=b b=a c=hold
        ~ patch 20000=20002 20002=20000 20004=hold
        do listen a=c c=a b=hold
        ~ patch 20000=20004 20004=20000 20002=hold
    ",
    );
}

/// Neither hears the other before the keys of both are there, whatever the relay would pass.
#[test]
fn nobody_is_heard_or_seen_before_the_keys_are_there() {
    ladder(
        "
        a -> INVITE audio 9 TLS bundle=0,1 setup=actpass fp=A mid=0 ice=A mux 0; video 9 TLS mid=1 97:H264/90000
        = offered a audio video sealed
        do answer a
        ^ begin 20000 passive
        a <- 200 bundled audio 20000 TLS setup=passive mid=0 mux ice=EV at 192.0.2.1:20000 0:PCMU; video 20000 TLS setup=passive mid=1 mux ice=EV 97:H264
        a -> ACK
        = confirmed a PCMU H264
        b -> INVITE audio 4000 0; video 4002 97:H264/90000
        = offered b audio video
        do answer b
        b <- 200 audio 20002 0:PCMU; video 20004 97:H264
        b -> ACK
        = confirmed b PCMU H264
        do listen a=b b=a
        do watch a
        do watch b
        relay fed 20000 20002
        relay fed 20001 20004
        relay fed 20002 20000
        relay fed 20004 20001
        dtls keyed 20000 A
        = senses a hears b sees b
        = senses b hears a sees a
        a -> INVITE audio 9 TLS bundle=0,1 setup=actpass fp=C mid=0 ice=C mux 0; video 9 TLS mid=1 97:H264/90000
        a <- 200 v2 bundled audio 20000 TLS setup=passive mid=0 mux ice=tv at 192.0.2.1:20000 0:PCMU; video 20000 TLS setup=passive mid=1 mux ice=tv 97:H264
        ^ end 20000
        ^ begin 20000 passive
        = senses a hears - sees -
        = senses b hears - sees -
        a -> ACK
        dtls keyed 20000 C
        = senses a hears b sees b
        = senses b hears a sees a
        ",
    );
}

/// Which it has from where packets went before, and may be in other hands after a crash.
#[test]
fn keys_that_nobody_knows_the_use_of_end_the_call() {
    ladder(
        "
        a -> INVITE audio 9 TLS setup=actpass fp=A ice=A mux 0
        = offered a audio sealed
        do answer a
        ^ begin 20000 passive
        a <- 200 audio 20000 TLS setup=passive mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20000 A
        do rekey a
        a <- BYE
        ^ end 20000
        = ended a by Us Interrupted
    ",
    );
}

#[test]
fn a_browser_that_calls_without_sdp_is_offered_a_handshake() {
    ladder(&format!(
        "
        w -> INVITE
        = offered w late
        do answer w
        ^ begin 20000 passive
        ^ begin 20002 passive
        w <- 200 {OFFERED}
        dtls keyed 20000 A
        w -> ACK audio 9 TLS setup=active fp=A ice=A mux 9; video 0 97
        ^ end 20002
        = confirmed w G722 -
        "
    ));
}

#[test]
fn a_new_offer_of_ours_leaves_the_role_and_the_name_of_a_section() {
    ladder(
        "
        a -> INVITE audio 9 TLS setup=actpass fp=A mid=sound ice=A mux 0
        = offered a audio sealed
        do answer a
        ^ begin 20000 passive
        a <- 200 audio 20000 TLS setup=passive mid=sound mux ice=EV at 192.0.2.1:20000 0:PCMU
        a -> ACK
        = confirmed a PCMU -
        dtls keyed 20000 A
        a -> INVITE
        a <- 200 v2 bundled audio 20000 TLS setup=actpass mid=sound mux ice=EV at 192.0.2.1:20000 0:PCMU 8:PCMA 9:G722 96:opus OLD-SOUND
        a -> ACK audio 9 TLS setup=active fp=A mid=sound ice=A mux 0
    ",
    );
}

// ---- how they are played ----

/// What those are told who do the handshakes.
pub fn in_short(command: HandshakeCommand) -> String {
    match command {
        HandshakeCommand::Begin { port, role: DtlsRole::Passive } => {
            format!("begin {} passive", port.0)
        }
        HandshakeCommand::Begin { port, role: DtlsRole::Active } => {
            format!("begin {} active", port.0)
        }
        HandshakeCommand::End { port } => format!("end {}", port.0),
    }
}

/// What comes of a handshake: `keyed 20000 A`, under the certificate A.
pub fn event(words: &[&str]) -> HandshakeEvent {
    let port = PortId(words[1].parse().unwrap());
    let key = |byte| MasterKey::fresh(Suite::AeadAes128Gcm, Seed([byte; 46]));
    match *words {
        ["keyed", _, certificate] => HandshakeEvent::Keyed {
            port,
            certificate: certificate.as_bytes().into(),
            keys: Box::new(HandshakeKeys {
                sends: key(1),
                receives: key(certificate.as_bytes()[0]),
            }),
        },
        ["closed", _] => HandshakeEvent::Closed { port },
        ["failed", _] => HandshakeEvent::Failed { port, fault: HandshakeFault::TimedOut },
        _ => panic!("no such event: {words:?}"),
    }
}

/// What a section of ours says of its handshake.
pub fn said(media: &MediaDescription) -> String {
    let Some(fingerprint) = media.attribute("fingerprint") else { return String::new() };
    assert_eq!(fingerprint, Fingerprint::of(OUR_CERTIFICATE).to_string());
    assert_eq!(media.cryptos().count(), 0, "no key stands in the open");
    assert!(media.rtcp_mux(), "there is one port");
    let setup = media.attribute("setup").unwrap();
    assert_eq!(setup == "actpass", media.attribute("rtcp-mux-only").is_some(), "in offers");
    for away in ["extmap", "ssrc", "rid", "simulcast", "rtcp-rsize", "rtcp-xr"] {
        assert_eq!(media.attribute(away), None, "{away}");
    }
    let mid = media.attribute("mid").map(|mid| format!(" mid={mid}")).unwrap_or_default();
    format!(" setup={setup}{mid}")
}

/// What a browser said, with changes to it: `FP>A` is known by the certificate A.
pub fn words_of(browser: &str, changes: &[&str]) -> String {
    let text = fs::read_to_string(format!("tests/fixtures/browsers/{browser}.sdp")).unwrap();
    changes.iter().fold(text, |text, change| {
        let (from, to) = change.split_once('>').unwrap();
        match from {
            "FP" => text
                .lines()
                .map(|line| match line.strip_prefix("a=fingerprint:") {
                    Some(_) => format!("a=fingerprint:{}\r\n", Fingerprint::of(to.as_bytes())),
                    None => format!("{line}\r\n"),
                })
                .collect(),
            _ => {
                let (from, to) = (from.replace('%', " "), to.replace('%', " "));
                assert!(text.contains(&from), "{from}");
                text.replace(&from, &to)
            }
        }
    })
}
