//! Frames of clips as rows of a table of predictions: every frame in its place, those without a face with the answer that they
//! hold.

use std::collections::VecDeque;

use super::scores::ScoredFrame;
use crate::data::{ClipSet, Vocabulary, image_location};
use crate::score::Predicted;
use crate::signal::NearestHold;
use crate::world::error::WorldError;

/// Makes rows of frames as they come, those of a clip one after the other. A row's item is the frame's name, its group the
/// clip's; its answer is the vote that the settings choose, its probabilities those of the last network.
#[derive(Debug, Clone)]
pub struct FrameTable {
    /// The class of a clip without any answer.
    neutral: Option<usize>,
    clip: Option<usize>,
    hold: NearestHold,
    waiting: VecDeque<Predicted>,
    left_out: usize,
}

impl FrameTable {
    /// Of no frame yet.
    ///
    /// # Errors
    /// The classes are none of a run.
    pub fn new(classes: &[String]) -> Result<Self, WorldError> {
        let neutral = Vocabulary::new(classes.to_vec())?.find("neutral");
        Ok(Self { neutral, clip: None, hold: NearestHold::default(), waiting: VecDeque::new(), left_out: 0 })
    }

    /// Takes the next frame; `ready` hears of the rows that it settles, in the order of the frames.
    ///
    /// # Errors
    /// `ready` fails.
    pub fn push(
        &mut self,
        set: &ClipSet,
        frame: &ScoredFrame,
        mut ready: impl FnMut(Predicted) -> Result<(), WorldError>,
    ) -> Result<(), WorldError> {
        if self.clip != Some(frame.clip) {
            self.complete(&mut ready)?;
            self.clip = Some(frame.clip);
        }
        let name = set.clip_name(frame.clip);
        self.waiting.push_back(Predicted {
            item: image_location(name, frame.frame),
            group: name.to_owned(),
            truth: usize::try_from(frame.truth).ok(),
            answer: 0,
            probabilities: frame.answer().map(|answer| answer.probabilities.clone()).unwrap_or_default(),
        });
        for (answer, frames) in self.hold.push(frame.voted) {
            self.waiting.drain(..frames).try_for_each(|row| ready(Predicted { answer, ..row }))?;
        }
        Ok(())
    }

    /// Ends the last clip; gives the number of frames that were left out, because no frame of their clip has an answer and no
    /// class is neutral.
    ///
    /// # Errors
    /// `ready` fails.
    pub fn complete(
        &mut self,
        mut ready: impl FnMut(Predicted) -> Result<(), WorldError>,
    ) -> Result<usize, WorldError> {
        match self.hold.finish().0.or(self.neutral) {
            Some(answer) => self.waiting.drain(..).try_for_each(|row| ready(Predicted { answer, ..row }))?,
            None => self.left_out += self.waiting.drain(..).count(),
        }
        Ok(self.left_out)
    }
}
