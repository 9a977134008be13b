//! A graph on the CPU. `graph` is what a network that answers (`infer`) and one that learns (`train`, `backward`) have in
//! common; `folded` has running statistics in weights; both walk a plan's layers over one arena.

mod backward;
mod device;
mod folded;
mod graph;
mod infer;
mod state;
mod train;

pub(super) use graph::Machine;
pub(super) use infer::CpuInference;
pub(super) use train::CpuTraining;
