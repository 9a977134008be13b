//! What networks need of memory, known before any of it is taken: from the plan that places their buffers.

use super::{BackendError, BackendInfo, memory_there};
use crate::files::amount;
use crate::net::{Graph, PlanPurpose};

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

/// One thing that takes memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPart {
    /// Whose it is: `the teacher`, or what it is where it is nobody's.
    pub owner: String,
    /// What of it: `weights`, `activations`; empty where the owner is all of it.
    pub what: &'static str,
    /// How much.
    pub bytes: u64,
    /// Whether it lies in the memory of what computes; else in that of the machine, which is the same where a processor computes.
    pub on_device: bool,
}

/// Memory that something needs, part by part. What kernels work in beside it (some percent) is not counted, so that nothing
/// is refused that would fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryNeed {
    parts: Vec<MemoryPart>,
}

impl MemoryNeed {
    /// Adds a network that learns on a backend: its parameters with all that is kept of each, and the activations of a pass.
    ///
    /// # Errors
    /// The graph cannot be planned, or the backend cannot have such a pass.
    pub fn learning(
        mut self,
        backend: &(impl BackendInfo + ?Sized),
        name: &str,
        graph: &Graph,
        how: Learning,
    ) -> Result<Self, BackendError> {
        let one = bytes(parameters(graph)).saturating_mul(how.replicas);
        let averages = u64::from(how.averaged);
        for (what, copies) in
            [("weights", 1), ("gradients", how.slots), ("optimiser", how.moments), ("average", averages)]
        {
            self.add(name, what, one.saturating_mul(copies), true);
        }
        let activations = backend.activations(graph, PlanPurpose::Training, how.items)?;
        self.add(name, "activations", activations.saturating_mul(how.replicas), true);
        Ok(self)
    }

    /// Adds a network that answers on a backend.
    ///
    /// # Errors
    /// The graph cannot be planned, or the backend cannot have such a pass.
    pub fn answering(
        mut self,
        backend: &(impl BackendInfo + ?Sized),
        name: &str,
        graph: &Graph,
        items: usize,
    ) -> Result<Self, BackendError> {
        self.add(name, "weights", bytes(parameters(graph)), true);
        self.add(name, "activations", backend.activations(graph, PlanPurpose::Inference, items)?, true);
        Ok(self)
    }

    /// Adds so many copies of a graph's parameters, as a checkpoint has.
    #[must_use]
    pub fn copies(mut self, name: &str, graph: &Graph, copies: u64) -> Self {
        self.add(name, "", bytes(parameters(graph)).saturating_mul(copies), false);
        self
    }

    /// Adds inputs of a graph.
    #[must_use]
    pub fn inputs(mut self, name: &str, graph: &Graph, items: usize) -> Self {
        let inputs = bytes(graph.input().len() as u64).saturating_mul(items as u64);
        self.add(name, "", inputs, false);
        self
    }

    /// Adds all parts of another need.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    fn add(&mut self, owner: &str, what: &'static str, bytes: u64, on_device: bool) {
        if bytes > 0 {
            self.parts.push(MemoryPart { owner: owner.to_owned(), what, bytes, on_device });
        }
    }

    /// Every part that takes anything, in the order in which they were added.
    pub fn parts(&self) -> &[MemoryPart] {
        &self.parts
    }

    /// All parts together, in bytes.
    pub fn total(&self) -> u64 {
        self.sum(|_| true)
    }

    /// What the device must have, in bytes: all of it where a processor computes.
    pub fn on_device(&self, is_processor: bool) -> u64 {
        self.sum(|part| is_processor || part.on_device)
    }

    fn sum(&self, counts: impl Fn(&MemoryPart) -> bool) -> u64 {
        let counted = self.parts.iter().filter(|part| counts(part));
        counted.fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Refuses what `backend` has no room for; `advice` says what to make smaller. A device that does not say how much it has
    /// refuses nothing here.
    ///
    /// # Errors
    /// [`BackendError::Memory`] with the figures.
    pub fn check(&self, backend: &(impl BackendInfo + ?Sized), advice: &str) -> Result<(), BackendError> {
        if backend.is_processor() {
            return self.check_in("memory", backend.memory(), |_| true, advice);
        }
        self.check_in("the device's memory", backend.memory(), |part| part.on_device, advice)?;
        self.check_in("this machine's memory", memory_there(), |part| !part.on_device, advice)
    }

    fn check_in(
        &self,
        memory: &'static str,
        there: Option<u64>,
        counts: impl Fn(&MemoryPart) -> bool + Copy,
        advice: &str,
    ) -> Result<(), BackendError> {
        let (needed, Some(there)) = (self.sum(counts), there) else { return Ok(()) };
        if needed <= there {
            return Ok(());
        }
        Err(BackendError::Memory {
            needed: amount(needed),
            memory,
            there: amount(there),
            parts: self.largest(counts),
            advice: advice.to_owned(),
        })
    }

    /// The largest parts in words.
    fn largest(&self, counts: impl Fn(&MemoryPart) -> bool) -> String {
        let mut parts: Vec<&MemoryPart> = self.parts.iter().filter(|part| counts(part)).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
        let words = parts.iter().take(LISTED).map(|MemoryPart { owner, what, bytes, .. }| {
            let part = if what.is_empty() { owner.clone() } else { format!("{owner}'s {what}") };
            format!("{part} {}", amount(*bytes))
        });
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
        let of = |graph: &Graph, how| {
            MemoryNeed::default().learning(&Small(None), "student", graph, how).unwrap().total()
        };
        let usual = of(&graph(1.0, 224), learning);
        // 23.5 million parameters four times, and what is known of the activations of a ResNet-50: about 90 MB a picture.
        let parameters = 4 * 4 * 23_524_424u64;
        let activations = (usual - parameters) / 32;
        assert!((60 << 20..130 << 20).contains(&activations), "{activations}");
        assert!(of(&graph(1.0, 224), Learning { items: 64, ..learning }) > usual * 3 / 2);
        assert!(of(&graph(2.0, 224), learning) > usual * 3 / 2);
        let huge = of(&graph(8.0, 1024), Learning { items: 65_536, ..learning });
        assert!(huge > 1 << 49, "{huge}");
        let answering = MemoryNeed::default().answering(&Small(None), "student", &graph(1.0, 224), 32);
        let answering = answering.unwrap().total();
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

    #[test]
    fn parts_tell_what_lies_where() {
        let how = Learning { replicas: 2, items: 4, moments: 2, slots: 1, averaged: false };
        let graph = graph(0.25, 64);
        let need = MemoryNeed::default().learning(&Small(None), "the student", &graph, how).unwrap();
        let need = need.copies("a checkpoint", &graph, 3).inputs("pictures ahead", &graph, 5);
        let of = |what: &str| need.parts().iter().find(|part| part.what == what).map(|part| part.bytes);
        let weights = of("weights").unwrap();
        assert_eq!(
            (of("gradients"), of("optimiser"), of("average")),
            (Some(weights), Some(2 * weights), None)
        );
        let beside = 3 * weights / 2 + 5 * 64 * 64 * 3 * 4;
        assert_eq!(need.on_device(false) + beside, need.total());
        assert_eq!(need.on_device(true), need.total());
    }
}
