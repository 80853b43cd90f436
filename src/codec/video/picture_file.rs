//! A picture file that an administrator gives: PNG or JPEG, read within limits and drawn into a
//! picture.

use super::drawing::Area;
use super::image::Image;
use super::mosaic::Colour;
use image::imageops::{self, FilterType};
use image::{ImageReader, Limits, RgbaImage};
use std::fmt;
use std::io::Cursor;

/// The largest file, in bytes.
pub const PICTURE_FILE_MAX: u64 = 8 << 20;
/// The longest side of a file's picture, in points.
pub const PICTURE_SIDE_MAX: u32 = 4096;
/// What a decoder may allocate: such a picture with a little of its own.
const DECODER_MAX: u64 = 80 << 20;
/// It is kept no larger than this; no wait picture is larger.
const KEPT: (u32, u32) = (640, 480);

/// A picture with transparency. Cheap to share, not to clone.
#[derive(Clone, Eq, PartialEq)]
pub struct Picture(RgbaImage);

/// Why there is no picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PictureError {
    /// Neither PNG nor JPEG, or broken.
    #[error("this is no PNG or JPEG picture, or it is broken: give another file")]
    Format,
    /// Beyond [`PICTURE_FILE_MAX`] or [`PICTURE_SIDE_MAX`].
    #[error(
        "the picture is too large: give one of at most {PICTURE_SIDE_MAX} by {PICTURE_SIDE_MAX} points and 8 MB"
    )]
    TooLarge,
}

impl Picture {
    /// Reads the bytes of a file. Its size is looked at before anything is decoded.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, PictureError> {
        if bytes.len() as u64 > PICTURE_FILE_MAX {
            return Err(PictureError::TooLarge);
        }
        let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok();
        let sides = reader().and_then(|reader| reader.into_dimensions().ok());
        let (width, height) = sides.ok_or(PictureError::Format)?;
        if width.max(height) > PICTURE_SIDE_MAX {
            return Err(PictureError::TooLarge);
        }
        let mut reader = reader().ok_or(PictureError::Format)?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(DECODER_MAX);
        reader.limits(limits);
        let decoded = reader.decode().map_err(|_| PictureError::Format)?;
        let (width, height) = within((width, height), KEPT);
        Ok(Self(imageops::thumbnail(&decoded.into_rgba8(), width, height)))
    }

    /// Columns and rows when it is drawn within this area.
    #[must_use]
    pub fn size_within(&self, width: usize, height: usize) -> (usize, usize) {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = within(self.0.dimensions(), (side(width), side(height)));
        (width as usize, height as usize)
    }

    /// Draws it into the middle of an area, smaller where it has to be.
    pub fn draw(&self, image: &mut Image, area: Area) {
        let (width, height) = self.size_within(area.width, area.height);
        let scaled = imageops::resize(&self.0, width as u32, height as u32, FilterType::Triangle);
        let left = area.left + (area.width - width.min(area.width)) / 2;
        let top = area.top + (area.height - height.min(area.height)) / 2;
        for (column, row, point) in scaled.enumerate_pixels() {
            let [red, green, blue, cover] = point.0;
            let colour = Colour::from_rgb(red, green, blue);
            image.blend(left + column as usize, top + row as usize, colour, cover);
        }
    }
}

/// The largest size of this shape within another one; never larger than it is.
fn within((width, height): (u32, u32), (width_max, height_max): (u32, u32)) -> (u32, u32) {
    let (w, h) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (w_max, h_max) = (u64::from(width_max.max(1)), u64::from(height_max.max(1)));
    let (w, h) = if w <= w_max && h <= h_max {
        (w, h)
    } else if w * h_max >= h * w_max {
        (w_max, (h * w_max / w).max(1))
    } else {
        ((w * h_max / h).max(1), h_max)
    };
    // Both are at most what came in.
    (w as u32, h as u32)
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} by {})", self.0.width(), self.0.height())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba};

    fn file(width: u32, height: u32, point: [u8; 4]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = RgbaImage::from_pixel(width, height, Rgba(point));
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn a_picture_is_drawn_in_the_middle_in_its_own_shape() {
        let picture = Picture::read(&file(200, 100, [255, 0, 0, 255])).unwrap();
        assert_eq!(picture.size_within(100, 100), (100, 50));
        assert_eq!(picture.size_within(1000, 50), (100, 50));
        assert_eq!(picture.size_within(1000, 1000), (200, 100), "never enlarged");
        let mut image = Image::new(176, 144);
        let ground = image.at(0, 0);
        picture.draw(&mut image, Area { left: 38, top: 22, width: 100, height: 100 });
        let red = Colour::from_rgb(255, 0, 0);
        assert_eq!(image.at(88, 72).y, red.y);
        assert_eq!([image.at(88, 40), image.at(30, 72), image.at(88, 100)], [ground; 3]);
    }

    #[test]
    fn what_is_transparent_shows_the_ground() {
        let picture = Picture::read(&file(10, 10, [255, 0, 0, 0])).unwrap();
        let mut image = Image::new(16, 16);
        let before = image.clone();
        picture.draw(&mut image, Area { left: 0, top: 0, width: 16, height: 16 });
        assert_eq!(image, before);
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        let whole = file(64, 64, [1, 2, 3, 255]);
        assert_eq!(Picture::read(&whole[..60]), Err(PictureError::Format));
        assert_eq!(Picture::read(b"GIF89a"), Err(PictureError::Format));
        assert_eq!(Picture::read(&[]), Err(PictureError::Format));
        let long = file(PICTURE_SIDE_MAX + 1, 1, [0; 4]);
        assert_eq!(Picture::read(&long), Err(PictureError::TooLarge));
        // A header that promises a billion points is believed no further than that.
        let mut bomb = whole.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
        assert!(Picture::read(&bomb).is_err());
        let large = vec![0; usize::try_from(PICTURE_FILE_MAX).unwrap() + 1];
        assert_eq!(Picture::read(&large), Err(PictureError::TooLarge));
    }

    #[test]
    fn a_large_picture_is_kept_small() {
        let picture = Picture::read(&file(2000, 1000, [9, 9, 9, 255])).unwrap();
        assert_eq!(picture.size_within(4000, 4000), (640, 320));
    }
}
