//! When each person showed what: a ribbon each, in which people's hand can be told from the machine's.

use std::fmt::Write as _;
use std::ops::Range;

use affekt_engine::media::palette::colours;
use affekt_engine::output::{LabelRun, Person, ShotStart, Summary};
use serde_json::json;

use super::axis::Axis;
use super::chart;
use super::html::{escape, figure};
use super::timeline::ribbon;
use super::who::title;

/// Columns of a person's ribbon.
const COLUMNS: usize = 900;
/// Most cuts that are drawn of one input.
const MOST_CUTS: usize = 500;
/// What is said of a moment at which a person is not seen.
const NONE: &str = "not seen";

/// A person's ribbon.
struct Row {
    /// A class a column; the number of classes where it is excluded, -1 where the person is not seen.
    labels: Vec<i64>,
    /// Columns that people have labelled, and those that they have excluded.
    by_hand: Vec<Range<usize>>,
    excluded: Vec<Range<usize>>,
}

/// The stretch of a list over the middle of each column.
fn over(runs: &[LabelRun], seconds: f64, columns: usize) -> Vec<Option<&LabelRun>> {
    let mut runs = runs.iter().peekable();
    let over = |column: usize| {
        let middle = (column as f64 + 0.5) * seconds / columns as f64;
        while runs.peek().is_some_and(|run| run.end <= middle) {
            runs.next();
        }
        runs.peek().filter(|run| run.start <= middle).copied()
    };
    (0..columns).map(over).collect()
}

fn row(person: &Person, s: &Summary, columns: usize) -> Row {
    let counted = over(&person.runs, s.seconds, columns);
    let excluded = over(&person.excluded, s.seconds, columns);
    let label = |column: usize| match (counted[column], excluded[column]) {
        (Some(run), _) => run.label as i64,
        (None, Some(_)) => s.classes.len() as i64,
        (None, None) => -1,
    };
    let labels: Vec<i64> = (0..columns).map(label).collect();
    let by_hand = stretches(counted.iter().map(|run| run.is_some_and(|run| run.by_hand)));
    let excluded = stretches(labels.iter().map(|label| *label == s.classes.len() as i64));
    Row { labels, by_hand, excluded }
}

/// Stretches in which something holds.
fn stretches(holds: impl Iterator<Item = bool>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = vec![];
    for (column, _) in holds.enumerate().filter(|(_, holds)| *holds) {
        match found.last_mut() {
            Some(last) if last.end == column => last.end += 1,
            _ => found.push(column..column + 1),
        }
    }
    found
}

impl Row {
    /// What lies over the ribbon: a line at the foot of what is labelled by hand, stripes over what is excluded.
    fn marks(&self) -> String {
        let mut out = String::new();
        for (class, stretches) in [("hand", &self.by_hand), ("out", &self.excluded)] {
            for at in stretches {
                let share = |columns: usize| columns as f64 / self.labels.len() as f64 * 100.0;
                let (left, width) = (share(at.start), share(at.len()));
                let _ = write!(out, "<i class=\"{class}\" style=\"left:{left:.2}%;width:{width:.2}%\"></i>");
            }
        }
        out
    }
}

/// What the marks mean, of those that there are.
fn hands(rows: &[Row]) -> String {
    let mut out = String::new();
    for (class, words, there) in [
        ("hand", "set by hand", rows.iter().any(|row| !row.by_hand.is_empty())),
        ("out", "excluded by hand", rows.iter().any(|row| !row.excluded.is_empty())),
    ] {
        if there {
            let _ = write!(out, "<li><i class=\"{class}\"></i>{words}</li>");
        }
    }
    if out.is_empty() { out } else { format!("<ul class=\"legend hands\">{out}</ul>") }
}

/// The cuts that are drawn: those within the film, which a file need not have.
pub fn cuts(s: &Summary) -> impl Iterator<Item = &ShotStart> {
    s.cuts.iter().filter(|cut| cut.seconds > 0.0 && cut.seconds < s.seconds).take(MOST_CUTS)
}

/// Everybody's ribbons over one axis of time.
pub fn timeline(people: &[&Person], s: &Summary) -> String {
    let palette = colours(&s.classes);
    let wide = (s.frames as usize).clamp(1, COLUMNS);
    let rows: Vec<Row> = people.iter().map(|p| row(p, s, wide)).collect();
    let x: Vec<f64> = (0..wide).map(|c| (c as f64 + 0.5) * s.seconds / wide as f64).collect();
    let axis = Axis::exact(0.0, s.seconds, 6);
    let mut out = String::from("<figure class=\"chart clip read\">");
    out.push_str(&chart::legend(s.classes.iter().map(String::as_str).zip(palette.iter().copied()), "s"));
    out.push_str(&hands(&rows));
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
    let names: Vec<String> = s.classes.iter().cloned().chain(["excluded".into()]).collect();
    for row in &rows {
        out.push_str(&ribbon(&row.labels, &names, &palette, NONE, &row.marks()));
    }
    for cut in cuts(s) {
        let left = cut.seconds / s.seconds * 100.0;
        let _ = write!(out, "<i class=\"cut\" style=\"left:{left:.2}%\"></i>");
    }
    out.push_str("</div>");
    out.push_str(&chart::x_marks(&axis, "s"));
    out.push_str("</div>");
    let series: Vec<_> = rows.iter().map(|row| json!(row.labels)).collect();
    let data = chart::data(&x, &series, &names);
    let hands: Vec<_> = rows.iter().map(|row| json!(row.by_hand)).collect();
    let more = format!("{{\"tracks\":{},\"none\":\"{NONE}\",\"hands\":{},", rows.len(), json!(hands));
    out.push_str(&data.replacen('{', &more, 1));
    out.push_str("</figure>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(label: usize, start: f64, end: f64, by_hand: bool) -> LabelRun {
        LabelRun { label, start, end, by_hand, frames: 1, ..LabelRun::default() }
    }

    fn summary(person: Person) -> Summary {
        let classes = vec!["calm".into(), "glad".into()];
        Summary { classes, frames: 4, seconds: 4.0, people: vec![person], ..Summary::default() }
    }

    #[test]
    fn a_column_shows_the_run_over_its_middle_and_tells_excluded_time_from_absence() {
        let runs = vec![run(0, 0.0, 1.0, false), run(1, 2.0, 3.2, true)];
        let s = summary(Person { runs, excluded: vec![run(0, 3.2, 4.0, false)], ..Person::default() });
        let row = row(&s.people[0], &s, 4);
        assert_eq!(row.labels, [0, -1, 1, 2]);
        let only = |stretches: &[Range<usize>]| (stretches.len() == 1).then(|| stretches[0].clone());
        assert_eq!((only(&row.by_hand), only(&row.excluded)), (Some(2..3), Some(3..4)));
    }

    #[test]
    fn what_people_did_is_marked_and_named_only_where_there_is_some() {
        let runs = vec![run(0, 0.0, 1.0, true), run(1, 1.0, 2.0, false)];
        let excluded = vec![run(0, 2.0, 4.0, false)];
        let s = summary(Person { face: 1, runs, excluded, ..Person::default() });
        let page = timeline(&[&s.people[0]], &s);
        for part in [
            "<i class=\"hand\" style=\"left:0.00%;width:25.00%\">",
            "<i class=\"out\" style=\"left:50.00%;width:50.00%\">",
            "set by hand",
            "excluded by hand",
            ">excluded</span>",
            "\"hands\":[[{\"end\":1,\"start\":0}]]",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let s = summary(Person { face: 1, runs: vec![run(0, 0.0, 1.0, false)], ..Person::default() });
        let page = timeline(&[&s.people[0]], &s);
        assert!(!page.contains("by hand") && page.contains(">not seen</span>"), "{page}");
    }
}
