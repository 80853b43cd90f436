//! The pages of the tests: a server of HTTP that gives them out, and a WebSocket that they report by.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::namespace::Namespace;
use crate::picture::Colour;

const FILES: [(&str, &str, &str); 8] = [
    ("/phone.html", "text/html", include_str!("phone.html")),
    ("/phone.js", "text/javascript", include_str!("phone.js")),
    ("/media.js", "text/javascript", include_str!("media.js")),
    ("/md5.js", "text/javascript", include_str!("md5.js")),
    ("/jssip.html", "text/html", include_str!("jssip.html")),
    ("/jssip_phone.js", "text/javascript", include_str!("jssip_phone.js")),
    ("/jssip.js", "text/javascript", include_str!("jssip.js")),
    ("/tap.js", "text/javascript", include_str!("tap.js")),
];

/// What a page has reported.
#[derive(Default)]
pub struct Reports {
    /// Events of a call and of the registration, oldest first; who awaits one takes it.
    pub events: VecDeque<Value>,
    /// How many pictures it has seen, and the median colour of the last one.
    pub seen: (u64, Option<Colour>),
    /// The recording of what it hears; one for each time that the page was loaded.
    pub recording: Option<PathBuf>,
}

pub type Shared = Arc<Mutex<Reports>>;

/// One server for all tests of this process.
pub struct Pages {
    files: SocketAddr,
    reports: SocketAddr,
    readers: Mutex<BTreeMap<String, (PathBuf, Shared)>>,
}

impl Pages {
    pub fn get() -> &'static Pages {
        static PAGES: OnceLock<Pages> = OnceLock::new();
        static STARTED: OnceLock<()> = OnceLock::new();
        let listen = || TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let mut listeners = None;
        let pages = PAGES.get_or_init(|| {
            let (files, reports) = (listen(), listen());
            let at = |listener: &TcpListener| listener.local_addr().expect("it is bound");
            let pages =
                Pages { files: at(&files), reports: at(&reports), readers: Mutex::default() };
            listeners = Some((files, reports));
            pages
        });
        if let Some((files, reports)) = listeners {
            STARTED.get_or_init(|| {
                std::thread::spawn(move || each(&files, serve));
                std::thread::spawn(move || each(&reports, move |stream| pages.hear(stream)));
            });
        }
        pages
    }

    /// Serves browsers of that network, too, at the same addresses.
    pub fn also_in(&'static self, network: &Namespace) {
        let (files, reports) = (network.listen(self.files), network.listen(self.reports));
        std::thread::spawn(move || each(&files, serve));
        std::thread::spawn(move || each(&reports, move |stream| self.hear(stream)));
    }

    /// The origin of its pages, as `http://127.0.0.1:1234`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.files)
    }

    /// A page's place to report to: its URL, and what comes there. Recordings go to `directory`.
    pub fn reader(&self, name: &str, directory: &Path) -> (String, Shared) {
        let reports = Shared::default();
        let mut readers = self.readers.lock().expect("no reader panicked");
        let path = format!("/{name}-{}", readers.len());
        readers.insert(path.clone(), (directory.to_owned(), Arc::clone(&reports)));
        (format!("ws://{}{path}", self.reports), reports)
    }

    /// Takes what one page reports, until it is closed.
    fn hear(&self, stream: TcpStream) {
        let mut path = String::new();
        #[allow(clippy::result_large_err)] // The library's own type.
        let note = |request: &Request, response: Response| {
            path = request.uri().path().to_owned();
            Ok(response)
        };
        let Ok(mut socket) = tungstenite::accept_hdr(stream, note) else { return };
        let reader = self.readers.lock().expect("no reader panicked").get(&path).cloned();
        let Some((directory, reports)) = reader else { return };
        let mut recording: Option<File> = None;
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => {
                    let said: Value = serde_json::from_str(&text).expect("the page speaks JSON");
                    let mut reports = reports.lock().expect("no reader panicked");
                    if let Some(rate) = said["rate"].as_u64() {
                        let (file, path) = begin(&directory, rate);
                        recording = Some(file);
                        reports.recording = Some(path);
                    } else if let Some(colour) = said["sees"].as_array() {
                        let of = |n: usize| colour[n].as_u64().unwrap_or(0) as u8;
                        let colour = Colour([of(0), of(1), of(2)]);
                        reports.seen = (reports.seen.0 + 1, Some(colour));
                    } else {
                        reports.events.push_back(said);
                    }
                }
                Ok(Message::Binary(samples)) => {
                    if let Some(file) = &mut recording {
                        file.write_all(&samples).expect("the test's directory is writable");
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

fn each(listener: &TcpListener, serve: impl Fn(TcpStream) + Copy + Send + 'static) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || serve(stream));
    }
}

/// One request, one answer.
fn serve(stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut lines = BufReader::new(&stream).lines();
    let Some(Ok(request)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let file = FILES.iter().find(|(name, ..)| *name == path);
    let (status, kind, body) = match file {
        Some((_, kind, body)) => ("200 OK", *kind, *body),
        None => ("404 Not Found", "text/plain", ""),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ =
        (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(body.as_bytes()));
}

/// A WAV file without its end: one channel, 16 bits.
fn begin(directory: &Path, rate: u64) -> (File, PathBuf) {
    let path = (0..).map(|n| directory.join(format!("heard-{n}.wav"))).find(|path| !path.exists());
    let path = path.expect("there are numbers enough");
    let rate = u32::try_from(rate).expect("it is a sample rate");
    let mut header = Vec::from(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0");
    header.extend(rate.to_le_bytes());
    header.extend((rate * 2).to_le_bytes());
    header.extend(b"\x02\0\x10\0data\0\0\0\0");
    let mut file = OpenOptions::new().create_new(true).append(true).open(&path);
    let file = file.as_mut().expect("the test's directory is writable");
    file.write_all(&header).expect("the test's directory is writable");
    (file.try_clone().expect("a file can be opened twice"), path)
}
