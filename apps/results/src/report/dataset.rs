//! The page about a dataset: what `affekt data inspect` counts, and a sheet of samples.

use std::fmt::Write as _;
use std::path::Path;

use affekt_engine::data::{Counts, Inspection};
use affekt_engine::files::write_atomically;
use affekt_engine::media::Picture;
use anyhow::Context as _;

use super::html::{count, escape, table};
use super::page::Page;

/// Writes the page about what a SPEC names, whole or not at all; `sheet` shows some of its pictures.
///
/// # Errors
/// The file cannot be written.
pub fn write_dataset(
    spec: &str,
    found: &Inspection,
    sheet: Option<&Picture>,
    out: &Path,
) -> anyhow::Result<()> {
    let page = Page { name: spec.to_owned(), clip_section: section(found, sheet)?, ..Page::default() };
    write_atomically(out, page.render().as_bytes()).with_context(|| format!("cannot write {}", out.display()))
}

fn section(found: &Inspection, sheet: Option<&Picture>) -> anyhow::Result<String> {
    let mut out = String::from("<section id=\"dataset\"><h2>Dataset</h2><dl class=\"facts\">");
    let mut fact = |what: &str, value: Option<usize>| {
        if let Some(value) = value {
            let _ = write!(out, "<div><dt>{what}</dt><dd>{}</dd></div>", count(value as u64));
        }
    };
    fact("items", Some(found.items));
    fact("people or clips", found.identities);
    fact("without a label", Some(found.unlabelled));
    fact("votes tied", Some(found.ambiguous));
    fact("copies", Some(found.duplicates));
    fact("pictures decoded", Some(found.decoded));
    fact("unusable", Some(found.unusable));
    out.push_str("</dl>");
    if let Some(sheet) = sheet {
        let data = data_encoding::BASE64.encode(&sheet.to_png()?);
        let _ = write!(
            out,
            "<h3>Samples</h3><p>Evenly spread over the items.</p><div class=\"scroll\"><img style=\"min-width:720px;max-width:100%\" alt=\"Samples with their labels\" \
             src=\"data:image/png;base64,{data}\"></div>"
        );
    }
    let mut counts = |title: &str, head: &str, counts: &Counts| {
        if counts.0.is_empty() {
            return;
        }
        let rows: Vec<Vec<String>> =
            counts.0.iter().map(|(name, n)| vec![escape(name), count(*n as u64)]).collect();
        let _ = write!(out, "<h3>{title}</h3>{}", table(title, &[head.into(), "Items".into()], &rows));
    };
    counts("Classes", "Class", &found.classes);
    counts("Sizes in pixels", "Size", &found.sizes);
    if !found.problems.is_empty() {
        out.push_str("<h3>Problems</h3><ul>");
        for problem in &found.problems {
            let _ = write!(out, "<li>{}</li>", escape(problem));
        }
        out.push_str("</ul>");
    }
    out.push_str("</section>");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_problems_and_samples_are_shown_and_names_stay_text() {
        let found = Inspection {
            items: 1234,
            classes: Counts(vec![("<b>".into(), 7)]),
            sizes: Counts(vec![("48x48".into(), 1000)]),
            problems: vec!["a & b.png: empty".into()],
            ..Inspection::default()
        };
        let page = section(&found, Some(&Picture::filled(2, 2, 3, 9))).unwrap();
        for part in
            ["1\u{202f}234", "&lt;b&gt;", "48x48", "a &amp; b.png: empty", "data:image/png;base64,iVBOR"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<b>") && !page.contains("people or clips"), "{page}");
    }
}
