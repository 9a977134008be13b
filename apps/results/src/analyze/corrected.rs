//! The corrections by hand of a finished input, as `affekt people` and the window make them: one file, one way to apply it.

use std::path::{Path, PathBuf};

use affekt_engine::files::FolderLock;
use affekt_engine::output::{Corrections, EDITS_VERSION, Edit, Edits, EditsError, Summary};
use anyhow::bail;

use super::input::made_for;
use super::outputs::Outputs;
use super::results::{Results, path_of, result_of};
use super::writing::{faces, refresh};
use crate::report::{check_page, write_people};

/// A finished input with its corrections.
#[derive(Debug, Clone)]
pub struct Corrected {
    out: PathBuf,
    name: String,
    summary: Summary,
    edits: Edits,
}

impl Corrected {
    /// Finds results by `DIR/NAME` or by one of their files, and reads their corrections.
    ///
    /// # Errors
    /// There are no finished results, or the corrections are broken or were made for other results of this input.
    pub fn open(result: &Path) -> anyhow::Result<Self> {
        let (out, name, summary) = result_of(result)?;
        let path = path_of(&out, &name, "edits.json");
        let wanted = made_for(&summary.state, &summary.settings);
        let new = || Edits { version: EDITS_VERSION, made_for: wanted.clone(), edits: vec![] };
        let edits = Edits::read(&path)?.unwrap_or_else(new);
        if edits.made_for != wanted {
            bail!("{}: made for other results of this input; move it away", path.display());
        }
        Ok(Self { out, name, summary, edits })
    }

    /// What the input came to, with the corrections that are saved.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The corrections that are saved, in the order in which they were made.
    pub fn edits(&self) -> &[Edit] {
        &self.edits.edits
    }

    /// One of its files.
    pub fn file(&self, ending: &str) -> PathBuf {
        path_of(&self.out, &self.name, ending)
    }

    /// `DIR/NAME`, by which `affekt people` takes it.
    pub fn result(&self) -> PathBuf {
        self.out.join(&self.name)
    }

    /// These corrections as they are applied to rows.
    ///
    /// # Errors
    /// One does not fit the results; the message says which one and why.
    pub fn corrections(&self, edits: &[Edit]) -> Result<Corrections, EditsError> {
        Corrections::new(edits, &faces(&self.summary), &self.summary.classes, self.summary.speakers.clone())
    }

    /// Makes these the corrections: keeps them beside the results, and makes every table and the page again. Nothing is changed
    /// where one does not fit.
    ///
    /// # Errors
    /// A correction does not fit, the folder is in use, or a file cannot be read or written.
    pub fn save(&mut self, edits: Vec<Edit>) -> anyhow::Result<()> {
        let _lock = FolderLock::take(&self.out)?;
        let page = self.out.join("index.html");
        check_page(&page)?;
        let edits = Edits { edits, ..self.edits.clone() };
        let outputs = Outputs::default().with_those_of(&self.summary);
        let keep = self.file("edits.json");
        self.summary = refresh(&self.out, &self.name, &self.summary, &edits, outputs, Some(&keep))?;
        self.edits = edits;
        write_people(&Results::read(&self.out)?.finished(&self.out), &page)
    }
}

/// A correction as `affekt people` is asked for it: `merge 2 5`.
pub fn in_words(edit: &Edit) -> String {
    match edit {
        Edit::Merge { people } => {
            let numbers: Vec<String> = people.iter().map(u32::to_string).collect();
            format!("merge {}", numbers.join(" "))
        }
        Edit::Rename { person, name } => format!("rename {person} \"{name}\""),
        Edit::Exclude { from, to, person: None } => format!("exclude {}", range(*from, *to)),
        Edit::Exclude { from, to, person: Some(person) } => {
            format!("exclude {} --person {person}", range(*from, *to))
        }
        Edit::Label { person, from, to, label } => format!("label {person} {} {label}", range(*from, *to)),
    }
}

/// A stretch of time as `affekt people` takes it: `01:03.500-62:00`.
fn range(from: f64, to: f64) -> String {
    let time = |s: f64| {
        let (minutes, seconds) = ((s / 60.0).floor(), s % 60.0);
        if seconds.fract() == 0.0 {
            format!("{minutes:02}:{seconds:02}")
        } else {
            format!("{minutes:02}:{seconds:06.3}")
        }
    };
    format!("{}-{}", time(from), time(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_is_said_as_it_is_asked_for() {
        let label = Edit::Label { person: 1, from: 63.5, to: 3720.0, label: "fear".into() };
        assert_eq!(in_words(&label), "label 1 01:03.500-62:00 fear");
        assert_eq!(in_words(&Edit::Merge { people: vec![2, 5] }), "merge 2 5");
        let exclude = Edit::Exclude { from: 3.0, to: 8.0, person: Some(2) };
        assert_eq!(in_words(&exclude), "exclude 00:03-00:08 --person 2");
    }
}
