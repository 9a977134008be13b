//! What comes out.

use affekt_engine::FaceReading;

use crate::status::{AffektStatus, Trouble, guarded, quietly};

/// Faces and what they show. Free it by `affekt_readings_free`.
pub struct AffektReadings {
    faces: Vec<FaceReading>,
}

/// A face in a picture or frame.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AffektFace {
    /// The frame's number in its video, from 0; of a picture 0.
    pub frame: u64,
    /// The frame's time in seconds; of a picture 0.
    pub seconds: f64,
    /// The person's number, from 1; the same as long as the face is followed.
    pub face: u32,
    /// The class after the vote, an index into the class names: what the face shows.
    pub label: u32,
    /// The most probable class of this frame alone.
    pub frame_label: u32,
    /// The most probable class by the temporal encoder, or -1 without one.
    pub temporal_label: i32,
    /// Probability of `label` in this frame, 0 to 1.
    pub confidence: f32,
    /// 1 where `confidence` is too low to go by, else 0.
    pub unsure: u32,
    /// 1 where the detector saw the face in this frame, 0 where its motion was carried on.
    pub detected: u32,
    /// 1 where `landmarks` are known, else 0 and they are 0.
    pub has_landmarks: u32,
    /// Left, top, width and height in pixels; may reach beyond the picture.
    pub face_box: [f32; 4],
    /// x and y in pixels of the eye on the picture's left, the eye on its right, the nose's tip, the mouth's left and
    /// right corner.
    pub landmarks: [f32; 10],
    /// The probability of each class, 0 to 1; they sum to 1. Belongs to the readings.
    pub probabilities: *const f32,
    /// How many there are.
    pub class_count: usize,
}

impl AffektFace {
    fn of(face: &FaceReading) -> Self {
        let index = |label: usize| u32::try_from(label).unwrap_or(u32::MAX);
        let b = face.face_box;
        let mut landmarks = [0.0; 10];
        for (to, from) in landmarks.iter_mut().zip(face.landmarks.iter().flatten().flatten()) {
            *to = *from;
        }
        Self {
            frame: face.frame,
            seconds: face.seconds,
            face: face.face,
            label: index(face.voted_label),
            frame_label: index(face.frame_label),
            temporal_label: face.temporal_label.and_then(|label| i32::try_from(label).ok()).unwrap_or(-1),
            confidence: face.confidence,
            unsure: face.unsure.into(),
            detected: face.detected.into(),
            has_landmarks: face.landmarks.is_some().into(),
            face_box: [b.x, b.y, b.w, b.h],
            landmarks,
            probabilities: face.probabilities.as_ptr(),
            class_count: face.probabilities.len(),
        }
    }
}

/// Hands readings to C.
///
/// # Safety
/// `out` leads to a pointer that can be written.
pub unsafe fn hand_out(faces: Vec<FaceReading>, out: *mut *mut AffektReadings) {
    // SAFETY: as the caller promises.
    unsafe { out.write(Box::into_raw(Box::new(AffektReadings { faces }))) };
}

/// How many faces there are; 0 for NULL.
///
/// # Safety
/// `readings` is NULL or was given by a reading function and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_face_count(readings: *const AffektReadings) -> usize {
    // SAFETY: as the caller promises.
    unsafe { readings.as_ref() }.map_or(0, |readings| readings.faces.len())
}

/// The face at `index`, from 0; faces stand by frame and person.
///
/// # Safety
/// `readings` is NULL or was given by a reading function and not freed; `out` is NULL or leads to an `AffektFace`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_face(
    readings: *const AffektReadings,
    index: usize,
    out: *mut AffektFace,
) -> AffektStatus {
    guarded(|| {
        // SAFETY: as the caller promises.
        let readings = unsafe { readings.as_ref() }.ok_or_else(|| Trouble::null("readings"))?;
        if out.is_null() {
            return Err(Trouble::null("out"));
        }
        let count = readings.faces.len();
        let face = readings.faces.get(index);
        let face =
            face.ok_or_else(|| Trouble::argument(format!("face {index} of {count} does not exist")))?;
        // SAFETY: not null, and else as the caller promises.
        unsafe { out.write(AffektFace::of(face)) };
        Ok(())
    })
}

/// Frees readings; NULL is left alone.
///
/// # Safety
/// `readings` is NULL or was given by a reading function, not freed before, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_readings_free(readings: *mut AffektReadings) {
    if !readings.is_null() {
        // SAFETY: made by `hand_out`, and freed once as the caller promises.
        quietly((), || drop(unsafe { Box::from_raw(readings) }));
    }
}
