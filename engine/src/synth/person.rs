//! Who is drawn, how the head is held, and in what light.

use super::Stream;
use crate::random::{Address, Purpose, Random};

/// A colour with channels from 0 to 1.
pub(super) type Rgb = [f32; 3];

/// What stays the same in every picture of a person. Lengths are parts of half the face's height.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Half the width of the head.
    pub head_width: f32,
    /// How square the jaw is, 0 to 1.
    pub jaw_square: f32,
    /// Colour of the skin.
    pub skin: [f32; 3],
    /// Colour of hair and brows.
    pub hair: [f32; 3],
    /// Height of the hair line above the eyes; negative lets hair fall lower.
    pub hairline: f32,
    /// Hair past the jaw.
    pub long_hair: bool,
    /// No hair at all.
    pub bald: bool,
    /// Slant of the hair line.
    pub parting: f32,
    /// How dense the beard is, 0 to 1.
    pub beard: f32,
    /// Half the thickness of the brows.
    pub brow: f32,
    /// Height of the brows above the eyes at rest.
    pub brow_height: f32,
    /// Half the distance of the eyes.
    pub eye_spacing: f32,
    /// Half the width of an eye.
    pub eye_width: f32,
    /// Opening of the eyes at rest, about 1.
    pub eye_open: f32,
    /// Colour of the iris.
    pub iris: [f32; 3],
    /// Width of the nose.
    pub nose_width: f32,
    /// Where the nose ends.
    pub nose_length: f32,
    /// Half the width of the mouth at rest.
    pub mouth_width: f32,
    /// Height of the mouth.
    pub mouth_height: f32,
    /// Thickness of the lips, about 1.
    pub lips: f32,
    /// How much redder the lips are than the skin.
    pub lip_colour: f32,
    /// What the mouth's corners do at rest: up or down.
    pub resting_corner: f32,
    /// Whether the person wears glasses.
    pub glasses: bool,
    /// Radius of the glasses.
    pub glass_radius: f32,
    /// How much lines of the skin show, 0 to 1.
    pub age: f32,
}

/// How the head is held and framed.
#[derive(Debug, Clone, PartialEq)]
pub struct Pose {
    /// Rotation in the picture's plane, radians, clockwise.
    pub roll: f32,
    /// Turn to the side, about -1 to 1.
    pub yaw: f32,
    /// Nod, about -1 (up) to 1 (down).
    pub pitch: f32,
    /// Place of the face's middle, in half faces off the picture's middle.
    pub shift: (f32, f32),
    /// Half the face's height as a part of the picture's side.
    pub scale: f32,
    /// Where the eyes look, -1 to 1 across and down.
    pub gaze: (f32, f32),
}

/// Light, background and noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// How much brighter the right side (first) and the lower side (second) are than the middle.
    pub light: (f32, f32),
    /// Factor on all colours.
    pub exposure: f32,
    /// Colours of the background, above and below.
    pub background: [[f32; 3]; 2],
    /// Something bright or dark behind: its middle, then half its width and height, in room coordinates.
    pub panel: [f32; 4],
    /// Its colour.
    pub panel_colour: [f32; 3],
    /// Colour of the clothes.
    pub clothes: [f32; 3],
    /// Standard deviation of the lens's blur, in half faces.
    pub blur: f32,
    /// Strength of JPEG's compression, 0 (none) to 1 (quality 15).
    pub compression: f32,
    /// Standard deviation of the noise, in values from 0 to 1.
    pub noise: f32,
    /// Key of the noise.
    pub noise_key: u32,
}

impl Identity {
    /// The looks of a person, by number.
    pub fn of(seed: u64, person: u64) -> Self {
        let mut rng =
            Address { seed, purpose: Purpose::Synthesis, step: Stream::Person as u64, item: person }.rng();
        let rng = &mut rng;
        let tone = rng.uniform();
        let warm = rng.between(0.9, 1.1);
        let skin = mix([0.38, 0.25, 0.18], [0.96, 0.79, 0.68], tone);
        let skin = [skin[0], skin[1], skin[2] * warm];
        let darkness = rng.uniform();
        let hair = match rng.below(7) {
            0 | 1 => [0.06, 0.05, 0.05],
            2 | 3 => mix([0.12, 0.07, 0.04], [0.30, 0.18, 0.10], darkness),
            4 => mix([0.28, 0.16, 0.08], [0.50, 0.32, 0.18], darkness),
            5 if tone > 0.5 => mix([0.60, 0.45, 0.25], [0.85, 0.72, 0.48], darkness),
            5 => [0.10, 0.08, 0.07],
            _ => [0.35 + 0.4 * darkness; 3],
        };
        let bearded = rng.chance(0.25);
        let density = rng.between(0.25, 0.8);
        Self {
            head_width: rng.between(0.66, 0.80),
            jaw_square: rng.uniform(),
            skin,
            hair,
            hairline: rng.between(0.42, 0.66),
            long_hair: rng.chance(0.4),
            bald: rng.chance(0.1),
            parting: rng.between(-0.25, 0.25),
            beard: if bearded { density } else { 0.0 },
            brow: rng.between(0.022, 0.050),
            brow_height: rng.between(0.20, 0.26),
            eye_spacing: rng.between(0.29, 0.35),
            eye_width: rng.between(0.135, 0.17),
            eye_open: rng.between(0.8, 1.15),
            iris: mix([0.16, 0.09, 0.05], [0.35, 0.48, 0.55], rng.uniform().powi(2)),
            nose_width: rng.between(0.09, 0.14),
            nose_length: rng.between(0.24, 0.33),
            mouth_width: rng.between(0.24, 0.31),
            mouth_height: rng.between(0.53, 0.60),
            lips: rng.between(0.7, 1.35),
            lip_colour: rng.between(0.3, 1.0),
            resting_corner: rng.between(-0.12, 0.12),
            glasses: rng.chance(0.2),
            glass_radius: rng.between(0.20, 0.24),
            age: rng.uniform(),
        }
    }
}

impl Pose {
    /// Draws a pose; `variation` scales how far it is from frontal.
    pub fn sample(variation: f32, rng: &mut Random) -> Self {
        let mut off = |by: f32| variation * by * rng.normal().clamp(-2.0, 2.0);
        Self {
            roll: off(0.09),
            yaw: off(0.35),
            pitch: off(0.3),
            shift: (off(0.05), off(0.05)),
            scale: 0.45 + off(0.025),
            gaze: (off(0.35), off(0.2)),
        }
    }
}

impl Scene {
    /// Draws a scene; `variation` scales how far the light is from a studio's, `camera` how bad the camera is.
    pub fn sample(variation: f32, camera: f32, rng: &mut Random) -> Self {
        let background = std::array::from_fn(|_| {
            let (grey, tint) = (rng.between(0.1, 0.9), 0.10 * variation);
            std::array::from_fn(|_| (grey + rng.between(-tint, tint)).clamp(0.0, 1.0))
        });
        let clothes = std::array::from_fn(|_| rng.between(0.05, 0.8));
        Self {
            light: (variation * rng.between(-0.35, 0.35), variation * rng.between(-0.3, 0.1)),
            exposure: 1.0 + variation * rng.between(-0.25, 0.15),
            background,
            clothes,
            noise: camera * rng.between(0.0, 0.03),
            noise_key: rng.bits() as u32,
            panel: [
                rng.between(-1.2, 1.2),
                rng.between(-1.0, 0.4),
                rng.between(0.15, 0.6),
                rng.between(0.15, 0.7),
            ],
            panel_colour: [rng.between(0.1, 0.95); 3],
            blur: camera * 0.025 * rng.uniform().powi(2),
            compression: (camera * rng.between(-0.4, 0.6)).clamp(0.0, 1.0),
        }
    }
}

pub(super) fn mix(a: Rgb, b: Rgb, part: f32) -> Rgb {
    std::array::from_fn(|c| a[c] + part * (b[c] - a[c]))
}
