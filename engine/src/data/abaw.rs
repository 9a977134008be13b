//! The list of predictions that an ABAW challenge takes: `predictions.txt` with a row for every frame of every video.
//!
//! The first line is `image_location,Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other`, every other one
//! `<video>/00001.jpg,0` with the class as a number in that order.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use super::bitmap::Bitmap;
use super::clip_files::{frame_of, image_location, is_plain_name};
use super::formats::affwild2::CLASSES;
use super::lines::Lines;
use super::{Ambiguous, Clips, DataError, Target, Vocabulary, quoted};
use crate::files::{AtomicFile, sweep_leftovers};
use crate::signal::NearestHold;

/// Longest line read, in bytes.
const MAX_LINE: u64 = 4096;
/// Problems that are named; the rest is only counted.
const NAMED: usize = 20;

fn header() -> String {
    format!("image_location,{}", CLASSES.join(","))
}

/// Writes the list, frame by frame; it is there when [`PredictionsWriter::finish`] has been called, and not before.
///
/// A frame without a prediction gets that of the nearest frame of its video that has one, the earlier where two are
/// equally near. A video without any is Neutral throughout, with a warning.
#[derive(Debug)]
pub struct PredictionsWriter {
    file: AtomicFile,
    /// The list's class for each class of the run.
    classes: Vec<usize>,
    clip: String,
    hold: NearestHold,
    /// Frames of the video that are written.
    written: usize,
    rows: u64,
}

impl PredictionsWriter {
    /// Begins a list; `classes` are the run's, in the order of the labels that will be pushed.
    ///
    /// # Errors
    /// A class is none of Aff-Wild2's, or the file cannot be written, or is there and is no list.
    pub fn create(path: &Path, classes: &[String]) -> Result<Self, DataError> {
        let classes = mapping(path, classes)?;
        replaceable(path)?;
        // What killed programs left here; where nothing can be listed nothing was.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let _ = sweep_leftovers(folder);
        let mut file = AtomicFile::create(path).map_err(|e| DataError::io(path, e))?;
        writeln!(file, "{}", header()).map_err(|e| DataError::io(path, e))?;
        Ok(Self { file, classes, clip: String::new(), hold: NearestHold::default(), written: 0, rows: 0 })
    }

    /// Whether a list at `path` could be begun with these classes and hold a video of this name; nothing is written.
    ///
    /// # Errors
    /// As [`PredictionsWriter::create`] and [`PredictionsWriter::begin`].
    pub fn check(path: &Path, clip: &str, classes: &[String]) -> Result<(), DataError> {
        mapping(path, classes)?;
        replaceable(path)?;
        named(path, clip)
    }

    /// Begins a video, whose frames [`PredictionsWriter::push`] then takes in order; the one before is completed.
    ///
    /// # Errors
    /// The name cannot stand in the list, or the file cannot be written.
    pub fn begin(&mut self, clip: &str) -> Result<(), DataError> {
        self.complete()?;
        named(self.file.path(), clip)?;
        clip.clone_into(&mut self.clip);
        Ok(())
    }

    /// Takes the next frame's class, an index into the run's classes; `None` where it has no prediction.
    ///
    /// # Errors
    /// The file cannot be written.
    ///
    /// # Panics
    /// The run has no such class, or no video was begun.
    pub fn push(&mut self, label: Option<usize>) -> Result<(), DataError> {
        assert!(!self.clip.is_empty(), "a video must have begun");
        let settled = self.hold.push(label.map(|label| self.classes[label]));
        settled.into_iter().try_for_each(|(label, frames)| self.rows_of(label, frames))
    }

    fn rows_of(&mut self, label: usize, count: usize) -> Result<(), DataError> {
        for _ in 0..count {
            let location = image_location(&self.clip, self.written);
            writeln!(self.file, "{location},{label}").map_err(|e| DataError::io(self.file.path(), e))?;
            self.written += 1;
            self.rows += 1;
        }
        Ok(())
    }

    /// Writes what the current video still lacks.
    fn complete(&mut self) -> Result<(), DataError> {
        let (held, gap) = self.hold.finish();
        if held.is_none() && gap > 0 {
            log::warn!("{}: no frame has a prediction; all {gap} are written as {}", self.clip, CLASSES[0]);
        }
        self.rows_of(held.unwrap_or(0), gap)?;
        self.written = 0;
        Ok(())
    }

    /// Completes the list and moves it to its place; gives the number of rows.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> Result<u64, DataError> {
        self.complete()?;
        let (rows, path) = (self.rows, self.file.path().to_path_buf());
        self.file.finish().map_err(|e| DataError::io(&path, e))?;
        Ok(rows)
    }
}

/// Refuses to replace what is no list.
fn replaceable(path: &Path) -> Result<(), DataError> {
    if !path.exists() {
        return Ok(());
    }
    let is_list = Lines::open(path, MAX_LINE)
        .and_then(|mut lines| Ok(lines.next()?.is_some_and(|line| is_header(&line.text()))));
    if is_list.unwrap_or(false) {
        return Ok(());
    }
    let reason = "is no list of predictions and would be overwritten; move it or choose another name";
    Err(DataError::format(path, "", reason))
}

fn is_header(line: &str) -> bool {
    line.trim().replace(' ', "") == header()
}

/// The list's class for each of a run's.
fn mapping(path: &Path, classes: &[String]) -> Result<Vec<usize>, DataError> {
    let list = Vocabulary::open("affwild2-8")?;
    let mapping = list.mapping(&path.display().to_string(), classes, &BTreeMap::new(), Ambiguous::Drop)?;
    let number = |(target, name): (Target, &String)| match target {
        Target::Class(class) => Ok(class),
        Target::Unlabelled | Target::Drop => Err(DataError::Vocabulary {
            dataset: path.display().to_string(),
            reason: format!("class `{name}` cannot be submitted; the classes are {}", CLASSES.join(", ")),
        }),
    };
    mapping.into_iter().zip(classes).map(number).collect()
}

/// Refuses a name that cannot be told apart in a row.
fn named(path: &Path, clip: &str) -> Result<(), DataError> {
    if is_plain_name(clip) {
        return Ok(());
    }
    let reason = format!(
        "`{}` cannot stand in the list as a video's name: it may not begin with a dot nor hold a comma, a colon, a slash or a \
         control character",
        quoted(clip)
    );
    Err(DataError::format(path, "", reason))
}

/// What is wrong with a list of predictions. All counts are 0 in a list that can be submitted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PredictionsReport {
    /// Rows that stand for a frame, each once.
    pub rows: u64,
    /// Frames that have no row.
    pub missing: u64,
    /// Rows for a frame that an earlier row was for.
    pub duplicate: u64,
    /// Rows for a frame or video that the dataset does not have.
    pub unknown: u64,
    /// Rows that are not `<video>/00001.jpg,<class>` with a class from 0 to 7.
    pub malformed: u64,
    /// The first of each kind, rows with their line.
    pub problems: Vec<String>,
}

impl PredictionsReport {
    /// Whether every frame has exactly one row and nothing else stands in the list.
    pub fn is_complete(&self) -> bool {
        self.missing + self.duplicate + self.unknown + self.malformed == 0
    }

    fn name(&mut self, problem: impl FnOnce() -> String) {
        if self.problems.len() < NAMED {
            self.problems.push(problem());
        }
    }
}

/// Compares a list with the frames of a set of clips. Memory is one bit a frame.
///
/// # Errors
/// The file cannot be read or its first line is not a list's.
pub fn check_predictions(path: &Path, clips: &dyn Clips) -> Result<PredictionsReport, DataError> {
    let mut lines = Lines::open(path, MAX_LINE)?;
    let first = lines.next()?.map(|line| line.text().trim().to_owned()).unwrap_or_default();
    if !is_header(&first) {
        let reason = format!("the first line is `{}`, but must be `{}`", quoted(&first), header());
        return Err(DataError::format(path, ", line 1", reason));
    }
    let mut report = PredictionsReport::default();
    let index: BTreeMap<&str, usize> = (0..clips.len()).map(|clip| (clips.clip_name(clip), clip)).collect();
    let mut seen: Vec<Bitmap> = vec![Bitmap::default(); clips.len()];
    while let Some(line) = lines.next()? {
        let (number, text) = (line.number, line.text());
        let text = text.trim();
        let Some((clip, frame)) = parse_row(text) else {
            report.malformed += 1;
            report.name(|| {
                format!("line {number}: `{}` is not <video>/00001.jpg,<class from 0 to 7>", quoted(text))
            });
            continue;
        };
        match index.get(clip).filter(|&&clip| frame < clips.frames(clip)) {
            None => {
                report.unknown += 1;
                report.name(|| {
                    format!("line {number}: the data has no frame {}", quoted(&image_location(clip, frame)))
                });
            }
            Some(&found) if seen[found].set(frame) => {
                report.duplicate += 1;
                report.name(|| format!("line {number}: {} has a row already", image_location(clip, frame)));
            }
            Some(_) => report.rows += 1,
        }
    }
    for (clip, seen) in seen.iter().enumerate() {
        for frame in (0..clips.frames(clip)).filter(|&frame| !seen.get(frame)) {
            report.missing += 1;
            report.name(|| format!("no row for {}", image_location(clips.clip_name(clip), frame)));
        }
    }
    Ok(report)
}

/// Video and frame of a row whose form is right.
fn parse_row(text: &str) -> Option<(&str, usize)> {
    let (location, label) = text.split_once(',')?;
    let (clip, name) = location.rsplit_once('/')?;
    let label: usize = label.trim().parse().ok()?;
    let frame = frame_of(name)?;
    (label < CLASSES.len()).then_some((clip, frame))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::sync::Arc;

    use super::super::formats::affwild2::tests::write_frames;
    use super::*;
    use crate::data::{ClipFormats, SkipLog, Spec};

    fn affwild2() -> Vec<String> {
        CLASSES.map(str::to_owned).to_vec()
    }

    fn written(clips: &[(&str, &[Option<usize>])], classes: &[String]) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("predictions.txt");
        let mut writer = PredictionsWriter::create(&path, classes).unwrap();
        for (name, labels) in clips {
            writer.begin(name).unwrap();
            labels.iter().for_each(|&label| writer.push(label).unwrap());
        }
        let rows = writer.finish().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(rows as usize + 1, text.lines().count());
        (dir, text)
    }

    /// The classes of a video's rows.
    fn filled(labels: &[Option<usize>]) -> String {
        let (_dir, text) = written(&[("v", labels)], &affwild2());
        text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect()
    }

    #[test]
    fn the_list_has_the_challenges_form() {
        let (_dir, text) = written(&[("a_left", &[Some(0), Some(7)]), ("b", &[Some(4)])], &affwild2());
        assert_eq!(
            text,
            "image_location,Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n\
             a_left/00001.jpg,0\na_left/00002.jpg,7\nb/00001.jpg,4\n"
        );
    }

    #[test]
    fn frames_without_a_prediction_hold_the_nearest_one() {
        let (n, a, b) = (None, Some(1), Some(2));
        assert_eq!(
            filled(&[n, n, a, n, n, n, b, n, b, n, n]),
            "11111222222",
            "the middle one goes to the earlier"
        );
        assert_eq!(filled(&[a, n, n, b]), "1122");
        assert_eq!(filled(&[n, n, n]), "000", "a video without any face is Neutral");
        let (_dir, text) = written(&[("v", &[a]), ("w", &[n, b])], &affwild2());
        assert!(text.ends_with("v/00001.jpg,1\nw/00001.jpg,2\nw/00002.jpg,2\n"), "{text}");
    }

    #[test]
    fn the_runs_classes_are_written_in_the_lists_order_and_foreign_ones_are_refused() {
        let run: Vec<String> = ["happy", "neutral"].map(str::to_owned).to_vec();
        let (dir, text) = written(&[("v", &[Some(0), Some(1)])], &run);
        assert!(text.ends_with("v/00001.jpg,4\nv/00002.jpg,0\n"), "{text}");
        let foreign = ["happy", "contempt"].map(str::to_owned);
        let message = PredictionsWriter::create(&dir.path().join("x"), &foreign).unwrap_err().to_string();
        assert!(message.contains("`contempt`"), "{message}");
        let mut writer = PredictionsWriter::create(&dir.path().join("x"), &run).unwrap();
        assert!(writer.begin("a,b").unwrap_err().to_string().contains("`a,b`"));
    }

    #[test]
    fn a_written_list_passes_and_every_fault_is_found_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("set/v"), [1, 3]);
        write_frames(&dir.path().join("set/w"), [2]);
        let spec = Spec::new("clips", dir.path().join("set"));
        let clips: Arc<dyn Clips> = ClipFormats::files().open(&spec, &SkipLog::new(true)).unwrap();
        let path = dir.path().join("predictions.txt");
        let mut writer = PredictionsWriter::create(&path, &affwild2()).unwrap();
        for clip in 0..clips.len() {
            writer.begin(clips.clip_name(clip)).unwrap();
            (0..clips.frames(clip)).for_each(|f| writer.push(clips.has_face(clip, f).then_some(6)).unwrap());
        }
        assert_eq!(writer.finish().unwrap(), 5);
        let report = check_predictions(&path, &*clips).unwrap();
        assert!(report.is_complete() && report.rows == 5, "{report:?}");

        let text = format!(
            "{}\nv/00001.jpg,6\nv/00001.jpg,5\nv/00004.jpg,1\nu/00001.jpg,1\nv/00002.jpg,8\n\
             v/2.jpg,1\nw/00001.jpg,0\nw/00002.jpg\n../v/00003.jpg,1\nv/00003.jpg,1\n",
            header()
        );
        fs::write(&path, text).unwrap();
        let report = check_predictions(&path, &*clips).unwrap();
        assert!(!report.is_complete());
        let counts = [report.rows, report.missing, report.duplicate, report.unknown, report.malformed];
        assert_eq!(counts, [3, 2, 1, 3, 3], "{report:?}");
        let all = report.problems.join("\n");
        for part in [
            "line 3: v/00001.jpg has a row already",
            "line 4: the data has no frame v/00004.jpg",
            "line 5: the data has no frame u/00001.jpg",
            "line 6: `v/00002.jpg,8`",
            "line 7: `v/2.jpg,1`",
            "line 9: `w/00002.jpg`",
            "line 10: the data has no frame ../v/00003.jpg",
            "no row for v/00002.jpg",
            "no row for w/00002.jpg",
        ] {
            assert!(all.contains(part), "{part} in\n{all}");
        }
    }

    #[test]
    fn a_file_that_is_no_list_is_one_error() {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("set/v"), [1]);
        let spec = Spec::new("clips", dir.path().join("set"));
        let clips = ClipFormats::files().open(&spec, &SkipLog::new(true)).unwrap();
        let path = dir.path().join("predictions.txt");
        for text in ["", "v/00001.jpg,0\n", "image_location,valence,arousal\n"] {
            fs::write(&path, text).unwrap();
            let message = check_predictions(&path, &*clips).unwrap_err().to_string();
            assert!(message.contains("line 1") && message.contains("image_location,Neutral"), "{message}");
        }
    }
}
