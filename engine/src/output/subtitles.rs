//! Subtitles: a cue for every stretch in which a person's voted class stays the same.

use std::fmt::Write as _;

use super::summary::Summary;

/// Stretches shorter than this are left out: nobody can read them.
const SHORTEST: f64 = 0.2;

/// The two forms of subtitles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `SubRip`, `.srt`.
    Srt,
    /// `WebVTT`, `.vtt`.
    Vtt,
}

/// The whole file. People are named by their name, else of several each by number; what was set by hand says so.
pub fn render(summary: &Summary, form: Form) -> String {
    let mut cues = vec![];
    for person in &summary.people {
        for run in person.runs.iter().filter(|run| run.end - run.start >= SHORTEST) {
            let class = summary.classes.get(run.label).map_or("", String::as_str);
            let mark = if run.by_hand { " (by hand)" } else { "" };
            let who = match person.name.as_str() {
                "" if summary.people.len() > 1 => format!("{}: ", person.face),
                "" => String::new(),
                name => format!("{name}: "),
            };
            let text = format!("{who}{class}{mark}");
            cues.push((run.start, run.end, text));
        }
    }
    cues.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out = String::from(if form == Form::Vtt { "WEBVTT\n\n" } else { "" });
    for (number, (start, end, text)) in cues.iter().enumerate() {
        if form == Form::Srt {
            let _ = writeln!(out, "{}", number + 1);
        }
        let text = text.replace("-->", "→").replace(['\n', '\r'], " ");
        let text = if form == Form::Vtt { text.replace('&', "&amp;").replace('<', "&lt;") } else { text };
        let _ = write!(out, "{} --> {}\n{text}\n\n", time(*start, form), time(*end, form));
    }
    out
}

fn time(seconds: f64, form: Form) -> String {
    let ms = (seconds * 1e3).round().max(0.0) as u64;
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let comma = if form == Form::Srt { ',' } else { '.' };
    format!("{h:02}:{m:02}:{s:02}{comma}{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::super::summary::{LabelRun, Person};
    use super::*;

    #[test]
    fn a_cue_is_a_stretch_of_one_class() {
        let run = |label, start, end| LabelRun { label, frames: 1, start, end, ..LabelRun::default() };
        let person = Person {
            face: 1,
            runs: vec![run(0, 0.0, 1.5), run(1, 1.5, 1.6), run(1, 3661.25, 3662.0)],
            ..Person::default()
        };
        let mut summary = Summary {
            classes: vec!["calm".into(), "a<b".into()],
            people: vec![person.clone()],
            ..Summary::default()
        };
        assert_eq!(
            render(&summary, Form::Srt),
            "1\n00:00:00,000 --> 00:00:01,500\ncalm\n\n2\n01:01:01,250 --> 01:01:02,000\na<b\n\n"
        );
        summary.people.push(Person { face: 2, runs: vec![run(0, 0.5, 1.0)], ..person });
        let vtt = render(&summary, Form::Vtt);
        assert!(
            vtt.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n1: calm\n\n00:00:00.500 -->"),
            "{vtt}"
        );
        assert!(vtt.contains("1: a&lt;b"), "{vtt}");
        summary.people[0].name = "Ada".into();
        summary.people[0].runs[0].by_hand = true;
        assert!(render(&summary, Form::Srt).contains("Ada: calm (by hand)"), "marked");
    }
}
