//! A network that answers: running statistics are folded into weights once, when it is made.

use super::graph::{Bound, Device, Placed, Reads, Wanted};
use crate::backend::recording::memory::Memory;
use crate::backend::recording::recorder::Recorder;
use crate::backend::recording::walk::Pass;
use crate::backend::wgpu::program::Program;
use crate::backend::{BackendError, InferenceDevice, ViewBatch};
use crate::net::{Graph, PlanPurpose, Shape, Weights};

/// A network that answers.
pub struct WgpuInference {
    placed: Placed,
    folded: wgpu::Buffer,
    input: Shape,
}

impl WgpuInference {
    pub(in super::super) fn new(
        device: Device,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        let placed = Placed::new(device, graph, weights, PlanPurpose::Inference)?;
        let gpu = &placed.gpu;
        let folded = gpu.buffer("folded weights", placed.folds.len)?;
        let mut recorder = Recorder::new(&gpu.terms);
        placed.folds.record(&mut recorder, &placed.plan, &placed.store)?;
        let fold = Program::new(gpu, recorder.finish(), |memory| match memory {
            Memory::Values => &placed.current.trained,
            Memory::Running => &placed.current.running,
            _ => &folded,
        })?;
        let mut encoder = gpu.encoder();
        fold.encode(gpu, &mut encoder);
        gpu.queue.submit([encoder.finish()]);
        gpu.check()?;
        Ok(Self { placed, folded, input: graph.input() })
    }

    /// A value of a pass, in parts where a batch's largest value does not fit a binding.
    fn infer(&mut self, input: Reads<'_>, items: usize, wanted: Wanted) -> Result<Vec<f32>, BackendError> {
        let most = self.placed.gpu.room().most_items(&self.placed.plan, PlanPurpose::Inference).max(1);
        if items <= most {
            return self.run(input, items, wanted);
        }
        let len = self.input.len();
        let mut values = Vec::new();
        for first in (0..items).step_by(most) {
            let end = (first + most).min(items);
            let batch;
            let part = match input {
                Reads::Values(all) => Reads::Values(&all[first * len..end * len]),
                Reads::Views(all) => {
                    batch = all.part(first..end);
                    Reads::Views(&batch)
                }
            };
            values.extend(self.run(part, end - first, wanted)?);
        }
        Ok(values)
    }

    fn run(&mut self, input: Reads<'_>, items: usize, wanted: Wanted) -> Result<Vec<f32>, BackendError> {
        let bound = Bound { folded: Some(&self.folded), ..Bound::default() };
        let recorded = self.placed.recorded(Pass::Infer, items, bound)?;
        self.placed.run(&recorded, input, wanted)
    }
}

impl InferenceDevice for WgpuInference {
    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        self.infer(Reads::Values(input), items, Wanted::Logits)
    }

    fn forward_views(&mut self, views: &ViewBatch) -> Result<Vec<f32>, BackendError> {
        self.infer(Reads::Views(views), views.views().len(), Wanted::Logits)
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        self.infer(Reads::Values(input), items, Wanted::Features)
    }
}
