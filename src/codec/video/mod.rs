//! Pictures: what the switchboard draws itself, codes and decodes, and what H.264 parameters mean.

mod bits;
mod coder;
mod converter;
mod drawing;
#[cfg(feature = "system-codecs")]
mod ffmpeg;
mod h264;
mod h264_parameters;
mod h264_sequence;
mod image;
mod mosaic;
mod picture_file;
mod scale;
mod still;
mod stream;
#[cfg(test)]
mod trial;
#[cfg(feature = "system-codecs")]
mod vp8;

pub use coder::{CODED_MAX, Error, Settings, VideoDecoder, VideoEncoder};
pub use converter::{Converted, Converter, VideoTarget};
pub use drawing::{Area, ENLARGED_MAX, Letters, Weight, unknown_letter};
pub use h264_parameters::{H264Level, H264Parameters, Profile};
pub use h264_sequence::macroblocks as h264_macroblocks;
pub use image::{IMAGE_SIDE_MAX, Image};
pub use mosaic::{Colour, Mosaic, SIDE_MAX};
pub use picture_file::{PICTURE_FILE_MAX, PICTURE_SIDE_MAX, Picture, PictureError};
pub use scale::{Scaler, fitted};
pub use still::{STILL_BYTES_MAX, STILL_HEIGHT_MAX, STILL_WIDTH, still};
pub use stream::{MosaicStream, SLICE_MAX, read_plain_colour};
