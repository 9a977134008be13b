//! The wgpu backend: the same graph, plan and weights on any adapter with Vulkan, Metal or Direct3D 12.
//!
//! `adapters` lists what there is, `gpu` opens one (`kernel_cache` keeps its kernels), `program` binds what [`super::recording`]
//! has recorded, `view_store` makes networks' input from pictures, and `network` runs programs behind the trait. A program is
//! made once for a number of items; then a pass is one submission and one read-back, and nothing is allocated.
//!
//! Sums have a fixed order, so one adapter gives the same bits again and again; two kinds of adapters agree to rounding.

mod adapters;
mod backend;
mod card;
mod gpu;
mod kernel_cache;
mod network;
mod optimiser;
mod options;
mod profile;
mod program;
mod view_store;

pub use adapters::{Adapter, adapters};
pub(super) use backend::ENTRY;
pub use backend::WgpuBackend;
pub use card::Card;
pub use options::{Limits, WgpuOptions};
