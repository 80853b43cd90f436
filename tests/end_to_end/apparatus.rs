//! The instruments, proved against themselves: a judge that never condemns is worth nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde_json::json;

use crate::browser::phone::BrowserPhone;
use crate::browser::{Browser, KINDS, Kind};
use crate::phone::{
    Account, Answer, CALLER, Codecs, Host, OPERATOR, PARTIES, PLAIN, Party, Phone, USER,
};
use crate::picture;
use crate::place::Place;
use crate::program;
use crate::tone::{self, Recording, Sound};
use crate::witness::{self, Gets, Spared};

const PATIENCE: Duration = Duration::from_secs(15);

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

/// A phone that was kept waiting takes more of the old voice than one that was not; no phone takes it twice.
#[test]
fn a_voice_that_ends_late_is_told_from_one_that_comes_back() {
    let place = Place::new();
    let (own, other) = (place.path().join("own.wav"), place.path().join("other.wav"));
    tone::write_wav(&own, CALLER.tone, 1);
    tone::write_wav(&other, USER.tone, 1);
    let mut sound = Recording::new(&own).since(0);
    sound.samples.extend(Recording::new(&other).since(0).samples);
    let is_stray = |sound: &Sound, tail_ms, artefact_ms| {
        witness::is_stray(sound, CALLER.tone, Spared { tail_ms, artefact_ms })
    };
    assert!(is_stray(&sound, 800, 0));
    assert!(!is_stray(&sound, 1200, 0));
    let last_piece = Recording::new(&own).since(0).after(960).samples;
    sound.samples.extend(&last_piece);
    assert!(is_stray(&sound, 1200, 0) && !is_stray(&sound, 1200, 40));
    sound.samples.extend(&last_piece);
    assert!(is_stray(&sound, 1200, 40));
}

#[test]
fn a_picture_that_is_half_of_another_is_neither() {
    let place = Place::new();
    for split in ["hstack", "vstack"] {
        let path = place.path().join(format!("{split}.png"));
        let plain = |party: Party, size: &str| {
            let [red, green, blue] = party.colour.0;
            format!("color=c=0x{red:02x}{green:02x}{blue:02x}:size={size}")
        };
        // The larger part is the caller's.
        let larger = if split == "hstack" { "200x96" } else { "128x160" };
        let smaller = if split == "hstack" { "120x96" } else { "128x100" };
        let sources = [plain(CALLER, larger), plain(USER, smaller)];
        let mut command = std::process::Command::new("ffmpeg");
        for source in &sources {
            command.args(["-v", "error", "-f", "lavfi", "-i", source]);
        }
        command.args(["-filter_complex", split, "-frames:v", "1", "-pix_fmt", "rgb24"]);
        program::run(command.arg(&path));
        let seen = picture::colour(&path).expect("it is whole");
        assert!(!seen.looks_like(CALLER.colour) && seen.looks_like(USER.colour), "{seen:?}");
    }
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

/// Two connections within one page: what one of them sends, with a tone and a colour of its own, is what the ears and
/// the eyes of the page report.
const LOOP: &str = "(async () => {
    const senses = await Senses.open();
    const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
    one.onicecandidate = event => other.addIceCandidate(event.candidate);
    other.onicecandidate = event => one.addIceCandidate(event.candidate);
    other.ontrack = event => senses.takes(event.track);
    const stream = senses.stream(true);
    stream.getTracks().forEach(track => one.addTrack(track, stream));
    await one.setLocalDescription();
    await other.setRemoteDescription(one.localDescription);
    await other.setLocalDescription();
    await one.setRemoteDescription(other.localDescription);
    window.ends = [one, other];
})()";

#[test]
fn chromium_hears_and_sees_what_comes() {
    a_page_hears_and_sees(Kind::Chromium);
}

#[test]
fn firefox_hears_and_sees_what_comes() {
    a_page_hears_and_sees(Kind::Firefox);
}

fn a_page_hears_and_sees(kind: Kind) {
    let place = Place::new();
    let mut phone = BrowserPhone::open(Host::Ours, kind, &place, CALLER, json!({}));
    phone.does(LOOP);
    phone.browser.await_true(&phone.page, "ends[1].connectionState === 'connected'", PATIENCE);
    let mark = witness::mark(&mut [&mut phone]);
    witness::judge("its own", &mark, &mut [&mut phone], &[Gets::Party(CALLER)]);
    let verdict = catch_unwind(AssertUnwindSafe(|| {
        witness::judge("wrongly expected", &mark, &mut [&mut phone], &[Gets::Party(USER)]);
    }));
    assert!(verdict.is_err(), "the judge found nothing wrong with a stranger");
    let said = phone.does("statistics(ends[1])");
    assert_eq!(said["transports"][0]["dtls"], "connected", "{said}");
    phone.does("ends.forEach(end => end.close())");
    let mark = witness::mark(&mut [&mut phone]);
    witness::judge("silence", &mark, &mut [&mut phone], &[Gets::Nothing]);
}

/// Keys, clicks, promises, faults, pictures of the page, F5.
#[test]
fn browsers_do_as_they_are_told() {
    for kind in KINDS {
        let place = Place::new();
        let mut browser = Browser::start(kind, &place);
        let field = "data:text/html,<body style='background:rgb(220 30 30)'><input id=f><button                      onclick='document.title=f.value' style='width:60px'>ok</button>";
        let page = browser.open(field);
        browser.click(&page, "#f");
        browser.press(&page, "3002\n");
        browser.click(&page, "button");
        assert_eq!(browser.evaluate(&page, "document.title"), "3002");
        let later = "new Promise(done => setTimeout(() => done({ one: [1, 'two'] }), 10))";
        assert_eq!(browser.evaluate(&page, later), json!({ "one": [1, "two"] }));
        assert!(browser.try_evaluate(&page, "nothing.there").is_err());
        let path = place.path().join("page.png");
        browser.photograph(&page, &path);
        assert!(std::fs::read(&path).is_ok_and(|file| file.starts_with(b"\x89PNG")));
        browser.reload(&page);
        assert_eq!(browser.evaluate(&page, "document.title"), "");
        let other = browser.open("data:text/html,<title>other</title>");
        assert_eq!(browser.evaluate(&other, "document.title"), "other");
        browser.close(&other);
        assert!(
            browser.try_evaluate(&other, "1").is_err() && browser.try_evaluate(&page, "1").is_ok()
        );
    }
}
