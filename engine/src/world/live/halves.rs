//! Reading in two halves, before and after the student, for programs whose student answers from elsewhere and not at once.

use super::recognizer::Recognizer;
use crate::media::source::Frame;
use crate::world::error::WorldError;
use crate::world::pipelines::LiveStage;
use crate::world::reading::FrameReading;
use crate::world::stages::capture::Inbox;
use crate::world::stages::student::FaceBatch;

impl Recognizer {
    /// As [`Recognizer::read`], but only as far as the student: gives its input, one face's NHWC values after the other's, for a
    /// program whose student answers from elsewhere and not at once. Its backend's network gives those answers when it is asked
    /// by [`Recognizer::complete`], which must come before anything else is read.
    ///
    /// # Errors
    /// As [`Recognizer::push`], or frames wait already.
    pub fn begin(&mut self, frames: Vec<Frame>) -> Result<&[f32], WorldError> {
        self.take_order(&frames)?;
        self.counts.0 += frames.len() as u64;
        self.pipeline.world.resource_mut::<Inbox>().frames = frames;
        self.pipeline.run_stages(0..LiveStage::Student as usize)?;
        self.begun = true;
        Ok(&self.pipeline.world.resource::<FaceBatch>().input)
    }

    /// Asks the student about the frames of [`Recognizer::begin`] and gives every frame that is now read to the end.
    ///
    /// # Errors
    /// No frames wait, or the network fails.
    pub fn complete(&mut self) -> Result<Vec<FrameReading>, WorldError> {
        self.check_begun(true)?;
        self.begun = false;
        self.pipeline.run_stages(LiveStage::Student as usize..LiveStage::ALL.len())?;
        Ok(self.fetch())
    }

    pub(super) fn check_begun(&self, expected: bool) -> Result<(), WorldError> {
        let problem = match expected {
            _ if self.begun == expected => return Ok(()),
            true => "cannot be completed: none were begun",
            false => "wait for the student's answers: `complete` them first",
        };
        Err(WorldError::setting("frames", problem))
    }
}
