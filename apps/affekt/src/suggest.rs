//! The name a person most likely meant.

/// The candidate nearest to `word`, when it is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &str| distance(&word.to_lowercase(), &candidate.to_lowercase());
    let best = candidates.into_iter().min_by_key(|c| near(c))?;
    let allowed = (word.chars().count().max(best.chars().count()) / 2).max(1);
    (near(best) <= allowed).then_some(best)
}

/// Levenshtein's distance: insertions, deletions and replacements that turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("steps", "steps", 0)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_slip_is_corrected_and_a_stranger_is_not() {
        assert_eq!(nearest("stesp", ["seed", "steps", "batch"]), Some("steps"));
        assert_eq!(nearest("qqqqqqq", ["seed", "steps", "batch"]), None);
    }
}
