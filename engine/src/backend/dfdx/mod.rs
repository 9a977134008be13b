//! The backend over the library dfdx: on the processor, to compare with, and with the feature `cuda` on an NVIDIA GPU.
//!
//! Everything is generic over dfdx's device. `thread` owns the device and what is on it; `walk` runs a graph over `rows` of
//! channels whose number is known at run time (`conv`, `norm`, `attention`; `tables` holds their indices, `route` when a
//! value is let go); `parameters` says how parameters lie there, `optimiser` moves them. `learn` and `infer` are networks,
//! `processor` and `cuda` the two devices. dfdx's layers are not used: their sizes are known when they are compiled.

mod attention;
mod backend;
mod conv;
mod infer;
mod learn;
mod norm;
mod optimiser;
mod parameters;
mod processor;
mod route;
mod rows;
mod tables;
mod thread;
mod train;
mod walk;

pub(super) use processor::ENTRY as PROCESSOR;
pub use processor::on_processor;
