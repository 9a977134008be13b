//! All settings of a temporal run as one value, in TOML. Every key has a default; an unknown key is an error.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::common::{between, check, even_slices, make_absolute, run_settings, spec_paths};
use crate::backend::Team;
use crate::data::Spec;
use crate::learn::TemporalSettings;
use crate::net::{Architecture, TemporalSpec};
use crate::signal::PostSettings;
use crate::world::error::WorldError;

run_settings! {
    /// All settings of a temporal run.
    RefineConfig {
        /// The frozen student: a weights file with a card, or a finished run's folder.
        student: PathBuf = PathBuf::new(),
        /// Where features are kept; in the run's folder where it is not set. Runs with the same student may share it.
        #[serde(skip_serializing_if = "Option::is_none")]
        features: Option<PathBuf> = None,
        /// Faces a pass of the student.
        student_batch: usize = 32,
        /// Training and validation clips.
        data: ClipDataConfig = ClipDataConfig::default(),
        /// The encoder.
        model: EncoderConfig = EncoderConfig::default(),
        /// How it is learned.
        training: TemporalSettings = TemporalSettings::default(),
        /// What follows the encoder; the encoder's card keeps it.
        post: PostSettings = PostSettings::default(),
        /// Steps between evaluations; 0 evaluates at the end alone.
        evaluate_every: u64 = 0,
    }
}

/// Training and validation clips.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClipDataConfig {
    /// Clips with labels.
    pub train: Vec<Spec>,
    /// Validation clips.
    pub valid: Vec<Spec>,
}

/// The encoder; its features and classes are the student's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderConfig {
    /// Frames of a clip.
    pub frames: usize,
    /// Width of the encoder.
    pub width: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Attention heads; must divide the width.
    pub heads: usize,
    /// Width of the feed-forward part.
    pub feed_forward: usize,
    /// Part of the values that dropout clears, in `[0, 1)`.
    pub dropout: f32,
    /// Whether a frame sees only itself and the frames before it, as live use does.
    pub causal: bool,
    /// Whether the student's own logits are added to the encoder's, which then starts as the student.
    pub residual: bool,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        let spec = TemporalSpec::new(1, 2);
        Self {
            frames: spec.frames,
            width: spec.width,
            layers: spec.layers,
            heads: spec.heads,
            feed_forward: spec.feed_forward,
            dropout: spec.dropout,
            causal: spec.causal,
            residual: spec.residual,
        }
    }
}

impl EncoderConfig {
    /// The encoder over a student's features.
    pub fn architecture(&self, features: usize, classes: usize) -> Architecture {
        let Self { frames, width, layers, heads, feed_forward, dropout, causal, residual } = *self;
        Architecture::Temporal(TemporalSpec {
            features,
            classes,
            frames,
            width,
            layers,
            heads,
            feed_forward,
            dropout,
            causal,
            residual,
        })
    }
}

impl RefineConfig {
    /// Refuses settings that are out of range or contradict each other, without touching the disk.
    ///
    /// # Errors
    /// [`WorldError::Setting`] naming the first bad setting and what to do.
    pub fn validate(&self) -> Result<(), WorldError> {
        let student = !self.student.as_os_str().is_empty();
        let train = !self.data.train.is_empty();
        WorldError::together([
            self.validate_settings(),
            check(student, "student", || "names no model; give one with --student MODEL".into()),
            check(train, "data.train", || "names no clips; add some with --train SPEC".into()),
        ])
    }

    /// As [`RefineConfig::validate`], but for student and clips: a program may bring its own.
    ///
    /// # Errors
    /// As there.
    pub fn validate_settings(&self) -> Result<(), WorldError> {
        let stride = if self.model.causal {
            Ok(())
        } else {
            between(self.post.stride, 0, self.model.frames, "post.stride")
        };
        WorldError::together([
            self.validate_common(),
            between(self.student_batch, 1, 4096, "student_batch"),
            stride,
            self.post.check().map_err(|e| WorldError::setting("post", e.to_string())),
            self.model.architecture(1, 2).graph().map(drop).map_err(WorldError::from),
            self.training.validate().map_err(WorldError::from),
        ])
    }

    /// Refuses slices of a step that the replicas cannot share out evenly; the batch is known to be.
    pub(in crate::world) fn check_slices(&self, team: &Team) -> Result<(), WorldError> {
        even_slices((self.training.batch, "clips"), self.training.micro_batch, team)
    }

    /// Makes the paths of files that exist absolute, so that a run can be resumed from any folder.
    pub fn make_paths_absolute(&mut self) {
        let specs = self.data.train.iter_mut().chain(&mut self.data.valid);
        make_absolute(spec_paths(specs).chain([&mut self.student]).chain(&mut self.features));
    }
}
