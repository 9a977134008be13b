//! Frames without an answer hold the nearest one, as the lists of the ABAW challenge have it.

/// Fills the gaps of a sequence of labels: each frame without one takes that of the nearest frame that has one, the earlier
/// where two are equally near.
///
/// It takes a frame at a time and keeps two numbers. What it gives are runs of (label, frames), in the order of the frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NearestHold {
    /// The last label, and the frames since then that have none.
    held: Option<usize>,
    gap: usize,
}

impl NearestHold {
    /// Takes the next frame; gives the runs that it settles, either of which may be of no frame. The last frame of the second
    /// one is this one. A frame without a label settles nothing.
    pub fn push(&mut self, label: Option<usize>) -> [(usize, usize); 2] {
        let Some(label) = label else {
            self.gap += 1;
            return [(0, 0); 2];
        };
        // Half of a gap holds what was before it, half what comes after it.
        let earlier = if self.held.is_some() { self.gap.div_ceil(2) } else { 0 };
        let later = self.gap - earlier;
        let settled = [(self.held.unwrap_or(label), earlier), (label, later + 1)];
        (self.held, self.gap) = (Some(label), 0);
        settled
    }

    /// Ends the sequence, and begins another one: the label of the frames that still wait, where any frame had one, and how
    /// many they are.
    pub fn finish(&mut self) -> (Option<usize>, usize) {
        let rest = (self.held, self.gap);
        *self = Self::default();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(labels: &[Option<usize>]) -> Vec<Option<usize>> {
        let mut hold = NearestHold::default();
        let mut out = vec![];
        for &label in labels {
            for (label, frames) in hold.push(label) {
                out.extend(std::iter::repeat_n(Some(label), frames));
            }
        }
        let (label, frames) = hold.finish();
        out.extend(std::iter::repeat_n(label, frames));
        assert_eq!(hold, NearestHold::default(), "another sequence knows nothing of this one");
        out
    }

    #[test]
    fn gaps_hold_the_nearest_label_and_the_middle_goes_to_the_earlier() {
        let (n, a, b) = (None, Some(1), Some(2));
        assert_eq!(filled(&[n, n, a, n, n, n, b, n, b, n]), [a, a, a, a, a, b, b, b, b, b]);
        assert_eq!(filled(&[a, n, n, b]), [a, a, b, b]);
        assert_eq!(filled(&[n, n]), [n, n], "nothing to hold");
        assert_eq!(filled(&[]), []);
    }
}
