//! Reads a run's `log.jsonl` line by line into curves of bounded size.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use affekt_engine::files::{open_regular, shortened};
use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use super::grid::Grid;

/// Longest line that is read; the engine's have well under 10 KiB.
const LONGEST_LINE: u64 = 16 << 20;
/// Most classes of a histogram and most networks of evaluations that are drawn.
const MOST_CURVES: usize = 64;

/// What a log tells.
#[derive(Debug)]
pub struct RunLog {
    /// Every figure of the steps by its field's name.
    pub steps: Grid,
    /// Pseudo-labels by class: curve `c` for class `c`.
    pub pseudo_labels: Grid,
    /// Macro F1 by network, as evaluated in between.
    pub evaluations: Grid,
    /// Class names, where an evaluation told them.
    pub classes: Vec<String>,
    /// Seconds of all steps together.
    pub seconds: f64,
    /// Steps that were left out because something was not finite.
    pub skipped: u64,
    /// What a reader should know about the file.
    pub notes: Vec<String>,
}

impl RunLog {
    fn new(columns: usize) -> Self {
        Self {
            steps: Grid::new(columns),
            pseudo_labels: Grid::new(columns),
            evaluations: Grid::new(columns),
            classes: vec![],
            seconds: 0.0,
            skipped: 0,
            notes: vec![],
        }
    }

    /// Reads a log into at most `columns` columns; memory does not grow with the log.
    ///
    /// # Errors
    /// The file cannot be read, or a line other than an unfinished last one is not a record; both name the place.
    pub fn read(path: &Path, columns: usize) -> anyhow::Result<Self> {
        let file = open_regular(path, "a log").with_context(|| path.display().to_string())?;
        let mut reader = BufReader::new(file);
        let mut log = Self::new(columns);
        let mut line = vec![];
        for number in 1u64.. {
            line.clear();
            let read = (&mut reader)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
                .with_context(|| path.display().to_string())?;
            if read == 0 {
                break;
            }
            if read as u64 == LONGEST_LINE {
                bail!("{}, line {number}: longer than 16 MiB; this is no log of a run", path.display());
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let torn = line.last() != Some(&b'\n');
            match serde_json::from_slice::<Map<String, Value>>(&line) {
                Ok(record) => {
                    log.take(&record).with_context(|| format!("{}, line {number}", path.display()))?;
                }
                Err(_) if torn => log.notes.push(format!(
                    "The last line of {} (line {number}) was not finished and is left out.",
                    path.file_name().map_or_else(Default::default, |n| n.to_string_lossy())
                )),
                Err(error) => bail!(
                    "{}, line {number}: not a record of a run's log ({}); remove the line to go on without it",
                    path.display(),
                    shortened(error)
                ),
            }
        }
        Ok(log)
    }

    /// One line. Fields of other names than those drawn are let pass.
    fn take(&mut self, record: &Map<String, Value>) -> anyhow::Result<()> {
        let kind = match record.get("kind") {
            None | Some(Value::Null) => "step",
            Some(Value::String(kind)) => kind,
            Some(other) => bail!("`kind` is {}, but must be a string", type_of(other)),
        };
        if !matches!(kind, "step" | "evaluation") {
            return Ok(());
        }
        let step = match record.get("step") {
            Some(Value::Number(n)) if n.is_u64() => n.as_u64().unwrap_or(0),
            Some(other) => bail!("`step` is {}, but must be a whole number from 0 up", type_of(other)),
            None => bail!("`step` is missing"),
        };
        if kind == "step" { self.take_step(step, record) } else { self.take_evaluation(step, record) }
    }

    fn take_step(&mut self, step: u64, record: &Map<String, Value>) -> anyhow::Result<()> {
        for &name in DRAWN {
            if let Some(value) = number(record, name)? {
                self.steps.add(step, name, value);
            }
        }
        self.seconds += number(record, "seconds")?.unwrap_or(0.0).max(0.0);
        match record.get("skipped") {
            Some(Value::Bool(skipped)) => self.skipped += u64::from(*skipped),
            None | Some(Value::Null) => {}
            Some(other) => bail!("`skipped` is {}, but must be true or false", type_of(other)),
        }
        match record.get("pseudo_histogram") {
            None | Some(Value::Null) => {}
            Some(Value::Array(counts)) => {
                for (class, value) in counts.iter().take(MOST_CURVES).enumerate() {
                    let value = value.as_f64().filter(|v| *v >= 0.0);
                    let Some(value) = value else {
                        bail!("`pseudo_histogram` holds something else than counts")
                    };
                    self.pseudo_labels.add(step, &class.to_string(), value);
                }
            }
            Some(other) => bail!("`pseudo_histogram` is {}, but must be a list of counts", type_of(other)),
        }
        Ok(())
    }

    fn take_evaluation(&mut self, step: u64, record: &Map<String, Value>) -> anyhow::Result<()> {
        let network = match record.get("network") {
            None | Some(Value::Null) => "model",
            Some(Value::String(network)) => network,
            Some(other) => bail!("`network` is {}, but must be a string", type_of(other)),
        };
        if let Some(value) = number(record, "macro_f1")?
            && (self.evaluations.names().count() < MOST_CURVES
                || self.evaluations.names().any(|n| n == network))
        {
            self.evaluations.add(step, network, value);
        }
        if let (true, Some(Value::Array(classes))) = (self.classes.is_empty(), record.get("classes")) {
            self.classes = classes.iter().filter_map(|c| c.as_str().map(Into::into)).collect();
        }
        Ok(())
    }
}

/// Fields of a step that are drawn as curves.
const DRAWN: &[&str] = &[
    "loss",
    "loss_teacher",
    "loss_supervised",
    "loss_consistency",
    "loss_feedback",
    "loss_student",
    "loss_student_labelled",
    "feedback",
    "feedback_used",
    "feedback_cosine",
    "feedback_positive_share",
    "pseudo_kept_share",
    "pseudo_confidence",
    "agreement",
    "accuracy",
    "teacher_accuracy",
    "student_accuracy",
    "gradient_norm",
    "teacher_gradient_norm",
    "student_gradient_norm",
    "learning_rate",
    "teacher_learning_rate",
    "student_learning_rate",
    "images_per_second",
];

fn number(record: &Map<String, Value>, name: &str) -> anyhow::Result<Option<f64>> {
    match record.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(n)) => Ok(n.as_f64()),
        Some(other) => bail!("`{name}` is {}, but must be a number or null", type_of(other)),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number of another kind",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<RunLog> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, text).unwrap();
        RunLog::read(&path, 100)
    }

    #[test]
    fn fields_become_curves_and_nulls_become_gaps() {
        let log = read(
            "{\"kind\":\"step\",\"step\":1,\"loss_teacher\":2.5,\"feedback\":null,\"seconds\":0.5,\"new\":[1]}\n\
             {\"kind\":\"note\",\"text\":\"hello\"}\n\
             {\"kind\":\"evaluation\",\"step\":1,\"network\":\"student\",\"macro_f1\":0.5,\"classes\":[\"a\",\"b\"]}\n\
             {\"kind\":\"step\",\"step\":2,\"loss_teacher\":1.5,\"pseudo_histogram\":[3,1],\"skipped\":true}\n",
        )
        .unwrap();
        let loss: Vec<_> = log
            .steps
            .curve("loss_teacher")
            .unwrap()
            .iter()
            .filter_map(super::super::grid::Column::mean)
            .collect();
        assert_eq!(loss, [2.5, 1.5]);
        assert!(log.steps.curve("feedback").is_none());
        assert_eq!(log.evaluations.names().collect::<Vec<_>>(), ["student"]);
        assert_eq!((log.classes.len(), log.skipped, log.seconds), (2, 1, 0.5));
        assert_eq!(log.pseudo_labels.curve("0").unwrap()[0].sum, 3.0);
    }

    #[test]
    fn a_torn_last_line_is_left_out_with_a_note() {
        let log = read("{\"kind\":\"step\",\"step\":1,\"loss\":1.0}\n{\"kind\":\"st").unwrap();
        assert_eq!(log.notes.len(), 1);
        assert!(log.notes[0].contains("line 2"), "{:?}", log.notes);
        let whole = read("{\"step\":1,\"loss\":1.0}\n{\"step\":2,\"loss\":1.0}").unwrap();
        assert!(whole.notes.is_empty(), "a whole record counts even without its newline");
        assert_eq!(whole.steps.steps(), Some((1, 2)));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, says) in [
            ("{\"step\":1}\nmy notes\n{\"step\":2}\n", "line 2: not a record"),
            ("[1]\n", "line 1: not a record"),
            ("{\"step\":1,\"loss\":\"low\"}\n", "`loss` is a string"),
            ("{\"step\":-1}\n", "`step` is a number of another kind"),
            ("{\"kind\":\"step\"}\n", "`step` is missing"),
            ("{\"step\":1,\"pseudo_histogram\":[\"x\"]}\n", "something else than counts"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(says) && error.contains("log.jsonl"), "{error}");
        }
    }
}
