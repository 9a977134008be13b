//! Reading: pictures by themselves, and frames of a video.

use std::ffi::{CString, c_char};
use std::path::Path;

use affekt_engine::FaceReading;
use affekt_engine::media::source::{OpenOptions, ReadAhead, open};
use affekt_engine::world::WorldError;
use affekt_engine::world::live::{FrameReading, SharedRecognizer};

use crate::options::{AffektOptions, spec};
use crate::picture::{AffektImage, picture};
use crate::readings::{AffektReadings, hand_out};
use crate::status::{AffektStatus, Trouble, guarded, quietly, text};

/// Reads facial expressions. Open it by `affekt_open`, free it by `affekt_close`.
pub struct AffektRecognizer {
    shared: SharedRecognizer,
    classes: Vec<CString>,
}

/// Runs a call that reads: finds the recognizer, and hands out what `read` gives. `out` is NULL afterwards where it fails.
///
/// # Safety
/// Both are null, or as the functions below promise.
unsafe fn reading(
    recognizer: *const AffektRecognizer,
    out: *mut *mut AffektReadings,
    read: impl FnOnce(&SharedRecognizer) -> Result<Vec<FaceReading>, Trouble>,
) -> AffektStatus {
    guarded(|| {
        if out.is_null() {
            return Err(Trouble::null("out"));
        }
        // SAFETY: not null, and else as the caller promises.
        unsafe { out.write(std::ptr::null_mut()) };
        // SAFETY: as the caller promises.
        let recognizer = unsafe { recognizer.as_ref() }.ok_or_else(|| Trouble::null("recognizer"))?;
        let faces = read(&recognizer.shared)?;
        // SAFETY: not null, and else as the caller promises.
        unsafe { hand_out(faces, out) };
        Ok(())
    })
}

fn faces(frames: Vec<FrameReading>) -> Vec<FaceReading> {
    frames.into_iter().flat_map(|frame| frame.faces).collect()
}

/// Opens a recognizer. `options` may be NULL for all defaults: the built-in model on the processor, and the face detector
/// that is found (a file `*yunet*.onnx` in the folder that the environment's `AFFEKT_MODELS` names, else the built-in one).
/// `*out` is the recognizer, or NULL where this fails.
///
/// # Safety
/// `options` is NULL or leads to as many bytes as its `size` says, its texts are NULL or end in a NUL; `out` is NULL or leads
/// to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_open(
    options: *const AffektOptions,
    out: *mut *mut AffektRecognizer,
) -> AffektStatus {
    guarded(|| {
        if out.is_null() {
            return Err(Trouble::null("out"));
        }
        // SAFETY: not null, and else as the caller promises.
        unsafe { out.write(std::ptr::null_mut()) };
        // SAFETY: as the caller promises.
        let shared = SharedRecognizer::open(unsafe { spec(options) }?)?;
        let named = |class: &String| CString::new(class.replace('\0', "\\0")).unwrap_or_default();
        let classes = shared.about().classes.iter().map(named).collect();
        // SAFETY: not null, and else as the caller promises.
        unsafe { out.write(Box::into_raw(Box::new(AffektRecognizer { shared, classes }))) };
        Ok(())
    })
}

/// How many classes the model has; 0 for NULL.
///
/// # Safety
/// `recognizer` is NULL or open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_class_count(recognizer: *const AffektRecognizer) -> usize {
    // SAFETY: as the caller promises.
    unsafe { recognizer.as_ref() }.map_or(0, |recognizer| recognizer.classes.len())
}

/// The name of a class, from 0, in UTF-8; NULL where there is none. Valid until `affekt_close`.
///
/// # Safety
/// `recognizer` is NULL or open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_class_name(
    recognizer: *const AffektRecognizer,
    index: usize,
) -> *const c_char {
    // SAFETY: as the caller promises.
    let class = unsafe { recognizer.as_ref() }.and_then(|recognizer| recognizer.classes.get(index));
    class.map_or(std::ptr::null(), |class| class.as_ptr())
}

/// Reads the faces of a picture by itself. `*out` is what was read, or NULL where this fails; no face is no failure.
///
/// # Safety
/// `recognizer` is NULL or open, `image` NULL or a picture whose pixels can be read, `out` NULL or leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_read(
    recognizer: *const AffektRecognizer,
    image: *const AffektImage,
    out: *mut *mut AffektReadings,
) -> AffektStatus {
    // SAFETY: as the caller promises.
    unsafe { reading(recognizer, out, |shared| Ok(shared.picture(picture(image)?)?)) }
}

/// Reads the faces of a file, by its path in UTF-8: a picture (JPEG, PNG, WebP, BMP), or a whole video. `*out` is what was
/// read, or NULL where this fails.
///
/// # Safety
/// `recognizer` is NULL or open, `path` NULL or ends in a NUL, `out` is NULL or leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_read_file(
    recognizer: *const AffektRecognizer,
    path: *const c_char,
    out: *mut *mut AffektReadings,
) -> AffektStatus {
    let read = |shared: &SharedRecognizer| {
        // SAFETY: as the caller promises.
        let path = unsafe { text(path, "path") }?.ok_or_else(|| Trouble::null("path"))?;
        let source = open(Path::new(path), OpenOptions::default()).map_err(WorldError::from)?;
        let mut source =
            ReadAhead::spawn(source, 8).map_err(|source| WorldError::Io { path: path.into(), source })?;
        let mut all = vec![];
        shared.read_source(&mut source, |frames, _| {
            all.extend(faces(frames));
            Ok(true)
        })?;
        Ok(all)
    };
    // SAFETY: as the caller promises.
    unsafe { reading(recognizer, out, read) }
}

/// Takes the next frame of a video, shown `seconds` after its first. `*out` is what is now read to the end: the faces of this
/// frame, or with a temporal encoder that looks both ways those of earlier ones; or NULL where this fails.
///
/// # Safety
/// As for `affekt_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_push(
    recognizer: *const AffektRecognizer,
    image: *const AffektImage,
    seconds: f64,
    out: *mut *mut AffektReadings,
) -> AffektStatus {
    // SAFETY: as the caller promises.
    unsafe { reading(recognizer, out, |shared| Ok(faces(shared.push(picture(image)?, seconds)?))) }
}

/// Ends the video: `*out` is what was still to come of it. The next frame begins another one.
///
/// # Safety
/// `recognizer` is NULL or open, `out` is NULL or leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_finish(
    recognizer: *const AffektRecognizer,
    out: *mut *mut AffektReadings,
) -> AffektStatus {
    // SAFETY: as the caller promises.
    unsafe { reading(recognizer, out, |shared| Ok(faces(shared.finish()?))) }
}

/// Frees a recognizer; NULL is left alone. What was read stays.
///
/// # Safety
/// `recognizer` is NULL or open, no other call uses it, and it is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affekt_close(recognizer: *mut AffektRecognizer) {
    if !recognizer.is_null() {
        // SAFETY: made by `affekt_open`, and freed once as the caller promises.
        quietly((), || drop(unsafe { Box::from_raw(recognizer) }));
    }
}
