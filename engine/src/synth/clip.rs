//! Moving faces as clips: any number of frames, none stored.

use std::path::PathBuf;

use super::balance::Balance;
use super::motion::ClipAddress;
use super::track::{self, Shown};
use super::{Class, Face, Geometry, Identity, Occlusion, Pose, Scene, Stream, SynthClipSettings, Viewpoint};
use crate::data::{Clips, DataError};
use crate::media::Picture;

/// Size of the camera's picture that crops are taken from.
const CAMERA: (usize, usize) = (640, 480);
/// Side of a crop as a multiple of the face box's longer side, and how far its middle lies above the box's.
const CROP: f32 = 1.32;
const CROP_UP: f32 = 0.07;

/// Clips of moving faces. Every frame is a function of the settings, the clip and the frame's number, and costs the same
/// wherever it lies.
///
/// An expression rises from rest over 8 to 20 frames, stays for 20 to 90 and falls over 10 to 30. A frame's label is the
/// class whose expression is under way if its intensity in that frame, apex times envelope, is at least
/// [`SynthClipSettings::threshold`], else Neutral. Blinks, speech, twitches and whatever hides the face change the picture
/// and never the label.
#[derive(Debug, Clone)]
pub struct SynthClips {
    settings: SynthClipSettings,
    classes: Vec<String>,
    names: Vec<String>,
    balance: Balance,
}

/// A whole camera picture.
#[derive(Debug, Clone, PartialEq)]
pub struct FullFrame {
    /// The picture, with the style's number of channels.
    pub picture: Picture,
    /// Where the face is; none in frames without a face, which show the empty room.
    pub geometry: Option<Geometry>,
}

impl SynthClips {
    /// Clips with these settings.
    ///
    /// # Errors
    /// A setting is out of its range; the message names it.
    pub fn new(settings: SynthClipSettings) -> Result<Self, DataError> {
        let refuse = |reason| super::dataset::refuse_with(&settings.name, reason);
        settings.check().map_err(refuse)?;
        let balance = Balance::new(settings.balance).map_err(refuse)?;
        let names = (0..settings.clips).map(|clip| format!("clip_{clip:04}")).collect();
        let classes = if settings.labelled { Class::names() } else { Vec::new() };
        Ok(Self { settings, classes, names, balance })
    }

    /// The settings.
    pub fn settings(&self) -> &SynthClipSettings {
        &self.settings
    }

    /// The number of the person a clip shows.
    pub fn person(&self, clip: usize) -> u64 {
        let people = &self.settings.style.identities;
        people.start + clip as u64 % (people.end - people.start)
    }

    /// The expression under way in a frame and its intensity, 0 to 1.5, whether or not it is labelled so.
    pub fn expression(&self, clip: usize, frame: usize) -> (Class, f32) {
        let Shown { class, intensity, .. } = self.shown(clip, frame);
        (class, intensity)
    }

    /// The class of a frame by the rule of [`SynthClips`], whether or not the label is told.
    pub fn class(&self, clip: usize, frame: usize) -> Class {
        let (class, intensity) = self.expression(clip, frame);
        if intensity >= self.settings.threshold { class } else { Class::Neutral }
    }

    /// Draws what the camera sees, and tells where the face is.
    pub fn full_frame(&self, clip: usize, frame: usize, width: usize, height: usize) -> FullFrame {
        let (face, view) = self.seen(clip, frame, width, height);
        let channels = self.settings.style.channels;
        if self.has_face(clip, frame) {
            FullFrame { picture: face.draw_in(&view, channels), geometry: Some(face.geometry_in(&view)) }
        } else {
            FullFrame { picture: face.scene.draw_empty(&view, channels), geometry: None }
        }
    }

    /// Where the face is in [`SynthClips::full_frame`]'s picture, without drawing it.
    pub fn geometry(&self, clip: usize, frame: usize, width: usize, height: usize) -> Option<Geometry> {
        let (face, view) = self.seen(clip, frame, width, height);
        self.has_face(clip, frame).then(|| face.geometry_in(&view))
    }

    /// The face of a frame and the view of its crop, whether or not the face is found.
    pub fn cropped(&self, clip: usize, frame: usize) -> (Face, Viewpoint) {
        let (face, camera) = self.seen(clip, frame, CAMERA.0, CAMERA.1);
        let [left, top, width, height] = face.geometry_in(&camera).face_box;
        let longer = width.max(height);
        let mut rng = self.at(clip).rng(Stream::Crop, frame as u64);
        let mut off = || self.settings.jitter * rng.normal().clamp(-2.5, 2.5);
        let (x, y) = (left + width * (0.5 + off()), top + height * 0.5 + longer * (off() - CROP_UP));
        let side = longer * CROP * (1.0 + off());
        (face, camera.cropped(x - side / 2.0, y - side / 2.0, side, self.settings.style.size))
    }

    fn at(&self, clip: usize) -> ClipAddress {
        ClipAddress { seed: self.settings.seed, clip }
    }

    fn shown(&self, clip: usize, frame: usize) -> Shown {
        track::shown(self.at(clip), frame, &self.settings, &self.balance)
    }

    /// The face of a frame, and the view of a camera picture of so many pixels.
    fn seen(&self, clip: usize, frame: usize, width: usize, height: usize) -> (Face, Viewpoint) {
        let (at, settings) = (self.at(clip), &self.settings);
        let (style, motion) = (&settings.style, settings.motion);
        let mut rng = at.rng(Stream::ClipScene, 0);
        // How the person sits and where the camera stands hold for the whole clip.
        let mut pose = Pose::sample(0.5 * style.variation, &mut rng);
        let mut scene = Scene::sample(style.variation, style.camera, &mut rng);
        let near = rng.between(0.17, 0.25);
        let place = (rng.between(-0.35, 0.35), rng.between(-0.2, 0.1));

        let [yaw, pitch, roll, x, y, depth] = at.drift(Stream::Head, frame, 40);
        let [turn, nod, tilt] = at.drift(Stream::Nod, frame, 11);
        pose.yaw += motion * (0.28 * yaw + 0.07 * turn);
        pose.pitch += motion * (0.22 * pitch + 0.09 * nod);
        pose.roll += motion * (0.06 * roll + 0.02 * tilt);
        let mut gaze = at.rng(Stream::Gaze, (frame / 35) as u64);
        pose.gaze = (0.4 * gaze.normal().clamp(-2.0, 2.0), 0.2 * gaze.normal().clamp(-2.0, 2.0));
        let place = (place.0 + motion * 0.10 * x, place.1 + motion * 0.06 * y);
        let scale = near * (1.0 + 0.06 * motion * depth);
        let [across, down, exposure] = at.drift(Stream::Light, frame, 120);
        scene.light.0 += motion * 0.08 * across;
        scene.light.1 += motion * 0.06 * down;
        scene.exposure += motion * 0.06 * exposure;
        scene.noise_key ^= (frame as u32).wrapping_mul(0x9e37_79b9);

        let occlusion = track::cover(at, frame, style.occlusion).map(|arrival| {
            let mut rng = at.rng(Stream::Cover, u64::MAX);
            Occlusion { arrival, ..Occlusion::sample(&mut rng) }
        });
        let view = Viewpoint::camera(width, height, place, scale, pose.roll);
        let identity = Identity::of(style.people.unwrap_or(settings.seed), self.person(clip));
        (Face { identity, actions: self.shown(clip, frame).actions, pose, scene, occlusion }, view)
    }

    fn no_face(&self, clip: usize, frame: usize) -> DataError {
        DataError::Format {
            path: PathBuf::from(&self.settings.name),
            place: format!(", {}, frame {frame}", self.names[clip]),
            reason: "no face was found in this frame, so there is no picture".to_owned(),
        }
    }
}

impl Clips for SynthClips {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.settings.clips
    }

    fn clip_name(&self, clip: usize) -> &str {
        &self.names[clip]
    }

    fn frames(&self, _clip: usize) -> usize {
        self.settings.frames
    }

    fn label(&self, clip: usize, frame: usize) -> Option<usize> {
        let ignored = self.at(clip).in_run(Stream::Ignored, frame, self.settings.ignored);
        (self.settings.labelled && !ignored).then(|| self.class(clip, frame) as usize)
    }

    fn has_face(&self, clip: usize, frame: usize) -> bool {
        !self.at(clip).in_run(Stream::Missing, frame, self.settings.missing)
    }

    /// Hash of what the frame is drawn from.
    fn content_hash(&self, clip: usize, frame: usize) -> Result<[u8; 32], DataError> {
        if !self.has_face(clip, frame) {
            return Err(self.no_face(clip, frame));
        }
        let mut hasher = blake3::Hasher::new();
        self.settings.hash(&mut hasher);
        hasher.update(&(clip as u64).to_le_bytes()).update(&(frame as u64).to_le_bytes());
        Ok(*hasher.finalize().as_bytes())
    }

    /// The face as a detector would crop it: a square around the face box, a little off in every frame.
    fn picture(&self, clip: usize, frame: usize) -> Result<Picture, DataError> {
        if !self.has_face(clip, frame) {
            return Err(self.no_face(clip, frame));
        }
        let (face, view) = self.cropped(clip, frame);
        Ok(face.draw_in(&view, self.settings.style.channels))
    }
}
