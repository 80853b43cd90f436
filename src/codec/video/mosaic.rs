//! A picture of large plain macroblocks: one colour, or a number that can be read across a room.

/// The most macroblocks along one side.
pub const SIDE_MAX: usize = 44;

/// The digits 0 to 9, three dots wide and five high, a row in three bits.
const DIGITS: [[u8; 5]; 10] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b010, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
];

/// A colour as video carries it: luma and the two differences (ITU-R BT.601, 16 to 235 and 240).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Colour {
    /// Brightness.
    pub y: u8,
    /// Blue.
    pub cb: u8,
    /// Red.
    pub cr: u8,
}

impl Colour {
    /// The colour of these shares of red, green and blue.
    #[must_use]
    pub fn from_rgb(red: u8, green: u8, blue: u8) -> Self {
        let [r, g, b] = [red, green, blue].map(i32::from);
        let part = |sum: i32, base: i32| (((sum + 128) >> 8) + base).clamp(16, 240) as u8;
        Self {
            y: part(66 * r + 129 * g + 25 * b, 16),
            cb: part(-38 * r - 74 * g + 112 * b, 128),
            cr: part(112 * r - 94 * g - 18 * b, 128),
        }
    }
}

/// Macroblocks (16 by 16 points) in rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mosaic {
    width: usize,
    macroblocks: Vec<Colour>,
}

impl Mosaic {
    /// Of one colour, `width` by `height` macroblocks; 11 by 9 is QCIF, 22 by 18 CIF.
    ///
    /// # Panics
    /// When a side is 0 or more than [`SIDE_MAX`].
    #[must_use]
    pub fn plain(width: usize, height: usize, colour: Colour) -> Self {
        let fits = |side| (1..=SIDE_MAX).contains(&side);
        assert!(fits(width) && fits(height), "a mosaic has 1 to {SIDE_MAX} squares on a side");
        Self { width, macroblocks: vec![colour; width * height] }
    }

    /// Macroblocks in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.macroblocks.len() / self.width
    }

    /// The colour of a macroblock, counted from the upper left.
    ///
    /// # Panics
    /// Outside of the picture.
    #[must_use]
    pub fn at(&self, column: usize, row: usize) -> Colour {
        self.macroblocks[row * self.width + column]
    }

    /// Draws a number in the middle, as large as it fits; one that does not fit leaves the picture.
    #[must_use]
    pub fn with_number(mut self, number: u32, colour: Colour) -> Self {
        let text = number.to_string();
        let columns = text.len() * 4 - 1;
        let dot = (self.width / columns).min(self.height() / 5);
        let (left, top) = match dot {
            0 => return self,
            _fits => ((self.width - columns * dot) / 2, (self.height() - 5 * dot) / 2),
        };
        for (place, digit) in text.bytes().enumerate() {
            let rows = DIGITS[usize::from(digit - b'0')];
            for (x, y) in (0..3 * dot).flat_map(|x| (0..5 * dot).map(move |y| (x, y))) {
                if rows[y / dot] >> (2 - x / dot) & 1 == 1 {
                    let column = left + place * 4 * dot + x;
                    self.macroblocks[(top + y) * self.width + column] = colour;
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DARK: Colour = Colour { y: 40, cb: 128, cr: 128 };
    const LIGHT: Colour = Colour { y: 220, cb: 128, cr: 128 };

    fn drawn(mosaic: &Mosaic) -> Vec<String> {
        let macroblock = |column, row| if mosaic.at(column, row) == LIGHT { '#' } else { '.' };
        let row = |row| (0..mosaic.width()).map(|column| macroblock(column, row)).collect();
        (0..mosaic.height()).map(row).collect()
    }

    #[test]
    fn a_number_stands_in_the_middle() {
        let picture = Mosaic::plain(11, 9, DARK).with_number(12, LIGHT);
        assert_eq!(
            drawn(&picture),
            [
                "...........",
                "...........",
                "...#..###..",
                "..##....#..",
                "...#..###..",
                "...#..#....",
                "..###.###..",
                "...........",
                "...........",
            ]
        );
    }

    #[test]
    fn a_number_grows_with_the_picture_and_one_too_long_is_left_out() {
        let picture = Mosaic::plain(22, 18, DARK).with_number(8, LIGHT);
        let light =
            |p: &Mosaic| drawn(p).iter().flat_map(|r| r.chars()).filter(|c| *c == '#').count();
        assert_eq!(light(&picture), 13 * 9);
        assert_eq!(light(&Mosaic::plain(11, 9, DARK).with_number(1000, LIGHT)), 0);
        assert_eq!(light(&Mosaic::plain(1, 1, DARK).with_number(u32::MAX, LIGHT)), 0);
    }

    #[test]
    fn colours_are_those_of_television() {
        assert_eq!(Colour::from_rgb(0, 0, 0), Colour { y: 16, cb: 128, cr: 128 });
        assert_eq!(Colour::from_rgb(255, 255, 255), Colour { y: 235, cb: 128, cr: 128 });
        assert_eq!(Colour::from_rgb(255, 0, 0), Colour { y: 82, cb: 90, cr: 240 });
    }
}
