//! What `analyze` and `stream` have in common: the model, the detector, and how labels are made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use affekt_engine::backend::Backend;
use affekt_engine::media::detect::{self, Detector, GuideBox, Seeta};
use affekt_engine::signal::{VoteKind, VoteSettings};
use affekt_engine::world::Model;
use affekt_engine::world::live::{Clock, Encoder, LiveSettings, Recognizer, UNSURE_BELOW};
use anyhow::anyhow;
use clap::{Args, ValueEnum};

use super::classify;
use super::compute::Compute;
use crate::failure::Failure;

/// The model that is built in.
const DEFAULT_MODEL: &[u8] = include_bytes!("../../../../assets/models/ferplus-48.safetensors");

/// How faces are read.
#[derive(Debug, Clone, Args)]
pub struct ReadingArgs {
    /// Weights file or finished run [default: the built-in FER+ model].
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Temporal encoder that reads this model's features, a file or a run of `affekt refine`.
    #[arg(long, value_name = "MODEL")]
    temporal: Option<PathBuf>,
    /// `YuNet` face detector (ONNX), `builtin`, or `guide` for a fixed box in the middle.
    #[arg(long, value_name = "FILE")]
    pub detector: Option<PathBuf>,
    /// Look for faces in every N-th frame; between, they are carried on by their motion.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    detect_every: u64,
    /// Frames that vote on a label.
    #[arg(long, value_name = "FRAMES", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=65536))]
    window: u32,
    /// Frames between two windows of the temporal encoder.
    #[arg(long, value_name = "FRAMES", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024))]
    stride: u32,
    /// Confidence of the voted label, 0 to 1, below which a reading is marked as unsure.
    #[arg(long, value_name = "P", default_value_t = UNSURE_BELOW)]
    unsure_below: f32,
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

/// Makes recognizers, which are of no more use once an input has failed.
///
/// A model's weights are released once a recognizer has them in its own form, and read again for the next one.
pub struct Maker<'a> {
    args: &'a ReadingArgs,
    model: Option<Model>,
    hash: String,
    backend: Arc<dyn Backend>,
    settings: LiveSettings,
}

impl<'a> Maker<'a> {
    /// Reads the model and opens what computes; of `settings` everything counts that the arguments do not say.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn new(
        args: &'a ReadingArgs,
        vote: VoteArg,
        settings: &LiveSettings,
        compute: &Compute,
    ) -> Result<Self, Failure> {
        let model = load(args)?;
        let settings = LiveSettings {
            detect_every: args.detect_every,
            vote: VoteSettings { kind: vote.into(), window: args.window as usize },
            unsure_below: args.unsure_below,
            ..settings.clone()
        };
        Ok(Self {
            args,
            hash: model.hash.clone(),
            model: Some(model),
            backend: compute.for_reading().open()?,
            settings,
        })
    }

    /// A recognizer with the detector that was asked for.
    ///
    /// # Errors
    /// The encoder or the detector cannot be used, or the model's file is another one by now.
    pub fn make(&mut self) -> Result<Recognizer, Failure> {
        self.with(detector(self.args.detector.as_deref())?)
    }

    /// A recognizer with this detector.
    ///
    /// # Errors
    /// The encoder cannot be used, or the model's file is another one by now.
    pub fn with(&mut self, detector: Box<dyn Detector>) -> Result<Recognizer, Failure> {
        let model = match self.model.take() {
            Some(model) => model,
            None => load(self.args)?,
        };
        if model.hash != self.hash {
            let path = self.args.model.as_deref().unwrap_or(Path::new("the built-in model")).display();
            return Err(Failure::Run(anyhow!("{path}: the model was changed meanwhile; start again")));
        }
        let encoder = match &self.args.temporal {
            Some(path) => {
                let stride = self.args.stride as usize;
                Some(Encoder::open(path, &model, &*self.backend, stride).map_err(classify)?)
            }
            None => None,
        };
        Recognizer::new(&model, encoder, detector, &*self.backend, &self.settings, Clock::default())
            .map_err(classify)
    }

    /// Everything beside the input that decides a result.
    ///
    /// # Errors
    /// The encoder's file cannot be read.
    pub fn fingerprint(&self, detector: &str) -> Result<String, Failure> {
        let (args, vote) = (self.args, self.settings.vote);
        let temporal = args.temporal.as_deref().map(file_hash).transpose()?.unwrap_or_default();
        Ok(format!(
            "model {} {} temporal {temporal} stride {} detector {detector} every {} vote {:?} {} unsure {}",
            self.hash,
            self.backend.arithmetic(),
            args.stride,
            args.detect_every,
            vote.kind,
            vote.window,
            args.unsure_below
        ))
    }
}

fn load(args: &ReadingArgs) -> Result<Model, Failure> {
    match &args.model {
        Some(path) => Model::load(path),
        None => Model::parse(Path::new("the built-in model"), DEFAULT_MODEL),
    }
    .map_err(classify)
}

fn file_hash(path: &Path) -> Result<String, Failure> {
    let file = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
    Ok(affekt_engine::data::FeatureCache::student_hash(&file)?)
}

fn detector(choice: Option<&Path>) -> Result<Box<dyn Detector>, Failure> {
    Ok(match choice.and_then(Path::to_str) {
        Some("guide") => Box::new(GuideBox),
        Some("builtin") => Box::new(Seeta::new()?),
        _ => detect::open(choice)?,
    })
}
