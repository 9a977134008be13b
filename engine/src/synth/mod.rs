//! Faces drawn in code, with labels that are exact because they are the cause of the picture.
//!
//! A [`Face`] is who ([`Identity`]), what the face does ([`Actions`]), and how it is seen ([`Pose`], [`Scene`]). It can be
//! drawn at any size, in grey or colour. [`sample`] draws everything but the class from an address; [`SynthFaces`] is a
//! dataset of such samples, [`SynthClips`] holds clips of faces that move. `expression` composes classes of facial actions,
//! `person` draws the rest, `canvas` knows anti-aliased shapes, `draw`, `features` and `mouth` put a face together from
//! them. `room` is a camera before which such people walk. `track` and `motion` say what happens over time, `export` writes all of it to disk.

mod balance;
mod canvas;
mod class;
mod clip;
mod clip_format;
mod clip_settings;
mod compress;
mod dataset;
mod draw;
mod export;
mod expression;
mod face_format;
mod features;
mod geometry;
mod motion;
mod mouth;
mod occlusion;
mod person;
mod room;
mod spec_options;
mod style;
mod track;
mod view;

use crate::media::Picture;
use crate::random::{Address, Random};

pub use class::Class;
pub use clip::{FullFrame, SynthClips};
pub use clip_format::{SYNTH_CLIP_OPTIONS, SYNTH_CLIPS, clip_formats, synth_clips};
pub use clip_settings::SynthClipSettings;
pub use dataset::{SynthFaces, SynthSettings};
pub use export::{
    Progress, TRUTH_COLUMNS, complete_folder, write_aff_wild2, write_aff_wild2_as, write_affectnet,
    write_affectnet_2021, write_expw, write_folder, write_ms1mv2, write_recordio, write_truth, write_y4m,
};
pub use expression::Actions;
pub use face_format::{formats, synth_faces};
pub use geometry::Geometry;
pub use occlusion::{Cover, Occlusion};
pub use person::{Identity, Pose, Scene};
pub use room::{Actor, Room, SynthCamera, TrueFaces, Truth, stamp};
pub use spec_options::SYNTH_OPTIONS;
pub use style::Style;
pub use view::Viewpoint;

/// What random numbers are for, beside [`crate::random::Purpose::Synthesis`]: the lowest bits of an address's step. A
/// value is never reused or renumbered.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Sample = 0,
    Person = 1,
    Class = 2,
    ClipScene = 16,
    Event = 17,
    Blink = 18,
    Speech = 19,
    Viseme = 20,
    Head = 21,
    Light = 22,
    Crop = 23,
    Missing = 24,
    Ignored = 25,
    Twitch = 26,
    Gaze = 27,
    Cover = 28,
    Nod = 29,
    Place = 30,
}

/// Everything that decides what a drawn face looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Who it is.
    pub identity: Identity,
    /// What the face does.
    pub actions: Actions,
    /// How the head is held and framed.
    pub pose: Pose,
    /// Light, background and camera.
    pub scene: Scene,
    /// What hides part of it.
    pub occlusion: Option<Occlusion>,
}

/// The face that belongs to an address: the same for every size and channel count.
pub fn face(address: Address, class: Class, style: &Style) -> Face {
    let mut rng = address.rng();
    let person = person(style, &mut rng);
    Face {
        identity: Identity::of(style.people.unwrap_or(address.seed), person),
        actions: Actions::sample(class, style.intensity, style.blend, &mut rng),
        pose: Pose::sample(style.variation, &mut rng),
        scene: Scene::sample(style.variation, style.camera, &mut rng),
        occlusion: rng.chance(style.occlusion).then(|| Occlusion::sample(&mut rng)),
    }
}

/// The number of the person that an address shows: the first thing its numbers decide.
fn person(style: &Style, rng: &mut Random) -> u64 {
    let people = style.identities.end.saturating_sub(style.identities.start).max(1);
    style.identities.start + rng.below(usize::try_from(people).unwrap_or(usize::MAX)) as u64
}

/// Draws the face that belongs to an address.
pub fn sample(address: Address, class: Class, style: &Style) -> Picture {
    face(address, class, style).draw(style.size, style.channels)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod geometry_tests;

#[cfg(test)]
mod clip_tests;

#[cfg(test)]
mod export_tests;
