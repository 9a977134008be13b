//! One clip frame by frame, for the report: what is true, and what each stage said.

use std::path::Path;
use std::sync::{Arc, Mutex};

use affekt_engine::data::ClipSet;
use affekt_engine::files::write_atomically;
use affekt_engine::world::{ScoredFrame, WorldError};
use anyhow::Context as _;
use serde::Serialize;

/// Frames of a clip that are kept; a report of more would be too large to open.
const LONGEST: usize = 20_000;
/// Pictures beside the timeline.
const THUMBNAILS: usize = 16;
/// Frames a second where the data do not say.
const FRAMES_PER_SECOND: f64 = 30.0;

#[derive(Serialize)]
struct Timeline<'a> {
    clip: &'a str,
    fps: f64,
    classes: &'a [String],
    frames: usize,
    truth: Vec<i64>,
    face: Vec<bool>,
    per_frame: Vec<i64>,
    temporal: Vec<i64>,
    voted: Vec<i64>,
    probabilities: Vec<Vec<f32>>,
    thumbnails: Vec<Thumbnail>,
}

#[derive(Serialize)]
struct Thumbnail {
    frame: usize,
    file: String,
}

/// A sink that keeps the first clip's readings.
pub(super) fn collector(
    readings: Arc<Mutex<Vec<ScoredFrame>>>,
) -> impl FnMut(&ScoredFrame) -> Result<(), WorldError> + Send + 'static {
    move |reading| {
        if reading.clip == 0
            && reading.frame < LONGEST
            && let Ok(mut readings) = readings.lock()
        {
            readings.push(reading.clone());
        }
        Ok(())
    }
}

/// Writes `timeline.json` and its pictures for the first clip of a set.
///
/// # Errors
/// A file cannot be written or a frame not be read.
pub(super) fn write(
    out: &Path,
    set: &ClipSet,
    classes: &[String],
    readings: &[ScoredFrame],
) -> anyhow::Result<()> {
    let folder = out.join("timeline");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let faces: Vec<usize> = readings.iter().filter(|r| r.student.is_some()).map(|r| r.frame).collect();
    let mut thumbnails = vec![];
    for nth in 0..THUMBNAILS.min(faces.len()) {
        let frame = faces[nth * faces.len() / THUMBNAILS.min(faces.len())];
        let name = format!("{:05}.png", frame + 1);
        let path = folder.join(&name);
        set.picture(0, frame)?.write_png(&path).with_context(|| path.display().to_string())?;
        thumbnails.push(Thumbnail { frame, file: format!("timeline/{name}") });
    }
    let class = |class: Option<usize>| class.map_or(-1, |class| class as i64);
    let timeline = Timeline {
        clip: set.clip_name(0),
        fps: FRAMES_PER_SECOND,
        classes,
        frames: readings.len(),
        truth: readings.iter().map(|r| r.truth).collect(),
        face: readings.iter().map(|r| r.student.is_some()).collect(),
        per_frame: readings.iter().map(|r| class(r.student.as_ref().map(|a| a.class))).collect(),
        temporal: readings.iter().map(|r| class(r.answer().map(|a| a.class))).collect(),
        voted: readings.iter().map(|r| class(r.voted)).collect(),
        probabilities: readings
            .iter()
            .map(|r| r.answer().map_or_else(|| vec![0.0; classes.len()], |a| a.probabilities.clone()))
            .collect(),
        thumbnails,
    };
    let path = out.join("timeline.json");
    write_atomically(&path, serde_json::to_string(&timeline)?.as_bytes())
        .with_context(|| path.display().to_string())
}
