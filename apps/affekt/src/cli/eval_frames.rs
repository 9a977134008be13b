//! What `affekt eval` on clips keeps of its frames: lists, tables, whole clips.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use affekt_engine::data::{ClipSet, PredictionsWriter};
use affekt_engine::learn::EvalReport;
use affekt_engine::score::{Predicted, Predictions, PredictionsFile};
use affekt_engine::world::{ClipTable, FrameTable, ScoredFrame, WorldError};

use super::classify;
use crate::failure::Failure;

/// What is wanted of the frames.
pub struct Wanted<'a> {
    /// A list or table of predictions.
    pub predictions: Option<&'a Path>,
    /// One answer a clip.
    pub per_clip: bool,
    /// Rows in memory, for intervals and groups.
    pub rows: bool,
}

/// Keeps what is wanted.
pub struct Kept {
    set: Arc<ClipSet>,
    classes: Vec<String>,
    list: Option<PredictionsWriter>,
    /// The clip that the list is at.
    clip: Option<usize>,
    frames: Option<(FrameTable, Option<PredictionsFile>, Option<Predictions>)>,
    clips: Option<ClipTable>,
    /// Where the table of whole clips is to be written.
    clips_file: Option<PathBuf>,
}

/// What was kept.
#[derive(Default)]
pub struct Found {
    /// Rows of all labelled frames, or of clips where those are scored as a whole.
    pub rows: Option<Predictions>,
    /// The score of whole clips, and how many have no face.
    pub per_clip: Option<(EvalReport, usize)>,
}

/// Whether a file of predictions is a table, not a challenge's list.
pub fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"))
}

impl Kept {
    /// Begins; a file that cannot be written is found out here, before the work.
    ///
    /// # Errors
    /// A file cannot be written, or a class has no place in a list.
    pub fn begin(set: &Arc<ClipSet>, classes: &[String], wanted: &Wanted<'_>) -> Result<Self, Failure> {
        let table = wanted.predictions.filter(|path| is_table(path));
        let list = wanted.predictions.filter(|path| !is_table(path));
        let list = list.map(|path| PredictionsWriter::create(path, classes)).transpose()?;
        let of_frames = !wanted.per_clip && (table.is_some() || wanted.rows);
        let frames = if of_frames {
            let file = table.map(|path| PredictionsFile::create(path, classes)).transpose()?;
            let rows = wanted.rows.then(|| Predictions { classes: classes.to_vec(), rows: vec![] });
            Some((FrameTable::new(classes).map_err(classify)?, file, rows))
        } else {
            None
        };
        Ok(Self {
            set: Arc::clone(set),
            classes: classes.to_vec(),
            list,
            clip: None,
            frames,
            clips: wanted.per_clip.then(ClipTable::default),
            clips_file: table.filter(|_| wanted.per_clip).map(Path::to_owned),
        })
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// A file cannot be written, or a clip has several labels where it should have one.
    pub fn push(&mut self, frame: &ScoredFrame) -> Result<(), WorldError> {
        let Self { set, list, clip, frames, clips, .. } = self;
        if let Some(list) = list {
            if *clip != Some(frame.clip) {
                list.begin(set.clip_name(frame.clip))?;
                *clip = Some(frame.clip);
            }
            list.push(frame.voted)?;
        }
        if let Some((table, file, rows)) = frames {
            table.push(set, frame, |row| keep(row, file, rows))?;
        }
        clips.as_mut().map_or(Ok(()), |clips| clips.push(set, frame))
    }

    /// Completes the files.
    ///
    /// # Errors
    /// A file cannot be written, or no clip has a label and an answer.
    pub fn finish(self) -> Result<Found, Failure> {
        let mut found = Found::default();
        if let Some(list) = self.list {
            list.finish()?;
        }
        if let Some((mut table, mut file, mut rows)) = self.frames {
            let left_out = table.complete(|row| keep(row, &mut file, &mut rows)).map_err(classify)?;
            if left_out > 0 {
                note!(
                    "{left_out} frames are in no table: no frame of their clip has a face, and no class is neutral"
                );
            }
            if let Some(file) = file {
                file.finish()?;
            }
            found.rows = rows;
        }
        if let Some(clips) = self.clips {
            let (report, table, without) = clips.finish(&self.set, &self.classes).map_err(classify)?;
            if let Some(path) = &self.clips_file {
                table.write(path)?;
            }
            found.per_clip = Some((report, without));
            found.rows = Some(table);
        }
        Ok(found)
    }
}

/// Writes a row, and keeps it without its probabilities where it has a label.
fn keep(
    mut row: Predicted,
    file: &mut Option<PredictionsFile>,
    rows: &mut Option<Predictions>,
) -> Result<(), WorldError> {
    if let Some(file) = file {
        file.push(&row)?;
    }
    if let Some(rows) = rows
        && row.truth.is_some()
    {
        row.probabilities = vec![];
        rows.rows.push(row);
    }
    Ok(())
}
