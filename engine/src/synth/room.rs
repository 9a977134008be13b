//! A camera that does not exist: people of generated clips walk through a room, and where each face is and what it shows is
//! known exactly.

use std::sync::Arc;

use super::{Class, Geometry, Style, SynthClipSettings, SynthClips};
use crate::data::{Clips as _, DataError};
use crate::media::detect::{DetectError, Detector};
use crate::media::source::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
use crate::media::{Detection, FaceBox, Landmarks, Picture};

/// Bits of a frame's number that are written into its picture, each as the last bit of a pixel's values, from the top left corner on:
/// nobody sees them.
const STAMP: usize = 24;
/// Part of a face's box that may be covered before a detector misses the face.
const COVERED: f32 = 0.4;

/// A person in a room. Later ones stand in front of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Actor {
    /// The clip whose face and expressions are shown.
    pub clip: usize,
    /// Where the middle of the face's picture is in the first frame, in pixels.
    pub start: (f32, f32),
    /// How far it moves in a frame, in pixels.
    pub step: (f32, f32),
}

/// What is true of one face in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// Which actor it is.
    pub actor: usize,
    /// The tight box from hair line to chin.
    pub face_box: FaceBox,
    /// Its landmarks.
    pub landmarks: Landmarks,
    /// What it shows.
    pub class: Class,
    /// Whether enough of it is in sight: neither outside of the picture nor behind somebody.
    pub visible: bool,
}

/// A room with people. Every frame is a function of the settings and its number.
#[derive(Debug, Clone)]
pub struct Room {
    clips: SynthClips,
    actors: Vec<Actor>,
    size: (usize, usize),
}

impl Room {
    /// People of `clips` in a picture of `size` (columns, rows), both at least 32. Faces have the clips' own size.
    pub fn new(clips: SynthClips, actors: Vec<Actor>, size: (usize, usize)) -> Self {
        Self { clips, actors, size: (size.0.max(32), size.1.max(32)) }
    }

    /// What a synthetic camera shows where nothing else is asked for: two people side by side in 640 x 480, whose expressions
    /// change; after five minutes at 30 frames a second they do the same again.
    ///
    /// # Errors
    /// None that can be caused: the settings are fixed.
    pub fn of_two() -> Result<Self, DataError> {
        let style =
            Style { size: 220, channels: 3, occlusion: 0.0, camera: 0.3, blend: 0.0, ..Style::default() };
        let settings = SynthClipSettings {
            name: "synthetic camera".into(),
            clips: 2,
            frames: 9000,
            style,
            missing: 0.0,
            ignored: 0.0,
            ..SynthClipSettings::default()
        };
        let stand = |clip: usize, x: f32| Actor { clip, start: (x, 240.0), step: (0.0, 0.0) };
        Ok(Self::new(SynthClips::new(settings)?, vec![stand(0, 173.0), stand(1, 467.0)], (640, 480)))
    }

    /// Left and top edge of an actor's picture.
    fn corner(&self, actor: &Actor, frame: u64) -> (i64, i64) {
        let side = self.clips.settings().style.size as f32;
        let at = |start: f32, step: f32| (start + step * frame as f32 - side / 2.0).round() as i64;
        (at(actor.start.0, actor.step.0), at(actor.start.1, actor.step.1))
    }

    /// What the camera sees. The frame's number stands in the top left corner, see [`stamp`].
    pub fn picture(&self, frame: u64) -> Picture {
        let channels = self.clips.settings().style.channels;
        let mut picture = Picture::filled(self.size.0, self.size.1, channels, 96);
        for actor in &self.actors {
            let (face, view) = self.clips.cropped(actor.clip, self.moment(frame));
            let (left, top) = self.corner(actor, frame);
            let drawn = face.draw_in(&view, channels);
            // Only what lies in the picture can be pasted.
            let cut = |at: i64| (at.max(0), (-at).max(0));
            let ((x, skip_x), (y, skip_y)) = (cut(left), cut(top));
            if let Ok(part) = drawn.cropped(skip_x, skip_y, drawn.width, drawn.height) {
                picture.paste(&part, x as usize, y as usize);
            }
        }
        for bit in 0..STAMP {
            for value in &mut picture.pixels[bit * channels..(bit + 1) * channels] {
                *value = *value & !1 | (frame >> bit & 1) as u8;
            }
        }
        picture
    }

    /// What is true of every actor.
    pub fn truth(&self, frame: u64) -> Vec<Truth> {
        let mut found: Vec<Truth> = vec![];
        for (place, actor) in self.actors.iter().enumerate() {
            let (face, view) = self.clips.cropped(actor.clip, self.moment(frame));
            let Geometry { face_box: [x, y, w, h], landmarks } = face.geometry_in(&view);
            let (left, top) = self.corner(actor, frame);
            let (left, top) = (left as f32, top as f32);
            let face_box = FaceBox { x: x + left, y: y + top, w, h };
            let inside = |v: f32, size: usize| v >= 0.0 && v < size as f32;
            let (cx, cy) = face_box.centre();
            found.push(Truth {
                actor: place,
                face_box,
                landmarks: landmarks.map(|[x, y]| [x + left, y + top]),
                class: self.clips.class(actor.clip, self.moment(frame)),
                visible: inside(cx, self.size.0) && inside(cy, self.size.1),
            });
        }
        let side = self.clips.settings().style.size as f32;
        for (behind, truth) in found.iter_mut().enumerate() {
            let covered = self.actors[behind + 1..].iter().any(|front| {
                let (x, y) = self.corner(front, frame);
                let cover = FaceBox { x: x as f32, y: y as f32, w: side, h: side };
                covered_part(&truth.face_box, &cover) > COVERED
            });
            truth.visible &= !covered;
        }
        found
    }

    /// Clips are finite, rooms are not: they begin again.
    fn moment(&self, frame: u64) -> usize {
        (frame % self.clips.settings().frames.max(1) as u64) as usize
    }

    /// Name of a class, as the clips' vocabulary has it.
    pub fn classes(&self) -> &[String] {
        self.clips.classes()
    }
}

/// Part of a box that another one covers, 0 to 1.
fn covered_part(face: &FaceBox, cover: &FaceBox) -> f32 {
    let across = (face.x + face.w).min(cover.x + cover.w) - face.x.max(cover.x);
    let down = (face.y + face.h).min(cover.y + cover.h) - face.y.max(cover.y);
    across.max(0.0) * down.max(0.0) / face.area().max(1e-6)
}

/// The number that a [`Room`] has written into its picture.
pub fn stamp(picture: &Picture) -> u64 {
    let bit = |place: usize| u64::from(picture.pixels[place * picture.channels] & 1) << place;
    (0..STAMP.min(picture.width)).map(bit).sum()
}

/// A room as a source of frames at a fixed rate.
#[derive(Debug, Clone)]
pub struct SynthCamera {
    room: Arc<Room>,
    info: SourceInfo,
    rate: f64,
    next: u64,
    frames: u64,
}

impl SynthCamera {
    /// Frames a second of a usual webcam.
    pub const WEBCAM_RATE: f64 = 30.0;

    /// So many frames of a room, `rate` a second.
    pub fn new(room: Arc<Room>, frames: u64, rate: f64) -> Self {
        let info = SourceInfo {
            name: "synthetic camera".into(),
            frames: Some(frames),
            still: false,
            reader: "synthetic camera".into(),
        };
        Self { room, info, rate, next: 0, frames }
    }
}

impl FrameSource for SynthCamera {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.next == self.frames {
            return Ok(None);
        }
        let index = self.next;
        self.next += 1;
        Ok(Some(Frame { index, seconds: index as f64 / self.rate, picture: self.room.picture(index) }))
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

/// A detector that is never wrong: it reads the frame's number and says what the room knows.
#[derive(Debug, Clone)]
pub struct TrueFaces(pub Arc<Room>);

impl Detector for TrueFaces {
    fn describe(&self) -> String {
        "the synthetic room's own truth".into()
    }

    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, DetectError> {
        let seen = self.0.truth(stamp(picture)).into_iter().filter(|truth| truth.visible);
        Ok(seen
            .map(|t| Detection { face_box: t.face_box, landmarks: Some(t.landmarks), score: 0.99 })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn room() -> Room {
        let style = Style { size: 64, channels: 3, occlusion: 0.0, ..Style::default() };
        let clips = SynthClips::new(SynthClipSettings {
            clips: 2,
            frames: 200,
            style,
            missing: 0.0,
            ..SynthClipSettings::default()
        });
        let actors = vec![
            Actor { clip: 0, start: (40.0, 60.0), step: (2.0, 0.0) },
            Actor { clip: 1, start: (200.0, 62.0), step: (-2.0, 0.0) },
        ];
        Room::new(clips.unwrap(), actors, (240, 120))
    }

    #[test]
    fn a_picture_tells_its_number() {
        let room = room();
        for frame in [0, 1, 77, 199, 70_000] {
            let picture = room.picture(frame);
            assert_eq!(stamp(&picture), frame);
            assert!(
                picture.pixels[..STAMP * 3].iter().all(|&value| matches!(value, 96 | 97)),
                "and nobody sees it"
            );
        }
    }

    #[test]
    fn who_stands_behind_is_not_visible_and_comes_out_again() {
        let room = room();
        let visible = |frame: u64| room.truth(frame).iter().map(|t| t.visible).collect::<Vec<_>>();
        assert_eq!(visible(0), [true, true]);
        assert_eq!(visible(40), [false, true], "they meet in frame 40, and the second stands in front");
        assert_eq!(visible(79), [true, true]);
        assert_eq!(visible(115), [false, false], "both have left");
    }

    #[test]
    fn landmarks_lie_where_the_face_is_drawn() {
        let room = room();
        for truth in room.truth(10) {
            let b = truth.face_box;
            for [x, y] in truth.landmarks {
                assert!(x > b.x && x < b.x + b.w && y > b.y && y < b.y + b.h, "{truth:?}");
            }
        }
    }
}
