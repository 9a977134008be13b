//! The engine's face for other programs: a model, frames in, readings out.

use std::path::Path;
use std::sync::Mutex;

use bevy_ecs::prelude::*;

use super::lines::Lines;
use super::systems::{Batch, Doubt, Eyes, Follow, Framer, Gallery, Inbox, Outbox, Student};
use super::times::Watch;
use super::{Clock, FaceReading, FrameReading, NeutralState, StageTimes};
use crate::backend::cpu::{Arithmetic, CpuBackend};
use crate::backend::{Backend, Inference};
use crate::learn::{Head, TemporalStage};
use crate::media::align::Aligner;
use crate::media::detect::{self, Detector};
use crate::media::source::Frame;
use crate::media::track::{Tracker, TrackerSettings};
use crate::net::{Architecture, Weights};
use crate::signal::{VoteKind, VoteSettings};
use crate::world::error::WorldError;
use crate::world::model::Model;
use crate::world::schedule::{build, run};

/// Default of [`LiveSettings::unsure_below`]: where the model that is built in is wrong as often as right. Of FER+'s validation set
/// 86.8 % of its answers are at least this confident and 88.1 % of those right; of the others 49.8 %.
pub const UNSURE_BELOW: f32 = 0.6;

/// How frames are read.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveSettings {
    /// The detector looks at every n-th frame, from 1; between, faces are carried on by their motion.
    pub detect_every: u64,
    /// How faces are followed.
    pub tracker: TrackerSettings,
    /// How labels are voted on. A causal vote answers at once; a centred one half a window later.
    pub vote: VoteSettings,
    /// Confidence of the voted label below which a reading is unsure, 0 to 1; with 0 nothing ever is.
    pub unsure_below: f32,
    /// Most faces a pass of the network, from 1.
    pub batch: usize,
    /// Whether readings carry their frame.
    pub keep_frames: bool,
    /// Seconds between two thumbnails of a face and their side in pixels; `None` for no thumbnails.
    pub thumbnails: Option<(f64, usize)>,
}

impl Default for LiveSettings {
    /// Every frame is looked at, a causal vote over 30 frames, 16 faces a pass, no pictures.
    fn default() -> Self {
        Self {
            detect_every: 1,
            tracker: TrackerSettings::default(),
            vote: VoteSettings { kind: VoteKind::Causal, ..VoteSettings::default() },
            unsure_below: UNSURE_BELOW,
            batch: 16,
            keep_frames: false,
            thumbnails: None,
        }
    }
}

/// A temporal encoder that reads a model's features.
pub struct Encoder {
    stage: TemporalStage,
    temperature: f32,
}

impl Encoder {
    /// Reads an encoder's file and checks that it was trained on this model's features.
    ///
    /// # Errors
    /// It cannot be read, is no encoder, or reads the features of another model.
    pub fn open(
        path: &Path,
        student: &Model,
        backend: &dyn Backend,
        stride: usize,
    ) -> Result<Self, WorldError> {
        let file =
            if path.is_dir() { crate::world::RunFolder::finished_model(path)? } else { path.to_owned() };
        let (weights, card) = Weights::read(&file)?;
        let Some((card, Architecture::Temporal(spec))) = card.map(|card| (card.clone(), card.architecture))
        else {
            return Err(WorldError::file(&file, "is no temporal encoder; affekt refine makes one"));
        };
        if card.student.as_ref().is_some_and(|hash| *hash != student.hash)
            || card.classes != student.card.classes
        {
            let problem = format!("reads the features of another model than {}", student.path.display());
            return Err(WorldError::file(&file, problem));
        }
        let graph = spec.graph().map_err(|e| WorldError::file(&file, format!("its card: {e}")))?;
        weights.check(&graph).map_err(|e| WorldError::file(&file, e.to_string()))?;
        let head = Head::of(&student.weights)?;
        if head.features() != spec.features {
            let problem = format!("reads {} features, but the model has {}", spec.features, head.features());
            return Err(WorldError::file(&file, problem));
        }
        let stage = TemporalStage::new(backend.inference(&graph, &weights)?, stride)?;
        let stage = if spec.residual { stage.with_head(head) } else { stage };
        Ok(Self { stage, temperature: card.temperature })
    }
}

/// Reads facial expressions frame by frame.
///
/// ```no_run
/// use std::path::Path;
///
/// use affekt_engine::Recognizer;
/// use affekt_engine::media::source::{FrameSource as _, OpenOptions, open};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut recognizer = Recognizer::open(Path::new("assets/models/ferplus-48.safetensors"))?;
/// let mut video = open(Path::new("interview.mp4"), OpenOptions::default())?;
/// while let Some(frame) = video.next_frame()? {
///     for face in recognizer.push(frame)? {
///         let label = &recognizer.classes()[face.voted_label];
///         println!("{:.3} s: face {} looks {label} ({:.2})", face.seconds, face.face, face.confidence);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Recognizer {
    world: World,
    schedule: Schedule,
    classes: Vec<String>,
    detector: String,
}

impl Recognizer {
    /// Opens a model with everything else by default: on the CPU, in [`Arithmetic::Fixed`], with the detector that
    /// [`detect::open`] finds, and [`LiveSettings::default`], so that each frame is answered at once.
    ///
    /// # Errors
    /// The model cannot be read or has no card, or a detector that was found is broken.
    pub fn open(model: &Path) -> Result<Self, WorldError> {
        let backend = CpuBackend::new()?.with_arithmetic(Arithmetic::Fixed);
        Self::new(
            &Model::load(model)?,
            None,
            detect::open(None)?,
            &backend,
            &LiveSettings::default(),
            Clock::default(),
        )
    }

    /// Puts a model to work.
    ///
    /// # Errors
    /// A setting is out of range, or the backend cannot hold the network.
    pub fn new(
        model: &Model,
        encoder: Option<Encoder>,
        detector: Box<dyn Detector>,
        backend: &dyn Backend,
        settings: &LiveSettings,
        clock: Clock,
    ) -> Result<Self, WorldError> {
        if settings.detect_every == 0 || settings.batch == 0 {
            return Err(WorldError::setting("detect_every", "and the batch must be at least 1"));
        }
        if !(0.0..=1.0).contains(&settings.unsure_below) {
            return Err(WorldError::setting("unsure_below", "must be from 0 to 1"));
        }
        let network: Box<dyn Inference> = backend.inference(&model.graph, &model.weights)?;
        let card = &model.card;
        let described = detector.describe();
        let encoder = encoder.map(|e| (e.stage, e.temperature));
        let mut world = World::new();
        world.insert_resource(Watch::new(clock));
        world.insert_resource(Eyes { detector, every: settings.detect_every, seen: 0 });
        world.insert_resource(Follow(Tracker::new(settings.tracker)));
        world.insert_resource(Framer(Aligner::new(&card.input, card.box_crop, card.crop)));
        world.insert_resource(Student {
            network: Mutex::new(network),
            head: Head::of(&model.weights)?,
            temperature: card.temperature,
            batch: settings.batch,
        });
        world.insert_resource(Lines::new(&card.classes, settings.vote, encoder)?);
        world.insert_resource(Doubt(settings.unsure_below));
        world.insert_resource(Gallery::new(settings.keep_frames, settings.thumbnails));
        world.init_resource::<Inbox>();
        world.init_resource::<Batch>();
        world.init_resource::<Outbox>();
        let mut schedule = super::schedule();
        build(&mut schedule, &mut world)?;
        Ok(Self { world, schedule, classes: card.classes.clone(), detector: described })
    }

    /// Names of the classes that labels and probabilities stand for.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// One line about the face detector.
    pub fn detector(&self) -> &str {
        &self.detector
    }

    /// Begins to look at a person's face for so many seconds of the video's time, in which they look neutral. Then their face at
    /// rest is taken off all their readings, as [`crate::signal::neutral`] says, until they are out of sight for good or
    /// [`Recognizer::forget_neutral`]. What was known of their face before is forgotten.
    ///
    /// # Errors
    /// No such face is in sight, the time is not above 0 and at most a minute, or the model has no class `neutral`.
    pub fn calibrate_neutral(&mut self, face: u32, seconds: f64) -> Result<(), WorldError> {
        let mut lines = self.world.resource_mut::<Lines>();
        if !lines.of_face.contains_key(&face) {
            let problem = format!("cannot be calibrated: face {face} is not in sight");
            return Err(WorldError::setting("neutral", problem));
        }
        lines.rests.begin(face, seconds)
    }

    /// What is known of a person's face at rest.
    pub fn neutral(&self, face: u32) -> NeutralState {
        self.world.resource::<Lines>().rests.state(face)
    }

    /// Forgets a person's face at rest: their readings are again as the model gives them.
    pub fn forget_neutral(&mut self, face: u32) {
        self.world.resource_mut::<Lines>().rests.forget(face);
    }

    /// Time spent in each stage so far.
    pub fn times(&self) -> StageTimes {
        self.world.resource::<Watch>().times
    }

    /// Takes a frame and gives the faces that are now read to the end: those of this frame with a causal vote and no
    /// encoder, else those of earlier frames. Frames come in order.
    ///
    /// # Errors
    /// The detector or the network fails.
    pub fn push(&mut self, frame: Frame) -> Result<Vec<FaceReading>, WorldError> {
        Ok(self.read(vec![frame])?.into_iter().flat_map(|frame| frame.faces).collect())
    }

    /// Takes several frames at once, which is faster than one by one, and gives every frame that is now read to the end,
    /// those without a face too.
    ///
    /// # Errors
    /// As [`Recognizer::push`].
    pub fn read(&mut self, frames: Vec<Frame>) -> Result<Vec<FrameReading>, WorldError> {
        self.world.resource_mut::<Inbox>().frames = frames;
        run(&mut self.schedule, &mut self.world)?;
        Ok(std::mem::take(&mut self.world.resource_mut::<Outbox>().0))
    }

    /// Ends the video: gives the frames that are left. The recognizer is then ready for another one, whose faces are
    /// numbered anew.
    ///
    /// # Errors
    /// As [`Recognizer::push`].
    pub fn finish(&mut self) -> Result<Vec<FrameReading>, WorldError> {
        self.world.resource_mut::<Inbox>().last = true;
        let rest = self.read(vec![]);
        self.world.resource_mut::<Inbox>().last = false;
        self.world.resource_mut::<Follow>().0.clear();
        self.world.resource_mut::<Eyes>().seen = 0;
        self.world.resource_mut::<Gallery>().forget();
        rest
    }
}
