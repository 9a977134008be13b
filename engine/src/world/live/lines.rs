//! What is kept of each face from frame to frame: its window of features and its votes.

use std::collections::{BTreeMap, VecDeque};

use bevy_ecs::prelude::*;

use super::rest::Rests;
use crate::learn::{Answer, TemporalStage};
use crate::signal::{VoteSettings, Voter};
use crate::world::error::WorldError;

/// One face's way through encoder and vote. A frame in which the face is not seen keeps its place in both windows.
pub(super) struct FaceLine {
    face: u32,
    stage: Option<TemporalStage>,
    voter: Voter,
    /// Entities whose temporal answer is due, oldest first, and their times.
    unanswered: VecDeque<(Option<Entity>, f64)>,
    /// Entities with the answer that will be voted on.
    answered: VecDeque<(Option<Entity>, Option<Answer>)>,
    /// Entities whose vote is due, oldest first.
    unvoted: VecDeque<Option<Entity>>,
    ended: bool,
}

/// What one frame of a face brings.
pub(super) struct Seen<'a> {
    pub entity: Entity,
    pub answer: Answer,
    /// The student's features, where there is an encoder.
    pub features: Option<&'a [f32]>,
}

/// What frames have come to: entities with their final answers.
#[derive(Default)]
pub(super) struct Answered {
    /// Those of the encoder.
    pub temporal: Vec<(Entity, Answer)>,
    /// Those of the student that are no longer as it gave them.
    pub student: Vec<(Entity, Answer)>,
}

impl FaceLine {
    /// Takes the next frame, at `seconds`; adds what is now answered to `out`.
    pub fn push(
        &mut self,
        seen: Option<Seen<'_>>,
        seconds: f64,
        final_answer: &mut FinalAnswer<'_>,
        out: &mut Answered,
    ) -> Result<(), WorldError> {
        let entity = seen.as_ref().map(|s| s.entity);
        let Some(stage) = &mut self.stage else {
            let answer = seen.map(|s| {
                let changed = final_answer.rests.take(self.face, seconds, &s.answer);
                out.student.extend(changed.clone().map(|answer| (s.entity, answer)));
                changed.unwrap_or(s.answer)
            });
            self.answered.push_back((entity, answer));
            return Ok(());
        };
        self.unanswered.push_back((entity, seconds));
        let logits = stage.push(seen.and_then(|s| s.features))?;
        self.take(logits, final_answer, out);
        Ok(())
    }

    /// No frame follows: adds the answers that are left to `out`.
    pub fn end(&mut self, final_answer: &mut FinalAnswer<'_>, out: &mut Answered) -> Result<(), WorldError> {
        self.ended = true;
        let logits = self.stage.as_mut().map_or_else(|| Ok(vec![]), TemporalStage::finish)?;
        self.take(logits, final_answer, out);
        final_answer.rests.forget(self.face);
        Ok(())
    }

    fn take(&mut self, logits: Vec<Vec<f32>>, final_answer: &mut FinalAnswer<'_>, out: &mut Answered) {
        for row in logits {
            let Some((entity, seconds)) = self.unanswered.pop_front() else { break };
            let answer = entity.map(|_| {
                let answer = Answer::of(&row, final_answer.temperature);
                final_answer.rests.take(self.face, seconds, &answer).unwrap_or(answer)
            });
            out.temporal.extend(entity.zip(answer.clone()));
            self.answered.push_back((entity, answer));
        }
    }

    /// Votes on what has been answered; gives entities with their voted class.
    pub fn vote(&mut self) -> Vec<(Entity, usize)> {
        let mut votes = vec![];
        while let Some((entity, answer)) = self.answered.pop_front() {
            self.unvoted.push_back(entity);
            let label = answer.as_ref().map(|a| a.class);
            let probabilities = answer.map(|a| a.probabilities).unwrap_or_default();
            votes.extend(self.voter.push(label, &probabilities));
        }
        if self.ended {
            votes.extend(self.voter.finish());
        }
        let entities = &mut self.unvoted;
        let due = votes.into_iter().map_while(|vote| Some((entities.pop_front()?, vote.label)));
        due.filter_map(|(entity, label)| entity.zip(label)).collect()
    }
}

/// What makes an answer final.
pub(super) struct FinalAnswer<'a> {
    /// Softmax temperature of the encoder.
    pub temperature: f32,
    pub rests: &'a mut Rests,
}

/// The lines of all faces under way.
#[derive(Resource)]
pub(super) struct Lines {
    pub of_face: BTreeMap<u32, FaceLine>,
    encoder: Option<TemporalStage>,
    vote: VoteSettings,
    classes: usize,
    /// Softmax temperature of the encoder.
    temperature: f32,
    /// Their faces at rest.
    pub rests: Rests,
}

impl Lines {
    pub fn new(
        classes: &[String],
        vote: VoteSettings,
        encoder: Option<(TemporalStage, f32)>,
    ) -> Result<Self, WorldError> {
        vote.check().map_err(|e| WorldError::setting("vote", e.to_string()))?;
        let (encoder, temperature) = encoder.map_or((None, 1.0), |(stage, t)| (Some(stage), t));
        let rests = Rests::new(classes);
        Ok(Self { of_face: BTreeMap::new(), encoder, vote, classes: classes.len(), temperature, rests })
    }

    /// Whether faces pass an encoder.
    pub fn has_encoder(&self) -> bool {
        self.encoder.is_some()
    }

    /// Begins the line of a face that is new.
    pub fn begin(&mut self, face: u32) -> Result<(), WorldError> {
        if self.of_face.contains_key(&face) {
            return Ok(());
        }
        let voter =
            Voter::new(self.vote, self.classes).map_err(|e| WorldError::setting("vote", e.to_string()))?;
        let stage = self.encoder.as_ref().map(TemporalStage::another).transpose()?;
        let line = FaceLine {
            face,
            stage,
            voter,
            unanswered: VecDeque::new(),
            answered: VecDeque::new(),
            unvoted: VecDeque::new(),
            ended: false,
        };
        self.of_face.insert(face, line);
        Ok(())
    }

    /// Takes a frame at `seconds`: the faces that are seen in it, and those that will not be seen again.
    pub fn push(
        &mut self,
        mut seen: BTreeMap<u32, Seen<'_>>,
        expired: &[u32],
        seconds: f64,
        out: &mut Answered,
    ) -> Result<(), WorldError> {
        let mut final_answer = FinalAnswer { temperature: self.temperature, rests: &mut self.rests };
        for (id, line) in &mut self.of_face {
            line.push(seen.remove(id), seconds, &mut final_answer, out)?;
            if expired.contains(id) {
                line.end(&mut final_answer, out)?;
            }
        }
        Ok(())
    }

    /// No frame follows.
    pub fn end(&mut self, out: &mut Answered) -> Result<(), WorldError> {
        let mut final_answer = FinalAnswer { temperature: self.temperature, rests: &mut self.rests };
        self.of_face.values_mut().try_for_each(|line| line.end(&mut final_answer, out))
    }

    /// Forgets the faces that are through.
    pub fn forget_ended(&mut self) {
        self.of_face.retain(|_, line| !line.ended);
    }
}
