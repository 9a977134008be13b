//! The last frames' features, as the temporal network's input for the newest frame.

/// Writes a frame as the temporal network reads it: its features, then 1; zeros alone where it has no face.
///
/// # Panics
/// `out` does not have one place more than there are features.
pub fn write_feature_row(features: Option<&[f32]>, out: &mut [f32]) {
    if let Some(features) = features {
        out[..features.len()].copy_from_slice(features);
        out[features.len()..].copy_from_slice(&[1.0]);
    } else {
        out.fill(0.0);
    }
}

/// The features of the last `length` frames (64 in the paper), with a last channel that says whether a frame has a face.
///
/// Before `length` frames have come, the oldest places of the window are missing frames.
#[derive(Debug, Clone)]
pub struct FeatureRing {
    length: usize,
    /// Values of a row: the features and presence.
    width: usize,
    /// `length` rows; `next` is the oldest, which the next frame replaces.
    rows: Vec<f32>,
    next: usize,
}

impl FeatureRing {
    /// A ring of `length` frames of so many features, all missing. `length` must be at least 1.
    pub fn new(length: usize, features: usize) -> Self {
        assert!(length > 0, "a ring of no frame");
        let width = features + 1;
        Self { length, width, rows: vec![0.0; length * width], next: 0 }
    }

    /// Values of a window: `length` x (features + 1).
    pub fn window_len(&self) -> usize {
        self.rows.len()
    }

    /// Takes the next frame's features, `None` where it has no face.
    ///
    /// # Panics
    /// The number of features is not the ring's.
    pub fn push(&mut self, features: Option<&[f32]>) {
        write_feature_row(features, &mut self.rows[self.next * self.width..][..self.width]);
        self.next = (self.next + 1) % self.length;
    }

    /// Writes the last `length` frames, the newest last, into `out`, which has [`FeatureRing::window_len`] values.
    ///
    /// # Panics
    /// `out` has another length.
    pub fn window(&self, out: &mut [f32]) {
        let (newer, older) = self.rows.split_at(self.next * self.width);
        out[..older.len()].copy_from_slice(older);
        out[older.len()..].copy_from_slice(newer);
    }

    /// Forgets every frame, for another video.
    pub fn clear(&mut self) {
        self.rows.fill(0.0);
        self.next = 0;
    }
}
