//! Scores as pictures: F1 by class as a heat table, confusion matrices.

use std::fmt::Write as _;

use super::html::{count, escape, score};

/// A table of F1: a row a class, a column a method, the darker the higher.
pub fn heat(caption: &str, classes: &[String], columns: &[(&str, Vec<Option<f64>>)]) -> String {
    let mut out = format!(
        "<div class=\"scroll\"><table class=\"heat\"><caption>{}</caption><thead><tr><th scope=\"col\">Class</th>",
        escape(caption)
    );
    for (name, _) in columns {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(name));
    }
    out.push_str("</tr></thead><tbody>");
    for (row, class) in classes.iter().enumerate() {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(class));
        for (_, values) in columns {
            out.push_str(&cell(values.get(row).copied().flatten(), score));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

/// A cell shaded by a share from 0 to 1.
fn cell(value: Option<f64>, text: impl Fn(Option<f64>) -> String) -> String {
    let share = value.unwrap_or(0.0).clamp(0.0, 1.0);
    format!("<td style=\"--v:{:.0}%\">{}</td>", share * 100.0, text(value))
}

/// A confusion matrix: each row's counts as percentages of the row.
pub fn confusion(caption: &str, classes: &[String], counts: &[Vec<u64>]) -> String {
    let mut out = format!(
        "<div class=\"scroll\"><table class=\"heat matrix\"><caption>{}</caption><thead><tr><td></td>",
        escape(caption)
    );
    for class in classes {
        let _ = write!(out, "<th scope=\"col\"><span>{}</span></th>", escape(class));
    }
    out.push_str("<th scope=\"col\"><span>items</span></th></tr></thead><tbody>");
    for (class, row) in classes.iter().zip(counts) {
        let items = row.iter().fold(0u64, |sum, &c| sum.saturating_add(c));
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(class));
        for (name, &n) in classes.iter().zip(row) {
            let share = (items > 0).then(|| n as f64 / items as f64);
            let text = |share: Option<f64>| match share {
                Some(s) if n > 0 && s < 0.005 => "&lt;1".into(),
                Some(s) if n > 0 => format!("{:.0}", s * 100.0),
                _ => "<span class=\"nil\">0</span>".into(),
            };
            let td = cell(share, text);
            let title = format!("{} of {items} items of {class} read as {name}", count(n));
            out.push_str(&td.replacen("<td", &format!("<td title=\"{}\"", escape(&title)), 1));
        }
        let _ = write!(out, "<td class=\"sum\">{}</td></tr>", count(items));
    }
    out.push_str("</tbody></table></div>");
    out
}

/// Panels of which the page's script shows one at a time; without it they stand under each other.
pub fn tabs(label: &str, panels: &[(String, String)]) -> String {
    let mut out = format!("<div class=\"tabs\" data-label=\"{}\">", escape(label));
    for (name, body) in panels {
        let _ = write!(out, "<div class=\"panel\" data-name=\"{}\">{body}</div>", escape(name));
    }
    out.push_str("</div>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_gives_shares_of_each_row_and_escapes_names() {
        let classes = ["<script>", "b"].map(String::from);
        let out = confusion("c", &classes, &[vec![3, 1], vec![0, 0]]);
        assert!(out.contains(">75</td>") && out.contains(">25</td>"), "{out}");
        assert!(out.contains("--v:75%"), "{out}");
        assert!(!out.contains("<script>"), "{out}");
        assert!(!out.contains("NaN"), "an empty row has no shares: {out}");
        assert!(confusion("c", &classes, &[vec![999, 1], vec![0, 0]]).contains("&lt;1"), "rare is not never");
    }

    #[test]
    fn missing_scores_are_dashes() {
        let out = heat("F1", &["a".into()], &[("ssl", vec![Some(0.5)]), ("vote", vec![])]);
        assert!(out.contains(">0.500</td>") && out.contains(">–</td>"), "{out}");
    }
}
