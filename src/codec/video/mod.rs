//! Pictures: what the switchboard draws itself, and what H.264 parameters mean.

mod bits;
mod h264_parameters;
mod mosaic;
mod stream;

pub use h264_parameters::{H264Parameters, Level, Profile};
pub use mosaic::{Colour, Mosaic, SIDE_MAX};
pub use stream::{SLICE_MAX, Stream, read_plain_colour};
