//! How often each person showed what; of a picture, how probable each expression is.

use std::fmt::Write as _;

use affekt_engine::output::{Person, Summary};

use super::html::{count, escape};
use super::who::title;

/// The beginning of a table of shares, with a column a class after these.
fn head(first: &[&str], classes: &[String]) -> String {
    let mut out = String::from("<div class=\"scroll\"><table class=\"heat\"><thead><tr>");
    for name in first.iter().copied().chain(classes.iter().map(String::as_str)) {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(name));
    }
    out.push_str("</tr></thead><tbody>");
    out
}

/// A share of a whole, 0 to 1, as deep as it is large.
fn cell(share: f64) -> String {
    format!("<td style=\"--v:{:.0}%\">{:.1} %</td>", share * 100.0, share * 100.0)
}

/// What each face of a picture shows: the probability of every class.
pub fn of_still(people: &[&Person], s: &Summary) -> String {
    let mut out = String::from("<h3>What each face shows</h3><p>Probability of each expression.</p>");
    out.push_str(&head(&["Person"], &s.classes));
    for person in people.iter().filter(|person| person.frames > 0) {
        let _ = write!(out, "<tr class=\"all\"><th scope=\"row\">{}</th>", escape(&title(person)));
        person.class_sums.iter().for_each(|probability| out.push_str(&cell(*probability)));
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

/// What share of a person's frames each class has: of all, of those that are not unsure, and how many of a class are unsure.
pub fn over_time(people: &[&Person], s: &Summary) -> String {
    let mut out = String::from(
        "<h3>How often</h3><p>Share of each person's frames by expression: of all frames, and without those that are unsure. \
         Below: how many of the frames of this expression are unsure.</p>",
    );
    out.push_str(&head(&["Person", "Frames", ""], &s.classes));
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
                out.push_str(&cell(share));
            }
            out.push_str("</tr>");
        }
    }
    out.push_str("</tbody></table></div>");
    out
}
