//! Opening a recognizer from what a program's settings name: model, encoder, detector, what computes, votes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::recognizer::Recognizer;
use super::settings::LiveSettings;
use crate::backend::{self, Backend, BackendSpec};
use crate::clock::Clock;
use crate::media::detect::{Detector, DetectorChoice};
use crate::signal::{PostSettings, VoteKind, VoteSettings};
use crate::world::error::WorldError;
use crate::world::run::{EmbeddingModel, Model, TemporalModel};

/// A recognizer, by what it is made of. What is `None` is chosen: by the encoder's card where there is an encoder, else by
/// the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct RecognizerSpec {
    /// Weights file or finished run; `None` for the model that is built in.
    pub model: Option<PathBuf>,
    /// Temporal encoder that reads this model's features.
    pub temporal: Option<PathBuf>,
    /// Embedding model (ONNX) by which people may be known again; `None` for none.
    pub embedding: Option<PathBuf>,
    /// Finds faces.
    pub detector: DetectorChoice,
    /// What computes.
    pub backend: BackendSpec,
    /// The detector looks at every N-th frame, from 1; `None` for as often as it can keep up with a camera.
    pub detect_every: Option<u64>,
    /// Frames between two windows of the encoder.
    pub stride: Option<usize>,
    /// Which frames vote.
    pub vote: Option<VoteKind>,
    /// Frames that vote.
    pub window: Option<usize>,
    /// Whether answers are wanted at once, so that only a causal vote will do where none is named.
    pub live: bool,
    /// Everything else.
    pub settings: LiveSettings,
}

impl Default for RecognizerSpec {
    /// The built-in model on the processor in fixed point, the detector that is found looking at every frame, answers at
    /// once.
    fn default() -> Self {
        Self {
            model: None,
            temporal: None,
            embedding: None,
            detector: DetectorChoice::Auto,
            backend: BackendSpec { reading: true, ..BackendSpec::default() },
            detect_every: Some(1),
            stride: None,
            vote: None,
            window: None,
            live: true,
            settings: LiveSettings::default(),
        }
    }
}

/// What a recognizer is made of, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Model, its classes and input; the encoder where there is one.
    pub model: String,
    /// What the model's card says of its accuracy; empty where it says nothing.
    pub accuracy: String,
    /// The face detector.
    pub detector: String,
    /// What computes.
    pub backend: String,
}

impl RecognizerSpec {
    /// Opens it.
    ///
    /// # Errors
    /// As [`RecognizerOpener::new`] and [`RecognizerOpener::open`].
    pub fn open(self, clock: Clock) -> Result<(Recognizer, About), WorldError> {
        RecognizerOpener::new(self)?.open(clock)
    }
}

impl Recognizer {
    /// The model that is built in, with everything else by default: on the processor, in fixed point, with the detector
    /// that is found, and [`LiveSettings::default`], so that each frame is answered at once.
    ///
    /// # Errors
    /// A detector that was found is broken.
    pub fn builtin() -> Result<Self, WorldError> {
        Ok(RecognizerSpec::default().open(Clock::default())?.0)
    }

    /// As [`Recognizer::builtin`], with another model.
    ///
    /// # Errors
    /// The model cannot be read or has no card, or a detector that was found is broken.
    pub fn open(model: &Path) -> Result<Self, WorldError> {
        let spec = RecognizerSpec { model: Some(model.to_owned()), ..RecognizerSpec::default() };
        Ok(spec.open(Clock::default())?.0)
    }
}

/// Opens recognizers of one specification, one after the other: one that has failed is of no more use.
///
/// A model's weights are released once a recognizer has them in its own form, and read again for the next one.
pub struct RecognizerOpener {
    spec: RecognizerSpec,
    model: Option<Model>,
    hash: String,
    temporal: Option<TemporalModel>,
    embedding: Option<EmbeddingModel>,
    backend: Arc<dyn Backend>,
    settings: LiveSettings,
    post: PostSettings,
}

impl RecognizerOpener {
    /// Reads the model and the encoder, and opens what computes.
    ///
    /// # Errors
    /// One of them cannot be used, or they do not fit each other.
    pub fn new(spec: RecognizerSpec) -> Result<Self, WorldError> {
        let model = Model::open(spec.model.as_deref())?;
        let temporal = spec.temporal.as_deref().map(|path| TemporalModel::open(path, &model)).transpose()?;
        let embedding = spec.embedding.as_deref().map(EmbeddingModel::open).transpose()?;
        let refined = temporal.as_ref().map(TemporalModel::post).unwrap_or_default();
        let kind = spec.vote.unwrap_or(if spec.live { VoteKind::Causal } else { refined.vote.kind });
        let vote = VoteSettings { kind, window: spec.window.unwrap_or(refined.vote.window) };
        let post = PostSettings { stride: spec.stride.unwrap_or(refined.stride), vote, ..refined };
        let detect_every = spec.detect_every.unwrap_or_else(|| spec.detector.keeps_up_every());
        let settings = LiveSettings { detect_every, vote, ..spec.settings.clone() };
        let backend = backend::open(&spec.backend)?;
        let hash = model.hash.clone();
        Ok(Self { hash, model: Some(model), temporal, embedding, backend, settings, post, spec })
    }

    /// A recognizer with the detector of the specification.
    ///
    /// # Errors
    /// The detector cannot be used, a setting is out of range, or the model's file is another one by now.
    pub fn open(&mut self, clock: Clock) -> Result<(Recognizer, About), WorldError> {
        let detector = self.spec.detector.open()?;
        self.open_with(detector, clock)
    }

    /// A recognizer with another detector.
    ///
    /// # Errors
    /// As [`RecognizerOpener::open`].
    pub fn open_with(
        &mut self,
        detector: Box<dyn Detector>,
        clock: Clock,
    ) -> Result<(Recognizer, About), WorldError> {
        let model = match self.model.take() {
            Some(model) => model,
            None => Model::open(self.spec.model.as_deref())?,
        };
        if model.hash != self.hash {
            return Err(WorldError::file(&model.path, "the model was changed meanwhile; start again"));
        }
        let encoder = match &self.temporal {
            Some(temporal) => Some(temporal.encoder(&*self.backend, self.post.stride)?),
            None => None,
        };
        let about = About {
            classes: model.card.classes.clone(),
            model: self.described(&model),
            accuracy: accuracy(&model.card.metrics),
            detector: detector.describe(),
            backend: self.backend.describe(),
        };
        let mut recognizer =
            Recognizer::new(&model, encoder, detector, &*self.backend, &self.settings, clock)?;
        if let Some(embedding) = &self.embedding {
            recognizer.embed_by(embedding);
        }
        Ok((recognizer, about))
    }

    fn described(&self, model: &Model) -> String {
        let (path, card) = (model.path.display(), &model.card);
        let encoder = self.temporal.as_ref().map(|temporal| {
            let frames = temporal.spec.frames;
            let causal = if temporal.spec.causal { "causal" } else { "looking both ways" };
            format!(", encoder {} over {frames} frames, {causal}", temporal.path.display())
        });
        let (classes, size) = (card.classes.len(), card.input.size);
        format!("{path}, {classes} classes, {size} px{}", encoder.unwrap_or_default())
    }

    /// How labels are made, for people: votes, thresholds, how often the detector looks.
    pub fn in_words(&self) -> String {
        let LiveSettings { detect_every, vote, vote_seconds, unsure_below, flip, .. } = &self.settings;
        let kind = match vote.kind {
            VoteKind::Block => "in blocks",
            VoteKind::Centred => "around each frame",
            VoteKind::Causal => "up to each frame",
        };
        format!(
            "vote over {} {kind}; unsure below a confidence of {unsure_below}; detector looks at every {}{}",
            vote_seconds.map_or(format!("{} frames", vote.window), |seconds| format!("{seconds} s")),
            if *detect_every == 1 { "frame".into() } else { format!("{detect_every}th frame") },
            if *flip { "; mirrored view too" } else { "" }
        )
    }

    /// How frames are read, with everything resolved.
    pub fn settings(&self) -> &LiveSettings {
        &self.settings
    }

    /// Everything beside the input that decides what is read of it, in one line; `detector` is the recognizer's
    /// [`Recognizer::detector`]. Which confidences are unsure is not: tables can say it anew by what they hold.
    pub fn fingerprint(&self, detector: &str) -> String {
        let LiveSettings { detect_every, vote, flip, .. } = &self.settings;
        format!(
            "model {} {} temporal {} stride {} detector {detector} every {detect_every} vote {:?} {}{}{}",
            self.hash,
            self.backend.arithmetic(),
            self.temporal.as_ref().map_or("", |temporal| &temporal.hash),
            self.post.stride,
            vote.kind,
            vote.window,
            if *flip { " mirrored" } else { "" },
            self.embedding
                .as_ref()
                .map_or(String::new(), |embedding| format!(" embedding {}", embedding.hash)),
        )
    }

    /// The embedding model, where one was given.
    pub fn embedding(&self) -> Option<&EmbeddingModel> {
        self.embedding.as_ref()
    }

    /// The model's file, as messages call it.
    pub fn model_path(&self) -> &Path {
        self.spec.model.as_deref().unwrap_or(Path::new("the built-in model"))
    }
}

/// What a card's figures say of accuracy.
fn accuracy(metrics: &BTreeMap<String, f64>) -> String {
    let figure = |name: &str| metrics.iter().find(|(key, _)| key.ends_with(name)).map(|(_, value)| *value);
    let Some(accuracy) = figure("accuracy").filter(|a| (0.0..=1.0).contains(a)) else { return String::new() };
    let faces = figure("_n").filter(|n| *n >= 1.0);
    let faces = faces.map_or(String::new(), |faces| format!(" of {faces:.0} validation faces"));
    let views = figure("_views").filter(|views| *views > 1.0);
    let views = views.map_or("", |_| ", seen with its mirror image too");
    let f1 = figure("macro_f1").map_or(String::new(), |f1| format!(", macro F1 {f1:.3}"));
    format!("{:.1} % right{faces}{views}{f1}", accuracy * 100.0)
}
