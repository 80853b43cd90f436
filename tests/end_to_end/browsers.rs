//! Pages that are phones: a browser registers, calls and is called, and hears and sees whom it should.

use serde_json::json;

use crate::browser::pages::Pages;
use crate::browser::phone::BrowserPhone;
use crate::browser::{KINDS, Kind};
use crate::phone::USER;
use crate::switchboard::Switchboard;

/// A switchboard that browsers reach, too: in clear at 15062, sealed at 15063.
#[track_caller]
fn open(more: &str) -> Switchboard {
    let origin = Pages::get().origin();
    Switchboard::open_with(&format!(
        "[sip]\nlisten = [\"udp:NETWORK.1:15060\", \"tcp:NETWORK.1:15060\", \"ws:NETWORK.1:15062\", \
         \"wss:NETWORK.1:15063\"]\n{more}[web]\norigins = [\"{origin}\"]\n"
    ))
}

fn url(board: &Switchboard, scheme: &str) -> String {
    let port = if scheme == "wss" { 15063 } else { 15062 };
    format!("{scheme}://{}:{port}", board.place.switchboard().ip())
}

#[test]
fn browsers_register_in_clear_and_sealed() {
    let board = open("");
    for kind in KINDS {
        for scheme in ["ws", "wss"] {
            let url = url(&board, scheme);
            let _phone = BrowserPhone::start(kind, &board.place, USER, "3002", &url, &json!({}));
            let rows = board.cli("registrations 3002");
            assert!(rows.contains(&scheme.to_uppercase()), "{rows}");
        }
    }
}

/// It knows MD5 alone, and of several challenges the last.
#[test]
fn jssip_registers_in_clear_and_sealed() {
    let board = open("digest = \"auto\"\n");
    for scheme in ["ws", "wss"] {
        let (url, page) = (url(&board, scheme), json!({ "page": "stranger.html" }));
        let _phone = BrowserPhone::start(Kind::Chromium, &board.place, USER, "3002", &url, &page);
        let rows = board.cli("registrations 3002");
        assert!(rows.contains(&scheme.to_uppercase()), "{rows}");
    }
}
