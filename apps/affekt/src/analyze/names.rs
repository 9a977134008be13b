//! Names of outputs: the input's stem, with as much of its own name as tells it from the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A name for each input, all different: its stem where no other input has the same one, else its whole file name, else
/// that with a number.
pub fn stems(inputs: &[PathBuf]) -> Vec<String> {
    let count = |names: &[String]| {
        let mut counts = BTreeMap::new();
        for name in names {
            // Some file systems do not tell `A` from `a`.
            *counts.entry(name.to_lowercase()).or_insert(0) += 1;
        }
        counts
    };
    let short: Vec<String> = inputs.iter().map(|i| part(i, Path::file_stem)).collect();
    let long: Vec<String> = inputs.iter().map(|i| part(i, Path::file_name)).collect();
    let (shorts, longs) = (count(&short), count(&long));
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    short
        .into_iter()
        .zip(long)
        .map(|(short, long)| {
            if shorts[&short.to_lowercase()] == 1 {
                return short;
            }
            if longs[&long.to_lowercase()] == 1 {
                return long;
            }
            let number = numbers.entry(long.to_lowercase()).or_insert(0);
            *number += 1;
            format!("{long}-{number}")
        })
        .collect()
}

fn part(input: &Path, of: fn(&Path) -> Option<&std::ffi::OsStr>) -> String {
    let whole = if input.file_name().is_some() {
        input.to_path_buf()
    } else {
        input.canonicalize().unwrap_or_default()
    };
    // Of a folder nothing is cut off, because its name has no extension.
    let name = if whole.is_dir() { whole.file_name() } else { of(&whole) };
    name.map_or_else(|| "input".into(), |n| n.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_collide() {
        let inputs =
            ["a/x.mp4", "a/y.jpg", "a/y.mp4", "b/z.mp4", "c/z.mp4", "c/Q.png", "d/q.jpg"].map(PathBuf::from);
        assert_eq!(stems(&inputs), ["x", "y.jpg", "y.mp4", "z.mp4-1", "z.mp4-2", "Q.png", "q.jpg"]);
    }
}
