//! From a graph to steps.

use std::collections::BTreeMap;

use super::MULTIPLE;
use super::kernels::padded;
use super::steps::{Kind, Layer, Output, Plan, Slot, Step};

use crate::onnx::{Attributes as _, GraphProto, NodeProto, TensorProto, numbers, sides};

/// Reads a graph; `None` where it has an operation that is not among the expected ones.
pub(super) fn plan(graph: &GraphProto, outputs: &[String]) -> Option<Plan> {
    let mut building = Building::new(graph)?;
    for node in &graph.node {
        building.node(node)?;
    }
    building.finish(outputs)
}

/// What a name of the graph stands for.
#[derive(Clone, Copy)]
struct Value {
    slot: Slot,
    /// Without padding.
    channels: usize,
    /// Pixels of the input that one of its pixels stands for, along a side.
    stride: usize,
    /// Stands for the slot at twice its height and width.
    upsampled: bool,
    /// Its channels have become the last axis, as they lie anyway.
    listed: bool,
    sigmoid: bool,
}

impl Value {
    fn map(slot: Slot, channels: usize, stride: usize) -> Self {
        Self { slot, channels, stride, upsampled: false, listed: false, sigmoid: false }
    }
}

struct Building<'a> {
    tensors: BTreeMap<&'a str, &'a TensorProto>,
    uses: BTreeMap<&'a str, usize>,
    values: BTreeMap<&'a str, Value>,
    steps: Vec<Step>,
    slots: usize,
}

impl<'a> Building<'a> {
    fn new(graph: &'a GraphProto) -> Option<Self> {
        let tensors: BTreeMap<_, _> = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
        let mut uses = BTreeMap::new();
        let read = graph.node.iter().flat_map(|node| &node.input);
        for name in read.chain(graph.output.iter().map(|output| &output.name)) {
            *uses.entry(name.as_str()).or_insert(0) += 1;
        }
        // Older files list their weights among the inputs.
        let [input] =
            *graph.input.iter().filter(|i| !tensors.contains_key(i.name.as_str())).collect::<Vec<_>>()
        else {
            return None;
        };
        let values = BTreeMap::from([(input.name.as_str(), Value::map(0, 3, 1))]);
        Some(Self { tensors, uses, values, steps: vec![], slots: 1 })
    }

    fn node(&mut self, node: &'a NodeProto) -> Option<()> {
        let (ints, word) = (|name: &str| node.ints(name), |name: &str| node.word(name));
        let [output] = node.output.as_slice() else { return None };
        let operand =
            |place: usize| node.input.get(place).and_then(|name| self.values.get(name.as_str())).copied();
        // Only an addition may follow an enlarged map, and nothing that computes a list or a sigmoid.
        let whole = |place: usize| operand(place).filter(|v| !v.upsampled);
        let plain = |place: usize| whole(place).filter(|v| !v.listed && !v.sigmoid);
        let value = match node.op_type.as_str() {
            "Conv" => self.convolution(node, plain(0)?)?,
            "Relu" => {
                let value = plain(0)?;
                let only = self.uses.get(node.input[0].as_str()) == Some(&1);
                let layer =
                    self.steps.iter_mut().find(|step| step.output == value.slot).and_then(Step::layer)?;
                if !only {
                    return None;
                }
                layer.relu = true;
                value
            }
            "MaxPool" => {
                let value = plain(0)?;
                let halves = ints("kernel_shape") == Some(&[2, 2])
                    && ints("strides") == Some(&[2, 2])
                    && ints("pads").is_none_or(|pads| pads.iter().all(|&p| p == 0));
                let fits = halves && value.slot != 0 && value.stride < MULTIPLE;
                fits.then(|| self.step(Kind::MaxPool, value.slot, value.channels, 2 * value.stride))?
            }
            "Resize" => {
                let value = plain(0)?;
                let scales = numbers(self.tensors.get(node.input.last()?.as_str())?)?;
                let nearest = word("mode") == Some(b"nearest")
                    && word("coordinate_transformation_mode") == Some(b"asymmetric")
                    && word("nearest_mode") == Some(b"floor");
                (nearest && scales == [1.0, 1.0, 2.0, 2.0]).then_some(Value { upsampled: true, ..value })?
            }
            "Add" => {
                let upsampled = |place: usize| operand(place).filter(|v| v.upsampled);
                let (own, half) = match upsampled(0) {
                    Some(half) => (plain(1)?, half),
                    None => (plain(0)?, upsampled(1)?),
                };
                let fits = (own.channels, 2 * own.stride) == (half.channels, half.stride);
                fits.then(|| self.step(Kind::AddUpsampled(half.slot), own.slot, own.channels, own.stride))?
            }
            "Transpose" => {
                let value = whole(0).filter(|v| !v.listed)?;
                (ints("perm") == Some(&[0, 2, 3, 1])).then_some(Value { listed: true, ..value })?
            }
            "Reshape" => whole(0).filter(|v| v.listed)?,
            "Sigmoid" => Value { sigmoid: true, ..whole(0).filter(|v| !v.sigmoid)? },
            // The arithmetic of shapes that a reshaping reads.
            "Shape" | "Gather" | "Unsqueeze" | "Concat" | "Constant" => return Some(()),
            _ => return None,
        };
        self.values.insert(output, value);
        Some(())
    }

    fn convolution(&mut self, node: &NodeProto, from: Value) -> Option<Value> {
        let is = |name: &str, values: &[i64]| node.ints(name) == Some(values);
        let group = node.int("group").unwrap_or(1);
        let tensor = self.tensors.get(node.input.get(1)?.as_str())?;
        let (weights, dims) = (numbers(tensor)?, sides(tensor)?);
        let bias = numbers(self.tensors.get(node.input.get(2)?.as_str())?)?;
        let [outputs, each, kernel, _] = *dims.as_slice() else { return None };
        let known = matches!(dims[2..], [1, 1] | [3, 3]) && is("dilations", &[1, 1]);
        if !known
            || outputs == 0
            || bias.len() != outputs
            || weights.len() != outputs * each * kernel * kernel
        {
            return None;
        }
        let dense = group == 1 && each == from.channels;
        let apart = usize::try_from(group) == Ok(from.channels) && each == 1 && outputs == from.channels;
        let wide = padded(outputs);
        // From output, input, tap to the kernel's order.
        let pack = |rows: usize, row: &dyn Fn(usize, usize) -> usize| {
            let mut packed = vec![0.0; rows * wide];
            for (at, value) in weights.iter().enumerate() {
                let (output, rest) = (at / (each * kernel * kernel), at % (each * kernel * kernel));
                packed[row(rest / (kernel * kernel), rest % (kernel * kernel)) * wide + output] = *value;
            }
            packed
        };
        let mut ending = bias;
        ending.resize(wide, 0.0);
        let layer = |weights| Layer { weights, bias: ending, relu: false };
        let kind = if dense && from.slot != 0 && kernel == 1 && is("strides", &[1, 1]) && is("pads", &[0; 4])
        {
            Kind::Pointwise(layer(pack(padded(each), &|input, _| input)))
        } else if apart && from.slot != 0 && kernel == 3 && is("strides", &[1, 1]) && is("pads", &[1; 4]) {
            Kind::Depthwise(layer(pack(9, &|_, tap| tap)))
        } else if dense && from.slot == 0 && kernel == 3 && is("strides", &[2, 2]) && is("pads", &[1; 4]) {
            Kind::Stem(layer(pack(27, &|input, tap| tap * 3 + input)))
        } else {
            return None;
        };
        let stride = if from.slot == 0 { 2 } else { from.stride };
        Some(self.step(kind, from.slot, outputs, stride))
    }

    fn step(&mut self, kind: Kind, input: Slot, channels: usize, stride: usize) -> Value {
        let slot = self.slots;
        self.slots += 1;
        self.steps.push(Step { kind, input, output: slot, done: vec![] });
        Value::map(slot, channels, stride)
    }

    fn finish(mut self, outputs: &[String]) -> Option<Plan> {
        let outputs: Vec<Output> = outputs
            .iter()
            .map(|name| {
                let Value { slot, channels, listed, sigmoid, .. } = *self.values.get(name.as_str())?;
                (listed && slot != 0).then_some(Output { slot, channels, sigmoid })
            })
            .collect::<Option<_>>()?;
        for slot in 1..self.slots {
            if outputs.iter().all(|output| output.slot != slot)
                && let Some(last) = self.steps.iter_mut().rev().find(|step| step.reads(slot))
            {
                last.done.push(slot);
            }
        }
        Some(Plan { steps: self.steps, slots: self.slots, outputs })
    }
}
