//! The CPU backend: always built, and the reference that other backends are held to.
//!
//! `conv` turns convolutions and linear layers into the gathered products of `matmul`; `weight_grad`, `norm`, `pool`,
//! `layer_norm`, `attention`, `epilogue` and `columns` are the other kernels; `fixed` is how inference does the products
//! in integers; `store` keeps parameters packed as the kernels read them; `network` walks the plan. Results are
//! bit-identical for any number of threads.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instruction set"
)]

mod adamw;
mod arena;
mod attention;
mod backend;
mod buffer;
mod call;
mod columns;
mod conv;
mod epilogue;
mod fixed;
#[cfg(test)]
mod fixed_tests;
#[cfg(test)]
mod guard_tests;
mod layer;
mod layer_norm;
mod maths;
mod matmul;
mod network;
mod norm;
mod pool;
mod small;
mod store;
mod threads;
mod weight_grad;
mod winograd;

pub use crate::simd::Isa;
pub use backend::CpuBackend;
pub(super) use backend::ENTRY;
pub use fixed::Arithmetic;
