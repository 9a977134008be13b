//! Walks a plan and records what each step dispatches.

mod backward;
mod encoder;
mod forward;

use affekt_shaders as shaders;

use super::memory::{Memory, Slice};
use super::place::Placement;
use super::product::Extents;
use super::recorder::{Recorder, value_groups};
use super::store::{Matrix, Store};
use crate::backend::BackendError;
use crate::net::{Epilogue, Norm, ParamId, Plan, Shape, Step, StepKind};

/// The most blocks of rows whose sums one invocation adds.
const MOST_BLOCKS: usize = 256;
/// The fewest rows worth a block.
const FEWEST_ROWS: usize = 32;

/// What a program is recorded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::backend) enum Pass {
    Infer,
    Train,
    Probe,
    /// Into one of the network's gradients, by its number.
    Backward(usize),
}

/// A plan for a number of items, with where everything lies.
pub(in crate::backend) struct Walk<'a> {
    pub plan: &'a Plan,
    pub store: &'a Store,
    pub place: &'a Placement,
    pub folds: &'a Folds,
    pub items: usize,
}

/// Where a step's folded weights and bias lie.
#[derive(Clone, Copy)]
struct Folded {
    weights: Slice,
    bias: Slice,
    /// Whether the weights are 16-bit floats, two in the place of a value.
    half: bool,
}

/// Where folded weights and biases lie, for each step.
pub(in crate::backend) struct Folds {
    places: Vec<Option<Folded>>,
    /// Values of the whole buffer.
    pub len: usize,
}

impl Folds {
    /// With weights in 16-bit floats where `half` says so and a kernel reads them.
    pub(in crate::backend) fn new(plan: &Plan, store: &Store, half: bool) -> Self {
        let mut len = 0;
        let mut take = |count: usize| {
            let offset = len;
            len += count.next_multiple_of(super::memory::ALIGNMENT);
            Slice { memory: Memory::Folded, offset, len: count }
        };
        let places = plan.steps.iter().map(|step| match step.kind {
            StepKind::Conv { weight, norm: Some(_), .. } => store.matrix(weight).map(|m| {
                let half = half && m.inputs.is_multiple_of(4);
                let weights = take(if half { m.len() / 2 } else { m.len() });
                Folded { weights, bias: take(m.stride()), half }
            }),
            _ => None,
        });
        let places = places.collect();
        Self { places, len }
    }

    /// Nothing is folded: training.
    pub(in crate::backend) fn none(plan: &Plan) -> Self {
        Self { places: vec![None; plan.steps.len()], len: 0 }
    }

    /// Records the folding of every normalisation's running statistics.
    pub(in crate::backend) fn record(
        &self,
        to: &mut Recorder,
        plan: &Plan,
        store: &Store,
    ) -> Result<(), BackendError> {
        for (step, place) in plan.steps.iter().zip(&self.places) {
            let (StepKind::Conv { weight, norm: Some(norm), .. }, Some(Folded { weights, bias, half })) =
                (step.kind, *place)
            else {
                continue;
            };
            let Some(matrix) = store.matrix(weight) else { continue };
            let uniform = shaders::FoldUniform {
                rows: matrix.rows() as u32,
                columns: matrix.outputs as u32,
                stride: matrix.stride() as u32,
                epsilon: norm.epsilon,
            };
            let bound = [
                Some(store.slice(Memory::Values, norm.scale)),
                Some(store.slice(Memory::Values, norm.shift)),
                Some(store.running(norm.mean, norm.variance)),
                Some(store.slice(Memory::Values, weight)),
                Some(bias),
                Some(weights),
            ];
            let groups = value_groups(weights.len);
            if half {
                let uniform = bytemuck::cast::<shaders::FoldUniform, shaders::FoldHalfUniform>(uniform);
                to.dispatch(&shaders::FOLD_HALF, "main", &uniform, &bound, groups)?;
            } else {
                to.dispatch(&shaders::FOLD, "main", &uniform, &bound, groups)?;
            }
        }
        Ok(())
    }
}

/// Rows cut into blocks: rows of one, and how many.
#[derive(Debug, Clone, Copy)]
struct Blocks {
    rows: usize,
    count: usize,
    /// Rows of all blocks.
    all: usize,
}

impl Blocks {
    fn of(rows: usize) -> Self {
        let each = rows.div_ceil(MOST_BLOCKS).max(FEWEST_ROWS);
        Self { rows: each, count: rows.div_ceil(each), all: rows }
    }

    /// Which of two entry points goes over each value, and in what workgroups: the first a value at a time, the second, for
    /// adapters that are processors, a block of a column.
    fn each(self, uses_lanes: bool, columns: usize, entries: [&'static str; 2]) -> (&'static str, [u32; 3]) {
        if uses_lanes {
            (entries[1], self.groups(columns))
        } else {
            (entries[0], value_groups(self.all * columns))
        }
    }

    fn groups(self, columns: usize) -> [u32; 3] {
        [columns.div_ceil(64) as u32, self.count as u32, 1]
    }
}

impl Walk<'_> {
    fn shape(&self, value: usize) -> Shape {
        self.plan.shapes[value]
    }

    fn param(&self, param: ParamId) -> Slice {
        self.store.slice(Memory::Values, param)
    }

    fn d_param(&self, param: ParamId) -> Slice {
        self.store.slice(Memory::Gradient, param)
    }

    /// A product's extents.
    fn extents(&self, step: &Step, matrix: Matrix) -> Extents {
        let (input, output) = (self.shape(step.input), self.shape(step.output));
        match step.kind {
            StepKind::Conv { kernel, stride, padding, .. } => {
                Extents { input, output, kernel, stride, padding, matrix }
            }
            _ => Extents::linear(input, output, matrix),
        }
    }

    fn matrix(&self, weight: ParamId) -> Result<Matrix, BackendError> {
        self.store.matrix(weight).ok_or(BackendError::Order("a product's weight is a matrix"))
    }
}
