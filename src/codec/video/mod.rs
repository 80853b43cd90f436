//! Pictures: what the switchboard draws itself, and what H.264 parameters mean.

mod bits;
mod mosaic;
mod stream;

pub use mosaic::{Colour, Mosaic, SIDE_MAX};
pub use stream::{SLICE_MAX, Stream, read_plain_colour};
