//! The wait picture: the house above, the message in the middle, and below it a light that goes from
//! side to side, so that people see that the call lives.

use super::prompt::{PromptMessage, WaitingProfile, Wording};
use crate::codec::video::{Area, Colour, Image, Letters, Weight};

/// The light is back at its first place after so many pictures.
pub const LIGHT_PLACES: usize = 5;

/// A calm blue-grey; nobody's face.
const GROUND: (u8, u8, u8) = (38, 50, 66);
/// Behind the house's name.
const BAND: (u8, u8, u8) = (27, 36, 49);
/// What is written large.
const INK: (u8, u8, u8) = (238, 241, 245);
/// What matters less.
const QUIET: (u8, u8, u8) = (158, 174, 194);
/// The figure and the light.
const ACCENT: (u8, u8, u8) = (255, 200, 87);
/// Where the light is not.
const DARK: (u8, u8, u8) = (66, 82, 103);

fn colour((red, green, blue): (u8, u8, u8)) -> Colour {
    Colour::from_rgb(red, green, blue)
}

/// One line of text, ready to be written.
struct TextLine<'t> {
    text: &'t str,
    letters: Letters,
    colour: Colour,
}

/// Draws the picture of a message over all of `image`, without the light.
pub fn draw(image: &mut Image, waiting_profile: &WaitingProfile, message: PromptMessage) {
    image.fill(colour(GROUND));
    let (width, height) = (image.width(), image.height());
    let band = Area { left: 0, top: 0, width, height: (height / 5) & !1 };
    draw_house(image, waiting_profile, band);
    let height = height - band.height - foot(image).height;
    draw_message(
        image,
        &waiting_profile.texts.wording(message),
        Area { top: band.height, height, ..band },
    );
}

/// Where the light is.
fn foot(image: &Image) -> Area {
    let height = image.height() / 9;
    Area { left: 0, top: image.height() - height, width: image.width(), height }
}

fn draw_house(image: &mut Image, waiting_profile: &WaitingProfile, band: Area) {
    if waiting_profile.picture.is_none() && waiting_profile.name.is_empty() {
        return;
    }
    image.fill_area(band, colour(BAND));
    let rule = Area { top: band.top + band.height, height: 2, ..band };
    image.fill_area(rule, colour(DARK));
    let margin = band.height / 8;
    match &waiting_profile.picture {
        Some(picture) => {
            let (width, height) = (band.width - 2 * margin, band.height - 2 * margin);
            let area = Area { left: margin, top: margin, width, height };
            picture.draw(image, area);
        }
        None => {
            let letters =
                fitting(Weight::Bold, &waiting_profile.name, band.width, band.height * 5 / 8, 1);
            let (letters, lines) =
                letters.unwrap_or_else(|| cut(&waiting_profile.name, band.width));
            let text = lines.first().copied().unwrap_or_default();
            let left = (band.width - letters.width(text).min(band.width)) / 2;
            let top = (band.height - letters.height().min(band.height)) / 2;
            image.write(text, letters, (left, top), colour(INK));
        }
    }
}

fn draw_message(image: &mut Image, wording: &Wording, area: Area) {
    let side = area.width - area.width / 12;
    let mut lines: Vec<TextLine<'_>> = Vec::new();
    let mut add = |text, weight, rows, lines_max, paint| {
        let found = fitting(weight, text, side, rows, lines_max);
        let (letters, found) = found.unwrap_or_else(|| cut(text, side));
        lines.extend(found.into_iter().map(|text| TextLine {
            text,
            letters,
            colour: colour(paint),
        }));
    };
    if wording.figure.is_empty() {
        add(&wording.headline, Weight::Bold, area.height / 4, 3, INK);
    } else {
        add(&wording.headline, Weight::Regular, area.height / 5, 1, INK);
        add(&wording.figure, Weight::Bold, area.height / 2, 1, ACCENT);
        add(&wording.after, Weight::Regular, area.height / 5, 1, INK);
    }
    add(&wording.remark, Weight::Regular, area.height / 6, 2, QUIET);
    let total: usize = lines.iter().map(|line| line.letters.height()).sum();
    let mut top = area.top + (area.height - total.min(area.height)) / 2;
    for TextLine { text, letters, colour } in lines {
        let left = (area.width - letters.width(text).min(area.width)) / 2;
        image.write(text, letters, (left, top), colour);
        top += letters.height();
    }
}

/// The largest letters up to so many rows in which a text fits, and its lines.
fn fitting(
    weight: Weight,
    text: &str,
    width: usize,
    rows: usize,
    lines_max: usize,
) -> Option<(Letters, Vec<&str>)> {
    let rows = rows.max(Letters::smallest(weight).height());
    Letters::up_to(weight, rows)
        .find_map(|letters| Some((letters, letters.lines(text, width, lines_max)?)))
}

/// As much of a text as fits one line of the smallest letters.
fn cut(text: &str, width: usize) -> (Letters, Vec<&str>) {
    let letters = Letters::smallest(Weight::Regular);
    let ends = text.char_indices().map(|(at, letter)| at + letter.len_utf8());
    let end = ends.take_while(|end| letters.width(&text[..*end]) <= width).last().unwrap_or(0);
    (letters, vec![&text[..end]])
}

/// Moves the light to one of its places, counted on and on.
pub fn draw_light(image: &mut Image, light: usize) {
    let foot = foot(image);
    let dot = (foot.height / 4).max(2) & !1;
    let pitch = dot * 3;
    let all = pitch * (LIGHT_PLACES - 1) + dot;
    let left = ((foot.width - all.min(foot.width)) / 2) & !1;
    let top = (foot.top + (foot.height - dot) / 3) & !1;
    for place in 0..LIGHT_PLACES {
        let area = Area { left: left + place * pitch, top, width: dot, height: dot };
        let lit = place == light % LIGHT_PLACES;
        image.fill_area(area, colour(if lit { ACCENT } else { DARK }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::prompt::{Announcement, Texts};
    use super::*;

    const SIZES: [(usize, usize); 4] = [(128, 96), (176, 144), (352, 288), (640, 480)];

    fn waiting_profile() -> WaitingProfile {
        WaitingProfile { name: "Stadtwerke Neustadt".into(), ..WaitingProfile::default() }
    }

    fn position(number: u32) -> PromptMessage {
        PromptMessage::Position { number, minutes: Some(4), crowded: true }
    }

    fn drawn(
        waiting_profile: &WaitingProfile,
        message: PromptMessage,
        (width, height): (usize, usize),
    ) -> Image {
        let mut image = Image::new(width, height);
        draw(&mut image, waiting_profile, message);
        image
    }

    #[test]
    fn every_message_looks_different_at_every_size() {
        let sorry = Announcement::ALL;
        let others = [
            PromptMessage::Hold,
            PromptMessage::Asking,
            PromptMessage::CameraLost,
            PromptMessage::SoundOnly,
            PromptMessage::InHand { number: 2 },
        ];
        let messages: Vec<_> = [1, 2, 3, 10, 11, 488, 499, 99_999]
            .into_iter()
            .map(position)
            .chain(sorry.map(PromptMessage::Sorry))
            .chain(others)
            .collect();
        for size in &SIZES[..3] {
            let size = *size;
            let images: Vec<_> =
                messages.iter().map(|m| drawn(&waiting_profile(), *m, size)).collect();
            for (n, image) in images.iter().enumerate() {
                let same = images[..n].iter().position(|other| other == image);
                assert_eq!(same, None, "{:?} at {size:?}", messages[n]);
            }
        }
    }

    /// What is written stays away from the edges.
    #[test]
    fn every_text_fits_at_every_size() {
        let position_text = "Ihr Platz in der Warteschlange: {}".into();
        let long = WaitingProfile {
            name: "Verwaltungsgemeinschaft Wolframs-Eschenbach und Umland".into(),
            texts: Texts { position: position_text, ..Texts::default() },
            ..WaitingProfile::default()
        };
        for (size, waiting_profile) in
            SIZES.iter().flat_map(|size| [(*size, waiting_profile()), (*size, long.clone())])
        {
            for message in [PromptMessage::Hold, position(488), PromptMessage::Asking] {
                let image = drawn(&waiting_profile, message, size);
                let band = (size.1 / 5) & !1;
                for row in band + 2..size.1 {
                    for column in [0, size.0 - 1] {
                        let edge = image.at(column, row).y;
                        assert_eq!(edge, colour(GROUND).y, "{message:?} at {size:?}, row {row}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_house_stands_above_if_it_has_a_name() {
        let named = drawn(&waiting_profile(), PromptMessage::Hold, (352, 288));
        let nameless = drawn(
            &WaitingProfile { name: String::new(), ..waiting_profile() },
            PromptMessage::Hold,
            (352, 288),
        );
        assert_ne!(named, nameless);
        assert_eq!(nameless.at(1, 1), colour(GROUND), "without a name there is no band");
    }

    #[test]
    fn the_light_moves_and_nothing_else_does() {
        let pictures: Vec<_> = (0..=LIGHT_PLACES)
            .map(|light| {
                let mut image = Image::new(352, 288);
                draw(&mut image, &waiting_profile(), position(3));
                draw_light(&mut image, light);
                image
            })
            .collect();
        assert_eq!(pictures[0], pictures[LIGHT_PLACES]);
        let rows_above = 352 * (288 - 288 / 9);
        for two in pictures.windows(2) {
            assert_ne!(two[0], two[1]);
            assert_eq!(two[0].planes()[0][..rows_above], two[1].planes()[0][..rows_above]);
        }
    }

    #[test]
    fn a_word_that_fits_no_line_is_cut() {
        let hold = "Donaudampfschifffahrtsgesellschaftskapitän".repeat(2);
        let texts = Texts { hold, ..Texts::default() };
        let image =
            drawn(&WaitingProfile { texts, ..waiting_profile() }, PromptMessage::Hold, (128, 96));
        assert_ne!(image, drawn(&waiting_profile(), PromptMessage::Hold, (128, 96)));
    }
}
