//! The systems of `evaluate_clips`: each takes what it needs from the world, calls a plain function, puts the result
//! back.
#![expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
#![expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use bevy_ecs::prelude::*;

use super::answers::{Encoder, FrameReading, KINDS, Line, Walk};
use super::{ClipScores, ReadingSink};
use crate::learn::{Answer, Confusion, FrameReport};
use crate::world::components::{
    ClipIndex, Confidence, FrameIndex, HasFace, Label, StudentLabel, TemporalLabel, VotedLabel,
};
use crate::world::error::WorldError;

/// Who is told of every frame.
#[derive(Resource)]
pub(super) struct Sink(pub Mutex<ReadingSink>);

/// Counts of all frames that are through.
#[derive(Resource)]
pub(super) struct Tally {
    per_frame: Confusion,
    temporal: Option<Confusion>,
    smoothed: Option<Confusion>,
    vote: Confusion,
    votes: [Confusion; 3],
}

impl Tally {
    pub fn new(classes: usize, temporal: bool, smoothed: bool) -> Self {
        let empty = Confusion::new(classes);
        Self {
            per_frame: empty.clone(),
            temporal: temporal.then(|| empty.clone()),
            smoothed: smoothed.then(|| empty.clone()),
            vote: empty.clone(),
            votes: [empty.clone(), empty.clone(), empty],
        }
    }

    fn add(&mut self, reading: &FrameReading) -> Result<(), WorldError> {
        let truth = reading.truth;
        let count = |counts: Option<&mut Confusion>, class: Option<usize>| match (counts, class) {
            (Some(counts), Some(class)) => counts.add(truth, class),
            _ => Ok(()),
        };
        count(Some(&mut self.per_frame), reading.student.as_ref().map(|a| a.class))?;
        count(self.temporal.as_mut(), reading.temporal.as_ref().map(|a| a.class))?;
        count(self.smoothed.as_mut(), reading.smoothed)?;
        count(Some(&mut self.vote), reading.voted)?;
        for (counts, class) in self.votes.iter_mut().zip(reading.votes) {
            count(Some(counts), class)?;
        }
        Ok(())
    }

    pub fn scores(&self, classes: &[String]) -> ClipScores {
        let report = |counts: &Confusion| FrameReport::new(counts, classes);
        let votes = KINDS.iter().zip(&self.votes).map(|((_, name), counts)| ((*name).into(), report(counts)));
        ClipScores {
            per_frame: report(&self.per_frame),
            temporal: self.temporal.as_ref().map(report),
            smoothed: self.smoothed.as_ref().map(report),
            vote: report(&self.vote),
            votes: votes.collect::<BTreeMap<_, _>>(),
        }
    }
}

/// Entities of the frames under way by their numbers; all are of one clip.
fn by_frame(frames: &Query<(Entity, &FrameIndex)>) -> HashMap<usize, Entity> {
    frames.iter().map(|(entity, frame)| (frame.0, entity)).collect()
}

pub(super) fn draw(
    mut commands: Commands,
    mut walk: ResMut<Walk>,
    mut line: ResMut<Line>,
) -> Result<(), WorldError> {
    walk.advance();
    for frame in walk.now.clone() {
        let (clip, truth) = (walk.clip, walk.features.set.label(walk.clip, frame));
        let mut entity = commands.spawn((ClipIndex(clip), FrameIndex(frame)));
        if let Ok(class) = usize::try_from(truth) {
            entity.insert(Label(class));
        }
        line.readings.push_back(FrameReading { clip, frame, truth, ..FrameReading::default() });
    }
    Ok(())
}

pub(super) fn student(
    mut commands: Commands,
    walk: Res<Walk>,
    mut line: ResMut<Line>,
    frames: Query<(Entity, &FrameIndex)>,
) -> Result<(), WorldError> {
    let entities = by_frame(&frames);
    let (features, file) = (&walk.features, &walk.features.files[walk.clip]);
    let fresh = line.readings.len() - walk.now.len();
    for reading in line.readings.range_mut(fresh..) {
        reading.student = file.row(reading.frame).map(|row| Answer::of(&features.head.logits(row), 1.0));
        if let (Some(answer), Some(&entity)) = (&reading.student, entities.get(&reading.frame)) {
            commands.entity(entity).insert((HasFace, StudentLabel(answer.class)));
        }
    }
    Ok(())
}

pub(super) fn temporal(
    mut commands: Commands,
    walk: Res<Walk>,
    mut encoder: ResMut<Encoder>,
    mut line: ResMut<Line>,
    frames: Query<(Entity, &FrameIndex)>,
) -> Result<(), WorldError> {
    let Some(stage) = &mut encoder.0 else {
        line.answered = line.readings.len();
        return Ok(());
    };
    let stage = stage.get_mut().unwrap_or_else(PoisonError::into_inner);
    let file = &walk.features.files[walk.clip];
    let mut out = vec![];
    for frame in walk.now.clone() {
        out.extend(stage.push(file.row(frame))?);
    }
    if walk.ends() {
        out.extend(stage.finish()?);
    }
    let entities = by_frame(&frames);
    for logits in out {
        let at = line.answered;
        let reading = &mut line.readings[at];
        reading.temporal = reading.student.is_some().then(|| Answer::of(&logits, 1.0));
        if let (Some(answer), Some(&entity)) = (&reading.temporal, entities.get(&reading.frame)) {
            commands.entity(entity).insert((TemporalLabel(answer.class), Confidence(answer.confidence())));
        }
        line.answered += 1;
    }
    Ok(())
}

pub(super) fn vote(
    mut commands: Commands,
    walk: Res<Walk>,
    mut line: ResMut<Line>,
    frames: Query<(Entity, &FrameIndex)>,
) -> Result<(), WorldError> {
    line.poll(walk.ends());
    let entities = by_frame(&frames);
    for reading in line.readings.range(..line.through()) {
        if let (Some(class), Some(&entity)) = (reading.voted, entities.get(&reading.frame)) {
            commands.entity(entity).insert(VotedLabel(class));
        }
    }
    Ok(())
}

pub(super) fn measure(
    mut commands: Commands,
    mut line: ResMut<Line>,
    mut tally: ResMut<Tally>,
    mut sink: ResMut<Sink>,
    frames: Query<(Entity, &FrameIndex)>,
) -> Result<(), WorldError> {
    let entities = by_frame(&frames);
    let sink = sink.0.get_mut().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..line.through() {
        let Some(reading) = line.pop() else { break };
        tally.add(&reading)?;
        sink(&reading)?;
        if let Some(&entity) = entities.get(&reading.frame) {
            commands.entity(entity).despawn();
        }
    }
    Ok(())
}
