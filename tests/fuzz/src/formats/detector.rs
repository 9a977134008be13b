//! Face detectors: a small `YuNet` as an ONNX file.

use std::io;
use std::path::Path;

use affekt_engine::media::detect;

use super::pictures::picture;
use super::{Form, Format, message};
use crate::draws::Draws;
use crate::wire::{self, Field, varint};

pub(super) const DETECTOR: Format =
    Format { name: "detector", short: 250, own: true, files: &[("d.onnx", Form::Tree(broken))], make, read };

/// Channels inside the network.
const WIDE: usize = 16;

fn make(folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join("d.onnx"), wire::write(&model()))
}

fn broken(draws: &mut Draws) -> Vec<u8> {
    let mut model = model();
    wire::mutate(&mut model, draws);
    wire::write(&model)
}

fn read(folder: &Path) -> Result<(), String> {
    let detector = detect::open(Some(&folder.join("d.onnx"))).map_err(message)?;
    for (width, height) in [(90, 60), (640, 30)] {
        detector
            .detect(&picture(width, height, 3))
            .map_err(|e| format!("{}: {e}", folder.join("d.onnx").display()))?;
    }
    Ok(())
}

fn text(field: u32, text: &str) -> Field {
    Field::Bytes(field, text.as_bytes().to_vec())
}

fn packed(values: &[u64]) -> Vec<u8> {
    let mut out = vec![];
    for &value in values {
        varint(value, &mut out);
    }
    out
}

/// A graph under way.
#[derive(Default)]
struct Graph {
    nodes: Vec<Field>,
    tensors: Vec<Field>,
    named: usize,
}

impl Graph {
    fn name(&mut self) -> String {
        self.named += 1;
        format!("n{}", self.named)
    }

    fn tensor(&mut self, kind: u64, dims: &[u64], raw: Vec<u8>) -> String {
        let name = self.name();
        let fields =
            vec![Field::Bytes(1, packed(dims)), Field::Number(2, kind), text(8, &name), Field::Bytes(9, raw)];
        self.tensors.push(Field::Message(5, fields));
        name
    }

    fn numbers(&mut self, dims: &[u64]) -> String {
        let count: u64 = dims.iter().product();
        let values = (0..count).flat_map(|at| (((at * 37 % 61) as f32 - 30.0) / 90.0).to_le_bytes());
        let values = values.collect();
        self.tensor(1, dims, values)
    }

    fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<Field>, output: Option<String>) -> String {
        let output = output.unwrap_or_else(|| self.name());
        let mut fields: Vec<Field> = inputs.iter().map(|name| text(1, name)).collect();
        fields.extend([text(2, &output), text(4, op)]);
        fields.extend(attributes);
        self.nodes.push(Field::Message(1, fields));
        output
    }

    fn convolution(&mut self, from: &str, dims: [u64; 4], stride: u64, group: u64) -> String {
        let (weights, bias) = (self.numbers(&dims), self.numbers(&dims[..1]));
        let kernel = dims[2];
        let attributes = vec![
            ints("dilations", &[1, 1]),
            Field::Message(5, vec![text(1, "group"), Field::Number(3, group), Field::Number(20, 2)]),
            ints("kernel_shape", &[kernel; 2]),
            ints("pads", &[kernel / 2; 4]),
            ints("strides", &[stride; 2]),
        ];
        self.node("Conv", &[from, &weights, &bias], attributes, None)
    }

    /// A pointwise and a depthwise convolution.
    fn unit(&mut self, from: &str, outputs: u64) -> String {
        let middle = self.convolution(from, [outputs, WIDE as u64, 1, 1], 1, 1);
        self.convolution(&middle, [outputs, 1, 3, 3], 1, outputs)
    }

    fn halved(&mut self, from: &str) -> String {
        let attributes = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
        self.node("MaxPool", &[from], attributes, None)
    }

    fn added(&mut self, whole: &str, half: &str) -> String {
        let empty = self.tensor(1, &[0], vec![]);
        let scales = [1f32, 1.0, 2.0, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let scales = self.tensor(1, &[4], scales);
        let attributes = vec![
            word("mode", "nearest"),
            word("coordinate_transformation_mode", "asymmetric"),
            word("nearest_mode", "floor"),
        ];
        let twice = self.node("Resize", &[half, &empty, &scales], attributes, None);
        self.node("Add", &[whole, &twice], vec![], None)
    }
}

fn ints(name: &str, values: &[u64]) -> Field {
    Field::Message(5, vec![text(1, name), Field::Bytes(8, packed(values)), Field::Number(20, 7)])
}

fn word(name: &str, value: &str) -> Field {
    Field::Message(5, vec![text(1, name), text(4, value), Field::Number(20, 3)])
}

/// What a graph says of a value: single precision, and its sides where they are known; 0 is any.
fn described(field: u32, name: &str, sides: &[u64]) -> Field {
    let side = |&side: &u64| {
        Field::Message(1, vec![if side == 0 { text(2, "side") } else { Field::Number(1, side) }])
    };
    let shape = Field::Message(2, sides.iter().map(side).collect());
    let tensor = Field::Message(1, vec![Field::Number(1, 1), shape]);
    Field::Message(field, vec![text(1, name), Field::Message(2, vec![tensor])])
}

fn model() -> Vec<Field> {
    let mut g = Graph::default();
    let wide = WIDE as u64;
    let stem = g.convolution("input", [wide, 3, 3, 3], 2, 1);
    let stem = g.node("Relu", &[&stem], vec![], None);
    let quarter = g.halved(&stem);
    let eighth = g.halved(&quarter);
    let eighth = g.unit(&eighth, wide);
    let sixteenth = g.halved(&eighth);
    let sixteenth = g.unit(&sixteenth, wide);
    let last = g.halved(&sixteenth);
    let last = g.unit(&last, wide);
    let sixteenth = g.added(&sixteenth, &last);
    let eighth = g.added(&eighth, &sixteenth);
    let mut outputs = vec![];
    for (map, stride) in [eighth, sixteenth, last].iter().zip([8, 16, 32]) {
        for (kind, channels) in [("cls", 1u64), ("obj", 1), ("bbox", 4), ("kps", 10)] {
            let name = format!("{kind}_{stride}");
            let value = g.unit(map, channels);
            let value = g.node("Transpose", &[&value], vec![ints("perm", &[0, 2, 3, 1])], None);
            let shape = [1i64, -1, channels as i64].iter().flat_map(|v| v.to_le_bytes()).collect();
            let shape = g.tensor(7, &[3], shape);
            let end = if channels == 1 { None } else { Some(name.clone()) };
            let value = g.node("Reshape", &[&value, &shape], vec![], end);
            if channels == 1 {
                g.node("Sigmoid", &[&value], vec![], Some(name.clone()));
            }
            outputs.push(described(12, &name, &[1, 0, channels]));
        }
    }
    let mut graph = g.nodes;
    graph.push(text(2, "yunet"));
    graph.extend(g.tensors);
    graph.push(described(11, "input", &[1, 3, 0, 0]));
    graph.extend(outputs);
    let opset = Field::Message(8, vec![text(1, ""), Field::Number(2, 11)]);
    vec![Field::Number(1, 6), Field::Message(7, graph), opset]
}
