//! The systems of `live`: each takes what it needs from the world, calls a plain function, puts the result back.
#![expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
#![expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bevy_ecs::prelude::*;

use super::LiveStage;
use super::lines::{Answered, Lines, Seen};
use super::reading::{FaceReading, FrameReading};
use super::times::Watch;
use crate::backend::{Mode, Network};
use crate::learn::{Answer, Head};
use crate::media::align::{Aligner, thumbnail};
use crate::media::detect::Detector;
use crate::media::source::Frame;
use crate::media::track::Tracker;
use crate::media::{Detection, Picture};
use crate::world::components::{
    BatchIndex, CameIn, Confidence, Face, FrameIndex, HasFace, Seconds, StudentAnswer, StudentLabel,
    TemporalAnswer, TemporalLabel, VotedLabel,
};
use crate::world::error::WorldError;

/// Frames that came in and are not yet taken up; whether they are the last.
#[derive(Resource, Default)]
pub(super) struct Inbox {
    pub frames: Vec<Frame>,
    pub last: bool,
}

/// The frames of this pass and what becomes of them.
#[derive(Resource, Default)]
pub(super) struct Batch {
    frames: Vec<Frame>,
    /// The faces of each frame; `None` where no detector looked.
    detections: Vec<Option<Vec<Detection>>>,
    /// Faces in the order of their input: entity, and which frame of the pass it is in.
    faces: Vec<(Entity, usize)>,
    /// Faces that are gone for good since each frame.
    expired: Vec<Vec<u32>>,
    input: Vec<f32>,
    /// The student's features or logits, a row a face.
    rows: Vec<f32>,
    answers: Vec<Answer>,
}

/// The detector, and how often it looks.
#[derive(Resource)]
pub(super) struct Eyes {
    pub detector: Box<dyn Detector>,
    pub every: u64,
    pub seen: u64,
}

/// Who is who.
#[derive(Resource)]
pub(super) struct Follow(pub Tracker);

/// How faces become input.
#[derive(Resource)]
pub(super) struct Framer(pub Aligner);

/// The network; locked by nobody, the lock only makes it a resource.
#[derive(Resource)]
pub(super) struct Student {
    pub network: Mutex<Box<dyn Network>>,
    /// Its classifier.
    pub head: Head,
    pub temperature: f32,
    /// Most faces a pass of the network.
    pub batch: usize,
}

/// Pictures that readings will carry.
#[derive(Resource, Default)]
pub(super) struct Gallery {
    /// Whether frames are kept.
    whole: bool,
    /// Seconds between two thumbnails of a face, and their side.
    thumbnails: Option<(f64, usize)>,
    frames: BTreeMap<usize, Picture>,
    faces: BTreeMap<(usize, u32), Picture>,
    due: BTreeMap<u32, f64>,
}

impl Gallery {
    pub fn new(whole: bool, thumbnails: Option<(f64, usize)>) -> Self {
        Self { whole, thumbnails, ..Self::default() }
    }

    /// Forgets who has had a thumbnail, for another video.
    pub fn forget(&mut self) {
        self.frames.clear();
        self.faces.clear();
        self.due.clear();
    }
}

/// Confidence below which a reading is unsure.
#[derive(Resource)]
pub(super) struct Doubt(pub f32);

/// Readings that nobody has fetched yet.
#[derive(Resource, Default)]
pub(super) struct Outbox(pub Vec<FrameReading>);

pub(super) fn capture(
    mut commands: Commands,
    mut inbox: ResMut<Inbox>,
    mut batch: ResMut<Batch>,
    mut watch: ResMut<Watch>,
) -> Result<(), WorldError> {
    watch.start();
    *batch = Batch { frames: std::mem::take(&mut inbox.frames), ..Batch::default() };
    let now = CameIn(watch.clock.now());
    for (place, frame) in batch.frames.iter().enumerate() {
        commands.spawn((FrameIndex(frame.index as usize), BatchIndex(place), Seconds(frame.seconds), now));
    }
    watch.times.frames += batch.frames.len() as u64;
    watch.book(LiveStage::Capture);
    Ok(())
}

pub(super) fn detect(
    mut batch: ResMut<Batch>,
    mut eyes: ResMut<Eyes>,
    mut watch: ResMut<Watch>,
) -> Result<(), WorldError> {
    let due: Vec<bool> =
        (0..batch.frames.len() as u64).map(|n| (eyes.seen + n).is_multiple_of(eyes.every)).collect();
    let looked: Vec<&Picture> =
        batch.frames.iter().zip(&due).filter(|(_, due)| **due).map(|(f, _)| &f.picture).collect();
    let mut found = eyes.detector.detect_all(&looked)?.into_iter();
    batch.detections = due.into_iter().map(|due| if due { found.next() } else { None }).collect();
    eyes.seen += batch.frames.len() as u64;
    watch.book(LiveStage::Detect);
    Ok(())
}

pub(super) fn track(
    mut commands: Commands,
    mut batch: ResMut<Batch>,
    mut follow: ResMut<Follow>,
    mut watch: ResMut<Watch>,
) -> Result<(), WorldError> {
    let Batch { frames, detections, faces, expired, .. } = &mut *batch;
    for (place, (frame, found)) in frames.iter().zip(detections).enumerate() {
        let step = follow.0.step(frame.index, found.as_deref());
        for tracked in step.faces {
            let face = (FrameIndex(frame.index as usize), BatchIndex(place), Face(tracked), HasFace);
            faces.push((commands.spawn(face).id(), place));
        }
        expired.push(step.expired);
    }
    watch.book(LiveStage::Track);
    Ok(())
}

pub(super) fn align(
    mut batch: ResMut<Batch>,
    framer: Res<Framer>,
    mut gallery: ResMut<Gallery>,
    mut watch: ResMut<Watch>,
    faces: Query<(&Face, &FrameIndex)>,
) -> Result<(), WorldError> {
    let mut views = vec![];
    for &(entity, place) in &batch.faces {
        let (Face(face), frame) = faces.get(entity).map_err(|e| WorldError::Schedule(e.to_string()))?;
        let Frame { picture, seconds, .. } = &batch.frames[place];
        views.push((picture, face.face_box, face.landmarks));
        if let Some((every, side)) = gallery.thumbnails
            && gallery.due.get(&face.id).is_none_or(|due| *seconds >= *due)
        {
            gallery.due.insert(face.id, seconds + every);
            gallery.faces.insert((frame.0, face.id), thumbnail(picture, &face.face_box, side));
        }
    }
    let input = framer.0.align_all(&views)?;
    batch.input = input;
    watch.book(LiveStage::Align);
    Ok(())
}

pub(super) fn student(
    mut commands: Commands,
    mut batch: ResMut<Batch>,
    mut student: ResMut<Student>,
    lines: Res<Lines>,
    mut watch: ResMut<Watch>,
) -> Result<(), WorldError> {
    let Student { network, head, temperature, batch: most } = &mut *student;
    let network = network.get_mut().unwrap_or_else(PoisonError::into_inner);
    let each = network.graph().input().len();
    let Batch { input, rows, answers, faces, .. } = &mut *batch;
    for part in input.chunks(each * *most) {
        let items = part.len() / each;
        if lines.has_encoder() {
            let features = network.features(part, items)?;
            answers.extend(
                features.chunks_exact(head.features()).map(|row| Answer::of(&head.logits(row), *temperature)),
            );
            rows.extend(features);
        } else {
            let logits = network.forward(part, items, Mode::Infer)?;
            answers.extend(logits.chunks_exact(head.classes()).map(|row| Answer::of(row, *temperature)));
        }
    }
    for ((entity, _), answer) in faces.iter().zip(answers.iter()) {
        commands.entity(*entity).insert((StudentLabel(answer.class), StudentAnswer(answer.clone())));
    }
    watch.times.faces += faces.len() as u64;
    watch.book(LiveStage::Student);
    Ok(())
}

pub(super) fn temporal(
    mut commands: Commands,
    batch: Res<Batch>,
    inbox: Res<Inbox>,
    student: Res<Student>,
    mut lines: ResMut<Lines>,
    mut watch: ResMut<Watch>,
    faces: Query<&Face>,
) -> Result<(), WorldError> {
    let width = student.head.features();
    let mut out = Answered::default();
    let mut next = 0;
    for (place, expired) in batch.expired.iter().enumerate() {
        let mut seen = BTreeMap::new();
        while let Some(&(entity, _)) = batch.faces.get(next).filter(|(_, at)| *at == place) {
            let Face(face) = faces.get(entity).map_err(|e| WorldError::Schedule(e.to_string()))?;
            let features = lines.has_encoder().then(|| &batch.rows[next * width..][..width]);
            seen.insert(face.id, Seen { entity, answer: batch.answers[next].clone(), features });
            lines.begin(face.id)?;
            next += 1;
        }
        lines.push(seen, expired, batch.frames[place].seconds, &mut out)?;
    }
    if inbox.last {
        lines.end(&mut out)?;
    }
    for (entity, answer) in out.student {
        commands.entity(entity).insert((StudentLabel(answer.class), StudentAnswer(answer)));
    }
    for (entity, answer) in out.temporal {
        commands.entity(entity).insert((TemporalLabel(answer.class), TemporalAnswer(answer)));
    }
    watch.book(LiveStage::Temporal);
    Ok(())
}

pub(super) fn vote(
    mut commands: Commands,
    mut lines: ResMut<Lines>,
    mut watch: ResMut<Watch>,
    faces: Query<(&StudentAnswer, Option<&TemporalAnswer>)>,
) -> Result<(), WorldError> {
    for line in lines.of_face.values_mut() {
        for (entity, class) in line.vote() {
            let (student, temporal) = faces.get(entity).map_err(|e| WorldError::Schedule(e.to_string()))?;
            let answer = temporal.map_or(&student.0, |temporal| &temporal.0);
            let confidence = Confidence(answer.probabilities.get(class).copied().unwrap_or(0.0));
            commands.entity(entity).insert((VotedLabel(class), confidence));
        }
    }
    lines.forget_ended();
    watch.book(LiveStage::Vote);
    Ok(())
}

/// What a face has gathered on its way.
type Gathered<'a> = (
    Entity,
    &'a FrameIndex,
    &'a Face,
    &'a StudentAnswer,
    Option<&'a TemporalAnswer>,
    Option<(&'a VotedLabel, &'a Confidence)>,
);

#[expect(clippy::too_many_arguments, reason = "a system's parameters are what it takes from the world")]
pub(super) fn present(
    mut commands: Commands,
    mut batch: ResMut<Batch>,
    mut gallery: ResMut<Gallery>,
    mut outbox: ResMut<Outbox>,
    mut watch: ResMut<Watch>,
    doubt: Res<Doubt>,
    frames: Query<(Entity, &FrameIndex, &Seconds, &CameIn)>,
    faces: Query<Gathered>,
) -> Result<(), WorldError> {
    if gallery.whole {
        let taken = std::mem::take(&mut batch.frames);
        gallery.frames.extend(taken.into_iter().map(|frame| (frame.index as usize, frame.picture)));
    }
    let mut of_frame: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for face in &faces {
        of_frame.entry(face.1.0).or_default().push(face);
    }
    let mut in_order: Vec<_> = frames.iter().collect();
    in_order.sort_unstable_by_key(|(_, frame, _, _)| frame.0);
    for (entity, FrameIndex(frame), seconds, came) in in_order {
        let mut found = of_frame.remove(frame).unwrap_or_default();
        if found.iter().any(|(.., voted)| voted.is_none()) {
            break;
        }
        found.sort_unstable_by_key(|(_, _, face, ..)| face.0.id);
        let mut reading = FrameReading {
            frame: *frame as u64,
            seconds: seconds.0,
            faces: vec![],
            latency: watch.clock.now().saturating_sub(came.0),
            picture: gallery.frames.remove(frame),
        };
        for (entity, _, Face(face), student, temporal, voted) in found {
            let Some((voted, confidence)) = voted else { continue };
            reading.faces.push(FaceReading {
                frame: reading.frame,
                seconds: reading.seconds,
                face: face.id,
                face_box: face.face_box,
                landmarks: face.landmarks,
                detected: face.detected,
                probabilities: temporal.map_or(&student.0, |t| &t.0).probabilities.clone(),
                frame_label: student.0.class,
                temporal_label: temporal.map(|t| t.0.class),
                voted_label: voted.0,
                confidence: confidence.0,
                unsure: confidence.0 < doubt.0,
                thumbnail: gallery.faces.remove(&(*frame, face.id)),
            });
            commands.entity(entity).despawn();
        }
        commands.entity(entity).despawn();
        outbox.0.push(reading);
    }
    watch.book(LiveStage::Present);
    Ok(())
}
