//! The stages that pipelines are made of, each written once. A stage is a system, or a few: it takes components, calls a
//! plain function of a layer below, and puts components back; nothing is computed here.
//!
//! | file | its stages |
//! |---|---|
//! | `samples`, `training` | pre-training: draw, load, augment (in the loader's threads); teacher, student, feedback |
//! | `stretches` | refining: draw stretches of clips, gather their features, the encoder's step |
//! | `journal` | a training step's record, for both |
//! | `pictures` | measuring on pictures: draw, load, count |
//! | `capture`, `detect`, `track`, `align`, `present` | reading: from a frame to the faces in it, and out again |
//! | `embed` | embeddings of faces, by which people may be known again, where a model was given |
//! | `clips` | from a clip's frames to faces, kept features, scores |
//! | `extraction` | from a clip's frames to kept features |
//! | `student`, `temporal`, `neutral`, `vote` | from a face to its label, for reading and measuring alike |
#![expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
#![expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]

pub(super) mod align;
pub(super) mod capture;
#[cfg(feature = "training")]
pub(super) mod clips;
pub(super) mod detect;
pub(super) mod embed;
#[cfg(feature = "training")]
pub(super) mod extraction;
#[cfg(feature = "training")]
pub(super) mod journal;
pub(super) mod neutral;
#[cfg(feature = "training")]
pub(super) mod pictures;
#[cfg(feature = "training")]
pub(super) mod plain_view;
pub(super) mod present;
#[cfg(feature = "training")]
pub(super) mod samples;
#[cfg(feature = "training")]
pub(super) mod stretches;
pub(super) mod student;
pub(super) mod temporal;
pub(super) mod track;
#[cfg(feature = "training")]
pub(super) mod training;
pub(super) mod vote;
