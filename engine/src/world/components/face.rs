//! A face in a frame.

use bevy_ecs::prelude::*;

use crate::learn::{Affect, Answer};
use crate::media::track::Tracked;
use crate::media::{HeadPose, Picture};

/// The person it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct OfTrack(pub Entity);

/// Where it is, and how it was found.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct TrackedFace(pub Tracked);

/// How well it can be seen, 0 to 1, and how the head is turned where landmarks tell.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct FaceSight {
    /// 0 to 1.
    pub quality: f32,
    /// `None` without landmarks.
    pub pose: Option<HeadPose>,
}

/// What the student computes of it before its classifier; only where an encoder or a file asks for it.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct Features(pub Vec<f32>);

/// What the student says of it by itself.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct StudentAnswer(pub Answer);

/// How pleasant and how aroused it looks, where the student says.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct FaceAffect(pub Affect);

/// What the temporal encoder says of it, seeing its neighbours in time.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct TemporalAnswer(pub Answer);

/// The class that is left after the vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct VotedLabel(pub usize);

/// Share of the voting frames that voted for the label, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct VoteShare(pub f32);

/// The face cut out, until its reading takes it.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct FaceThumbnail(pub Option<Picture>);

/// What tells its person from others, of length 1, until its reading takes it; only of a few faces of a track.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct FaceEmbedding(pub Option<Vec<f32>>);
