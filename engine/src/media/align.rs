//! From a face in a frame to the network's input, framed as the pictures that the network was trained on.
//!
//! A card's `template` says how: `crop` cuts a square around the face's box, `arcface-112` maps five landmarks to fixed
//! places by the similarity (turn, scale, shift) that fits them best; a face without landmarks falls back to the square.

use rayon::prelude::*;

use super::augment::{Affine, Policy, Program};
use super::face::{FaceBox, Landmarks};
use super::{MediaError, Picture};
use crate::net::{BoxCrop, InputContract};

/// Side of the template that [`ARCFACE`] is given for.
pub const TEMPLATE_SIDE: f32 = 112.0;

/// Where the five landmarks of an aligned 112x112 face lie: the template of `ArcFace` and of the data sets aligned by it.
pub const ARCFACE: Landmarks =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

/// Around the part of a frame that is cut out before it is scaled, in pixels: enough for a bilinear sample.
const MARGIN: f32 = 2.0;

/// The similarity that maps `from` to `to` with the least sum of squared distances (Umeyama 1991, without reflection), as a
/// map of the plane. `None` where the points of `from` coincide, or a number is not finite.
pub fn similarity(from: &Landmarks, to: &Landmarks) -> Option<Affine> {
    let mean = |points: &Landmarks| {
        let n = points.len() as f64;
        let sum = points.iter().fold([0.0; 2], |s, p| [s[0] + f64::from(p[0]), s[1] + f64::from(p[1])]);
        [sum[0] / n, sum[1] / n]
    };
    let (middle_from, middle_to) = (mean(from), mean(to));
    // In the plane the singular values need not be computed: with points as complex numbers, the best factor is
    // sum(conj(from) * to) / sum(|from|^2) about the means.
    let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
    for (f, t) in from.iter().zip(to) {
        let (fx, fy) = (f64::from(f[0]) - middle_from[0], f64::from(f[1]) - middle_from[1]);
        let (tx, ty) = (f64::from(t[0]) - middle_to[0], f64::from(t[1]) - middle_to[1]);
        along += fx * tx + fy * ty;
        across += fx * ty - fy * tx;
        spread += fx * fx + fy * fy;
    }
    let (a, b) = (along / spread, across / spread);
    let x = middle_to[0] - a * middle_from[0] + b * middle_from[1];
    let y = middle_to[1] - b * middle_from[0] - a * middle_from[1];
    let all = [a, b, x, y].map(|v| v as f32);
    (spread > 1e-6 && all.iter().all(|v| v.is_finite())).then(|| {
        let [a, b, x, y] = all;
        Affine([[a, -b, x], [b, a, y]])
    })
}

/// How faces become input of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Aligner {
    contract: InputContract,
    box_crop: BoxCrop,
    /// What evaluation does to a framed face: the map from the output's pixels to those of the template.
    plain: Program,
}

impl Aligner {
    /// For a model with this contract, the card's `box_crop`, and the part `crop` of a face's sides that its input shows.
    pub fn new(contract: &InputContract, box_crop: BoxCrop, crop: f32) -> Self {
        let side = TEMPLATE_SIDE as usize;
        let plain = Policy::plain_view(crop, (side, side), contract);
        Self { contract: contract.clone(), box_crop, plain }
    }

    /// The same, showing every face as a mirror does.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self { plain: self.plain.clone().mirrored(), ..self.clone() }
    }

    /// Values of one face's input.
    pub fn input_len(&self) -> usize {
        self.contract.size * self.contract.size * self.contract.channels
    }

    /// Whether landmarks decide the framing.
    pub fn uses_landmarks(&self) -> bool {
        self.contract.template.starts_with("arcface")
    }

    /// The map from the template's pixels to the frame's.
    pub fn frame_from_template(&self, face_box: &FaceBox, landmarks: Option<&Landmarks>) -> Affine {
        let fitted = landmarks.filter(|_| self.uses_landmarks()).and_then(|l| similarity(&ARCFACE, l));
        fitted.unwrap_or_else(|| {
            let side = face_box.w.max(face_box.h) * self.box_crop.side;
            let (x, y) = face_box.centre();
            let step = side / TEMPLATE_SIDE;
            Affine([[step, 0.0, x - side / 2.0], [0.0, step, y - side * self.box_crop.up - side / 2.0]])
        })
    }

    /// Writes a face as `size x size x channels` normalised values.
    ///
    /// # Errors
    /// The frame is no picture ([`Picture::check`]).
    ///
    /// # Panics
    /// `out` has another length than [`Aligner::input_len`].
    pub fn align(
        &self,
        frame: &Picture,
        face_box: &FaceBox,
        landmarks: Option<&Landmarks>,
        out: &mut [f32],
    ) -> Result<(), MediaError> {
        frame.check()?;
        let (program, part) = self.prepared(frame, face_box, landmarks);
        program.render(part.as_ref().unwrap_or(frame), &self.contract, out);
        Ok(())
    }

    /// The face as the network sees it, before normalisation, for people to look at; black where the frame is no picture.
    pub fn picture(&self, frame: &Picture, face_box: &FaceBox, landmarks: Option<&Landmarks>) -> Picture {
        if frame.check().is_err() {
            return Picture::filled(self.contract.size, self.contract.size, self.contract.channels, 0);
        }
        let (program, part) = self.prepared(frame, face_box, landmarks);
        program.render_picture(part.as_ref().unwrap_or(frame), self.contract.channels)
    }

    /// Several faces, one after the other, on as many threads as there are: the frame of each, its box, its landmarks.
    ///
    /// # Errors
    /// A frame is no picture ([`Picture::check`]).
    pub fn align_all(
        &self,
        faces: &[(&Picture, FaceBox, Option<Landmarks>)],
    ) -> Result<Vec<f32>, MediaError> {
        let mut out = vec![0.0; faces.len() * self.input_len()];
        out.par_chunks_exact_mut(self.input_len()).zip(faces).try_for_each(
            |(out, (frame, face_box, landmarks))| self.align(frame, face_box, landmarks.as_ref(), out),
        )?;
        Ok(out)
    }

    /// The view of a face, and the part of the frame that it is of; `None` stands for the whole frame.
    fn prepared(
        &self,
        frame: &Picture,
        face_box: &FaceBox,
        landmarks: Option<&Landmarks>,
    ) -> (Program, Option<Picture>) {
        let mut map = self.frame_from_template(face_box, landmarks).after(self.plain.source_from_output);
        let side = self.contract.size as f32;
        let corners = [(0.0, 0.0), (side, 0.0), (0.0, side), (side, side)].map(|(x, y)| map.apply(x, y));
        let least = |v: [f32; 4]| (v.into_iter().fold(f32::MAX, f32::min) - MARGIN).floor();
        let greatest = |v: [f32; 4]| (v.into_iter().fold(f32::MIN, f32::max) + MARGIN).ceil();
        let (xs, ys) = (corners.map(|c| c.0), corners.map(|c| c.1));
        let (left, top) = (least(xs), least(ys));
        let (width, height) = (greatest(xs) - left, greatest(ys) - top);
        // Scaling works on the whole of its picture, so a small face in a large frame is cut out first.
        let part = frame.cropped(left as i64, top as i64, width as usize, height as usize).ok();
        if part.is_some() {
            let [row_x, row_y] = &mut map.0;
            row_x[2] -= left.max(0.0);
            row_y[2] -= top.max(0.0);
        }
        (Program { source_from_output: map, ..self.plain.clone() }, part)
    }
}

/// A face with some of what is around it, `side x side` pixels, for people to recognise.
pub fn thumbnail(frame: &Picture, face_box: &FaceBox, side: usize) -> Picture {
    let contract = InputContract {
        size: side,
        channels: 3,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
        template: "crop".into(),
    };
    Aligner::new(&contract, BoxCrop { side: 1.4, up: 0.03 }, 1.0).picture(frame, face_box, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(template: &str, size: usize, channels: usize) -> InputContract {
        InputContract {
            size,
            channels,
            mean: vec![0.5; channels],
            std: vec![0.25; channels],
            template: template.into(),
        }
    }

    #[test]
    fn a_mirrored_face_is_the_face_with_its_columns_turned_round() {
        let (frame, face_box) = (ramp(120, 90), FaceBox { x: 30.0, y: 20.0, w: 40.0, h: 50.0 });
        let aligner = Aligner::new(&contract("crop", 32, 1), BoxCrop::default(), 0.9);
        let (plain, mirrored) =
            (aligner.picture(&frame, &face_box, None), aligner.mirrored().picture(&frame, &face_box, None));
        assert_ne!(plain, mirrored);
        for y in 0..32 {
            for x in 0..32 {
                let (a, b) = (plain.pixel(x, y)[0], mirrored.pixel(31 - x, y)[0]);
                assert!(a.abs_diff(b) <= 1, "{x}, {y}: {a} and {b}");
            }
        }
    }

    fn ramp(width: usize, height: usize) -> Picture {
        let value = |i: usize| ((i % width) * 120 / width + (i / width) * 130 / height) as u8;
        Picture { width, height, channels: 1, pixels: (0..width * height).map(value).collect() }
    }

    #[test]
    fn a_similarity_is_found_again() {
        let (sin, cos) = 0.4f32.sin_cos();
        let truth = Affine([[1.7 * cos, -1.7 * sin, 30.0], [1.7 * sin, 1.7 * cos, -12.0]]);
        let moved = ARCFACE.map(|[x, y]| <[f32; 2]>::from(truth.apply(x, y)));
        let found = similarity(&ARCFACE, &moved).expect("distinct points");
        for (row, wanted) in found.0.iter().zip(truth.0) {
            for (value, wanted) in row.iter().zip(wanted) {
                assert!((value - wanted).abs() < 1e-3, "{found:?}");
            }
        }
    }

    #[test]
    fn no_other_similarity_fits_better() {
        // Points that no similarity fits exactly.
        let mut to = ARCFACE.map(|[x, y]| [2.0 * x + 5.0, 1.4 * y - 3.0]);
        to[2][0] += 9.0;
        let best = similarity(&ARCFACE, &to).expect("distinct points");
        let cost = |m: &Affine| {
            let distance = |(f, t): (&[f32; 2], &[f32; 2])| {
                let (x, y) = m.apply(f[0], f[1]);
                (x - t[0]).powi(2) + (y - t[1]).powi(2)
            };
            ARCFACE.iter().zip(&to).map(distance).sum::<f32>()
        };
        let least = cost(&best);
        for (da, db, dx, dy) in
            [(0.01, 0.0, 0.0, 0.0), (-0.01, 0.0, 0.0, 0.0), (0.0, 0.01, 0.0, 0.0), (0.0, -0.01, 0.0, 0.0)]
                .into_iter()
                .chain([
                    (0.0, 0.0, 0.5, 0.0),
                    (0.0, 0.0, -0.5, 0.0),
                    (0.0, 0.0, 0.0, 0.5),
                    (0.0, 0.0, 0.0, -0.5),
                ])
        {
            let [[a, _, x], [b, _, y]] = best.0;
            // Turned and scaled about the middle of the points, so that the shift stays the best one.
            let (mx, my) = (56.0262, 71.90076);
            let m = Affine([
                [a + da, -(b + db), x + dx - da * mx + db * my],
                [b + db, a + da, y + dy - db * mx - da * my],
            ]);
            assert!(cost(&m) > least, "{da} {db} {dx} {dy}: {} {least}", cost(&m));
        }
    }

    #[test]
    fn coinciding_points_have_no_similarity() {
        assert_eq!(similarity(&[[3.0, 4.0]; 5], &ARCFACE), None);
        let mut broken = ARCFACE;
        broken[0][0] = f32::NAN;
        assert_eq!(similarity(&ARCFACE, &broken), None);
    }

    #[test]
    fn a_box_that_is_the_whole_picture_is_seen_as_evaluation_sees_it() {
        let contract = contract("crop", 48, 1);
        let crop = BoxCrop { side: 1.0, up: 0.0 };
        for side in [48, 64, 90, 300] {
            let picture = ramp(side, side);
            let program = Policy::plain_view(0.9, (side, side), &contract);
            let mut wanted = vec![0.0; 48 * 48];
            program.render(&picture, &contract, &mut wanted);
            let whole = FaceBox { x: 0.0, y: 0.0, w: side as f32, h: side as f32 };
            let aligner = Aligner::new(&contract, crop, 0.9);
            let mut found = vec![0.0; aligner.input_len()];
            aligner.align(&picture, &whole, None, &mut found).expect("a picture");
            let step = 1.0 / 255.0 / 0.25;
            let off = found.iter().zip(&wanted).map(|(f, w)| (f - w).abs()).fold(0.0, f32::max);
            // From 300 pixels down, the two are averaged over grids that are a part of a pixel apart.
            assert!(off <= 2.0 * step, "{side}: {} grey levels", off / step);
        }
    }

    #[test]
    fn a_cut_out_part_gives_what_the_whole_frame_gives() {
        let frame = ramp(80, 60);
        let contract = contract("crop", 32, 1);
        let aligner = Aligner::new(&contract, BoxCrop { side: 1.2, up: 0.1 }, 1.0);
        for face_box in [
            FaceBox { x: 20.0, y: 20.0, w: 22.0, h: 25.0 },
            FaceBox { x: -8.0, y: -6.5, w: 30.0, h: 30.0 },
            FaceBox { x: 60.0, y: 40.0, w: 30.0, h: 30.0 },
        ] {
            let map = aligner.frame_from_template(&face_box, None).after(aligner.plain.source_from_output);
            let whole = Program { source_from_output: map, ..aligner.plain.clone() };
            let mut wanted = vec![0.0; aligner.input_len()];
            whole.render(&frame, &contract, &mut wanted);
            let mut found = vec![0.0; aligner.input_len()];
            aligner.align(&frame, &face_box, None, &mut found).expect("a picture");
            let off = found.iter().zip(&wanted).map(|(f, w)| (f - w).abs()).fold(0.0, f32::max);
            assert!(off < 0.03, "{face_box:?}: {off}");
        }
    }

    #[test]
    fn a_frame_of_four_or_two_channels_is_an_error_and_no_panic() {
        let aligner = Aligner::new(&contract("crop", 32, 3), BoxCrop::default(), 1.0);
        let face = FaceBox { x: 4.0, y: 4.0, w: 20.0, h: 20.0 };
        for frame in [2, 4].map(|channels| Picture::filled(40, 30, channels, 90)) {
            let error = aligner.align_all(&[(&frame, face, None)]).expect_err("no picture").to_string();
            assert!(error.contains(&format!("{} channels", frame.channels)), "{error}");
            assert_eq!(aligner.picture(&frame, &face, None), Picture::filled(32, 32, 3, 0));
        }
    }

    #[test]
    fn landmarks_come_to_lie_on_the_template() {
        let aligner = Aligner::new(&contract("arcface-112", 112, 3), BoxCrop::default(), 1.0);
        let (sin, cos) = 0.3f32.sin_cos();
        let landmarks =
            ARCFACE.map(|[x, y]| [2.0 * (cos * x - sin * y) + 200.0, 2.0 * (sin * x + cos * y) + 90.0]);
        let nowhere = FaceBox { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
        let map = aligner.frame_from_template(&nowhere, Some(&landmarks));
        for (point, wanted) in ARCFACE.iter().zip(landmarks) {
            let (x, y) = map.apply(point[0], point[1]);
            assert!((x - wanted[0]).abs() < 0.01 && (y - wanted[1]).abs() < 0.01);
        }
        let box_only = aligner.frame_from_template(&FaceBox { x: 10.0, y: 10.0, w: 112.0, h: 112.0 }, None);
        assert_eq!(box_only.apply(0.0, 0.0), (10.0, 10.0), "without landmarks the box decides");
    }
}
