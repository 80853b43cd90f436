//! A picture file that an administrator gives: PNG or JPEG, read within limits and drawn into a
//! picture.

use super::drawing::Area;
use super::image::Image;
use super::mosaic::Colour;
use png::Transformations;
use std::fmt;
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The largest file, in bytes.
pub const PICTURE_FILE_MAX: u64 = 8 << 20;
/// The longest side of a file's picture, in points.
pub const PICTURE_SIDE_MAX: usize = 4096;
/// What the PNG decoder may allocate beside the picture.
const DECODER_MAX: usize = 16 << 20;
/// It is kept no larger than this; no wait picture is larger.
const KEPT: (usize, usize) = (640, 480);
/// Red, green, blue, and how much it covers.
type Point = [u8; 4];

/// A picture with transparency. Cheap to share, not to clone.
#[derive(Clone, Eq, PartialEq)]
pub struct Picture {
    width: usize,
    points: Vec<Point>,
}

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
        let whole = match bytes {
            [0x89, b'P', b'N', b'G', ..] => png(bytes)?,
            [0xff, 0xd8, ..] => jpeg(bytes)?,
            _ => return Err(PictureError::Format),
        };
        Ok(whole.shrunk(within(whole.size(), KEPT)))
    }

    fn size(&self) -> (usize, usize) {
        (self.width, self.points.len() / self.width.max(1))
    }

    /// Columns and rows when it is drawn within this area.
    #[must_use]
    pub fn size_within(&self, width: usize, height: usize) -> (usize, usize) {
        within(self.size(), (width, height))
    }

    /// Draws it into the middle of an area, smaller where it has to be.
    pub fn draw(&self, image: &mut Image, area: Area) {
        let (width, height) = self.size_within(area.width, area.height);
        let left = area.left + (area.width - width.min(area.width)) / 2;
        let top = area.top + (area.height - height.min(area.height)) / 2;
        let scaled = self.shrunk((width, height));
        for (row, points) in scaled.points.chunks_exact(width).enumerate() {
            for (column, [red, green, blue, cover]) in points.iter().copied().enumerate() {
                image.blend(left + column, top + row, Colour::from_rgb(red, green, blue), cover);
            }
        }
    }

    /// The same in a size that is no larger: each point is the mean of those that it stands for, of what
    /// can be seen of them.
    fn shrunk(&self, (width, height): (usize, usize)) -> Self {
        let (from_width, from_height) = self.size();
        let part = |n: usize, of: usize, from: usize| {
            let first = n * from / of;
            first..((n + 1) * from / of).max(first + 1)
        };
        let mean = |row: usize, column: usize| {
            let (mut colours, mut cover, mut count) = ([0_u64; 3], 0, 0);
            for row in part(row, height, from_height) {
                let columns = part(column, width, from_width);
                let start = row * from_width;
                for [red, green, blue, covers] in
                    &self.points[start + columns.start..start + columns.end]
                {
                    let covers = u64::from(*covers);
                    for (sum, colour) in colours.iter_mut().zip([red, green, blue]) {
                        *sum += u64::from(*colour) * covers;
                    }
                    cover += covers;
                    count += 1;
                }
            }
            // A mean is no larger than the largest that it is of.
            let [red, green, blue] = colours.map(|sum| (sum / cover.max(1)) as u8);
            [red, green, blue, (cover / count.max(1)) as u8]
        };
        let points = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        Self { width, points: points.map(|(row, column)| mean(row, column)).collect() }
    }
}

fn png(bytes: &[u8]) -> Result<Picture, PictureError> {
    let limits = png::Limits { bytes: DECODER_MAX };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(|_| PictureError::Format)?;
    let (width, height) = reader.info().size();
    let width = sides(width as usize, height as usize)?;
    let mut samples = vec![0; reader.output_buffer_size().ok_or(PictureError::TooLarge)?];
    let frame = reader.next_frame(&mut samples).map_err(|_| PictureError::Format)?;
    samples.truncate(frame.buffer_size());
    let points = match frame.color_type.samples() {
        4 => samples.as_chunks().0.to_vec(),
        _ => samples
            .as_chunks()
            .0
            .iter()
            .map(|[grey, cover]| [*grey, *grey, *grey, *cover])
            .collect(),
    };
    Ok(Picture { width, points })
}

fn jpeg(bytes: &[u8]) -> Result<Picture, PictureError> {
    let options = DecoderOptions::new_safe().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| PictureError::Format)?;
    let info = decoder.info().ok_or(PictureError::Format)?;
    let width = sides(usize::from(info.width), usize::from(info.height))?;
    let samples = decoder.decode().map_err(|_| PictureError::Format)?;
    let points =
        samples.as_chunks().0.iter().map(|[red, green, blue]| [*red, *green, *blue, u8::MAX]);
    Ok(Picture { width, points: points.collect() })
}

/// The width of a picture that has points, and not too many.
fn sides(width: usize, height: usize) -> Result<usize, PictureError> {
    match (width.min(height), width.max(height)) {
        (0, _) => Err(PictureError::Format),
        (_, longest) if longest > PICTURE_SIDE_MAX => Err(PictureError::TooLarge),
        _ => Ok(width),
    }
}

/// The largest size of this shape within another one; never larger than it is.
fn within((width, height): (usize, usize), limit: (usize, usize)) -> (usize, usize) {
    let (w, h) = (width.max(1), height.max(1));
    let (w_max, h_max) = (limit.0.max(1), limit.1.max(1));
    if w <= w_max && h <= h_max {
        (w, h)
    } else if w * h_max >= h * w_max {
        (w_max, (h * w_max / w).max(1))
    } else {
        ((w * h_max / h).max(1), h_max)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size();
        write!(f, "Picture({width} by {height})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(width: usize, height: usize, point: Point) -> Vec<u8> {
        encoded(width, height, png::ColorType::Rgba, &point.repeat(width * height))
    }

    fn encoded(width: usize, height: usize, colours: png::ColorType, samples: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(colours);
        encoder.write_header().unwrap().write_image_data(samples).unwrap();
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
    fn a_grey_picture_without_transparency_is_one_too() {
        let bytes = encoded(2, 1, png::ColorType::Grayscale, &[7, 9]);
        let picture = Picture::read(&bytes).unwrap();
        assert_eq!(picture.points, [[7, 7, 7, 255], [9, 9, 9, 255]]);
    }

    /// Eight by eight points of one colour, by FFmpeg.
    #[test]
    fn a_jpeg_picture_is_read() {
        let bytes = include_bytes!("../../../tests/fixtures/jpeg/orange.jpg");
        let picture = Picture::read(bytes).unwrap();
        assert_eq!(picture.size(), (8, 8));
        let [red, green, blue, cover] = picture.points[27];
        assert!(
            red > 240 && (150..180).contains(&green) && blue < 20 && cover == 255,
            "{:?}",
            picture.points[27]
        );
        assert_eq!(Picture::read(&bytes[..40]), Err(PictureError::Format));
    }

    #[test]
    fn a_smaller_picture_has_the_mean_of_what_can_be_seen() {
        let points = vec![[200, 0, 0, 255], [0, 0, 0, 0], [100, 0, 0, 255], [0, 0, 0, 0]];
        let picture = Picture { width: 2, points };
        assert_eq!(picture.shrunk((1, 1)).points, [[150, 0, 0, 127]]);
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
