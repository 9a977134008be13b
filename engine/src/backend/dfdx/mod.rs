//! The backend over the library dfdx: on the processor, to compare with, and with the feature `cuda` on an NVIDIA GPU.
//!
//! Everything is generic over dfdx's device. `thread` owns the device and what is on it; `walk` runs a graph over `rows` of
//! channels whose number is known at run time (`conv`, `gather`, `norm`, `attention`, `gelu`; `tables` holds their indices, `route` when a
//! value is let go); `parameters` says how parameters lie there, `optimiser` moves them. `learn` and `infer` are networks, `account` counts what they take of memory in a `ledger`,
//! `processor` and `cuda` the two devices, and `nvidia` says which GPUs there are. dfdx's layers are not used: their sizes are known when they are compiled.

mod account;
mod attention;
mod backend;
mod conv;
#[cfg(feature = "cuda")]
mod cuda;
mod gather;
mod gelu;
mod infer;
mod learn;
mod ledger;
mod norm;
#[cfg(any(test, feature = "cuda"))]
mod nvidia;
mod optimiser;
mod parameters;
mod processor;
mod route;
mod rows;
mod tables;
mod thread;
mod train;
mod walk;

#[cfg(feature = "cuda")]
pub(super) use cuda::ENTRY as CUDA;
pub(super) use processor::ENTRY as PROCESSOR;
pub use processor::on_processor;
