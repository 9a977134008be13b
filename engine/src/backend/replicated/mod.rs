//! One training in several replicas: copies of a network that learn from their parts of every batch and add up their gradients,
//! in this process and in others ([`Team`]). Whoever trains sees one network on the whole batch.
//!
//! - Input: each replica is given its items of the global batch ([`Team::computes`]); everybody gets everybody's logits.
//! - Gradients are added up over the replicas in their order, and moments and averages kept, by each replica for its part of the
//!   parameters; the others are given what it moved. A gradient and an update send about a network's size each, however many
//!   processes there are. What a device does not keep at hand is added up on the host, and moved by every replica.
//! - Batch normalisation takes its statistics over the global batch ([`BatchNorm::Sync`]), or each replica over its own part
//!   ([`BatchNorm::Local`]); running statistics are then the replicas' mean.
//!
//! What comes out depends on the number of replicas and not on that of processes, bit for bit. `meeting` is where replicas wait
//! for each other, `parts` how they share out values, `sum` how values are added up, `network` the network that they make together.

mod backend;
mod batch_norm;
mod meeting;
mod network;
mod parts;
mod sum;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

pub use backend::open_replicated;
pub use batch_norm::BatchNorm;
