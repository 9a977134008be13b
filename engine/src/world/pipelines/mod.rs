//! The pipelines: each lists its stages and says what runs them. Everything a stage does stands in `stages`.

mod evaluate;
mod evaluate_clips;
mod extract;
pub(super) mod live;
mod prepare;
mod pretrain;
mod refine;

pub use evaluate::{Evaluate, EvaluateStage, Evaluation, Subject, evaluate, evaluate_model};
pub use evaluate_clips::{EvaluateClips, EvaluateClipsStage, ScoreSink, evaluate_clips};
pub use extract::{Extract, ExtractStage, Extraction, extract};
pub use live::{Live, LiveStage};
pub use prepare::{Prepare, PrepareStage, Preparer};
pub use pretrain::{Pretrain, PretrainStage, Pretraining, Start, train};
pub use refine::{ClipData, Refine, RefineStage, Refining};
