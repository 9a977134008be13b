//! The pipelines: each lists its stages and says what runs them. Everything a stage does stands in `stages`.

#[cfg(feature = "training")]
mod calibrate;
#[cfg(feature = "training")]
mod evaluate;
#[cfg(feature = "training")]
mod evaluate_clips;
#[cfg(feature = "training")]
mod extract;
pub(super) mod live;
#[cfg(feature = "training")]
mod prepare;
#[cfg(feature = "training")]
mod pretrain;
#[cfg(feature = "training")]
mod refine;

pub use live::{Live, LiveStage};

#[cfg(feature = "training")]
pub use {
    calibrate::{Calibrated, calibrate},
    evaluate::{Evaluate, EvaluateStage, Evaluation, Subject, evaluate, evaluate_model, evaluate_sources},
    evaluate_clips::{Audience, EvaluateClips, EvaluateClipsStage, ScoreSink, evaluate_clips},
    extract::{Extract, ExtractStage, Extraction, extract},
    prepare::{Prepare, PrepareStage, Preparer},
    pretrain::{Pretrain, PretrainStage, Pretraining, Start, train},
    refine::{ClipData, Refine, RefineStage, Refining},
};
