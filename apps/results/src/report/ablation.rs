//! The ablation: methods under each other, with their spread over the seeds.

use std::fmt::Write as _;

use serde_json::Value;

use super::axis::Axis;
use super::html::{escape, score, table};
use super::results::{Ablation, AblationRow};
use super::scores;

/// The section on the ablation.
pub fn section(ablation: &Ablation) -> String {
    let mut out = String::from("<section id=\"ablation\"><h2>What each part adds</h2>");
    let seeds = ablation.seeds.len().max(ablation.rows.iter().map(|r| r.runs.len()).max().unwrap_or(0));
    let _ = write!(
        out,
        "<p class=\"lead\">Macro F1 on the evaluation data, from the plainest method to the fullest.{}</p>",
        match seeds {
            0 => String::new(),
            1 => " One seed, so no spread is known.".into(),
            n => format!(" Bars are means over {n} seeds, dots the seeds, whiskers one standard deviation."),
        }
    );
    out.push_str(&bars(&ablation.rows));
    out.push_str(&by_seed(&ablation.rows));
    match &ablation.data {
        Some(Value::String(text)) if !text.is_empty() => {
            let _ = write!(out, "<p class=\"data\"><b>Data.</b> {}</p>", escape(text));
        }
        Some(Value::Null) | None => {}
        Some(other) => {
            let _ = write!(out, "<p class=\"data\"><b>Data.</b> {}</p>", escape(&other.to_string()));
        }
    }
    out.push_str("<div class=\"pair\">");
    let classes = class_names(ablation);
    let of = |row: &AblationRow, class: &String| row.per_class_f1.get(class).copied().flatten();
    let columns: Vec<(&str, Vec<Option<f64>>)> = ablation
        .rows
        .iter()
        .filter(|row| !row.per_class_f1.is_empty())
        .map(|row| (row.name.as_str(), classes.iter().map(|class| of(row, class)).collect()))
        .collect();
    if !columns.is_empty() {
        out.push_str(
            "<div><h3>F1 by class</h3><p>Where a method gains and where it loses; the stronger the colour, the better.</p>",
        );
        out.push_str(&scores::heat("Mean F1 over the seeds", &classes, &columns));
        out.push_str("</div>");
    }
    let matrices: Vec<(String, String)> = ablation
        .rows
        .iter()
        .filter_map(|row| {
            let counts = row.confusion(ablation.classes.len());
            let caption = format!("{}: rows are the truth, columns the answer, % of the row", row.title());
            (!counts.is_empty())
                .then(|| (row.name.clone(), scores::confusion(&caption, &ablation.classes, &counts)))
        })
        .collect();
    if !matrices.is_empty() {
        out.push_str(
            "<div><h3>Confusions</h3><p>What each class was taken for, all seeds together; a perfect method has only \
             the diagonal.</p>",
        );
        // The fullest method first, because it is the one to be used.
        out.push_str(&scores::tabs("Method", &matrices.into_iter().rev().collect::<Vec<_>>()));
        out.push_str("</div>");
    }
    out.push_str("</div></section>");
    out
}

/// The ablation's class names, or those that its rows name.
fn class_names(ablation: &Ablation) -> Vec<String> {
    if !ablation.classes.is_empty() {
        return ablation.classes.clone();
    }
    ablation.rows.first().map(|r| r.per_class_f1.keys().cloned().collect()).unwrap_or_default()
}

fn bars(rows: &[AblationRow]) -> String {
    let highest = rows
        .iter()
        .flat_map(|r| r.runs.iter().filter_map(|run| run.score.macro_f1).chain(r.macro_f1))
        .fold(0.0, f64::max);
    let axis = Axis::round(0.0, (highest * 1.02).clamp(0.05, 1.0), 5);
    let percent = |value: f64| axis.place(value) * 100.0;
    let mut out = String::from(
        "<div class=\"scroll\"><table class=\"bars\"><caption>Macro F1 by method</caption><thead><tr>\
         <th scope=\"col\">Method</th><th scope=\"col\" class=\"wide\">Macro F1</th><th scope=\"col\">Gain</th>\
         <th scope=\"col\">Accuracy</th>",
    );
    let challenge = rows.iter().any(|row| row.challenge_macro_f1.is_some());
    out.push_str(if challenge {
        "<th scope=\"col\" title=\"every labelled frame counts; one without a face holds the nearest answer\">Challenge F1\
         </th></tr></thead><tbody>"
    } else {
        "</tr></thead><tbody>"
    });
    let mut before: Option<f64> = None;
    for (place, row) in rows.iter().enumerate() {
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}<small>{}</small></th><td class=\"wide\"><div class=\"measure\"><div class=\"bar\" aria-hidden=\"true\">",
            escape(row.title()),
            if row.title() == row.name { String::new() } else { escape(&row.name) }
        );
        for &tick in &axis.ticks {
            let _ = write!(out, "<u style=\"left:{:.1}%\"></u>", percent(tick));
        }
        if let Some(mean) = row.macro_f1 {
            let last = if place + 1 == rows.len() { " class=\"last\"" } else { "" };
            let _ = write!(out, "<i{last} style=\"width:{:.2}%\"></i>", percent(mean));
            if let Some(spread) = row.macro_f1_std.filter(|s| *s > 0.0) {
                let (low, high) = (percent(mean - spread), percent(mean + spread));
                let _ = write!(out, "<s style=\"left:{low:.2}%;width:{:.2}%\"></s>", high - low);
            }
        }
        if row.runs.len() > 1 {
            for value in row.runs.iter().filter_map(|run| run.score.macro_f1) {
                let _ = write!(out, "<b style=\"left:{:.2}%\"></b>", percent(value));
            }
        }
        let spread = row.macro_f1_std.filter(|_| row.runs.len() != 1);
        let _ = write!(
            out,
            "</div><span class=\"value\">{}{}</span></div></td><td>{}</td><td>{}</td>{}</tr>",
            score(row.macro_f1),
            spread.map_or_else(String::new, |s| format!(" <small>± {s:.3}</small>")),
            gain(before, row.macro_f1),
            score(row.accuracy),
            if challenge { format!("<td>{}</td>", score(row.challenge_macro_f1)) } else { String::new() }
        );
        before = row.macro_f1;
    }
    out.push_str("</tbody></table></div>");
    out
}

/// Each seed's macro F1, since a mean over few of them hides how they differ.
fn by_seed(rows: &[AblationRow]) -> String {
    let seeds = rows.iter().map(|row| row.runs.len()).max().unwrap_or(0);
    let Some(longest) = rows.iter().find(|row| row.runs.len() == seeds && seeds > 1) else {
        return String::new();
    };
    let mut heads = vec![String::from("Method")];
    heads.extend(longest.runs.iter().enumerate().map(|(place, run)| match run.seed {
        Some(seed) => format!("Seed {seed}"),
        None => format!("Run {}", place + 1),
    }));
    let cells = |row: &AblationRow| {
        let mut cells = vec![escape(row.title())];
        cells.extend((0..seeds).map(|at| score(row.runs.get(at).and_then(|run| run.score.macro_f1))));
        cells
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    format!(
        "<details><summary>Each seed</summary>{}</details>",
        table("Macro F1 with each seed", &heads, &rows)
    )
}

/// How much higher a row is than the one above it.
fn gain(before: Option<f64>, now: Option<f64>) -> String {
    match (before, now) {
        (Some(before), Some(now)) => {
            let by = now - before;
            let sign = if by < 0.0 { "\u{2212}" } else { "+" };
            let class = if by < 0.0 { "down" } else { "up" };
            format!("<span class=\"{class}\">{sign}{:.3}</span>", by.abs())
        }
        _ => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ablation() -> Ablation {
        serde_json::from_value(serde_json::json!({
            "classes": ["a", "<i>"], "seeds": [1, 2], "data": "made & drawn",
            "rows": [
                { "name": "baseline", "macro_f1": 0.5, "macro_f1_std": 0.1, "runs": [
                    { "seed": 1, "macro_f1": 0.4, "confusion": [[1, 0], [1, 1]] }, { "seed": 2, "macro_f1": 0.6 } ] },
                { "name": "vote", "title": "Vote <b>", "macro_f1": 0.4, "per_class_f1": { "a": 0.3, "<i>": null } },
            ]
        }))
        .unwrap()
    }

    #[test]
    fn rows_show_their_gain_and_a_loss_is_not_hidden() {
        let page = section(&ablation());
        assert!(page.contains("\u{2212}0.100"), "{page}");
        assert!(page.contains("over 2 seeds") && page.contains("± 0.100"), "{page}");
        assert!(page.contains("made &amp; drawn") && page.contains("Vote &lt;b&gt;"), "{page}");
        assert!(!page.contains("<i>"), "class names are text: {page}");
    }

    #[test]
    fn one_row_without_figures_is_still_a_section() {
        let one: Ablation = serde_json::from_str("{\"rows\":[{\"name\":\"baseline\"}]}").unwrap();
        let page = section(&one);
        assert!(page.contains("baseline") && !page.contains("NaN") && !page.contains("Confusions"), "{page}");
    }
}
