//! The landmarks that AffectNet comes with, 68 a face.

use crate::media::Landmarks;

/// Landmarks that are not known.
pub(super) const UNKNOWN: Landmarks = [[f32::NAN; 2]; 5];

/// Five landmarks out of 68, given as `x, y, x, y...`: the middles of the eyes (points 36 to 41 and 42 to 47, counted from 0), the tip
/// of the nose (30), the corners of the mouth (48, 54). Other lists of points are none.
pub(super) fn five_of_68(numbers: &[f32]) -> Option<Landmarks> {
    let points = numbers.as_chunks::<2>().0;
    if numbers.len() != 136 {
        return None;
    }
    let middle = |range: std::ops::Range<usize>| {
        let sum = points[range].iter().fold([0.0; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
        sum.map(|sum| sum / 6.0)
    };
    Some([middle(36..42), middle(42..48), points[30], points[48], points[54]])
}
