//! A picture in another size: the whole of it, its shape kept, with black bars where the other shape
//! leaves room.
//!
//! Shrinking takes the mean of the points that fall on one; growing goes evenly from point to point.
//! Both are done row by row with weights that are computed once for a pair of sizes.

use super::image::Image;
use super::mosaic::Colour;

/// The fraction bits of a weight: the weighted sum of a point fits into 16 bits, so that many are
/// computed at a step.
const BITS: u32 = 8;
/// What rounds a weighted sum to the nearest.
const HALF: u16 = 1 << (BITS - 1);

/// Scales pictures of one size into another. Its buffers are kept from picture to picture.
#[derive(Debug, Default)]
pub struct Scaler {
    /// From and to which sizes the tables below are.
    sizes: Option<[(usize, usize); 2]>,
    luma: Axes,
    chroma: Axes,
    row: Vec<u16>,
}

/// How the points of one plane come about.
#[derive(Debug, Default)]
struct Axes {
    /// Where the picture lies within the other.
    left: usize,
    top: usize,
    columns: Columns,
    rows: Vec<Span>,
}

/// The spans of one row, each with as many weights as the longest has.
#[derive(Debug, Default)]
struct Columns {
    firsts: Vec<usize>,
    weights: Vec<u16>,
    /// Weights of one span.
    taps: usize,
}

/// Which points make one: `first` and those behind it, as far as `weights` go. The weights sum to 256.
#[derive(Debug, Default)]
struct Span {
    first: usize,
    weights: Vec<u16>,
}

impl Scaler {
    /// Draws the whole of `from` into `to`, whose size stays.
    pub fn scale(&mut self, from: &Image, to: &mut Image) {
        let size = |image: &Image| (image.width(), image.height());
        let sizes = [size(from), size(to)];
        if self.sizes != Some(sizes) {
            self.prepare(sizes);
            to.fill(Colour::from_rgb(0, 0, 0));
        }
        let (width, to_width) = (from.width(), to.width());
        for (n, (from, to)) in from.planes().into_iter().zip(to.planes_mut()).enumerate() {
            let (axes, part) = if n == 0 { (&self.luma, 1) } else { (&self.chroma, 2) };
            plane(axes, (from, width / part), (to, to_width / part), &mut self.row);
        }
    }

    fn prepare(&mut self, sizes: [(usize, usize); 2]) {
        let [from, to] = sizes;
        let (width, height) = fitted(from, to);
        let axes = |part: usize| Axes {
            left: (to.0 - width) / 2 / part,
            top: (to.1 - height) / 2 / part,
            columns: Columns::of(&spans(from.0 / part, width / part)),
            rows: spans(from.1 / part, height / part),
        };
        (self.luma, self.chroma) = (axes(1), axes(2));
        self.sizes = Some(sizes);
    }
}

/// The largest size of the same shape within another, in steps that leave whole points of colour at
/// all sides.
#[must_use]
pub fn fitted((width, height): (usize, usize), within: (usize, usize)) -> (usize, usize) {
    let round = |side: usize, max: usize| ((side + 2) & !3).clamp(2, max);
    if width * within.1 >= height * within.0 {
        (within.0, round(within.0 * height / width, within.1))
    } else {
        (round(within.1 * width / height, within.0), within.1)
    }
}

/// The spans of `to` points over `from` points.
fn spans(from: usize, to: usize) -> Vec<Span> {
    (0..to).map(|at| if from >= to { shrunk(at, from, to) } else { grown(at, from, to) }).collect()
}

/// The mean of all points that lie under this one, each by how much of it does.
fn shrunk(at: usize, from: usize, to: usize) -> Span {
    let (begin, end) = (at * from, (at + 1) * from);
    let first = begin / to;
    let last = (end - 1) / to;
    let share = |point: usize| (end.min((point + 1) * to) - begin.max(point * to)) as u32;
    let shares: Vec<u32> = (first..=last).map(share).collect();
    Span { first, weights: normalised(&shares) }
}

/// Between the two points next to its middle.
fn grown(at: usize, from: usize, to: usize) -> Span {
    let middle = ((2 * at + 1) * from) as i64 * 128 / to as i64 - 128;
    let middle = middle.clamp(0, (from as i64 - 1) * 256) as usize;
    let (first, part) = (middle / 256, (middle % 256) as u16);
    let weights = if part == 0 { vec![1 << BITS] } else { vec![256 - part, part] };
    Span { first, weights }
}

/// Weights in these shares that sum to 256.
fn normalised(shares: &[u32]) -> Vec<u16> {
    let sum: u32 = shares.iter().sum();
    let mut weights: Vec<u16> = shares.iter().map(|share| ((share << BITS) / sum) as u16).collect();
    let rest = (1 << BITS) - weights.iter().sum::<u16>();
    let middle = weights.len() / 2;
    weights[middle] += rest;
    weights
}

impl Columns {
    fn of(spans: &[Span]) -> Self {
        let longest = spans.iter().map(|span| span.weights.len()).max().unwrap_or(0);
        // The lengths that `across` is made for; longer ones are rare.
        let taps = [2, 3, 4, 6, 8].into_iter().find(|taps| longest <= *taps).unwrap_or(longest);
        let mut columns = Self { firsts: Vec::new(), weights: Vec::new(), taps };
        for span in spans {
            columns.firsts.push(span.first);
            columns.weights.extend(&span.weights);
            columns.weights.resize(columns.firsts.len() * taps, 0);
        }
        columns
    }
}

fn plane(
    axes: &Axes,
    (from, from_width): (&[u8], usize),
    (to, to_width): (&mut [u8], usize),
    sums: &mut Vec<u16>,
) {
    let taps = axes.columns.taps;
    for (row, to) in axes.rows.iter().zip(to.chunks_exact_mut(to_width).skip(axes.top)) {
        sums.clear();
        // The last spans reach over the end, without weight.
        sums.resize(from_width + taps, HALF);
        let lines = from.chunks_exact(from_width).skip(row.first);
        for (weight, line) in row.weights.iter().zip(lines) {
            sums.iter_mut().zip(line).for_each(|(sum, point)| *sum += weight * u16::from(*point));
        }
        sums.iter_mut().for_each(|sum| *sum >>= BITS);
        let to = &mut to[axes.left..];
        // The same code each time, which is two to three times as fast for a length that is known.
        match taps {
            2 => across(&axes.columns, 2, sums, to),
            3 => across(&axes.columns, 3, sums, to),
            4 => across(&axes.columns, 4, sums, to),
            6 => across(&axes.columns, 6, sums, to),
            8 => across(&axes.columns, 8, sums, to),
            long => across(&axes.columns, long, sums, to),
        }
    }
}

/// One row of points out of the weighted means of the rows under it.
#[inline(always)]
fn across(columns: &Columns, taps: usize, row: &[u16], to: &mut [u8]) {
    let spans = columns.firsts.iter().zip(columns.weights.chunks_exact(taps));
    for (point, (first, weights)) in to.iter_mut().zip(spans) {
        let under = row[*first..*first + taps].iter().zip(weights);
        let sum: u16 = under.map(|(point, weight)| point * weight).sum();
        *point = ((sum + HALF) >> BITS) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(width: usize, height: usize) -> Image {
        let mut image = Image::new(width, height);
        image.fill(Colour { y: 200, cb: 90, cr: 160 });
        let [y, ..] = image.planes_mut();
        for row in y.chunks_exact_mut(width) {
            row[..width / 2].fill(50);
        }
        image
    }

    #[test]
    fn the_shape_is_kept_and_what_is_left_is_black() {
        for (from, to, inside) in [
            ((640, 480), (352, 288), (352, 264)),
            ((352, 288), (352, 288), (352, 288)),
            ((1280, 720), (352, 288), (352, 200)),
            ((288, 352), (352, 288), (236, 288)),
        ] {
            assert_eq!(fitted(from, to), inside);
            let mut image = Image::new(to.0, to.1);
            Scaler::default().scale(&sides(from.0, from.1), &mut image);
            let (left, top) = ((to.0 - inside.0) / 2, (to.1 - inside.1) / 2);
            assert_eq!(image.at(left + 2, to.1 / 2).y, 50, "{from:?}");
            assert_eq!(image.at(to.0 - left - 3, to.1 / 2), Colour { y: 200, cb: 90, cr: 160 });
            if top > 2 || left > 2 {
                assert_eq!(image.at(0, 0), Colour::from_rgb(0, 0, 0), "{from:?}");
                assert_eq!(image.at(to.0 - 1, to.1 - 1), Colour::from_rgb(0, 0, 0), "{from:?}");
            }
        }
    }

    #[test]
    fn a_plain_picture_stays_plain_at_every_size() {
        let mut plain = Image::new(176, 144);
        plain.fill(Colour { y: 123, cb: 45, cr: 210 });
        for (width, height) in [(352, 288), (88, 72), (178, 146), (128, 96), (1056, 864)] {
            let (inner, _) = fitted((176, 144), (width, height));
            let mut image = Image::new(width, height);
            Scaler::default().scale(&plain, &mut image);
            let middle = image.at(width / 2, height / 2);
            assert!(middle.y.abs_diff(123) <= 1 && middle.cb.abs_diff(45) <= 1, "{middle:?}");
            assert!(inner <= width);
        }
    }

    #[test]
    fn the_brightest_picture_stays_so_however_many_points_make_one() {
        for (from, to) in
            [((1920, 1080), (2, 2)), ((1914, 1078), (352, 288)), ((18, 14), (352, 288))]
        {
            let mut white = Image::new(from.0, from.1);
            white.fill(Colour { y: 255, cb: 255, cr: 0 });
            let mut image = Image::new(to.0, to.1);
            Scaler::default().scale(&white, &mut image);
            let middle = image.at(to.0 / 2, to.1 / 2);
            assert_eq!(middle, Colour { y: 255, cb: 255, cr: 0 }, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn every_pair_of_sizes_is_drawn() {
        let sizes = [(2, 2), (2, 1920), (1920, 2), (16, 12), (704, 576), (1920, 1080)];
        for from in sizes {
            for to in sizes {
                Scaler::default().scale(&sides(from.0, from.1), &mut Image::new(to.0, to.1));
            }
        }
    }
}
