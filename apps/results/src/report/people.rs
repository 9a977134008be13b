//! The page about analysed inputs: who was seen, when each person showed what, and how often.

use std::fmt::Write as _;
use std::path::Path;

use affekt_engine::files::write_atomically;
use affekt_engine::media::palette::colours;
use affekt_engine::output::{Person, ShotStart, Summary};
use anyhow::Context as _;
use serde_json::json;

use super::axis::Axis;
use super::chart;
use super::doubt;
use super::html::{count, escape, figure, table};
use super::page::Page;
use super::timeline::ribbon;

/// Columns of a person's ribbon.
const COLUMNS: usize = 900;
/// Most people of one input whose ribbons and pictures are drawn; the tables hold all.
const MOST_PEOPLE: usize = 12;
/// Most cuts that are drawn of one input.
const MOST_CUTS: usize = 500;
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
                count(s.frames),
                figure(s.seconds),
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
    let mut out = format!(
        "<section id=\"input-{place}\"><h2>{}</h2><p class=\"lead\">{} frame{}, {} s, read as {}; frames without a face: \
         {}.</p>",
        escape(name),
        count(s.frames),
        if s.frames == 1 { "" } else { "s" },
        figure(s.seconds),
        escape(&s.reader),
        count(s.no_face_frames)
    );
    if s.skipped > 0 {
        let first = s.first_skipped.as_deref().unwrap_or_default();
        let _ = write!(
            out,
            "<p class=\"note\">{} frames could not be decoded and are missing; the first: {}</p>",
            count(s.skipped),
            escape(first)
        );
    }
    if cuts(s).next().is_some() {
        let _ = write!(
            out,
            "<p class=\"note\">New shots begin at {}{}; whoever is seen in several of them has a number in each. Dashed lines \
             mark them.</p>",
            cuts(s)
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
        out.push_str(&timeline(&people, s));
    }
    out.push_str(&pictures(&people, s));
    out.push_str(&distribution(&everybody, s));
    out.push_str(&doubt::bearing(&everybody, s));
    out.push_str("</section>");
    out
}

/// Each column's class: that of the run over its middle; -1 where the person is not seen.
fn columns(person: &Person, seconds: f64, columns: usize) -> Vec<i64> {
    let mut runs = person.runs.iter().peekable();
    (0..columns)
        .map(|column| {
            let middle = (column as f64 + 0.5) * seconds / columns as f64;
            while runs.peek().is_some_and(|run| run.end <= middle) {
                runs.next();
            }
            runs.peek().filter(|run| run.start <= middle).map_or(-1, |run| run.label as i64)
        })
        .collect()
}

/// The cuts that are drawn: those within the film, which a file need not have.
fn cuts(s: &Summary) -> impl Iterator<Item = &ShotStart> {
    s.cuts.iter().filter(|cut| cut.seconds > 0.0 && cut.seconds < s.seconds).take(MOST_CUTS)
}

fn timeline(people: &[&Person], s: &Summary) -> String {
    let palette = colours(&s.classes);
    let wide = (s.frames as usize).clamp(1, COLUMNS);
    let rows: Vec<Vec<i64>> = people.iter().map(|p| columns(p, s.seconds, wide)).collect();
    let x: Vec<f64> = (0..wide).map(|c| (c as f64 + 0.5) * s.seconds / wide as f64).collect();
    let axis = Axis::exact(0.0, s.seconds, 6);
    let mut out = String::from("<figure class=\"chart clip read\">");
    out.push_str(&chart::legend(s.classes.iter().map(String::as_str).zip(palette.iter().copied()), "s"));
    let titles: Vec<String> = people.iter().map(|p| escape(&title(p))).collect();
    out.push_str("<ul class=\"tracks\" aria-hidden=\"true\">");
    for title in &titles {
        let _ = write!(out, "<li>{title}<span class=\"word\"></span></li>");
    }
    out.push_str("</ul><div class=\"frame\"><div class=\"ys names\" aria-hidden=\"true\">");
    for title in &titles {
        let _ = write!(out, "<span>{title}</span>");
    }
    let _ = write!(
        out,
        "</div><div class=\"plot\" role=\"img\" aria-label=\"Expression of {} over {} seconds.\">",
        if people.len() == 1 { "1 person".into() } else { format!("{} people", people.len()) },
        figure(s.seconds)
    );
    for row in &rows {
        out.push_str(&ribbon(row, &s.classes, &palette));
    }
    for cut in cuts(s) {
        let left = cut.seconds / s.seconds * 100.0;
        let _ = write!(out, "<i class=\"cut\" style=\"left:{left:.2}%\"></i>");
    }
    out.push_str("</div>");
    out.push_str(&chart::x_marks(&axis, "s"));
    out.push_str("</div>");
    let series: Vec<_> = rows.iter().map(|row| json!(row)).collect();
    let data = chart::data(&x, &series, &s.classes);
    out.push_str(&data.replacen('{', &format!("{{\"tracks\":{},", rows.len()), 1));
    out.push_str("</figure>");
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
            let _ = write!(
                out,
                "<li><figure><img src=\"data:image/jpeg;base64,{}\" alt=\"{who}: {}\"><figcaption>{who}: {} s<span \
                 class=\"tag\"><i class=\"k{}\"></i>{}</span></figcaption></figure></li>",
                picture.jpeg,
                escape(class),
                figure(picture.seconds),
                palette.get(picture.label).copied().unwrap_or(0),
                escape(class)
            );
        }
    }
    out.push_str("</ol>");
    out
}

/// What a person is called at the beginning of a line.
fn title(person: &Person) -> String {
    if person.name.is_empty() { format!("Person {}", person.face) } else { person.name.clone() }
}

/// What share of a person's frames each class has: of all, of those that are not unsure, and how many of a class are unsure.
fn distribution(people: &[&Person], s: &Summary) -> String {
    let mut out = String::from(
        "<h3>How often</h3><p>Share of each person's frames by expression: of all frames, and without those that are unsure. \
         Below: how many of the frames of this expression are unsure.</p><div class=\"scroll\"><table class=\"heat\"><thead><tr>\
         <th scope=\"col\">Person</th><th scope=\"col\">Frames</th><th scope=\"col\"></th>",
    );
    for class in &s.classes {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(class));
    }
    out.push_str("</tr></thead><tbody>");
    for person in people {
        let sure = person.sure_class_frames();
        let all_sure: u64 = sure.iter().sum();
        let unsure: Vec<(u64, u64)> =
            person.class_frames.iter().zip(&sure).map(|(&all, &sure)| (all - sure, all)).collect();
        let of = |counts: &[u64], whole: u64| counts.iter().map(|&n| (n, whole)).collect::<Vec<_>>();
        let rows = [
            (escape(&title(person)), person.frames, "all", of(&person.class_frames, person.frames)),
            (String::new(), all_sure, "sure", of(&sure, all_sure)),
            (String::new(), person.unsure_frames, "unsure", unsure),
        ];
        for (who, frames, what, shares) in rows {
            let _ = write!(
                out,
                "<tr class=\"{what}\"><th scope=\"row\">{who}</th><td>{}</td><th scope=\"row\">{what}</th>",
                count(frames)
            );
            for (part, whole) in shares {
                if whole == 0 {
                    out.push_str("<td>–</td>");
                    continue;
                }
                let share = part as f64 / whole as f64;
                if what == "unsure" {
                    let _ = write!(out, "<td>{:.0} %</td>", share * 100.0);
                    continue;
                }
                let _ = write!(out, "<td style=\"--v:{:.0}%\">{:.1} %</td>", share * 100.0, share * 100.0);
            }
            out.push_str("</tr>");
        }
    }
    out.push_str("</tbody></table></div>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use affekt_engine::output::{LabelRun, ReadBy, Thumbnail};

    fn person(face: u32, runs: &serde_json::Value) -> Person {
        let text = json!({
            "face": face, "frames": 4, "class_frames": [1, 3], "class_sums": [1.0, 3.0], "runs": runs, "thumbnails": []
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_column_shows_the_run_over_its_middle() {
        let runs = json!([
            { "label": 0, "first": 0, "frames": 1, "start": 0.0, "end": 1.0 },
            { "label": 1, "first": 2, "frames": 2, "start": 2.0, "end": 3.2 },
        ]);
        assert_eq!(columns(&person(1, &runs), 4.0, 4), [0, -1, 1, -1]);
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
