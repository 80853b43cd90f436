//! The files of the desk page: they stand in the program, are compressed once at the start, and are known by their content.

use super::refusal::WebRefusal;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

/// What a browser asks for first.
const FIRST: &str = "index.html";
/// What is smaller is not compressed.
const COMPRESSED_MIN: usize = 256;

#[derive(RustEmbed)]
#[folder = "src/web/console/"]
struct ConsoleFolder;

/// All files, by their paths.
pub(super) struct ConsoleFiles(BTreeMap<String, ConsoleFile>);

struct ConsoleFile {
    kind: &'static str,
    plain: Bytes,
    /// Where that is shorter.
    compressed: Option<Bytes>,
    /// Of its content.
    tag: String,
}

impl ConsoleFiles {
    /// Those of the program.
    pub fn load() -> Self {
        let file = |path: std::borrow::Cow<'static, str>| {
            let bytes = ConsoleFolder::get(&path)?.data.into_owned();
            Some((path.to_string(), ConsoleFile::new(&path, bytes)))
        };
        Self(ConsoleFolder::iter().filter_map(file).collect())
    }

    fn answer(&self, path: &str, asked: &HeaderMap) -> Response {
        match self.0.get(path) {
            Some(file) => file.answer(asked),
            None => WebRefusal::NoSuch.into_response(),
        }
    }
}

impl ConsoleFile {
    fn new(path: &str, bytes: Vec<u8>) -> Self {
        let mut tag = String::new();
        for byte in &Sha256::digest(&bytes)[..12] {
            let _ = write!(tag, "{byte:02x}");
        }
        let kind = kind_of(path);
        let is_worth = bytes.len() >= COMPRESSED_MIN && !is_compressed_already(kind);
        let compressed = is_worth.then(|| compress(&bytes)).flatten();
        let compressed = compressed.filter(|compressed| compressed.len() < bytes.len());
        Self { kind, plain: bytes.into(), compressed: compressed.map(Bytes::from), tag }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let (bytes, tag) = match &self.compressed {
            Some(compressed) if takes_gzip(asked) => (compressed, format!("\"{}-gz\"", self.tag)),
            Some(_) | None => (&self.plain, format!("\"{}\"", self.tag)),
        };
        let is_known = is_known(asked, &tag);
        let body = if is_known { Body::empty() } else { Body::from(bytes.clone()) };
        let mut response = Response::new(body);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        // Another version of the program has other files: each time it is asked whether they are the same.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if !std::ptr::eq(bytes, &self.plain) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// `GET /`
pub(super) async fn first(State(files): State<Arc<ConsoleFiles>>, headers: HeaderMap) -> Response {
    files.answer(FIRST, &headers)
}

/// `GET /console/…`
pub(super) async fn file(
    State(files): State<Arc<ConsoleFiles>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    files.answer(&path, &headers)
}

/// Whether a browser that asks has what this tag (RFC 9110 §8.8.3) names.
pub(super) fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    asked.get_all(header::IF_NONE_MATCH).iter().any(|known| {
        let mut known = known.to_str().unwrap_or_default().split(',').map(str::trim);
        known.any(|known| known.trim_start_matches("W/") == tag)
    })
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let all = asked.get_all(header::ACCEPT_ENCODING).iter();
    let all = all.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut all = all.map(|coding| coding.split_once(';').unwrap_or((coding, "")));
    all.any(|(coding, weight)| {
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        coding.trim().eq_ignore_ascii_case("gzip") && weight != Ok(0.0)
    })
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "wav" => "audio/wav",
        "ogg" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn is_compressed_already(kind: &str) -> bool {
    ["image/png", "audio/ogg", "audio/mpeg", "font/woff2"].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_file_is_known_by_its_content_and_compressed_for_who_takes_that() {
        let file = ConsoleFile::new("desk.js", b"const answer = 42;\n".repeat(100));
        let plain = file.answer(&HeaderMap::new());
        assert_eq!(plain.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        let gzip = (header::ACCEPT_ENCODING, "br, gzip;q=0.5");
        let small = file.answer(&asked(std::slice::from_ref(&gzip)));
        assert_eq!(small.headers()[header::CONTENT_ENCODING], "gzip");
        let tag = small.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_ne!(plain.headers()[header::ETAG], tag.as_str());
        let again = file.answer(&asked(&[gzip, (header::IF_NONE_MATCH, &tag)]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = ConsoleFile::new("desk.js", b"const answer = 43;\n".repeat(100));
        assert_ne!(other.tag, file.tag);
        for none in ["gzip;q=0, br", "gzip; q=0.000", "br", "x-gzip", "*"] {
            assert!(!takes_gzip(&asked(&[(header::ACCEPT_ENCODING, none)])), "{none}");
        }
        assert!(takes_gzip(&asked(&[(header::ACCEPT_ENCODING, "br;q=0, GZIP ;q=0.001")])));
    }

    #[test]
    fn the_page_is_in_the_program() {
        let files = ConsoleFiles::load();
        assert_eq!(files.answer(FIRST, &HeaderMap::new()).status(), StatusCode::OK);
        for nothing in ["", "../mod.rs", "nothing.js"] {
            let answer = files.answer(nothing, &HeaderMap::new());
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{nothing}");
        }
    }
}
