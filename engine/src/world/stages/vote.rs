//! The vote: each track's own, over what its networks answered.

use bevy_ecs::prelude::*;

use crate::world::components::{Ballot, Ended, StudentAnswer, TemporalAnswer, Timeline, VotedLabel};
use crate::world::error::WorldError;

/// Takes in what has been answered, and gives every face whose vote is settled its [`VotedLabel`]. A track that has ended
/// leaves with its last vote.
pub fn vote(
    mut commands: Commands,
    mut tracks: Query<(Entity, &mut Timeline, &mut Ballot, Has<Ended>)>,
    faces: Query<(&StudentAnswer, Option<&TemporalAnswer>)>,
) -> Result<(), WorldError> {
    for (track, mut timeline, mut ballot, ended) in &mut tracks {
        let mut votes = vec![];
        for face in timeline.answered.drain(..) {
            let answer = face.and_then(|face| faces.get(face).ok());
            let answer = answer.map(|(student, temporal)| temporal.map_or(&student.0, |t| &t.0));
            let probabilities = answer.map_or(&[][..], |answer| &answer.probabilities);
            ballot.unvoted.push_back(face);
            votes.extend(ballot.voter.push(answer.map(|answer| answer.class), probabilities));
        }
        if ended {
            votes.extend(ballot.voter.finish());
            commands.entity(track).despawn();
        }
        for vote in votes {
            let face = ballot.unvoted.pop_front().flatten();
            if let Some((face, label)) = face.zip(vote.label) {
                commands.entity(face).insert(VotedLabel(label));
            }
        }
    }
    Ok(())
}
