//! Who is who from frame to frame: boxes are assigned to tracks by overlap with where motion has carried each track.
//!
//! `motion` predicts one box, `assign` solves the assignment. A track that finds no box goes on at its speed for
//! [`TrackerSettings::patience`] frames, so a person who walks behind another one keeps the number.

mod assign;
mod motion;
#[cfg(test)]
mod tests;

use super::face::{Detection, FaceBox, Landmarks};
use assign::assign;
use motion::Motion;

/// Dearest assignment that is made; the cost is below.
const DEAREST: f32 = 1.0;

/// How faces are followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerSettings {
    /// Frames that a lost face is waited for; then its number is not used again.
    pub patience: u64,
    /// How far off its predicted place a face is still taken for the same, in sides of its box.
    pub reach: f32,
    /// Score from which a detection begins a new track, 0 to 1; weaker ones only continue one.
    pub begin: f32,
}

impl Default for TrackerSettings {
    /// 45 frames, 0.75 sides, any score.
    fn default() -> Self {
        Self { patience: 45, reach: 0.75, begin: 0.0 }
    }
}

/// A face in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracked {
    /// The person's number: 1 for the first, never used for another.
    pub id: u32,
    /// Where it is.
    pub face_box: FaceBox,
    /// Its landmarks, where the detector gives them.
    pub landmarks: Option<Landmarks>,
    /// The detector's score, of the last frame it looked at.
    pub score: f32,
    /// Whether the detector saw it in this frame; else it was carried on.
    pub detected: bool,
}

/// What a frame led to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrackStep {
    /// The frame's faces by number.
    pub faces: Vec<Tracked>,
    /// Faces that are gone for good.
    pub expired: Vec<u32>,
}

#[derive(Debug, Clone)]
struct Track {
    id: u32,
    motion: Motion,
    landmarks: Option<Landmarks>,
    score: f32,
    /// The last frame in which the detector saw it.
    seen: u64,
}

/// Follows any number of faces; memory is in the number of faces under way.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: TrackerSettings,
    tracks: Vec<Track>,
    next_id: u32,
    now: Option<u64>,
}

impl Tracker {
    /// A tracker that has seen nobody.
    pub fn new(settings: TrackerSettings) -> Self {
        Self { settings, tracks: vec![], next_id: 1, now: None }
    }

    /// Takes the detections of frame `frame`, or `None` where no detector looked at it: then the faces of the last frame
    /// are carried on. Frames come in order, and may leave gaps.
    pub fn step(&mut self, frame: u64, detections: Option<&[Detection]>) -> TrackStep {
        let passed = self.now.map_or(0, |now| frame.saturating_sub(now)).min(self.settings.patience + 1);
        self.now = Some(frame);
        for track in &mut self.tracks {
            let before = track.motion.face_box().centre();
            for _ in 0..passed {
                track.motion.advance();
            }
            let after = track.motion.face_box().centre();
            for point in track.landmarks.iter_mut().flatten() {
                point[0] += after.0 - before.0;
                point[1] += after.1 - before.1;
            }
        }
        match detections {
            Some(found) => self.look(frame, found),
            None => TrackStep { faces: self.carried(), expired: vec![] },
        }
    }

    /// Ends everybody's track, at a cut: nobody who is seen from now on is one of them. Gives their numbers.
    pub fn end_all(&mut self) -> Vec<u32> {
        self.tracks.drain(..).map(|track| track.id).collect()
    }

    /// Forgets everybody, for another video; numbers begin anew.
    pub fn clear(&mut self) {
        *self = Self::new(self.settings);
    }

    fn look(&mut self, frame: u64, found: &[Detection]) -> TrackStep {
        let costs: Vec<Vec<f32>> = self
            .tracks
            .iter()
            .map(|t| found.iter().map(|d| self.cost(t, frame, &d.face_box)).collect())
            .collect();
        let pairs = assign(&costs, DEAREST);
        let mut taken = vec![false; found.len()];
        for (track, detection) in pairs {
            taken[detection] = true;
            let d = &found[detection];
            let track = &mut self.tracks[track];
            track.motion.correct(&d.face_box, frame - track.seen);
            (track.landmarks, track.score, track.seen) = (d.landmarks, d.score, frame);
        }
        for (d, _) in found.iter().zip(taken).filter(|(d, taken)| !taken && d.score >= self.settings.begin) {
            let (landmarks, score) = (d.landmarks, d.score);
            let motion = Motion::at(&d.face_box);
            self.tracks.push(Track { id: self.next_id, motion, landmarks, score, seen: frame });
            self.next_id += 1;
        }
        let patience = self.settings.patience;
        let mut expired = vec![];
        self.tracks.retain(|track| {
            let stays = frame - track.seen <= patience;
            if !stays {
                expired.push(track.id);
            }
            stays
        });
        let present = |t: &&Track| t.seen == frame;
        let faces = self.tracks.iter().filter(present).map(|t| t.shown(true)).collect();
        TrackStep { faces, expired }
    }

    /// The faces that were there when the detector last looked.
    fn carried(&self) -> Vec<Tracked> {
        let last = self.tracks.iter().map(|t| t.seen).max();
        self.tracks.iter().filter(|t| Some(t.seen) == last).map(|t| t.shown(false)).collect()
    }

    /// How badly a box fits where a track should be: the distance of the middles in sides of the box, over the reach, plus
    /// what is missing of full overlap. Above [`DEAREST`] times 2 where it cannot be the same face.
    fn cost(&self, track: &Track, frame: u64, found: &FaceBox) -> f32 {
        let expected = track.motion.face_box();
        let (a, b) = (expected.centre(), found.centre());
        let side = expected.area().max(found.area()).sqrt().max(1.0);
        let distance = (a.0 - b.0).hypot(a.1 - b.1) / side;
        // The longer a face was gone, the less its speed says about where it is.
        let gone = (frame - track.seen).saturating_sub(1) as f32;
        let reach = self.settings.reach * (1.0 + gone / 30.0);
        let ratio = (expected.area() / found.area().max(1.0)).sqrt();
        if distance > reach || !(0.5..=2.0).contains(&ratio) {
            return f32::INFINITY;
        }
        0.5 * distance / reach + 0.5 * (1.0 - expected.overlap(found))
    }
}

impl Track {
    fn shown(&self, detected: bool) -> Tracked {
        Tracked {
            id: self.id,
            face_box: self.motion.face_box(),
            landmarks: self.landmarks,
            score: self.score,
            detected,
        }
    }
}
