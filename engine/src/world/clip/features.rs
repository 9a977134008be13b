//! Clips with the features of all their faces.

use std::sync::Arc;

use crate::data::{ClipSet, FeatureFile};
use crate::learn::Head;

/// Clips with the features of all their faces, which a frozen student gave once.
pub struct ClipFeatures {
    /// The clips.
    pub set: Arc<ClipSet>,
    /// One a clip.
    pub files: Vec<FeatureFile>,
    /// The student's classifier.
    pub head: Head,
    /// The student's softmax temperature.
    pub temperature: f32,
}
