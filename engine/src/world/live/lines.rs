//! What is kept of each face from frame to frame: its window of features and its votes.

use std::collections::{BTreeMap, VecDeque};

use bevy_ecs::prelude::*;

use crate::learn::{Answer, TemporalStage};
use crate::signal::{VoteSettings, Voter};
use crate::world::error::WorldError;

/// One face's way through encoder and vote. A frame in which the face is not seen keeps its place in both windows.
pub(super) struct FaceLine {
    stage: Option<TemporalStage>,
    voter: Voter,
    /// Entities whose temporal answer is due, oldest first.
    unanswered: VecDeque<Option<Entity>>,
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

impl FaceLine {
    /// Takes the next frame; gives entities with their temporal answers.
    pub fn push(
        &mut self,
        seen: Option<Seen<'_>>,
        temperature: f32,
    ) -> Result<Vec<(Entity, Answer)>, WorldError> {
        let entity = seen.as_ref().map(|s| s.entity);
        let Some(stage) = &mut self.stage else {
            self.answered.push_back((entity, seen.map(|s| s.answer)));
            return Ok(vec![]);
        };
        self.unanswered.push_back(entity);
        let logits = stage.push(seen.and_then(|s| s.features))?;
        Ok(self.take(logits, temperature))
    }

    /// No frame follows: gives the answers that are left.
    pub fn end(&mut self, temperature: f32) -> Result<Vec<(Entity, Answer)>, WorldError> {
        self.ended = true;
        let logits = self.stage.as_mut().map_or_else(|| Ok(vec![]), TemporalStage::finish)?;
        Ok(self.take(logits, temperature))
    }

    fn take(&mut self, logits: Vec<Vec<f32>>, temperature: f32) -> Vec<(Entity, Answer)> {
        let mut out = vec![];
        for row in logits {
            let Some(entity) = self.unanswered.pop_front() else { break };
            let answer = entity.map(|_| Answer::of(&row, temperature));
            out.extend(entity.zip(answer.clone()));
            self.answered.push_back((entity, answer));
        }
        out
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

/// The lines of all faces under way.
#[derive(Resource)]
pub(super) struct Lines {
    pub of_face: BTreeMap<u32, FaceLine>,
    encoder: Option<TemporalStage>,
    vote: VoteSettings,
    classes: usize,
    /// Softmax temperature of the encoder.
    pub temperature: f32,
}

impl Lines {
    pub fn new(
        classes: usize,
        vote: VoteSettings,
        encoder: Option<(TemporalStage, f32)>,
    ) -> Result<Self, WorldError> {
        vote.check().map_err(|e| WorldError::setting("vote", e.to_string()))?;
        let (encoder, temperature) = encoder.map_or((None, 1.0), |(stage, t)| (Some(stage), t));
        Ok(Self { of_face: BTreeMap::new(), encoder, vote, classes, temperature })
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

    /// Forgets the faces that are through.
    pub fn forget_ended(&mut self) {
        self.of_face.retain(|_, line| !line.ended);
    }
}
