//! The log: what happens to calls, complaints about peers, broken promises.
//!
//! One event is one line, whatever the network has put into it: every text passes `fields`.

use super::sip_trace;
use crate::call::LogEvent;
use crate::exchange::ResumeReport;
use crate::exchange::journal::JournalNotice;
use crate::registrar::{RegistrationEvent, WrongPassword};
use crate::registration;
use crate::sip::Flow;
use crate::text::{Harmless, REASON_CHARS_MAX, cut};
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::str::FromStr as _;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// Logs from here on, to stderr; with colours where people look at it. `RUST_LOG` says how much, and
/// `trace_sip` adds all SIP messages.
pub fn begin(coloured: bool, trace_sip: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = match Directive::from_str(&format!("{}=trace", sip_trace::TARGET)) {
        Ok(directive) if trace_sip => filter.add_directive(directive),
        Ok(_) | Err(_) => filter,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    let log = log.with_writer(std::io::stderr);
    // To say on stderr that the disk behind it is full would end the process.
    let log = log.log_internal_errors(false);
    log.with_ansi(coloured).fmt_fields(fields()).init();
}

/// How the fields of an event are written.
fn fields() -> impl for<'w> FormatFields<'w> {
    let field = |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| match field.name()
    {
        "message" => write!(Harmless(writer), "{value:?}"),
        name => write!(Harmless(writer), "{name}={value:?}"),
    };
    debug_fn(field).delimited(" ")
}

/// What an operator would tell a colleague.
pub fn tell(log_event: &LogEvent) {
    match log_event {
        LogEvent::PhoneFailed { .. } | LogEvent::Refused { .. } | LogEvent::Unwritten { .. } => {
            tracing::warn!("{log_event}");
        }
        LogEvent::Arrived { .. }
        | LogEvent::GoesOn { .. }
        | LogEvent::Queued { .. }
        | LogEvent::Taken { .. }
        | LogEvent::Recorded { .. }
        | LogEvent::HandedOver { .. }
        | LogEvent::NotHandedOver { .. }
        | LogEvent::CameBack { .. }
        | LogEvent::Parked { .. }
        | LogEvent::Answered { .. }
        | LogEvent::SentOn { .. }
        | LogEvent::Night { .. }
        | LogEvent::Transferred { .. }
        | LogEvent::Ended { .. }
        | LogEvent::DeskUp { .. }
        | LogEvent::DeskGone { .. } => tracing::info!("{log_event}"),
    }
}

/// A phone has registered for the first time.
pub fn welcome(visit: &RegistrationEvent) {
    tracing::info!("{visit}");
}

/// Somebody does not know a password; the filter of fail2ban in `conf/fail2ban` reads this line.
pub fn suspect(wrong: &WrongPassword) {
    tracing::warn!("{wrong}");
}

/// A host name leads elsewhere, or nowhere.
pub fn locate(name: &str, addresses: &[IpAddr]) {
    if addresses.is_empty() {
        tracing::warn!("the DNS does not say where {name} is: it will be asked again");
    } else {
        tracing::info!(?addresses, "{name} is found");
    }
}

/// Our registration at a trunk stands otherwise than before.
pub fn registered_at(trunk: &str, state: registration::RegistrationState) {
    match state {
        registration::RegistrationState::Registered => {
            tracing::info!("registered at trunk {trunk}")
        }
        registration::RegistrationState::Ended => {
            tracing::info!("no longer registered at trunk {trunk}")
        }
        state => tracing::warn!("not registered at trunk {trunk}: {state}; it will be tried again"),
    }
}

/// How the journal fares.
pub fn tell_of_journal(news: &JournalNotice) {
    match news {
        JournalNotice::Failing(_) => tracing::error!("{news}"),
        JournalNotice::Mended(_) => tracing::warn!("{news}"),
    }
}

/// What became of what the last process has left.
pub fn tell_of_resumption(report: &ResumeReport) {
    for fault in &report.faults {
        tracing::warn!("in the journal, {fault}");
    }
    if !report.is_empty() {
        tracing::info!("{report}");
    }
}

/// A peer misbehaved, or a limit was reached.
pub fn complain(flow: &Flow, what: &str) {
    let what = cut(what, REASON_CHARS_MAX);
    tracing::warn!(peer = %flow.remote, transport = %flow.transport, "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CallId, Number};
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(tell: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_target(false).without_time();
        let log = log.fmt_fields(fields()).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log, tell);
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn one_event_is_one_line_whatever_a_caller_calls_itself() {
        let caller = "4001\r\n2026-11-28 INFO call-7 taken by op1\u{1b}[2J\u{9b}1m\u{202e}";
        let dialled = Number::from("9000");
        let text = logged(|| {
            let (caller, session) = (caller.into(), "0f".repeat(16));
            tell(&LogEvent::Arrived { call: CallId(1), session, caller, dialled });
        });
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(!text.trim_end_matches('\n').contains(crate::text::is_harmful), "{text:?}");
        assert!(text.contains("call-1 from 4001") && text.contains("to 9000"), "{text:?}");
    }

    #[test]
    fn fields_stand_beside_the_message() {
        let text = logged(|| tracing::warn!(peer = %"192.0.2.1:5060", transport = %"UDP", "odd"));
        assert_eq!(text.trim(), "WARN odd peer=192.0.2.1:5060 transport=UDP");
    }
}
