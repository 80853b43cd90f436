//! What desks in browsers cost that do nothing, and how soon they are back after a crash.
//!
//! `cargo bench --bench desks [DESKS [SECONDS [CRASHES]]]`: the real program with 200 desk pages, each over TLS and
//! WebSocket from the same address, logged in by its cookie, registered as its operator's phone and watching 20 numbers.
//! They keep their connections alive as the page does. CPU and memory of the program come from `/proc`, beside those before
//! the first desk; then it is killed and started again, and the desks come back by the page's own pauses: from the kill to
//! the end of each desk's snapshot.
//!
//! On two cores of a busy machine in November 2026: 200 desks took 0.3 % of a core and 45 to 47 kB each, and were back after
//! 0.6 s, with 57 kB each; 100 were back after 0.4 to 1.1 s, for 140 to 410 ms of CPU since the start.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::random::Random;
use cordboard::server::open_files;
use cordboard::sip::{self, HeaderName, Message, Request, Response, StatusCode};
use futures_util::{SinkExt as _, StreamExt as _};
use rusqlite::Connection;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{WebSocketStream, client_async};

const PAGES: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, 83, 1), 8443));
const SIP: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, 83, 1), 15_060));
const DOMAIN: &str = "desks.test";
const PASSWORD: &str = "se.cret";
/// The number of the first operator's phone.
const FIRST: usize = 3_001;
const WATCHED: usize = 20;
/// What is measured without desks, before the first.
const EMPTY: Duration = Duration::from_secs(10);
/// After this nothing of a desk's beginning is under way.
const SETTLED: Duration = Duration::from_secs(5);
/// Whoever is not back by then is not coming.
const PATIENCE: Duration = Duration::from_secs(60);

// As in `src/web/console/sip/`.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
const STEADY: Duration = Duration::from_secs(10);
const OPEN_MAX: Duration = Duration::from_secs(8);
const QUIET_MAX: Duration = Duration::from_secs(15);
const REFRESH: Duration = Duration::from_secs(45);
const REGISTERED: Duration = Duration::from_secs(150);
const AGAIN: Duration = Duration::from_secs(2);

/// Registrations that had to be asked for again.
static REFUSED: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let number = |at: usize, or| numbers.get(at).copied().unwrap_or(or);
    let (desks, seconds, crashes) = (number(0, 200), number(1, 60), number(2, 5));
    open_files::raise().unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let mut house = House::open(directory.path(), desks);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        sleep(SETTLED).await;
        let (_, empty_cpu) = house.spends(EMPTY).await;
        let empty = house.memory();
        let (news, mut back) = watch::channel(vec![None; desks]);
        let at_once = Arc::new(Semaphore::new(8));
        for desk in 0..desks {
            let (news, at_once) = (news.clone(), Arc::clone(&at_once));
            tokio::spawn(async move { Desk::new(desk, news).live(&at_once).await });
        }
        all_back(&mut back, Instant::now()).await.unwrap();
        sleep(SETTLED).await;
        let fresh = house.memory();
        let (spent, cpu) = house.spends(Duration::from_secs(seconds as u64)).await;
        let idle = house.memory();
        let each = |memory: f64| (memory - empty) / desks as f64;
        println!("{desks} desks that do nothing for {} s:", spent.as_secs());
        println!("  {:7.2} % of a core, {:.2} % without them", cpu * 100.0, empty_cpu * 100.0);
        println!(
            "  {:7.1} kB each, {:.1} kB at first; {empty:.0} kB without them",
            each(idle),
            each(fresh)
        );
        println!("back after a crash, from the kill, ms:");
        println!("{:>10} {:>10} {:>10} {:>10} {:>10}", "half", "all", "CPU", "kB each", "refused");
        for _ in 0..crashes {
            news.send_modify(|back| back.fill(None));
            REFUSED.store(0, Ordering::Relaxed);
            let killed = Instant::now();
            house.crash();
            let times = all_back(&mut back, killed).await;
            let cpu = house.cpu() * 1_000.0;
            let Some(times) = times else {
                println!(
                    "{:>10} of {desks} are not back",
                    back.borrow().iter().filter(|at| at.is_none()).count()
                );
                continue;
            };
            let millis = |at: usize| times[at].as_millis();
            // Longer than a connection has to be there so that the next pause is the first again.
            sleep(STEADY + SETTLED).await;
            let each = each(house.memory());
            let (half, all, refused) =
                (millis(desks / 2), millis(desks - 1), REFUSED.load(Ordering::Relaxed));
            println!("{half:10} {all:10} {cpu:10.0} {each:10.1} {refused:10}");
        }
    });
}

/// How long after `since` each desk had its snapshot, in order; none where one has none.
async fn all_back(
    back: &mut watch::Receiver<Vec<Option<Instant>>>,
    since: Instant,
) -> Option<Vec<Duration>> {
    let all = back.wait_for(|all| all.iter().all(Option::is_some));
    let all = timeout(PATIENCE, all).await.ok()?.unwrap();
    let mut times: Vec<_> =
        all.iter().flatten().map(|at| at.saturating_duration_since(since)).collect();
    times.sort_unstable();
    Some(times)
}

// ---- the house ----

struct House {
    config: PathBuf,
    running: PathBuf,
    process: Child,
}

impl House {
    fn open(directory: &Path, desks: usize) -> Self {
        let (config, data) = (directory.join("cordboard.toml"), directory.join("data"));
        let text = format!(
            "data = \"{}\"\n[sip]\ndomain = \"{DOMAIN}\"\nlisten = [\"udp:{SIP}\", \"tcp:{SIP}\"]\n\
             [media]\naddress = \"{}\"\nports = \"30000-39999\"\n[web]\nlisten = \"https:{PAGES}\"\n\
             [queue.main]\nnumber = \"9000\"\n",
            data.display(),
            SIP.ip()
        );
        std::fs::write(&config, text).unwrap();
        let add = |line: String| {
            let status = program(&config).args(line.split(' ')).status();
            assert!(status.unwrap().success(), "{line}");
        };
        add(format!("terminal add {FIRST} --level A --password {PASSWORD}"));
        let database = Connection::open(data.join("cordboard.db")).unwrap();
        database.execute_batch("BEGIN").unwrap();
        for number in FIRST + 1..FIRST + desks.max(WATCHED) {
            let line = "INSERT INTO terminals SELECT ?1, name, level, secret, contact, srtp \
                        FROM terminals WHERE number = ?2";
            database.execute(line, [number.to_string(), FIRST.to_string()]).unwrap();
        }
        database.execute_batch("COMMIT").unwrap();
        for desk in 0..desks {
            add(format!("operator add op{desk} --phone {} --password {PASSWORD}", FIRST + desk));
        }
        let (running, process) = (data.join("cordboard.running"), serve(&config));
        while std::net::TcpStream::connect(PAGES).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { config, running, process }
    }

    /// Kills it, and starts it again.
    fn crash(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        // As if the kills were hours apart.
        std::fs::remove_file(&self.running).unwrap();
        self.process = serve(&self.config);
    }

    /// Seconds of CPU since its start.
    fn cpu(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, numbers) = text.rsplit_once(") ").unwrap();
        let number = |at: usize| numbers.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
        (number(11) + number(12)) / 100.0
    }

    /// What part of a core it takes.
    async fn spends(&self, time: Duration) -> (Duration, f64) {
        let (began, before) = (Instant::now(), self.cpu());
        sleep(time).await;
        (began.elapsed(), (self.cpu() - before) / began.elapsed().as_secs_f64())
    }

    /// Its part of the memory, in kB.
    fn memory(&self) -> f64 {
        let rollup = format!("/proc/{}/smaps_rollup", self.process.id());
        let text = std::fs::read_to_string(rollup).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

fn program(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn serve(config: &Path) -> Child {
    program(config).arg("serve").env("RUST_LOG", "warn").stderr(Stdio::null()).spawn().unwrap()
}

// ---- a desk ----

type Wire = WebSocketStream<TlsStream<TcpStream>>;

/// A page that shows a desk.
struct Desk {
    number: usize,
    news: watch::Sender<Vec<Option<Instant>>>,
    connector: TlsConnector,
    chance: Random,
    cookie: String,
    /// Of its contact, as long as the page is there.
    user: String,
    /// How often it has connected, how many requests it has sent.
    connections: usize,
    requests: usize,
    /// The dialog of its desk: From, To and the target.
    dialog: Option<[String; 3]>,
    /// When its session is refreshed, and its registration.
    refresh: Option<Instant>,
    again: Instant,
}

impl Desk {
    fn new(number: usize, news: watch::Sender<Vec<Option<Instant>>>) -> Self {
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        Self {
            number,
            news,
            connector: TlsConnector::from(Arc::new(config)),
            chance: Random::from_number(number as u64),
            cookie: String::new(),
            user: format!("page{number}"),
            connections: 0,
            requests: 0,
            dialog: None,
            refresh: None,
            again: Instant::now(),
        }
    }

    /// For ever.
    async fn live(mut self, at_once: &Semaphore) {
        {
            let _turn = at_once.acquire().await.unwrap();
            self.log_in().await;
        }
        let mut pause = PAUSE;
        loop {
            if let Ok(Ok(wire)) = timeout(OPEN_MAX, self.connect()).await {
                let opened = Instant::now();
                self.converse(wire).await;
                if opened.elapsed() >= STEADY {
                    pause = PAUSE;
                }
            }
            sleep(pause.mul_f64(0.8 + self.chance.below(400) as f64 / 1_000.0)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn tls(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(PAGES).await?;
        stream.set_nodelay(true)?;
        self.connector.connect(ServerName::from(PAGES.ip()), stream).await
    }

    async fn log_in(&mut self) {
        let mut stream = self.tls().await.unwrap();
        let body = format!("{{\"operator\":\"op{}\",\"secret\":\"{PASSWORD}\"}}", self.number);
        let request = format!(
            "POST /api/session HTTP/1.1\r\nHost: {PAGES}\r\nOrigin: https://{PAGES}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A server that closes without a farewell has answered all the same.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.and_then(|line| line.split(';').next());
        self.cookie = cookie.unwrap_or_else(|| panic!("no cookie: {answer}")).to_owned();
    }

    async fn connect(&mut self) -> Result<Wire, Error> {
        let mut request = format!("wss://{PAGES}/sip").into_client_request()?;
        let headers = [
            ("Origin", format!("https://{PAGES}")),
            ("Cookie", self.cookie.clone()),
            ("Sec-WebSocket-Protocol", "sip".to_owned()),
        ];
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
        }
        let (wire, _) = client_async(request, self.tls().await?).await?;
        Ok(wire)
    }

    /// From the opened connection to its end.
    async fn converse(&mut self, mut wire: Wire) {
        self.connections += 1;
        self.dialog = None;
        let (register, invite) = (self.register(), self.invite());
        for first in [register, invite] {
            if wire.send(Frame::text(first)).await.is_err() {
                return;
            }
        }
        let mut quiet = Instant::now() + QUIET_MAX;
        (self.refresh, self.again) = (None, Instant::now() + REGISTERED);
        loop {
            let says = tokio::select! {
                frame = wire.next() => {
                    quiet = Instant::now() + QUIET_MAX;
                    match frame {
                        Some(Ok(Frame::Text(text))) => self.take(text.as_bytes()),
                        Some(Ok(Frame::Binary(bytes))) => self.take(&bytes),
                        Some(Ok(_)) => Vec::new(),
                        Some(Err(_)) | None => return,
                    }
                }
                () = sleep_until(quiet.into()) => {
                    quiet = Instant::now() + QUIET_MAX;
                    vec!["\r\n\r\n".to_owned()]
                }
                () = sleep_until(self.refresh.unwrap_or(quiet).into()), if self.refresh.is_some() => {
                    self.refresh = Some(Instant::now() + REFRESH);
                    let session = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
                    vec![self.in_dialog("UPDATE", session, "")]
                }
                () = sleep_until(self.again.into()) => {
                    self.again = Instant::now() + REGISTERED;
                    vec![self.register()]
                }
            };
            for message in says {
                if wire.send(Frame::text(message)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// What is said to what has come.
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return Vec::new();
        }
        match sip::parse(bytes).unwrap() {
            Message::Response(response) => self.hear(&response),
            Message::Request(request) => self.answer(&request),
        }
    }

    fn hear(&mut self, response: &Response) -> Vec<String> {
        let get = |name| response.headers.get(name).unwrap_or_default().to_owned();
        let sequence = get(HeaderName::CSeq);
        if response.status.is_provisional() {
            return Vec::new();
        }
        if sequence.ends_with("REGISTER") && !response.status.is_success() {
            REFUSED.fetch_add(1, Ordering::Relaxed);
            self.again = Instant::now() + AGAIN;
            return Vec::new();
        }
        assert!(response.status.is_success(), "op{}, {sequence}: {response:?}", self.number);
        if !sequence.ends_with("INVITE") {
            return Vec::new();
        }
        let contact = get(HeaderName::Contact);
        let target = contact.trim_start_matches('<').split('>').next().unwrap().to_owned();
        self.refresh = Some(Instant::now() + REFRESH);
        self.dialog = Some([get(HeaderName::From), get(HeaderName::To), target]);
        let number = sequence.split(' ').next().unwrap();
        let ack = self
            .in_dialog("ACK", "", "")
            .replace(&format!("CSeq: {} ACK", self.requests), &format!("CSeq: {number} ACK"));
        vec![ack, self.command("\"do\":\"hello\"")]
    }

    fn answer(&mut self, request: &Request) -> Vec<String> {
        let mut printed = Vec::new();
        sip::print(&request.response(StatusCode::OK).into(), &mut printed);
        let mut says = vec![String::from_utf8(printed).unwrap()];
        let body = String::from_utf8_lossy(&request.body);
        if body.contains("\"snapshot-end\"") {
            let (number, now) = (self.number, Instant::now());
            self.news.send_modify(|back| back[number] = Some(now));
            let watched = (FIRST..FIRST + WATCHED).map(|number| format!("\"{number}\""));
            let watched = watched.collect::<Vec<_>>().join(",");
            says.push(self.command(&format!("\"do\":\"watch\",\"numbers\":[{watched}]")));
        }
        says
    }

    fn command(&mut self, fields: &str) -> String {
        let id = format!("{}-{}-{}", self.number, self.connections, self.requests);
        let headers = "Info-Package: operator-desk\r\nContent-Disposition: Info-Package\r\n\
                       Content-Type: application/vnd.cordboard.desk+json\r\n";
        self.in_dialog("INFO", headers, &format!("{{\"id\":\"{id}\",{fields}}}"))
    }

    fn register(&mut self) -> String {
        let address = format!("<sip:{}@{DOMAIN}>", FIRST + self.number);
        let headers = format!(
            "Contact: {};+sip.instance=\"<{}>\";reg-id=1;expires=300\r\nSupported: path, outbound\r\n",
            self.contact(),
            self.instance()
        );
        let ends = (format!("{address};tag=r{}", self.number), address);
        self.request("REGISTER", &format!("sip:{DOMAIN}"), ends, &headers, "")
    }

    fn invite(&mut self) -> String {
        let headers = format!(
            "Contact: {};+sip.instance=\"<{}>\"\r\nRecv-Info: operator-desk\r\n\
             Accept: application/sdp, application/vnd.cordboard.desk+json\r\n\
             Allow: INVITE, ACK, BYE, CANCEL, INFO, UPDATE, OPTIONS\r\nSupported: timer, outbound\r\n\
             Session-Expires: 90;refresher=uac\r\nContent-Type: application/sdp\r\n",
            self.contact(),
            self.instance()
        );
        let from =
            format!("<sip:op{}@{DOMAIN}>;tag=d{}-{}", self.number, self.number, self.connections);
        let uri = format!("sip:desk@{DOMAIN}");
        let ends = (from, format!("<{uri}>"));
        let body = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";
        self.request("INVITE", &uri, ends, &headers, body)
    }

    fn in_dialog(&mut self, method: &str, headers: &str, body: &str) -> String {
        let [from, to, target] = self.dialog.clone().unwrap();
        let headers = format!("Recv-Info: operator-desk\r\n{headers}");
        self.request(method, &target, (from, to), &headers, body)
    }

    fn request(
        &mut self,
        method: &str,
        uri: &str,
        (from, to): (String, String),
        headers: &str,
        body: &str,
    ) -> String {
        self.requests += 1;
        let Self { number, connections, requests, .. } = *self;
        let call =
            if method == "REGISTER" { "phone".to_owned() } else { format!("desk{connections}") };
        let mut text = String::new();
        write!(
            text,
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WSS page{number}.invalid;branch=z9hG4bK{number}-{connections}-{requests}\r\n\
             Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call}@page{number}\r\nCSeq: {requests} {method}\r\n\
             {headers}\r\n{body}"
        )
        .unwrap();
        text
    }

    fn contact(&self) -> String {
        format!("<sip:{}@page{}.invalid;transport=wss>", self.user, self.number)
    }

    fn instance(&self) -> String {
        format!("urn:uuid:00000000-0000-4000-8000-{:012}", self.number)
    }
}

/// The certificate is nobody's that this machine knows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
