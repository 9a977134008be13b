//! `evaluate_clips`: every frame of every clip, in order, through the same student, encoder and vote as in use; memory does
//! not grow with a clip's length.

use std::sync::Arc;

use bevy_platform::cell::SyncCell;

use crate::backend::Team;
use crate::clock::Clock;
use crate::data::Vocabulary;
use crate::learn::TemporalEncoder;
use crate::signal::PostSettings;
use crate::world::clip::{ClipFeatures, ClipScores, ClipTally};
use crate::world::error::WorldError;
use crate::world::schedule::{Pipeline, stages};
use crate::world::stages::clips::{self, ClipWalk, Comparison, KeptStudent, Scores};
use crate::world::stages::student::FaceBatch;
use crate::world::stages::temporal::{self, Encoder};
use crate::world::stages::track::Voting;
use crate::world::stages::vote;
use crate::world::together::gather;

pub use crate::world::stages::clips::ScoreSink;

stages! {
    /// The next frames of the clip under way.
    EvaluateClips, EvaluateClipsStage {
        /// Frames, their labels, and faces whose features are kept.
        Draw => [clips::draw_frames],
        /// The student's answers.
        Student => [clips::recall],
        /// The encoder's answers.
        Temporal => [temporal::temporal],
        /// The vote, beside every other way of voting.
        Vote => [clips::compare, vote::vote],
        /// The score.
        Measure => [clips::measure],
    }
}

/// Who hears of frames, and so who reads them.
pub enum Audience {
    /// Every process reads every frame, and tells each of them here.
    Sink(ScoreSink),
    /// Nobody hears of frames: the processes share out the clips and have the scores of all.
    Team(Arc<Team>),
}

/// Reads every frame of the clips and scores it: the student alone, with the encoder (and its temperature) where there is
/// one, and each way of voting after that. `progress` hears how many frames of all are done, and stops it by giving
/// `false`.
///
/// # Errors
/// A window is out of range, the network fails, `sink` fails, or `progress` stops it.
pub fn evaluate_clips(
    features: &Arc<ClipFeatures>,
    classes: &[String],
    encoder: Option<(TemporalEncoder, f32)>,
    post: &PostSettings,
    audience: Audience,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<ClipScores, WorldError> {
    let (sink, team): (ScoreSink, _) = match audience {
        Audience::Sink(sink) => (sink, Arc::default()),
        Audience::Team(team) => (Box::new(|_| Ok(())), team),
    };
    post.check().map_err(|e| WorldError::setting("post", e.to_string()))?;
    let comparison = Comparison::new(post, classes.len());
    let mut pipeline = Pipeline::new::<EvaluateClipsStage>(Clock::default())?;
    let neutral = Vocabulary::new(classes.to_vec())?.find("neutral");
    let world = &mut pipeline.world;
    world.insert_resource(Scores {
        tally: ClipTally::new(classes.len(), neutral, encoder.is_some(), post.smoothing > 1),
        sink: SyncCell::new(sink),
    });
    world.insert_resource(Encoder::new(encoder));
    world.insert_resource(Voting { vote: post.vote, seconds: None, classes: classes.len() });
    world.insert_resource(comparison.map_err(|e| WorldError::setting("post", e.to_string()))?);
    world.insert_resource(KeptStudent { head: features.head.clone(), temperature: features.temperature });
    let walk = ClipWalk::new(Arc::clone(features), (0..features.set.len()).filter(|clip| team.does(*clip)));
    let total = walk.total_frames();
    world.insert_resource(walk);
    world.init_resource::<FaceBatch>();
    while !pipeline.world.resource::<ClipWalk>().is_done() {
        pipeline.run()?;
        if !progress(pipeline.world.resource::<ClipWalk>().frames_done(), total) {
            return Err(WorldError::Interrupted);
        }
    }
    let tally = &mut pipeline.world.resource_mut::<Scores>().into_inner().tally;
    tally.complete()?;
    if team.processes() > 1 {
        let counts = tally.counts();
        tally.replace_counts(&gather(&team, &counts)?);
    }
    Ok(tally.scores(classes))
}
