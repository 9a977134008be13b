//! What may happen to a picture, as settings.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Border;

/// How pictures are augmented. Every field has a default, so a config names only what it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Side of the crop as a part of the frame that the picture is stretched over, in `(0, 1]`; 224/256 in the paper, and
    /// 1 means no random crop.
    pub crop: f32,
    /// What evaluation sees of the frame.
    pub plain: Framing,
    /// What lies outside the picture when geometry looks there.
    pub border: Border,
    /// The weak view.
    pub weak: Weak,
    /// The strong view.
    pub strong: Strong,
}

/// What the plain view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// The centre crop, at the scale that training saw.
    Centre,
    /// The whole picture, stretched over the input.
    Whole,
}

/// The weak view: flip, colour jitter and the random crop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weak {
    /// Probability of a horizontal flip.
    pub flip: f32,
    /// Brightness is multiplied by a factor within 1 plus or minus this, in `[0, 1]`.
    pub brightness: f32,
    /// Contrast likewise.
    pub contrast: f32,
    /// Saturation likewise; grey pictures have none.
    pub saturation: f32,
    /// Hue turns by at most this part of the colour circle, in `[0, 0.5]`.
    pub hue: f32,
    /// Rotation by at most this many degrees, either way; 0 in the paper.
    pub rotate: f32,
    /// Scale by a factor within 1 plus or minus this, in `[0, 0.5]`; 0 in the paper.
    pub scale: f32,
}

/// The strong view: the weak view's geometry, then `RandAugment`, then removal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Strong {
    /// Operations drawn for a picture, with replacement (`N`).
    pub operations_per_picture: usize,
    /// How strong each is, 0 to 30 (`M`); [`Reach`] says what 30 means.
    pub magnitude: f32,
    /// Draw each operation's magnitude from `[0, magnitude]` instead of taking it as it is.
    pub random_magnitude: bool,
    /// Whether the weak view's colour jitter comes first.
    pub jitter: bool,
    /// What is drawn from.
    pub operations: Vec<Operation>,
    /// What magnitude 30 means.
    pub reach: Reach,
    /// Removal of a box.
    pub erase: Erase,
}

/// An operation of `RandAugment`. Those with a direction draw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are RandAugment's own")]
pub enum Operation {
    Identity,
    Rotate,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Scale,
    Brightness,
    Contrast,
    Saturation,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
    Blur,
    Noise,
}

/// What magnitude 30 means for each operation; the magnitude scales it linearly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reach {
    /// Degrees.
    pub rotate: f32,
    /// Columns a row, or rows a column.
    pub shear: f32,
    /// Part of the side.
    pub translate: f32,
    /// Part of the scale, below 1.
    pub scale: f32,
    /// Distance of the factor from 1, for brightness, contrast, saturation and sharpness.
    pub factor: f32,
    /// Bits removed, below 8.
    pub posterize: f32,
    /// Part of the value range that is inverted, from white down.
    pub solarize: f32,
    /// Passes of a blur, to 32; eight are a Gaussian of two pixels.
    pub blur: f32,
    /// Greatest change by noise, in grey levels.
    pub noise: f32,
}

/// Removal of a box of the finished view (Cutout, random erasing).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Erase {
    /// How often it happens.
    pub probability: f32,
    /// Least side of the box, as a part of the view's side. Width and height are drawn apart.
    pub min_side: f32,
    /// Greatest side.
    pub max_side: f32,
    /// Grey value of the box; without one it is the contract's mean, which the network sees as 0.
    pub value: Option<u8>,
}

/// A setting out of its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("augment.{field} = {value} is outside {range}")]
pub struct PolicyError {
    /// Dotted path of the setting.
    pub field: &'static str,
    /// Its value.
    pub value: f32,
    /// What it may be.
    pub range: &'static str,
}

impl Policy {
    /// The policy for small grey faces (48 pixels, say), where little of a face is left to lose: gentler geometry, no
    /// operation that destroys the few grey levels a mouth consists of, and a smaller box removed.
    pub fn for_small_faces() -> Self {
        use Operation as O;
        Self {
            crop: 0.9,
            strong: Strong {
                operations: vec![
                    O::Identity,
                    O::Rotate,
                    O::ShearX,
                    O::ShearY,
                    O::TranslateX,
                    O::TranslateY,
                    O::Scale,
                    O::Brightness,
                    O::Contrast,
                    O::Sharpness,
                    O::AutoContrast,
                    O::Equalize,
                ],
                reach: Reach { translate: 0.3, factor: 0.6, ..Reach::default() },
                erase: Erase { probability: 0.5, min_side: 0.1, max_side: 0.3, value: None },
                ..Strong::default()
            },
            ..Self::default()
        }
    }

    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first setting that is not.
    pub fn check(&self) -> Result<(), PolicyError> {
        let (weak, strong) = (&self.weak, &self.strong);
        let (reach, erase) = (&strong.reach, &strong.erase);
        let unit = "0..=1";
        let rules: [(&'static str, f32, bool, &'static str); 22] = [
            ("crop", self.crop, self.crop >= 0.25 && self.crop <= 1.0, "0.25..=1"),
            ("weak.flip", weak.flip, (0.0..=1.0).contains(&weak.flip), unit),
            ("weak.brightness", weak.brightness, (0.0..=1.0).contains(&weak.brightness), unit),
            ("weak.contrast", weak.contrast, (0.0..=1.0).contains(&weak.contrast), unit),
            ("weak.saturation", weak.saturation, (0.0..=1.0).contains(&weak.saturation), unit),
            ("weak.hue", weak.hue, (0.0..=0.5).contains(&weak.hue), "0..=0.5"),
            ("weak.rotate", weak.rotate, (0.0..=180.0).contains(&weak.rotate), "0..=180"),
            ("weak.scale", weak.scale, (0.0..=0.5).contains(&weak.scale), "0..=0.5"),
            ("strong.magnitude", strong.magnitude, (0.0..=30.0).contains(&strong.magnitude), "0..=30"),
            (
                "strong.operations_per_picture",
                strong.operations_per_picture as f32,
                strong.operations_per_picture <= 16
                    && (strong.operations_per_picture == 0 || !strong.operations.is_empty()),
                "0..=16 (0 where `operations` is empty)",
            ),
            ("strong.reach.rotate", reach.rotate, (0.0..=180.0).contains(&reach.rotate), "0..=180"),
            ("strong.reach.shear", reach.shear, (0.0..=2.0).contains(&reach.shear), "0..=2"),
            ("strong.reach.translate", reach.translate, (0.0..=1.0).contains(&reach.translate), unit),
            ("strong.reach.scale", reach.scale, (0.0..=0.9).contains(&reach.scale), "0..=0.9"),
            ("strong.reach.factor", reach.factor, (0.0..=1.0).contains(&reach.factor), unit),
            ("strong.reach.posterize", reach.posterize, (0.0..=7.0).contains(&reach.posterize), "0..=7"),
            ("strong.reach.solarize", reach.solarize, (0.0..=1.0).contains(&reach.solarize), unit),
            ("strong.reach.blur", reach.blur, (0.0..=32.0).contains(&reach.blur), "0..=32"),
            ("strong.reach.noise", reach.noise, (0.0..=255.0).contains(&reach.noise), "0..=255"),
            ("strong.erase.probability", erase.probability, (0.0..=1.0).contains(&erase.probability), unit),
            ("strong.erase.max_side", erase.max_side, (0.0..=1.0).contains(&erase.max_side), unit),
            (
                "strong.erase.min_side",
                erase.min_side,
                erase.min_side >= 0.0 && erase.min_side <= erase.max_side,
                "0..=max_side",
            ),
        ];
        match rules.into_iter().find(|&(_, _, holds, _)| !holds) {
            Some((field, value, _, range)) => Err(PolicyError { field, value, range }),
            None => Ok(()),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            crop: 224.0 / 256.0,
            plain: Framing::Centre,
            border: Border::Clamp,
            weak: Weak::default(),
            strong: Strong::default(),
        }
    }
}

impl Default for Weak {
    fn default() -> Self {
        Self {
            flip: 0.5,
            brightness: 0.3,
            contrast: 0.3,
            saturation: 0.3,
            hue: 0.02,
            rotate: 0.0,
            scale: 0.0,
        }
    }
}

impl Default for Strong {
    fn default() -> Self {
        use Operation as O;
        Self {
            operations_per_picture: 2,
            magnitude: 10.0,
            random_magnitude: false,
            jitter: false,
            operations: vec![
                O::Identity,
                O::Rotate,
                O::ShearX,
                O::ShearY,
                O::TranslateX,
                O::TranslateY,
                O::Brightness,
                O::Contrast,
                O::Saturation,
                O::Sharpness,
                O::Posterize,
                O::Solarize,
                O::AutoContrast,
                O::Equalize,
            ],
            reach: Reach::default(),
            erase: Erase::default(),
        }
    }
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            rotate: 30.0,
            shear: 0.3,
            translate: 0.45,
            scale: 0.5,
            factor: 0.9,
            posterize: 4.0,
            solarize: 1.0,
            blur: 8.0,
            noise: 60.0,
        }
    }
}

impl Default for Erase {
    fn default() -> Self {
        Self { probability: 0.5, min_side: 0.1, max_side: 0.4, value: None }
    }
}
