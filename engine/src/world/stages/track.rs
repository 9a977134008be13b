//! Whose faces they are: a track a person, with the windows, votes and pictures that are kept of them.

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;

use super::capture::{AtHand, Inbox};
use super::neutral::KnownRests;
use super::temporal::Encoder;
use crate::media::CutDetector;
use crate::media::track::Tracker;
use crate::signal::VoteSettings;
use crate::world::components::{
    Ballot, Detections, Ended, FrameIndex, FramePicture, InFrame, InShot, NextEmbedding, NextThumbnail,
    OfTrack, RestingFace, Timeline, TrackedFace,
};
use crate::world::error::WorldError;

/// Who is who.
#[derive(Resource)]
pub struct FaceTracker {
    /// Follows boxes.
    pub tracker: Tracker,
    /// Finds hard cuts, at which every track ends; `None` where they are not looked for.
    pub cuts: Option<CutDetector>,
    /// Hard cuts so far.
    pub shot: u64,
    /// The entity of each person who may be seen again, by number.
    pub tracks: BTreeMap<u32, Entity>,
}

/// How every track votes.
#[derive(Resource)]
pub struct Voting {
    /// Which frames vote.
    pub vote: VoteSettings,
    /// Seconds that vote instead, the frame and those before it; `None` for as many frames as `vote` says.
    pub seconds: Option<f64>,
    /// Number of classes.
    pub classes: usize,
}

/// Spawns a face for each one that is seen or carried on, and puts it into its track's [`Timeline`]; new people get a
/// track, and those who are gone for good are marked [`Ended`].
#[expect(clippy::too_many_arguments, reason = "a system's parameters are what it takes from the world")]
pub fn track(
    mut commands: Commands,
    at_hand: Res<AtHand>,
    inbox: Res<Inbox>,
    voting: Res<Voting>,
    mut following: ResMut<FaceTracker>,
    (mut encoder, rests): (ResMut<Encoder>, Res<KnownRests>),
    frames: Query<(&FrameIndex, &FramePicture, Option<&Detections>)>,
    mut timelines: Query<&mut Timeline>,
) -> Result<(), WorldError> {
    let FaceTracker { tracker, cuts, shot, tracks } = &mut *following;
    let mut new: BTreeMap<Entity, Timeline> = BTreeMap::new();
    let mut ended = vec![];
    for &frame in &at_hand.0 {
        let (index, picture, detections) =
            frames.get(frame).map_err(|e| WorldError::Schedule(e.to_string()))?;
        let detections = detections.map(|found| found.0.as_slice());
        let cut = cuts.as_mut().is_some_and(|cuts| match detections {
            Some(faces) => cuts.push_with_faces(&picture.0, faces),
            None => cuts.push(&picture.0),
        });
        *shot += u64::from(cut);
        commands.entity(frame).insert(InShot(*shot));
        if cut || inbox.apart {
            ended.extend(tracker.end_all().iter().filter_map(|id| tracks.remove(id)));
        }
        let step = tracker.step(index.0 as u64, detections);
        let mut seen = BTreeMap::new();
        for face in step.faces {
            let track = *tracks.entry(face.id).or_insert_with(|| {
                let mut track = commands.spawn((NextThumbnail(f64::NEG_INFINITY), NextEmbedding::default()));
                if let Some(rest) = rests.0.get(&face.id) {
                    track.insert(RestingFace::Known(rest.clone()));
                }
                let track = track.id();
                new.insert(track, Timeline::default());
                track
            });
            seen.insert(track, commands.spawn((TrackedFace(face), InFrame(frame), OfTrack(track))).id());
        }
        for &track in tracks.values() {
            let face = seen.get(&track).copied();
            if let Some(timeline) = new.get_mut(&track) {
                timeline.fresh.push(face);
            } else if let Ok(mut timeline) = timelines.get_mut(track) {
                timeline.fresh.push(face);
            }
        }
        ended.extend(step.expired.iter().filter_map(|id| tracks.remove(id)));
    }
    if inbox.last {
        ended.extend(std::mem::take(tracks).into_values());
    }
    for (track, timeline) in new {
        let ballot = match voting.seconds {
            Some(seconds) => Ballot::of_seconds(seconds, voting.classes),
            None => Ballot::new(voting.vote, voting.classes),
        };
        let ballot = ballot.map_err(|e| WorldError::setting("vote", e.to_string()))?;
        commands.entity(track).insert((timeline, ballot, encoder.window()?));
    }
    for track in ended {
        commands.entity(track).insert(Ended);
    }
    Ok(())
}
