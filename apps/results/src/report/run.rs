//! One training run: what it scored and how it went.

use std::fmt::Write as _;
use std::path::Path;

use affekt_engine::world::Origin;
use serde_json::Value;

use super::curves::charts;
use super::html::{count, escape, figure, readable, score, table};
use super::log::RunLog;
use super::results::{self, RunReport, Score};
use super::scores;

/// A run that was found in a folder.
#[derive(Debug)]
pub struct Run {
    /// Its place below the report's folder, as in `ssl` or `seed-1/ssl`; empty for the folder itself.
    pub name: String,
    /// `log.jsonl`.
    pub log: Option<RunLog>,
    /// `report.json`.
    pub report: Option<RunReport>,
    /// Which program began it and when, in a sentence; empty where that is not written down.
    pub origin: String,
}

impl Run {
    /// Reads a folder's run, where it has one; `columns` is the most columns of a curve.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn read(folder: &Path, name: &str, columns: usize) -> anyhow::Result<Option<Self>> {
        let path = folder.join("log.jsonl");
        let log = if path.exists() { Some(RunLog::read(&path, columns)?) } else { None };
        let report = results::read(&folder.join("report.json"))?;
        let origin: Option<Origin> = results::read(&folder.join("origin.json"))?;
        let origin = origin.as_ref().map(told).unwrap_or_default();
        Ok((log.is_some() || report.is_some()).then(|| Self { name: name.into(), log, report, origin }))
    }

    /// What to call it.
    pub fn title(&self) -> String {
        let last = self.name.rsplit('/').next().unwrap_or_default();
        let known = match last {
            "supervised" | "baseline" => "Supervised baseline",
            "ssl" => "Semi-supervised",
            "ssl_more" | "ssl-more" => "Semi-supervised, more unlabelled faces",
            "refine" | "temporal" => "Temporal refinement",
            "" => match self.report.as_ref().and_then(|r| r.method.as_deref()) {
                Some("ssl") => "Semi-supervised",
                Some("supervised") => "Supervised",
                _ => "Training",
            },
            other => other,
        };
        match self.name.rsplit_once('/') {
            Some((above, _)) => format!("{known} ({above})"),
            None => known.into(),
        }
    }

    /// The score of the network that the run's model file holds.
    pub fn score(&self) -> Option<&Score> {
        let report = self.report.as_ref()?;
        report.scores.get(report.model.as_deref()?).or_else(|| report.scores.values().next())
    }

    /// The run as a part of the page.
    pub fn section(&self) -> String {
        let mut out = format!("<h3>{}</h3>", escape(&self.title()));
        out.push_str(&self.facts());
        for note in self.log.iter().flat_map(|l| &l.notes) {
            let _ = write!(out, "<p class=\"note\">{}</p>", escape(note));
        }
        let charts = self.log.as_ref().map(|log| charts(log, &self.classes())).unwrap_or_default();
        if !charts.is_empty() {
            out.push_str(
                "<p>Bold lines are running means; the pale band behind them reaches from the lowest to the highest \
                 value. Point at a chart, or move through it with the arrow keys, to read it.</p>",
            );
        }
        out.push_str(&charts);
        out.push_str(&self.scores());
        let config = self.report.as_ref().and_then(|r| r.config.as_ref()).filter(|c| !c.is_null());
        let text = config.map(|config| serde_json::to_string_pretty(config).unwrap_or_default());
        if text.is_some() || !self.origin.is_empty() {
            let origin = escape(&self.origin);
            let text = text.map_or_else(String::new, |t| format!("<pre tabindex=\"0\">{}</pre>", escape(&t)));
            let _ = write!(out, "<details><summary>Settings</summary><p>{origin}</p>{text}</details>");
        }
        out
    }

    fn classes(&self) -> Vec<String> {
        let told = self.log.as_ref().map(|l| l.classes.clone()).filter(|c| !c.is_empty());
        told.or_else(|| self.score().map(|s| s.classes.clone())).unwrap_or_default()
    }

    /// What can be said in a row of figures.
    fn facts(&self) -> String {
        let mut facts: Vec<(&str, String)> = vec![];
        let report = self.report.as_ref();
        let steps = self.log.as_ref().and_then(|l| l.steps.steps()).map(|(_, last)| last);
        if let Some(steps) = report.and_then(|r| r.steps).or(steps) {
            facts.push(("steps", count(steps)));
        }
        if let Some(seconds) = self.log.as_ref().map(|l| l.seconds).filter(|s| *s > 0.0) {
            facts.push(("training time", duration(seconds)));
        }
        let data = report.and_then(|r| r.data.as_ref());
        for (key, what) in [("labelled_total", "labelled faces"), ("unlabelled_total", "unlabelled faces")] {
            if let Some(n) = data.and_then(|d| d.get(key)).and_then(Value::as_u64) {
                facts.push((what, count(n)));
            }
        }
        if let Some(skipped) = self.log.as_ref().map(|l| l.skipped).filter(|n| *n > 0) {
            facts.push(("steps left out, not finite", count(skipped)));
        }
        if let Some(s) = self.score() {
            facts.push(("macro F1", score(s.macro_f1)));
            facts.push(("accuracy", score(s.accuracy)));
        }
        let items = facts.iter().map(|(what, value)| format!("<div><dt>{what}</dt><dd>{value}</dd></div>"));
        if facts.is_empty() {
            String::new()
        } else {
            format!("<dl class=\"facts\">{}</dl>", items.collect::<String>())
        }
    }

    fn scores(&self) -> String {
        let Some(report) = self.report.as_ref().filter(|r| !r.scores.is_empty()) else {
            return String::new();
        };
        let mut heads =
            ["Network", "Macro F1", "Accuracy", "Balanced", "ECE", "ECE, calibrated", "Items"].to_vec();
        let of_clips = report.scores.values().any(|s| s.challenge.is_some());
        if of_clips {
            heads.extend(["Challenge F1", "Frames"]);
        }
        let heads: Vec<String> = heads.into_iter().map(String::from).collect();
        let rows: Vec<Vec<String>> = report
            .scores
            .iter()
            .map(|(name, s)| {
                let chosen = report.model.as_deref() == Some(name);
                let name =
                    format!("{}{}", escape(&readable(name)), if chosen { " <em>model</em>" } else { "" });
                let mut cells = vec![name];
                cells.extend(
                    [s.macro_f1, s.accuracy, s.balanced_accuracy, s.ece, s.calibrated_ece].map(score),
                );
                let counted = |n: Option<u64>| n.map_or_else(|| "–".into(), count);
                cells.push(counted(s.n));
                if of_clips {
                    let all = s.challenge.clone().unwrap_or_default();
                    cells.extend([score(all.macro_f1), counted(all.n)]);
                }
                cells
            })
            .collect();
        let mut out = String::from(
            "<h4>Scores</h4><p>Every network of the run on the evaluation set; ECE is the expected calibration error, \
             the distance of confidence from accuracy; calibrated, with a temperature that was fitted on the other half of the \
             items.</p>",
        );
        if of_clips {
            out.push_str(
                "<p>The challenge's score counts every labelled frame; one without a face holds the nearest answer.</p>",
            );
        }
        out.push_str(&table("Scores", &heads, &rows));
        let panels: Vec<(String, String)> = report
            .scores
            .iter()
            .filter(|(_, s)| results::is_square(&s.confusion, s.classes.len()))
            .map(|(name, s)| {
                let of = |map: &std::collections::BTreeMap<String, Option<f64>>| {
                    s.classes.iter().map(|c| map.get(c).copied().flatten()).collect::<Vec<_>>()
                };
                let heat = scores::heat(
                    "By class",
                    &s.classes,
                    &[
                        ("F1", of(&s.per_class_f1)),
                        ("Precision", of(&s.per_class_precision)),
                        ("Recall", of(&s.per_class_recall)),
                    ],
                );
                let caption = "Rows are the truth, columns the answer, % of the row";
                let matrix = scores::confusion(caption, &s.classes, &s.confusion);
                (name, format!("<div class=\"pair\"><div>{heat}</div><div>{matrix}</div></div>"))
            })
            // The model first: it is what the run is for.
            .fold(vec![], |mut panels, (name, body)| {
                let at = if report.model.as_deref() == Some(name) { 0 } else { panels.len() };
                panels.insert(at, (readable(name), body));
                panels
            });
        if !panels.is_empty() {
            out.push_str(&scores::tabs("Network", &panels));
        }
        out
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{} s", figure(s)),
        s if s < 3600.0 => format!("{:.0} min {:02.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
        s => format!("{} h {:02.0} min", count((s / 3600.0).floor() as u64), (s % 3600.0 / 60.0).floor()),
    }
}

/// Which program began a run, and when.
fn told(origin: &Origin) -> String {
    let Origin { program, commit, begun } = origin;
    let commit = if commit.is_empty() { String::new() } else { format!(", commit {commit}") };
    format!("Begun {} by {program}{commit}.", begun.replace('T', " ").replace('Z', " UTC"))
}

#[cfg(test)]
mod tests {
    use super::super::curves::{DRAWINGS, MORE};
    use super::*;

    #[test]
    fn a_long_log_makes_a_small_part() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        let mut log = RunLog::read(empty.path(), 400).unwrap();
        for step in 1..=100_000u64 {
            for (_, _, _, fields) in DRAWINGS.iter().chain(MORE) {
                for (field, _) in *fields {
                    log.steps.add(step, field, f64::from((step as u32).wrapping_mul(2_654_435_761)) / 4e9);
                }
            }
            for class in 0..8 {
                log.pseudo_labels.add(step, &class.to_string(), ((step * (class + 3)) % 11) as f64);
            }
        }
        let run = Run { name: "ssl".into(), log: Some(log), report: None, origin: String::new() };
        let page = run.section();
        assert!(page.len() < 800_000, "{}", page.len());
        assert!(page.contains("Pseudo-labels by class") && page.contains("class 7"));
    }

    #[test]
    fn a_report_alone_shows_scores_and_no_chart() {
        let report = serde_json::from_value(serde_json::json!({
            "method": "ssl", "model": "student", "steps": 1000,
            "scores": { "student": { "macro_f1": 0.5, "classes": ["<a>"], "confusion": [[3]], "n": 3 },
                        "teacher": { "macro_f1": 0.25 } }
        }));
        let run =
            Run { name: String::new(), log: None, report: Some(report.unwrap()), origin: String::new() };
        let page = run.section();
        assert!(page.contains("0.500") && page.contains("0.250") && !page.contains("<figure"), "{page}");
        assert!(page.contains("&lt;a&gt;") && !page.contains("<a>"), "{page}");
        assert_eq!(run.title(), "Semi-supervised");
        assert!(!page.contains("Challenge"), "pictures are in no challenge: {page}");
    }

    #[test]
    fn clips_show_the_challenges_score_beside_their_own() {
        let report = serde_json::from_value(serde_json::json!({
            "scores": { "vote": { "macro_f1": 0.7257, "n": 541, "challenge": { "macro_f1": 0.7073, "n": 620 } },
                        "votes": { "block": {} }, "calibrating_temperature": 1.2 }
        }));
        let page =
            Run { name: String::new(), log: None, report: Some(report.unwrap()), origin: String::new() }
                .section();
        assert!(page.contains("Challenge F1") && page.contains("0.707") && page.contains("620"), "{page}");
    }
}
