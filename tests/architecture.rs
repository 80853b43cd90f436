//! The rules of the house that the compiler does not keep.
//!
//! The floors are read from the drawing in `src/lib.rs`, the layers of a room from that in its `mod.rs`: what
//! is drawn there holds, and what is not drawn there is a fault. Each fault says file and line, what is
//! wrong, and what to do.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Longer functions that were looked at and left: one `match` whose arms are the table that it is.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[("src/leg/reports.rs", "on_dialog", 100)];

/// What no core may say, and what to do instead.
const OUTSIDE_WORLD: &[(&str, &str)] = &[
    ("Instant::now", "time is an argument: `now`"),
    ("SystemTime", "time is an argument: `now`"),
    ("std::thread", "a core runs where it is called"),
    ("async fn", "wait in `server`, and make what comes an input"),
    (".await", "wait in `server`, and make what comes an input"),
    ("UdpSocket", "sending is an effect"),
    ("TcpStream", "sending is an effect"),
    ("TcpListener", "what arrives is an input"),
    ("std::fs", "what a file holds is an argument"),
    ("std::env", "what the environment says is a setting"),
    ("std::process", "a core ends nothing: return an error"),
    ("static mut", "state belongs to a machine"),
    ("OnceLock", "state belongs to a machine"),
    ("LazyLock", "state belongs to a machine"),
    ("thread_local!", "state belongs to a machine"),
    ("Mutex<", "one thread has it: no lock is needed"),
    ("RwLock<", "one thread has it: no lock is needed"),
    ("HashMap::new", "its order is chance: BTreeMap, or `HashMap::with_hasher(random.map_keys())`"),
    (
        "HashMap::default",
        "its order is chance: BTreeMap, or `HashMap::with_hasher(random.map_keys())`",
    ),
    ("HashSet::new", "its order is chance: BTreeSet"),
    ("HashSet::default", "its order is chance: BTreeSet"),
    ("RandomState", "chance comes from `random`"),
    ("DefaultHasher", "chance comes from `random`"),
    ("tracing::", "return an event; `server::telemetry` writes it down"),
    ("Serialize", "views are for the rooms that show them"),
];

/// The core whose values are rows of texts.
const ROOM_OF_TEXTS: &str = "live";

/// What says things aloud; only the command line does.
const PRINTING: &[&str] = &["print!(", "println!(", "eprint!(", "eprintln!(", "dbg!("];

/// Every library of Cargo.toml by the name that code knows it by, and the rooms that may name it. The
/// rooms stand on the floors of the drawing, so that a look here says what each floor stands on.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("aes", &["srtp"]),
    ("anyhow", &["cli"]),
    ("audio_codec", &["codec"]),
    ("axum", &["web"]),
    ("base64", &["srtp", "stun"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("crc32fast", &["stun"]),
    ("dimpl", &["server"]),
    ("ffmpeg_sys_next", &["codec"]),
    ("flate2", &["web"]),
    ("futures_core", &["server"]),
    ("futures_util", &["server"]),
    ("hickory_resolver", &["server"]),
    ("hmac", &["srtp", "stun"]),
    ("hound", &["codec"]),
    ("hyper", &["web"]),
    ("hyper_util", &["web"]),
    ("jiff", &["config", "zone"]),
    ("jpeg_encoder", &["codec"]),
    ("libc", &["server"]),
    ("md5", &["sip"]),
    ("memchr", &["rtp", "sip"]),
    ("nix", &["server"]),
    ("noto_sans_mono_bitmap", &["codec"]),
    ("openh264_sys2", &["codec"]),
    ("png", &["codec"]),
    ("rand_chacha", &["random"]),
    ("rcgen", &["server"]),
    ("retina", &["server"]),
    ("ring", &["srtp"]),
    ("rsip", &["sip"]),
    ("rtp_rs", &["rtp"]),
    ("rusqlite", &["store"]),
    ("rust_embed", &["web"]),
    ("rustix", &["cli", "server"]),
    ("rustls", &["server"]),
    ("rustls_native_certs", &["server"]),
    ("serde", &["live", "web", "wire"]),
    ("serde_json", &["call", "cli", "desk", "live", "switchboard", "web", "wire"]),
    ("sha1", &["dtls", "srtp", "stun"]),
    ("sha2", &["dtls", "server", "session", "sip", "web"]),
    ("siphasher", &["random", "registrar"]),
    ("socket2", &["server"]),
    ("subtle", &["srtp", "stun"]),
    ("thiserror", ANYWHERE),
    ("tokio", &["cli", "server", "web", "wire"]),
    ("tokio_rustls", &["server"]),
    ("tokio_tungstenite", &["server", "web"]),
    ("toml", &["config"]),
    ("tower", &["web"]),
    ("tracing", &["cli", "server", "web"]),
    ("tracing_subscriber", &["server"]),
    ("unicode_width", &["cli"]),
    ("unsafe_libopus", &["codec"]),
    ("url", &["server", "web"]),
    ("vpx_sys", &["codec"]),
    ("yasna", &["server"]),
    ("zune_jpeg", &["codec"]),
];

/// In place of a room: the errors of every room are made with it.
const ANYWHERE: &[&str] = &["every room"];

/// Packages whose library has another name.
const RENAMED: &[(&str, &str)] = &[("md-5", "md5"), ("env-libvpx-sys", "vpx_sys")];

/// Rooms that are no machines: their `mod.rs` may hold what they are, and their files may name it.
const ROOMS_WITHOUT_A_MACHINE: &[&str] = &["config", "cli"];

/// Rooms whose files still import each other in a circle. The list only shrinks: no room comes back to it.
const ROOMS_WITHOUT_LAYERS: &[&str] = &[];

#[test]
fn the_map_shows_every_room_once() {
    let map = Map::read();
    let mut faults = String::new();
    for (room, floors) in &map.floors {
        if floors.len() > 1 {
            let _ = writeln!(
                faults,
                "src/lib.rs: the drawing shows {room} on floors {floors:?}: keep one"
            );
        }
    }
    let text = fs::read_to_string("src/lib.rs").unwrap();
    let declared: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    for room in &declared {
        if !map.floors.contains_key(*room) {
            let _ = writeln!(faults, "src/lib.rs: {room} is not in the drawing: give it a floor");
        }
    }
    if !declared.is_sorted() {
        let _ = writeln!(faults, "src/lib.rs: the `pub mod` lines are not in order: sort them");
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn every_import_goes_down() {
    let map = Map::read();
    check(|file, faults| {
        let own = map.floor(&file.room);
        for (line, room) in file.rooms_named() {
            let other = map.floor(room);
            if room != file.room && other >= own {
                let _ = writeln!(
                    faults,
                    "{}:{line}: {} (floor {own}) names {room} (floor {other}): let a floor above both \
                     introduce them",
                    file.path, file.room
                );
            }
        }
    });
}

/// So that the rule above sees every import.
#[test]
fn every_import_names_its_room() {
    check(|file, faults| {
        for (line, text) in file.code_lines() {
            for way in ["crate::{", "crate::*", "super::*", "super::super::", "cordboard::"] {
                // The binary is a crate of its own and names the library so.
                if text.contains(way) && !(way == "cordboard::" && file.room == "main") {
                    let _ = writeln!(
                        faults,
                        "{}:{line}: `{way}` hides which room is meant: write `crate::ROOM::…`, one room a `use`",
                        file.path
                    );
                }
            }
        }
    });
}

/// A room is built as the house is: a file imports from lower layers of its room only. A folder counts as
/// one file.
#[test]
fn every_import_inside_a_room_goes_down() {
    let mut faults = String::new();
    for room in Room::read_all().iter().filter(|room| room.has_to_have_layers()) {
        let layers = room.layers(&mut faults);
        for FileImport { path, line, from, name, to } in room.imports() {
            let Some(to) = to else {
                if !ROOMS_WITHOUT_A_MACHINE.contains(&room.name.as_str()) {
                    let _ = writeln!(
                        faults,
                        "{path}:{line}: {from} names {name}, which no file of the room has: name it where it is"
                    );
                }
                continue;
            };
            if let (Some(own), Some(other)) = (layers.get(&from), layers.get(&to))
                && other >= own
            {
                let _ = writeln!(
                    faults,
                    "{path}:{line}: {from} (layer {own}) names {to} (layer {other}): move what both need to a \
                     file below both"
                );
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn a_room_without_a_circle_has_layers() {
    let rooms = Room::read_all();
    for name in ROOMS_WITHOUT_LAYERS {
        let room = rooms.iter().find(|room| room.name == *name);
        assert!(
            room.is_some_and(Room::has_circle),
            "{name} has no circle any more: draw its layers in its mod.rs and strike it from \
             ROOMS_WITHOUT_LAYERS"
        );
    }
}

#[test]
fn an_import_inside_a_room_is_found_however_it_is_written() {
    let file = |path: &str, text: &str| {
        let (path, room) = (format!("src/room/{path}.rs"), "room".to_owned());
        SourceFile { path, room, text: text.to_owned() }
    };
    let mod_file = "//! layer 3  top    b with a\n//! layer 2  folder  of one file\n//! layer 1  a  b\n\
        mod a;\npub use a::{First, sub::Second as Third};\npub use crate::other::Fourth;\n";
    let top = "use super::{\n    First,\n    b::{self, c::D},\n    folder,\n};\nfn f() -> super::Third {\n    \
        crate::room::b::g(super::Fourth, super::own)\n}\n#[cfg(test)]\nmod tests {\n    use super::a;\n}\n";
    let room = Room::of(
        "room".to_owned(),
        vec![
            file("mod", mod_file),
            file("top", top),
            file("a", "fn a() {}\n"),
            file("b", "// use super::a;\nuse super::b::c;\n"),
            file("folder/mod", "use super::a;\n"),
            file("folder/inner", "use super::a;\nuse crate::room::First;\n"),
        ],
    );
    let mut faults = String::new();
    let layers = [("a", 1), ("b", 1), ("folder", 2), ("top", 3)];
    assert_eq!(
        room.layers(&mut faults),
        layers.map(|(file, layer)| (file.to_owned(), layer)).into()
    );
    assert_eq!(faults, "");
    let found: Vec<_> =
        room.imports().into_iter().map(|i| (i.from, i.line, i.name, i.to)).collect();
    let import = |from: &str, line, name: &str, to: &str| {
        let to = (!to.is_empty()).then(|| to.to_owned());
        (from.to_owned(), line, name.to_owned(), to)
    };
    assert_eq!(
        found,
        [
            import("folder", 1, "a", "a"),
            import("folder", 2, "First", "a"),
            import("top", 7, "b", "b"),
            import("top", 1, "First", "a"),
            import("top", 1, "b", "b"),
            import("top", 1, "folder", "folder"),
            import("top", 6, "Third", "a"),
            import("top", 7, "Fourth", ""),
            import("top", 7, "own", ""),
        ]
    );
    assert!(!room.has_circle());
    let one = || file("one", "use super::two::A;\n");
    let round = |two| Room::of("room".to_owned(), vec![file("mod", ""), one(), file("two", two)]);
    assert!(round("use super::one::B;\n").has_circle());
    assert!(!round("use super::two::B;\n").has_circle());
}

#[test]
fn cores_touch_no_outside_world() {
    let map = Map::read();
    check(|file, faults| {
        if !map.is_pure(&file.room) {
            return;
        }
        let is_allowed = |word: &str| file.room == ROOM_OF_TEXTS && word == "Serialize";
        for (line, text) in file.code_lines() {
            let said = OUTSIDE_WORLD.iter().filter(|(word, _)| text.contains(word));
            for (word, instead) in said.filter(|(word, _)| !is_allowed(word)) {
                let _ = writeln!(faults, "{}:{line}: `{word}` in a core: {instead}", file.path);
            }
        }
    });
}

#[test]
fn a_library_stays_in_its_rooms() {
    let mut named = BTreeSet::new();
    check(|file, faults| {
        for (line, text) in file.code_lines() {
            for (library, rooms) in LIBRARIES.iter().filter(|(library, _)| names(text, library)) {
                named.insert((*library, file.room.clone()));
                if *rooms != ANYWHERE && !rooms.contains(&file.room.as_str()) {
                    let _ = writeln!(
                        faults,
                        "{}:{line}: {} names {library}, which is {}'s: ask that room for a type of our own",
                        file.path,
                        file.room,
                        rooms.join(" and ")
                    );
                }
            }
        }
    });
    for (library, rooms) in LIBRARIES.iter().filter(|(_, rooms)| *rooms != ANYWHERE) {
        for room in *rooms {
            assert!(
                named.contains(&(*library, (*room).to_owned())),
                "{room} does not name {library}: strike it from LIBRARIES"
            );
        }
    }
}

#[test]
fn every_library_has_its_rooms() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let packages = dependencies.lines().filter_map(|line| {
        let (package, _) = line.split_once('=')?;
        (!line.starts_with('#')).then_some(package.trim())
    });
    let renamed: BTreeMap<_, _> = RENAMED.iter().copied().collect();
    let library = |package: &str| {
        renamed.get(package).map_or_else(|| package.replace('-', "_"), |name| (*name).to_owned())
    };
    let wanted: BTreeSet<String> = packages.map(library).collect();
    let known: BTreeSet<String> = LIBRARIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        wanted, known,
        "Cargo.toml and LIBRARIES name the same: give each new one its rooms"
    );
}

/// Otherwise a binding for the tests at its head would hide the rest of a file from every rule.
#[test]
fn only_what_is_there_in_tests_is_passed_over() {
    let text = "#[cfg(test)]\nuse a;\nuse b;\nfn c(\n    #[cfg(test)] d: u8,\n) {}\n#[cfg(test)]\n/// Why.\n\
        #[allow(e)]\nfn f(\n    g: u8,\n) {\n    h;\n}\nstruct I {\n    #[cfg(test)]\n    j: u8,\n    k: u8,\n}\n\
        #[cfg(test)]\nmod tests {\n    l;\n}\nfn m() {}\n#[cfg(not(test))]\nuse n;\n";
    let file = SourceFile { path: String::new(), room: String::new(), text: text.to_owned() };
    let seen: Vec<&str> = file.code_lines().map(|(_, line)| line.trim()).collect();
    let not_tests = ["use b;", "fn c(", ") {}", "struct I {", "k: u8,", "}", "fn m() {}"];
    assert_eq!(seen[..not_tests.len()], not_tests);
    assert_eq!(seen[not_tests.len()..], ["#[cfg(not(test))]", "use n;"]);
}

/// A call's machine says of each state what each event does there: a new one has to be thought of
/// everywhere, and no arm for all the rest swallows it.
#[test]
fn no_arm_of_a_call_hides_an_event() {
    check(|file, faults| {
        for (line, text) in file.code_lines().filter(|_| file.room == "call") {
            if is_arm_for_the_rest(text) {
                let _ = writeln!(
                    faults,
                    "{}:{line}: `{}` stands for all the rest: write out what there is",
                    file.path,
                    text.trim()
                );
            }
        }
    });
}

/// Whether a line begins an arm that takes whatever no other takes: `_ =>`, `(_, _) =>`, `other =>`, with
/// a condition or without.
fn is_arm_for_the_rest(line: &str) -> bool {
    let Some((pattern, _)) = line.split_once("=>") else { return false };
    let pattern = pattern.trim();
    let pattern = pattern.split(" if ").next().unwrap_or(pattern).trim_start_matches('(');
    let takes_all = |part: &str| {
        let part = part.trim();
        part.starts_with(|c: char| c.is_lowercase() || c == '_')
            && part.chars().all(is_in_name)
            && !["true", "false"].contains(&part)
    };
    pattern.trim_end_matches(')').split(',').all(takes_all)
}

#[test]
fn an_arm_for_the_rest_is_known_at_sight() {
    for line in [
        "_ => {}",
        "_ if a => b,",
        "other => b,",
        "_other => b,",
        "(_, _) => {}",
        "(a, _) if b => c,",
    ] {
        assert!(is_arm_for_the_rest(line), "{line}");
    }
    for line in [
        "A::B { .. } => {}",
        "() if a => b,",
        "Some(_) => c,",
        "(A, _) => {}",
        "true => a,",
        "0..=9 => 1,",
        "}) => {",
        ") => {}",
        "if a =>",
    ] {
        assert!(!is_arm_for_the_rest(line), "{line}");
    }
}

#[test]
fn only_the_command_line_prints() {
    check(|file, faults| {
        for (line, text) in file.code_lines().filter(|_| file.room != "cli") {
            if let Some(word) = PRINTING.iter().find(|word| text.contains(**word)) {
                let _ = writeln!(
                    faults,
                    "{}:{line}: `{word}…)` outside cli: return what is to be said",
                    file.path
                );
            }
        }
    });
}

#[test]
fn every_file_opens_with_its_purpose_and_stays_short() {
    check(|file, faults| {
        if !file.text.starts_with("//! ") {
            let _ = writeln!(faults, "{}:1: open with `//! ` and what the file is for", file.path);
        }
        let lines = file.code_lines().count();
        if lines > FILE_LINES_MAX {
            let _ = writeln!(
                faults,
                "{}: {lines} lines of code, at most {FILE_LINES_MAX}: split it by subject",
                file.path
            );
        }
    });
}

#[test]
fn a_mod_file_holds_docs_and_reexports_only() {
    check(|file, faults| {
        if !file.path.ends_with("/mod.rs") || ROOMS_WITHOUT_A_MACHINE.contains(&file.room.as_str())
        {
            return;
        }
        for (line, text) in file.code_lines() {
            let own = |word: &str| {
                ["fn", "struct", "enum", "trait", "macro_rules!"].contains(&word)
                    || word == "impl"
                    || word.starts_with("impl<")
            };
            if text.split_whitespace().any(own) {
                let _ = writeln!(
                    faults,
                    "{}:{line}: `{}` in a `mod.rs`: move it to a file that is named after it",
                    file.path,
                    text.trim()
                );
            }
        }
    });
}

#[test]
fn functions_stay_short() {
    let mut long = BTreeMap::new();
    check(|file, faults| {
        for (line, name, lines) in file.functions() {
            if lines <= FUNCTION_LINES_MAX {
                continue;
            }
            let known = LONG_FUNCTIONS.iter().find(|(path, f, _)| *path == file.path && *f == name);
            long.insert((file.path.clone(), name.clone()), lines);
            let most = known.map_or(FUNCTION_LINES_MAX, |(_, _, most)| *most);
            if lines > most {
                let _ = writeln!(
                    faults,
                    "{}:{line}: {name} has {lines} lines, at most {most}: give its steps names",
                    file.path
                );
            }
        }
    });
    for (path, name, _) in LONG_FUNCTIONS {
        assert!(
            long.contains_key(&((*path).to_owned(), (*name).to_owned())),
            "{name} in {path} is short now: strike it from LONG_FUNCTIONS"
        );
    }
}

/// What asks the allocator for its free memory, which only libc can; and what takes the files that the service manager
/// passes by their numbers.
const UNSAFE_FILES: &[&str] = &["src/server/memory.rs", "src/server/passed_files.rs"];

#[test]
fn every_exception_gives_its_reason() {
    check(|file, faults| {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, text) in lines.iter().enumerate() {
            if !text.trim_start().starts_with("#[allow(") && !text.starts_with("#![allow(") {
                continue;
            }
            let before = at.checked_sub(1).map_or("", |above| lines[above].trim_start());
            if !text.contains("//") && !before.starts_with("//") {
                let _ = writeln!(
                    faults,
                    "{}:{}: `{}` without a reason: say why on the same line or above",
                    file.path,
                    at + 1,
                    text.trim()
                );
            }
            let is_known =
                file.room == "codec" || UNSAFE_FILES.iter().any(|known| file.path.ends_with(known));
            if text.contains("unsafe_code") && !is_known {
                let _ = writeln!(
                    faults,
                    "{}:{}: only a codec's binding, and UNSAFE_FILES, may be unsafe",
                    file.path,
                    at + 1
                );
            }
        }
    });
}

/// Words that were retired, each with what is said now: whole words of a name, so that `lobby` is found
/// in `the_lobby` and in `LobbyId`.
const RETIRED_WORDS: &[(&str, &str)] = &[
    ("bury", "close_orphaned_records"),
    ("crew", "agents"),
    ("dialler", "DTMF generator"),
    ("doorway", "api, or the room's mod.rs"),
    ("excuse", "reason"),
    ("film", "encoded prompt, or test clip"),
    ("films", "encoded prompts, or test clips"),
    ("footage", "camera frames"),
    ("lobbies", "waiting profiles"),
    ("lobby", "waiting profile"),
    ("opener", "unprotect context"),
    ("projector", "prompt player"),
    ("reel", "call tap"),
    ("sealer", "protect context"),
    ("story", "log event"),
    ("stranger", "unauthenticated"),
    ("strangers", "unauthenticated"),
    ("tape", "recording tap"),
    ("taped", "tapped"),
    ("tapes", "recording taps"),
    ("widened", "all_codecs"),
];

/// Whole names of types that were retired: each said too little, or meant several things.
const RETIRED_TYPES: &[(&str, &str)] = &[
    ("Gate", "the key frame gate of what"),
    ("GuestBook", "RegistrationLog"),
    ("Guard", "SrtpContext"),
    ("Keys", "the keys of what"),
    ("Lane", "RecordingTrack"),
    ("Line", "the line of what"),
    ("Listener", "DtmfDetector"),
    ("Placing", "CallAttempt"),
    ("Rung", "ForkResult"),
    ("Said", "RoomEvent"),
    ("Scene", "VideoPrompt"),
    ("Seat", "SeatNumber, or AnsweredOperator"),
    ("Session", "the session of what"),
    ("Standing", "AgentState, or SourceTrust"),
    ("State", "the state of what"),
    ("Way", "NextHop, or PayloadMapping"),
];

/// What each room, each command of the command line and each codec has under the same name; and what
/// traits of the language name.
const ROOM_TYPES: &[&str] = &[
    "Command", "Decoder", "Effect", "Encoder", "Err", "Error", "Event", "Input", "Item", "Machine",
    "Output", "Settings",
];

#[test]
fn words_that_were_retired_do_not_come_back() {
    let mut faults = String::new();
    for directory in ["src", "tests", "benches"] {
        for path in rust_files(Path::new(directory)) {
            let text = fs::read_to_string(&path).unwrap();
            let file = SourceFile { path: path.display().to_string(), room: String::new(), text };
            for (line, name) in file.names() {
                let words = words_of(&name);
                for (word, instead) in RETIRED_WORDS {
                    if words.iter().any(|w| w == word) {
                        let path = &file.path;
                        let _ =
                            writeln!(faults, "{path}:{line}: `{name}`: {word} is now {instead}");
                    }
                }
            }
            for (line, name) in file.types().filter(|_| directory == "src") {
                if let Some((_, instead)) = RETIRED_TYPES.iter().find(|(old, _)| *old == name) {
                    let _ = writeln!(faults, "{}:{line}: type `{name}`: say {instead}", file.path);
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn a_type_has_its_name_for_itself() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    check(|file, faults| {
        for (line, name) in file.types().filter(|(_, name)| !ROOM_TYPES.contains(name)) {
            let here = format!("{}:{line}", file.path);
            if let Some(first) = seen.insert(name.to_owned(), here.clone()) {
                let _ = writeln!(
                    faults,
                    "{here}: a type `{name}` is in {first} too: give each a word more"
                );
            }
        }
    });
}

#[test]
fn names_are_taken_apart_into_words() {
    assert_eq!(words_of("the_lobby"), ["the", "lobby"]);
    assert_eq!(words_of("WaitingLobbyId"), ["waiting", "lobby", "id"]);
    assert_eq!(words_of("STRANGERS_PACE"), ["strangers", "pace"]);
    let text = "//! A lobby.\nlet lobby = \"a story\"; // A tape.\nlet b = b'\"'; let c = '\"'; f(\"{film}\", 'x');\n";
    let file = SourceFile { path: String::new(), room: String::new(), text: text.to_owned() };
    let names: Vec<(usize, String)> = file.names().collect();
    let named = |name: &str| names.iter().any(|(_, n)| n == name);
    assert!(named("lobby") && named("f"), "{names:?}");
    assert!(!named("story") && !named("tape"), "{names:?}");
}

/// The words of a name, in small letters: `LobbyId` and `lobby_id` have the same.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        let starts = c == '_' || (c.is_uppercase() && was_small);
        if starts && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        was_small = c.is_lowercase() || c.is_ascii_digit();
        if c != '_' {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    words
}

impl SourceFile {
    /// Every name of the code, tests too, without what comments and texts say.
    fn names(&self) -> impl Iterator<Item = (usize, String)> {
        let mut in_text = false;
        (1..).zip(self.text.lines()).flat_map(move |(number, line)| {
            let (mut names, mut name) = (Vec::new(), String::new());
            let mut chars = line.char_indices().peekable();
            while let Some((at, c)) = chars.next() {
                if in_text {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => in_text = false,
                        _ => {}
                    }
                    continue;
                }
                if is_in_name(c) {
                    name.push(c);
                    continue;
                }
                names.extend((!name.is_empty()).then(|| (number, std::mem::take(&mut name))));
                match c {
                    '"' => in_text = true,
                    '/' if line[at..].starts_with("//") => break,
                    '\'' if line[at..].starts_with("'\"'") => drop((chars.next(), chars.next())),
                    '\'' if line[at..].starts_with("'\\") => drop((chars.next(), chars.next())),
                    _ => {}
                }
            }
            names.extend((!name.is_empty()).then_some((number, name)));
            names
        })
    }

    /// Each type that is defined here, outside tests.
    fn types(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code_lines().filter_map(|(number, line)| {
            let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
            let is_type = ["struct", "enum", "trait", "type", "union"].contains(&words.next()?);
            let name = words.next()?;
            let end = name.find(|c| !is_in_name(c)).unwrap_or(name.len());
            (is_type && end > 0).then_some((number, &name[..end]))
        })
    }
}

/// The drawing in `src/lib.rs`.
struct Map {
    /// Where each room is drawn.
    floors: BTreeMap<String, Vec<usize>>,
    /// The lowest floor above the double line: there effects happen.
    first_impure: usize,
}

impl Map {
    fn read() -> Self {
        let text = fs::read_to_string("src/lib.rs").unwrap();
        let mut floors: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let (mut above, mut first_impure) = (usize::MAX, None);
        for line in text.lines().filter_map(|line| line.strip_prefix("//! ")) {
            if line.starts_with("====") {
                first_impure = Some(above);
            }
            let Some(line) = line.strip_prefix("floor ") else { continue };
            let mut words = line.split_whitespace();
            let floor: usize =
                words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| {
                    panic!("src/lib.rs: `floor {line}` has no number: draw it as the others")
                });
            assert!(floor < above, "src/lib.rs: floor {floor} is drawn above floor {above}");
            above = floor;
            // The rooms come first, what they are for follows.
            let rooms: Vec<&str> =
                words.map(|w| w.trim_end_matches(".rs")).take_while(|w| is_room(w)).collect();
            assert!(!rooms.is_empty(), "src/lib.rs: floor {floor} has no room that is in src/");
            for room in rooms {
                floors.entry(room.to_owned()).or_default().push(floor);
            }
        }
        assert_eq!(above, 0, "src/lib.rs: the drawing goes down to floor 0");
        let first_impure = first_impure.expect("src/lib.rs draws the line below which all is pure");
        Self { floors, first_impure }
    }

    fn floor(&self, room: &str) -> usize {
        let floors = self.floors.get(room);
        *floors
            .and_then(|floors| floors.first())
            .unwrap_or_else(|| panic!("{room} stands on no floor: draw it in src/lib.rs"))
    }

    fn is_pure(&self, room: &str) -> bool {
        self.floor(room) < self.first_impure
    }
}

fn is_room(name: &str) -> bool {
    let src = Path::new("src");
    src.join(name).join("mod.rs").exists() || src.join(format!("{name}.rs")).exists()
}

/// A folder of `src/`.
struct Room {
    name: String,
    mod_file: SourceFile,
    /// The other files, by their names; those of a folder have the folder's.
    files: BTreeMap<String, Vec<SourceFile>>,
}

/// Where a file of a room names something of another.
struct FileImport {
    path: String,
    line: usize,
    from: String,
    /// As it stands behind `super::` or `crate::ROOM::`.
    name: String,
    /// The file that this is, or that has it; `None` where it is `mod.rs` or another room that has it.
    to: Option<String>,
}

impl Room {
    fn read_all() -> Vec<Self> {
        let mut rooms: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
        for path in rust_files(Path::new("src")) {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.display().to_string();
            if let Some((room, _)) = path["src/".len()..].split_once('/') {
                let room = room.to_owned();
                rooms.entry(room.clone()).or_default().push(SourceFile { path, room, text });
            }
        }
        rooms.into_iter().map(|(name, sources)| Self::of(name, sources)).collect()
    }

    fn of(name: String, sources: Vec<SourceFile>) -> Self {
        let mut files: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
        for source in sources {
            let own = source.path_in_room().split(['/', '.']).next().unwrap_or("").to_owned();
            files.entry(own).or_default().push(source);
        }
        let mod_file = files.remove("mod").and_then(|mut sources| sources.pop());
        let mod_file = mod_file.unwrap_or_else(|| panic!("src/{name}/ has no mod.rs"));
        Self { name, mod_file, files }
    }

    /// Whether anything can be below anything, and does not run in a circle yet.
    fn has_to_have_layers(&self) -> bool {
        self.files.len() > 1 && !ROOMS_WITHOUT_LAYERS.contains(&self.name.as_str())
    }

    /// On which layer `mod.rs` draws each file.
    fn layers(&self, faults: &mut String) -> BTreeMap<String, usize> {
        let path = &self.mod_file.path;
        let mut layers = BTreeMap::new();
        let mut above = usize::MAX;
        for line in self.mod_file.text.lines().filter_map(|line| line.strip_prefix("//! layer ")) {
            let (layer, drawn) = line.split_once(' ').unwrap_or((line, ""));
            let layer: usize = layer.parse().unwrap_or_else(|_| {
                panic!("{path}: `layer {line}` has no number: draw it as the others")
            });
            assert!(layer <= above, "{path}: layer {layer} is drawn above layer {above}");
            above = layer;
            // The files come first; what they are for follows behind a gap.
            let files = drawn.trim_start().split("   ").next().unwrap_or("");
            let is_file = |word: &&str| self.files.contains_key(*word);
            for file in files.split_whitespace().take_while(is_file) {
                if layers.insert(file.to_owned(), layer).is_some() {
                    let _ = writeln!(faults, "{path}: {file} is drawn twice: keep one");
                }
            }
        }
        for file in self.files.keys().filter(|file| !layers.contains_key(*file)) {
            let _ = writeln!(faults, "{path}: {file} is on no layer: draw it");
        }
        layers
    }

    /// What the files of the room import from each other, and from `mod.rs`.
    fn imports(&self) -> Vec<FileImport> {
        let reexports = self.reexports();
        let room = format!("crate::{}::", self.name);
        let mut imports = Vec::new();
        for (from, sources) in &self.files {
            for source in sources {
                // In a file of a folder, `super` is the folder.
                let is_child = !source.path_in_room().trim_end_matches("/mod.rs").contains('/');
                let mut found = source.named_after(&room);
                found.extend(is_child.then(|| source.named_after("super::")).into_iter().flatten());
                for (line, name) in found {
                    let is_file = self.files.contains_key(&name);
                    let to = is_file.then_some(&name).or_else(|| reexports.get(&name)).cloned();
                    if to.as_ref() != Some(from) {
                        let (path, from) = (source.path.clone(), from.clone());
                        imports.push(FileImport { path, line, from, name, to });
                    }
                }
            }
        }
        imports
    }

    /// What `mod.rs` passes on of its files, and which has it.
    fn reexports(&self) -> BTreeMap<String, String> {
        let code = self.mod_file.code();
        let mut reexports = BTreeMap::new();
        for (_, path) in code.split(';').filter_map(|item| item.split_once("use ")) {
            let Some((file, names)) = path.split_once("::") else { continue };
            if self.files.contains_key(file) {
                let names = names.split(|c: char| !is_in_name(c)).map(str::to_owned);
                reexports.extend(names.map(|name| (name, file.to_owned())));
            }
        }
        reexports
    }

    /// Whether files of the room import each other in a circle. Those that import from none that is left are
    /// left out, again and again: what stays goes round.
    fn has_circle(&self) -> bool {
        let imports = self.imports();
        let mut left: BTreeSet<&String> = self.files.keys().collect();
        loop {
            let goes_on =
                |import: &&FileImport| import.to.as_ref().is_some_and(|to| left.contains(to));
            let importing: BTreeSet<_> = imports.iter().filter(goes_on).map(|i| &i.from).collect();
            let before = left.len();
            left.retain(|file| importing.contains(file));
            if left.len() == before {
                return before > 0;
            }
        }
    }
}

/// Where a walk through a file is, as to what stands behind `#[cfg(test)]`. rustfmt begins and ends an
/// item, a statement or a field at the same indent.
enum Testing {
    No,
    /// Its first line is still to come: there may be more attributes, and comments.
    Announced,
    /// Until a line of this indent closes it.
    Until(usize),
}

impl Testing {
    /// Whether this line is there in tests only.
    fn goes_on(&mut self, line: &str) -> bool {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let is_whole = trimmed.ends_with([';', ',', '}']);
        match self {
            Self::No if trimmed == "#[cfg(test)]" => *self = Self::Announced,
            // Before a parameter, on its line.
            Self::No if trimmed.starts_with("#[cfg(test)]") => {}
            Self::No => return false,
            Self::Announced if trimmed.starts_with("#[") || trimmed.starts_with("//") => {}
            Self::Announced if is_whole => *self = Self::No,
            Self::Announced => *self = Self::Until(indent),
            Self::Until(end) if *end == indent && is_whole && trimmed.starts_with([')', '}']) => {
                *self = Self::No;
            }
            Self::Until(_) => {}
        }
        true
    }
}

struct SourceFile {
    path: String,
    room: String,
    text: String,
}

impl SourceFile {
    /// The lines of code, numbered from 1, without comments and what is there in tests only.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut testing = Testing::No;
        (1..).zip(self.text.lines()).filter(move |(_, line)| {
            let trimmed = line.trim_start();
            !testing.goes_on(line) && !trimmed.is_empty() && !trimmed.starts_with("//")
        })
    }

    /// Its path below the folder of its room.
    fn path_in_room(&self) -> &str {
        self.path["src/".len()..].split_once('/').map_or("", |(_, path)| path)
    }

    /// The lines of code as one text, each where it was, so that a path of many lines can be read.
    fn code(&self) -> String {
        let mut code = String::new();
        let mut reached = 1;
        for (line, text) in self.code_lines() {
            code.push_str(&"\n".repeat(line - reached));
            code.push_str(text);
            reached = line;
        }
        code
    }

    /// The names right behind `way`, with the lines of `way`: one, or those of a group.
    fn named_after(&self, way: &str) -> Vec<(usize, String)> {
        let code = self.code();
        let mut named = Vec::new();
        for (at, _) in code.match_indices(way) {
            let (before, after) = (&code[..at], &code[at + way.len()..]);
            if !before.ends_with(|c: char| is_in_name(c) || c == ':') {
                let line = 1 + before.matches('\n').count();
                named.extend(first_names(after).into_iter().map(|name| (line, name.to_owned())));
            }
        }
        named
    }

    /// Each room that the code names as `crate::ROOM`.
    fn rooms_named(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code_lines().flat_map(|(number, line)| {
            line.match_indices("crate::").filter_map(move |(at, way)| {
                let rest = &line[at + way.len()..];
                let end = rest.find(|c: char| !is_in_name(c)).unwrap_or(rest.len());
                // `crate::{` and `crate::*` are faults of their own.
                (end > 0).then_some((number, &rest[..end]))
            })
        })
    }

    /// Each function: its first line, its name, its lines of code. rustfmt ends it at its own indent.
    fn functions(&self) -> Vec<(usize, String, usize)> {
        let lines: Vec<(usize, &str)> = self.code_lines().collect();
        let mut functions = Vec::new();
        for (at, (number, line)) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let Some(name) = function_name(line) else { continue };
            if line.ends_with('}') || line.ends_with(';') {
                continue; // One line, or a declaration.
            }
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[at..].iter().position(|(_, line)| *line == end);
            functions.push((*number, name.to_owned(), length.map_or(1, |length| length + 1)));
        }
        functions
    }
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let is_declaration = before
        .split_whitespace()
        .all(|word| word.starts_with("pub") || ["const", "async", "unsafe"].contains(&word));
    let end = after.find(|c: char| !is_in_name(c))?;
    (is_declaration && end > 0).then(|| &after[..end])
}

/// Does the line name this library, as `LIBRARY::`?
fn names(line: &str, library: &str) -> bool {
    line.match_indices(library).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + library.len()..]);
        after.starts_with("::") && !before.ends_with(|c: char| is_in_name(c) || c == ':')
    })
}

/// What a path begins with, or each path of a group: `{a::{B, C}, D}` with `a` and `D`.
fn first_names(path: &str) -> Vec<&str> {
    let (mut names, mut depth, mut is_first) = (Vec::new(), 0, true);
    for (at, c) in path.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => is_first = true,
            c if is_first && is_in_name(c) => {
                let rest = &path[at..];
                names.push(&rest[..rest.find(|c| !is_in_name(c)).unwrap_or(rest.len())]);
                is_first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Shows every file under `src/` to a rule; `lib.rs` is the map and has rules of its own.
#[track_caller]
fn check(mut rule: impl FnMut(&SourceFile, &mut String)) {
    let mut faults = String::new();
    for path in rust_files(Path::new("src")) {
        let name = path.display().to_string();
        let room = name["src/".len()..].split(['/', '.']).next().unwrap_or("").to_owned();
        if room != "lib" {
            let text = fs::read_to_string(&path).unwrap();
            rule(&SourceFile { path: name, room, text }, &mut faults);
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
