//! What is said where a file was asked for that is not there: as often as not its name has a slip.

use std::io;
use std::path::Path;

use super::quoted;

/// Most names of a folder that are looked at for the one that was meant.
const LOOKED_AT: usize = 10_000;

/// The name that a person most likely meant by `word`, when one is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| strsim::levenshtein(&word.to_lowercase(), &name.to_lowercase());
    let best = names.into_iter().min_by_key(|name| distance(name))?;
    let longest = word.chars().count().max(best.chars().count());
    (distance(best) <= (longest / 2).max(1)).then_some(best)
}

/// The same error; where the path itself is missing it says so, and which name was probably meant.
pub fn explained(path: &Path, error: io::Error) -> io::Error {
    match missing(path) {
        Some(text) if error.kind() == io::ErrorKind::NotFound => {
            io::Error::new(io::ErrorKind::NotFound, text)
        }
        _ => error,
    }
}

/// What to say of a path where there is nothing, with the name beside it that was probably meant; `None` where there is something.
fn missing(path: &Path) -> Option<String> {
    // A broken link is something: it is not the name that is wrong.
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let mut text = "there is no such file or folder".to_owned();
    let above = path.parent().unwrap_or(Path::new(""));
    let parent = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    if !parent.exists() {
        return Some(text + ", nor the folder that it would be in");
    }
    let word = path.file_name().unwrap_or_default().to_string_lossy();
    let entries = std::fs::read_dir(parent).into_iter().flatten().take(LOOKED_AT);
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    if let Some(name) = nearest(&word, names.iter().map(String::as_str)).filter(|name| alike(&word, name)) {
        let meant = quoted(&above.join(name).display().to_string());
        text = format!("{text}; did you mean {meant}?");
    }
    Some(text)
}

/// Of names that other people chose only those near enough count, or nonsense would be suggested.
fn alike(word: &str, name: &str) -> bool {
    strsim::normalized_levenshtein(&word.to_lowercase(), &name.to_lowercase()) >= 0.6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen_and_nothing_is_said_of_what_is_there() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("labelled")).expect("made");
        let said = |name: &str| missing(&dir.path().join(name));
        assert_eq!(said("labelled"), None);
        assert!(said("labeled").is_some_and(|text| text.ends_with("labelled`?")), "{:?}", said("labeled"));
        assert_eq!(said("faces").as_deref(), Some("there is no such file or folder"));
        assert!(said("no/faces").is_some_and(|text| text.contains("nor the folder")));
    }

    #[test]
    fn other_errors_stay_what_they_are() {
        let dir = tempfile::tempdir().expect("a folder");
        let said =
            |name: &str, kind: io::ErrorKind| explained(&dir.path().join(name), kind.into()).to_string();
        assert_eq!(said("none", io::ErrorKind::NotFound), "there is no such file or folder");
        let denied = io::Error::from(io::ErrorKind::PermissionDenied).to_string();
        assert_eq!(said("none", io::ErrorKind::PermissionDenied), denied);
        assert_eq!(said("", io::ErrorKind::NotFound), io::Error::from(io::ErrorKind::NotFound).to_string());
    }

    #[test]
    fn the_nearest_name_is_taken_only_where_it_is_near() {
        assert_eq!(nearest("stesp", ["steps", "batch"]), Some("steps"));
        assert_eq!(nearest("zzzzzz", ["steps", "batch"]), None);
    }
}
