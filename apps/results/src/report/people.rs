//! The page about analysed inputs: who was seen, when each person showed what (`seen`), and how often (`shares`).

use std::fmt::Write as _;
use std::path::Path;

use affekt_engine::files::write_atomically;
use affekt_engine::media::palette::colours;
use affekt_engine::output::{Person, Summary};
use anyhow::Context as _;

use super::doubt;
use super::html::{count, escape, figure, table};
use super::page::Page;
use super::who::{is_still, title};
use super::{seen, shares};

/// Most people of one input whose ribbons and pictures are drawn; the tables hold all.
const MOST_PEOPLE: usize = 12;
/// Most cuts whose times are said.
const SAID_CUTS: usize = 12;
/// Most inputs with pictures and ribbons; the table lists all.
const MOST_INPUTS: usize = 50;

/// Writes one page about inputs (name, summary), whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write_people(inputs: &[(String, Summary)], out: &Path) -> anyhow::Result<()> {
    let mut notes = vec![];
    if inputs.len() > MOST_INPUTS {
        notes.push(format!("The page draws the first {MOST_INPUTS} of {} inputs.", inputs.len()));
    }
    let mut section = overview(inputs);
    for (place, (name, summary)) in inputs.iter().take(MOST_INPUTS).enumerate() {
        section.push_str(&input(place, name, summary));
    }
    let name = match inputs {
        [(name, _)] => name.clone(),
        _ => format!("{} inputs", inputs.len()),
    };
    let page = Page { name, clip_section: section, notes, ..Page::default() };
    write_atomically(out, page.render().as_bytes()).with_context(|| format!("cannot write {}", out.display()))
}

fn overview(inputs: &[(String, Summary)]) -> String {
    if inputs.len() < 2 {
        return String::new();
    }
    let heads = ["Input", "Frames", "Seconds", "People", "Frames without a face"].map(String::from);
    let rows: Vec<Vec<String>> = inputs
        .iter()
        .enumerate()
        .map(|(place, (name, s))| {
            let link = format!("<a href=\"#input-{place}\">{}</a>", escape(name));
            vec![
                if place < MOST_INPUTS { link } else { escape(name) },
                if is_still(s) { "picture".into() } else { count(s.frames) },
                if is_still(s) { "–".into() } else { figure(s.seconds) },
                count(s.people.len() as u64),
                count(s.no_face_frames),
            ]
        })
        .collect();
    format!("<section id=\"inputs\"><h2>Inputs</h2>{}</section>", table("What was read", &heads, &rows))
}

fn input(place: usize, name: &str, s: &Summary) -> String {
    let everybody: Vec<&Person> = s.people.iter().collect();
    let mut people = everybody.clone();
    people.sort_by_key(|p| (std::cmp::Reverse(p.frames), p.face));
    let left_out = people.len().saturating_sub(MOST_PEOPLE);
    people.truncate(MOST_PEOPLE);
    people.sort_by_key(|p| p.face);
    let what = if is_still(s) {
        let reader = if s.reader == "picture" { "" } else { &format!(", read as {}", escape(&s.reader)) };
        format!("A picture{reader}.")
    } else {
        let frames = if s.frames == 1 { "frame" } else { "frames" };
        format!(
            "{} {frames}, {} s, read as {}; frames without a face: {}.",
            count(s.frames),
            figure(s.seconds),
            escape(&s.reader),
            count(s.no_face_frames)
        )
    };
    let mut out =
        format!("<section id=\"input-{place}\"><h2>{}</h2><p class=\"lead\">{what}</p>", escape(name));
    if s.skipped > 0 {
        let first = s.first_skipped.as_deref().unwrap_or_default();
        let _ = write!(
            out,
            "<p class=\"note\">{} frames could not be decoded and are missing; the first: {}</p>",
            count(s.skipped),
            escape(first)
        );
    }
    if seen::cuts(s).next().is_some() {
        let _ = write!(
            out,
            "<p class=\"note\">New shots begin at {}{}; whoever is seen in several of them has a number in each. Dashed lines \
             mark them.</p>",
            seen::cuts(s)
                .take(SAID_CUTS)
                .map(|cut| format!("{} s", figure(cut.seconds)))
                .collect::<Vec<_>>()
                .join(", "),
            if s.cuts.len() > SAID_CUTS {
                format!(" and {} more times", s.cuts.len() - SAID_CUTS)
            } else {
                String::new()
            }
        );
    }
    if left_out > 0 {
        let _ = write!(
            out,
            "<p class=\"note\">{left_out} more people, seen more briefly, are in the tables alone.</p>"
        );
    }
    out.push_str(&doubt::origin(s));
    out.push_str(&doubt::privacy(name, s));
    if people.is_empty() {
        out.push_str("<p class=\"note\">No face was found.</p></section>");
        return out;
    }
    if s.frames > 1 {
        out.push_str(&seen::timeline(&people, s));
    }
    out.push_str(&pictures(&people, s));
    out.push_str(&if is_still(s) {
        shares::of_still(&everybody, s)
    } else {
        shares::over_time(&everybody, s)
    });
    out.push_str(&doubt::bearing(&everybody, s));
    out.push_str("</section>");
    out
}

fn pictures(people: &[&Person], s: &Summary) -> String {
    let palette = colours(&s.classes);
    let mut out = String::from("<ol class=\"pictures\">");
    for person in people {
        let who = escape(&title(person));
        for picture in person.thumbnails.iter().filter(|picture| !picture.excluded) {
            let class = s.classes.get(picture.label).map_or("", String::as_str);
            // Base 64 has no letter that HTML would read as its own; anything else is a damaged summary.
            let sound = picture.jpeg.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
            if !sound {
                continue;
            }
            let when = if is_still(s) { String::new() } else { format!(": {} s", figure(picture.seconds)) };
            let _ = write!(
                out,
                "<li><figure><img src=\"data:image/jpeg;base64,{}\" alt=\"{who}: {}\"><figcaption>{who}{when}<span \
                 class=\"tag\"><i class=\"k{}\"></i>{}</span></figcaption></figure></li>",
                picture.jpeg,
                escape(class),
                palette.get(picture.label).copied().unwrap_or(0),
                escape(class)
            );
        }
    }
    out.push_str("</ol>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use affekt_engine::output::{LabelRun, ReadBy, ShotStart, Thumbnail};
    use serde_json::json;

    fn person(face: u32, runs: &serde_json::Value) -> Person {
        let text = json!({
            "face": face, "frames": 4, "class_frames": [1, 3], "class_sums": [1.0, 3.0], "runs": runs, "thumbnails": []
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn the_page_is_one_file_and_what_a_summary_says_stays_text() {
        let evil = "<script>alert(1)</script>";
        let mut shown =
            person(1, &json!([{ "label": 1, "first": 0, "frames": 4, "start": 0.0, "end": 2.0 }]));
        shown.thumbnails = vec![
            Thumbnail { jpeg: "\"><script>".into(), ..Thumbnail::default() },
            Thumbnail { jpeg: "AAAA".into(), ..Thumbnail::default() },
        ];
        let summary = Summary {
            classes: vec![evil.into(), "happy".into()],
            frames: 4,
            seconds: 2.0,
            people: vec![shown],
            reader: evil.into(),
            cuts: [1.0, -3.0, f64::NAN, 9.0].map(|seconds| ShotStart { frame: 1, seconds }).to_vec(),
            ..Summary::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("index.html");
        write_people(&[(evil.into(), summary.clone()), ("b".into(), summary)], &out).unwrap();
        let page = std::fs::read_to_string(out).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("\"><script>"), "text stays text");
        assert!(
            page.contains("data:image/jpeg;base64,AAAA") && page.contains("75.0 %"),
            "pictures and shares"
        );
        assert_eq!(page.matches("<i class=\"cut\" style=\"left:50.00%\">").count(), 2, "one in each input");
        assert!(
            page.matches("<i class=\"cut\"").count() == 2 && page.contains("New shots begin at 1"),
            "{page}"
        );
        for outside in ["http:", "https:", "src=\"/", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn nothing_is_said_over_time_of_a_picture() {
        let face = Person {
            face: 1,
            frames: 1,
            unsure_frames: 1,
            class_frames: vec![0, 1],
            unsure_class_frames: vec![0, 1],
            class_sums: vec![0.45, 0.55],
            runs: vec![LabelRun { label: 1, frames: 1, ..LabelRun::default() }],
            thumbnails: vec![Thumbnail { label: 1, jpeg: "AAAA".into(), ..Thumbnail::default() }],
            ..Person::default()
        };
        let picture = Summary {
            classes: vec!["calm".into(), "happy".into()],
            frames: 1,
            people: vec![face],
            reader: "jpeg".into(),
            read_by: ReadBy {
                settings: "vote over 30 frames".into(),
                unsure_below: 0.6,
                ..ReadBy::default()
            },
            ..Summary::default()
        };
        let section = input(0, "photo", &picture);
        for words in ["A picture, read as jpeg.", "1 of 1 faces", "below a confidence of 0.6", "55.0 %"] {
            assert!(section.contains(words), "{words}: {section}");
        }
        for words in ["1 frame", " 0 s", "vote over", "stretch", "How often"] {
            assert!(!section.contains(words), "{words}: {section}");
        }
        let film = Summary { frames: 2, seconds: 0.5, ..picture };
        let section = input(0, "film", &film);
        assert!(section.contains("2 frames, 0.5 s") && section.contains("vote over 30 frames"), "{section}");
    }

    #[test]
    fn doubt_names_and_everybody_are_on_the_page() {
        let crowd: Vec<Person> = (1..=20)
            .map(|face| Person {
                face,
                name: if face == 3 { "Ada & Co".into() } else { String::new() },
                frames: 10,
                unsure_frames: 4,
                class_frames: vec![6, 4],
                unsure_class_frames: vec![4, 0],
                class_sums: vec![5.0, 5.0],
                runs: vec![LabelRun { frames: 10, end: 2.0, ..LabelRun::default() }],
                ..Person::default()
            })
            .collect();
        let summary = Summary {
            classes: vec!["calm".into(), "happy".into()],
            frames: 10,
            seconds: 2.0,
            people: crowd,
            read_by: ReadBy {
                model: "the model".into(),
                accuracy: "80.0 % right".into(),
                detector: "the detector".into(),
                settings: "vote over 30 frames".into(),
                unsure_below: 0.6,
            },
            no_pictures: true,
            ..Summary::default()
        };
        let section = input(0, "talk", &summary);
        for words in [
            "Ada &amp; Co",
            "the model",
            "80.0 % right",
            "the detector",
            "vote over 30",
            "Person 20",
            "no pictures of faces",
        ] {
            assert!(section.contains(words), "{words}: {section}");
        }
        assert!(section.contains("8 more people"), "ribbons of twelve");
        assert_eq!(section.matches("<tr class=\"unsure\">").count(), 20, "the table has everybody");
        assert!(
            section.contains(">33.3 %<") && section.contains(">66.7 %<"),
            "without unsure frames: 2 of 6, 4 of 6"
        );
        assert!(section.contains("40 % of the frames"), "said in words");
    }
}
