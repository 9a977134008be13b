//! A network's work as plain data, for a program that drives a GPU by itself, as a page in a browser does: which buffers there
//! must be, which kernels run over which parts of them, and where input and answer lie. It fits every device of WebGPU.

use affekt_shaders::Access;
use serde::Serialize;

use super::memory::{ALIGNMENT, Memory, Slice};
use super::place::{Placement, Room};
use super::recorder::{Recorder, Recording, Terms};
use super::store::Store;
use super::walk::{Folds, Pass, Walk};
use crate::backend::BackendError;
use crate::net::{Graph, Plan, PlanPurpose, Weights};

/// Bytes of a binding and of a buffer, and what places of uniform blocks are multiples of: what WebGPU promises everywhere.
const BINDING: u64 = 128 << 20;
const BUFFER: u64 = 256 << 20;
const UNIFORM_ALIGNMENT: usize = 256;
/// Bindings of a kernel that might not be used.
const MOST_BINDINGS: usize = 16;

/// A kernel's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GpuShader {
    /// Its name.
    pub name: &'static str,
    /// WGSL; binding 0 of group 0 is its uniform block.
    pub source: &'static str,
    /// Bytes of the uniform block.
    pub uniform: usize,
    /// For each storage buffer, from binding 1 on, whether it may be written.
    pub writes: Vec<bool>,
}

/// A buffer that has to be there, zeroed when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GpuBuffer {
    /// Its name: works of one network mean the same buffer by it.
    pub name: String,
    /// How large it is at least.
    pub bytes: usize,
}

/// Part of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GpuSpan {
    /// Its place in [`GpuWork::buffers`].
    pub buffer: usize,
    /// First byte.
    pub first: usize,
    /// How many.
    pub bytes: usize,
}

/// One dispatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GpuDispatch {
    /// The kernel's place in [`GpuWork::shaders`].
    pub shader: usize,
    /// Its entry point.
    pub entry: &'static str,
    /// Where its block begins in [`GpuWork::uniforms`].
    pub uniform: usize,
    /// What is bound, from binding 1 on.
    pub spans: Vec<GpuSpan>,
    /// Workgroups.
    pub groups: [u32; 3],
}

/// Dispatches to run one after the other, and all that they need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GpuWork {
    /// Buffers.
    pub buffers: Vec<GpuBuffer>,
    /// Kernels.
    pub shaders: Vec<GpuShader>,
    /// Uniform blocks.
    pub uniforms: Vec<u8>,
    /// Dispatches, in order.
    pub dispatches: Vec<GpuDispatch>,
    /// Where single-precision values go before it runs, NHWC.
    pub input: Option<GpuSpan>,
    /// Where logits lie afterwards.
    pub output: Option<GpuSpan>,
}

/// A network that answers, as data.
pub struct GpuNetwork {
    plan: Plan,
    store: Store,
    folds: Folds,
    terms: Terms,
    trained: Vec<f32>,
    running: Vec<f32>,
}

impl GpuNetwork {
    /// Plans a network.
    ///
    /// # Errors
    /// The weights do not fit the graph.
    pub fn new(graph: &Graph, weights: &Weights) -> Result<Self, BackendError> {
        weights.check(graph)?;
        let plan = Plan::new(graph, PlanPurpose::Inference)?;
        let store = Store::new(graph, &plan);
        let folds = Folds::new(&plan, &store, false);
        let (trained, running) = store.pack(weights);
        let terms = Terms {
            device: "GPU".into(),
            uses_lanes: false,
            binding_len: Self::room().binding,
            uniform_alignment: UNIFORM_ALIGNMENT,
        };
        Ok(Self { plan, store, folds, terms, trained, running })
    }

    fn room() -> Room {
        Room::of(BINDING, BUFFER)
    }

    /// What has to be written into which buffer before anything runs.
    pub fn contents(&self) -> [(&'static str, &[f32]); 2] {
        [("parameters", &self.trained), ("running statistics", &self.running)]
    }

    /// What has to run once, before the first pass and after [`GpuNetwork::contents`] are written.
    ///
    /// # Errors
    /// A layer is larger than a binding may be.
    pub fn opening(&self) -> Result<GpuWork, BackendError> {
        let mut recorder = Recorder::new(&self.terms);
        self.folds.record(&mut recorder, &self.plan, &self.store)?;
        Ok(self.work(recorder.finish(), &[], [None, None]))
    }

    /// The most items that a pass may have.
    pub fn most_items(&self) -> usize {
        Self::room().most_items(&self.plan, PlanPurpose::Inference)
    }

    /// A pass over so many items.
    ///
    /// # Errors
    /// They are none, or more than [`GpuNetwork::most_items`].
    pub fn pass(&self, items: usize) -> Result<GpuWork, BackendError> {
        let most = self.most_items();
        if !(1..=most).contains(&items) {
            return Err(self.terms.error(format!("a pass has 1 to {most} items, not {items}")));
        }
        let placement = Placement::new(&self.plan, PlanPurpose::Inference, items, Self::room().buffer);
        let Self { plan, store, folds, .. } = self;
        let mut recorder = Recorder::new(&self.terms);
        Walk { plan, store, place: &placement, folds, items }.forward(&mut recorder, Pass::Infer)?;
        let ends = [placement.value(0), placement.value(plan.shapes.len() - 1)].map(Some);
        Ok(self.work(recorder.finish(), &placement.arenas, ends))
    }

    fn work(&self, recording: Recording, arenas: &[usize], ends: [Option<Slice>; 2]) -> GpuWork {
        let lens = [
            ("parameters", self.trained.len()),
            ("running statistics", self.running.len()),
            ("folded weights", self.folds.len),
            ("nothing to read", MOST_BINDINGS * ALIGNMENT),
            ("nowhere to write", MOST_BINDINGS * ALIGNMENT),
            ("scratch", recording.scratch_len()),
        ];
        let fixed = lens.len();
        let named = lens.into_iter().map(|(name, len)| (name.to_owned(), len));
        let numbered = arenas.iter().enumerate().map(|(i, len)| (format!("activations {i}"), *len));
        let buffers = named.chain(numbered).map(|(name, len)| {
            let bytes = len.max(1).next_multiple_of(ALIGNMENT) * 4;
            GpuBuffer { name, bytes }
        });
        let span = |slice: Slice, bytes: usize| {
            let buffer = match slice.memory {
                Memory::Values => 0,
                Memory::Running => 1,
                Memory::Folded => 2,
                Memory::Unread => 3,
                Memory::Unwritten => 4,
                Memory::Arena(which) => fixed + which,
                _ => 5,
            };
            GpuSpan { buffer, first: 4 * slice.offset, bytes }
        };
        let mut shaders: Vec<GpuShader> = vec![];
        let mut dispatches = Vec::with_capacity(recording.dispatches.len());
        for dispatch in recording.dispatches {
            let from = dispatch.shader;
            let shader = shaders.iter().position(|known| known.name == from.name).unwrap_or_else(|| {
                let writes = from.storage.iter().map(|access| *access == Access::Write).collect();
                shaders.push(GpuShader {
                    name: from.name,
                    source: from.source,
                    uniform: from.uniform,
                    writes,
                });
                shaders.len() - 1
            });
            let spans = dispatch.slices.into_iter().map(|slice| span(slice, slice.bound_bytes())).collect();
            let (entry, uniform, groups) = (dispatch.entry, dispatch.uniform, dispatch.groups);
            dispatches.push(GpuDispatch { shader, entry, uniform, spans, groups });
        }
        let [input, output] = ends.map(|end| end.map(|slice| span(slice, 4 * slice.len)));
        GpuWork {
            buffers: buffers.collect(),
            shaders,
            uniforms: recording.uniforms,
            dispatches,
            input,
            output,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::net::{Depth, ResNetSpec, Stem};

    fn network() -> (Graph, GpuNetwork) {
        let (depth, stem) = (Depth::ResNet18, Stem::Small);
        let spec = ResNetSpec { depth, size: 64, channels: 1, classes: 8, width: 0.5, stem };
        let graph = spec.graph().unwrap();
        let network = GpuNetwork::new(&graph, &Weights::initial(&graph, 1)).unwrap();
        (graph, network)
    }

    #[test]
    fn everything_bound_lies_in_its_buffer_where_a_binding_may_begin() {
        let (graph, network) = network();
        assert!(network.most_items() >= 16, "{}", network.most_items());
        for (items, work) in
            [(0, network.opening()), (1, network.pass(1)), (7, network.pass(7)), (16, network.pass(16))]
        {
            let work = work.unwrap();
            assert!(!work.dispatches.is_empty());
            for dispatch in &work.dispatches {
                let shader = &work.shaders[dispatch.shader];
                assert!(shader.source.contains(&format!("fn {}(", dispatch.entry)), "{}", dispatch.entry);
                assert_eq!(dispatch.spans.len(), shader.writes.len());
                assert!(dispatch.uniform + shader.uniform <= work.uniforms.len());
                assert_eq!(dispatch.uniform % UNIFORM_ALIGNMENT, 0);
                for span in &dispatch.spans {
                    assert!(span.first + span.bytes <= work.buffers[span.buffer].bytes, "{}", shader.name);
                    assert_eq!(span.first % 256, 0, "{}", shader.name);
                }
            }
            let bytes = |span: Option<GpuSpan>| span.map_or(0, |span| span.bytes);
            let [input, output] = [graph.input(), graph.output()].map(|shape| 4 * items * shape.len());
            assert_eq!((bytes(work.input), bytes(work.output)), (input, output));
        }
        for (name, values) in network.contents() {
            let buffers = network.opening().unwrap().buffers;
            assert!(buffers.iter().any(|b| b.name == name && b.bytes >= 4 * values.len()), "{name}");
        }
    }

    #[test]
    fn a_pass_that_no_device_must_be_able_to_hold_is_refused() {
        let (_, network) = network();
        for items in [0, network.most_items() + 1] {
            let error = network.pass(items).unwrap_err().to_string();
            assert!(error.contains(&format!("not {items}")), "{error}");
        }
    }
}
