//! A graph on a GPU. `graph` records a plan's passes and runs them, for networks that answer (`infer`) and that learn
//! (`train`); `parameters` moves states between host and device.

mod graph;
mod infer;
mod parameters;
mod train;

pub use infer::WgpuInference;
pub use train::WgpuTraining;
