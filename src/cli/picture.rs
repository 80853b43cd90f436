//! Pictures of the terminal for the README: made of what is written to the terminal, and kept true by a
//! test of each.

use std::fmt::Write as _;
use std::path::Path;

/// Width and height of a character, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 12.0;
const FONT: &str = "DejaVu Sans Mono, Menlo, Consolas, monospace";
const PAPER: &str = "#1d2330";
const INK: &str = "#d6dce8";
const YELLOW: &str = "#e8c36a";

/// How a line is set (ECMA-48 §8.3.117).
#[derive(Default)]
struct Setting {
    bold: bool,
    faint: bool,
    reversed: bool,
    yellow: bool,
}

/// What a terminal shows of lines that are set as a whole, as SVG.
pub fn svg(text: &str) -> String {
    let lines: Vec<(Setting, String)> = text.lines().map(read).collect();
    let columns = lines.iter().map(|(_, line)| line.chars().count()).max().unwrap_or(0);
    let (width, height) = (x(columns) + MARGIN, lines.len() as f64 * CELL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"{FONT}\" font-size=\"14\" fill=\"{INK}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n"
    );
    for (row, (setting, line)) in (0_u32..).zip(&lines) {
        let top = MARGIN + f64::from(row) * CELL.1;
        let colour = if setting.yellow { YELLOW } else { INK };
        if setting.reversed {
            let (left, width) = (x(0), x(line.chars().count()) - x(0));
            let _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>",
                CELL.1
            );
        }
        let ink = if setting.reversed { PAPER } else { colour };
        let runs = runs(line);
        if runs.is_empty() {
            continue;
        }
        let mut how = String::new();
        if ink != INK {
            let _ = write!(how, " fill=\"{ink}\"");
        }
        if setting.bold {
            how += " font-weight=\"bold\"";
        }
        if setting.faint {
            how += " opacity=\"0.6\"";
        }
        let _ = write!(svg, "<text y=\"{}\"{how}>", top + CELL.1 - 5.0);
        for (column, run) in runs {
            let run = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = write!(svg, "<tspan x=\"{:.1}\">{run}</tspan>", x(column));
        }
        svg += "</text>\n";
    }
    svg + "</svg>\n"
}

fn x(column: usize) -> f64 {
    MARGIN + column as f64 * CELL.0
}

/// A line without its codes, and what they say.
fn read(line: &str) -> (Setting, String) {
    let mut setting = Setting::default();
    let Some((codes, rest)) = line.strip_prefix("\u{1b}[").and_then(|line| line.split_once('m'))
    else {
        return (setting, line.to_owned());
    };
    for code in codes.split(';') {
        match code {
            "1" => setting.bold = true,
            "2" => setting.faint = true,
            "7" => setting.reversed = true,
            "33" => setting.yellow = true,
            other => panic!("the picture knows no code {other}"),
        }
    }
    let text = rest.strip_suffix("\u{1b}[0m").expect("a setting ends with its line");
    (setting, text.to_owned())
}

/// What stands apart begins at its own column, whatever font a reader has.
fn runs(line: &str) -> Vec<(usize, String)> {
    let mut runs: Vec<(usize, String)> = Vec::new();
    let mut blanks = 2;
    for (column, c) in line.chars().enumerate() {
        match runs.last_mut() {
            _ if c == ' ' => blanks += 1,
            Some((_, run)) if blanks < 2 => {
                run.extend(std::iter::repeat_n(' ', std::mem::take(&mut blanks)));
                run.push(c);
            }
            _ => {
                blanks = 0;
                runs.push((column, c.into()));
            }
        }
    }
    runs
}

/// Whether the README shows this; `CORDBOARD_PICTURES=write` makes it so.
#[track_caller]
pub fn is_shown(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name);
    let svg = svg(text);
    if std::env::var_os("CORDBOARD_PICTURES").is_some_and(|wish| wish == "write") {
        std::fs::write(&path, &svg).expect("the picture can be written");
    }
    let shown = std::fs::read_to_string(&path).unwrap_or_default();
    let path = path.display();
    assert!(
        shown == svg,
        "{path} shows something else: look at it after `CORDBOARD_PICTURES=write cargo test --lib readme`"
    );
}
