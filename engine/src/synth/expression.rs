//! Expressions as facial actions, after the action units of the Facial Action Coding System.

use crate::random::Random;

/// The eight classes of FER+, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are FER+'s own")]
pub enum Class {
    Neutral,
    Happiness,
    Surprise,
    Sadness,
    Anger,
    Disgust,
    Fear,
    Contempt,
}

impl Class {
    /// All classes in index order.
    pub const ALL: [Self; 8] = [
        Self::Neutral,
        Self::Happiness,
        Self::Surprise,
        Self::Sadness,
        Self::Anger,
        Self::Disgust,
        Self::Fear,
        Self::Contempt,
    ];

    /// FER+'s name of the class.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Happiness => "happiness",
            Self::Surprise => "surprise",
            Self::Sadness => "sadness",
            Self::Anger => "anger",
            Self::Disgust => "disgust",
            Self::Fear => "fear",
            Self::Contempt => "contempt",
        }
    }
}

/// How strongly each part of the face acts. 0 is rest; 1, or -1 where both ways exist, is as far as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Actions {
    /// Inner ends of the brows: up (AU 1) or down (AU 4).
    pub inner_brow: f32,
    /// Outer ends of the brows: up (AU 2) or down.
    pub outer_brow: f32,
    /// Brows drawn together (AU 4).
    pub knit: f32,
    /// Upper lids: wide (AU 5) or drooping (AU 43).
    pub lid: f32,
    /// Cheeks and lower lids up (AU 6, 7).
    pub cheek: f32,
    /// Nose wrinkled (AU 9).
    pub wrinkle: f32,
    /// Upper lip raised (AU 10).
    pub upper_lip: f32,
    /// Mouth corners: up (AU 12) or down (AU 15).
    pub corner: f32,
    /// One corner tightened and up, the picture's right (above 0) or left (AU 14, one-sided).
    pub skew: f32,
    /// Mouth stretched sideways (AU 20), or drawn together below 0 (AU 18).
    pub stretch: f32,
    /// Lips pressed thin (AU 23, 24).
    pub press: f32,
    /// Lips parted (AU 25).
    pub part: f32,
    /// Jaw dropped (AU 26, 27).
    pub jaw: f32,
}

impl Actions {
    const COUNT: usize = 13;

    /// The class at full intensity.
    pub fn of(class: Class) -> Self {
        let rest = Self::default();
        match class {
            Class::Neutral => rest,
            Class::Happiness => {
                Self { cheek: 0.8, corner: 1.0, part: 0.6, stretch: 0.35, jaw: 0.1, outer_brow: 0.1, ..rest }
            }
            Class::Surprise => Self {
                inner_brow: 1.0,
                outer_brow: 1.0,
                lid: 0.9,
                part: 0.5,
                jaw: 0.9,
                stretch: -0.4,
                ..rest
            },
            Class::Sadness => {
                let brows = Self { inner_brow: 0.8, outer_brow: -0.6, knit: 0.5, ..rest };
                Self { lid: -0.5, corner: -0.9, press: 0.2, ..brows }
            }
            Class::Anger => {
                let brows = Self { inner_brow: -1.0, outer_brow: 0.2, knit: 1.0, ..rest };
                Self { lid: 0.3, cheek: 0.4, press: 0.9, corner: -0.3, stretch: -0.1, ..brows }
            }
            Class::Disgust => {
                let brows = Self { inner_brow: -0.6, outer_brow: -0.3, knit: 0.4, ..rest };
                Self {
                    lid: -0.3,
                    cheek: 0.8,
                    wrinkle: 1.0,
                    upper_lip: 1.0,
                    corner: -0.4,
                    part: 0.35,
                    ..brows
                }
            }
            Class::Fear => {
                let brows = Self { inner_brow: 0.9, outer_brow: 0.3, knit: 0.8, ..rest };
                Self { lid: 1.0, corner: -0.35, stretch: 0.9, part: 0.7, jaw: 0.3, ..brows }
            }
            Class::Contempt => Self { skew: 1.0, press: 0.5, lid: -0.3, outer_brow: 0.15, ..rest },
        }
    }

    /// Draws a class: an intensity within the given bounds, each action on its own a little off, and up to `blend` of some
    /// other class mixed in.
    pub fn sample(class: Class, intensity: (f32, f32), blend: f32, rng: &mut Random) -> Self {
        let strength = rng.between(intensity.0, intensity.1);
        let other = Class::ALL[rng.below(Class::ALL.len())];
        let part = blend * rng.uniform() * strength;
        // Real faces at rest differ too.
        let leak = 0.12 * (0.5 + blend);
        let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
        let (main, second) = (Self::of(class).values(), Self::of(other).values());
        let mut values = [0.0; Self::COUNT];
        for ((value, main), second) in values.iter_mut().zip(main).zip(second) {
            let scale = strength * (1.0 + 0.2 * rng.normal()).clamp(0.4, 1.6);
            *value = main * scale * (1.0 - part) + second * part + leak * rng.normal();
        }
        let mut actions = Self::from_values(values.map(|v| v.clamp(-1.2, 1.2)));
        actions.skew *= side;
        actions
    }

    fn values(self) -> [f32; Self::COUNT] {
        [
            self.inner_brow,
            self.outer_brow,
            self.knit,
            self.lid,
            self.cheek,
            self.wrinkle,
            self.upper_lip,
            self.corner,
            self.skew,
            self.stretch,
            self.press,
            self.part,
            self.jaw,
        ]
    }

    fn from_values(values: [f32; Self::COUNT]) -> Self {
        let [
            inner_brow,
            outer_brow,
            knit,
            lid,
            cheek,
            wrinkle,
            upper_lip,
            corner,
            skew,
            stretch,
            press,
            part,
            jaw,
        ] = values;
        // These act one way only.
        let one_way = |v: f32| v.max(0.0);
        Self {
            inner_brow,
            outer_brow,
            knit: one_way(knit),
            lid,
            cheek: one_way(cheek),
            wrinkle: one_way(wrinkle),
            upper_lip: one_way(upper_lip),
            corner,
            skew,
            stretch,
            press: one_way(press),
            part: one_way(part),
            jaw: one_way(jaw),
        }
    }
}
