//! A graph with every operation of a `YuNet`, for tests.

use super::grids::{KINDS, STRIDES};
use crate::onnx::{
    AttributeProto, Dimension, DimensionValue, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, TypeValue, ValueInfoProto, attribute_type, element,
};

/// A graph under way.
#[derive(Default)]
struct Drawing {
    graph: GraphProto,
    drawn: usize,
}

impl Drawing {
    fn tensor(&mut self, dims: &[usize], values: Vec<f32>) -> String {
        let name = format!("t{}", self.graph.initializer.len());
        let raw_data = values.into_iter().flat_map(f32::to_le_bytes).collect();
        let dims = dims.iter().map(|&d| d as i64).collect();
        let tensor =
            TensorProto { name: name.clone(), dims, data_type: 1, raw_data, ..TensorProto::default() };
        self.graph.initializer.push(tensor);
        name
    }

    /// Values that differ, as large as keeps a map's values about as large as they were.
    fn drawn(&mut self, dims: &[usize], scale: f32) -> String {
        let values = (0..dims.iter().product()).map(|_| {
            self.drawn += 1;
            ((self.drawn * 7919 % 1009) as f32 / 504.0 - 1.0) * scale
        });
        let values = values.collect();
        self.tensor(dims, values)
    }

    fn node(&mut self, op_type: &str, input: &[&str], attribute: Vec<AttributeProto>) -> String {
        let output = format!("v{}", self.graph.node.len());
        self.graph.node.push(NodeProto {
            op_type: op_type.into(),
            input: input.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.clone()],
            attribute,
            ..NodeProto::default()
        });
        output
    }

    fn convolution(&mut self, from: &str, dims: [usize; 4], stride: i64, group: usize) -> String {
        let [outputs, each, kernel, _] = dims;
        let scale = (3.0 / (each * kernel * kernel) as f32).sqrt();
        let (weights, bias) = (self.drawn(&dims, scale), self.drawn(&[outputs], 0.3));
        let attributes = vec![
            ints("dilations", &[1, 1]),
            AttributeProto { i: group as i64, ..attribute("group", attribute_type::INT) },
            ints("kernel_shape", &[kernel as i64; 2]),
            ints("pads", &[kernel as i64 / 2; 4]),
            ints("strides", &[stride; 2]),
        ];
        self.node("Conv", &[from, &weights, &bias], attributes)
    }

    /// A pointwise and a depthwise convolution.
    fn unit(&mut self, from: &str, inputs: usize, outputs: usize) -> String {
        let middle = self.convolution(from, [outputs, inputs, 1, 1], 1, 1);
        self.convolution(&middle, [outputs, 1, 3, 3], 1, outputs)
    }

    fn rectified_unit(&mut self, from: &str, inputs: usize, outputs: usize) -> String {
        let value = self.unit(from, inputs, outputs);
        self.node("Relu", &[&value], vec![])
    }

    fn halved(&mut self, from: &str) -> String {
        self.node("MaxPool", &[from], vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])])
    }

    fn added_to_upsampled(&mut self, whole: &str, half: &str) -> String {
        let (empty, scales) = (self.tensor(&[0], vec![]), self.tensor(&[4], vec![1.0, 1.0, 2.0, 2.0]));
        let word = |name: &str, word: &str| AttributeProto {
            s: word.into(),
            ..attribute(name, attribute_type::STRING)
        };
        let attributes = vec![
            word("mode", "nearest"),
            word("coordinate_transformation_mode", "asymmetric"),
            word("nearest_mode", "floor"),
        ];
        let twice = self.node("Resize", &[half, &empty, &scales], attributes);
        self.node("Add", &[whole, &twice], vec![])
    }
}

pub(super) fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: name.into(), kind, ..AttributeProto::default() }
}

pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, attribute_type::INTS) }
}

pub(super) fn described(name: &str, shape: Option<[Option<usize>; 4]>) -> ValueInfoProto {
    let dim = |side: Option<usize>| {
        let value = side
            .map_or_else(|| DimensionValue::Named("side".into()), |side| DimensionValue::Length(side as i64));
        Dimension { value: Some(value) }
    };
    let shape = shape.map(|shape| TensorShapeProto { dim: shape.into_iter().map(dim).collect() });
    let value = TypeValue::Tensor(TensorTypeProto { elem_type: element::FLOAT, shape });
    let kind = TypeProto { value: Some(value) };
    ValueInfoProto { name: name.into(), kind: Some(kind), ..ValueInfoProto::default() }
}

/// A `YuNet` in small, and its outputs' names.
pub(super) fn small() -> (GraphProto, Vec<String>) {
    let mut g = Drawing::default();
    g.graph.input.push(described("input", Some([Some(1), Some(3), None, None])));
    let stem = g.convolution("input", [16, 3, 3, 3], 2, 1);
    let stem = g.node("Relu", &[&stem], vec![]);
    let stem = g.rectified_unit(&stem, 16, 20);
    let half = g.halved(&stem);
    let half = g.halved(&half);
    let eighth = g.rectified_unit(&half, 20, 24);
    let half = g.halved(&eighth);
    let sixteenth = g.rectified_unit(&half, 24, 24);
    let half = g.halved(&sixteenth);
    let last = g.rectified_unit(&half, 24, 24);
    let sixteenth = g.added_to_upsampled(&sixteenth, &last);
    let sixteenth = g.rectified_unit(&sixteenth, 24, 24);
    let eighth = g.added_to_upsampled(&eighth, &sixteenth);
    let mut names = vec![];
    for (map, stride) in [eighth, sixteenth, last].into_iter().zip(STRIDES) {
        for (kind, channels) in KINDS {
            let value = g.unit(&map, 24, channels);
            let value = g.node("Transpose", &[&value], vec![ints("perm", &[0, 2, 3, 1])]);
            let shape = TensorProto {
                name: format!("shape{}", g.graph.initializer.len()),
                dims: vec![3],
                data_type: 7,
                int64_data: vec![1, -1, channels as i64],
                ..TensorProto::default()
            };
            let value = g.node("Reshape", &[&value, &shape.name], vec![]);
            g.graph.initializer.push(shape);
            let value = if channels == 1 { g.node("Sigmoid", &[&value], vec![]) } else { value };
            let name = format!("{kind}_{stride}");
            let last = g.graph.node.last_mut().expect("a node");
            assert_eq!(last.output, [value]);
            last.output = vec![name.clone()];
            g.graph.output.push(described(&name, None));
            names.push(name);
        }
    }
    (g.graph, names)
}
