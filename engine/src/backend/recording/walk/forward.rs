//! The forward pass: fused and folded for inference, on the batch's statistics for training.

use affekt_shaders as shaders;

use super::{Blocks, Norm, Pass, StepKind, Walk};
use crate::backend::BackendError;
use crate::backend::recording::memory::Slice;
use crate::backend::recording::product::{self, Finish};
use crate::backend::recording::recorder::{Recorder, value_groups};
use crate::net::{Step, ValueId};

/// A step with its place in the plan.
type At<'a> = (usize, &'a Step);

impl Walk<'_> {
    pub(in crate::backend) fn forward(&self, to: &mut Recorder, pass: Pass) -> Result<(), BackendError> {
        for (t, step) in self.plan.steps.iter().enumerate() {
            let (input, output) = (self.place.value(step.input), self.place.value(step.output));
            match step.kind {
                StepKind::Conv { weight, norm, residual, relu, .. } => {
                    let extents = self.extents(step, self.matrix(weight)?);
                    let residual = residual.map(|v| self.place.value(v));
                    if let (Some(norm), Pass::Train | Pass::Probe) = (norm, pass) {
                        let slices = (self.param(weight), input, self.place.saved(t));
                        product::forward(to, &extents, self.items, slices, Finish::default(), false)?;
                        self.normalise(to, (t, step), &norm, (residual, relu), pass)?;
                    } else {
                        let folded = self.folds.places[t];
                        let weights = folded.map_or_else(|| self.param(weight), |f| f.weights);
                        let finish = Finish { bias: folded.map(|f| f.bias), residual, relu, add: false };
                        let slices = (weights, input, output);
                        let half = folded.is_some_and(|f| f.half);
                        product::forward(to, &extents, self.items, slices, finish, half)?;
                    }
                }
                StepKind::Linear { weight, bias, epilogue } => {
                    let extents = self.extents(step, self.matrix(weight)?);
                    let masked = epilogue.dropout.is_some() && pass == Pass::Train;
                    let is_sum = epilogue.positions.is_none() && !epilogue.gelu && !masked;
                    let residual = epilogue.residual.filter(|_| is_sum).map(|v| self.place.value(v));
                    let finish = Finish { bias: Some(self.param(bias)), residual, ..Finish::default() };
                    let slices = (self.param(weight), input, output);
                    product::forward(to, &extents, self.items, slices, finish, false)?;
                    if !is_sum {
                        self.epilogue(to, (t, step), &epilogue, None, pass)?;
                    }
                }
                StepKind::Pointwise { epilogue } => {
                    self.epilogue(to, (t, step), &epilogue, Some(input), pass)?;
                }
                StepKind::LayerNorm { scale, shift, epsilon } => {
                    self.layer_norm(to, (t, step), (scale, shift, epsilon), pass)?;
                }
                StepKind::Attention { heads, causal, presence } => {
                    self.attention(to, (t, step), (heads, causal, presence), pass)?;
                }
                StepKind::MaxPool { .. } => {
                    let uniform = self.pool(step, false);
                    let len = self.items * self.shape(step.output).len();
                    let bound = [Some(input), Some(output), None];
                    to.dispatch(&shaders::POOL, "max_pool", &uniform, &bound, value_groups(len))?;
                }
                StepKind::GlobalAveragePool => {
                    let uniform = self.pool(step, false);
                    let len = self.items * self.shape(step.output).c;
                    let bound = [Some(input), Some(output), None];
                    to.dispatch(&shaders::POOL, "mean", &uniform, &bound, value_groups(len))?;
                }
            }
        }
        Ok(())
    }

    /// Statistics of the batch and the normalised output, from the convolution's result.
    fn normalise(
        &self,
        to: &mut Recorder,
        (t, step): At<'_>,
        norm: &Norm,
        (residual, relu): (Option<Slice>, bool),
        pass: Pass,
    ) -> Result<(), BackendError> {
        let shape = self.shape(step.output);
        let (rows, columns) = (self.items * shape.pixels(), shape.c);
        let blocks = Blocks::of(rows);
        let moves = u32::from(pass == Pass::Train);
        let uniform = shaders::BatchNormUniform {
            rows: rows as u32,
            columns: columns as u32,
            block_rows: blocks.rows as u32,
            blocks: blocks.count as u32,
            epsilon: norm.epsilon,
            momentum: norm.momentum,
            finish: moves | u32::from(residual.is_some()) << 1 | u32::from(relu) << 2,
        };
        let raw = Some(self.place.saved(t));
        let partial = Some(Slice::scratch(blocks.count * 2 * columns));
        let statistics = self.place.statistics(t);
        let shader = &shaders::BATCH_NORM;
        let bound = [None, None, None, raw, None, None, partial, None];
        to.dispatch(shader, "moments", &uniform, &bound, blocks.groups(columns))?;
        let (scale, shift) = (Some(self.param(norm.scale)), Some(self.param(norm.shift)));
        let running = Some(self.store.running(norm.mean, norm.variance));
        let bound = [scale, shift, running, None, None, None, partial, statistics];
        to.dispatch(shader, "make_statistics", &uniform, &bound, [1, 1, 1])?;
        let output = Some(self.place.value(step.output));
        let bound = [None, None, None, raw, residual, output, None, statistics];
        let (entry, groups) = blocks.each(to.uses_lanes(), columns, ["normalise", "normalise_columns"]);
        to.dispatch(shader, entry, &uniform, &bound, groups)
    }

    pub(super) fn pool(&self, step: &Step, add: bool) -> shaders::PoolUniform {
        let (input, output) = (self.shape(step.input), self.shape(step.output));
        let (kernel, stride, padding) = match step.kind {
            StepKind::MaxPool { kernel, stride, padding } => (kernel, stride, padding),
            _ => (1, 1, 0),
        };
        shaders::PoolUniform {
            items: self.items as u32,
            in_h: input.h as u32,
            in_w: input.w as u32,
            out_h: output.h as u32,
            out_w: output.w as u32,
            channels: input.c as u32,
            kernel: kernel as u32,
            stride: stride as u32,
            padding: padding as u32,
            add: u32::from(add),
        }
    }

    /// A value's gradient, unless it is the network's input.
    pub(super) fn d_value(&self, value: ValueId) -> Option<Slice> {
        (value != 0).then(|| self.place.gradient(value))
    }
}
