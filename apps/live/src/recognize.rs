//! Which recognizer is wanted, and opening it: model, detector, what computes, votes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use affekt_engine::Recognizer;
use affekt_engine::backend::cpu::{Arithmetic, CpuBackend};
use affekt_engine::backend::wgpu::{WgpuBackend, WgpuOptions};
use affekt_engine::backend::{Backend, BackendInfo as _};
use affekt_engine::media::detect::{self, Detector, GuideBox, Seeta};
use affekt_engine::signal::{VoteKind, VoteSettings};
use affekt_engine::world::Model;
use affekt_engine::world::live::{Clock, LiveSettings, UNSURE_BELOW};
use anyhow::Context as _;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::pipeline::About;

/// The model that is built in.
const DEFAULT_MODEL: &[u8] = include_bytes!("../../../assets/models/ferplus-48.safetensors");
/// How messages call it.
const DEFAULT_NAME: &str = "built-in FER+ model";

/// Frames from one look of the built-in detector to the next: it takes the time of several frames.
const BUILT_IN_EVERY: u64 = 4;
/// The same of `YuNet`, which takes half the time that two cores have for a frame. Faces are carried on by their motion.
const YUNET_EVERY: u64 = 2;

/// What computes networks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU, through wgpu.
    Wgpu,
    /// A GPU where there is one that is not a processor, else the processor.
    Auto,
}

impl BackendChoice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Wgpu, Self::Auto];

    /// Its name, as arguments have it.
    pub fn name(self) -> &'static str {
        ["cpu", "wgpu", "auto"][self as usize]
    }
}

/// A recognizer to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecognizerChoice {
    /// Weights file or finished run; `None` for the built-in model.
    pub model: Option<PathBuf>,
    /// What computes.
    pub backend: BackendChoice,
    /// The GPU's number or part of its name; `None` for the most capable one.
    pub adapter: Option<String>,
    /// `None` for the one that is found, else `builtin`, `guide` or a `YuNet` file.
    pub detector: Option<PathBuf>,
    /// The detector looks at every n-th frame, 1 to 100; 0 for as often as it can keep up.
    pub detect_every: u64,
    /// Frames that vote on a label, this one and those before it, 1 to 300.
    pub vote_window: usize,
    /// Percent of confidence below which a label is unsure, 0 to 100.
    pub unsure_below: u32,
}

impl Default for RecognizerChoice {
    fn default() -> Self {
        Self {
            model: None,
            backend: BackendChoice::default(),
            adapter: None,
            detector: None,
            detect_every: 0,
            vote_window: 30,
            unsure_below: (UNSURE_BELOW * 100.0).round() as u32,
        }
    }
}

impl RecognizerChoice {
    /// Confidence below which a label is unsure, 0 to 1.
    pub fn unsure_share(&self) -> f32 {
        self.unsure_below.min(100) as f32 / 100.0
    }

    /// Opens it.
    ///
    /// # Errors
    /// The model, the detector or the GPU cannot be used; the message is one line that says what to do.
    pub fn open(&self, clock: Clock) -> Result<(Recognizer, About), String> {
        self.try_open(clock).map_err(|error| one_line(&error))
    }

    fn try_open(&self, clock: Clock) -> anyhow::Result<(Recognizer, About)> {
        let model = match &self.model {
            Some(path) if !path.exists() => {
                anyhow::bail!(
                    "{}: there is no such model; give another, or none for the built-in one",
                    path.display()
                )
            }
            Some(path) => Model::load(path)?,
            None => Model::parse(Path::new(DEFAULT_NAME), DEFAULT_MODEL)?,
        };
        let backend = self.backend()?;
        let settings = LiveSettings {
            detect_every: self.looks_every(),
            vote: VoteSettings { kind: VoteKind::Causal, window: self.vote_window.clamp(1, 300) },
            unsure_below: self.unsure_share(),
            keep_frames: true,
            ..LiveSettings::default()
        };
        let recognizer = Recognizer::new(&model, None, self.detector()?, &*backend, &settings, clock)?;
        let name =
            self.model.as_ref().map_or_else(|| DEFAULT_NAME.to_owned(), |path| path.display().to_string());
        let input = &model.card.input;
        let about = About {
            classes: recognizer.classes().to_vec(),
            model: format!("{name}, {} classes, {} px", recognizer.classes().len(), input.size),
            detector: recognizer.detector().to_owned(),
            backend: backend.describe(),
        };
        Ok((recognizer, about))
    }

    /// Frames from one look of the detector to the next.
    fn looks_every(&self) -> u64 {
        if self.detect_every > 0 {
            return self.detect_every.min(100);
        }
        match self.detector.as_deref().map(Path::to_str) {
            Some(Some("guide")) => 1,
            Some(Some("builtin")) => BUILT_IN_EVERY,
            None if detect::find(&detect::folders()).is_none() => BUILT_IN_EVERY,
            _ => YUNET_EVERY,
        }
    }

    /// The most frames from one look of any detector to the next.
    pub fn looks_away_at_most(&self) -> usize {
        self.detect_every.clamp(BUILT_IN_EVERY, 100) as usize
    }

    fn detector(&self) -> anyhow::Result<Box<dyn Detector>> {
        Ok(match self.detector.as_deref().and_then(Path::to_str) {
            Some("guide") => Box::new(GuideBox),
            Some("builtin") => Box::new(Seeta::new()?),
            _ => detect::open(self.detector.as_deref())?,
        })
    }

    fn backend(&self) -> anyhow::Result<Arc<dyn Backend>> {
        let gpu =
            || WgpuBackend::open(&WgpuOptions { adapter: self.adapter.clone(), ..WgpuOptions::default() });
        match self.backend {
            BackendChoice::Cpu => {}
            BackendChoice::Wgpu => {
                return Ok(Arc::new(gpu().context("no GPU can be used; choose the backend `cpu`")?));
            }
            BackendChoice::Auto => match gpu() {
                Ok(gpu) if self.adapter.is_some() || !gpu.is_processor() => {
                    return Ok(Arc::new(gpu));
                }
                Ok(gpu) => {
                    log::info!("`{}` computes on the processor too; no GPU is used", gpu.describe());
                }
                Err(error) => log::info!("no GPU is used: {error}"),
            },
        }
        Ok(Arc::new(CpuBackend::new()?.with_arithmetic(Arithmetic::Fixed)))
    }
}

/// The whole chain of causes in one line; a cause that is told already is not told twice.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_opens_without_a_file() {
        let choice = RecognizerChoice { detector: Some("guide".into()), ..RecognizerChoice::default() };
        let (recognizer, about) = choice.open(Clock::default()).unwrap();
        assert_eq!(about.classes, recognizer.classes());
        assert!(about.model.starts_with(DEFAULT_NAME), "{about:?}");
    }

    #[test]
    fn a_slow_detector_looks_less_often_unless_told() {
        let every = |detector: &str, detect_every| {
            let detector = Some(detector.into());
            RecognizerChoice { detector, detect_every, ..RecognizerChoice::default() }.looks_every()
        };
        assert_eq!(
            [
                every("builtin", 0),
                every("builtin", 1),
                every("guide", 0),
                every("guide", 9),
                every("a.onnx", 0)
            ],
            [4, 1, 1, 9, 2]
        );
    }

    #[test]
    fn an_error_is_one_line_that_names_the_file() {
        let choice = RecognizerChoice { model: Some("/no/such/model".into()), ..RecognizerChoice::default() };
        let problem = choice.open(Clock::default()).err().unwrap();
        assert!(problem.contains("/no/such/model") && !problem.contains('\n'), "{problem}");
    }
}
