//! A picture of points, as codecs take and give it: planar YUV 4:2:0, 8 bits (ITU-R BT.601, 16 to
//! 235 and 240).

use super::mosaic::Colour;

/// The longest side that is decoded, drawn or coded.
pub const IMAGE_SIDE_MAX: usize = 1920;

/// Luma in full size and the two colour differences in half of it, row by row without padding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image {
    width: usize,
    height: usize,
    /// The three planes one after another.
    points: Vec<u8>,
}

impl Image {
    /// A black picture.
    ///
    /// # Panics
    /// When a side is odd, 0 or above [`IMAGE_SIDE_MAX`].
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let mut image = Self { width: 0, height: 0, points: Vec::new() };
        image.resize(width, height);
        image
    }

    /// Takes a size; black where it is another one. Allocates only where it grows.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn resize(&mut self, width: usize, height: usize) {
        let fits = |side: usize| side.is_multiple_of(2) && (2..=IMAGE_SIDE_MAX).contains(&side);
        assert!(fits(width) && fits(height), "{width} by {height} is no size of a picture");
        if (self.width, self.height) == (width, height) {
            return;
        }
        (self.width, self.height) = (width, height);
        self.points.resize(width * height * 3 / 2, 0);
        self.fill(Colour::from_rgb(0, 0, 0));
    }

    /// Makes every point of one colour.
    pub fn fill(&mut self, colour: Colour) {
        let [y, cb, cr] = self.planes_mut();
        y.fill(colour.y);
        cb.fill(colour.cb);
        cr.fill(colour.cr);
    }

    /// Points in a row of luma.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of luma.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Luma, blue difference and red difference.
    #[must_use]
    pub fn planes(&self) -> [&[u8]; 3] {
        let luma = self.width * self.height;
        let (y, rest) = self.points.split_at(luma);
        let (cb, cr) = rest.split_at(luma / 4);
        [y, cb, cr]
    }

    /// Luma, blue difference and red difference.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let luma = self.width * self.height;
        let (y, rest) = self.points.split_at_mut(luma);
        let (cb, cr) = rest.split_at_mut(luma / 4);
        [y, cb, cr]
    }

    /// The colour of a point.
    ///
    /// # Panics
    /// Outside of the picture.
    #[must_use]
    pub fn at(&self, column: usize, row: usize) -> Colour {
        assert!(column < self.width && row < self.height, "{column}, {row} is outside");
        let [y, cb, cr] = self.planes();
        let half = row / 2 * (self.width / 2) + column / 2;
        Colour { y: y[row * self.width + column], cb: cb[half], cr: cr[half] }
    }
}
