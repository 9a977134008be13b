//! Scores that stand up: tables of predictions, and what can be said of them with its uncertainty.
//!
//! [`Predictions`] is the table, as a file and in memory. [`Units`] says what is drawn again in a bootstrap: items, or whole
//! people and videos. [`intervals`] gives scores their intervals, [`by_group`] scores by age, site or any other column
//! ([`Columns`]), [`compare`] two models on the same items, [`over_folds`] the mean over folds. Everything computes on
//! counts and is a pure function of its table and a seed; nothing here knows networks, pictures or terminals.

mod bootstrap;
mod columns;
mod error;
mod folds;
mod groups;
mod interval;
mod measure;
mod paired;
mod predictions;
mod units;

pub use bootstrap::{Intervals, Resampling, intervals};
pub use columns::Columns;
pub use error::ScoreError;
pub use folds::{FoldScores, Spread, over_folds};
pub use groups::{GroupScore, Grouped, by_group};
pub use interval::{Interval, IntervalKind, bca_interval, percentile_interval};
pub use measure::{Figures, Measure};
pub use paired::{McNemar, PairedComparison, PairedDifference, compare, mcnemar};
pub use predictions::{Predicted, Predictions, PredictionsFile};
pub use units::Units;
