//! What lies in the folders that are given: videos, photos, and folders of a film's frames.

use std::path::{Path, PathBuf};

use affekt_engine::files::printable;
use affekt_engine::media::source::{FolderKind, inputs};

/// Most folders that are named as left out.
const NAMED: usize = 5;
/// Most characters of a list of them.
const SHOWN: usize = 300;

/// Inputs in the order they are given, those of a folder in the order of their names.
#[derive(Debug, Default)]
pub struct Expanded {
    /// Files, and folders that hold a film's frames.
    pub inputs: Vec<PathBuf>,
    /// What a person should know of how folders were taken.
    pub notes: Vec<String>,
    /// Folders of which nothing can be read, and why.
    pub problems: Vec<String>,
}

/// Replaces folders by what lies in them and below. Pictures of one folder are a film or photos as `kind` says; without it
/// that is guessed. Annotated copies of finished inputs are left out: they are results.
pub fn expand(given: &[PathBuf], kind: Option<FolderKind>) -> Expanded {
    let mut all = Expanded::default();
    for input in given {
        // What is no folder, or is not there, has its own words when it is opened.
        if !input.is_dir() {
            all.inputs.push(input.clone());
            continue;
        }
        let found = match inputs(input) {
            Ok(found) => found,
            Err(error) => {
                all.problems.push(error.to_string());
                continue;
            }
        };
        if !found.left_out.is_empty() {
            let names: Vec<String> =
                found.left_out.iter().take(NAMED).map(|folder| folder.display().to_string()).collect();
            let more = found.left_out.len() - names.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names = printable(&names.join(", "), SHOWN);
            all.notes.push(format!("left out: {names}{more} (hidden, a system's, or too deep)"));
        }
        let before = all.inputs.len();
        all.inputs.extend(found.videos.into_iter().filter(|video| !is_copy(video)));
        let pictures: Vec<PathBuf> = found.pictures.into_iter().filter(|picture| !is_copy(picture)).collect();
        for group in pictures.chunk_by(|a, b| a.parent() == b.parent()) {
            take(group, kind, &mut all);
        }
        if all.inputs.len() == before {
            all.problems.push(format!(
                "{}: the folder holds no video and no picture; give the folder of the recordings",
                input.display()
            ));
        }
    }
    all
}

/// The pictures of one folder.
fn take(pictures: &[PathBuf], asked: Option<FolderKind>, all: &mut Expanded) {
    let Some(folder) = pictures[0].parent() else { return };
    let kind = asked.unwrap_or_else(|| match FolderKind::guess(folder) {
        Ok(guess) => {
            if pictures.len() > 1 {
                let (what, other) = match guess.kind {
                    FolderKind::Film => ("one film", FolderKind::Photos),
                    FolderKind::Photos => ("photos", FolderKind::Film),
                };
                all.notes.push(format!(
                    "{}: {} pictures, read as {what}: {}; --as {} if they are not",
                    folder.display(),
                    pictures.len(),
                    guess.reason,
                    other.name()
                ));
            }
            guess.kind
        }
        // Pictures of kinds that are read one by one alone.
        Err(_) => FolderKind::Photos,
    });
    match kind {
        FolderKind::Film => all.inputs.push(folder.to_owned()),
        FolderKind::Photos => all.inputs.extend(pictures.iter().cloned()),
    }
}

/// Whether a file is `NAME.annotated.mp4` beside a summary `NAME.json`.
fn is_copy(file: &Path) -> bool {
    let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else { return false };
    stem.strip_suffix(".annotated").is_some_and(|name| file.with_file_name(format!("{name}.json")).is_file())
}
