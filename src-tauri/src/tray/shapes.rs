//! The four pictures of the tray: told apart by shape, in one colour that stands out from light and dark panels.

use ksni::Icon;

use crate::work::Shape;

/// What panels ask for, once and twice as large.
const SIZES: [i32; 3] = [22, 32, 48];
/// Points to a side of a pixel, for smooth edges.
const FINE: i32 = 4;
/// Red, green, blue.
const COLOUR: [u8; 3] = [38, 166, 154];

/// A shape in every size.
pub(super) fn icons(shape: Shape) -> Vec<Icon> {
    SIZES.into_iter().map(|size| icon(shape, size)).collect()
}

fn icon(shape: Shape, size: i32) -> Icon {
    let mut data = Vec::with_capacity((size * size * 4) as usize);
    for y in 0..size {
        for x in 0..size {
            let mut inside = 0;
            for (down, right) in (0..FINE * FINE).map(|at| (at / FINE, at % FINE)) {
                let place = |pixel: i32, part: i32| {
                    (f64::from(pixel) + (f64::from(part) + 0.5) / f64::from(FINE)) / f64::from(size)
                };
                inside += i32::from(covers(shape, place(x, right) - 0.5, place(y, down) - 0.5));
            }
            let alpha = u8::try_from(inside * 255 / (FINE * FINE)).unwrap_or(u8::MAX);
            data.extend([alpha, COLOUR[0], COLOUR[1], COLOUR[2]]);
        }
    }
    Icon { width: size, height: size, data }
}

/// Whether a shape covers a point; the middle is at 0, the edges at half.
fn covers(shape: Shape, x: f64, y: f64) -> bool {
    match shape {
        // a ring
        Shape::Idle => (0.27..0.4).contains(&x.hypot(y)),
        // an arrow to the right
        Shape::Running => x > -0.3 && y.abs() < 0.4 - (x + 0.3) * 0.6 && x < 0.37,
        // two bars
        Shape::Paused => y.abs() < 0.36 && (0.09..0.3).contains(&x.abs()),
        // a cross
        Shape::Failed => {
            x.abs().max(y.abs()) < 0.37 && ((x - y).abs() < 0.15 || (x + y).abs() < 0.15)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_differ_without_their_colour() {
        let alphas = |shape| -> Vec<bool> {
            icon(shape, 22).data.chunks(4).map(|pixel| pixel[0] > 127).collect()
        };
        let all = [Shape::Idle, Shape::Running, Shape::Paused, Shape::Failed].map(alphas);
        for (at, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 22 * 22);
            assert!(one.iter().filter(|inside| **inside).count() > 40, "something is there");
            for other in &all[at + 1..] {
                let differing = one.iter().zip(other).filter(|(a, b)| a != b).count();
                assert!(differing > 60, "{differing} points differ");
            }
        }
    }
}
