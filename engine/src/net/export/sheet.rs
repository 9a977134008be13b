//! A graph under way.

use std::collections::BTreeMap;

use crate::net::storage::Storage;
use crate::net::weights::Weights;
use crate::onnx::{
    AttributeProto, Dimension, DimensionValue, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, TypeValue, ValueInfoProto, attribute_type, element,
};

/// A side of an input or output: a length, or the name of one that may be any.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Any(&'static str),
    Of(usize),
}

/// A graph under way.
pub(super) struct Sheet {
    graph: GraphProto,
    storage: Storage,
    /// Tensors that were drawn, with what reads them in single precision.
    tensors: BTreeMap<String, String>,
}

impl Sheet {
    pub fn new(storage: Storage) -> Self {
        Self { graph: GraphProto::default(), storage, tensors: BTreeMap::new() }
    }

    /// Draws an input.
    pub fn input(&mut self, name: &str, sides: &[Side], what: &str) {
        self.graph.input.push(described(name, sides, what));
    }

    /// Draws an output, which is computed under that name.
    pub fn output(&mut self, name: &str, sides: &[Side], what: &str) {
        self.graph.output.push(described(name, sides, what));
    }

    /// A tensor of the weights under its own name; gives the name of its values in single precision.
    ///
    /// # Errors
    /// It is missing, or a value is too large for the storage.
    pub fn weight(&mut self, weights: &Weights, name: &str) -> Result<String, String> {
        let tensor = weights.tensors.get(name).ok_or_else(|| format!("its tensor `{name}` is missing"))?;
        self.stored(name, &tensor.shape, &tensor.data)
    }

    /// A tensor, stored as the file's weights are; gives the name of its values in single precision.
    ///
    /// # Errors
    /// A value is too large for the storage.
    pub fn stored(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Result<String, String> {
        if let Some(known) = self.tensors.get(name) {
            return Ok(known.clone());
        }
        let raw_data = self.storage.encode(name, values)?;
        let half = self.storage == Storage::F16;
        let data_type = if half { element::FLOAT16 } else { element::FLOAT };
        self.tensor(name, shape, data_type, raw_data);
        let read = if half {
            let widened = format!("{name}.single");
            let to = whole("to", i64::from(element::FLOAT));
            self.named("Cast", &format!("{name}.widen"), &[name], &[&widened], vec![to]);
            widened
        } else {
            name.to_owned()
        };
        self.tensors.insert(name.to_owned(), read.clone());
        Ok(read)
    }

    /// Values that belong to the graph and not to the weights.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        if self.tensors.insert(name.to_owned(), name.to_owned()).is_none() {
            let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.tensor(name, shape, element::FLOAT, raw_data);
        }
        name.to_owned()
    }

    /// Whole numbers: a shape, axes, places. No shape makes a single one.
    pub fn whole_numbers(&mut self, name: &str, shape: &[usize], values: &[i64]) -> String {
        if self.tensors.insert(name.to_owned(), name.to_owned()).is_none() {
            let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.tensor(name, shape, element::INT64, raw_data);
        }
        name.to_owned()
    }

    fn tensor(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) {
        let dims = shape.iter().map(|&side| side as i64).collect();
        let tensor = TensorProto { name: name.into(), dims, data_type, raw_data, ..TensorProto::default() };
        self.graph.initializer.push(tensor);
    }

    /// Draws an operation with one output, which has the operation's name.
    pub fn node(&mut self, op: &str, name: &str, input: &[&str], attributes: Vec<AttributeProto>) -> String {
        self.named(op, name, input, &[name], attributes);
        name.to_owned()
    }

    /// Draws an operation with outputs of other names.
    pub fn named(
        &mut self,
        op: &str,
        name: &str,
        input: &[&str],
        output: &[&str],
        attribute: Vec<AttributeProto>,
    ) {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.graph.node.push(NodeProto {
            op_type: op.into(),
            name: name.into(),
            input: owned(input),
            output: owned(output),
            attribute,
            domain: String::new(),
        });
    }

    /// Draws `softmax(logits / temperature)` as the output `probabilities`.
    pub fn probabilities(&mut self, logits: &str, temperature: f32) {
        let temperature = self.constant("temperature", &[], &[temperature]);
        let scaled = self.node("Div", "logits.scaled", &[logits, &temperature], vec![]);
        self.node("Softmax", "probabilities", &[&scaled], vec![whole("axis", -1)]);
    }

    /// The graph.
    pub fn finish(mut self, name: String) -> GraphProto {
        self.graph.name = name;
        self.graph
    }
}

fn described(name: &str, sides: &[Side], what: &str) -> ValueInfoProto {
    let dim = |side: &Side| Dimension {
        value: Some(match side {
            Side::Any(name) => DimensionValue::Named((*name).into()),
            Side::Of(length) => DimensionValue::Length(*length as i64),
        }),
    };
    let shape = TensorShapeProto { dim: sides.iter().map(dim).collect() };
    let kind = TypeValue::Tensor(TensorTypeProto { elem_type: element::FLOAT, shape: Some(shape) });
    ValueInfoProto { name: name.into(), kind: Some(TypeProto { value: Some(kind) }), doc_string: what.into() }
}

/// An attribute that is a whole number.
pub(super) fn whole(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: value, kind: attribute_type::INT, ..AttributeProto::default() }
}

/// An attribute that is a list of whole numbers.
pub(super) fn wholes(name: &str, values: &[i64]) -> AttributeProto {
    let ints = values.to_vec();
    AttributeProto { name: name.into(), ints, kind: attribute_type::INTS, ..AttributeProto::default() }
}

/// An attribute that is a number.
pub(super) fn number(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f: value, kind: attribute_type::FLOAT, ..AttributeProto::default() }
}
