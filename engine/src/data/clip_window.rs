//! Stretches of clips as the temporal encoder reads them.

use super::{ClipSet, FeatureFile, Stretch};
use crate::random::Random;
use crate::signal::write_feature_row;

/// Appends a stretch to a batch: `frames x (features + 1)` inputs, whose last value says whether the frame has a face,
/// and one label a frame.
///
/// A frame behind the clip's end, or without a face, is all zeros and labelled -1. A share `hidden` of the other frames,
/// drawn from `rng`, is zeroed too, but keeps its label: what it shows is to be told from the frames around it.
pub fn append_stretch(
    set: &ClipSet,
    features: &FeatureFile,
    stretch: Stretch,
    frames: usize,
    (hidden, rng): (f32, &mut Random),
    (input, labels): (&mut Vec<f32>, &mut Vec<i64>),
) {
    for frame in stretch.first..stretch.first + frames {
        let hides = hidden > 0.0 && rng.uniform() < hidden;
        let row = features.row(frame);
        let start = input.len();
        input.resize(start + features.features() + 1, 0.0);
        write_feature_row(row.filter(|_| !hides), &mut input[start..]);
        labels.push(if row.is_some() { set.label(stretch.clip, frame) } else { -1 });
    }
}
