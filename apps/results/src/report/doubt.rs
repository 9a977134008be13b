//! What a page says of itself: what has read the faces and how well, what its figures can bear, and what its folder holds of people.

use std::fmt::Write as _;

use affekt_engine::output::{Person, Summary};

use super::html::{count, escape};
use super::who::is_still;

/// Share of unsure frames from which a person's figures are called doubtful.
const DOUBTFUL: f64 = 0.25;
/// Fewest stretches of a class of which shares can be compared.
const FEW: usize = 5;

/// What has read the input.
pub fn origin(s: &Summary) -> String {
    let by = &s.read_by;
    // Nothing votes on one picture, and the detector looks once.
    let settings = if is_still(s) && !by.settings.is_empty() {
        format!("unsure below a confidence of {}", by.unsure_below)
    } else {
        by.settings.clone()
    };
    let mut out = String::from("<dl class=\"facts\">");
    for (name, value) in [
        ("Model", &by.model),
        ("Its card", &by.accuracy),
        ("Detector", &by.detector),
        ("Settings", &settings),
    ] {
        if !value.is_empty() {
            let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
        }
    }
    out.push_str("</dl>");
    out
}

/// What the folder holds of people; `name` is that of the input's files.
pub fn privacy(name: &str, s: &Summary) -> String {
    let pictures = s.people.iter().map(|p| p.thumbnails.len()).sum::<usize>();
    let has = |ending: &str| s.files.iter().any(|file| file == ending);
    let name = escape(name);
    let mut holds = vec![];
    if s.no_pictures || pictures == 0 {
        holds.push("no pictures of faces".to_owned());
    } else {
        let many = if pictures == 1 {
            "a picture of a face".into()
        } else {
            format!("{} pictures of faces", count(pictures as u64))
        };
        holds.push(format!("{many} (in this page and in {name}.json)"));
    }
    if has("annotated.mp4") || has("annotated.jpg") {
        holds.push(if s.anonymised.is_empty() {
            "a copy of the recording in which people can be recognised".into()
        } else {
            format!("a copy of the recording with faces hidden ({})", escape(&s.anonymised))
        });
    }
    holds.push("places of faces and expressions by frame, which are data about people".into());
    if let Some(appearance) = &s.appearance {
        holds.push(format!(
            "how similar faces are by {} (in {name}.json; what the model gives of a face is not kept)",
            escape(&appearance.model)
        ));
    }
    if s.people.iter().any(|p| !p.name.is_empty()) || !s.speakers.is_empty() {
        holds.push("names of people".into());
    }
    format!(
        "<p class=\"privacy\"><b>Privacy.</b> This folder holds {}. Nothing was sent anywhere; everything was computed on this \
         computer.</p>",
        holds.join("; ")
    )
}

/// What the figures can bear, in words.
pub fn bearing(people: &[&Person], s: &Summary) -> String {
    let frames: u64 = people.iter().map(|p| p.frames).sum();
    let unsure: u64 = people.iter().map(|p| p.unsure_frames).sum();
    if frames == 0 {
        return String::new();
    }
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let mut out = String::from("<h3>What these figures can bear</h3><p>");
    let below = s.read_by.unsure_below;
    let _ = if is_still(s) {
        write!(out, "{} of {} faces are unsure (confidence below {below}). ", count(unsure), count(frames))
    } else {
        let percent = share(unsure, frames) * 100.0;
        write!(out, "{percent:.0} % of the frames with a face are unsure (confidence below {below}). ")
    };
    let doubtful: Vec<String> = people
        .iter()
        .filter(|p| !is_still(s) && share(p.unsure_frames, p.frames) > DOUBTFUL)
        .take(12)
        .map(|p| escape(&p.called()))
        .collect();
    if !doubtful.is_empty() {
        let _ = write!(
            out,
            "More than a quarter is unsure of {}: compare the rows with and without unsure frames before you rely on them. ",
            doubtful.join(", ")
        );
    }
    if !s.read_by.accuracy.is_empty() {
        let _ = write!(
            out,
            "By its card the model is {}; recordings unlike those faces may give less. ",
            escape(&s.read_by.accuracy)
        );
    }
    if !is_still(s) {
        out.push_str(&stretches(people, s));
    }
    out.push_str("An expression is what a face shows, not what a person feels.</p>");
    let by_hand: u64 = people.iter().map(|p| p.frames_by_hand).sum();
    if by_hand > 0 || !s.edits.is_empty() {
        let _ = write!(
            out,
            "<p class=\"note\">Corrected by hand: {} frames have a label that a person has set; names, merges and excluded \
             stretches are applied.</p>",
            count(by_hand)
        );
    }
    out
}

/// How many observations there are.
fn stretches(people: &[&Person], s: &Summary) -> String {
    let runs: Vec<usize> = (0..s.classes.len())
        .map(|class| people.iter().flat_map(|p| &p.runs).filter(|run| run.label == class).count())
        .collect();
    let rare: Vec<String> = s
        .classes
        .iter()
        .zip(&runs)
        .filter(|(_, runs)| (1..FEW).contains(*runs))
        .map(|(class, _)| escape(class))
        .collect();
    let mut out = format!(
        "Frames of one stretch are no independent observations: there are {} stretches, and a test should count those or \
         people. ",
        count(runs.iter().sum::<usize>() as u64)
    );
    if !rare.is_empty() {
        let _ = write!(out, "Too few stretches to compare ({FEW} at least): {}. ", rare.join(", "));
    }
    out
}
