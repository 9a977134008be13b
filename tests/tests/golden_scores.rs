//! Scores, intervals and tests are scikit-learn's and scipy's to 1e-9 (`tests/golden/make_scores.py`).

use affekt_engine::learn::{Confusion, EvalReport, expected_calibration_error};
use affekt_engine::score::{Figures, Units, bca_interval, mcnemar, percentile_interval};
use affekt_tests::golden::folder;
use serde_json::Value;

const CLOSE: f64 = 1e-9;

fn golden() -> Value {
    let path = folder().join("scores.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn classes(value: &Value) -> Vec<usize> {
    list(value).iter().map(|number| number.as_u64().expect("a class") as usize).collect()
}

/// The distance of two numbers, absolute for small ones and relative for large; infinite where one is no number.
fn distance(ours: f64, theirs: f64) -> f64 {
    let distance = (ours - theirs).abs() / theirs.abs().max(1.0);
    if distance.is_finite() { distance } else { f64::INFINITY }
}

#[track_caller]
fn same(what: &str, ours: f64, theirs: &Value) {
    let theirs = theirs.as_f64().expect("a number");
    assert!(distance(ours, theirs) <= CLOSE, "{what}: {ours} here, {theirs} there");
}

#[test]
fn scores_are_scikit_learns() {
    let golden = golden();
    assert!(list(&golden["figures"]).len() >= 5);
    for case in list(&golden["figures"]) {
        let (truth, answer) = (classes(&case["truth"]), classes(&case["answer"]));
        let count = case["classes"].as_u64().expect("a number") as usize;
        let labels: Vec<i64> = truth.iter().map(|&class| class as i64).collect();
        let mut counts = Confusion::new(count);
        counts.extend(&labels, &answer).expect("classes");
        same("macro F1", counts.macro_f1(), &case["macro_f1"]);
        same("of classes there are", Figures::of_counts(&counts, true).macro_f1, &case["macro_f1_present"]);
        same("accuracy", counts.accuracy(), &case["accuracy"]);
        same("UAR", counts.balanced_accuracy(), &case["balanced_accuracy"]);
        assert_eq!(serde_json::json!(counts.rows()), case["confusion"]);
        for (class, score) in counts.scores().iter().enumerate() {
            same("F1", score.f1, &case["per_class_f1"][class]);
            same("precision", score.precision, &case["precision"][class]);
            same("recall", score.recall, &case["recall"][class]);
        }
        let probabilities: Vec<f32> = numbers(&case["probabilities"]).iter().map(|&p| p as f32).collect();
        let confidence: Vec<f32> =
            probabilities.chunks(count).map(|row| row.iter().copied().fold(0.0, f32::max)).collect();
        let right: Vec<bool> = truth.iter().zip(&answer).map(|(truth, answer)| truth == answer).collect();
        same("ECE", expected_calibration_error(&confidence, &right), &case["ece"]);
        // Logits pass through float32 again, so this one is as near as those are.
        let names: Vec<String> = (0..count).map(|class| class.to_string()).collect();
        let report = EvalReport::of_probabilities(&probabilities, &labels, &names).expect("probabilities");
        let nll = case["nll"].as_f64().expect("a number");
        assert!((report.nll - nll).abs() < 1e-5 * nll.max(1.0), "{} here, {nll} there", report.nll);
    }
}

#[test]
fn intervals_of_the_same_resamples_are_scipys() {
    let golden = golden();
    let mut checked = 0;
    for case in list(&golden["bootstrap"]) {
        let count = case["classes"].as_u64().expect("a number") as usize;
        let (truth, first, second) =
            (classes(&case["truth"]), classes(&case["first"]), classes(&case["second"]));
        let items =
            (0..truth.len()).flat_map(|at| [(at, 0, truth[at], first[at]), (at, 1, truth[at], second[at])]);
        let units = Units::new(count, 2, items);
        let difference = case["difference"].as_bool().expect("a switch");
        let statistic =
            |tables: &[Confusion]| tables[0].macro_f1() - if difference { tables[1].macro_f1() } else { 0.0 };
        let observed = statistic(&units.all());
        same("observed", observed, &case["observed"]);
        let (values, left_out) = (numbers(&case["distribution"]), units.without_each(statistic));
        for interval in list(&case["intervals"]) {
            let level = interval["level"].as_f64().expect("a number");
            let found = match interval["method"].as_str() {
                Some("bca") => bca_interval(&values, observed, &left_out, level),
                _ => percentile_interval(&values, level),
            };
            let found = found.expect("values");
            same("low", found.low, &interval["low"]);
            same("high", found.high, &interval["high"]);
            checked += 1;
        }
    }
    assert!(checked >= 12);
}

#[test]
fn mcnemars_tests_are_scipys() {
    for case in list(&golden()["mcnemar"]) {
        let of = |key: &str| case[key].as_u64().expect("a count");
        let found = mcnemar(of("only_a"), of("only_b"));
        same("exact", found.exact_p, &case["exact_p"]);
        same("chi-squared", found.corrected_chi_squared, &case["corrected_chi_squared"]);
        same("its probability", found.corrected_p, &case["corrected_p"]);
    }
}

#[test]
fn a_planted_difference_is_seen() {
    assert!(distance(0.5 + 2e-9, 0.5) > CLOSE && distance(f64::NAN, 0.5) > CLOSE);
    assert!(distance(1e6 * (1.0 + 1e-10), 1e6) <= CLOSE);
    let case = &golden()["bootstrap"][0];
    let values = numbers(&case["distribution"]);
    let (found, wrong) = (percentile_interval(&values, 0.9), percentile_interval(&values[1..], 0.9));
    assert_ne!(found, wrong, "one resample more or less shows");
}
