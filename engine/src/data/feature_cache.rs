//! Features of a frozen student for the clips of a set, extracted once: a folder with a file a clip.

use std::path::{Path, PathBuf};

use super::clip_files::is_plain_name;
use super::feature_file::{FeatureFile, FeatureWriter, Header, REMEDY};
use super::{Clips, DataError};
use crate::files::{QUOTED, open_regular, printable};

/// Frames whose content tells one version of a clip from another.
const PROBES: usize = 16;

/// A folder of feature files that belong to one student.
///
/// A file is named after its clip, so a folder is for one set of clips. Each is there whole or not at all: extraction
/// that was interrupted goes on with the first clip that has none.
#[derive(Debug, Clone)]
pub struct FeatureCache {
    folder: PathBuf,
    student: String,
    features: usize,
}

impl FeatureCache {
    /// A cache in `folder`, which is made when the first file is written.
    ///
    /// `student` identifies the student, as [`FeatureCache::student_hash`] gives it; `features` is the length of a vector.
    pub fn new(folder: impl Into<PathBuf>, student: impl Into<String>, features: usize) -> Self {
        Self { folder: folder.into(), student: student.into(), features }
    }

    /// Hash of a student's weights file, in hexadecimal.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn student_hash(weights: &Path) -> Result<String, DataError> {
        let read = || {
            let mut hasher = blake3::Hasher::new();
            std::io::copy(&mut open_regular(weights, "a weights file")?, &mut hasher)?;
            Ok(hasher.finalize().to_hex().to_string())
        };
        read().map_err(|e| DataError::io(weights, e))
    }

    /// The file of a clip.
    ///
    /// # Errors
    /// The clip's name cannot be a file's.
    pub fn path(&self, clips: &dyn Clips, clip: usize) -> Result<PathBuf, DataError> {
        let name = clips.clip_name(clip);
        if !is_plain_name(name) {
            let reason = format!("clip `{name}` has a name that cannot be a file's");
            return Err(DataError::Spec { spec: clips.name().to_owned(), reason });
        }
        Ok(self.folder.join(format!("{name}.features")))
    }

    /// Opens a clip's features; `None` where they have not been extracted.
    ///
    /// # Errors
    /// The file is damaged, or belongs to another student or another version of the clip.
    pub fn open(&self, clips: &dyn Clips, clip: usize) -> Result<Option<FeatureFile>, DataError> {
        let path = self.path(clips, clip)?;
        if !path.exists() {
            return Ok(None);
        }
        let file = FeatureFile::open(&path)?;
        let (found, wanted) = (file.header(), self.header(clips, clip));
        let other = |what: String| Err(DataError::format(&path, "", format!("{what}; {REMEDY}")));
        if found.student != wanted.student {
            let short = |hash: &str| printable(&hash.chars().take(12).collect::<String>(), QUOTED);
            return other(format!(
                "features of another student ({} instead of {})",
                short(&found.student),
                short(&wanted.student)
            ));
        }
        if found.features != wanted.features {
            return other(format!("{} features a frame instead of {}", found.features, wanted.features));
        }
        if *found != wanted {
            return other(format!("features of another clip than `{}` as it is now", wanted.name));
        }
        Ok(Some(file))
    }

    /// Begins a clip's file; one that is there is replaced when the new one is finished.
    ///
    /// # Errors
    /// The folder or file cannot be made.
    pub fn writer(&self, clips: &dyn Clips, clip: usize) -> Result<FeatureWriter, DataError> {
        let path = self.path(clips, clip)?;
        let header = self.header(clips, clip);
        std::fs::create_dir_all(&self.folder).map_err(|e| DataError::io(&self.folder, e))?;
        FeatureWriter::create(&path, header)
    }

    fn header(&self, clips: &dyn Clips, clip: usize) -> Header {
        Header {
            name: clips.clip_name(clip).to_owned(),
            student: self.student.clone(),
            clip: identity(clips, clip),
            frames: clips.frames(clip),
            features: self.features,
        }
    }
}

/// What a clip is, for features: which frames have a face, and the content of up to [`PROBES`] of them, evenly spread.
/// Hashing every frame would take as long as extracting some students' features; labels have no part in features.
fn identity(clips: &dyn Clips, clip: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    let faces = || (0..clips.frames(clip)).filter(|&frame| clips.has_face(clip, frame));
    let mut count = 0usize;
    for frame in faces() {
        hasher.update(&(frame as u64).to_le_bytes());
        count += 1;
    }
    let step = count.div_ceil(PROBES).max(1);
    for frame in faces().step_by(step) {
        // A frame that cannot be read has no content; it is extraction's to skip or to end at it.
        let hash = clips.content_hash(clip, frame).unwrap_or([0; 32]);
        hasher.update(&hash);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::sync::Arc;

    use super::super::formats::affwild2::tests::{jpeg, write_frames};
    use super::*;
    use crate::data::{ClipFormats, SkipLog, Spec};

    const FEATURES: usize = 5;
    const STUDENT: &str = "0123456789abcdef";

    fn clips(root: &Path) -> Arc<dyn Clips> {
        ClipFormats::files().open(&Spec::new("clips", root), &SkipLog::new(true)).unwrap()
    }

    fn row(frame: usize) -> Vec<f32> {
        (0..FEATURES).map(|i| (frame * 10 + i) as f32 / 3.0).collect()
    }

    /// A clip of 7 frames whose faces are 1, 2, 4 and 7, and its finished features.
    fn extracted() -> (tempfile::TempDir, Arc<dyn Clips>, FeatureCache, FeatureFile) {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("set/a"), [1, 2, 4, 7]);
        let clips = clips(&dir.path().join("set"));
        let cache = FeatureCache::new(dir.path().join("cache"), STUDENT, FEATURES);
        assert!(cache.open(&*clips, 0).unwrap().is_none());
        let mut writer = cache.writer(&*clips, 0).unwrap();
        for frame in 0..7 {
            writer.push(clips.has_face(0, frame).then(|| row(frame)).as_deref()).unwrap();
        }
        let file = writer.finish().unwrap();
        (dir, clips, cache, file)
    }

    #[test]
    fn rows_come_back_bit_for_bit_and_missing_frames_are_missing() {
        let (_dir, clips, cache, written) = extracted();
        let opened = cache.open(&*clips, 0).unwrap().unwrap();
        for file in [&written, &opened] {
            assert_eq!((file.name(), file.frames(), file.features()), ("a", 7, FEATURES));
            for frame in 0..9 {
                let expected = (frame < 7 && clips.has_face(0, frame)).then(|| row(frame));
                assert_eq!(file.row(frame), expected.as_deref(), "frame {frame}");
            }
            file.release(0..7);
            assert_eq!(file.row(6), Some(&row(6)[..]), "released rows can be read again");
        }
    }

    #[test]
    fn a_window_has_presence_in_its_last_channel() {
        let (_dir, _clips, _cache, file) = extracted();
        let mut out = vec![9.0; 4 * (FEATURES + 1)];
        file.window(5, &mut out);
        let rows: Vec<&[f32]> = out.chunks(FEATURES + 1).collect();
        assert_eq!(rows[1], [row(6), vec![1.0]].concat());
        for missing in [0, 2, 3] {
            assert_eq!(rows[missing], [0.0; FEATURES + 1], "place {missing}");
        }
    }

    #[test]
    fn a_writer_that_is_dropped_or_unfinished_leaves_no_file() {
        let (dir, clips, _cache, _file) = extracted();
        let cache = FeatureCache::new(dir.path().join("other"), STUDENT, FEATURES);
        let mut writer = cache.writer(&*clips, 0).unwrap();
        writer.push(Some(&row(0))).unwrap();
        let message = writer.finish().unwrap_err().to_string();
        assert!(message.contains("1 of 7 frames"), "{message}");
        let mut writer = cache.writer(&*clips, 0).unwrap();
        let message = writer.push(Some(&[f32::NAN; FEATURES])).unwrap_err().to_string();
        assert!(message.contains("not finite"), "{message}");
        drop(writer);
        assert_eq!(fs::read_dir(dir.path().join("other")).unwrap().count(), 0);
    }

    #[test]
    fn a_cache_of_another_student_or_clip_is_refused_with_what_to_do() {
        let (dir, clips, cache, _file) = extracted();
        let refusal = |cache: &FeatureCache, clips: &dyn Clips| cache.open(clips, 0).unwrap_err().to_string();
        let other = FeatureCache::new(dir.path().join("cache"), "fedc", FEATURES);
        let message = refusal(&other, &*clips);
        for part in ["a.features", "another student", "fedc", "--recompute"] {
            assert!(message.contains(part), "{message}");
        }
        let longer = FeatureCache::new(dir.path().join("cache"), STUDENT, 6);
        assert!(refusal(&longer, &*clips).contains("5 features a frame instead of 6"));
        fs::write(dir.path().join("set/a/00004.jpg"), jpeg(200)).unwrap();
        assert!(refusal(&cache, &*clips).contains("another clip"));
        fs::write(dir.path().join("set/a/00003.jpg"), jpeg(1)).unwrap();
        assert!(refusal(&cache, &*self::clips(&dir.path().join("set"))).contains("another clip"));
    }

    #[test]
    fn a_damaged_file_is_one_error_with_what_to_do() {
        let (dir, clips, cache, file) = extracted();
        let path = dir.path().join("cache/a.features");
        drop(file);
        let whole = fs::read(&path).unwrap();
        let with = |at: usize, bytes: &[u8]| {
            let mut damaged = whole.clone();
            damaged[at..at + bytes.len()].copy_from_slice(bytes);
            damaged
        };
        let json = |from: &str, to: &str| {
            let at = whole.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
            with(at, to.as_bytes())
        };
        for (bytes, part) in [
            (vec![], "too short"),
            (whole[..10].to_vec(), "too short"),
            (with(0, b"PK"), "not a feature file"),
            (with(8, &[9]), "version 9"),
            (with(12, &[0xff; 4]), "a header of 4294967295"),
            (with(12, &[0x30, 0xf0, 0, 0]), "cut off in its header"),
            (with(16, b"#"), "header is damaged"),
            (json("\"frames\":7", "\"frames\":6"), "too long"),
            (json("\"features\":5", "\"features\":9"), "cut off"),
            (json("\"features\":5", "\"features\":0"), "cannot be"),
            (whole[..whole.len() - 1].to_vec(), "cut off"),
            ([&whole[..], &[0]].concat(), "too long"),
        ] {
            fs::write(&path, bytes).unwrap();
            let message = cache.open(&*clips, 0).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("a.features"), "{part}: {message}");
            assert!(message.contains("delete it or pass --recompute"), "{message}");
        }
    }

    #[test]
    fn a_feature_that_is_no_number_is_found_when_the_file_is_opened() {
        let (dir, clips, cache, file) = extracted();
        let path = dir.path().join("cache/a.features");
        drop(file);
        let whole = fs::read(&path).unwrap();
        for (frame, value, faces) in [(6, f32::NAN, true), (1, f32::INFINITY, true), (2, f32::NAN, false)] {
            let mut bytes = whole.clone();
            let at = bytes.len() - (7 - frame) * FEATURES * 4 + 8;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            fs::write(&path, bytes).unwrap();
            let opened = cache.open(&*clips, 0);
            assert_eq!(clips.has_face(0, frame), faces);
            if faces {
                let message = opened.unwrap_err().to_string();
                let words = [&format!("frame {frame}: feature 2 is not finite"), "a.features", "--recompute"];
                assert!(words.iter().all(|word| message.contains(word)), "{message}");
            } else {
                assert_eq!(opened.unwrap().unwrap().row(frame), None, "nobody reads a row without a face");
            }
        }
    }

    #[test]
    fn the_students_hash_is_that_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        fs::write(&path, b"weights").unwrap();
        assert_eq!(FeatureCache::student_hash(&path).unwrap(), blake3::hash(b"weights").to_hex().to_string());
        let message = FeatureCache::student_hash(&dir.path().join("none")).unwrap_err().to_string();
        assert!(message.contains("none"), "{message}");
    }
}
