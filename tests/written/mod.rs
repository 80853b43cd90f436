//! Parties through their texts: a text has all of a party but for what the ledger of the relay has.

use cordboard::dialog::{SavedPhase, SavedRepeat};
use cordboard::ids::PortId;
use cordboard::leg::SavedLeg;
use cordboard::live::{self, SavedInvite, SavedParty};
use cordboard::media::LedgerSlot;
use cordboard::time::{Now, UnixTime};
use cordboard::transaction::{SavedClientState, SavedServerState};

/// The party as its text has it, with the ports that it had: what changes with each packet is not in a text.
#[track_caller]
#[allow(dead_code)] // Legs alone go through their texts in some tests.
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
    settle_invite(&mut read, saved);
    read.ports.clone_from(&saved.ports);
    assert_eq!(&read, saved, "{text}");
    read
}

/// The leg as the text of its party has it.
#[allow(dead_code)] // Not every test has legs alone.
#[track_caller]
pub fn leg_through_text(now: Now, saved: &SavedLeg) -> SavedLeg {
    let (leg, ports) = (saved.clone(), vec![]);
    let party = SavedParty { leg, ports, peer: None, invite: None, credit: None };
    let text = live::print(&party);
    let read = live::parse(&text, now, |_| None);
    let SavedParty { mut leg, .. } = read.unwrap_or_else(|fault| panic!("{fault}:\n{text}"));
    settle(&mut leg, saved);
    assert_eq!(&leg, saved, "{text}");
    leg
}

/// What was read, with the numbers that its text is ahead of.
#[allow(dead_code)] // As above.
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
    if let (SavedPhase::Calling(read), SavedPhase::Calling(saved)) = (&mut read.phase, &saved.phase)
    {
        for (read, saved) in read.forks.iter_mut().zip(&saved.forks) {
            let ahead = read.dialog.local_cseq - saved.dialog.local_cseq;
            assert!((100..2_000).contains(&ahead), "CSeq is {ahead} ahead");
            read.dialog.local_cseq = saved.dialog.local_cseq;
        }
    }
    if let (Some(read), Some(saved)) = (&mut read.login, &saved.login) {
        for (read, saved) in read.known.iter_mut().zip(&saved.known) {
            assert!(read.count >= saved.count + 100);
            read.count = saved.count;
        }
    }
}

#[track_caller]
fn moment(read: &mut UnixTime, saved: UnixTime) {
    assert_eq!(read.as_micros(), saved.as_micros() / 1_000 * 1_000);
    *read = saved;
}

#[track_caller]
fn settle_phase(read: &mut SavedPhase, saved: &SavedPhase) {
    let repeat = |read: &mut SavedRepeat, saved: SavedRepeat| {
        moment(&mut read.at, saved.at);
        moment(&mut read.until, saved.until);
    };
    match (read, saved) {
        (SavedPhase::Answered(read), SavedPhase::Answered(saved)) => {
            repeat(&mut read.repeat, saved.repeat);
        }
        (SavedPhase::Ringing(read), SavedPhase::Ringing(saved)) => {
            if let (Some((_, read)), Some((_, saved))) =
                (&mut read.unacknowledged, &saved.unacknowledged)
            {
                repeat(read, *saved);
            }
            if let (Some(read), Some(saved)) = (&mut read.said, &saved.said) {
                moment(&mut read.again, saved.again);
            }
        }
        (SavedPhase::Calling(read), SavedPhase::Calling(saved)) => {
            if let (Some(read), Some(saved)) = (&mut read.silent_until, saved.silent_until) {
                moment(read, saved);
            }
        }
        _ => {}
    }
}

#[track_caller]
fn settle_wait(read: &mut SavedClientState, saved: SavedClientState) {
    use SavedClientState::{Proceeding, Unheard};
    match (read, saved) {
        (Proceeding { silent_until: read }, Proceeding { silent_until: saved }) => {
            moment(read, saved);
        }
        (Unheard { again, until }, Unheard { again: saved_again, until: saved }) => {
            moment(until, saved);
            if let (Some(again), Some(saved)) = (again, saved_again) {
                moment(again, saved);
            }
        }
        _ => {}
    }
}

#[track_caller]
#[allow(dead_code)] // As above.
fn settle_invite(read: &mut SavedParty, saved: &SavedParty) {
    match (&mut read.invite, &saved.invite) {
        (Some(SavedInvite::Ours(read)), Some(SavedInvite::Ours(saved))) => {
            settle_wait(&mut read.state, saved.state);
        }
        (Some(SavedInvite::Theirs(read)), Some(SavedInvite::Theirs(saved))) => {
            match (&mut read.state, &saved.state) {
                (
                    SavedServerState::Unsaid { trying_at: read, .. },
                    SavedServerState::Unsaid { trying_at: saved, .. },
                )
                | (
                    SavedServerState::Accepted { until: read },
                    SavedServerState::Accepted { until: saved },
                ) => moment(read, *saved),
                _ => {}
            }
        }
        _ => {}
    }
    if let (Some(read), Some(saved)) = (&mut read.credit, &saved.credit) {
        moment(&mut read.until, saved.until);
    }
}

/// Moments are written in milliseconds.
#[track_caller]
fn settle(read: &mut SavedLeg, saved: &SavedLeg) {
    count_as(read, saved);
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
    settle_phase(&mut read.dialog.phase, &saved.dialog.phase);
    for (read, saved) in read.dialog.acks.iter_mut().zip(&saved.dialog.acks) {
        moment(&mut read.until, saved.until);
    }
}
