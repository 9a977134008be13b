//! What was probably meant by a dataset that is named without its format.

use std::path::Path;

/// Files of a folder that are looked at for a hint.
const LOOKED_AT: usize = 1000;

/// What was probably meant by a place without a format, where that can be seen.
pub(super) fn meant(text: &str) -> Option<String> {
    let rest = text.find(['#', '?']).unwrap_or(text.len());
    let (path, rest) = text.split_at(rest);
    let place = Path::new(path);
    let ends = |file: &Path, ending: &str| file.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    let what = if place.is_dir() {
        let mut files = std::fs::read_dir(place).ok()?.take(LOOKED_AT).flatten();
        if files.any(|file| ends(&file.path(), "rec")) {
            format!("write recordio:{path}{rest} for the .rec file in this folder")
        } else {
            format!("write folder:{path}{rest} for pictures in folders that are named after their classes")
        }
    } else if place.is_file() && ends(place, "csv") {
        format!("write list:{path}{rest} for a list with the columns path and label")
    } else {
        return None;
    };
    Some(format!("{what}; `affekt data formats` lists the others"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::data::Spec;

    #[test]
    fn a_place_without_a_format_is_told_the_likely_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let refusal = |text: String| text.parse::<Spec>().unwrap_err().to_string();
        assert!(
            refusal(format!("{place}#train")).contains(&format!("no format; write folder:{place}#train "))
        );
        std::fs::write(folder.path().join("all.csv"), "").unwrap();
        assert!(refusal(format!("{place}/all.csv")).contains(&format!("write list:{place}/all.csv ")));
        std::fs::write(folder.path().join("train.rec"), "").unwrap();
        assert!(refusal(place.clone()).contains(&format!("write recordio:{place} ")));
    }
}
