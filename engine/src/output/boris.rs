//! `NAME.boris`: a project for BORIS (format 7.0): classes are state events, people are subjects, the input is an observation. With
//! every section that BORIS 10 adds to older projects, so that it has nothing to change; older versions do not mind them.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::summary::{LabelRun, Person, Summary};

/// Colours that BORIS gives behaviours by name; classes go round them.
const COLOURS: [&str; 8] =
    ["#808080", "#d55e00", "#009e73", "#cc79a7", "#e9a820", "#0072b2", "#56b4e9", "#3b3f46"];

/// The whole file. `media` is the recording.
pub fn boris(summary: &Summary, input: &str, media: &Path) -> String {
    let named = |at: usize, value: Value| (at.to_string(), value);
    let behaviours: Map<String, Value> = summary.classes.iter().enumerate().map(|(at, class)| {
        named(at, json!({
            "type": "State event", "key": key(at), "code": class, "description": "expression, by affekt",
            "color": COLOURS[at % COLOURS.len()], "category": "expression", "modifiers": {}, "excluded": excluded(at, &summary.classes),
            "coding map": ""
        }))
    }).collect();
    let names = subject_names(&summary.people);
    let subjects: Map<String, Value> = names
        .iter()
        .enumerate()
        .map(|(at, name)| named(at, json!({ "key": "", "name": name, "description": "" })))
        .collect();
    let mut events: Vec<(f64, bool, Value)> = vec![];
    for (person, name) in summary.people.iter().zip(&names) {
        for run in &person.runs {
            let class = summary.classes.get(run.label).map_or("", String::as_str);
            for (time, begins) in [(run.start, true), (run.end, false)] {
                let time = (time * 1e3).round() / 1e3;
                // Time, subject, behaviour, modifier, comment, number of the frame (not counted here).
                events.push((time, begins, json!([time, name, class, "", comment(run, begins), "NA"])));
            }
        }
    }
    // Of one moment what ends comes before what begins, or a state would begin twice.
    events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let events: Vec<Value> = events.into_iter().map(|(_, _, event)| event).collect();
    let path = std::path::absolute(media).unwrap_or_else(|_| media.to_owned()).display().to_string();
    let rate = summary.frames as f64 / summary.seconds.max(1e-9) * summary.stride.max(1) as f64;
    let by_path = |value: Value| {
        let mut map = Map::new();
        map.insert(path.clone(), value);
        Value::Object(map)
    };
    let observation = json!({
        "file": { "1": [path], "2": [], "3": [], "4": [], "5": [], "6": [], "7": [], "8": [] },
        "type": "MEDIA", "date": "1970-01-01T00:00:00", "description": format!("read by affekt: {}", summary.read_by.model),
        "time offset": 0.0, "events": events, "observation time interval": [0, 0], "independent_variables": {},
        "visualize_spectrogram": false, "visualize_waveform": false, "close_behaviors_between_videos": false,
        "media_creation_date_as_offset": false, "scan_sampling_time": 0,
        "media_info": {
            "length": by_path(json!(summary.seconds)), "fps": by_path(json!(rate)), "hasVideo": by_path(json!(true)),
            "hasAudio": by_path(json!(false)), "offset": { "1": 0.0 }, "display": by_path(json!("Nothing"))
        },
    });
    let mut observations = Map::new();
    observations.insert(input.to_owned(), observation);
    let project = json!({
        "time_format": "hh:mm:ss", "project_date": "1970-01-01T00:00:00", "project_name": input,
        "project_description": "Expressions read by affekt. A comment `by hand` marks what a person has set.",
        "project_format_version": "7.0", "subjects_conf": subjects, "behaviors_conf": behaviours, "observations": observations,
        // The list is what older versions read, the names with colours what newer ones do.
        "behavioral_categories": ["expression"],
        "behavioral_categories_config": { "0": { "name": "expression", "color": "" } },
        "independent_variables": {}, "coding_map": {}, "behaviors_coding_map": [], "converters": {}
    });
    format!("{project:#}\n")
}

fn key(class: usize) -> String {
    char::from_digit(class as u32 + 1, 36).map(String::from).unwrap_or_default()
}

/// A face shows one expression at a time, so each ends the others.
fn excluded(class: usize, classes: &[String]) -> String {
    let others: Vec<&str> =
        classes.iter().enumerate().filter(|(at, _)| *at != class).map(|(_, class)| class.as_str()).collect();
    others.join(",")
}

fn comment(run: &LabelRun, begins: bool) -> String {
    match (begins, run.by_hand) {
        (false, _) => String::new(),
        (true, true) => "by hand".into(),
        (true, false) => {
            let unsure = run.unsure as f64 / run.frames.max(1) as f64;
            let mean = run.confidence_sum / run.frames.max(1) as f64;
            let doubt = if unsure > 0.5 { ", mostly unsure" } else { "" };
            format!("confidence {mean:.2}{doubt}")
        }
    }
}

/// Names that no two people share.
fn subject_names(people: &[Person]) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for person in people {
        let name = person.called();
        let own = if names.contains(&name) { format!("{name} ({})", person.face) } else { name };
        names.push(own);
    }
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_state_begins_and_ends_and_none_begins_before_the_last_has_ended() {
        let run = |label, start: f64, by_hand| LabelRun {
            label,
            frames: 10,
            start,
            end: start + 1.0,
            confidence_sum: 5.0,
            unsure: 9,
            by_hand,
            ..LabelRun::default()
        };
        let person = |face, runs| Person { face, runs, ..Person::default() };
        let summary = Summary {
            classes: vec!["calm".into(), "glad".into()],
            people: vec![
                person(1, vec![run(0, 0.0, false), run(1, 1.0, true)]),
                person(2, vec![run(1, 0.5, false)]),
            ],
            frames: 50,
            seconds: 2.0,
            ..Summary::default()
        };
        let project: Value =
            serde_json::from_str(&boris(&summary, "talk", Path::new("/v/talk.mp4"))).unwrap();
        assert_eq!(project["project_format_version"], "7.0");
        let seen = &project["observations"]["talk"];
        assert_eq!(seen["media_info"]["fps"]["/v/talk.mp4"], 25.0);
        let events: Vec<(f64, &str, &str, &str)> = seen["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| {
                (
                    e[0].as_f64().unwrap(),
                    e[1].as_str().unwrap(),
                    e[2].as_str().unwrap(),
                    e[4].as_str().unwrap(),
                )
            })
            .collect();
        let doubt = "confidence 0.50, mostly unsure";
        assert_eq!(
            events,
            [
                (0.0, "person 1", "calm", doubt),
                (0.5, "person 2", "glad", doubt),
                (1.0, "person 1", "calm", ""),
                (1.0, "person 1", "glad", "by hand"),
                (1.5, "person 2", "glad", ""),
                (2.0, "person 1", "glad", ""),
            ]
        );
    }
}
