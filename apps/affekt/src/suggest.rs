//! The name a person most likely meant.

use strsim::levenshtein;

/// The candidate nearest to `word`, when it is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &str| levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
    let best = candidates.into_iter().min_by_key(|c| near(c))?;
    let allowed = (word.chars().count().max(best.chars().count()) / 2).max(1);
    (near(best) <= allowed).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_corrected_and_a_stranger_is_not() {
        assert_eq!(nearest("stesp", ["seed", "steps", "batch"]), Some("steps"));
        assert_eq!(nearest("qqqqqqq", ["seed", "steps", "batch"]), None);
    }
}
