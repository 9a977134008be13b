//! One training in several replicas: copies of a network that learn from their parts of every batch and add up their gradients,
//! in this process and in others ([`Team`]). Whoever trains sees one network on the whole batch.
//!
//! - Input: each replica is given its items of the global batch ([`Team::computes`]); everybody gets everybody's logits.
//! - Gradients are added up over the replicas in their order. Each process adds up a slice of them and gives it to the others, so
//!   that a pass sends about twice a network's size, however many processes there are.
//! - Batch normalisation takes its statistics over the global batch ([`BatchNorm::Sync`]), or each replica over its own part
//!   ([`BatchNorm::Local`]); running statistics are then the replicas' mean.
//!
//! What comes out depends on the number of replicas and not on that of processes, bit for bit. `meeting` is where replicas wait
//! for each other, `network` the network that they make together.

mod backend;
mod batch_norm;
mod meeting;
mod network;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

pub use backend::open_replicated;
pub use batch_norm::BatchNorm;
