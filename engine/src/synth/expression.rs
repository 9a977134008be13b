//! Expressions as facial actions, after the action units (AU) of the Facial Action Coding System.

use super::Class;
use crate::random::Random;

/// How strongly each part of the face acts. 0 is rest; 1, or -1 where both ways exist, is as far as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Actions {
    /// Inner ends of the brows: up (AU 1) or down (AU 4).
    pub inner_brow: f32,
    /// Outer ends of the brows: up (AU 2) or down.
    pub outer_brow: f32,
    /// Brows drawn together (AU 4).
    pub knit: f32,
    /// Upper lids: wide (AU 5) or drooping.
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
    /// Mouth stretched sideways (AU 20), or puckered below 0 (AU 18).
    pub stretch: f32,
    /// Lips pressed thin (AU 23, 24).
    pub press: f32,
    /// Lips parted (AU 25).
    pub part: f32,
    /// Jaw dropped (AU 26, 27).
    pub jaw: f32,
    /// Both eyes closed, as in a blink (AU 45).
    pub shut: f32,
    /// One eye closed, the picture's right (above 0) or left (AU 46).
    pub wink: f32,
}

impl Actions {
    const COUNT: usize = 15;
    /// Eyes do not close by chance: these come last and take no part in the noise of a face at rest.
    pub(super) const NOISY: usize = 13;
    /// Ways in which [`Actions::of`] can show a class.
    pub const FORMS: usize = 3;

    /// The class at full intensity, in one of [`Actions::FORMS`] forms: people smile with lips open or closed, and are
    /// angry with lips pressed or teeth bared. Form 0 is the textbook's.
    pub fn of(class: Class, form: usize) -> Self {
        let rest = Self::default();
        match class {
            Class::Neutral => rest,
            Class::Anger => {
                let frown = Self { inner_brow: -1.0, outer_brow: 0.25, knit: 1.0, cheek: 0.35, ..rest };
                match form {
                    2 => Self { lid: 0.3, upper_lip: 0.55, part: 0.9, stretch: 0.25, corner: -0.25, ..frown },
                    _ => Self { lid: 0.35, press: 0.9, corner: -0.35, stretch: -0.1, ..frown },
                }
            }
            Class::Disgust => {
                let nose = Self { inner_brow: -0.6, outer_brow: -0.3, knit: 0.35, cheek: 0.8, ..rest };
                match form {
                    2 => Self { wrinkle: 0.8, upper_lip: 0.6, corner: -0.8, lid: -0.3, press: 0.2, ..nose },
                    _ => Self { wrinkle: 1.0, upper_lip: 1.0, corner: -0.5, lid: -0.35, part: 0.35, ..nose },
                }
            }
            Class::Fear => {
                let brows = Self { inner_brow: 0.9, outer_brow: 0.3, knit: 0.9, lid: 1.0, ..rest };
                match form {
                    2 => Self { corner: -0.3, stretch: 0.7, part: 0.5, jaw: 0.55, ..brows },
                    _ => Self { corner: -0.4, stretch: 1.0, part: 0.8, jaw: 0.2, ..brows },
                }
            }
            Class::Happiness => match form {
                1 => Self { cheek: 0.7, corner: 1.0, stretch: 0.2, ..rest },
                2 => Self { cheek: 1.0, corner: 1.0, part: 0.8, stretch: 0.4, jaw: 0.45, ..rest },
                _ => Self { cheek: 0.8, corner: 1.0, part: 0.7, stretch: 0.4, jaw: 0.12, ..rest },
            },
            Class::Sadness => {
                let brows = Self { inner_brow: 0.85, outer_brow: -0.7, knit: 0.5, lid: -0.45, ..rest };
                match form {
                    2 => Self { corner: -1.0, lid: -0.7, press: 0.35, stretch: -0.15, ..brows },
                    _ => Self { corner: -1.0, press: 0.1, ..brows },
                }
            }
            Class::Surprise => {
                let brows = Self { inner_brow: 1.0, outer_brow: 1.0, lid: 0.9, ..rest };
                match form {
                    1 => Self { part: 0.5, jaw: 0.55, stretch: -0.25, ..brows },
                    _ => Self { part: 0.5, jaw: 0.95, stretch: -0.4, ..brows },
                }
            }
            Class::Other => match form {
                // A pout, as in doubt or a kiss.
                1 => Self { stretch: -1.1, press: 0.0, outer_brow: 0.35, lid: -0.15, ..rest },
                // A wince or wink.
                2 => Self { wink: 1.0, skew: 0.7, cheek: 0.35, outer_brow: -0.2, ..rest },
                // Contempt.
                _ => Self { skew: 1.0, press: 0.45, lid: -0.3, outer_brow: 0.2, ..rest },
            },
        }
    }

    /// Draws a class: one of its forms, an intensity within the given bounds, each action on its own a little off, and up
    /// to `blend` of some other class mixed in.
    pub fn sample(class: Class, intensity: (f32, f32), blend: f32, rng: &mut Random) -> Self {
        let strength = rng.between(intensity.0, intensity.1);
        let other = Class::ALL[rng.below(Class::ALL.len())];
        let part = blend * rng.uniform() * strength;
        let (form, other_form) = (rng.below(Self::FORMS), rng.below(Self::FORMS));
        // Real faces at rest differ too.
        let leak = 0.12 * (0.5 + blend);
        let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
        let (main, second) = (Self::of(class, form).values(), Self::of(other, other_form).values());
        let mut values = [0.0; Self::COUNT];
        for (at, value) in values.iter_mut().enumerate() {
            let scale = strength * (1.0 + 0.2 * rng.normal()).clamp(0.4, 1.6);
            let noise = if at < Self::NOISY { leak * rng.normal() } else { 0.0 };
            *value = main[at] * scale * (1.0 - part) + second[at] * part + noise;
        }
        let mut actions = Self::from_values(values);
        (actions.skew, actions.wink) = (actions.skew * side, actions.wink * side);
        actions.settled()
    }

    /// The sum of this and a part of another.
    #[must_use]
    pub(super) fn plus(self, other: Self, part: f32) -> Self {
        let other = other.values();
        let mut values = self.values();
        values.iter_mut().zip(other).for_each(|(value, other)| *value += part * other);
        Self::from_values(values)
    }

    /// Adds noise, one number an action, to all but the eyes' closing.
    #[must_use]
    pub(super) fn noisy(self, noise: &[f32; Self::NOISY], strength: f32) -> Self {
        let mut values = self.values();
        values.iter_mut().zip(noise).for_each(|(value, noise)| *value += strength * noise);
        Self::from_values(values)
    }

    /// Within what a face can do.
    #[must_use]
    pub(super) fn settled(self) -> Self {
        let limited = Self::from_values(self.values().map(|v| v.clamp(-1.2, 1.2)));
        let one_way = |v: f32| v.max(0.0);
        Self {
            knit: one_way(limited.knit),
            cheek: one_way(limited.cheek),
            wrinkle: one_way(limited.wrinkle),
            upper_lip: one_way(limited.upper_lip),
            press: one_way(limited.press),
            part: one_way(limited.part),
            jaw: one_way(limited.jaw),
            shut: limited.shut.clamp(0.0, 1.0),
            wink: limited.wink.clamp(-1.0, 1.0),
            ..limited
        }
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
            self.shut,
            self.wink,
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
            shut,
            wink,
        ] = values;
        Self {
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
            shut,
            wink,
        }
    }
}
