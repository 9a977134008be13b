//! What a `YuNet` gives: a row for every cell of three grids, and what a row says.

use crate::media::face::{Detection, FaceBox};

/// Cells of the three grids, in pixels.
pub(super) const STRIDES: [usize; 3] = [8, 16, 32];
/// The outputs of one stride and their channels.
pub(super) const KINDS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// Names of the outputs, and how many values each has for an input of `width x height`, stride by stride.
pub(super) fn outputs(width: usize, height: usize) -> impl Iterator<Item = (String, usize)> {
    STRIDES.into_iter().flat_map(move |stride| {
        let cells = (width / stride) * (height / stride);
        KINDS.into_iter().map(move |(kind, channels)| (format!("{kind}_{stride}"), cells * channels))
    })
}

/// Adds the faces of one stride's grid, `columns` wide. `grids` are cls, obj, bbox and kps.
pub(super) fn decode(
    stride: usize,
    columns: usize,
    grids: [&[f32]; 4],
    threshold: f32,
    found: &mut Vec<Detection>,
) {
    let [cls, obj, bbox, kps] = grids;
    let s = stride as f32;
    for (cell, (&class, &object)) in cls.iter().zip(obj).enumerate() {
        let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
        // NaN is no face.
        if score.is_nan() || score < threshold {
            continue;
        }
        let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
        let b = &bbox[cell * 4..][..4];
        let middle = ((column + b[0]) * s, (row + b[1]) * s);
        let face_box = FaceBox::around(middle, b[2].exp() * s, b[3].exp() * s);
        let mut landmarks = [[0.0; 2]; 5];
        for (point, k) in landmarks.iter_mut().zip(kps[cell * 10..][..10].chunks_exact(2)) {
            *point = [(column + k[0]) * s, (row + k[1]) * s];
        }
        let finite = landmarks.iter().flatten().all(|v| v.is_finite());
        found.push(Detection { face_box, landmarks: finite.then_some(landmarks), score });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_decoded_by_the_formulae() {
        let mut bbox = vec![0.0; 6 * 4];
        let mut kps = vec![0.0; 6 * 10];
        bbox[5 * 4..].copy_from_slice(&[0.5, -0.25, 2f32.ln(), 3f32.ln()]);
        kps[50..60].copy_from_slice(&[0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0]);
        let (cls, obj) = ([0.0, 0.0, 0.0, f32::NAN, 0.5, 0.81], [1.0, 1.0, 1.0, 1.0, 0.5, 1.0]);
        let mut found = vec![];
        decode(16, 3, [&cls, &obj, &bbox, &kps], 0.6, &mut found);
        // Cell 5 of a grid three wide is column 2, row 1.
        let [face] = found.as_slice() else { panic!("{found:?}") };
        assert!((face.score - 0.9).abs() < 1e-6);
        let (x, y) = face.face_box.centre();
        assert!((x - 40.0).abs() < 1e-4 && (y - 12.0).abs() < 1e-4, "{face:?}");
        assert!((face.face_box.w - 32.0).abs() < 1e-3 && (face.face_box.h - 48.0).abs() < 1e-3);
        let landmarks = face.landmarks.expect("landmarks");
        assert_eq!(landmarks, [[32.0, 16.0], [48.0, 16.0], [40.0, 24.0], [32.0, 32.0], [48.0, 32.0]]);
    }
}
