//! Clips with one label each, answered as a whole: the mean of their frames' probabilities, as DFEW and FERV39k are scored.

use super::scores::ScoredFrame;
use crate::data::{ClipSet, DataError};
use crate::learn::EvalReport;
use crate::score::{Predicted, Predictions};
use crate::world::error::WorldError;

/// Gathers the answers of clips, frame by frame, those of a clip one after the other.
#[derive(Debug, Clone, Default)]
pub struct ClipTable {
    rows: Vec<Whole>,
}

#[derive(Debug, Clone, Default)]
struct Whole {
    clip: usize,
    truth: Option<usize>,
    sums: Vec<f64>,
    frames: f64,
}

impl ClipTable {
    /// Takes the next frame.
    ///
    /// # Errors
    /// The frames of a clip have different labels.
    pub fn push(&mut self, set: &ClipSet, frame: &ScoredFrame) -> Result<(), WorldError> {
        if self.rows.last().is_none_or(|row| row.clip != frame.clip) {
            self.rows.push(Whole { clip: frame.clip, ..Whole::default() });
        }
        let Some(row) = self.rows.last_mut() else { return Ok(()) };
        if let Ok(truth) = usize::try_from(frame.truth) {
            if row.truth.is_some_and(|known| known != truth) {
                let name = set.clip_name(frame.clip);
                let problem =
                    format!("{name}: its frames have several labels, so the clip has none as a whole");
                return Err(DataError::TooFew(problem).into());
            }
            row.truth = Some(truth);
        }
        if let Some(answer) = frame.answer() {
            row.sums.resize(answer.probabilities.len(), 0.0);
            row.sums.iter_mut().zip(&answer.probabilities).for_each(|(sum, p)| *sum += f64::from(*p));
            row.frames += 1.0;
        }
        Ok(())
    }

    /// The score of the clips, their answers, and the number of labelled clips without any face, which are left out.
    ///
    /// # Errors
    /// No clip has a label and an answer.
    pub fn finish(
        self,
        set: &ClipSet,
        classes: &[String],
    ) -> Result<(EvalReport, Predictions, usize), WorldError> {
        let without = self.rows.iter().filter(|row| row.truth.is_some() && row.sums.is_empty()).count();
        let rows = self.rows.into_iter().filter(|row| !row.sums.is_empty()).map(|row| {
            let probabilities: Vec<f32> = row.sums.iter().map(|sum| (sum / row.frames) as f32).collect();
            Predicted {
                item: set.clip_name(row.clip).to_owned(),
                group: String::new(),
                truth: row.truth,
                answer: crate::learn::arg_max(&probabilities, classes.len()).first().copied().unwrap_or(0),
                probabilities,
            }
        });
        let table = Predictions { classes: classes.to_vec(), rows: rows.collect() };
        let labels: Vec<i64> =
            table.rows.iter().map(|row| row.truth.map_or(-1, |truth| truth as i64)).collect();
        if labels.iter().all(|label| *label < 0) {
            return Err(DataError::TooFew("no clip has both a label and a face".into()).into());
        }
        let probabilities: Vec<f32> = table.rows.iter().flat_map(|row| &row.probabilities).copied().collect();
        let report = EvalReport::of_probabilities(&probabilities, &labels, classes)?;
        Ok((report, table, without))
    }
}
