//! Pages: logins, sessions, what they keep, and SIP in their name.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http_client::{self, HttpClient};
use crate::sip::{Message, authorization};
use crate::switchboard::{PASSWORD, Switchboard};
use crate::web_socket::{Pipe, WebSocket};

const SOON: Duration = Duration::from_secs(5);

fn page(board: &Switchboard) -> SocketAddr {
    SocketAddr::new(board.place.switchboard().ip(), 8080)
}

/// With the page in clear, whatever the address of the test is.
fn open() -> Switchboard {
    Switchboard::open_with("[web]\nlisten = \"http:NETWORK.1:8080\"\n")
}

fn logged_in(board: &Switchboard, operator: &str) -> HttpClient {
    let mut browser = HttpClient::new(page(board));
    let answer = browser.log_in(operator, PASSWORD);
    assert_eq!(answer.status, 200, "{answer:?}");
    browser
}

/// A request of a page's, whose connection has no address of its own.
fn request(method: &str, to: &str, from: &str, number: u32) -> Message {
    let uri = if method == "REGISTER" { "sip:cordboard.test".to_owned() } else { sip(to) };
    Message::request(method, &uri)
        .with("Via", format!("SIP/2.0/WS page.invalid;branch=z9hG4bK{method}{number}{from}{to}"))
        .with("Max-Forwards", "70")
        .with("From", format!("<{}>;tag=page{number}", sip(from)))
        .with("To", format!("<{}>", sip(to)))
        .with("Call-ID", format!("page-{method}-{number}-{from}-{to}"))
        .with("CSeq", format!("1 {method}"))
        .with("Contact", "<sip:page@page.invalid;transport=ws>")
}

fn sip(user: &str) -> String {
    if user.contains('@') { format!("sip:{user}") } else { format!("sip:{user}@cordboard.test") }
}

#[track_caller]
fn status_of(socket: &mut WebSocket, request: &Message) -> u16 {
    final_response(socket, request).status().expect("it has one")
}

#[track_caller]
fn final_response(socket: &mut WebSocket, request: &Message) -> Message {
    socket.send(request);
    loop {
        let response = socket.response();
        let is_final = response.status().is_some_and(|status| status >= 200);
        if is_final && response.header("Call-ID") == request.header("Call-ID") {
            return response;
        }
    }
}

#[test]
fn who_knows_the_password_is_logged_in_by_a_cookie_that_no_script_sees() {
    let board = open();
    let mut browser = HttpClient::new(page(&board));
    assert_eq!(browser.get("/api/session").refusal(), (401, "no-session".into()));
    let answer = browser.log_in("op1", PASSWORD);
    assert_eq!(answer.status, 200, "{answer:?}");
    let session = answer.json();
    assert_eq!((&session["operator"], &session["phone"]), (&json!("op1"), &json!("3001")));
    assert_eq!((&session["domain"], &session["max_calls"]), (&json!("cordboard.test"), &json!(1)));
    assert_eq!((&session["phones"], &session["queues"]), (&json!(["3001"]), &json!(["main"])));
    let cookie = answer.header("Set-Cookie").unwrap_or_default();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=86400"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(browser.get("/api/session").json(), session);
    // What stands in the database is not what the browser has.
    let token = browser.cookie.clone().unwrap_or_default();
    let token = token.split('=').nth(1).expect("name=value").as_bytes();
    let has = |name: &str| {
        let bytes = std::fs::read(board.data().join(name)).unwrap_or_default();
        bytes.windows(token.len()).any(|window| window == token)
    };
    assert!(!has("cordboard.db") && !has("cordboard.db-wal"));
    // The page itself, whole and known by its content.
    let first = browser.get("/");
    let policy = first.header("Content-Security-Policy").unwrap_or_default();
    assert!(first.status == 200 && policy.starts_with("default-src 'self';"), "{first:?}");
    let tag = first.header("ETag").expect("it has one");
    let again = format!("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: {tag}\r\n");
    assert_eq!(browser.raw(&again, b"").status, 304);
    assert_eq!(browser.get("/console/../../Cargo.toml").status, 404);
    assert_eq!(browser.get("/api/stills/r-1").status, 404);
}

#[test]
fn whoever_guesses_is_slowed_and_named_in_the_log() {
    let board = open();
    let mut browser = HttpClient::new(page(&board));
    for (operator, secret) in [("op1", "wrong"), ("nobody", PASSWORD), ("3001", PASSWORD)] {
        let answer = browser.log_in(operator, secret);
        assert_eq!(answer.refusal(), (401, "wrong-secret".into()), "{operator}");
        assert_eq!(browser.cookie, None);
    }
    let line = "wrong password: source=";
    crate::wait::until("three lines in the log", Duration::from_secs(10), || {
        (board.log().matches(line).count() == 3).then_some(())
    });
    assert!(board.log().contains("transport=WS count=1 account=\"nobody\""), "{}", board.log());
    let mut guesses = 1;
    let refused = loop {
        let answer = browser.log_in("op1", "wrong");
        if answer.status == 429 {
            break answer;
        }
        guesses += 1;
        assert!(guesses <= 25, "nobody stops it");
    };
    let after: u64 = refused.header("Retry-After").expect("when").parse().expect("seconds");
    // One more for each 6 s that it took.
    assert!((20..=25).contains(&guesses) && (1..=7).contains(&after), "{guesses} {refused:?}");
    assert_eq!(browser.log_in("op1", PASSWORD).status, 429, "right or wrong");
    // The same book as digest's: its desk is not listened to, either.
    let neighbour = browser.log_in("op2", PASSWORD);
    assert_eq!(neighbour.status, 200, "its neighbour is innocent");
}

#[test]
fn another_sites_page_and_what_cannot_be_read_change_nothing() {
    let board = open();
    let browser = logged_in(&board, "op1");
    let form = json!({"numbers": ["3002"]});
    for origin in ["https://evil.example", "null", ""] {
        let forged = HttpClient { origin: origin.to_owned(), ..browser.tab() };
        let answer = forged.send("PUT", "/api/favourites", &form);
        assert_eq!(answer.refusal(), (403, "other-site".into()), "{origin}");
        assert_eq!(forged.delete("/api/session").status, 403, "{origin}");
        assert_eq!(forged.log_in_status(), 403, "{origin}");
        if !origin.is_empty() {
            assert!(forged.sip().is_err_and(|why| why.contains("403")), "{origin}");
        }
        assert!(forged.get("/api/session").header("Access-Control-Allow-Origin").is_none());
    }
    let (to, cookie) = (browser.to, browser.cookie.clone().unwrap_or_default());
    let put = format!("PUT /api/favourites HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\n");
    let with = |more: &str, body: &[u8]| {
        browser.raw(&format!("{put}Cookie: {cookie}\r\n{more}"), body).status
    };
    let json = "Content-Type: application/json\r\n";
    assert_eq!(with(&format!("{json}Sec-Fetch-Site: same-site\r\n"), b"{\"numbers\":[]}"), 403);
    assert_eq!(with("Content-Type: text/plain\r\n", b"{\"numbers\":[]}"), 415);
    for body in [&b"{\"numbers\":"[..], b"[]", b"{\"numbers\":[],\"x\":1}", b"\xff", b""] {
        assert_eq!(with(json, body), 400, "{body:?}");
    }
    assert_eq!(with(json, b"{\"numbers\":[\"\"]}"), 400);
    assert_eq!(with(json, &[b' '; 70_000]), 413);
    assert_eq!(with(&format!("{json}X: {}\r\n", "x".repeat(17_000)), b""), 431);
    let many: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    let many = json!({"numbers": many}).to_string();
    assert_eq!(with(json, many.as_bytes()), 413);
    let zeros = format!("cordboard-8080={}", "0".repeat(32));
    for cookie in ["cordboard-8080=", "cordboard-8080=00", &zeros] {
        let forged = HttpClient { cookie: Some(cookie.to_owned()), ..browser.tab() };
        assert_eq!(forged.get("/api/session").refusal(), (401, "no-session".into()), "{cookie}");
        assert!(forged.sip().is_err_and(|why| why.contains("401")), "{cookie}");
    }
    let upgrade = |method: &str, version: &str, spoken: &str| {
        browser.raw(
            &format!(
                "{method} /sip HTTP/1.1\r\nHOST: {to}\r\norigin: http://{to}\r\ncookie: name=J\u{fc}rgen;{cookie}\r\n\
                 connection: keep-alive, upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: {version}\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: chat\r\n{spoken}"
            ),
            b"",
        )
    };
    let spoken = "Sec-WebSocket-Protocol: SIP\r\n";
    let upgraded = upgrade("GET", "13", spoken);
    assert_eq!((upgraded.status, upgraded.header("Sec-WebSocket-Protocol")), (101, Some("SIP")));
    assert_eq!(upgrade("GET", "13", "").status, 400);
    for (method, version) in [("GET", "8"), ("HEAD", "13")] {
        let refused = upgrade(method, version, spoken);
        assert_eq!((refused.status, refused.header("Sec-WebSocket-Version")), (426, Some("13")));
    }
    assert_eq!(browser.get("/api/favourites").json(), json!({"numbers": []}));
    assert_eq!(board.try_cli("status").0, Some(0), "it serves on");
}

impl HttpClient {
    fn log_in_status(&self) -> u16 {
        self.tab().log_in("op1", PASSWORD).status
    }
}

#[test]
fn who_says_nothing_or_slowly_keeps_nobody_out() {
    let board = open();
    let mut waiting: Vec<Pipe> = (0..256).map(|_| Pipe::tcp(page(&board))).collect();
    for pipe in &mut waiting {
        pipe.write(b"POST /api/session HTTP/1.1\r\nHost:");
    }
    // One address has so many; the next is closed at once.
    let mut refused = Pipe::tcp(page(&board));
    refused.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(http_client::read(&mut refused).status, 0);
    waiting.split_off(250).into_iter().for_each(Pipe::close);
    crate::wait::until("a place", SOON, || {
        (HttpClient::new(page(&board)).get("/").status == 200).then_some(())
    });
    // A body that does not come is not waited for as long as its sender likes.
    let to = page(&board);
    let head = format!(
        "POST /api/session HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nContent-Type: application/json\r\n\
         Content-Length: 50\r\n\r\n{{"
    );
    waiting.into_iter().for_each(Pipe::close);
    let began = Instant::now();
    let mut slow = Pipe::tcp(to);
    slow.write(head.as_bytes());
    let mut answer = http_client::read(&mut slow);
    if answer.status == 0 {
        answer = http_client::read(&mut slow);
    }
    assert_eq!(answer.refusal(), (408, "slow".into()), "{:?}", began.elapsed());
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn favourites_are_the_operators_and_notes_are_for_all() {
    let mut board = open();
    let one = logged_in(&board, "op1");
    let two = logged_in(&board, "op2");
    let kept = one.send("PUT", "/api/favourites", &json!({"numbers": ["3002", "a@b.example"]}));
    assert_eq!((kept.status, kept.json()), (200, json!({"numbers": ["3002", "a@b.example"]})));
    let kept = one.send("PUT", "/api/favourites", &json!({"numbers": ["4001", "3002"]}));
    assert_eq!(kept.status, 200);
    assert_eq!(one.get("/api/favourites").json(), json!({"numbers": ["4001", "3002"]}));
    assert_eq!(two.get("/api/favourites").json(), json!({"numbers": []}));
    let said = |browser: &HttpClient, text: &str| {
        browser.send("POST", "/api/notes/4001", &json!({"text": text}))
    };
    let first = said(&one, "speaks German \u{1f642}");
    assert_eq!((first.status, &first.json()["by"]), (201, &json!("op1")), "{first:?}");
    let id = first.json()["id"].as_u64().expect("it has a number");
    assert_eq!(said(&two, "calls on Mondays").status, 201);
    for wrong in ["", "  ", &"x".repeat(1_001)] {
        assert!([400, 413].contains(&said(&one, wrong).status), "{}", wrong.len());
    }
    let texts = |browser: &HttpClient| -> Vec<Value> {
        let notes = browser.get("/api/notes/4001").json();
        notes["notes"].as_array().expect("a list").iter().map(|n| n["text"].clone()).collect()
    };
    assert_eq!(texts(&one), ["calls on Mondays", "speaks German \u{1f642}"]);
    board.crash_and_restart();
    assert_eq!(texts(&two), ["calls on Mondays", "speaks German \u{1f642}"], "and the session");
    assert_eq!(two.delete(&format!("/api/notes/3002/{id}")).status, 204);
    assert_eq!(texts(&one).len(), 2, "it is on another number");
    assert_eq!(two.delete(&format!("/api/notes/4001/{id}")).status, 204);
    // On a guest, too, whose address is longer than any number of the house.
    let guest = "/api/notes/maximilian.mustermann%40conference.example.org";
    assert_eq!(two.send("POST", guest, &json!({"text": "calls each day"})).status, 201);
    assert_eq!(two.get(guest).json()["notes"][0]["text"], "calls each day");
    assert_eq!(texts(&one), ["calls on Mondays"]);
    for count in 0..60 {
        assert_eq!(said(&one, &format!("note {count}")).status, 201);
    }
    let left = texts(&one);
    assert_eq!((left.len(), &left[0], &left[49]), (50, &json!("note 59"), &json!("note 10")));
    board.cli("operator remove op1");
    assert_eq!(one.get("/api/favourites").status, 401, "nobody");
}

#[test]
fn by_its_cookie_a_page_is_its_operators_desk_and_phone_and_nobody_elses() {
    let mut board = open();
    let browser = logged_in(&board, "op1");
    assert!(browser.tab().sip().is_ok());
    let mut socket = browser.sip().expect("it has a session");
    assert_eq!(status_of(&mut socket, &request("REGISTER", "3001", "3001", 1)), 200);
    assert!(board.cli("registrations --format json").contains("page.invalid"));
    // In another's name nothing is taken, and nothing is asked for.
    for (method, to, from) in [
        ("REGISTER", "3002", "3002"),
        ("REGISTER", "3002", "3001"),
        ("INVITE", "3002", "4001"),
        ("INVITE", "3002", "op1"),
        ("INVITE", "desk", "op2"),
        ("INVITE", "3002", "guest@elsewhere.example"),
    ] {
        let refused = status_of(&mut socket, &request(method, to, from, 2));
        assert_eq!(refused, 403, "{method} {to} as {from}");
    }
    let desk = request("INVITE", "desk", "op1", 3).with("Recv-Info", "operator-desk");
    assert_eq!(status_of(&mut socket, &desk), 200);
    assert_eq!(
        status_of(&mut socket, &request("INVITE", "3003", "3001", 4)),
        480,
        "nobody is there"
    );
    // Hot desking: a phone that it may use.
    board.cli("operator set op1 --phones 3002");
    assert_eq!(status_of(&mut socket, &request("REGISTER", "3002", "3002", 5)), 200);
    // With the session its connections go.
    let mut other = browser.sip().expect("it has a session");
    assert_eq!(browser.delete("/api/session").status, 204);
    assert!(http_client::is_closed(&mut socket, SOON) && http_client::is_closed(&mut other, SOON));
    assert_eq!(browser.get("/api/session").status, 401);
    crate::wait::until("nobody is registered", SOON, || {
        (!board.cli("registrations --format json").contains("page.invalid")).then_some(())
    });

    // So they do when the operator gets another password, or goes; but not over a restart.
    let browser = logged_in(&board, "op1");
    let neighbour = logged_in(&board, "op2");
    board.crash_and_restart();
    let mut socket = browser.sip().expect("the session is still there");
    let mut innocent = neighbour.sip().expect("the session is still there");
    assert_eq!(status_of(&mut socket, &request("REGISTER", "3001", "3001", 6)), 200);
    board.cli("operator set op1 --password other.secret");
    assert!(http_client::is_closed(&mut socket, SOON));
    assert!(browser.sip().is_err_and(|why| why.contains("401")));
    assert_eq!(status_of(&mut innocent, &request("REGISTER", "3003", "3003", 7)), 200);
    // Whose way of working has no desk is told so, and not to log in again.
    board.cli("operator set op2 --mode phone");
    let desk = request("INVITE", "desk", "op2", 8).with("Recv-Info", "operator-desk");
    let refused = final_response(&mut innocent, &desk);
    assert_eq!(refused.start, "SIP/2.0 403 This operator works by phone alone");
    assert_eq!(neighbour.get("/api/session").status, 200);
    board.cli("operator remove op2");
    assert!(http_client::is_closed(&mut innocent, SOON));
}

#[test]
fn only_sip_is_spoken_at_its_address_and_no_more_connections_than_eight_for_a_session() {
    let board = open();
    let browser = logged_in(&board, "op1");
    let get = |more: &str| {
        let (to, cookie) = (browser.to, browser.cookie.clone().unwrap_or_default());
        let head = format!(
            "GET /sip HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nCookie: {cookie}\r\n"
        );
        browser.raw(&format!("{head}{more}"), b"").status
    };
    assert_eq!(get(""), 426);
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert_eq!(get(&upgrade.replace("13", "8")), 426);
    assert_eq!(get(&format!("{upgrade}Sec-WebSocket-Protocol: xmpp\r\n")), 400);
    let mut oldest = browser.sip().expect("it has a session");
    let _others: Vec<_> = (0..8).map(|_| browser.sip().expect("it has a session")).collect();
    assert!(http_client::is_closed(&mut oldest, SOON));
}

/// Whoever shows no session is nobody, as at a listener of SIP: digest asks, and the limits of strangers hold.
#[test]
fn without_a_cookie_digest_asks_who_it_is() {
    let site = "https://phones.example";
    let board = Switchboard::open_with(&format!(
        "[web]\nlisten = \"http:NETWORK.1:8080\"\norigins = [\"{site}\"]\n[limits]\nconnections = 3\n"
    ));
    let from =
        |origin: &str| HttpClient { origin: origin.to_owned(), ..HttpClient::new(page(&board)) };
    let own = HttpClient::new(page(&board));
    assert!(from("https://evil.example").sip().is_err_and(|why| why.contains("403")));
    assert!(own.sip_at("/sip?session").is_err_and(|why| why.contains("401")), "a page of ours");
    // As nobody: its desk is asked for, its phone as well.
    let mut phone = own.sip().expect("no cookie is no wrong one");
    let desk = request("INVITE", "desk", "op1", 1).with("Recv-Info", "operator-desk");
    assert_eq!(status_of(&mut phone, &desk), 401);
    let register = request("REGISTER", "3002", "3002", 2);
    let challenge = final_response(&mut phone, &register);
    assert_eq!(challenge.status(), Some(401));
    let proof = authorization(&challenge, "REGISTER", "sip:cordboard.test", "3002", PASSWORD);
    let register = request("REGISTER", "3002", "3002", 3).with("Authorization", proof);
    assert_eq!(status_of(&mut phone, &register), 200);
    // Somebody's connection takes no place of strangers.
    let unauthenticated: Vec<_> =
        ["", site, &own.origin].map(|origin| from(origin).sip().expect("there is a place")).into();
    assert!(own.sip().is_err_and(|why| why.contains("503")));
    assert_eq!(logged_in(&board, "op1").sip().map(drop), Ok(()), "a session has one all the same");
    unauthenticated.into_iter().for_each(WebSocket::close);
    crate::wait::until("a place", SOON, || own.sip().ok());
    assert_eq!(
        status_of(&mut phone, &request("REGISTER", "3003", "3003", 4)),
        401,
        "in another's name"
    );
}

#[test]
fn a_page_is_under_tls_where_it_is_to_be_and_its_cookie_is_that_hosts_alone() {
    let board = Switchboard::open_with("[web]\nlisten = [\"https:NETWORK.1:8080\"]\n");
    crate::wait::until("where the page is", SOON, || {
        board.log().contains("desk page at https://").then_some(())
    });
    let (to, directory) = (page(&board), board.place.directory("openssl"));
    let form = json!({"operator": "op1", "secret": PASSWORD}).to_string();
    let request = format!(
        "POST /api/session HTTP/1.1\r\nHost: {to}\r\nOrigin: https://{to}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = http_client::over_tls(to, &request, &directory);
    let cookie = answer.header("Set-Cookie").unwrap_or_default();
    assert!(
        cookie.starts_with("__Host-cordboard-8080=") && cookie.contains("; Secure"),
        "{answer:?}"
    );
    // In clear nobody is answered there.
    assert_eq!(HttpClient::new(to).get("/").status, 0);
    let cookie = cookie.split(';').next().unwrap_or_default();
    let headers =
        format!("Sec-WebSocket-Protocol: sip\r\nOrigin: https://{to}\r\nCookie: {cookie}\r\n");
    let pipe = Pipe::tls(to, &[], &directory);
    let mut socket =
        WebSocket::open_at(pipe, "/sip", &to.to_string(), &headers).expect("it has a session");
    assert_eq!(status_of(&mut socket, &self::request("REGISTER", "3001", "3001", 1)), 200);
    assert!(board.cli("registrations --format json").contains("WSS"));
}

#[test]
fn behind_a_proxy_each_browser_guesses_for_itself() {
    let board = Switchboard::open_with("[web]\nlisten = [\"NETWORK.1:8080\"]\nproxy = true\n");
    let to = page(&board);
    let browser = HttpClient::new(to);
    let form = |secret: &str| json!({"operator": "op1", "secret": secret}).to_string();
    let from = |ip: &str, secret: &str| {
        let head = format!(
            "POST /api/session HTTP/1.1\r\nHost: desk.example\r\nOrigin: https://desk.example\r\n\
             X-Forwarded-For: 203.0.113.1, {ip}\r\nContent-Type: application/json\r\n"
        );
        browser.raw(&head, form(secret).as_bytes())
    };
    // One more in each six seconds is free.
    let guesses = (0..=25).take_while(|_| from("198.51.100.7", "wrong").status == 401).count();
    assert!((20..=25).contains(&guesses), "{guesses}");
    assert_eq!(from("198.51.100.7", PASSWORD).status, 429);
    let other = from("198.51.100.8", PASSWORD);
    assert_eq!(other.status, 200, "{other:?}");
    assert!(
        other.header("Set-Cookie").is_some_and(|set| set.starts_with("__Host-cordboard-8080="))
    );
    assert!(board.log().contains("source=198.51.100.7 transport=WSS"), "{}", board.log());
}

#[test]
fn the_calls_of_a_number_and_of_an_operator_are_looked_up() {
    let board = open();
    let browser = logged_in(&board, "op1");
    assert_eq!(browser.get("/api/calls?number=4001").json(), json!({"calls": []}));
    assert_eq!(browser.get("/api/calls").refusal(), (400, "malformed".into()));
    assert_eq!(browser.get("/api/history?limit=x").status, 400);
    let mut socket = browser.sip().expect("it has a session");
    assert_eq!(status_of(&mut socket, &request("INVITE", "3003", "3001", 1)), 480);
    board.records(1);
    let calls = browser.get("/api/calls?number=3001&limit=5").json();
    let call = &calls["calls"][0];
    assert_eq!((&call["caller"], &call["callee"]), (&json!("3001"), &json!("3003")), "{calls}");
    assert_eq!((&call["operator"], &call["talked"]), (&Value::Null, &json!(0)), "{calls}");
    assert_eq!(browser.get("/api/calls?number=3003").json(), calls);
    assert_eq!(browser.get("/api/calls?number=300").json(), json!({"calls": []}));
    assert_eq!(browser.get("/api/history").json(), json!({"calls": []}), "it has taken none");
}
