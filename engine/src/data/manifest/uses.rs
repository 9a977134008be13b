//! What may become of an item.

use serde::Serialize;

use crate::data::Why;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// It is learned from with its label.
    Labelled,
    /// It is learned from without a label.
    Unlabelled,
    /// It is measured on.
    Valid,
    /// A validation set holds it, but does not score it; it is kept out of training.
    ValidWithoutLabel,
    /// Its class is mapped to nothing, or its votes are tied.
    NoClass,
    /// It cannot be read.
    Unreadable,
    /// Labels enough are there, and what is left over is not used.
    LeftOver,
    /// A copy of another item.
    Copy,
    /// A copy of another item, which has another label.
    CopyWithOtherLabel,
    /// A validation set holds it too.
    InEvaluation,
    /// It looks like another item.
    NearCopy,
    /// It looks like an item of a validation set.
    NearEvaluation,
    /// A fraction did not draw it.
    NotDrawn,
}

impl Use {
    pub(super) const ALL: [Self; 13] = [
        Self::Labelled,
        Self::Unlabelled,
        Self::Valid,
        Self::ValidWithoutLabel,
        Self::NoClass,
        Self::Unreadable,
        Self::LeftOver,
        Self::Copy,
        Self::CopyWithOtherLabel,
        Self::InEvaluation,
        Self::NearCopy,
        Self::NearEvaluation,
        Self::NotDrawn,
    ];

    /// As it stands in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Labelled => "labelled",
            Self::Unlabelled => "unlabelled",
            Self::Valid => "valid",
            Self::ValidWithoutLabel => "valid_without_label",
            Self::NoClass => "no_class",
            Self::Unreadable => "unreadable",
            Self::LeftOver => "left_over",
            Self::Copy => "copy",
            Self::CopyWithOtherLabel => "copy_with_other_label",
            Self::InEvaluation => "in_evaluation",
            Self::NearCopy => "near_copy",
            Self::NearEvaluation => "near_evaluation",
            Self::NotDrawn => "not_drawn",
        }
    }
}

impl From<Why> for Use {
    fn from(why: Why) -> Self {
        match why {
            Why::Copy => Self::Copy,
            Why::CopyWithOtherLabel => Self::CopyWithOtherLabel,
            Why::InEvaluation => Self::InEvaluation,
            Why::NearCopy => Self::NearCopy,
            Why::NearEvaluation => Self::NearEvaluation,
        }
    }
}
