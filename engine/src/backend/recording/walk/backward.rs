//! The backward pass: the plan's steps in reverse.

use affekt_shaders as shaders;

use super::{Blocks, Norm, StepKind, Walk};
use crate::backend::BackendError;
use crate::backend::recording::memory::Slice;
use crate::backend::recording::product;
use crate::backend::recording::recorder::{Recorder, value_groups};
use crate::backend::recording::reduce::reduce;
use crate::net::{ParamId, Step};

impl Walk<'_> {
    pub(in crate::backend) fn backward(&self, to: &mut Recorder) -> Result<(), BackendError> {
        let accumulate_flags = self.plan.accumulate_flags();
        for (t, step) in self.plan.steps.iter().enumerate().rev() {
            let (adds_to_input, adds_to_residual) = accumulate_flags[t];
            match step.kind {
                StepKind::Conv { weight, norm, .. } => {
                    self.gate_and_norm(to, (t, step), norm, adds_to_residual)?;
                    self.product_backward(to, step, (weight, None), adds_to_input)?;
                }
                StepKind::Linear { weight, bias, epilogue } => {
                    self.epilogue_backward(to, (t, step), &epilogue, adds_to_residual)?;
                    self.product_backward(to, step, (weight, Some(bias)), adds_to_input)?;
                }
                StepKind::Pointwise { epilogue } => {
                    self.epilogue_backward(to, (t, step), &epilogue, adds_to_residual)?;
                    self.hand_on(to, step, adds_to_input)?;
                }
                StepKind::LayerNorm { scale, shift, epsilon } => {
                    self.layer_norm_backward(to, (t, step), (scale, shift, epsilon), adds_to_input)?;
                }
                StepKind::Attention { heads, causal, presence } => {
                    self.attention_backward(to, (t, step), (heads, causal, presence), adds_to_input)?;
                }
                StepKind::MaxPool { .. } => {
                    self.pool_backward(to, step, "max_pool_backward", adds_to_input)?;
                }
                StepKind::GlobalAveragePool => {
                    self.pool_backward(to, step, "mean_backward", adds_to_input)?;
                }
            }
        }
        Ok(())
    }

    fn pool_backward(
        &self,
        to: &mut Recorder,
        step: &Step,
        entry: &'static str,
        add: bool,
    ) -> Result<(), BackendError> {
        let Some(d_input) = self.d_value(step.input) else { return Ok(()) };
        let uniform = self.pool(step, add);
        let bound =
            [Some(self.place.value(step.input)), Some(self.place.gradient(step.output)), Some(d_input)];
        let len = self.items * self.shape(step.input).len();
        to.dispatch(&shaders::POOL, entry, &uniform, &bound, value_groups(len))
    }

    /// Through rectifier, sum and normalisation of a convolution, in place.
    fn gate_and_norm(
        &self,
        to: &mut Recorder,
        (t, step): (usize, &Step),
        norm: Option<Norm>,
        adds_to_residual: bool,
    ) -> Result<(), BackendError> {
        let StepKind::Conv { relu, residual, .. } = step.kind else { return Ok(()) };
        let shape = self.shape(step.output);
        let (rows, columns) = (self.items * shape.pixels(), shape.c);
        let d_residual = residual.and_then(|v| self.d_value(v));
        let gate = match (relu, norm, residual) {
            (false, ..) => 0,
            (true, Some(_), None) => 2,
            (true, ..) => 1,
        };
        if norm.is_none() && gate == 0 && d_residual.is_none() {
            return Ok(());
        }
        let blocks = Blocks::of(rows);
        let uniform = shaders::BatchNormBackwardUniform {
            rows: rows as u32,
            columns: columns as u32,
            block_rows: blocks.rows as u32,
            blocks: blocks.count as u32,
            gate,
            finish: u32::from(d_residual.is_some())
                | u32::from(adds_to_residual) << 1
                | u32::from(norm.is_none()) << 2,
        };
        let raw = norm.map(|_| self.place.saved(t));
        let statistics = norm.and_then(|_| self.place.statistics(t));
        let output = (gate == 1).then(|| self.place.value(step.output));
        let gradient = Some(self.place.gradient(step.output));
        let partial = norm.map(|_| Slice::scratch(blocks.count * 2 * columns));
        let shader = &shaders::BATCH_NORM_BACKWARD;
        if let Some(norm) = norm {
            let bound = [raw, output, gradient, None, statistics, partial, None, None];
            to.dispatch(shader, "sums", &uniform, &bound, blocks.groups(columns))?;
            let (scale, shift) = (Some(self.d_param(norm.scale)), Some(self.d_param(norm.shift)));
            let bound = [None, None, None, None, statistics, partial, scale, shift];
            to.dispatch(shader, "terms", &uniform, &bound, value_groups(columns))?;
        }
        let bound = [raw, output, gradient, d_residual, statistics, partial, None, None];
        let (entry, groups) = blocks.each(to.uses_lanes(), columns, ["apply", "apply_columns"]);
        to.dispatch(shader, entry, &uniform, &bound, groups)
    }

    /// Gradients of a product's bias and weight, and of its input unless that is the network's.
    fn product_backward(
        &self,
        to: &mut Recorder,
        step: &Step,
        (weight, bias): (ParamId, Option<ParamId>),
        adds_to_input: bool,
    ) -> Result<(), BackendError> {
        let extents = self.extents(step, self.matrix(weight)?);
        let (input, d_output) = (self.place.value(step.input), self.place.gradient(step.output));
        if let Some(bias) = bias {
            let (rows, columns) = (self.items * extents.output.pixels(), extents.output.c);
            let blocks = Blocks::of(rows);
            let uniform = shaders::ColumnsUniform {
                rows: rows as u32,
                columns: columns as u32,
                block_rows: blocks.rows as u32,
            };
            let partial = Slice::scratch(blocks.count * columns);
            let bound = [Some(d_output), Some(partial)];
            to.dispatch(&shaders::COLUMNS, "main", &uniform, &bound, blocks.groups(columns))?;
            reduce(to, partial, blocks.count, columns, self.d_param(bias))?;
        }
        product::weight_gradient(to, &extents, self.items, (input, d_output, self.d_param(weight)))?;
        if let Some(d_input) = self.d_value(step.input) {
            let slices = (self.param(weight), d_output, d_input);
            product::input_gradient(to, &extents, self.items, slices, adds_to_input)?;
        }
        Ok(())
    }
}
