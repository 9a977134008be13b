//! Networks over pictures.

use super::request::{OnnxExport, unknown};
use super::sheet::{Sheet, Side, number, whole, wholes};
use crate::net::graph::{NodeId, Op};

/// Draws the network.
///
/// # Errors
/// An operation is none of a residual network, or a value does not fit the storage.
pub(super) fn draw(sheet: &mut Sheet, export: &OnnxExport<'_>) -> Result<(), String> {
    let OnnxExport { graph, card, .. } = export;
    let batch = Side::Any("batch");
    let mut drawing = Drawing { sheet, export, values: vec![] };
    for (id, node) in graph.nodes.iter().enumerate() {
        let value = match node.op {
            Op::Input => drawing.input(),
            _ => drawing.operation(id)?,
        };
        drawing.values.push(value);
    }
    sheet.probabilities("logits", card.temperature);
    let (classes, width) = (graph.output().len(), graph.nodes[graph.features].shape.len());
    sheet.output("logits", &[batch, Side::Of(classes)], "scores of the classes, before the softmax");
    sheet.output("probabilities", &[batch, Side::Of(classes)], "probabilities of the classes, calibrated");
    sheet.output("features", &[batch, Side::Of(width)], "what the classifier reads");
    Ok(())
}

struct Drawing<'a, 'b> {
    sheet: &'a mut Sheet,
    export: &'a OnnxExport<'b>,
    /// The values' names by the node that computes them.
    values: Vec<String>,
}

impl Drawing<'_, '_> {
    /// The input, normalised.
    fn input(&mut self) -> String {
        let contract = &self.export.card.input;
        let (channels, side) = (contract.channels, Side::Of(contract.size));
        let colours = if channels == 1 { "grey" } else { "red, green, blue" };
        let sides = [Side::Any("batch"), Side::Of(channels), side, side];
        if !self.export.raw_pixels {
            let what = format!("({colours} / 255 - mean) / std, as the card has them");
            self.sheet.input("input", &sides, &what);
            return "input".into();
        }
        self.sheet.input("pixels", &sides, &format!("{colours}, 0 to 255"));
        let scaled = |values: &[f32]| values.iter().map(|v| 255.0 * v).collect::<Vec<f32>>();
        let mean = self.sheet.constant("mean", &[channels, 1, 1], &scaled(&contract.mean));
        let std = self.sheet.constant("std", &[channels, 1, 1], &scaled(&contract.std));
        let centred = self.sheet.node("Sub", "pixels.centred", &["pixels", &mean], vec![]);
        self.sheet.node("Div", "input", &[&centred, &std], vec![])
    }

    fn operation(&mut self, id: NodeId) -> Result<String, String> {
        let (graph, weights) = (self.export.graph, self.export.weights);
        let node = &graph.nodes[id];
        let param = |id: usize| graph.params[id].name.as_str();
        let read = |place: usize| self.values[node.inputs[place]].clone();
        let sheet = &mut *self.sheet;
        Ok(match node.op {
            Op::Conv { weight, kernel, stride, padding } => {
                let attributes = window(kernel, stride, padding);
                let values = sheet.weight(weights, param(weight))?;
                sheet.node("Conv", module(param(weight)), &[&read(0), &values], attributes)
            }
            Op::BatchNorm { scale, shift, mean, variance, epsilon, .. } => {
                let mut input = vec![read(0)];
                for id in [scale, shift, mean, variance] {
                    input.push(sheet.weight(weights, param(id))?);
                }
                let input: Vec<&str> = input.iter().map(String::as_str).collect();
                let name = module(param(scale));
                sheet.node("BatchNormalization", name, &input, vec![number("epsilon", epsilon)])
            }
            Op::Relu => sheet.node("Relu", &format!("{}.relu", read(0)), &[&read(0)], vec![]),
            Op::Add => {
                let name = format!("{}.add", read(0));
                sheet.node("Add", &name, &[&read(0), &read(1)], vec![])
            }
            Op::MaxPool { kernel, stride, padding } => {
                sheet.node("MaxPool", "maxpool", &[&read(0)], window(kernel, stride, padding))
            }
            Op::GlobalAveragePool => {
                let pooled = sheet.node("GlobalAveragePool", "avgpool", &[&read(0)], vec![]);
                sheet.node("Flatten", "features", &[&pooled], vec![whole("axis", 1)])
            }
            Op::Linear { weight, bias } if id + 1 == graph.nodes.len() => {
                let name = module(param(weight));
                let [weight, bias] =
                    [sheet.weight(weights, param(weight))?, sheet.weight(weights, param(bias))?];
                sheet.named("Gemm", name, &[&read(0), &weight, &bias], &["logits"], vec![whole("transB", 1)]);
                "logits".into()
            }
            ref op => return Err(unknown(op)),
        })
    }
}

/// The module that a parameter belongs to: `layer1.0.conv1` of `layer1.0.conv1.weight`.
fn module(parameter: &str) -> &str {
    parameter.rsplit_once('.').map_or(parameter, |(module, _)| module)
}

fn window(kernel: usize, stride: usize, padding: usize) -> Vec<crate::onnx::AttributeProto> {
    let [kernel, stride, padding] = [kernel, stride, padding].map(|value| value as i64);
    vec![wholes("kernel_shape", &[kernel; 2]), wholes("strides", &[stride; 2]), wholes("pads", &[padding; 4])]
}
