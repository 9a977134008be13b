//! The vote: each track's own, over what its networks answered.

use bevy_ecs::prelude::*;

use crate::world::components::{
    Ballot, Ended, InFrame, Seconds, StudentAnswer, TemporalAnswer, Timeline, VoteShare, VotedLabel,
};
use crate::world::error::WorldError;

/// Takes in what has been answered, and gives every face whose vote is settled its [`VotedLabel`]. A track that has ended
/// leaves with its last vote.
pub fn vote(
    mut commands: Commands,
    mut tracks: Query<(Entity, &mut Timeline, &mut Ballot, Has<Ended>)>,
    faces: Query<(&StudentAnswer, Option<&TemporalAnswer>, Option<&InFrame>)>,
    frames: Query<&Seconds>,
) -> Result<(), WorldError> {
    for (track, mut timeline, mut ballot, ended) in &mut tracks {
        let mut votes = vec![];
        for face in timeline.answered.drain(..) {
            let answer = face.and_then(|face| faces.get(face).ok());
            let answer =
                answer.map(|(student, temporal, frame)| (temporal.map_or(&student.0, |t| &t.0), frame));
            let probabilities = answer.map_or(&[][..], |(answer, _)| &answer.probabilities);
            let label = answer.map(|(answer, _)| answer.class);
            ballot.unvoted.push_back(face);
            let vote = match ballot.seconds {
                None => ballot.voter.push(label, probabilities),
                Some(span) => {
                    let frame = answer.and_then(|(_, frame)| frames.get(frame?.0).ok());
                    ballot.voter.push_within(label, probabilities, frame.map(|seconds| seconds.0), span)
                }
            };
            votes.extend(vote);
        }
        if ended {
            votes.extend(ballot.voter.finish());
            commands.entity(track).despawn();
        }
        for vote in votes {
            let face = ballot.unvoted.pop_front().flatten();
            if let Some((face, label)) = face.zip(vote.label) {
                commands.entity(face).insert((VotedLabel(label), VoteShare(vote.share())));
            }
        }
    }
    Ok(())
}
