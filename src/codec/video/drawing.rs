//! Drawing on an [`Image`]: plain areas and text. Letters come from Noto Sans Mono, 16, 24 or 32
//! points high; larger ones are these, enlarged with smooth edges.

use super::image::Image;
use super::mosaic::Colour;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster};

/// The most that letters are enlarged.
pub const ENLARGED_MAX: usize = 16;

/// A rectangle of points; what of it is outside of a picture is not drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Area {
    /// The first column.
    pub left: usize,
    /// The first row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// How heavy letters are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weight {
    /// For what is read.
    Regular,
    /// For what is seen at once.
    Bold,
}

/// Letters of one kind and size; all of them are equally wide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Letters {
    weight: Weight,
    height: RasterHeight,
    enlarged: usize,
}

impl Letters {
    /// The smallest.
    #[must_use]
    pub fn smallest(weight: Weight) -> Self {
        Self { weight, height: RasterHeight::Size16, enlarged: 1 }
    }

    /// All sizes up to letters of so many rows, from the largest down.
    pub fn up_to(weight: Weight, rows: usize) -> impl Iterator<Item = Self> {
        let enlarged = (2..=ENLARGED_MAX).rev().map(|times| (RasterHeight::Size32, times));
        let own = [RasterHeight::Size32, RasterHeight::Size24, RasterHeight::Size16];
        enlarged
            .chain(own.map(|height| (height, 1)))
            .map(move |(height, enlarged)| Self { weight, height, enlarged })
            .filter(move |letters| letters.height() <= rows)
    }

    /// Rows of one line, with the space between lines.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height.val() * self.enlarged
    }

    /// Columns of a text in one line.
    #[must_use]
    pub fn width(&self, text: &str) -> usize {
        text.chars().count() * self.advance()
    }

    fn advance(&self) -> usize {
        noto_sans_mono_bitmap::get_raster_width(self.font_weight(), self.height) * self.enlarged
    }

    fn font_weight(&self) -> FontWeight {
        match self.weight {
            Weight::Regular => FontWeight::Regular,
            Weight::Bold => FontWeight::Bold,
        }
    }

    fn raster(&self, letter: char) -> Option<RasterizedChar> {
        get_raster(letter, self.font_weight(), self.height)
    }

    /// The text in lines no wider than `width` columns, broken between words; none when a word is
    /// wider, or there are more than `lines_max` lines.
    #[must_use]
    pub fn lines<'t>(&self, text: &'t str, width: usize, lines_max: usize) -> Option<Vec<&'t str>> {
        let mut lines: Vec<&str> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let fits = |end: &usize| self.width(rest[..*end].trim_end()) <= width;
            let breaks = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]);
            let end = breaks.take_while(fits).last().filter(|end| *end > 0)?;
            lines.push(rest[..end].trim_end());
            if lines.len() > lines_max {
                return None;
            }
            rest = rest[end..].trim_start();
        }
        Some(lines)
    }
}

/// The first character of a text for which there is no letter.
#[must_use]
pub fn unknown_letter(text: &str) -> Option<char> {
    let letters = Letters::smallest(Weight::Regular);
    text.chars().find(|letter| letters.raster(*letter).is_none())
}

impl Image {
    /// Makes an area of one colour.
    pub fn fill_area(&mut self, area: Area, colour: Colour) {
        let (width, height) = (self.width(), self.height());
        let [y, cb, cr] = self.planes_mut();
        let fill = |plane: &mut [u8], step: usize, value: u8| {
            let columns = area.left.min(width) / step..(area.left + area.width).min(width) / step;
            for row in area.top / step..(area.top + area.height).min(height) / step {
                plane[row * (width / step)..][columns.clone()].fill(value);
            }
        };
        fill(y, 1, colour.y);
        fill(cb, 2, colour.cb);
        fill(cr, 2, colour.cr);
    }

    /// Puts a colour over a point, more of it the higher `cover` is; nothing outside.
    pub fn blend(&mut self, column: usize, row: usize, colour: Colour, cover: u8) {
        let (width, height) = (self.width(), self.height());
        if cover == 0 || column >= width || row >= height {
            return;
        }
        let half = row / 2 * (width / 2) + column / 2;
        let [y, cb, cr] = self.planes_mut();
        mix(&mut y[row * width + column], colour.y, i32::from(cover));
        // Four points share one point of the colour planes; whichever covers most counts most.
        mix(&mut cb[half], colour.cb, i32::from(cover) / 2);
        mix(&mut cr[half], colour.cr, i32::from(cover) / 2);
    }

    /// Writes a line of text; characters without a letter leave a gap.
    pub fn write(
        &mut self,
        text: &str,
        letters: Letters,
        (left, top): (usize, usize),
        colour: Colour,
    ) {
        for (place, letter) in text.chars().enumerate() {
            if let Some(raster) = letters.raster(letter) {
                let left = left + place * letters.advance();
                self.write_letter(&raster, letters.enlarged, (left, top), colour);
            }
        }
    }

    fn write_letter(
        &mut self,
        raster: &RasterizedChar,
        enlarged: usize,
        (left, top): (usize, usize),
        colour: Colour,
    ) {
        let empty = |row: usize| raster.rows().nth(row).is_none_or(|r| r.iter().all(|p| *p == 0));
        for row in 0..raster.height() * enlarged {
            let near = row / enlarged;
            if (near.saturating_sub(1)..=near + 1).all(empty) {
                continue;
            }
            for column in 0..raster.width() * enlarged {
                let cover = match enlarged {
                    1 => raster.pixel(column, row).unwrap_or(0),
                    times => smooth(raster, (column, row), times),
                };
                self.blend(left + column, top + row, colour, cover);
            }
        }
    }
}

/// Brings a value nearer to another by a share of 255.
fn mix(below: &mut u8, above: u8, share: i32) {
    let difference = i32::from(above) - i32::from(*below);
    *below = (i32::from(*below) + (difference * share + 127).div_euclid(255)) as u8;
}

/// How much an enlarged letter covers a point: between the four nearest points of the small letter,
/// then steeper, so that the edge is as sharp as that of a small one.
fn smooth(raster: &RasterizedChar, (column, row): (usize, usize), times: usize) -> u8 {
    let times = times as i64;
    // In halves of a point of the enlarged letter, from the middle of the small one's first point.
    let place = |at: usize| {
        let at = 2 * at as i64 + 1 - times;
        (at.div_euclid(2 * times), at.rem_euclid(2 * times))
    };
    let ((x, part_x), (y, part_y)) = (place(column), place(row));
    let at = |x: i64, y: i64| {
        let inside = usize::try_from(x).ok().zip(usize::try_from(y).ok());
        inside.and_then(|(x, y)| raster.pixel(x, y)).map_or(0, i64::from)
    };
    let whole = 2 * times;
    let row = |y: i64| at(x, y) * (whole - part_x) + at(x + 1, y) * part_x;
    let cover = (row(y) * (whole - part_y) + row(y + 1) * part_y) / (whole * whole);
    ((cover - 127) * times * 2 / 3 + 127).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Colour = Colour { y: 220, cb: 128, cr: 128 };

    fn written(text: &str, letters: Letters) -> Image {
        let mut image = Image::new(320, 240);
        image.write(text, letters, (10, 10), INK);
        image
    }

    #[test]
    fn each_digit_looks_different_at_every_size() {
        for letters in Letters::up_to(Weight::Bold, 128) {
            let images: Vec<_> = ('0'..='9').map(|d| written(&d.to_string(), letters)).collect();
            for (n, image) in images.iter().enumerate() {
                assert!(images[..n].iter().all(|other| other != image), "{n} at {letters:?}");
            }
        }
    }

    #[test]
    fn an_enlarged_letter_covers_as_much_as_its_size_says() {
        let covered = |letters| {
            let image = written("8", letters);
            image.planes()[0].iter().filter(|y| **y > 120).count()
        };
        let sizes: Vec<_> = Letters::up_to(Weight::Bold, 128).collect();
        let (large, small) = (sizes[0], sizes[3]);
        assert_eq!((large.height(), small.height()), (128, 32));
        let times = covered(large) as f64 / covered(small) as f64;
        assert!((13.0..19.0).contains(&times), "{times}");
    }

    #[test]
    fn text_is_broken_between_words_or_not_at_all() {
        let letters = Letters::smallest(Weight::Regular);
        let width = letters.width("You are");
        let three = Some(vec!["You are", "number", "3"]);
        assert_eq!(letters.lines("  You are number  3 ", width, 3), three);
        assert_eq!(letters.lines("You are number 3", width, 2), None);
        assert_eq!(letters.lines("Vermittlungsstelle", width, 9), None);
        assert_eq!(letters.lines("", width, 0), Some(vec![]));
    }

    #[test]
    fn what_is_outside_is_not_drawn() {
        let mut image = Image::new(32, 32);
        let letters = Letters::up_to(Weight::Bold, 64).next().unwrap();
        image.write("outside", letters, (20, 20), INK);
        image.fill_area(Area { left: 30, top: 30, width: 99, height: 99 }, INK);
        image.fill_area(Area { left: 99, top: 99, width: 9, height: 9 }, INK);
        assert_eq!(image.at(31, 31), INK);
        assert_ne!(image.at(2, 2), INK);
    }

    #[test]
    fn latin_letters_are_there_and_others_are_named() {
        assert_eq!(unknown_letter("Grüße, ça va? Łódź – 3"), Some('–'));
        assert_eq!(unknown_letter("Grüße, ça va? Łódź 3"), None);
        assert_eq!(unknown_letter("你好"), Some('你'));
    }
}
