//! A dataset together with what a run wants of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Ambiguous, DataError, Dataset, Formats, Fraction, LabelsPerClass, SkipLog, Spec};

/// An open dataset and how its labels are used.
#[derive(Clone)]
pub struct Source {
    /// The dataset.
    pub dataset: Arc<dyn Dataset>,
    /// Keep so many labels a class from it.
    pub labels_per_class: Option<LabelsPerClass>,
    /// Use so large a part of it, drawn uniformly; all where it is not set.
    pub fraction: Option<Fraction>,
    /// Ignore its labels.
    pub unlabelled: bool,
    /// Where items without a clear label go.
    pub ambiguous: Ambiguous,
    /// The dataset's class -> the run's class, `unlabelled` or `drop`.
    pub map: BTreeMap<String, String>,
}

impl Source {
    /// A dataset with its labels, mapped by name.
    pub fn new(dataset: Arc<dyn Dataset>) -> Self {
        Self {
            dataset,
            labels_per_class: None,
            fraction: None,
            unlabelled: false,
            ambiguous: Ambiguous::Drop,
            map: BTreeMap::new(),
        }
    }

    /// Opens a SPEC and takes its options over.
    ///
    /// # Errors
    /// As [`Formats::open`].
    pub fn open(spec: &Spec, formats: &Formats, skips: &SkipLog) -> Result<Self, DataError> {
        Ok(Self {
            dataset: formats.open(spec, skips)?,
            labels_per_class: spec.labels_per_class,
            fraction: spec.fraction,
            unlabelled: spec.unlabelled,
            ambiguous: spec.ambiguous,
            map: spec.map.clone(),
        })
    }
}
