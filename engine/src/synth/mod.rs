//! Faces drawn in code, with labels that are exact because they are the cause of the picture.
//!
//! A [`Face`] is who ([`Identity`]), what the face does ([`Actions`]), and how it is seen ([`Pose`], [`Scene`]). It can be
//! drawn at any size, in grey or colour. [`sample`] draws everything but the class from an address; [`SynthFaces`] is a
//! dataset of such samples. `expression` composes classes of facial actions, `person` draws the rest, `canvas` knows
//! anti-aliased shapes, `draw` and `features` put a face together from them.

mod canvas;
mod dataset;
mod draw;
mod expression;
mod features;
mod person;

use crate::media::Picture;
use crate::random::Address;

pub use dataset::{SynthFaces, SynthSettings};
pub use expression::{Actions, Class};
pub use person::{Identity, Pose, Scene};

/// Everything that decides what a drawn face looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Who it is.
    pub identity: Identity,
    /// What the face does.
    pub actions: Actions,
    /// How the head is held and framed.
    pub pose: Pose,
    /// Light, background and noise.
    pub scene: Scene,
}

/// How samples are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// Side of the square picture in pixels, 32 to 256.
    pub size: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// First person and one past the last; people have the same looks in every sample.
    pub identities: std::ops::Range<u64>,
    /// Least and greatest intensity of the expression; 1 is full. Faint ones are hard to tell from neutral.
    pub intensity: (f32, f32),
    /// Greatest part of a second, wrong expression mixed in, in `[0, 0.5)`.
    pub blend: f32,
    /// Greatest strength of pose, light and noise; 0 is a frontal studio picture, 1 a snapshot.
    pub variation: f32,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            size: 48,
            channels: 1,
            identities: 0..1_000,
            intensity: (0.4, 1.0),
            blend: 0.25,
            variation: 1.0,
        }
    }
}

/// The face that belongs to an address: the same for every size and channel count.
pub fn face(address: Address, class: Class, style: &Style) -> Face {
    let mut rng = address.rng();
    let people = style.identities.end.saturating_sub(style.identities.start).max(1);
    let person = style.identities.start + rng.below(usize::try_from(people).unwrap_or(usize::MAX)) as u64;
    Face {
        identity: Identity::of(address.seed, person),
        actions: Actions::sample(class, style.intensity, style.blend, &mut rng),
        pose: Pose::sample(style.variation, &mut rng),
        scene: Scene::sample(style.variation, &mut rng),
    }
}

/// Draws the face that belongs to an address.
pub fn sample(address: Address, class: Class, style: &Style) -> Picture {
    face(address, class, style).draw(style.size, style.channels)
}

#[cfg(test)]
mod tests;
