//! The temporal encoder's operations, forward and backward: what ends a step, layer normalisation, attention.

use affekt_shaders as shaders;

use super::{Blocks, Epilogue, Pass, Walk};
use crate::backend::BackendError;
use crate::backend::dropout;
use crate::backend::recording::memory::{Memory, Slice};
use crate::backend::recording::recorder::{Recorder, row_groups, value_groups};
use crate::backend::recording::reduce::reduce;
use crate::net::{ParamId, Step, ValueId};

/// Bits of `epilogue.wgsl`.
mod part {
    pub const POSITIONS: u32 = 1;
    pub const GELU: u32 = 2;
    pub const DROPOUT: u32 = 4;
    pub const RESIDUAL: u32 = 8;
    pub const INPUT: u32 = 16;
    pub const KEPT: u32 = 32;
    pub const ADD: u32 = 64;
}

/// The streams of a pass, two words a dropout.
fn mask_slice(dropouts: usize) -> Slice {
    Slice { memory: Memory::Masks, offset: 0, len: 2 * dropouts.max(1) }
}

impl Walk<'_> {
    fn epilogue_uniform(&self, step: &Step, epilogue: &Epilogue, parts: u32) -> shaders::EpilogueUniform {
        let shape = self.shape(step.output);
        let (rate, dropout) = epilogue.dropout.map_or((0.0, 0), |d| (d.rate, d.index));
        shaders::EpilogueUniform {
            len: (self.items * shape.len()) as u32,
            table_len: shape.len() as u32,
            parts,
            dropout,
            threshold: dropout::threshold(rate),
            scale: 1.0 / (1.0 - rate),
        }
    }

    /// Ends a step, in place where there is no input of its own.
    pub(super) fn epilogue(
        &self,
        to: &mut Recorder,
        (t, step): (usize, &Step),
        epilogue: &Epilogue,
        input: Option<Slice>,
        pass: Pass,
    ) -> Result<(), BackendError> {
        let masked = epilogue.dropout.filter(|_| pass == Pass::Train);
        let keeps = epilogue.gelu && pass != Pass::Infer;
        let mut parts = 0;
        for (present, bit) in [
            (epilogue.positions.is_some(), part::POSITIONS),
            (epilogue.gelu, part::GELU),
            (masked.is_some(), part::DROPOUT),
            (epilogue.residual.is_some(), part::RESIDUAL),
            (input.is_some(), part::INPUT),
            (keeps, part::KEPT),
        ] {
            parts |= if present { bit } else { 0 };
        }
        let uniform = self.epilogue_uniform(step, epilogue, parts);
        let bound = [
            epilogue.positions.map(|p| self.param(p)),
            masked.map(|d| mask_slice(d.index as usize + 1)),
            input,
            keeps.then(|| self.place.saved(t)),
            epilogue.residual.map(|v| self.place.value(v)),
            Some(self.place.value(step.output)),
        ];
        to.dispatch(&shaders::EPILOGUE, "forward", &uniform, &bound, value_groups(uniform.len as usize))
    }

    /// Backward through what ends step `t`: the gradient of its output becomes that of what went into it.
    pub(super) fn epilogue_backward(
        &self,
        to: &mut Recorder,
        (t, step): (usize, &Step),
        epilogue: &Epilogue,
        adds_to_residual: bool,
    ) -> Result<(), BackendError> {
        let residual = epilogue.residual.and_then(|v| self.d_value(v));
        let gradient = self.place.gradient(step.output);
        let mut parts = 0;
        for (present, bit) in [
            (epilogue.gelu, part::GELU),
            (epilogue.dropout.is_some(), part::DROPOUT),
            (residual.is_some(), part::RESIDUAL),
            (adds_to_residual, part::ADD),
        ] {
            parts |= if present { bit } else { 0 };
        }
        if parts & !part::ADD != 0 {
            let uniform = self.epilogue_uniform(step, epilogue, parts);
            let bound = [
                None,
                epilogue.dropout.map(|d| mask_slice(d.index as usize + 1)),
                None,
                epilogue.gelu.then(|| self.place.saved(t)),
                residual,
                Some(gradient),
            ];
            to.dispatch(
                &shaders::EPILOGUE,
                "backward",
                &uniform,
                &bound,
                value_groups(uniform.len as usize),
            )?;
        }
        match epilogue.positions {
            Some(table) => {
                let len = self.shape(step.output).len();
                reduce(to, gradient, self.items, len, self.d_param(table))
            }
            None => Ok(()),
        }
    }

    /// Writes a step's gradient to that of its input, or adds it.
    pub(super) fn hand_on(&self, to: &mut Recorder, step: &Step, add: bool) -> Result<(), BackendError> {
        let Some(d_input) = self.d_value(step.input) else { return Ok(()) };
        let uniform = self.epilogue_uniform(step, &Epilogue::default(), if add { part::ADD } else { 0 });
        let bound = [None, None, Some(self.place.gradient(step.output)), None, None, Some(d_input)];
        to.dispatch(&shaders::EPILOGUE, "accumulate", &uniform, &bound, value_groups(uniform.len as usize))
    }

    fn layer_norm_uniform(&self, step: &Step, epsilon: f32, flags: u32) -> shaders::LayerNormUniform {
        let shape = self.shape(step.output);
        let rows = self.items * shape.pixels();
        shaders::LayerNormUniform {
            rows: rows as u32,
            channels: shape.c as u32,
            epsilon,
            flags,
            block_rows: Blocks::of(rows).rows as u32,
        }
    }

    pub(super) fn layer_norm(
        &self,
        to: &mut Recorder,
        (t, step): (usize, &Step),
        (scale, shift, epsilon): (ParamId, ParamId, f32),
        pass: Pass,
    ) -> Result<(), BackendError> {
        let keeps = pass != Pass::Infer;
        let uniform = self.layer_norm_uniform(step, epsilon, u32::from(keeps));
        let bound = [
            Some(self.param(scale)),
            Some(self.param(shift)),
            Some(self.place.value(step.input)),
            Some(self.place.value(step.output)),
            keeps.then(|| self.place.saved(t)),
            None,
            None,
        ];
        to.dispatch(&shaders::LAYER_NORM, "forward", &uniform, &bound, row_groups(uniform.rows as usize))
    }

    pub(super) fn layer_norm_backward(
        &self,
        to: &mut Recorder,
        (t, step): (usize, &Step),
        (scale, shift, epsilon): (ParamId, ParamId, f32),
        add: bool,
    ) -> Result<(), BackendError> {
        let uniform = self.layer_norm_uniform(step, epsilon, u32::from(add) << 1);
        let (rows, channels) = (uniform.rows as usize, uniform.channels as usize);
        let input = Some(self.place.value(step.input));
        let (d_output, kept) = (Some(self.place.gradient(step.output)), Some(self.place.saved(t)));
        let shader = &shaders::LAYER_NORM;
        let scale_now = Some(self.param(scale));
        if let Some(d_input) = self.d_value(step.input) {
            let bound = [scale_now, None, input, d_output, kept, Some(d_input), None];
            to.dispatch(shader, "backward", &uniform, &bound, row_groups(rows))?;
        }
        let blocks = Blocks::of(rows);
        let partial = Slice::scratch(blocks.count * 2 * channels);
        let bound = [None, None, input, d_output, kept, None, Some(partial)];
        to.dispatch(shader, "parameters", &uniform, &bound, blocks.groups(channels))?;
        // The sums of a block are a row for the shift and a row for the scale.
        for (which, param) in [shift, scale].into_iter().enumerate() {
            let uniform = shaders::ReduceUniform {
                len: channels as u32,
                pieces: blocks.count as u32,
                stride: 2 * channels as u32,
                first: (which * channels) as u32,
            };
            let bound = [Some(partial), Some(self.d_param(param))];
            to.dispatch(&shaders::REDUCE, "main", &uniform, &bound, value_groups(channels))?;
        }
        Ok(())
    }

    fn attention_uniform(
        &self,
        step: &Step,
        (heads, causal, presence): (usize, bool, Option<ValueId>),
        add: bool,
    ) -> shaders::AttentionUniform {
        let shape = self.shape(step.output);
        let depth = shape.c / heads;
        shaders::AttentionUniform {
            items: self.items as u32,
            positions: shape.pixels() as u32,
            heads: heads as u32,
            depth: depth as u32,
            scale: 1.0 / (depth as f32).sqrt(),
            flags: u32::from(causal) | u32::from(presence.is_some()) << 1 | u32::from(add) << 2,
            presence_c: presence.map_or(1, |v| self.shape(v).c as u32),
        }
    }

    pub(super) fn attention(
        &self,
        to: &mut Recorder,
        (t, step): (usize, &Step),
        parts: (usize, bool, Option<ValueId>),
        pass: Pass,
    ) -> Result<(), BackendError> {
        let uniform = self.attention_uniform(step, parts, false);
        let rows = (uniform.items * uniform.heads * uniform.positions) as usize;
        let weights = match pass {
            Pass::Infer => Slice::scratch(rows * uniform.positions as usize),
            _ => self.place.saved(t),
        };
        let bound = [
            Some(self.place.value(step.input)),
            parts.2.map(|v| self.place.value(v)),
            Some(weights),
            Some(self.place.value(step.output)),
            None,
            None,
        ];
        to.dispatch(&shaders::ATTENTION, "forward", &uniform, &bound, row_groups(rows))
    }

    pub(super) fn attention_backward(
        &self,
        to: &mut Recorder,
        (t, step): (usize, &Step),
        parts: (usize, bool, Option<ValueId>),
        add: bool,
    ) -> Result<(), BackendError> {
        let Some(d_input) = self.d_value(step.input) else { return Ok(()) };
        let uniform = self.attention_uniform(step, parts, add);
        let rows = (uniform.items * uniform.heads * uniform.positions) as usize;
        let bound = [
            Some(self.place.value(step.input)),
            None,
            Some(self.place.saved(t)),
            Some(self.place.gradient(step.output)),
            Some(Slice::scratch(rows * uniform.positions as usize)),
            Some(d_input),
        ];
        for entry in ["queries", "keys"] {
            to.dispatch(&shaders::ATTENTION, entry, &uniform, &bound, row_groups(rows))?;
        }
        Ok(())
    }
}
