//! How training pools are made of open datasets.

use super::{Hashing, LabelsPerClass};

/// What is drawn and what is taken out.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    /// Everything that is drawn follows from it and the data.
    pub seed: u64,
    /// Labels kept of each class of the labelled sources that set no limit of their own; all where it is not set.
    pub labels_per_class: Option<LabelsPerClass>,
    /// How content is hashed.
    pub hashing: Hashing,
    /// Pictures whose look differs in so many bits of 256 at the most count as copies; only those of equal content where it
    /// is not set.
    pub near_duplicates: Option<u32>,
}
