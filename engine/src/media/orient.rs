//! Pictures that are stored turned or mirrored, put upright.

use super::Picture;

/// Pixels along a side of a tile: what is read in columns stays in the cache while it is written in rows.
const TILE: usize = 32;

/// How a picture is stored, by the numbers of EXIF (1 to 8): what must be done to see it upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// 1: upright.
    #[default]
    Upright,
    /// 2: mirrored, left and right changed.
    MirroredAcross,
    /// 3: half a turn.
    HalfTurn,
    /// 4: mirrored, top and bottom changed.
    MirroredDown,
    /// 5: rows and columns changed.
    Transposed,
    /// 6: seen upright after a quarter turn clockwise.
    QuarterTurn,
    /// 7: rows and columns changed, then half a turn.
    Transverse,
    /// 8: seen upright after three quarter turns clockwise.
    ThreeQuarterTurn,
}

impl Orientation {
    /// By its number in EXIF; any other number says nothing.
    pub fn of_exif(number: u8) -> Self {
        match number {
            2 => Self::MirroredAcross,
            3 => Self::HalfTurn,
            4 => Self::MirroredDown,
            5 => Self::Transposed,
            6 => Self::QuarterTurn,
            7 => Self::Transverse,
            8 => Self::ThreeQuarterTurn,
            _ => Self::Upright,
        }
    }

    /// Of a film's display matrix, which puts column `x`, row `y` at `(a x + c y, b x + d y)`; upright for one that is neither a
    /// quarter turn nor a mirror.
    pub fn of_matrix([a, b, c, d]: [i32; 4]) -> Self {
        match (a.signum(), b.signum(), c.signum(), d.signum()) {
            (-1, 0, 0, 1) => Self::MirroredAcross,
            (-1, 0, 0, -1) => Self::HalfTurn,
            (1, 0, 0, -1) => Self::MirroredDown,
            (0, 1, 1, 0) => Self::Transposed,
            (0, 1, -1, 0) => Self::QuarterTurn,
            (0, -1, -1, 0) => Self::Transverse,
            (0, -1, 1, 0) => Self::ThreeQuarterTurn,
            _ => Self::Upright,
        }
    }

    /// Whether rows become columns, and whether what is read then goes backwards across and down.
    fn steps(self) -> (bool, bool, bool) {
        match self {
            Self::Upright => (false, false, false),
            Self::MirroredAcross => (false, true, false),
            Self::HalfTurn => (false, true, true),
            Self::MirroredDown => (false, false, true),
            Self::Transposed => (true, false, false),
            Self::QuarterTurn => (true, false, true),
            Self::Transverse => (true, true, true),
            Self::ThreeQuarterTurn => (true, true, false),
        }
    }
}

impl Picture {
    /// The picture put upright.
    #[must_use]
    pub fn oriented(self, orientation: Orientation) -> Self {
        if orientation == Orientation::Upright {
            return self;
        }
        match self.channels {
            1 => rearranged::<1>(&self, orientation),
            _ => rearranged::<3>(&self, orientation),
        }
    }

    /// The picture after so many quarter turns clockwise.
    #[must_use]
    pub fn turned(self, quarters: u8) -> Self {
        self.oriented(match quarters % 4 {
            1 => Orientation::QuarterTurn,
            2 => Orientation::HalfTurn,
            3 => Orientation::ThreeQuarterTurn,
            _ => Orientation::Upright,
        })
    }
}

fn rearranged<const C: usize>(picture: &Picture, orientation: Orientation) -> Picture {
    let (w, h) = (picture.width, picture.height);
    let (turned, back_across, back_down) = orientation.steps();
    let (width, height) = if turned { (h, w) } else { (w, h) };
    let mut pixels = vec![0u8; w * h * C];
    let from = picture.pixels.as_chunks::<C>().0;
    let to = pixels.as_chunks_mut::<C>().0;
    let across = |x: usize| if back_across { w - 1 - x } else { x };
    let down = |y: usize| if back_down { h - 1 - y } else { y };
    if turned {
        for top in (0..height).step_by(TILE) {
            for left in (0..width).step_by(TILE) {
                for y in top..(top + TILE).min(height) {
                    for x in left..(left + TILE).min(width) {
                        to[y * width + x] = from[down(x) * w + across(y)];
                    }
                }
            }
        }
    } else {
        for (y, row) in to.chunks_exact_mut(w).enumerate() {
            let source = &from[down(y) * w..][..w];
            row.copy_from_slice(source);
            if back_across {
                row.reverse();
            }
        }
    }
    Picture { width, height, channels: C, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_orientation_is_that_of_exif() {
        // 1 2 3 / 4 5 6 as stored; what is seen upright, row by row.
        let stored = Picture { width: 3, height: 2, channels: 1, pixels: vec![1, 2, 3, 4, 5, 6] };
        for (number, wanted) in (1u8..).zip([
            [1, 2, 3, 4, 5, 6],
            [3, 2, 1, 6, 5, 4],
            [6, 5, 4, 3, 2, 1],
            [4, 5, 6, 1, 2, 3],
            [1, 4, 2, 5, 3, 6],
            [4, 1, 5, 2, 6, 3],
            [6, 3, 5, 2, 4, 1],
            [3, 6, 2, 5, 1, 4],
        ]) {
            let seen = stored.clone().oriented(Orientation::of_exif(number));
            assert_eq!(seen.pixels, wanted, "{number}");
            assert_eq!((seen.width, seen.height), if number < 5 { (3, 2) } else { (2, 3) }, "{number}");
            let colour = stored.with_channels(3).oriented(Orientation::of_exif(number));
            assert_eq!(colour, seen.with_channels(3), "{number}");
        }
    }

    #[test]
    fn large_pictures_are_turned_across_the_borders_of_tiles() {
        let (w, h) = (TILE * 2 + 5, TILE + 7);
        let pixels: Vec<u8> = (0..w * h).map(|i| (i * 31 % 251) as u8).collect();
        let picture = Picture { width: w, height: h, channels: 1, pixels };
        let turned = picture.clone().turned(1);
        assert!((0..h).all(|y| (0..w).all(|x| turned.pixel(h - 1 - y, x) == picture.pixel(x, y))));
        assert_eq!(turned.turned(2).turned(5), picture);
    }

    #[test]
    fn a_display_matrix_is_undone_mirrors_included() {
        let one = 0x1_0000;
        for (matrix, orientation) in [
            ([one, 0, 0, one], Orientation::Upright),
            ([0, one, -one, 0], Orientation::QuarterTurn),
            ([-one, 0, 0, -one], Orientation::HalfTurn),
            ([0, -one, one, 0], Orientation::ThreeQuarterTurn),
            ([-one, 0, 0, one], Orientation::MirroredAcross),
            ([one, 0, 0, -one], Orientation::MirroredDown),
            ([0, one, one, 0], Orientation::Transposed),
            ([0, -one, -one, 0], Orientation::Transverse),
            ([0, 0, 0, 0], Orientation::Upright),
            ([one, 9, -9, one], Orientation::Upright),
        ] {
            assert_eq!(Orientation::of_matrix(matrix), orientation);
            // Where the matrix puts the pixel at (1, 0) of 2 x 2 pixels, seen from where it puts the one at (0, 0).
            if matrix.iter().filter(|&&v| v != 0).count() == 2 {
                let seen = Picture { width: 2, height: 2, channels: 1, pixels: vec![7, 9, 0, 0] }
                    .oriented(orientation);
                let at = |value| {
                    seen.pixels.iter().position(|&v| v == value).map(|i| (i as i32 % 2, i as i32 / 2))
                };
                let ((x0, y0), (x1, y1)) = at(7).zip(at(9)).expect("both are seen");
                assert_eq!((x1 - x0, y1 - y0), (matrix[0].signum(), matrix[1].signum()));
            }
        }
    }
}
