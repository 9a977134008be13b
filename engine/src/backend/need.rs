//! What networks need of memory, known before any of it is taken: from the plan that places their buffers.

use super::{BackendError, BackendInfo};
use crate::files::amount;
use crate::net::{Graph, Plan, PlanError, PlanPurpose};

/// Bytes of a value.
const VALUE: u64 = 4;
/// Parts that an error lists.
const LISTED: usize = 3;

/// How a network that learns is moved, as far as it costs memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learning {
    /// Copies of it that learn in this process, usually 1.
    pub replicas: u64,
    /// Items of a pass of one of them.
    pub items: usize,
    /// Moments that the update rule keeps of every parameter: 1 of SGD, 2 of `AdamW`.
    pub moments: u64,
    /// Slots of gradients that are in use, 1 or 2.
    pub slots: u64,
    /// Whether an average is tracked.
    pub averaged: bool,
}

/// Memory that something needs, part by part. What kernels work in beside it (some percent) is not counted, so that nothing
/// is refused that would fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryNeed {
    parts: Vec<(String, u64)>,
}

impl MemoryNeed {
    /// Adds a network that learns: its parameters with all that is kept of each, and the activations of a pass.
    ///
    /// # Errors
    /// The graph cannot be planned.
    pub fn learning(mut self, name: &str, graph: &Graph, how: Learning) -> Result<Self, PlanError> {
        let copies = how.replicas.saturating_mul(1 + how.moments + how.slots + u64::from(how.averaged));
        self.add(format!("{name}'s parameters"), bytes(parameters(graph)).saturating_mul(copies));
        let activations = activations(graph, PlanPurpose::Training, how.items)?;
        self.add(format!("{name}'s activations"), activations.saturating_mul(how.replicas));
        Ok(self)
    }

    /// Adds a network that answers.
    ///
    /// # Errors
    /// The graph cannot be planned.
    pub fn answering(mut self, name: &str, graph: &Graph, items: usize) -> Result<Self, PlanError> {
        self.add(format!("{name}'s parameters"), bytes(parameters(graph)));
        self.add(format!("{name}'s activations"), activations(graph, PlanPurpose::Inference, items)?);
        Ok(self)
    }

    /// Adds so many copies of a graph's parameters, as a checkpoint has.
    #[must_use]
    pub fn copies(mut self, name: &str, graph: &Graph, copies: u64) -> Self {
        self.add(name.to_owned(), bytes(parameters(graph)).saturating_mul(copies));
        self
    }

    /// Adds inputs of a graph.
    #[must_use]
    pub fn inputs(mut self, name: &str, graph: &Graph, items: usize) -> Self {
        self.add(name.to_owned(), bytes(graph.input().len() as u64).saturating_mul(items as u64));
        self
    }

    fn add(&mut self, part: String, bytes: u64) {
        self.parts.push((part, bytes));
    }

    /// All parts together, in bytes.
    pub fn total(&self) -> u64 {
        self.parts.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// Refuses what `backend` has no room for; `advice` says what to make smaller. A device that does not say how much it has
    /// refuses nothing here.
    ///
    /// # Errors
    /// [`BackendError::Memory`] with the figures.
    pub fn check(&self, backend: &(impl BackendInfo + ?Sized), advice: &str) -> Result<(), BackendError> {
        let (needed, Some(there)) = (self.total(), backend.memory()) else { return Ok(()) };
        if needed <= there {
            return Ok(());
        }
        Err(BackendError::Memory {
            needed: amount(needed),
            there: amount(there),
            parts: self.largest(),
            advice: advice.to_owned(),
        })
    }

    /// The largest parts in words.
    fn largest(&self) -> String {
        let mut parts: Vec<&(String, u64)> = self.parts.iter().collect();
        parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let words = parts.iter().take(LISTED).map(|(part, bytes)| format!("{part} {}", amount(*bytes)));
        words.collect::<Vec<_>>().join(", ")
    }
}

fn bytes(values: u64) -> u64 {
    values.saturating_mul(VALUE)
}

fn parameters(graph: &Graph) -> u64 {
    graph.params.iter().fold(0, |sum, param| {
        let len = param.shape.iter().fold(1u64, |len, &side| len.saturating_mul(side as u64));
        sum.saturating_add(len)
    })
}

fn activations(graph: &Graph, purpose: PlanPurpose, items: usize) -> Result<u64, PlanError> {
    let plan = Plan::new(graph, purpose)?;
    Ok(bytes(plan.arena_len as u64).saturating_mul(items as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::net::{Depth, ResNetSpec, Stem};

    fn graph(width: f32, size: usize) -> Graph {
        let depth = Depth::ResNet50;
        ResNetSpec { depth, size, channels: 3, classes: 8, width, stem: Stem::Imagenet }.graph().unwrap()
    }

    /// A device with so much memory.
    struct Small(Option<u64>);

    impl BackendInfo for Small {
        fn name(&self) -> &'static str {
            "small"
        }
        fn describe(&self) -> String {
            "small".into()
        }
        fn is_processor(&self) -> bool {
            true
        }
        fn memory(&self) -> Option<u64> {
            self.0
        }
    }

    #[test]
    fn a_networks_need_is_known_and_grows_as_it_does() {
        let learning = Learning { replicas: 1, items: 32, moments: 1, slots: 1, averaged: true };
        let of = |graph: &Graph, how| MemoryNeed::default().learning("student", graph, how).unwrap().total();
        let usual = of(&graph(1.0, 224), learning);
        // 23.5 million parameters four times, and what is known of the activations of a ResNet-50: about 90 MB a picture.
        let parameters = 4 * 4 * 23_524_424u64;
        let activations = (usual - parameters) / 32;
        assert!((60 << 20..130 << 20).contains(&activations), "{activations}");
        assert!(of(&graph(1.0, 224), Learning { items: 64, ..learning }) > usual * 3 / 2);
        assert!(of(&graph(2.0, 224), learning) > usual * 3 / 2);
        let huge = of(&graph(8.0, 1024), Learning { items: 65_536, ..learning });
        assert!(huge > 1 << 49, "{huge}");
        let answering = MemoryNeed::default().answering("student", &graph(1.0, 224), 32).unwrap().total();
        assert!(answering < usual / 4, "{answering}");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_figures_and_what_is_not_known_is_not() {
        let need = MemoryNeed::default().inputs("steps ahead", &graph(1.0, 224), 1 << 20);
        let error = need.check(&Small(Some(1 << 30)), "take a smaller batch").unwrap_err().to_string();
        for words in ["588.0 GiB", "1.0 GiB", "steps ahead", "take a smaller batch"] {
            assert!(error.contains(words), "{words}: {error}");
        }
        need.check(&Small(None), "").unwrap();
        need.check(&Small(Some(1 << 50)), "").unwrap();
    }
}
