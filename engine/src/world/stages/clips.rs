//! Clips instead of cameras: each clip's face is one track, its features are kept in files, and labels are known, so that
//! what reading answers can be counted.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_platform::cell::SyncCell;

use super::student::FaceBatch;
use super::temporal::Encoder;
use super::track::Voting;
use crate::learn::{Answer, Head};
use crate::signal::{
    PostSettings, SignalError, SmoothKind, SmoothSettings, Smoother, VoteSettings, Voter, most_probable,
};
use crate::world::clip::{ClipFeatures, ClipTally, ScoredFrame, VOTE_KINDS};
use crate::world::components::{
    Ballot, ClipIndex, Ended, Faces, Features, FrameIndex, FrameLabel, InFrame, StudentAnswer,
    TemporalAnswer, Timeline, VotedLabel,
};
use crate::world::error::WorldError;

/// Frames that one run of the schedule takes in.
const FRAMES_A_RUN: usize = 32;
/// Frames up to the newest whose features are given back; enough to fill whole pages, however short a feature vector is.
const GIVEN_BACK: usize = 4096;
/// Where the walk over clips and frames is.
#[derive(Resource)]
pub struct ClipWalk {
    features: Arc<ClipFeatures>,
    clip: usize,
    /// Clips after that one.
    others: VecDeque<usize>,
    /// Frames of the clip that this run takes in.
    now: Range<usize>,
    done: usize,
    total: usize,
    /// The track of the clip's face.
    track: Option<Entity>,
}

impl ClipWalk {
    /// At the first of some of the clips.
    pub fn new(features: Arc<ClipFeatures>, clips: impl Iterator<Item = usize>) -> Self {
        let mut others: VecDeque<usize> = clips.collect();
        let total = others.iter().map(|&clip| features.set.frames(clip)).sum();
        let clip = others.pop_front().unwrap_or(0);
        Self { features, clip, others, now: 0..0, done: 0, total, track: None }
    }

    /// Frames of all its clips.
    pub fn total_frames(&self) -> usize {
        self.total
    }

    /// Goes to the next frames: those after `now`, or the next clip's first.
    fn advance(&mut self) {
        if self.track.is_some() && self.ends() {
            self.clip = self.others.pop_front().unwrap_or(self.clip);
            self.now = 0..0;
            self.track = None;
        }
        let end = self.features.set.frames(self.clip).min(self.now.end + FRAMES_A_RUN);
        self.now = self.now.end..end;
        self.done += self.now.len();
    }

    /// Whether `now` reaches the end of its clip.
    fn ends(&self) -> bool {
        self.now.end == self.features.set.frames(self.clip)
    }

    /// Frames taken in so far.
    pub fn frames_done(&self) -> usize {
        self.done
    }

    /// Whether every frame has been taken in.
    pub fn is_done(&self) -> bool {
        self.done == self.total
    }
}

/// The student's classifier on kept features, at its temperature.
#[derive(Resource)]
pub struct KeptStudent {
    /// The classifier.
    pub head: Head,
    /// Softmax temperature.
    pub temperature: f32,
}

/// Spawns the next frames of the clip under way, and a face in each whose features are kept.
pub fn draw_frames(
    mut commands: Commands,
    mut walk: ResMut<ClipWalk>,
    mut encoder: ResMut<Encoder>,
    mut batch: ResMut<FaceBatch>,
    voting: Res<Voting>,
    mut timelines: Query<&mut Timeline>,
) -> Result<(), WorldError> {
    walk.advance();
    let ClipFeatures { set, files, .. } = &*walk.features;
    let mut fresh = vec![];
    batch.faces.clear();
    for frame in walk.now.clone() {
        let truth = FrameLabel(set.label(walk.clip, frame));
        let entity = commands.spawn((ClipIndex(walk.clip), FrameIndex(frame), truth)).id();
        let has_face = files[walk.clip].row(frame).is_some();
        let face = has_face.then(|| commands.spawn(InFrame(entity)).id());
        batch.faces.extend(face);
        fresh.push(face);
    }
    let track = if let Some(track) = walk.track {
        let mut timeline = timelines.get_mut(track).map_err(|e| WorldError::Schedule(e.to_string()))?;
        timeline.fresh = fresh;
        track
    } else {
        let ballot = Ballot::new(voting.vote, voting.classes).map_err(refuse)?;
        commands.spawn((Timeline { fresh, ..Timeline::default() }, ballot, encoder.window()?)).id()
    };
    walk.track = Some(track);
    if walk.ends() {
        commands.entity(track).insert(Ended);
    }
    Ok(())
}

/// Gives the faces their kept features and the student's answers.
pub fn recall(
    mut commands: Commands,
    walk: Res<ClipWalk>,
    student: Res<KeptStudent>,
    encoder: Res<Encoder>,
    batch: Res<FaceBatch>,
    faces: Query<&InFrame>,
    frames: Query<&FrameIndex>,
) -> Result<(), WorldError> {
    let file = &walk.features.files[walk.clip];
    for &face in &batch.faces {
        let frame = faces.get(face).ok().and_then(|frame| frames.get(frame.0).ok());
        let Some(row) = frame.and_then(|frame| file.row(frame.0)) else { continue };
        let answer = Answer::of(&student.head.logits(row), student.temperature)?;
        commands.entity(face).insert(StudentAnswer(answer));
        if encoder.is_some() {
            commands.entity(face).insert(Features(row.to_vec()));
        }
    }
    // Windows and faces keep what they still need, so a long clip's features need not stay in memory.
    file.release(walk.now.end.saturating_sub(GIVEN_BACK)..walk.now.end);
    Ok(())
}

/// Every way of voting and the box filter, beside the vote that is chosen: they are counted, and nothing else. Since they
/// see one clip at a time, what they keep stands here.
#[derive(Resource)]
pub struct Comparison {
    voters: [Voter; 3],
    smoother: Option<Smoother>,
    /// Frames that wait for them: what each way has said so far, and how far each has come.
    waiting: VecDeque<Compared>,
    voted: [usize; 3],
    smoothed: usize,
}

/// What the other ways say of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct Compared {
    /// Each way of voting, in the order of [`VOTE_KINDS`].
    pub votes: [Option<usize>; 3],
    /// The box filter.
    pub smoothed: Option<usize>,
}

impl Comparison {
    /// With the windows of these settings.
    ///
    /// # Errors
    /// A window is out of range.
    pub fn new(post: &PostSettings, classes: usize) -> Result<Self, SignalError> {
        let voter = |kind| Voter::new(VoteSettings { kind, ..post.vote }, classes);
        let smoothing = SmoothSettings { kind: SmoothKind::Centred, window: post.smoothing };
        let smoother = (post.smoothing > 1).then(|| Smoother::new(smoothing, classes)).transpose()?;
        let voters = [voter(VOTE_KINDS[0].0)?, voter(VOTE_KINDS[1].0)?, voter(VOTE_KINDS[2].0)?];
        Ok(Self { voters, smoother, waiting: VecDeque::new(), voted: [0; 3], smoothed: 0 })
    }

    fn push(&mut self, answer: Option<&Answer>) {
        self.waiting.push_back(Compared::default());
        let (label, row) = (answer.map(|a| a.class), answer.map(|a| a.probabilities.as_slice()));
        for (kind, voter) in self.voters.iter_mut().enumerate() {
            if let Some(vote) = voter.push(label, row.unwrap_or_default()) {
                self.waiting[self.voted[kind]].votes[kind] = vote.label;
                self.voted[kind] += 1;
            }
        }
        if let Some(smoother) = &mut self.smoother
            && let Some(mean) = smoother.push(row)
        {
            self.waiting[self.smoothed].smoothed = mean.probabilities.and_then(best);
            self.smoothed += 1;
        }
    }

    fn finish(&mut self) {
        for (kind, voter) in self.voters.iter_mut().enumerate() {
            for vote in voter.finish() {
                self.waiting[self.voted[kind]].votes[kind] = vote.label;
                self.voted[kind] += 1;
            }
        }
        while let Some(mean) = self.smoother.as_mut().and_then(Smoother::drain) {
            self.waiting[self.smoothed].smoothed = mean.probabilities.and_then(best);
            self.smoothed += 1;
        }
    }

    /// The frame at the front, once all have come past it.
    fn pop(&mut self) -> Option<Compared> {
        let smoothed = if self.smoother.is_some() { self.smoothed } else { self.waiting.len() };
        if self.voted.iter().copied().chain([smoothed, self.waiting.len()]).min() == Some(0) {
            return None;
        }
        self.voted.iter_mut().for_each(|count| *count -= 1);
        self.smoothed = self.smoothed.saturating_sub(1);
        self.waiting.pop_front()
    }
}

fn best(row: &[f32]) -> Option<usize> {
    most_probable(row).map(|(class, _)| class)
}

/// Lets every way of voting see what has been answered, before the chosen one takes it away.
pub fn compare(
    mut comparison: ResMut<Comparison>,
    tracks: Query<(&Timeline, Has<Ended>)>,
    faces: Query<(&StudentAnswer, Option<&TemporalAnswer>)>,
) -> Result<(), WorldError> {
    for (timeline, ended) in &tracks {
        for face in &timeline.answered {
            let answer = face.and_then(|face| faces.get(face).ok());
            comparison.push(answer.map(|(student, temporal)| temporal.map_or(&student.0, |t| &t.0)));
        }
        if ended {
            comparison.finish();
        }
    }
    Ok(())
}

/// Takes every frame's scores, in order.
pub type ScoreSink = Box<dyn FnMut(&ScoredFrame) -> Result<(), WorldError> + Send>;

/// Who is told of every frame, and what was counted so far.
#[derive(Resource)]
pub struct Scores {
    /// Counts.
    pub tally: ClipTally,
    /// Is told of every frame.
    pub sink: SyncCell<ScoreSink>,
}

/// What a face of a clip has gathered on its way.
type Gathered<'a> = (&'a mut StudentAnswer, Option<&'a mut TemporalAnswer>, Option<&'a VotedLabel>);

/// Counts the frames at the front that are through all stages, hands them to the sink, and removes them.
pub fn measure(
    mut commands: Commands,
    mut comparison: ResMut<Comparison>,
    mut scores: ResMut<Scores>,
    frames: Query<(Entity, &ClipIndex, &FrameIndex, &FrameLabel, Option<&Faces>)>,
    mut faces: Query<Gathered>,
) -> Result<(), WorldError> {
    let mut in_order: Vec<_> = frames.iter().collect();
    in_order.sort_unstable_by_key(|(_, clip, frame, ..)| (**clip, **frame));
    for (entity, clip, frame, truth, in_frame) in in_order {
        let face = in_frame.and_then(|faces| faces.in_order().first().copied());
        if face.is_some_and(|face| !faces.get(face).is_ok_and(|(.., voted)| voted.is_some())) {
            break;
        }
        let Some(Compared { votes, smoothed }) = comparison.pop() else { break };
        let mut scored = ScoredFrame {
            clip: clip.0,
            frame: frame.0,
            truth: truth.0,
            votes,
            smoothed,
            ..ScoredFrame::default()
        };
        if let Some((student, temporal, voted)) = face.and_then(|face| faces.get_mut(face).ok()) {
            scored.student = Some(take(&mut student.into_inner().0));
            scored.temporal = temporal.map(|temporal| take(&mut temporal.into_inner().0));
            scored.voted = voted.map(|voted| voted.0);
        }
        let Scores { tally, sink } = &mut *scores;
        tally.add(&scored)?;
        (sink.get())(&scored)?;
        commands.entity(entity).despawn();
    }
    Ok(())
}

fn take(answer: &mut Answer) -> Answer {
    Answer { class: answer.class, probabilities: std::mem::take(&mut answer.probabilities) }
}

fn refuse(error: SignalError) -> WorldError {
    WorldError::setting("post", error.to_string())
}
