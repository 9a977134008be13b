//! What a graph's operations make of shapes, with bounds on all that is computed. Only operations that a `YuNet` may consist
//! of, as different programs export it, are known.

use std::collections::BTreeMap;

use super::tensors::shape;
use crate::files::quoted;
use crate::onnx::{Attributes as _, GraphProto, NodeProto, TensorProto, numbers, whole_numbers};

/// Most values of a map: 128 MiB.
const MOST_VALUES: usize = 1 << 25;
/// Most multiply-adds of a whole look; a `YuNet`'s at 320x320 has a hundred million.
const MOST_WORK: u64 = 1 << 34;
/// Largest kernel, and most axes of a value.
const LARGEST_KERNEL: usize = 7;
const MOST_AXES: usize = 4;

/// What a name stands for.
#[derive(Clone)]
enum Value {
    /// Values of this shape.
    Map(Vec<usize>),
    /// A shape or a part of one.
    Numbers(Vec<i64>),
}

/// The values of a graph as far as it has been gone through.
pub(super) struct Shapes<'a> {
    tensors: BTreeMap<&'a str, &'a TensorProto>,
    values: BTreeMap<&'a str, Value>,
    work: u64,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Shapes<'a> {
    /// Begins with the graph's tensors and an input of a shape.
    pub(super) fn new(
        graph: &'a GraphProto,
        tensors: BTreeMap<&'a str, Vec<usize>>,
        input: &'a str,
        shape: &[usize],
    ) -> Self {
        let mut values: BTreeMap<_, _> =
            tensors.into_iter().map(|(name, shape)| (name, Value::Map(shape))).collect();
        values.insert(input, Value::Map(shape.to_vec()));
        let tensors: BTreeMap<_, _> = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
        for (name, tensor) in &tensors {
            if let Some(numbers) = whole_numbers(tensor) {
                values.insert(name, Value::Numbers(numbers));
            }
        }
        Self { tensors, values, work: 0 }
    }

    /// How many values a name has that was computed.
    pub(super) fn values(&self, name: &str) -> Option<usize> {
        match self.values.get(name)? {
            Value::Map(shape) => Some(shape.iter().product()),
            Value::Numbers(_) => None,
        }
    }

    /// Goes through an operation.
    ///
    /// # Errors
    /// It cannot be, or is none that a `YuNet` has.
    pub(super) fn node(&mut self, node: &'a NodeProto) -> Result<()> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err("is of another domain".into());
        }
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            if !self.values.contains_key(name.as_str()) {
                return Err(format!("reads {}, which nothing before it computes", quoted(name)));
            }
        }
        let value = match node.op_type.as_str() {
            "Conv" => self.convolution(node)?,
            "MaxPool" => self.pool(node)?,
            "Relu" | "LeakyRelu" | "Sigmoid" | "HardSigmoid" | "Clip" | "Identity" | "QuantizeLinear"
            | "DequantizeLinear" => Value::Map(self.map(node, 0)?.to_vec()),
            "Cast" => self.value(node, 0)?.clone(),
            "BatchNormalization" => self.normalization(node)?,
            "Add" | "Sub" | "Mul" | "Div" => Value::Map(
                broadcast(self.map(node, 0)?, self.map(node, 1)?).ok_or("joins maps that do not fit")?,
            ),
            "Resize" | "Upsample" => self.doubled(node)?,
            "Transpose" => self.transposed(node)?,
            "Reshape" => self.reshaped(node)?,
            "Shape" => Value::Numbers(self.map(node, 0)?.iter().map(|&side| side as i64).collect()),
            "Gather" | "Unsqueeze" | "Concat" => self.numbers(node)?,
            "Constant" => constant(node)?,
            _ => return Err("is none that a YuNet has".into()),
        };
        if let Value::Map(shape) = &value {
            let values = shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side));
            if shape.len() > MOST_AXES || values.is_none_or(|n| n == 0 || n > MOST_VALUES) {
                return Err(format!("gives a map of {shape:?}"));
            }
        }
        let [output] = node.output.as_slice() else {
            return Err(format!("has {} outputs instead of one", node.output.len()));
        };
        if output.is_empty() || self.values.insert(output, value).is_some() {
            return Err(format!("computes {}, which is there already", quoted(output)));
        }
        Ok(())
    }

    fn value(&self, node: &NodeProto, place: usize) -> Result<&Value> {
        let name = node.input.get(place).filter(|name| !name.is_empty());
        name.and_then(|name| self.values.get(name.as_str())).ok_or_else(|| format!("has no input {place}"))
    }

    fn map(&self, node: &NodeProto, place: usize) -> Result<&[usize]> {
        match self.value(node, place)? {
            Value::Map(shape) => Ok(shape),
            Value::Numbers(_) => Err(format!("has a shape as its input {place}")),
        }
    }

    fn list(&self, node: &NodeProto, place: usize) -> Result<&[i64]> {
        match self.value(node, place)? {
            Value::Numbers(numbers) => Ok(numbers),
            Value::Map(_) => Err(format!("has no whole numbers as its input {place}")),
        }
    }

    /// Height and width of what a window gives that moves over a map.
    fn windows(node: &NodeProto, sides: [usize; 2], kernel: [usize; 2]) -> Result<[usize; 2]> {
        let possible = |name: &str, length: usize, most: i64, least: i64| match node.ints(name) {
            None => Ok(None),
            Some(values) if values.len() == length && values.iter().all(|v| (least..=most).contains(v)) => {
                Ok(Some(values))
            }
            Some(_) => Err(format!("has {name} that cannot be")),
        };
        if kernel.iter().any(|k| !(1..=LARGEST_KERNEL).contains(k)) {
            return Err("has a kernel that cannot be".into());
        }
        if node.word("auto_pad").is_some_and(|word| !matches!(word, b"" | b"NOTSET"))
            || node.int("ceil_mode") == Some(1)
        {
            return Err("is padded in a way that no YuNet is".into());
        }
        if possible("kernel_shape", 2, LARGEST_KERNEL as i64, 1)?
            .is_some_and(|shape| shape != [kernel[0] as i64, kernel[1] as i64])
        {
            return Err("has weights of another kernel".into());
        }
        possible("dilations", 2, 1, 1)?;
        let strides = possible("strides", 2, 4, 1)?.unwrap_or(&[1, 1]);
        let pads = possible("pads", 4, LARGEST_KERNEL as i64 - 1, 0)?.unwrap_or(&[0; 4]);
        let mut given = [0; 2];
        for axis in 0..2 {
            if pads[axis].max(pads[axis + 2]) >= kernel[axis] as i64 {
                return Err("has pads that cannot be".into());
            }
            let padded = sides[axis] + (pads[axis] + pads[axis + 2]) as usize;
            let left = padded.checked_sub(kernel[axis]).ok_or("has a kernel larger than its map")?;
            given[axis] = left / strides[axis] as usize + 1;
        }
        Ok(given)
    }

    fn convolution(&mut self, node: &NodeProto) -> Result<Value> {
        let (&[items, channels, height, width], &[outputs, each, rows, columns]) =
            (self.map(node, 0)?, self.map(node, 1)?)
        else {
            return Err("has maps or weights of other axes than four".into());
        };
        let group = usize::try_from(node.int("group").unwrap_or(1)).unwrap_or(0);
        let fits = group > 0
            && channels.is_multiple_of(group)
            && outputs.is_multiple_of(group)
            && channels / group == each;
        if !fits || node.input.len() > 2 && self.map(node, 2)? != [outputs] {
            return Err("has weights that do not fit its map".into());
        }
        let [height, width] = Self::windows(node, [height, width], [rows, columns])?;
        let work = [items, height, width, outputs, each, rows, columns];
        let work = work.iter().try_fold(1u64, |all, &n| all.checked_mul(n as u64));
        self.work = work.and_then(|work| self.work.checked_add(work)).unwrap_or(u64::MAX);
        if self.work > MOST_WORK {
            return Err("makes it more work than any YuNet".into());
        }
        Ok(Value::Map(vec![items, outputs, height, width]))
    }

    fn pool(&self, node: &NodeProto) -> Result<Value> {
        let &[items, channels, height, width] = self.map(node, 0)? else {
            return Err("has a map of other axes than four".into());
        };
        let Some(&[rows, columns]) = node.ints("kernel_shape") else { return Err("has no kernel".into()) };
        let kernel = [rows, columns].map(|side| usize::try_from(side).unwrap_or(0));
        let [height, width] = Self::windows(node, [height, width], kernel)?;
        Ok(Value::Map(vec![items, channels, height, width]))
    }

    fn normalization(&self, node: &NodeProto) -> Result<Value> {
        let shape = self.map(node, 0)?;
        for place in 1..5 {
            if shape.len() < 2 || self.map(node, place)? != [shape[1]] {
                return Err("has values that do not fit its map".into());
            }
        }
        Ok(Value::Map(shape.to_vec()))
    }

    /// Enlarging to twice the height and width, the only way that a `YuNet` enlarges.
    fn doubled(&self, node: &NodeProto) -> Result<Value> {
        let &[items, channels, height, width] = self.map(node, 0)? else {
            return Err("has a map of other axes than four".into());
        };
        let place = if node.op_type == "Upsample" { 1 } else { 2 };
        let scales = node.input.get(place).and_then(|name| self.tensors.get(name.as_str()));
        if node.input.len() > place + 1
            || scales.and_then(|t| numbers(t)).as_deref() != Some(&[1.0, 1.0, 2.0, 2.0])
        {
            return Err("does not double height and width".into());
        }
        Ok(Value::Map(vec![items, channels, 2 * height, 2 * width]))
    }

    fn transposed(&self, node: &NodeProto) -> Result<Value> {
        let shape = self.map(node, 0)?;
        let perm: Vec<usize> = node
            .ints("perm")
            .unwrap_or_default()
            .iter()
            .map(|&a| usize::try_from(a).unwrap_or(usize::MAX))
            .collect();
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..shape.len()) {
            return Err("has axes that cannot be".into());
        }
        Ok(Value::Map(perm.iter().map(|&axis| shape[axis]).collect()))
    }

    fn reshaped(&self, node: &NodeProto) -> Result<Value> {
        let (from, wanted) = (self.map(node, 0)?, self.list(node, 1)?);
        let cannot = || format!("cannot turn {from:?} into {:?}", &wanted[..wanted.len().min(MOST_AXES)]);
        let values: usize = from.iter().product();
        if wanted.len() > MOST_AXES || wanted.iter().filter(|&&side| side == -1).count() > 1 {
            return Err(cannot());
        }
        let mut shape = vec![];
        for (axis, &side) in wanted.iter().enumerate() {
            shape.push(match side {
                -1 => 1,
                0 => *from.get(axis).ok_or_else(cannot)?,
                side => usize::try_from(side).map_err(|_| cannot())?,
            });
        }
        let known = shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side)).ok_or_else(cannot)?;
        if let Some(axis) = wanted.iter().position(|&side| side == -1) {
            if known == 0 || !values.is_multiple_of(known) {
                return Err(cannot());
            }
            shape[axis] = values / known;
        } else if known != values {
            return Err(cannot());
        }
        Ok(Value::Map(shape))
    }

    /// The arithmetic of shapes that a reshaping reads, on one axis.
    fn numbers(&self, node: &NodeProto) -> Result<Value> {
        if node.int("axis").is_some_and(|axis| axis != 0)
            || node.ints("axes").is_some_and(|axes| axes != [0])
            || (node.op_type == "Unsqueeze" && node.input.len() > 1 && self.list(node, 1)? != [0])
        {
            return Err("has another axis than the first".into());
        }
        let first = self.list(node, 0)?;
        let numbers = match node.op_type.as_str() {
            "Unsqueeze" => first.to_vec(),
            "Gather" => {
                let places = self.list(node, 1)?.iter();
                let taken = places.map(|&at| usize::try_from(at).ok().and_then(|at| first.get(at)).copied());
                taken.collect::<Option<_>>().ok_or("takes what is not there")?
            }
            _ => {
                let mut all = vec![];
                for place in 0..node.input.len() {
                    all.extend(self.list(node, place)?);
                }
                all
            }
        };
        if numbers.is_empty() || numbers.len() > MOST_AXES {
            return Err(format!("gives a shape of {} sides", numbers.len()));
        }
        Ok(Value::Numbers(numbers))
    }
}

fn constant(node: &NodeProto) -> Result<Value> {
    let tensor = node.attribute("value").and_then(|a| a.t.as_ref()).ok_or("holds no tensor")?;
    let shape = shape(tensor)?;
    Ok(whole_numbers(tensor).map_or(Value::Map(shape), Value::Numbers))
}

/// The shape of two maps taken together value by value, sides of 1 repeated.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let length = a.len().max(b.len());
    let side =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(length).map_or(1, |at| shape[at]);
    (0..length)
        .map(|axis| match (side(a, axis), side(b, axis)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
}
