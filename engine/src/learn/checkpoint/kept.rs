//! Which checkpoints stay: the last ones, one every so many steps, and that of the best evaluation.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{LARGEST_SETTINGS, read_limited, shortened};

/// Checkpoints that are kept in any case: the last, and the one before it in case the disk damaged the last.
const LAST: usize = 2;
/// The file that says which checkpoint is the best one.
pub(super) const BEST: &str = "best.json";

/// What the best evaluation so far gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Best {
    /// Steps that were made by then.
    pub step: u64,
    /// Its score; higher is better.
    pub score: f64,
}

impl Best {
    /// What the folder's file says. It only names a checkpoint, so one that cannot be read costs no more than that checkpoint.
    pub fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(BEST);
        if !path.is_file() {
            return None;
        }
        let read = read_limited(&path, LARGEST_SETTINGS, "the best score").map_err(|e| e.to_string());
        let read = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(shortened));
        match read {
            Ok(best) => Some(best),
            Err(reason) => {
                log::warn!(
                    "{}: not read, so the next evaluation counts as the best: {reason}",
                    path.display()
                );
                None
            }
        }
    }
}

/// Of the steps that have a checkpoint, newest first, those that go once there is one at step `now`: those beyond it, which are from
/// before a resume and would win the next one, and those that there is no reason to keep.
pub(super) fn to_remove(steps: &[u64], now: u64, every: u64, best: Option<Best>) -> Vec<u64> {
    let (beyond, own): (Vec<u64>, Vec<u64>) = steps.iter().partition(|&&step| step > now);
    let is_kept =
        |step: u64| (every > 0 && step.is_multiple_of(every)) || best.is_some_and(|best| best.step == step);
    beyond.into_iter().chain(own.into_iter().skip(LAST).filter(|&step| !is_kept(step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_every_so_many_and_the_best_stay() {
        let best = |step| Some(Best { step, score: 0.5 });
        assert_eq!(to_remove(&[40, 30, 20, 10], 40, 0, None), [20, 10]);
        assert_eq!(to_remove(&[40, 30, 20, 10], 40, 20, None), [10]);
        assert_eq!(to_remove(&[40, 30, 20, 10], 40, 0, best(10)), [20]);
        assert_eq!(to_remove(&[60, 40, 30, 20, 10], 40, 20, best(60)), [60, 10], "nothing beyond a resume");
    }
}
