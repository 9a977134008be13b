//! The surest mistakes of an evaluation: the sheet of `affekt eval --errors`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::html::{count, escape, table};
use super::results;
use affekt_engine::files::read_limited;

/// What is known of the mistakes.
pub const ERRORS_FILE: &str = "errors.json";
/// Their pictures.
pub const ERRORS_PICTURE: &str = "errors.png";
/// Largest picture that a page takes in, in bytes.
const LARGEST: u64 = 32 << 20;

/// `errors.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Errors {
    items: u64,
    mistakes: u64,
    shown: Vec<Mistake>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Mistake {
    item: String,
    truth: String,
    answer: String,
    probability: f64,
    probability_of_truth: f64,
}

/// The section on mistakes, where the folder has any; empty else.
///
/// # Errors
/// A file is there and cannot be read.
pub fn section(folder: &Path) -> anyhow::Result<String> {
    let Some(errors) = results::read::<Errors>(&folder.join(ERRORS_FILE))? else { return Ok(String::new()) };
    let mut out = String::from("<section id=\"errors\"><h2>Surest mistakes</h2>");
    let _ = write!(
        out,
        "<p class=\"lead\">{} of {} pictures are answered wrong. These are the {} of which the model is surest, the surest first.\
         </p>",
        count(errors.mistakes),
        count(errors.items),
        errors.shown.len()
    );
    let picture = folder.join(ERRORS_PICTURE);
    if !errors.shown.is_empty() && picture.exists() {
        let bytes = read_limited(&picture, LARGEST, "a sheet of mistakes");
        let bytes = bytes.with_context(|| picture.display().to_string())?;
        let data = data_encoding::BASE64.encode(&bytes);
        let _ = write!(
            out,
            "<div class=\"scroll\"><img style=\"min-width:720px;max-width:100%\" alt=\"The mistakes as pictures; the table below names them in the same order\" \
             src=\"data:image/png;base64,{data}\"></div>"
        );
    }
    let heads = ["Item", "Answer", "Its probability", "Truth", "Its probability"].map(String::from);
    let percent = |p: f64| format!("{:.1} %", 100.0 * p);
    let cells = |m: &Mistake| {
        let words = [escape(&m.item), escape(&m.answer), percent(m.probability)];
        [&words[..], &[escape(&m.truth), percent(m.probability_of_truth)]].concat()
    };
    let rows: Vec<Vec<String>> = errors.shown.iter().map(cells).collect();
    if !rows.is_empty() {
        let _ = write!(
            out,
            "<details><summary>Which they are</summary>{}</details>",
            table("Mistakes, the surest first", &heads, &rows)
        );
    }
    out.push_str("</section>");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_shown_with_their_sheet_and_names_stay_text() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(section(folder.path()).unwrap(), "");
        let json = serde_json::json!({ "items": 1234, "mistakes": 3, "shown": [
            { "item": "<b>.png", "truth": "sad", "answer": "happy", "probability": 0.987, "probability_of_truth": 0.01 }
        ] });
        std::fs::write(folder.path().join(ERRORS_FILE), json.to_string()).unwrap();
        std::fs::write(folder.path().join(ERRORS_PICTURE), [1, 2, 3]).unwrap();
        let page = section(folder.path()).unwrap();
        assert!(page.contains("data:image/png;base64,AQID") && page.contains("98.7 %"), "{page}");
        assert!(page.contains("&lt;b&gt;.png") && !page.contains("<b>"), "{page}");
        assert!(page.contains("1\u{202f}234"), "{page}");
        std::fs::write(folder.path().join(ERRORS_FILE), "{").unwrap();
        assert!(section(folder.path()).unwrap_err().to_string().contains("errors.json"));
    }
}
