//! Hard cuts: where one shot ends and another begins, told from colours and their places alone.

use std::collections::VecDeque;

use super::Picture;
use super::face::Detection;

/// Pixels that are looked at, across and down.
const SAMPLES: (usize, usize) = (128, 72);
/// Parts of a picture, across and down, whose mean luma is kept.
const BLOCKS: (usize, usize) = (16, 9);
/// Levels of each of red, green and blue that are told apart.
const LEVELS: usize = 5;
/// Values of a colour between two levels. Which of the two a value counts as depends on its place, so that a small change of light
/// moves few pixels to another colour, however uniform a picture is.
const STEP: usize = 256 / (LEVELS - 1);
/// Least difference between two frames that is a cut, 0 to 1.
const LEAST: f32 = 0.30;
/// The same where faces were looked for and every one is new.
const LEAST_WITH_NEW_FACES: f32 = 0.12;
/// Least change of the places of light and dark that is a cut where it is everywhere, 0 to 1. Two portraits before one wall differ no
/// more than this; a caption that appears may differ as much, but in its own place.
const LEAST_EVERYWHERE: f32 = 0.15;
/// Least part of the picture that has changed by [`CHANGED`] where a change is everywhere.
const EVERYWHERE: f32 = 0.5;
/// Least change of a block's luma, beyond that of the block in the middle of all changes, in levels.
const CHANGED: f32 = 10.0;
/// A cut differs so many times more than frames before it did.
const TIMES_USUAL: f32 = 3.0;
/// Frames whose differences are usual.
const RECENT: usize = 8;
/// Deviation of luma below which a picture shows nothing, in levels: a blank frame, the white of a flash, the black of a fade.
const BLANK: f32 = 2.0;
/// Levels of luma that are told apart where one picture is told from another's light and dark.
const TONES: usize = 64;
/// Least part of one picture's variance that the tones of the other explain where only the light has changed.
const LIGHT_ALONE: f32 = 0.8;

/// What is kept of a picture.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    /// Part of the pixels with each colour; they sum to 1.
    colours: [f32; LEVELS * LEVELS * LEVELS],
    /// Each block's mean luma less that of the whole picture, in levels.
    structure: [f32; BLOCKS.0 * BLOCKS.1],
    deviation: f32,
    /// Each sampled pixel's luma.
    lumas: Vec<u8>,
}

impl Signature {
    /// Of a picture that is whole ([`Picture::check`]).
    pub fn of(picture: &Picture) -> Self {
        match picture.channels {
            1 => Self::sampled(picture, picture.pixels.as_chunks::<1>().0, |&[v]| [v; 3]),
            _ => Self::sampled(picture, picture.pixels.as_chunks::<3>().0, |&rgb| rgb),
        }
    }

    fn sampled<P>(picture: &Picture, pixels: &[P], colour: impl Fn(&P) -> [u8; 3]) -> Self {
        let (width, height) = (picture.width, picture.height);
        let across = (width / SAMPLES.0).max(1);
        let down = (height / SAMPLES.1).max(1);
        let columns: Vec<(usize, usize)> =
            (across / 2..width).step_by(across).map(|x| (x, x * BLOCKS.0 / width)).collect();
        let mut counts = [0u32; LEVELS * LEVELS * LEVELS];
        let mut sums = [(0u32, 0u32); BLOCKS.0 * BLOCKS.1];
        let mut lumas = Vec::with_capacity(columns.len() * height.div_ceil(down));
        for y in (down / 2..height).step_by(down) {
            let row = &pixels[y * width..][..width];
            let blocks = &mut sums[y * BLOCKS.1 / height * BLOCKS.0..][..BLOCKS.0];
            for &(x, block) in &columns {
                let [r, g, b] = colour(&row[x]).map(usize::from);
                let dither = (x * 37 + y * 23) % STEP;
                let level = |v: usize| (v + dither) / STEP;
                counts[(level(r) * LEVELS + level(g)) * LEVELS + level(b)] += 1;
                let (sum, count) = &mut blocks[block];
                // Nearly the weights of luma, in eighths.
                let luma = 2 * r + 5 * g + b;
                *sum += luma as u32;
                *count += 1;
                lumas.push((luma / 8) as u8);
            }
        }
        let all: u32 = counts.iter().sum();
        let colours = counts.map(|count| count as f32 / all.max(1) as f32);
        let seen = sums.iter().filter(|(_, count)| *count > 0).count().max(1) as f32;
        let mean_of = |(sum, count): (u32, u32)| sum as f32 / (8 * count.max(1)) as f32;
        let mean = sums.iter().map(|&block| mean_of(block)).sum::<f32>() / seen;
        let structure = sums.map(|block| if block.1 > 0 { mean_of(block) - mean } else { 0.0 });
        let deviation = (structure.iter().map(|v| v * v).sum::<f32>() / seen).sqrt();
        Self { colours, structure, deviation, lumas }
    }

    /// Whether a picture differs from an earlier one by at least `least`, or by less but everywhere.
    fn apart(&self, before: &Self, least: f32) -> (f32, bool) {
        let [colours, structure] = self.differences(before);
        let difference = f32::midpoint(colours, structure);
        let everywhere = structure >= LEAST_EVERYWHERE && self.changed(before) >= EVERYWHERE;
        let apart = (difference >= least || everywhere) && !self.lit_otherwise(before);
        (difference, apart)
    }

    /// Whether a picture is another one in another light: its tones follow from the other's, or the other's from its. Where light is
    /// clipped at white or drowned in black only one of the two holds.
    fn lit_otherwise(&self, before: &Self) -> bool {
        self.lumas.len() == before.lumas.len()
            && explained(&before.lumas, &self.lumas).max(explained(&self.lumas, &before.lumas)) >= LIGHT_ALONE
    }

    /// Part of the blocks whose luma changed in another way than that of most of them, 0 to 1.
    fn changed(&self, before: &Self) -> f32 {
        let mut changes = self.structure;
        changes.iter_mut().zip(&before.structure).for_each(|(now, before)| *now -= before);
        let usual = {
            let mut sorted = changes;
            *sorted.select_nth_unstable_by(changes.len() / 2, f32::total_cmp).1
        };
        let changed = changes.iter().filter(|change| (*change - usual).abs() > CHANGED).count();
        changed as f32 / changes.len() as f32
    }

    /// Whether it shows nothing.
    fn is_blank(&self) -> bool {
        self.deviation < BLANK
    }

    /// How much two pictures differ, 0 to 1: the mean of how much their colours do (the part of the pixels that would have to change
    /// colour) and of how little the places of light and dark go together.
    pub fn difference(&self, other: &Self) -> f32 {
        let [colours, structure] = self.differences(other);
        f32::midpoint(colours, structure)
    }

    fn differences(&self, other: &Self) -> [f32; 2] {
        let shared: f32 = self.colours.iter().zip(&other.colours).map(|(a, b)| a.min(*b)).sum();
        let colours = (1.0 - shared).clamp(0.0, 1.0);
        let structure = match [self.is_blank(), other.is_blank()] {
            [true, true] => 0.0,
            [false, false] => {
                let sum: f32 = self.structure.iter().zip(&other.structure).map(|(a, b)| a * b).sum();
                let seen = self.structure.len() as f32;
                (1.0 - sum / (seen * self.deviation * other.deviation)).clamp(0.0, 1.0)
            }
            _ => 1.0,
        };
        [colours, structure]
    }
}

/// Part of the variance of `to` that the best growing function of `from` explains, 0 to 1.
fn explained(from: &[u8], to: &[u8]) -> f32 {
    let mut tones = [(0.0f64, 0.0f64); TONES];
    let (mut sum, mut squares) = (0.0, 0.0);
    for (&from, &to) in from.iter().zip(to) {
        let (count, total) = &mut tones[usize::from(from) * TONES / 256];
        *count += 1.0;
        *total += f64::from(to);
        sum += f64::from(to);
        squares += f64::from(to) * f64::from(to);
    }
    let all = from.len().max(1) as f64;
    let variance = squares / all - (sum / all).powi(2);
    // Tones whose means fall are joined with those before them.
    let mut joined: Vec<(f64, f64)> = vec![];
    for tone in tones.into_iter().filter(|(count, _)| *count > 0.0) {
        joined.push(tone);
        while let [.., (few, low), (more, high)] = joined[..]
            && low / few > high / more
        {
            joined.pop();
            *joined.last_mut().expect("two were there") = (few + more, low + high);
        }
    }
    let kept =
        joined.iter().map(|(count, total)| total * total / count).sum::<f64>() / all - (sum / all).powi(2);
    if variance > 0.0 { (kept / variance) as f32 } else { 0.0 }
}

/// Finds hard cuts in a film, frame by frame, without looking ahead.
///
/// A frame begins a new shot where it differs from the one before it by at least [`CutDetector::THRESHOLD`], or by less but in all its
/// parts, and by three times as much as the frames before it did from theirs. Another light alone is no cut, however strong (one
/// picture's tones then follow from the other's), and fast movement is usual to itself. Dissolves and fades are no hard cuts. A blank frame belongs to no shot: the frame after it is compared with the one
/// before it. Measured in `bench/RESULTS.md`.
#[derive(Debug, Clone, Default)]
pub struct CutDetector {
    last: Option<Signature>,
    /// Differences of the frames before, since the last cut.
    recent: VecDeque<f32>,
    faces: Vec<Detection>,
    looked: bool,
}

impl CutDetector {
    /// Least difference that is a cut, 0 to 1: half is the part of the pixels that change colour (of 125), half is 1 less the
    /// correlation of 16 x 9 means of luma.
    pub const THRESHOLD: f32 = LEAST;

    /// Takes the next frame; whether it begins a new shot. The first one does not, and neither does one that is not whole.
    pub fn push(&mut self, picture: &Picture) -> bool {
        self.looked = false;
        self.step(picture, LEAST)
    }

    /// As [`CutDetector::push`], of a frame in which faces were looked for: where there were faces, there are some, and not one is
    /// where one was, a smaller difference is a cut already.
    pub fn push_with_faces(&mut self, picture: &Picture, faces: &[Detection]) -> bool {
        let apart = |new: &Detection| self.faces.iter().all(|old| old.face_box.overlap(&new.face_box) < 0.1);
        let all_new = self.looked && !self.faces.is_empty() && !faces.is_empty() && faces.iter().all(apart);
        let cut = self.step(picture, if all_new { LEAST_WITH_NEW_FACES } else { LEAST });
        self.faces.clear();
        self.faces.extend_from_slice(faces);
        self.looked = true;
        cut
    }

    fn step(&mut self, picture: &Picture, least: f32) -> bool {
        if picture.check().is_err() {
            return false;
        }
        let signature = Signature::of(picture);
        if signature.is_blank() {
            return false;
        }
        let Some(last) = self.last.replace(signature) else { return false };
        let (difference, apart) = self.last.as_ref().map_or((0.0, false), |now| now.apart(&last, least));
        let usual = self.recent.iter().sum::<f32>() / self.recent.len().max(1) as f32;
        if apart && difference >= TIMES_USUAL * usual {
            self.recent.clear();
            return true;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(difference);
        false
    }

    /// Forgets all frames, as after a jump in the film: the next one begins no new shot.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FaceBox;

    /// A wall with twelve patches of colour, whose places and colours depend on the seed.
    fn scene(seed: usize, shift: usize, light: f32) -> Picture {
        let (w, h) = (320, 180);
        let mut picture = Picture::filled(w, h, 3, 60 + (seed * 40 % 130) as u8);
        for patch in 0..12usize {
            let draw = (seed * 7919 + patch * 104_729 + 17).wrapping_mul(2_654_435_761) >> 7;
            let colour = [draw % 251, draw / 7 % 241, draw / 49 % 239].map(|v| v as u8);
            let (left, top) = (draw / 11 % (w - 70) + shift, draw / 13 % (h - 50));
            for y in top..top + 45 {
                for x in left..(left + 60).min(w) {
                    picture.pixels[(y * w + x) * 3..][..3].copy_from_slice(&colour);
                }
            }
        }
        picture.pixels.iter_mut().for_each(|v| *v = (f32::from(*v) * light).min(255.0) as u8);
        picture
    }

    #[test]
    fn a_cut_is_found_once_where_it_is() {
        let mut detector = CutDetector::default();
        let cuts: Vec<usize> =
            (0..90).filter(|&frame| detector.push(&scene(frame / 30, frame % 30 / 3, 1.0))).collect();
        assert_eq!(cuts, [30, 60]);
        let grey: Vec<usize> = (90..150)
            .filter(|&frame| detector.push(&scene(frame / 30, frame % 30 / 3, 1.0).with_channels(1)))
            .collect();
        assert!(grey.contains(&120), "without colours too: {grey:?}");
    }

    #[test]
    fn light_that_changes_and_a_camera_that_drifts_are_no_cuts() {
        let mut detector = CutDetector::default();
        for frame in 0..120usize {
            let light = 0.8 + 0.2 * (frame as f32 / 9.0).sin();
            assert!(!detector.push(&scene(3, frame / 2, light)), "frame {frame}");
        }
        assert!(!detector.push(&scene(3, 60, 1.0)), "the light is switched on");
        detector.clear();
        assert!(!detector.push(&scene(5, 0, 1.0)), "nothing is known of what was before");
    }

    #[test]
    fn light_that_jumps_a_flash_and_blank_frames_are_no_cuts() {
        for light in [0.3, 0.5, 2.0, 4.0] {
            let mut detector = CutDetector::default();
            let lights = [1.0, 1.0, light, light, 1.0, 1.0];
            let cuts: Vec<bool> = lights.iter().map(|&light| detector.push(&scene(3, 0, light))).collect();
            assert_eq!(cuts, [false; 6], "light times {light}");
            assert!(detector.push(&scene(4, 0, light)), "another scene is one, in another light too");
        }
        for blank in [0, 128, 255] {
            let mut detector = CutDetector::default();
            let blank = Picture::filled(320, 180, 3, blank);
            for picture in [&scene(3, 0, 1.0), &blank, &blank, &scene(3, 0, 1.0)] {
                assert!(!detector.push(picture));
            }
            assert!(
                !detector.push(&blank) && detector.push(&scene(4, 0, 1.0)),
                "blank frames between two shots"
            );
        }
    }

    #[test]
    fn a_smaller_change_is_a_cut_where_it_is_everywhere_and_a_caption_is_none() {
        // Two portraits: a light oval on a wall that grows darker to one side, with shoulders of another shape.
        let portrait = |(tilt, shoulders): (f32, f32)| {
            let mut picture = Picture::filled(320, 180, 1, 0);
            for (at, value) in picture.pixels.iter_mut().enumerate() {
                let (x, y) = ((at % 320) as f32 - 160.0, (at / 320) as f32 - 90.0);
                let wall = 110.0 + tilt * x / 4.0 - 0.2 * y;
                let face = (x / 45.0).powi(2) + ((y + 10.0) / 60.0).powi(2) < 1.0;
                let body = y > 45.0 && x.abs() < shoulders;
                *value = if face {
                    190.0
                } else if body {
                    50.0
                } else {
                    wall
                } as u8;
            }
            picture
        };
        let (one, other) = (portrait((0.8, 110.0)), portrait((-0.8, 70.0)));
        let [before, now] = [&one, &other].map(Signature::of);
        assert!((0.1..LEAST).contains(&now.difference(&before)), "{}", now.difference(&before));
        let mut detector = CutDetector::default();
        assert!(!detector.push(&one) && detector.push(&other));

        let mut captioned = one.clone();
        captioned.pixels[320 * 120..320 * 165].fill(0);
        let [colours, structure] = Signature::of(&captioned).differences(&before);
        assert!(structure >= LEAST_EVERYWHERE, "{structure}");
        let change = f32::midpoint(colours, structure);
        assert!((0.1..LEAST).contains(&change), "{change}");
        let mut detector = CutDetector::default();
        assert!(!detector.push(&one) && !detector.push(&captioned));
    }

    #[test]
    fn faces_that_are_all_new_make_a_smaller_change_a_cut() {
        let person = |place: usize| {
            let mut picture = scene(1, 0, 1.0);
            for y in 40..90 {
                for x in place..place + 40 {
                    picture.pixels[(y * 320 + x) * 3..][..3].copy_from_slice(&[230, 180, 150]);
                }
            }
            let face_box = FaceBox { x: place as f32, y: 40.0, w: 40.0, h: 50.0 };
            (picture, [Detection { face_box, landmarks: None, score: 1.0 }])
        };
        let ((left, on_left), (right, on_right)) = (person(30), person(200));
        let change = Signature::of(&left).difference(&Signature::of(&right));
        assert!((LEAST_WITH_NEW_FACES..LEAST).contains(&change), "{change}");
        let mut detector = CutDetector::default();
        assert!(!detector.push_with_faces(&left, &on_left) && !detector.push_with_faces(&left, &on_left));
        assert!(detector.push_with_faces(&right, &on_right));
        let mut detector = CutDetector::default();
        assert!(!detector.push_with_faces(&left, &on_left));
        assert!(!detector.push_with_faces(&right, &[]), "a face that is not found is no new one");
        let mut detector = CutDetector::default();
        assert!(!detector.push(&left) && !detector.push(&right));
    }

    #[test]
    fn a_picture_that_is_none_is_no_cut_and_no_panic() {
        let mut detector = CutDetector::default();
        assert!(!detector.push(&scene(0, 0, 1.0)));
        assert!(!detector.push(&Picture::filled(9, 9, 4, 0)));
        for (w, h) in [(1, 1), (3, 200), (5000, 2)] {
            assert!(!detector.push(&Picture::filled(w, h, 1, 9)));
            let striped = Picture {
                pixels: (0..w * h).map(|at| (at * 40 % 256) as u8).collect(),
                ..Picture::filled(w, h, 1, 0)
            };
            detector.push(&striped);
        }
        assert!(detector.push(&scene(0, 0, 1.0)), "stripes have nothing in common with a scene");
    }
}
