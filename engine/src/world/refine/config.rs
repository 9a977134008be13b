//! All settings of a temporal run as one value, in TOML. Every key has a default; an unknown key is an error.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::Spec;
use crate::learn::TemporalSettings;
use crate::net::TemporalSpec;
use crate::signal::{VoteKind, VoteSettings};
use crate::world::config::{Precision, make_absolute, spec_paths};
use crate::world::error::WorldError;

/// All settings of a temporal run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefineConfig {
    /// Everything random follows from it; 0 to 2^63 - 1.
    pub seed: u64,
    /// What computes: `cpu`.
    pub backend: String,
    /// Threads that decode faces ahead of the student, 1 to 64. The result does not depend on it.
    pub workers: usize,
    /// Whether the first face that cannot be read ends the run, instead of being skipped and counted.
    pub strict: bool,
    /// Steps between checkpoints; 0 writes one at the end alone.
    pub checkpoint_every: u64,
    /// How the finished model stores its values: `f32`, or `f16` for half the size.
    pub storage: Precision,
    /// What the finished model's card says of its licence; by default that the training pictures' terms apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The frozen student: a weights file with a card, or a finished run's folder.
    pub student: PathBuf,
    /// Where features are kept; in the run's folder where it is not set. Runs with the same student may share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<PathBuf>,
    /// Faces a pass of the student.
    pub student_batch: usize,
    /// Training and validation clips.
    pub data: ClipDataConfig,
    /// The encoder.
    pub model: EncoderConfig,
    /// How it is learned.
    pub training: TemporalSettings,
    /// What follows the encoder.
    pub post: PostConfig,
    /// Steps between evaluations; 0 evaluates at the end alone.
    pub evaluate_every: u64,
}

impl Default for RefineConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            backend: "cpu".into(),
            workers: 1,
            strict: false,
            checkpoint_every: 500,
            storage: Precision::F32,
            licence: None,
            student: PathBuf::new(),
            features: None,
            student_batch: 32,
            data: ClipDataConfig::default(),
            model: EncoderConfig::default(),
            training: TemporalSettings::default(),
            post: PostConfig::default(),
            evaluate_every: 0,
        }
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
    pub fn spec(&self, features: usize, classes: usize) -> TemporalSpec {
        let Self { frames, width, layers, heads, feed_forward, dropout, causal, residual } = *self;
        TemporalSpec {
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
        }
    }
}

/// What follows the encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostConfig {
    /// Frames between two windows of the encoder, 1 to its frames; the logits of windows that overlap are averaged.
    pub stride: usize,
    /// The sliding-window vote over labels.
    pub vote: VoteSettings,
    /// Frames of the box filter over probabilities, which is measured beside the vote; 1 switches it off.
    pub smoothing: usize,
}

impl Default for PostConfig {
    fn default() -> Self {
        Self { stride: 32, vote: VoteSettings { kind: VoteKind::Centred, window: 30 }, smoothing: 30 }
    }
}

impl RefineConfig {
    /// Refuses settings that are out of range or contradict each other, without touching the disk.
    ///
    /// # Errors
    /// [`WorldError::Setting`] naming the first bad setting and what to do.
    pub fn validate(&self) -> Result<(), WorldError> {
        let check = |good: bool, name, problem: String| {
            if good { Ok(()) } else { Err(WorldError::setting(name, problem)) }
        };
        let between = |value: usize, low: usize, high: usize, name: &'static str| {
            let problem = format!("is {value}, but must be between {low} and {high}");
            check((low..=high).contains(&value), name, problem)
        };
        let backend = &self.backend;
        check(backend == "cpu", "backend", format!("is `{backend}`, but only `cpu` is built"))?;
        let seed = self.seed;
        check(i64::try_from(seed).is_ok(), "seed", format!("is {seed}, but must be below 2^63"))?;
        between(self.workers, 1, 64, "workers")?;
        between(self.student_batch, 1, 4096, "student_batch")?;
        between(self.post.stride, 1, self.model.frames, "post.stride")?;
        self.post.validate()?;
        let student = !self.student.as_os_str().is_empty();
        check(student, "student", "names no model; give one with --student MODEL".into())?;
        let train = !self.data.train.is_empty();
        check(train, "data.train", "names no clips; add some with --train SPEC".into())?;
        self.model.spec(1, 2).graph()?;
        Ok(self.training.validate()?)
    }

    /// Makes the paths of files that exist absolute, so that a run can be resumed from any folder.
    pub fn make_paths_absolute(&mut self) {
        let specs = self.data.train.iter_mut().chain(&mut self.data.valid);
        make_absolute(spec_paths(specs).chain([&mut self.student]).chain(&mut self.features));
    }
}

impl PostConfig {
    /// Refuses windows that are out of range.
    ///
    /// # Errors
    /// [`WorldError::Setting`] naming the first bad setting.
    pub fn validate(&self) -> Result<(), WorldError> {
        for (name, window) in [("post.vote.window", self.vote.window), ("post.smoothing", self.smoothing)] {
            if !(1..=100_000).contains(&window) {
                let problem = format!("is {window}, but must be between 1 and 100000");
                return Err(WorldError::setting(name, problem));
            }
        }
        Ok(())
    }
}
