//! Parties through their texts: a text has all of a party but for what the ledger of the relay has.

#![allow(dead_code)] // Each test uses what it needs.

use cordboard::ids::PortId;
use cordboard::leg::SavedLeg;
use cordboard::live::{self, SavedParty};
use cordboard::media::LedgerSlot;
use cordboard::time::{Now, UnixTime};

/// The party as its text has it, with the ports that it had: what changes with each packet is not in a text.
#[track_caller]
pub fn through_text(now: Now, saved: &SavedParty) -> SavedParty {
    let text = live::print(saved);
    let slot = |port: PortId| -> Option<LedgerSlot> {
        saved.ports.iter().find(|saved| saved.port == port).map(|saved| saved.slot(now))
    };
    let read = live::parse(&text, now, slot);
    let mut read = read.unwrap_or_else(|fault| panic!("{fault}:\n{text}\nof {saved:#?}"));
    assert_eq!(live::print(&written_as(&read, saved)), text, "it is written anew as it was");
    let lasting = |party: &SavedParty| -> Vec<_> {
        party.ports.iter().map(|port| (port.facts(), port.plan.clone())).collect()
    };
    assert_eq!(lasting(&read), lasting(saved), "{text}");
    settle(&mut read.leg, &saved.leg);
    read.ports.clone_from(&saved.ports);
    assert_eq!(&read, saved, "{text}");
    read
}

/// The leg as the text of its party has it.
#[allow(dead_code)] // Not every test has legs alone.
#[track_caller]
pub fn leg_through_text(now: Now, saved: &SavedLeg) -> SavedLeg {
    let party = SavedParty { leg: saved.clone(), ports: vec![], peer: None };
    let text = live::print(&party);
    let read = live::parse(&text, now, |_| None);
    let SavedParty { mut leg, .. } = read.unwrap_or_else(|fault| panic!("{fault}:\n{text}"));
    settle(&mut leg, saved);
    assert_eq!(&leg, saved, "{text}");
    leg
}

/// What was read, with the numbers that its text is ahead of.
fn written_as(read: &SavedParty, saved: &SavedParty) -> SavedParty {
    let mut read = read.clone();
    count_as(&mut read.leg, &saved.leg);
    read
}

/// Numbers that count up are written ahead.
#[track_caller]
fn count_as(read: &mut SavedLeg, saved: &SavedLeg) {
    let (read, saved) = (&mut read.dialog, &saved.dialog);
    let ahead = read.dialog.local_cseq - saved.dialog.local_cseq;
    assert!((100..2_000).contains(&ahead), "CSeq is {ahead} ahead");
    read.dialog.local_cseq = saved.dialog.local_cseq;
    if let (Some(read), Some(saved)) = (&mut read.login, &saved.login) {
        for (read, saved) in read.known.iter_mut().zip(&saved.known) {
            assert!(read.count >= saved.count + 100);
            read.count = saved.count;
        }
    }
}

/// Moments are written in milliseconds.
#[track_caller]
fn settle(read: &mut SavedLeg, saved: &SavedLeg) {
    count_as(read, saved);
    let moment = |read: &mut UnixTime, saved: UnixTime| {
        assert_eq!(read.as_micros(), saved.as_micros() / 1_000 * 1_000);
        *read = saved;
    };
    let timers = (&mut read.dialog.timer, &saved.dialog.timer);
    for (read, saved) in [
        (&mut timers.0.refresh_at, timers.1.refresh_at),
        (&mut timers.0.ends, timers.1.ends),
        (&mut read.audio.lifeless_since, saved.audio.lifeless_since),
        (&mut read.video.lifeless_since, saved.video.lifeless_since),
    ] {
        if let (Some(read), Some(saved)) = (read, saved) {
            moment(read, saved);
        }
    }
    for (read, saved) in read.dialog.acks.iter_mut().zip(&saved.dialog.acks) {
        moment(&mut read.until, saved.until);
    }
}
