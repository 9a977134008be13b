//! A `YuNet`'s graph as steps of our own, which take a third of the time that a general library takes over so small a
//! network. A file whose graph is anything else than expected gives no [`Network`], and the library runs it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::kernels::{Map, Matrix, Operation, padded};
use crate::simd::Isa;

/// Where a value is kept.
type Slot = usize;

/// A matrix with its bias, padded.
struct Layer {
    weights: Vec<f32>,
    bias: Vec<f32>,
    relu: bool,
}

impl Layer {
    fn matrix(&self) -> Matrix<'_> {
        Matrix { weights: &self.weights, bias: &self.bias, relu: self.relu }
    }
}

enum Kind {
    Stem(Layer),
    Pointwise(Layer),
    Depthwise(Layer),
    MaxPool,
    /// The other map, of half the size.
    AddUpsampled(Slot),
}

struct Step {
    kind: Kind,
    input: Slot,
    output: Slot,
    /// Values that nothing reads after this step.
    done: Vec<Slot>,
}

struct Output {
    slot: Slot,
    channels: usize,
    sigmoid: bool,
}

/// The steps of a `YuNet`.
pub(super) struct Network {
    isa: Isa,
    steps: Vec<Step>,
    slots: usize,
    outputs: Vec<Output>,
}

thread_local! {
    /// Memory of values that are done with.
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

impl Network {
    /// Reads the graph; `None` where it has an operation that is not among the expected ones.
    pub(super) fn of(graph: &GraphProto, outputs: &[String]) -> Option<Self> {
        let mut building = Building::new(graph)?;
        for node in &graph.node {
            building.node(node)?;
        }
        building.finish(outputs)
    }

    /// The outputs, `cell x channel`, for a frame with 3 channels and a border of zeros one pixel wide around
    /// `height x width` pixels, both multiples of 32.
    pub(super) fn run(&self, frame: &[f32], height: usize, width: usize) -> Vec<Vec<f32>> {
        let mut shapes = vec![(height + 2, width + 2, 3); self.slots];
        let mut values: Vec<Vec<f32>> = vec![vec![]; self.slots];
        for step in &self.steps {
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
        let read = self.outputs.iter().map(read).collect();
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

/// What a name of the graph stands for.
#[derive(Clone, Copy)]
struct Value {
    slot: Slot,
    /// Without padding.
    channels: usize,
    /// Stands for the slot at twice its height and width.
    upsampled: bool,
    sigmoid: bool,
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
        for name in graph.node.iter().flat_map(|node| &node.input) {
            *uses.entry(name.as_str()).or_insert(0) += 1;
        }
        // Older files list their weights among the inputs.
        let [input] =
            *graph.input.iter().filter(|i| !tensors.contains_key(i.name.as_str())).collect::<Vec<_>>()
        else {
            return None;
        };
        let frame = Value { slot: 0, channels: 3, upsampled: false, sigmoid: false };
        let values = BTreeMap::from([(input.name.as_str(), frame)]);
        Some(Self { tensors, uses, values, steps: vec![], slots: 1 })
    }

    fn node(&mut self, node: &'a NodeProto) -> Option<()> {
        let ints = |name: &str| node.attribute.iter().find(|a| a.name == name).map(|a| a.ints.as_slice());
        let word = |name: &str| {
            node.attribute.iter().find(|a| a.name == name).map(|a| String::from_utf8_lossy(&a.s).into_owned())
        };
        let [output] = node.output.as_slice() else { return None };
        let operand =
            |place: usize| node.input.get(place).and_then(|name| self.values.get(name.as_str())).copied();
        // No operation but the last reshaping may follow a sigmoid, and only an addition an enlarged map.
        let plain = |place: usize| operand(place).filter(|v| !v.upsampled && !v.sigmoid);
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
                (halves && value.slot != 0).then(|| self.step(Kind::MaxPool, value.slot, value.channels))?
            }
            "Resize" => {
                let value = plain(0)?;
                let scales = numbers(self.tensors.get(node.input.last()?.as_str())?)?;
                let nearest = word("mode").as_deref() == Some("nearest")
                    && word("coordinate_transformation_mode").as_deref() == Some("asymmetric")
                    && word("nearest_mode").as_deref() == Some("floor");
                (nearest && scales == [1.0, 1.0, 2.0, 2.0]).then_some(Value { upsampled: true, ..value })?
            }
            "Add" => {
                let (a, b) = (operand(0)?, operand(1)?);
                let (whole, half) = if a.upsampled { (b, a) } else { (a, b) };
                let fits = half.upsampled && !whole.upsampled && whole.channels == half.channels;
                fits.then(|| self.step(Kind::AddUpsampled(half.slot), whole.slot, whole.channels))?
            }
            // Channels lie together anyway.
            "Transpose" => (ints("perm") == Some(&[0, 2, 3, 1])).then_some(operand(0)?)?,
            "Reshape" => operand(0)?,
            "Sigmoid" => Value { sigmoid: true, ..plain(0)? },
            // The arithmetic of shapes that a reshaping reads.
            "Shape" | "Gather" | "Unsqueeze" | "Concat" | "Constant" => return Some(()),
            _ => return None,
        };
        self.values.insert(output, value);
        Some(())
    }

    fn convolution(&mut self, node: &NodeProto, from: Value) -> Option<Value> {
        let all = |name: &str, value: i64| {
            let given = node.attribute.iter().find(|a| a.name == name);
            given.is_some_and(|a| a.ints.iter().all(|&v| v == value))
        };
        let group = node.attribute.iter().find(|a| a.name == "group").map_or(1, |a| a.i);
        let tensor = self.tensors.get(node.input.get(1)?.as_str())?;
        let (weights, dims) = (numbers(tensor)?, sides(tensor)?);
        let bias = numbers(self.tensors.get(node.input.get(2)?.as_str())?)?;
        let [outputs, each, kernel, _] = *dims.as_slice() else { return None };
        let square = dims[2] == dims[3] && all("dilations", 1) && bias.len() == outputs;
        if !square || weights.len() != outputs * each * kernel * kernel {
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
        let kind = if dense && from.slot != 0 && kernel == 1 && all("strides", 1) && all("pads", 0) {
            Kind::Pointwise(layer(pack(padded(each), &|input, _| input)))
        } else if apart && from.slot != 0 && kernel == 3 && all("strides", 1) && all("pads", 1) {
            Kind::Depthwise(layer(pack(9, &|_, tap| tap)))
        } else if dense && from.slot == 0 && kernel == 3 && all("strides", 2) && all("pads", 1) {
            Kind::Stem(layer(pack(27, &|input, tap| tap * 3 + input)))
        } else {
            return None;
        };
        Some(self.step(kind, from.slot, outputs))
    }

    fn step(&mut self, kind: Kind, input: Slot, channels: usize) -> Value {
        let slot = self.slots;
        self.slots += 1;
        self.steps.push(Step { kind, input, output: slot, done: vec![] });
        Value { slot, channels, upsampled: false, sigmoid: false }
    }

    fn finish(mut self, outputs: &[String]) -> Option<Network> {
        let outputs: Vec<Output> = outputs
            .iter()
            .map(|name| {
                let Value { slot, channels, upsampled, sigmoid } = *self.values.get(name.as_str())?;
                (!upsampled && slot != 0).then_some(Output { slot, channels, sigmoid })
            })
            .collect::<Option<_>>()?;
        for slot in 1..self.slots {
            if outputs.iter().all(|output| output.slot != slot)
                && let Some(last) = self.steps.iter_mut().rev().find(|step| step.reads(slot))
            {
                last.done.push(slot);
            }
        }
        Some(Network { isa: Isa::detect(), steps: self.steps, slots: self.slots, outputs })
    }
}

impl Step {
    fn layer(&mut self) -> Option<&mut Layer> {
        match &mut self.kind {
            Kind::Stem(layer) | Kind::Pointwise(layer) | Kind::Depthwise(layer) => Some(layer),
            Kind::MaxPool | Kind::AddUpsampled(_) => None,
        }
    }

    fn reads(&self, slot: Slot) -> bool {
        self.input == slot || matches!(self.kind, Kind::AddUpsampled(half) if half == slot)
    }
}

/// The single-precision values that a tensor holds itself.
fn numbers(tensor: &TensorProto) -> Option<Vec<f32>> {
    const FLOAT: i32 = 1;
    if tensor.data_type != FLOAT || !tensor.external_data.is_empty() {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.float_data.clone());
    }
    let (values, rest) = tensor.raw_data.as_chunks::<4>();
    rest.is_empty().then(|| values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn sides(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|&d| usize::try_from(d).ok().filter(|d| *d <= 1 << 16)).collect()
}
