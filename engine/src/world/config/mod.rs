//! A run's settings: what they are, what presets set, and how layers of them are put together.

mod common;
mod layers;
mod presets;
mod pretrain;
mod refine;

pub use common::{ComputeConfig, Precision};
pub use layers::{LayerError, Layers};
pub use presets::{Preset, Presets};
pub use pretrain::{DataConfig, EvaluationConfig, InputConfig, ModelConfig, RunConfig, Sampling};
pub use refine::{ClipDataConfig, EncoderConfig, RefineConfig};
