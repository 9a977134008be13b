//! Our steps against tract, on a small graph with every operation of a `YuNet`.

use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use tract_onnx::prelude::*;

use super::network::Network;
use super::{KINDS, STRIDES, frame, planes};
use crate::media::Picture;

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
            AttributeProto { i: group as i64, ..attribute("group", 2) },
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
        let word = |name: &str, word: &str| AttributeProto { s: word.into(), ..attribute(name, 3) };
        let attributes = vec![
            word("mode", "nearest"),
            word("coordinate_transformation_mode", "asymmetric"),
            word("nearest_mode", "floor"),
        ];
        let twice = self.node("Resize", &[half, &empty, &scales], attributes);
        self.node("Add", &[whole, &twice], vec![])
    }
}

fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: kind, ..AttributeProto::default() }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, 7) }
}

fn described(name: &str, shape: Option<[Option<usize>; 4]>) -> ValueInfoProto {
    let dim = |side: Option<usize>| {
        use tensor_shape_proto::dimension::Value;
        let value = side.map_or_else(|| Value::DimParam("side".into()), |side| Value::DimValue(side as i64));
        tensor_shape_proto::Dimension { value: Some(value), ..tensor_shape_proto::Dimension::default() }
    };
    let shape = shape.map(|shape| TensorShapeProto { dim: shape.into_iter().map(dim).collect() });
    let value = type_proto::Value::TensorType(type_proto::Tensor { elem_type: 1, shape });
    let kind = TypeProto { value: Some(value), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..ValueInfoProto::default() }
}

/// A `YuNet` in small, and its outputs' names.
fn small() -> (GraphProto, Vec<String>) {
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

fn picture(width: usize, height: usize) -> Picture {
    let pixels = (0..width * height * 3).map(|i| (i * 31 % 253) as u8).collect();
    Picture { width, height, channels: 3, pixels }
}

fn by_tract(graph: &GraphProto, picture: &Picture, (w, h): (usize, usize)) -> Vec<Vec<f32>> {
    let proto = ModelProto {
        ir_version: 6,
        opset_import: vec![OperatorSetIdProto { version: 11, ..OperatorSetIdProto::default() }],
        graph: Some(graph.clone()),
        ..ModelProto::default()
    };
    let model = onnx().model_for_proto_model(&proto).expect("a model");
    let model = model.with_input_fact(0, f32::fact([1, 3, h, w]).into()).expect("an input");
    let plan = model.into_optimized().and_then(IntoRunnable::into_runnable).expect("a plan");
    let input = Tensor::from_shape(&[1, 3, h, w], &planes(picture, w, h)).expect("a tensor");
    let outputs = plan.run(tvec!(input.into())).expect("outputs");
    let values = |t: &TValue| t.to_plain_array_view::<f32>().expect("numbers").iter().copied().collect();
    outputs.iter().map(values).collect()
}

#[test]
fn every_output_is_tracts() {
    let (graph, names) = small();
    let network = Network::of(&graph, &names).expect("the expected operations");
    for (w, h) in [(96, 64), (32, 32)] {
        let picture = picture(w - 5, h - 9);
        let wanted = by_tract(&graph, &picture, (w, h));
        // Twice, the second time in memory that has been used.
        for _ in 0..2 {
            let got = network.run(&frame(&picture, w, h), h, w);
            for ((name, got), wanted) in names.iter().zip(&got).zip(&wanted) {
                assert_eq!(got.len(), wanted.len(), "{name} at {w}x{h}");
                let largest = wanted.iter().fold(1.0, |most: f32, v| most.max(v.abs()));
                let off = got.iter().zip(wanted).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max);
                assert!(off < 1e-4 * largest, "{name} at {w}x{h} is off by {off} of {largest}");
            }
        }
    }
}

#[test]
fn another_graph_is_left_to_the_library() {
    type Change = (&'static str, fn(&mut GraphProto));
    let changes: [Change; 11] = [
        ("another operation", |g| g.node[1].op_type = "LeakyRelu".into()),
        ("another stride", |g| g.node[0].attribute[4] = ints("strides", &[1, 1])),
        ("other padding", |g| g.node[2].attribute[3] = ints("pads", &[1; 4])),
        ("a value read before its rectifier", |g| {
            let read = g.node[0].output.clone();
            g.node.push(NodeProto {
                op_type: "Sigmoid".into(),
                input: read,
                output: vec!["x".into()],
                ..NodeProto::default()
            });
        }),
        ("a list that is not of cells", |g| {
            let node = g.node.iter_mut().find(|n| n.op_type == "Transpose").expect("one");
            node.attribute[0] = ints("perm", &[0, 1, 2, 3]);
        }),
        ("a map that is listed as it lies", |g| {
            let at = g.node.iter().position(|n| n.op_type == "Transpose").expect("one");
            let (from, to) = (g.node[at].input[0].clone(), g.node[at].output[0].clone());
            for name in g.node.iter_mut().flat_map(|n| &mut n.input).filter(|name| **name == to) {
                name.clone_from(&from);
            }
        }),
        ("maps of one size where one should have half of the other's", |g| {
            let at = g.node.iter().position(|n| n.op_type == "Resize").expect("one");
            let whole = g.node[at + 1].input[0].clone();
            g.node[at].input[0] = whole;
        }),
        ("a sixth halving", |g| {
            let at = g.node.iter().position(|n| n.op_type == "Resize").expect("one");
            let last = g.node[at].input[0].clone();
            let attribute = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
            g.node.push(NodeProto {
                op_type: "MaxPool".into(),
                input: vec![last],
                output: vec!["x".into()],
                attribute,
                ..NodeProto::default()
            });
        }),
        ("a convolution without outputs", |g| {
            (g.initializer[0].dims[0], g.initializer[1].dims[0]) = (0, 0);
            g.initializer[0].raw_data.clear();
            g.initializer[1].raw_data.clear();
        }),
        ("weights elsewhere", |g| g.initializer[0].raw_data.truncate(8)),
        ("two inputs", |g| g.input.push(described("other", None))),
    ];
    let (graph, names) = small();
    for (what, change) in changes {
        let mut graph = graph.clone();
        change(&mut graph);
        assert!(Network::of(&graph, &names).is_none(), "{what}");
    }
    assert!(Network::of(&graph, &["no_such_output".to_owned()]).is_none());
}
