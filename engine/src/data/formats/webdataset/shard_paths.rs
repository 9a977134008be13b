//! Which archives a SPEC of shards names.

use std::path::{Path, PathBuf};

use crate::data::{DataError, Spec, quoted};

/// Most shards a pattern may name.
const MAX_SHARDS: usize = 100_000;
/// Longest pattern in bytes: no system opens a longer path.
const MAX_PATTERN: usize = 4096;
/// Most bytes that all paths of a pattern may have together.
const MAX_PATHS: usize = 64 << 20;

/// The shards that a SPEC's path means: one archive, all of a folder, or a pattern `{000..127}` or `{a,b}`.
pub(super) fn shard_paths(spec: &Spec) -> Result<Vec<PathBuf>, DataError> {
    let path = spec.path.as_path();
    if path.is_dir() {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(|e| DataError::io(path, e))? {
            let shard = entry.map_err(|e| DataError::io(path, e))?.path();
            if shard.extension().is_some_and(|extension| extension == "tar") && shard.is_file() {
                found.push(shard);
            }
        }
        found.sort_unstable();
        if found.is_empty() {
            return Err(DataError::format(path, "", "no .tar in it"));
        }
        return Ok(found);
    }
    let text = path.to_string_lossy();
    if path.exists() || !text.contains('{') {
        return Ok(vec![path.to_path_buf()]);
    }
    if text.len() > MAX_PATTERN {
        let reason = format!("a pattern of {} bytes; {MAX_PATTERN} are the most", text.len());
        return Err(spec.error(reason));
    }
    let expanded = expand(&text).map_err(|reason| spec.error(reason))?;
    Ok(expanded.iter().map(|path| Path::new(path).to_path_buf()).collect())
}

/// Every text that a pattern stands for: `{000..127}` counts with leading zeros, `{a,b}` takes turns.
fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('{') else { return Ok(vec![pattern.to_owned()]) };
    let wrong = || format!("`{{{}` is no pattern such as {{000..127}} or {{a,b}}", quoted(rest));
    let (inside, after) = rest.split_once('}').ok_or_else(wrong)?;
    let choices: Vec<String> = match inside.split_once("..") {
        Some((first, last)) => {
            let width = if first.starts_with('0') { first.len() } else { 1 };
            let (first, last): (usize, usize) = first
                .parse()
                .ok()
                .zip(last.parse().ok())
                .filter(|(first, last)| first <= last)
                .ok_or_else(wrong)?;
            if last - first >= MAX_SHARDS {
                return Err(format!("`{{{}}}` names more than {MAX_SHARDS} shards", quoted(inside)));
            }
            small_enough(last - first + 1, width)?;
            (first..=last).map(|number| format!("{number:0width$}")).collect()
        }
        None => inside.split(',').map(str::to_owned).collect(),
    };
    let ends = expand(after)?;
    if choices.len().saturating_mul(ends.len()) > MAX_SHARDS {
        return Err(format!("the pattern names more than {MAX_SHARDS} shards"));
    }
    let longest = |texts: &[String]| texts.iter().map(String::len).max().unwrap_or(0);
    small_enough(choices.len() * ends.len(), before.len() + longest(&choices) + longest(&ends))?;
    Ok(choices
        .iter()
        .flat_map(|choice| ends.iter().map(move |end| format!("{before}{choice}{end}")))
        .collect())
}

/// Refuses so many paths of so many bytes each that memory would be short.
fn small_enough(count: usize, length: usize) -> Result<(), String> {
    if count.saturating_mul(length) <= MAX_PATHS {
        return Ok(());
    }
    Err(format!(
        "the pattern's {count} paths are too long: they have more than {} MiB together",
        MAX_PATHS >> 20
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn patterns_count_with_leading_zeros_and_wrong_ones_are_refused() {
        assert_eq!(expand("a{08..10}b").unwrap(), ["a08b", "a09b", "a10b"]);
        assert_eq!(expand("{x,y}{1..2}").unwrap(), ["x1", "x2", "y1", "y2"]);
        let long = format!("{}{{0..99999}}", "a".repeat(4000));
        assert!(expand(&long).unwrap_err().contains("100000 paths are too long"));
        assert!(expand(&format!("{{{}0..99999}}", "0".repeat(4000))).unwrap_err().contains("too long"));
        let spec = Spec::new("webdataset", "{a}".repeat(3000));
        assert!(shard_paths(&spec).unwrap_err().to_string().contains("a pattern of 9000 bytes"));
        for pattern in ["a{1..", "a{3..1}", "a{x..y}", "{0..99999999999}", "{0..999}{0..999}"] {
            assert!(expand(pattern).is_err(), "{pattern}");
        }
    }
}
