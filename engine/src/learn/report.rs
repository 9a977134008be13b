//! The result of an evaluation, as JSON, as one CSV row and as a table for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::calibration::{
    cross_fitted_temperatures, expected_calibration_error, fit_temperature, negative_log_likelihood,
};
use super::error::LearnError;
use super::loss::{arg_max, softmax};
use super::metrics::Confusion;

/// What a model scored on a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// Items measured; those labelled below 0 are left out.
    pub n: u64,
    /// Mean F1 over all classes.
    pub macro_f1: f64,
    /// Share predicted right.
    pub accuracy: f64,
    /// F1 by class name.
    pub per_class_f1: BTreeMap<String, f64>,
    /// Counts; rows are the truth, in the order of `classes`.
    pub confusion: Vec<Vec<u64>>,
    /// Expected calibration error over 15 bins, at the model's own temperature.
    pub ece: f64,
    /// That temperature; 1 where none was fitted.
    #[serde(default = "one")]
    pub temperature: f32,
    /// Expected calibration error at temperature 1, as the network itself answers.
    #[serde(default)]
    pub uncalibrated_ece: f64,
    /// The softmax temperature that would calibrate these logits best, fitted on these very items.
    pub calibrating_temperature: f32,
    /// Expected calibration error that such a fit can be trusted with: each half of the items is measured at the temperature
    /// that was fitted on the other half.
    pub calibrated_ece: f64,
    /// Mean negative log likelihood in nats.
    pub nll: f64,
    /// Mean recall over the classes that occur.
    pub balanced_accuracy: f64,
    /// Class names in output order.
    pub classes: Vec<String>,
    /// Precision by class name.
    pub per_class_precision: BTreeMap<String, f64>,
    /// Recall by class name.
    pub per_class_recall: BTreeMap<String, f64>,
    /// Classes that neither occur nor are predicted: they count as F1 = 0.
    pub absent_classes: Vec<String>,
    /// Items labelled below 0.
    pub ignored: u64,
    /// What is left, and how right it is, where the less sure answers are not counted.
    #[serde(default)]
    pub sure: Vec<RiskCoverage>,
}

/// The answers that are at least so confident, at the model's temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskCoverage {
    /// Least probability of the predicted class.
    pub confidence: f64,
    /// Their part of all answers.
    pub coverage: f64,
    /// Share of them that is right; 1 where none is left.
    pub accuracy: f64,
    /// Share of the others that is right; 0 where there are none.
    pub accuracy_of_rest: f64,
}

fn one() -> f32 {
    1.0
}

/// Answers from every twentieth of confidence on.
fn sure(confidence: &[f32], right: &[bool]) -> Vec<RiskCoverage> {
    let share = |of: &[bool], none: f64| match of.len() {
        0 => none,
        n => of.iter().filter(|&&right| right).count() as f64 / n as f64,
    };
    (0..20)
        .map(|step| {
            let least = f64::from(step) / 20.0;
            let judged = confidence.iter().zip(right);
            let (kept, rest): (Vec<_>, Vec<_>) = judged.partition(|&(&c, _)| f64::from(c) >= least);
            let right = |part: &[(&f32, &bool)]| part.iter().map(|&(_, &right)| right).collect::<Vec<bool>>();
            RiskCoverage {
                confidence: least,
                coverage: kept.len() as f64 / confidence.len().max(1) as f64,
                accuracy: share(&right(&kept), 1.0),
                accuracy_of_rest: share(&right(&rest), 0.0),
            }
        })
        .collect()
}

impl EvalReport {
    /// Measures logits, `labels x classes`, at a temperature (1 where none was fitted).
    ///
    /// # Errors
    /// Lengths disagree, a label is outside the classes, or a logit is not finite.
    pub fn new(
        logits: &[f32],
        labels: &[i64],
        classes: &[String],
        temperature: f32,
    ) -> Result<Self, LearnError> {
        let k = classes.len();
        if logits.len() != labels.len() * k {
            return Err(LearnError::Evaluation(format!(
                "{} labels of {k} classes need {} logits, got {}",
                labels.len(),
                labels.len() * k,
                logits.len()
            )));
        }
        if let Some(place) = logits.iter().position(|v| !v.is_finite()) {
            return Err(LearnError::Evaluation(format!(
                "the model's output for item {} is not finite; its weights are broken",
                place / k.max(1)
            )));
        }
        let predicted = arg_max(logits, k);
        let mut confusion = Confusion::new(k);
        confusion.extend(labels, &predicted)?;
        let judged_at = |temperature: &dyn Fn(usize) -> f32| -> (Vec<f32>, Vec<bool>) {
            let judged = labels.iter().enumerate().filter(|&(_, &label)| label >= 0);
            let confidence = |i: usize| softmax(&logits[i * k..(i + 1) * k], k, temperature(i))[predicted[i]];
            judged.map(|(i, &label)| (confidence(i), predicted[i] as i64 == label)).unzip()
        };
        let ece_at = |temperature: &dyn Fn(usize) -> f32| {
            let (confidence, right) = judged_at(temperature);
            expected_calibration_error(&confidence, &right)
        };
        let (confidence, right) = judged_at(&|_| temperature);
        let cross_fitted = cross_fitted_temperatures(logits, labels, k);
        let calibrating_temperature = fit_temperature(logits, labels, k);
        let scores = confusion.scores();
        let by_name = |figure: &dyn Fn(usize) -> f64| {
            classes.iter().enumerate().map(|(c, name)| (name.clone(), figure(c))).collect()
        };
        Ok(Self {
            n: confusion.items(),
            macro_f1: confusion.macro_f1(),
            accuracy: confusion.accuracy(),
            per_class_f1: by_name(&|c| scores[c].f1),
            confusion: confusion.rows(),
            ece: ece_at(&|_| temperature),
            temperature,
            uncalibrated_ece: ece_at(&|_| 1.0),
            calibrating_temperature,
            calibrated_ece: ece_at(&|item| cross_fitted[item]),
            nll: negative_log_likelihood(logits, labels, k, temperature),
            balanced_accuracy: confusion.balanced_accuracy(),
            classes: classes.to_vec(),
            per_class_precision: by_name(&|c| scores[c].precision),
            per_class_recall: by_name(&|c| scores[c].recall),
            absent_classes: confusion.absent().into_iter().map(|c| classes[c].clone()).collect(),
            ignored: confusion.ignored(),
            sure: sure(&confidence, &right),
        })
    }

    /// Measures probabilities, `labels x classes`.
    ///
    /// # Errors
    /// As [`EvalReport::new`]; a probability is below 0 or above 1.
    pub fn of_probabilities(
        probabilities: &[f32],
        labels: &[i64],
        classes: &[String],
    ) -> Result<Self, LearnError> {
        if let Some(wrong) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(LearnError::Evaluation(format!("{wrong} is no probability")));
        }
        // Whose softmax they are; the least is far below what can be told from 0.
        let logits: Vec<f32> = probabilities.iter().map(|p| p.max(1e-30).ln()).collect();
        Self::new(&logits, labels, classes, 1.0)
    }

    /// A table for a terminal.
    pub fn table(&self) -> String {
        let width = self.classes.iter().map(|c| c.chars().count()).max().unwrap_or(0).max(5);
        let mut out = String::new();
        let _ = writeln!(
            out,
            "n {}   macro F1 {:.4}   accuracy (WAR) {:.4}   balanced accuracy (UAR) {:.4}   NLL {:.4}",
            self.n, self.macro_f1, self.accuracy, self.balanced_accuracy, self.nll
        );
        let _ = writeln!(
            out,
            "ECE {:.4} at the model's temperature of {:.3}; {:.4} at 1; {:.4} with a temperature fitted on the other half of the \
             items",
            self.ece, self.temperature, self.uncalibrated_ece, self.calibrated_ece
        );
        let _ = write!(out, "\n{:width$} {:>7} {:>7} {:>7} {:>7} |", "class", "F1", "P", "R", "items");
        let _ = writeln!(out, " predicted, in the same order");
        for (row, name) in self.classes.iter().enumerate() {
            let figure = |map: &BTreeMap<String, f64>| map.get(name).copied().unwrap_or(0.0);
            let counts: &[u64] = self.confusion.get(row).map_or(&[], Vec::as_slice);
            let _ = write!(
                out,
                "{name:width$} {:>7.4} {:>7.4} {:>7.4} {:>7} |",
                figure(&self.per_class_f1),
                figure(&self.per_class_precision),
                figure(&self.per_class_recall),
                counts.iter().sum::<u64>()
            );
            for count in counts {
                let _ = write!(out, " {count:>6}");
            }
            out.push('\n');
        }
        if !self.absent_classes.is_empty() {
            let names = self.absent_classes.join(", ");
            let _ = writeln!(out, "neither present nor predicted, counted as F1 = 0: {names}");
        }
        if self.ignored > 0 {
            let _ = writeln!(out, "{} items without a label were left out", self.ignored);
        }
        out
    }

    /// A CSV header and one row, so that reports can be put under each other.
    pub fn csv(&self) -> String {
        let mut header =
            ["n", "macro_f1", "accuracy", "balanced_accuracy", "ece", "nll"].map(String::from).to_vec();
        let mut row = vec![self.n.to_string()];
        row.extend(
            [self.macro_f1, self.accuracy, self.balanced_accuracy, self.ece, self.nll].map(|v| v.to_string()),
        );
        for name in &self.classes {
            header.push(format!("f1_{name}"));
            row.push(self.per_class_f1.get(name).copied().unwrap_or(0.0).to_string());
        }
        let mut table = csv::Writer::from_writer(vec![]);
        // A vector takes all that is written.
        let _ = table.write_record(header).and_then(|()| table.write_record(row));
        table.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> EvalReport {
        let logits = [2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 9.0];
        let classes = ["Neutral", "Anger", "Other, rare"].map(String::from);
        EvalReport::new(&logits, &[0, 0, 1, 1, -1], &classes, 1.0).expect("whole")
    }

    #[test]
    fn json_has_the_promised_keys() {
        let json = serde_json::to_value(report()).expect("plain values");
        for key in ["n", "macro_f1", "accuracy", "per_class_f1", "confusion", "ece"] {
            assert!(json.get(key).is_some(), "{key} is missing");
        }
        assert_eq!(json["n"], 4);
        assert_eq!(json["per_class_f1"]["Neutral"], 0.8);
        assert_eq!(json["confusion"], serde_json::json!([[2, 0, 0], [1, 1, 0], [0, 0, 0]]));
        assert_eq!(json["absent_classes"], serde_json::json!(["Other, rare"]));
    }

    #[test]
    fn the_table_names_absent_classes_and_unlabelled_items() {
        let table = report().table();
        assert!(table.contains("counted as F1 = 0: Other, rare"), "{table}");
        assert!(table.contains("1 items without a label"), "{table}");
        assert!(table.contains("at the model's temperature of 1.000"), "{table}");
        assert!(
            table.lines().any(|l| l.starts_with("Anger") && l.ends_with("|      1      1      0")),
            "{table}"
        );
    }

    #[test]
    fn a_csv_reader_gets_back_what_was_written() {
        let text = report().csv();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().expect("a header").iter().next_back(), Some("f1_Other, rare"));
        let row = reader.records().next().expect("a row").expect("well formed");
        assert_eq!((&row[0], &row[2], row.len()), ("4", "0.75", 9));
    }

    #[test]
    fn fewer_answers_are_surer_and_the_counts_are_those_worked_by_hand() {
        let sure = report().sure;
        // Probabilities of the predicted classes: 0.787, 0.909, 0.576, 0.965; only the third is wrong.
        let at = |least: f64| sure.iter().find(|s| (s.confidence - least).abs() < 1e-9).expect("a step");
        assert_eq!((at(0.0).coverage, at(0.0).accuracy, at(0.0).accuracy_of_rest), (1.0, 0.75, 0.0));
        assert_eq!((at(0.6).coverage, at(0.6).accuracy, at(0.6).accuracy_of_rest), (0.75, 1.0, 0.0));
        assert_eq!((at(0.8).coverage, at(0.8).accuracy, at(0.8).accuracy_of_rest), (0.5, 1.0, 0.5));
        assert!(sure.windows(2).all(|pair| pair[0].coverage >= pair[1].coverage));
    }

    #[test]
    fn probabilities_score_as_the_logits_they_come_from() {
        let logits = [2.0, 0.0, 0.5, 3.0, 0.0, 0.0];
        let classes = ["a", "b"].map(String::from);
        let of_logits = EvalReport::new(&logits, &[0, 1, 1], &classes, 1.0).expect("whole");
        let found =
            EvalReport::of_probabilities(&softmax(&logits, 2, 1.0), &[0, 1, 1], &classes).expect("whole");
        assert_eq!(found.confusion, of_logits.confusion);
        assert!((found.ece - of_logits.ece).abs() < 1e-6 && (found.nll - of_logits.nll).abs() < 1e-6);
        let certain = EvalReport::of_probabilities(&[1.0, 0.0], &[1], &classes).expect("finite");
        assert!(certain.nll > 60.0 && certain.nll.is_finite(), "{}", certain.nll);
        assert!(EvalReport::of_probabilities(&[1.5, 0.0], &[1], &classes).is_err());
    }

    #[test]
    fn broken_logits_are_refused() {
        let classes = ["a", "b"].map(String::from);
        let error = EvalReport::new(&[0.0, 1.0, f32::NAN, 0.0], &[0, 1], &classes, 1.0).expect_err("NaN");
        assert!(error.to_string().contains("item 1 is not finite"), "{error}");
        assert!(EvalReport::new(&[0.0], &[0], &classes, 1.0).is_err());
        assert!(EvalReport::new(&[0.0, 0.0], &[2], &classes, 1.0).is_err());
    }
}
