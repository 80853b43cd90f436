//! The instruments, proved against themselves: a judge that never condemns is worth nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::phone::{Account, Answer, CALLER, Codecs, OPERATOR, PARTIES, PLAIN, Phone, USER};
use crate::place::Place;
use crate::tone::{self, Recording};
use crate::witness::{self, Gets};

#[test]
fn each_tone_and_colour_is_told_from_the_others_and_from_silence() {
    let place = Place::new();
    let path = place.path().join("tone.wav");
    for (n, party) in PARTIES.iter().enumerate() {
        tone::write_wav(&path, party.tone, 1);
        let sound = Recording::new(&path).since(0);
        assert_eq!(sound.millis(), 1000);
        assert!(sound.share_of(party.tone) > 0.99);
        assert!(sound.share_audible() > 0.99);
        assert!(sound.after(1000).share_audible() == 0.0);
        for (_, other) in PARTIES.iter().enumerate().filter(|(other, _)| *other != n) {
            assert!(sound.share_of(other.tone) == 0.0, "{party:?} sounds like {other:?}");
            assert!(!party.colour.looks_like(other.colour), "{party:?} looks like {other:?}");
        }
    }
}

/// What is still on its way from the old party makes no melody; another sound behind it does.
#[test]
fn what_is_left_of_a_voice_is_no_melody() {
    let place = Place::new();
    let (own, other) = (place.path().join("own.wav"), place.path().join("other.wav"));
    tone::write_wav(&own, CALLER.tone, 1);
    tone::write_wav(&other, 600.0, 1);
    let mut sound = Recording::new(&own).since(0);
    assert!(!witness::has_melody(&sound));
    sound.samples.extend(Recording::new(&other).since(0).samples);
    assert!(witness::has_melody(&sound));
}

/// 10 ms of anything else between each two packets, as padding would be that is played.
#[test]
fn what_stands_between_the_packets_of_a_tone_is_noticed() {
    let place = Place::new();
    let path = place.path().join("tone.wav");
    tone::write_wav(&path, CALLER.tone, 1);
    let mut sound = Recording::new(&path).since(0);
    assert!(sound.share_pure(CALLER.tone) > 0.99);
    for packet in sound.samples.chunks_mut(tone::PLAYED_HZ as usize * 30 / 1000) {
        packet.iter_mut().skip(tone::PLAYED_HZ as usize * 20 / 1000).for_each(|s| *s = 0.5);
    }
    assert!(sound.share_of(CALLER.tone) > 0.99 && sound.share_pure(CALLER.tone) == 0.0);
}

/// 40 ms of an intruder in two seconds are found, however faint: the judge looks at every piece.
#[test]
fn two_packets_of_an_intruder_are_noticed() {
    let place = Place::new();
    let (own, other) = (place.path().join("own.wav"), place.path().join("other.wav"));
    tone::write_wav(&own, CALLER.tone, 2);
    tone::write_wav(&other, USER.tone, 2);
    let mut sound = Recording::new(&own).since(0);
    let intruder = Recording::new(&other).since(0);
    for n in 48_000..49_920 {
        sound.samples[n] = 0.9 * sound.samples[n] + 0.25 * intruder.samples[n];
    }
    assert!(sound.share_of(USER.tone) > 0.0);
    assert!(sound.share_of(OPERATOR.tone) == 0.0);
}

#[test]
fn two_phones_hear_and_see_each_other_directly() {
    direct_call(PLAIN);
}

#[test]
fn two_phones_hear_each_other_in_every_audio_codec() {
    for audio in ["PCMA", "G722", "opus"] {
        direct_call(Codecs { audio, video: "", ..PLAIN });
    }
}

#[test]
fn two_phones_see_each_other_in_vp8() {
    direct_call(Codecs { video: "VP8", ..PLAIN });
}

fn direct_call(codecs: Codecs) {
    let place = Place::new();
    let nowhere = place.switchboard();
    let caller = Account::Direct { name: "caller" };
    let user = Account::Direct { name: "user" };
    let mut caller = Phone::start(&place, CALLER, codecs, Answer::WhenTold, &caller, nowhere);
    let mut user = Phone::start(&place, USER, codecs, Answer::AtOnce, &user, nowhere);
    caller.dial(&format!("sip:user@{}", user.sip));
    caller.await_event("CALL_ESTABLISHED");
    let mark = witness::mark(&mut [&mut caller, &mut user]);
    let right = match codecs.video {
        "" => [Gets::Voice(USER), Gets::Voice(CALLER)],
        _ => [Gets::Party(USER), Gets::Party(CALLER)],
    };
    witness::judge("direct call", &mark, &mut [&mut caller, &mut user], &right);
    let wrong = [Gets::Nothing, right[1]];
    let verdict = catch_unwind(AssertUnwindSafe(|| {
        witness::judge("wrongly expected", &mark, &mut [&mut caller, &mut user], &wrong);
    }));
    assert!(verdict.is_err(), "the judge found nothing wrong with hearing a stranger");
    user.hang_up();
    caller.await_event("CALL_CLOSED");
}
