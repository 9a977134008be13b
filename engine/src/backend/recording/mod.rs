//! A network's work on a GPU as data, before any GPU is asked: `store` and `place` say where parameters and activations lie in
//! which `memory`, and `walk` records a plan's dispatches over the kernels of the crate `affekt-shaders` (`product` the
//! convolutions among them, `reduce` sums of blocks) by a `recorder`. The backend `wgpu` runs recordings; `work` gives them to
//! programs that drive a GPU by themselves.

#![cfg_attr(
    not(feature = "wgpu"),
    expect(dead_code, reason = "training is recorded for the backend `wgpu` only")
)]

pub(super) mod memory;
pub(super) mod place;
mod product;
pub(super) mod recorder;
mod reduce;
pub(super) mod store;
pub(super) mod walk;
mod work;

pub use work::{GpuBuffer, GpuDispatch, GpuNetwork, GpuShader, GpuSpan, GpuWork};
