//! The wgpu backend: the same graph, plan and weights on any adapter with Vulkan, Metal or Direct3D 12.
//!
//! `adapters` lists what there is, `gpu` opens one (`kernel_cache` keeps its kernels), `store` and `place` say where parameters and activations lie, `walk`
//! records a plan's dispatches over the kernels of the crate `affekt-shaders` (`product` the convolutions among them) into
//! a `program`, `view_store` makes networks' input from pictures, and `network` runs programs behind the trait. A program is recorded once for a number of items; then a pass
//! is one submission and one read-back, and nothing is allocated.
//!
//! Sums have a fixed order, so one adapter gives the same bits again and again; two kinds of adapters agree to rounding.

mod adapters;
mod backend;
mod card;
mod gpu;
mod kernel_cache;
mod memory;
mod network;
mod optimiser;
mod options;
mod place;
mod product;
mod profile;
mod program;
mod reduce;
mod store;
mod view_store;
mod walk;

pub use adapters::{Adapter, adapters};
pub(super) use backend::ENTRY;
pub use backend::WgpuBackend;
pub use card::Card;
pub use options::{Limits, WgpuOptions};
