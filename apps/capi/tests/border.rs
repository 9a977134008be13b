//! What C may get wrong is a status with words, and what it gets right is what the engine reads.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use affekt::{
    AFFEKT_BGRA, AFFEKT_GREY, AFFEKT_RGB, AffektFace, AffektImage, AffektOptions, AffektReadings,
    AffektRecognizer, AffektStatus, affekt_class_count, affekt_class_name, affekt_close, affekt_face,
    affekt_face_count, affekt_finish, affekt_last_error, affekt_open, affekt_push, affekt_read,
    affekt_read_file, affekt_readings_free, affekt_version,
};
use affekt_engine::media::Picture;
use affekt_engine::media::detect::DetectorChoice;
use affekt_engine::world::live::{LiveSettings, RecognizerSpec, SharedRecognizer};

const SIDE: usize = 64;

fn options() -> AffektOptions {
    // SAFETY: numbers and pointers may all be zero.
    let zero: AffektOptions = unsafe { MaybeUninit::zeroed().assume_init() };
    AffektOptions { size: size_of::<AffektOptions>(), detector: c"guide".as_ptr(), ..zero }
}

fn open(options: &AffektOptions) -> Result<*mut AffektRecognizer, Failed> {
    let mut recognizer = null_mut();
    // SAFETY: both lead to what they should.
    let status = unsafe { affekt_open(options, &raw mut recognizer) };
    if status == AffektStatus::Ok { Ok(recognizer) } else { Err((status, last())) }
}

fn last() -> String {
    text(affekt_last_error())
}

fn text(pointer: *const c_char) -> String {
    assert!(!pointer.is_null());
    // SAFETY: not null, and a text of the library's.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
}

/// A picture that is not all one tone.
fn pixels() -> Vec<u8> {
    (0..SIDE * SIDE * 4).map(|i| (i * i / 97) as u8).collect()
}

fn image(pixels: &[u8], format: u32) -> AffektImage {
    let (width, height) = (SIDE as u32, SIDE as u32);
    AffektImage { pixels: pixels.as_ptr(), length: pixels.len(), width, height, stride: 0, format }
}

/// How a call failed: its status and its words.
type Failed = (AffektStatus, String);

/// What a reading call ends with, and the faces it gives.
fn faces(
    call: impl FnOnce(*mut *mut AffektReadings) -> AffektStatus,
) -> Result<Vec<(AffektFace, Vec<f32>)>, Failed> {
    let mut readings = null_mut();
    let status = call(&raw mut readings);
    if status != AffektStatus::Ok {
        assert!(readings.is_null(), "nothing to free where nothing was read");
        return Err((status, last()));
    }
    // SAFETY: readings that were just given, until they are freed.
    unsafe {
        let face = |index| {
            let mut face = MaybeUninit::zeroed();
            assert_eq!(affekt_face(readings, index, face.as_mut_ptr()), AffektStatus::Ok);
            let face: AffektFace = face.assume_init();
            (face, std::slice::from_raw_parts(face.probabilities, face.class_count).to_vec())
        };
        let count = affekt_face_count(readings);
        let all = (0..count).map(face).collect();
        assert_eq!(affekt_face(readings, count, null_mut()), AffektStatus::NullPointer);
        let mut none = MaybeUninit::zeroed();
        assert_eq!(affekt_face(readings, count, none.as_mut_ptr()), AffektStatus::InvalidArgument);
        assert!(last().contains(&format!("face {count} of {count}")), "{}", last());
        affekt_readings_free(readings);
        Ok(all)
    }
}

#[test]
fn c_reads_what_the_engine_reads() {
    let recognizer = open(&options()).unwrap();
    let spec = RecognizerSpec { detector: DetectorChoice::Guide, ..RecognizerSpec::default() };
    let engine = SharedRecognizer::open(spec).unwrap();
    let classes = engine.about().classes.clone();
    // SAFETY: an open recognizer.
    unsafe {
        assert_eq!(affekt_class_count(recognizer), classes.len());
        for (index, class) in classes.iter().enumerate() {
            assert_eq!(&text(affekt_class_name(recognizer, index)), class);
        }
        assert!(affekt_class_name(recognizer, classes.len()).is_null());
    }
    assert_eq!(text(affekt_version()), env!("CARGO_PKG_VERSION"));

    let bgra = pixels();
    let rgb: Vec<u8> = bgra.as_chunks::<4>().0.iter().flat_map(|&[b, g, r, _]| [r, g, b]).collect();
    let picture = Picture { width: SIDE, height: SIDE, channels: 3, pixels: rgb.clone() };
    let expected = engine.picture(picture.clone()).unwrap().remove(0);
    for image in [image(&bgra, AFFEKT_BGRA), image(&rgb, AFFEKT_RGB)] {
        // SAFETY: an open recognizer and a picture of ours.
        let (face, probabilities) =
            faces(|out| unsafe { affekt_read(recognizer, &raw const image, out) }).unwrap().remove(0);
        let b = expected.face_box;
        assert_eq!((face.face_box, face.face), ([b.x, b.y, b.w, b.h], 1));
        assert_eq!(probabilities, expected.probabilities);
        assert_eq!((face.label as usize, face.temporal_label), (expected.voted_label, -1));
        assert_eq!((face.has_landmarks, face.detected), (0, 1));
    }
    // As a file.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    std::fs::write(&path, picture.to_jpeg(95).unwrap()).unwrap();
    let path = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: an open recognizer and a text of ours.
    let read = faces(|out| unsafe { affekt_read_file(recognizer, path.as_ptr(), out) }).unwrap();
    assert_eq!(read.len(), 1);
    // As frames.
    let image = image(&bgra, AFFEKT_BGRA);
    for frame in 0..3u64 {
        // SAFETY: an open recognizer and a picture of ours.
        let push = |out| unsafe { affekt_push(recognizer, &raw const image, frame as f64 / 30.0, out) };
        let (face, _) = faces(push).unwrap().remove(0);
        assert_eq!((face.frame, face.face, face.seconds), (frame, 1, frame as f64 / 30.0));
    }
    // SAFETY: an open recognizer.
    assert_eq!(faces(|out| unsafe { affekt_finish(recognizer, out) }).unwrap().len(), 0);
    // SAFETY: the last use of it.
    unsafe { affekt_close(recognizer) };
}

#[test]
fn a_mirrored_reading_is_the_engines() {
    let recognizer = open(&AffektOptions { flip: 1, ..options() }).unwrap();
    let settings = LiveSettings { flip: true, ..LiveSettings::default() };
    let spec = RecognizerSpec { detector: DetectorChoice::Guide, settings, ..RecognizerSpec::default() };
    let bgra = pixels();
    let rgb: Vec<u8> = bgra.as_chunks::<4>().0.iter().flat_map(|&[b, g, r, _]| [r, g, b]).collect();
    let picture = Picture { width: SIDE, height: SIDE, channels: 3, pixels: rgb };
    let read = |spec| {
        SharedRecognizer::open(spec).unwrap().picture(picture.clone()).unwrap().remove(0).probabilities
    };
    let plain = read(RecognizerSpec { settings: LiveSettings::default(), ..spec.clone() });
    let image = image(&bgra, AFFEKT_BGRA);
    // SAFETY: an open recognizer and a picture of ours.
    let seen = faces(|out| unsafe { affekt_read(recognizer, &raw const image, out) }).unwrap().remove(0).1;
    assert_eq!(seen, read(spec));
    assert_ne!(seen, plain);
    // SAFETY: the last use of it.
    unsafe { affekt_close(recognizer) };
}

#[test]
fn null_pointers_are_a_status_and_freeing_them_is_nothing() {
    let refused = AffektStatus::NullPointer;
    let recognizer = open(&options()).unwrap();
    let image = image(&[], AFFEKT_GREY);
    // SAFETY: null is what these look for.
    unsafe {
        assert_eq!(affekt_open(null(), null_mut()), refused);
        for recognizer in [null(), recognizer.cast_const()] {
            assert_eq!(affekt_read(recognizer, &raw const image, null_mut()), refused);
            assert_eq!(affekt_read_file(recognizer, c"x".as_ptr(), null_mut()), refused);
            assert_eq!(affekt_push(recognizer, &raw const image, 0.0, null_mut()), refused);
            assert_eq!(affekt_finish(recognizer, null_mut()), refused);
        }
        assert_eq!(faces(|out| affekt_read(null(), &raw const image, out)).unwrap_err().0, refused);
        let words = |ended: Result<_, Failed>| ended.map(|_: Vec<_>| ()).unwrap_err();
        assert_eq!(
            words(faces(|out| affekt_read(recognizer, null(), out))),
            (refused, "image is NULL".into())
        );
        let empty = AffektImage { pixels: null(), ..image };
        assert_eq!(
            words(faces(|out| affekt_push(recognizer, &raw const empty, 0.0, out))),
            (refused, "image.pixels is NULL".into())
        );
        assert_eq!(
            words(faces(|out| affekt_read_file(recognizer, null(), out))),
            (refused, "path is NULL".into())
        );
        assert_eq!((affekt_class_count(null()), affekt_face_count(null())), (0, 0));
        assert!(affekt_class_name(null(), 0).is_null());
        assert_eq!(affekt_face(null(), 0, null_mut()), refused);
        affekt_readings_free(null_mut());
        affekt_close(null_mut());
        affekt_close(recognizer);
    }
}

#[test]
fn wrong_sizes_formats_and_times_are_told_and_the_recognizer_reads_on() {
    let recognizer = open(&options()).unwrap();
    let bytes = pixels();
    let good = image(&bytes, AFFEKT_BGRA);
    for (image, words) in [
        (AffektImage { length: bytes.len() - 1, ..good }, "there are"),
        (AffektImage { width: 0, ..good }, "0x64"),
        (AffektImage { width: u32::MAX, height: u32::MAX, ..good }, "limit"),
        (AffektImage { stride: 5, ..good }, "a stride of 5 bytes"),
        (AffektImage { stride: usize::MAX, ..good }, "there are"),
        (AffektImage { format: 0, ..good }, "image.format is 0"),
        (AffektImage { format: 77, ..good }, "image.format is 77"),
        (AffektImage { length: usize::MAX, ..good }, "image.length"),
    ] {
        // SAFETY: nothing beyond the picture is read before its sizes are checked.
        let ended = faces(|out| unsafe { affekt_read(recognizer, &raw const image, out) });
        let (status, told) = ended.map(|_| ()).unwrap_err();
        assert!(status == AffektStatus::InvalidArgument && told.contains(words), "{status:?}: {told}");
    }
    let push = |seconds| {
        // SAFETY: an open recognizer and a picture of ours.
        faces(|out| unsafe { affekt_push(recognizer, &raw const good, seconds, out) })
            .map(|faces| faces.len())
    };
    assert_eq!(push(5.0), Ok(1));
    for seconds in [4.0, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(push(seconds).unwrap_err().0, AffektStatus::InvalidArgument, "{}", last());
    }
    // SAFETY: as above.
    let ended = faces(|out| unsafe { affekt_read(recognizer, &raw const good, out) }).map(|_| ());
    assert!(ended.unwrap_err().1.contains("a video is under way"));
    assert_eq!(push(5.5), Ok(1));
    // SAFETY: the last use of it.
    unsafe { affekt_close(recognizer) };
}

#[test]
fn what_cannot_be_opened_is_told_by_its_kind() {
    let none = c"/none/such.safetensors".as_ptr();
    let latin = CString::new([b'a', 0xff]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let junk = folder.path().join("junk.onnx");
    std::fs::write(&junk, "no detector").unwrap();
    let junk = CString::new(junk.to_str().unwrap()).unwrap();
    for (options, kind, words) in [
        (AffektOptions { model: none, ..options() }, AffektStatus::File, "such.safetensors"),
        (AffektOptions { temporal: none, ..options() }, AffektStatus::File, "such.safetensors"),
        (AffektOptions { detector: junk.as_ptr(), ..options() }, AffektStatus::File, "junk.onnx"),
        (AffektOptions { model: latin.as_ptr(), ..options() }, AffektStatus::InvalidArgument, "UTF-8"),
        (
            AffektOptions { backend: c"abacus".as_ptr(), ..options() },
            AffektStatus::InvalidArgument,
            "`abacus`",
        ),
        (AffektOptions { window: 1 << 30, ..options() }, AffektStatus::InvalidArgument, "vote"),
        (AffektOptions { size: 0, ..options() }, AffektStatus::InvalidArgument, "sizeof(AffektOptions)"),
        (AffektOptions { size: 4096, ..options() }, AffektStatus::InvalidArgument, "sizeof(AffektOptions)"),
    ] {
        let (status, told) = open(&options).map(|_| ()).unwrap_err();
        assert!(status == kind && told.contains(words), "{status:?}: {told}");
    }
    // A program that was built for the first two fields alone.
    let old = AffektOptions { size: 2 * size_of::<usize>(), backend: c"abacus".as_ptr(), ..options() };
    let recognizer = open(&old).unwrap();
    // SAFETY: an open recognizer and texts of ours.
    unsafe {
        let read = |path: *const c_char| {
            let ended = faces(|out| affekt_read_file(recognizer, path, out)).map(|_| ());
            ended.unwrap_err()
        };
        let (status, told) = read(c"/none/a.jpg".as_ptr());
        assert!(status == AffektStatus::File && told.contains("/none/a.jpg"), "{status:?}: {told}");
        assert_eq!(read(latin.as_ptr()).0, AffektStatus::InvalidArgument);
        affekt_close(recognizer);
    }
}
