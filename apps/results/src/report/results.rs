//! Reads `report.json` and `ablation.json`. Fields that are not shown are let pass, fields that are missing are not
//! shown; a field of another type is an error.

use std::collections::BTreeMap;
use std::path::Path;

use affekt_engine::files::{read_limited, shortened};
use anyhow::{Context as _, bail};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Largest result file that is read.
const LARGEST: u64 = 512 << 20;

/// A network's or a method's score on a set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Score {
    /// Items measured.
    pub n: Option<u64>,
    /// Mean F1 over all classes.
    pub macro_f1: Option<f64>,
    /// Share predicted right.
    pub accuracy: Option<f64>,
    /// Mean recall over the classes that occur.
    pub balanced_accuracy: Option<f64>,
    /// Expected calibration error.
    pub ece: Option<f64>,
    /// The same at the fitted temperature.
    pub calibrated_ece: Option<f64>,
    /// F1 by class name.
    pub per_class_f1: BTreeMap<String, Option<f64>>,
    /// Precision by class name.
    pub per_class_precision: BTreeMap<String, Option<f64>>,
    /// Recall by class name.
    pub per_class_recall: BTreeMap<String, Option<f64>>,
    /// Counts; rows are the truth.
    pub confusion: Vec<Vec<u64>>,
    /// Class names in output order.
    pub classes: Vec<String>,
    /// The challenge's score of clips.
    pub challenge: Option<Challenge>,
}

/// A score in which labelled frames without a face count too, with the nearest answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Challenge {
    /// Labelled frames.
    pub n: Option<u64>,
    /// Mean F1 over all classes.
    pub macro_f1: Option<f64>,
}

/// The values that are objects.
fn objects<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Score>, D::Error> {
    let all = BTreeMap::<String, Value>::deserialize(from)?;
    let score = |(name, value)| Ok((name, serde_json::from_value(value).map_err(D::Error::custom)?));
    all.into_iter().filter(|(_, value)| value.is_object()).map(score).collect()
}

/// A run's `report.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RunReport {
    /// Steps made.
    pub steps: Option<u64>,
    /// `ssl`, `supervised` or another.
    pub method: Option<String>,
    /// The network that the model file holds.
    pub model: Option<String>,
    /// Scores by network; what stands beside them is left out.
    #[serde(deserialize_with = "objects")]
    pub scores: BTreeMap<String, Score>,
    /// Sizes of the data.
    pub data: Option<Value>,
    /// The settings.
    pub config: Option<Value>,
}

/// `ablation.json`: methods under each other, each measured with several seeds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Ablation {
    /// Class names in the order of the confusion matrices.
    pub classes: Vec<String>,
    /// Seeds that the runs were made with.
    pub seeds: Vec<u64>,
    /// What the data are.
    pub data: Option<Value>,
    /// The methods, from the plainest to the fullest.
    pub rows: Vec<AblationRow>,
}

/// One method.
#[derive(Debug, Clone, Deserialize)]
pub struct AblationRow {
    /// Short name.
    pub name: String,
    /// What it stands for.
    #[serde(default)]
    pub title: Option<String>,
    /// Mean over the seeds.
    #[serde(default)]
    pub macro_f1: Option<f64>,
    /// Standard deviation over the seeds.
    #[serde(default)]
    pub macro_f1_std: Option<f64>,
    /// Mean over the seeds.
    #[serde(default)]
    pub accuracy: Option<f64>,
    /// Mean over the seeds of the challenge's macro F1.
    #[serde(default)]
    pub challenge_macro_f1: Option<f64>,
    /// Mean over the seeds by class name.
    #[serde(default)]
    pub per_class_f1: BTreeMap<String, Option<f64>>,
    /// Each seed's own score.
    #[serde(default)]
    pub runs: Vec<SeedRun>,
}

/// A method's score with one seed.
#[derive(Debug, Clone, Deserialize)]
pub struct SeedRun {
    /// The seed.
    #[serde(default)]
    pub seed: Option<u64>,
    /// What it scored.
    #[serde(flatten)]
    pub score: Score,
}

impl AblationRow {
    /// What to call it.
    pub fn title(&self) -> &str {
        self.title.as_deref().filter(|t| !t.is_empty()).unwrap_or(&self.name)
    }

    /// Confusions of all seeds added up; empty where no run has one of this size.
    pub fn confusion(&self, classes: usize) -> Vec<Vec<u64>> {
        let mut sum = vec![];
        for counts in self.runs.iter().map(|run| &run.score.confusion).filter(|c| is_square(c, classes)) {
            if sum.is_empty() {
                sum = vec![vec![0u64; classes]; classes];
            }
            for (into, from) in sum.iter_mut().flatten().zip(counts.iter().flatten()) {
                *into = into.saturating_add(*from);
            }
        }
        sum
    }
}

/// The matrix has that many rows and columns, and at least one.
pub fn is_square(counts: &[Vec<u64>], classes: usize) -> bool {
    classes > 0 && counts.len() == classes && counts.iter().all(|row| row.len() == classes)
}

/// A JSON file where there is one.
///
/// # Errors
/// It cannot be read, or holds something else than it should: the error names file, line and column.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes =
        read_limited(path, LARGEST, "a file of results").with_context(|| path.display().to_string())?;
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(error) => bail!("{}: {}; write the file again or move it away", path.display(), shortened(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_of_the_seeds_add_up_and_others_are_left_out() {
        let row: AblationRow = serde_json::from_value(serde_json::json!({
            "name": "ssl", "runs": [
                { "seed": 1, "macro_f1": 0.5, "confusion": [[1, 2], [3, 4]] },
                { "seed": 2, "confusion": [[1, 0], [0, 1]] },
                { "seed": 3, "confusion": [[1]] },
                { "seed": 4 },
            ]
        }))
        .unwrap();
        assert_eq!(row.confusion(2), [[2, 2], [3, 5]]);
        assert!(row.confusion(3).is_empty());
        assert_eq!(row.title(), "ssl");
    }

    #[test]
    fn wrong_types_are_named_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ablation.json");
        assert!(read::<Ablation>(&path).unwrap().is_none());
        std::fs::write(&path, "{\"rows\": [\n{\"name\": \"a\", \"macro_f1\": \"high\"}]}").unwrap();
        let error = read::<Ablation>(&path).unwrap_err().to_string();
        assert!(error.contains("ablation.json") && error.contains("line 2"), "{error}");
    }
}
