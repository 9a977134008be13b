//! A second look at a face that was found: where its landmarks lie, and whether it is one. A small network sees it larger than the
//! detector did. Trained by `assets/models/train_landmarks.py`.
//!
//! It reads a square around the face's box, reduced or enlarged to 64 grey pixels a side. `places` has 15 values for each cell of 4
//! pixels: for each landmark a likelihood l, then for each a place x beside the cell's corner, then for each a place y below it, both in
//! cells; `face` has one for each cell of 16 pixels. With a cell in column c and row r,
//!
//! ```text
//! landmark = 4 * sum over cells of softmax(l) * (c + x, r + y)
//! probability of a face = sigmoid(mean of face)
//! ```

use super::network::{Network, frame};
use crate::media::Picture;
use crate::media::align::Aligner;
use crate::media::face::{FaceBox, Landmarks};
use crate::net::{BoxCrop, InputContract};
use crate::onnx::{GraphProto, Limits, read_model};

/// The network's file.
const MODEL: &[u8] = include_bytes!(concat!(env!("AFFEKT_ASSETS"), "/models/face-landmarks.onnx"));
/// What its file may hold; it has some thousand fields.
const LIMITS: Limits = Limits { fields: 1 << 14, what: "network of landmarks" };

/// Side of what it sees, in pixels.
const SIDE: usize = 64;
/// Side of a landmark's cell, in pixels.
const CELL: usize = 4;
/// Side of the square that it sees, by the longer side of the face's box.
const AROUND: f32 = 1.4;
const LANDMARKS: usize = 5;

/// The network.
pub(super) struct Refiner {
    network: Network,
    aligner: Aligner,
}

/// What it says of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Refined {
    /// In the picture's pixels.
    pub landmarks: Landmarks,
    /// How probable it is that this is a face, 0 to 1.
    pub probability: f32,
}

impl Refiner {
    /// Reads the built-in network.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new() -> Result<Self, String> {
        let network = Network::of(&graph()?, &outputs()).ok_or("it has an unknown operation")?;
        let contract = InputContract {
            size: SIDE,
            channels: 1,
            mean: vec![0.0],
            std: vec![1.0],
            template: "crop".into(),
        };
        let aligner = Aligner::new(&contract, BoxCrop { side: AROUND, up: 0.0 }, 1.0);
        Ok(Self { network, aligner })
    }

    /// A second look at the face in a box of a picture that has pixels.
    pub(super) fn look(&self, picture: &Picture, face_box: &FaceBox) -> Refined {
        let seen = self.aligner.picture(picture, face_box, None);
        let maps = self.network.run(&frame(&seen, SIDE, SIDE), SIDE, SIDE);
        let scale = AROUND * face_box.w.max(face_box.h) / SIDE as f32;
        let (x, y) = face_box.centre();
        let from_middle = |place: f32| (place - SIDE as f32 / 2.0) * scale;
        let landmarks =
            decode(&maps[0]).map(|[across, down]| [x + from_middle(across), y + from_middle(down)]);
        let logit = maps[1].iter().sum::<f32>() / maps[1].len() as f32;
        Refined { landmarks, probability: 1.0 / (1.0 + (-logit).exp()) }
    }
}

/// The built-in network's graph.
pub(super) fn graph() -> Result<GraphProto, String> {
    read_model(MODEL, LIMITS)?.graph.ok_or_else(|| "it holds no graph".into())
}

/// The names of its outputs.
pub(super) fn outputs() -> [String; 2] {
    ["places", "face"].map(str::to_owned)
}

/// Landmarks in pixels of what the network sees, from its maps, cell by cell.
fn decode(maps: &[f32]) -> Landmarks {
    let (cells, _) = maps.as_chunks::<{ 3 * LANDMARKS }>();
    std::array::from_fn(|landmark| {
        let most = cells.iter().map(|cell| cell[landmark]).fold(f32::NEG_INFINITY, f32::max);
        let (mut sum, mut across, mut down) = (0.0, 0.0, 0.0);
        for (nth, cell) in cells.iter().enumerate() {
            let weight = (cell[landmark] - most).exp();
            let (column, row) = (nth % (SIDE / CELL), nth / (SIDE / CELL));
            sum += weight;
            across += weight * (column as f32 + cell[LANDMARKS + landmark]);
            down += weight * (row as f32 + cell[2 * LANDMARKS + landmark]);
        }
        [across, down].map(|v| CELL as f32 * v / sum)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_landmark_is_the_mean_of_the_cells_places_by_their_likelihood() {
        let columns = SIDE / CELL;
        let mut maps = vec![0.0; columns * columns * 15];
        for cell in maps.chunks_exact_mut(15) {
            cell[..5].fill(-90.0);
        }
        // The nose: three times as likely by the cell in column 2, row 5 as by its right neighbour.
        let mut say = |column: usize, row: usize, values: [f32; 3]| {
            let cell = &mut maps[(row * columns + column) * 15..][..15];
            (cell[2], cell[7], cell[12]) = (values[0], values[1], values[2]);
        };
        say(2, 5, [3f32.ln(), 0.5, 0.25]);
        say(3, 5, [0.0, 0.5, 0.25]);
        let [across, down] = decode(&maps)[2];
        assert!((across - 4.0 * 2.75).abs() < 1e-4 && (down - 4.0 * 5.25).abs() < 1e-4, "{across}, {down}");
    }

    #[test]
    fn landmarks_move_and_grow_with_the_picture() {
        let refiner = Refiner::new().unwrap();
        let face = |scale: usize| {
            let side = 80 * scale;
            let value = |i: usize| {
                let (x, y) = ((i % side) / scale, (i / side) / scale);
                let dark =
                    |cx: usize, cy: usize, w: usize, h: usize| x.abs_diff(cx) < w && y.abs_diff(cy) < h;
                if dark(30, 34, 5, 3) || dark(50, 34, 5, 3) || dark(40, 56, 8, 2) { 30 } else { 190 }
            };
            Picture { width: side, height: side, channels: 1, pixels: (0..side * side).map(value).collect() }
        };
        let once = refiner.look(&face(1), &FaceBox::around((40.0, 42.0), 36.0, 44.0)).landmarks;
        let twice = refiner.look(&face(2), &FaceBox::around((80.0, 84.0), 72.0, 88.0)).landmarks;
        for (a, b) in once.iter().flatten().zip(twice.iter().flatten()) {
            assert!((2.0 * a - b).abs() < 4.0, "{once:?} and {twice:?}");
        }
        let [left, right, nose, mouth_left, mouth_right] = once;
        assert!(left[0] < nose[0] && nose[0] < right[0] && mouth_left[0] < mouth_right[0], "{once:?}");
        assert!(left[1] < nose[1] && nose[1] < mouth_left[1], "{once:?}");
    }
}
