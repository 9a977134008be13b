//! Reads facial expressions: frames in, readings out.

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::Schedule;

use super::neutral_state::NeutralState;
use super::settings::LiveSettings;
use super::stage_times::StageTimes;
use crate::backend::Backend;
use crate::clock::Clock;
use crate::learn::TemporalEncoder;
use crate::media::align::Aligner;
use crate::media::detect::Detector;
use crate::media::source::{Frame, FrameSource as _, ReadAhead};
use crate::media::track::Tracker;
use crate::media::{CutDetector, Picture};
use crate::signal::{NeutralCalibration, NeutralOffset};
use crate::world::components::RestingFace;
use crate::world::error::WorldError;
use crate::world::pipelines::LiveStage;
use crate::world::reading::{FaceReading, FrameReading};
use crate::world::run::{EmbeddingModel, Model};
use crate::world::schedule::Pipeline;
use crate::world::stages::align::{FaceAligner, KeptPictures};
use crate::world::stages::capture::{AtHand, Inbox};
use crate::world::stages::detect::FaceDetector;
use crate::world::stages::embed::{Embedder, FaceEmbedder};
use crate::world::stages::neutral::{KnownRests, NeutralClass};
use crate::world::stages::present::{Outbox, UnsureThreshold};
use crate::world::stages::student::{FaceBatch, Student, Wanted};
use crate::world::stages::temporal::Encoder;
use crate::world::stages::track::{FaceTracker, Voting};

/// Reads facial expressions frame by frame.
///
/// ```no_run
/// use affekt_engine::Recognizer;
/// use affekt_engine::media::source::{FrameSource as _, OpenOptions, open};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut recognizer = Recognizer::builtin()?;
/// let mut video = open("interview.mp4".as_ref(), OpenOptions::default())?;
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
    pub(super) pipeline: Pipeline,
    classes: Vec<String>,
    detector: String,
    /// Frames that came in and faces that went through the network.
    pub(super) counts: (u64, u64),
    /// The number of the video's last frame.
    last: Option<u64>,
    /// Whether frames wait for [`Recognizer::complete`].
    pub(super) begun: bool,
}

impl Recognizer {
    /// Puts a model to work; `encoder` with its softmax temperature, as
    /// [`TemporalModel::encoder`](crate::world::TemporalModel::encoder) gives it.
    ///
    /// # Errors
    /// A setting is out of range, or the backend cannot hold the network.
    pub fn new(
        model: &Model,
        encoder: Option<(TemporalEncoder, f32)>,
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
        if settings.vote_seconds.is_some_and(|seconds| !(seconds > 0.0 && seconds <= 600.0)) {
            return Err(WorldError::setting("vote_seconds", "must be above 0 and at most 600"));
        }
        if settings.flip && encoder.is_some() {
            let problem = "has no use with a temporal encoder, which reads the features of one view";
            return Err(WorldError::setting("flip", problem));
        }
        settings.vote.check().map_err(|e| WorldError::setting("vote", e.to_string()))?;
        let network = model.inference(backend)?;
        let card = &model.card;
        let head = encoder.is_some().then(|| model.head()).transpose()?;
        let described = detector.describe();
        let wanted = Wanted { features: encoder.is_some(), answers: true };
        let mut pipeline = Pipeline::new::<LiveStage>(clock)?;
        let world = &mut pipeline.world;
        world.insert_resource(FaceDetector { detector, every: settings.detect_every, seen: 0 });
        let tracker = Tracker::new(settings.tracker);
        let cuts = settings.cuts.then(CutDetector::default);
        world.insert_resource(FaceTracker { tracker, cuts, shot: 0, tracks: BTreeMap::new() });
        world.insert_resource(Voting {
            vote: settings.vote,
            seconds: settings.vote_seconds,
            classes: card.classes.len(),
        });
        let upright = Aligner::new(&card.input, card.box_crop, card.crop);
        let mirrored = settings.flip.then(|| upright.mirrored());
        world.insert_resource(FaceAligner { upright, mirrored });
        let kept = KeptPictures { frames: settings.keep_frames, thumbnails: settings.thumbnails };
        world.insert_resource(kept);
        world.insert_resource(Student::new(
            network,
            (card.classes.len(), head),
            card.temperature,
            settings.batch,
            wanted,
        ));
        world.insert_resource(Encoder::new(encoder));
        world.insert_resource(NeutralClass::of(&card.classes));
        world.init_resource::<KnownRests>();
        world.init_resource::<FaceEmbedder>();
        world.insert_resource(UnsureThreshold(settings.unsure_below));
        world.init_resource::<Inbox>();
        world.init_resource::<AtHand>();
        world.init_resource::<FaceBatch>();
        world.init_resource::<Outbox>();
        Ok(Self {
            pipeline,
            classes: card.classes.clone(),
            detector: described,
            counts: (0, 0),
            last: None,
            begun: false,
        })
    }

    /// Lets readings carry embeddings ([`FaceReading::embedding`]) by this model: of a few good views of each person.
    pub fn embed_by(&mut self, model: &EmbeddingModel) {
        let EmbeddingModel { path, card, network, .. } = model.clone();
        let aligner = Aligner::new(&card.input, card.box_crop, card.crop);
        self.pipeline.world.insert_resource(FaceEmbedder(Some(Embedder { path, network, aligner })));
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
        let Some(track) = self.track(face) else {
            let problem = format!("cannot be calibrated: face {face} is not in sight");
            return Err(WorldError::setting("neutral", problem));
        };
        if self.pipeline.world.resource::<NeutralClass>().0.is_none() {
            let problem = "has no meaning: the model has no class of that name";
            return Err(WorldError::setting("neutral", problem));
        }
        let calibration =
            NeutralCalibration::new(seconds).map_err(|e| WorldError::setting("neutral", e.to_string()))?;
        self.pipeline.world.entity_mut(track).insert(RestingFace::Gathering(calibration));
        Ok(())
    }

    /// Takes these resting faces off from the first frame of their people on, by the numbers that they will get: of a recording that was
    /// read before. They count until others are given.
    pub fn know_rests(&mut self, rests: BTreeMap<u32, NeutralOffset>) {
        self.pipeline.world.insert_resource(KnownRests(rests));
    }

    /// What is known of a person's face at rest.
    pub fn neutral(&self, face: u32) -> NeutralState {
        let rest = self.track(face).and_then(|track| self.pipeline.world.get::<RestingFace>(track));
        NeutralState::from(rest)
    }

    /// Forgets a person's face at rest: their readings are again as the model gives them.
    pub fn forget_neutral(&mut self, face: u32) {
        if let Some(track) = self.track(face) {
            self.pipeline.world.entity_mut(track).remove::<RestingFace>();
        }
    }

    /// The entity of a person in sight.
    fn track(&self, face: u32) -> Option<Entity> {
        self.pipeline.world.resource::<FaceTracker>().tracks.get(&face).copied()
    }

    /// Time spent in each stage so far.
    pub fn times(&self) -> StageTimes {
        let (frames, faces) = self.counts;
        let mut times = StageTimes { frames, faces, ..StageTimes::default() };
        times.stages.copy_from_slice(self.pipeline.spent());
        times
    }

    /// Lets `add` put systems of a program's own between the stages ([`LiveStage`]); they see frames, faces and tracks.
    ///
    /// # Errors
    /// A new system conflicts with another one without an order.
    pub fn extend(&mut self, add: impl FnOnce(&mut World, &mut Schedule)) -> Result<(), WorldError> {
        self.pipeline.extend(add)
    }

    /// Reads the faces of a picture by itself: nobody in it is known from before or remembered.
    ///
    /// # Errors
    /// The detector or the network fails, or a video is under way, whose people would be lost.
    pub fn picture(&mut self, picture: Picture) -> Result<Vec<FaceReading>, WorldError> {
        if self.pipeline.world.resource::<FaceDetector>().seen > 0 {
            let problem = "cannot be read: a video is under way; end it by `finish` first";
            return Err(WorldError::setting("picture", problem));
        }
        let mut readings = self.read(vec![Frame { index: 0, seconds: 0.0, picture }])?;
        readings.extend(self.finish()?);
        Ok(readings.into_iter().flat_map(|reading| reading.faces).collect())
    }

    /// Whether the frames that follow are pictures by themselves ([`SourceInfo::still`]) and not a film: the detector then looks
    /// at each, nobody is followed from one to the next, and no label takes part in another's vote.
    ///
    /// [`SourceInfo::still`]: crate::media::source::SourceInfo::still
    pub fn take_pictures(&mut self, apart: bool) {
        self.pipeline.world.resource_mut::<Inbox>().apart = apart;
    }

    /// Takes a frame of a video and gives the faces that are now read to the end: those of this frame with a causal vote
    /// and no encoder or a causal one, else those of earlier frames. Frames come in order: each has a higher number than the
    /// one before it, though numbers may be left out. [`Recognizer::finish`] ends the video.
    ///
    /// # Errors
    /// The frame's number does not follow or its time is not finite; it is then not taken, and the video goes on. The detector or the
    /// network fails.
    pub fn push(&mut self, frame: Frame) -> Result<Vec<FaceReading>, WorldError> {
        Ok(self.read(vec![frame])?.into_iter().flat_map(|frame| frame.faces).collect())
    }

    /// Takes several frames at once, which is faster than one by one, and gives every frame that is now read to the end,
    /// those without a face too.
    ///
    /// # Errors
    /// As [`Recognizer::push`].
    pub fn read(&mut self, frames: Vec<Frame>) -> Result<Vec<FrameReading>, WorldError> {
        self.take_order(&frames)?;
        self.read_in_order(frames)
    }

    /// Takes note of the frames' numbers, unless one is out of order or others wait.
    pub(super) fn take_order(&mut self, frames: &[Frame]) -> Result<(), WorldError> {
        self.check_begun(false)?;
        let mut last = self.last;
        for frame in frames {
            if let Some(last) = last.filter(|&last| frame.index <= last) {
                let problem = format!(
                    "is {}, but the frame before it is {last}; `finish` begins another video",
                    frame.index
                );
                return Err(WorldError::setting("frame.index", problem));
            }
            if !frame.seconds.is_finite() {
                let problem =
                    format!("is {} in frame {}, but must be a time in seconds", frame.seconds, frame.index);
                return Err(WorldError::setting("frame.seconds", problem));
            }
            last = Some(frame.index);
        }
        self.last = last;
        Ok(())
    }

    fn read_in_order(&mut self, frames: Vec<Frame>) -> Result<Vec<FrameReading>, WorldError> {
        self.check_begun(false)?;
        self.counts.0 += frames.len() as u64;
        self.pipeline.world.resource_mut::<Inbox>().frames = frames;
        self.pipeline.run()?;
        Ok(self.fetch())
    }

    /// What is read to the end, with the faces of this pass counted.
    pub(super) fn fetch(&mut self) -> Vec<FrameReading> {
        self.counts.1 += self.pipeline.world.resource::<FaceBatch>().faces.len() as u64;
        std::mem::take(&mut self.pipeline.world.resource_mut::<Outbox>().0)
    }

    /// Reads a whole source that is decoded ahead. `each` takes the frames that are read to the end, with the number of
    /// frames that have come in since it was called last, and stops by giving `false`: this then gives `false` too, and the
    /// recognizer is ready for another source.
    ///
    /// # Errors
    /// The source, the detector or the network fails, or `each` does. After the latter two the recognizer is of no more use.
    pub fn read_source<E: From<WorldError>>(
        &mut self,
        source: &mut ReadAhead,
        mut each: impl FnMut(Vec<FrameReading>, usize) -> Result<bool, E>,
    ) -> Result<bool, E> {
        self.take_pictures(source.info().still);
        let mut ended = false;
        while !ended {
            let frames;
            (frames, ended) = source.next_frames().map_err(WorldError::from)?;
            let taken = frames.len();
            if !each(self.read_in_order(frames)?, taken)? {
                self.finish()?;
                return Ok(false);
            }
        }
        let rest = self.finish()?;
        self.take_pictures(false);
        each(rest, 0)
    }

    /// Ends the video: gives the frames that are left. The recognizer is then ready for another one, whose faces are
    /// numbered anew.
    ///
    /// # Errors
    /// As [`Recognizer::push`].
    pub fn finish(&mut self) -> Result<Vec<FrameReading>, WorldError> {
        self.check_begun(false)?;
        self.pipeline.world.resource_mut::<Inbox>().last = true;
        self.last = None;
        let rest = self.read_in_order(vec![]);
        self.pipeline.world.resource_mut::<Inbox>().last = false;
        let mut following = self.pipeline.world.resource_mut::<FaceTracker>();
        following.tracker.clear();
        following.shot = 0;
        following.cuts.iter_mut().for_each(CutDetector::clear);
        self.pipeline.world.resource_mut::<FaceDetector>().seen = 0;
        rest
    }
}
