//! What `analyze` and `stream` have in common: the model, the detector, and how labels are made.

use std::path::PathBuf;

use affekt_engine::media::detect::DetectorChoice;
use affekt_engine::signal::VoteKind;
use affekt_engine::world::live::{LiveSettings, RecognizerSpec, UNSURE_BELOW};
use clap::{Args, ValueEnum};

use super::compute::Compute;

/// How faces are read.
#[derive(Debug, Clone, Args)]
pub struct ReadingArgs {
    /// Weights file or finished run [default: the built-in FER+ model].
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Temporal encoder that reads this model's features, a file or a run of `affekt refine`. Its card says how windows
    /// overlap and how labels are voted on, unless these options do.
    #[arg(long, value_name = "MODEL")]
    temporal: Option<PathBuf>,
    /// `YuNet` face detector (ONNX), `builtin`, or `guide` for a fixed box in the middle [default: the one that is found].
    #[arg(long, value_name = "FILE")]
    pub detector: Option<DetectorChoice>,
    /// Look for faces in every N-th frame; between, they are carried on by their motion.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    detect_every: u64,
    /// Frames that vote on a label [default: the encoder's, else 30; live without an encoder one second].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..=65536))]
    window: Option<u32>,
    /// Frames between two windows of the temporal encoder [default: as it was refined]. A causal encoder needs none.
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..=1024))]
    stride: Option<u32>,
    /// Confidence of the voted label, 0 to 1, below which a reading is marked as unsure.
    #[arg(long, value_name = "P", default_value_t = UNSURE_BELOW)]
    unsure_below: f32,
    /// Show the model each face's mirror image too and take the mean: steadier, at twice the work.
    #[arg(long)]
    flip: bool,
}

/// Which frames vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VoteArg {
    /// The frames around.
    Centred,
    /// The frame and those before it.
    Causal,
    /// Blocks, each of one label.
    Block,
}

impl From<VoteArg> for VoteKind {
    fn from(arg: VoteArg) -> Self {
        match arg {
            VoteArg::Centred => Self::Centred,
            VoteArg::Causal => Self::Causal,
            VoteArg::Block => Self::Block,
        }
    }
}

impl ReadingArgs {
    /// The recognizer that they ask for; `live` where answers are wanted at once. Of `settings` everything counts that the
    /// arguments do not say.
    pub fn spec(
        &self,
        vote: Option<VoteArg>,
        live: bool,
        settings: &LiveSettings,
        compute: &Compute,
    ) -> RecognizerSpec {
        // Frames of a camera come at any rate.
        let at_once = live && self.window.is_none() && self.temporal.is_none();
        let vote_seconds = at_once.then_some(1.0).or(settings.vote_seconds);
        RecognizerSpec {
            model: self.model.clone(),
            temporal: self.temporal.clone(),
            embedding: None,
            detector: self.detector.clone().unwrap_or_default(),
            backend: compute.reading(),
            detect_every: Some(self.detect_every),
            stride: self.stride.map(|frames| frames as usize),
            vote: vote.map(Into::into),
            window: self.window.map(|frames| frames as usize),
            live,
            settings: LiveSettings {
                unsure_below: self.unsure_below,
                flip: self.flip,
                vote_seconds,
                ..settings.clone()
            },
        }
    }
}
