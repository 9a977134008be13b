//! The page as a whole.

use std::fmt::Write as _;

use super::html::{escape, score};
use super::results::Ablation;
use super::run::Run;
use super::scores;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// Finished parts of a page.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// The folder's name.
    pub name: String,
    /// The ablation, for the figures at the top.
    pub ablation: Option<&'a Ablation>,
    /// The ablation's section.
    pub ablation_section: String,
    /// The clip's section.
    pub clip_section: String,
    /// The section on mistakes.
    pub errors_section: String,
    /// The runs.
    pub runs: &'a [Run],
    /// What the reader should know before anything else.
    pub notes: Vec<String>,
}

/// How the title of every page ends, by which affekt knows its own.
pub const TITLE_END: &str = " · affekt report</title>";

impl Page<'_> {
    /// The HTML.
    pub fn render(&self) -> String {
        let name = escape(&self.name);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}{TITLE_END}\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\
             <style>{STYLE}</style></head><body><a class=\"skip\" href=\"#main\">To the content</a><header>\
             <div><p class=\"brand\">affekt report</p><h1>{name}</h1></div>\
             <button id=\"theme\" type=\"button\" hidden>Dark</button></header>"
        );
        out.push_str(&self.contents());
        out.push_str("<main id=\"main\">");
        for note in &self.notes {
            let _ = write!(out, "<p class=\"note\">{}</p>", escape(note));
        }
        out.push_str(&self.headline());
        out.push_str(&self.ablation_section);
        out.push_str(&self.clip_section);
        out.push_str(&self.errors_section);
        if !self.runs.is_empty() {
            out.push_str("<section id=\"runs\"><h2>Training</h2>");
            let panels: Vec<(String, String)> = self.runs.iter().map(|r| (r.title(), r.section())).collect();
            out.push_str(&scores::tabs("Run", &panels));
            out.push_str("</section>");
        }
        let _ = writeln!(
            out,
            "</main><footer>Made by affekt {} from the files of {name}. This page needs no network.</footer>\
             <script>{SCRIPT}</script></body></html>",
            env!("CARGO_PKG_VERSION")
        );
        out
    }

    fn contents(&self) -> String {
        let parts = [
            (!self.ablation_section.is_empty(), "ablation", "Ablation"),
            (!self.clip_section.is_empty(), "clip", "Clip"),
            (!self.errors_section.is_empty(), "errors", "Mistakes"),
            (!self.runs.is_empty(), "runs", "Training"),
        ];
        let links: Vec<String> = parts
            .iter()
            .filter(|(there, _, _)| *there)
            .map(|(_, id, name)| format!("<a href=\"#{id}\">{name}</a>"))
            .collect();
        if links.len() < 2 {
            String::new()
        } else {
            format!("<nav aria-label=\"Contents\">{}</nav>", links.concat())
        }
    }

    /// The few figures that a hurried reader wants.
    fn headline(&self) -> String {
        let mut cards: Vec<(String, String, String)> = vec![];
        if let Some(ablation) = self.ablation
            && let (Some(first), Some(last)) = (ablation.rows.first(), ablation.rows.last())
            && ablation.rows.len() > 1
        {
            cards.push((last.title().into(), score(last.macro_f1), "macro F1".into()));
            cards.push((first.title().into(), score(first.macro_f1), "macro F1".into()));
            if let (Some(from), Some(to)) = (first.macro_f1, last.macro_f1) {
                let sign = if to < from { "\u{2212}" } else { "+" };
                let by = format!("{sign}{:.3}", (to - from).abs());
                cards.push(("Gain over the plainest method".into(), by, "macro F1".into()));
            }
            cards.push((last.title().into(), score(last.accuracy), "accuracy".into()));
        } else {
            for run in self.runs.iter().take(4) {
                if let Some(s) = run.score() {
                    cards.push((run.title(), score(s.macro_f1), "macro F1".into()));
                }
            }
            if let [run] = self.runs
                && let Some(s) = run.score()
            {
                cards.push((run.title(), score(s.accuracy), "accuracy".into()));
            }
        }
        let card = |(title, value, unit): &(String, String, String)| {
            format!("<li><span>{}</span><strong>{value}</strong><small>{unit}</small></li>", escape(title))
        };
        let cards: String = cards.iter().map(card).collect();
        if cards.is_empty() { cards } else { format!("<ul class=\"cards\">{cards}</ul>") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_colours_are_the_palettes() {
        use affekt_engine::media::palette::{ON_DARK, ON_LIGHT};
        let rule = |colours: [[u8; 3]; 8]| {
            let each = colours.iter().enumerate();
            each.map(|(n, [r, g, b])| format!("--c{n}: #{r:02x}{g:02x}{b:02x};"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(STYLE.matches(&rule(ON_LIGHT)).count(), 1);
        assert_eq!(STYLE.matches(&rule(ON_DARK)).count(), 2, "by the system's wish and by the switch");
    }
}
