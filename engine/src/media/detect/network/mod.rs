//! A small graph (a `YuNet`'s, or that of the landmarks) as steps of our own, since a general library takes much longer over so
//! small a network. `build` reads the graph; one that is anything else than expected gives no [`Network`].

mod build;
mod frame;
mod kernels;
mod steps;

use std::cell::RefCell;

pub(super) use self::frame::frame;

use self::kernels::{Map, Operation};
use self::steps::{Kind, Output, Plan, Slot};
use crate::onnx::GraphProto;
use crate::simd::Isa;

/// Sides of a frame are multiples of it: no map's pixel stands for more.
pub(super) const MULTIPLE: usize = 32;

/// The steps of a graph.
pub(super) struct Network {
    isa: Isa,
    plan: Plan,
}

thread_local! {
    /// Memory of values that are done with.
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

impl Network {
    /// Reads the graph; `None` where it has an operation that is not among the expected ones.
    pub(super) fn of(graph: &GraphProto, outputs: &[String]) -> Option<Self> {
        Some(Self { isa: Isa::detect(), plan: build::plan(graph, outputs)? })
    }

    /// The outputs, `cell x channel`, for a frame with 3 channels and a border of zeros one pixel wide around
    /// `height x width` pixels, both multiples of 32.
    pub(super) fn run(&self, frame: &[f32], height: usize, width: usize) -> Vec<Vec<f32>> {
        let mut shapes = vec![(height + 2, width + 2, 3); self.plan.slots];
        let mut values: Vec<Vec<f32>> = vec![vec![]; self.plan.slots];
        for step in &self.plan.steps {
            let map = |slot: Slot| {
                let (height, width, channels) = shapes[slot];
                let values = if slot == 0 { frame } else { &values[slot][..height * width * channels] };
                Map { values, height, width, channels }
            };
            let input = map(step.input);
            let operation = match &step.kind {
                Kind::Stem(layer) => Operation::Stem { frame: input, matrix: layer.matrix() },
                Kind::Pointwise(layer) => Operation::Pointwise { input, matrix: layer.matrix() },
                Kind::Depthwise(layer) => Operation::Depthwise { input, matrix: layer.matrix() },
                Kind::MaxPool => Operation::MaxPool { input },
                Kind::AddUpsampled(half) => Operation::AddUpsampled { input, half: map(*half) },
            };
            let shape = operation.shape();
            let len = shape.0 * shape.1 * shape.2;
            let mut out = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
            // Never shortened, so that nothing is filled with zeros once buffers have grown.
            if out.len() < len {
                out.resize(len, 0.0);
            }
            operation.run(self.isa, &mut out[..len]);
            (values[step.output], shapes[step.output]) = (out, shape);
            for &slot in &step.done {
                give_back(std::mem::take(&mut values[slot]));
            }
        }
        let read = |output: &Output| {
            let ended = |v: f32| if output.sigmoid { 1.0 / (1.0 + (-v).exp()) } else { v };
            let (height, width, channels) = shapes[output.slot];
            let cells = values[output.slot][..height * width * channels].chunks_exact(channels);
            cells.flat_map(|cell| cell[..output.channels].iter().map(|&v| ended(v))).collect()
        };
        let read = self.plan.outputs.iter().map(read).collect();
        values.into_iter().for_each(give_back);
        read
    }
}

/// Keeps a value's memory for the thread's next ones.
fn give_back(values: Vec<f32>) {
    if values.capacity() > 0 {
        SPARE.with_borrow_mut(|spare| spare.push(values));
    }
}
