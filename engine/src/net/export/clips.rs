//! Temporal encoders. A value is `batch x frames x channels`.

use super::request::{OnnxExport, unknown};
use super::sheet::{Sheet, Side, number, whole, wholes};
use crate::net::graph::{NodeId, Op};
use crate::net::temporal::TemporalSpec;
use crate::onnx::element;

/// What attention gives a key that takes no part: far below any score, and finite, so that a frame without any key gets no
/// undefined number.
const NO_KEY: f32 = -1e30;

/// Draws the encoder.
///
/// # Errors
/// An operation is none of a temporal encoder, a value does not fit the storage, or the student's classifier is needed and
/// missing.
pub(super) fn draw(sheet: &mut Sheet, export: &OnnxExport<'_>, spec: &TemporalSpec) -> Result<(), String> {
    let (batch, frames, classes) = (Side::Any("batch"), Side::Any("frames"), Side::Of(spec.classes));
    let most = spec.frames;
    let wide = Side::Of(spec.features);
    let what = format!("the student's features of at most {most} frames in a row");
    sheet.input("features", &[batch, frames, wide], &what);
    sheet.input("presence", &[batch, frames], "1 where the frame has a face, 0 where it has none");
    let mut drawing = Drawing { sheet, export, values: vec![] };
    for (id, node) in export.graph.nodes.iter().enumerate() {
        let value = match node.op {
            Op::Input => drawing.input(),
            _ => drawing.operation(id)?,
        };
        drawing.values.push(value);
    }
    let own = drawing.values.last().cloned().unwrap_or_default();
    drawing.answer(&own, spec)?;
    sheet.probabilities("logits", export.card.temperature);
    let sides = [batch, frames, classes];
    sheet.output("logits", &sides, "scores of the classes of each frame, before the softmax");
    sheet.output("probabilities", &sides, "probabilities of the classes of each frame, calibrated");
    Ok(())
}

struct Drawing<'a, 'b> {
    sheet: &'a mut Sheet,
    export: &'a OnnxExport<'b>,
    /// The values' names by the node that computes them.
    values: Vec<String>,
}

impl Drawing<'_, '_> {
    /// Features, zero where there is no face, with presence as their last channel; how many frames there are, and which keys
    /// of attention count.
    fn input(&mut self) -> String {
        let causal = self.is_causal();
        let sheet = &mut *self.sheet;
        let half = sheet.constant("half", &[], &[0.5]);
        let present = sheet.node("Greater", "present", &["presence", &half], vec![]);
        let to = whole("to", i64::from(element::FLOAT));
        let count = sheet.node("Cast", "present.number", &[&present], vec![to]);
        let last = sheet.whole_numbers("axis.last", &[1], &[-1]);
        let channel = sheet.node("Unsqueeze", "present.channel", &[&count, &last], vec![]);
        let seen = sheet.node("Mul", "features.seen", &["features", &channel], vec![]);
        // Keys lie along the last axis of a score, `batch x heads x queries x keys`.
        let middle = sheet.whole_numbers("axes.middle", &[2], &[1, 2]);
        let mut keys = sheet.node("Unsqueeze", "keys.present", &[&present, &middle], vec![]);
        let shape = sheet.node("Shape", "presence.shape", &["presence"], vec![]);
        let one = sheet.whole_numbers("one", &[1], &[1]);
        let frames = sheet.node("Gather", "frames.list", &[&shape, &one], vec![whole("axis", 0)]);
        if causal {
            let zero = sheet.whole_numbers("zero.single", &[], &[0]);
            let step = sheet.whole_numbers("one.single", &[], &[1]);
            let first = sheet.whole_numbers("axis.first", &[1], &[0]);
            let number = sheet.node("Squeeze", "frames.number", &[&frames, &first], vec![]);
            let places = sheet.node("Range", "places", &[&zero, &number, &step], vec![]);
            let column = sheet.node("Unsqueeze", "places.column", &[&places, &last], vec![]);
            let earlier = sheet.node("LessOrEqual", "keys.earlier", &[&places, &column], vec![]);
            keys = sheet.node("And", "keys.visible", &[&keys, &earlier], vec![]);
        }
        let to = whole("to", i64::from(element::FLOAT));
        sheet.named("Cast", "keys.number", &[&keys], &["keys.number"], vec![to]);
        sheet.named("Identity", "keys", &[&keys], &["keys"], vec![]);
        sheet.node("Concat", "clip", &[&seen, &channel], vec![whole("axis", -1)])
    }

    fn is_causal(&self) -> bool {
        self.export.graph.nodes.iter().any(|node| matches!(node.op, Op::Attention { causal: true, .. }))
    }

    fn operation(&mut self, id: NodeId) -> Result<String, String> {
        let (graph, weights) = (self.export.graph, self.export.weights);
        let node = &graph.nodes[id];
        let param = |id: usize| graph.params[id].name.as_str();
        let read = |place: usize| self.values[node.inputs[place]].clone();
        let sheet = &mut *self.sheet;
        Ok(match node.op {
            Op::Linear { weight, bias } => {
                let name = module(param(weight));
                let [weight, bias] =
                    [sheet.weight(weights, param(weight))?, sheet.weight(weights, param(bias))?];
                linear(sheet, &name, &read(0), &weight, &bias)
            }
            Op::Positions { table } => {
                let name = param(table);
                let table = sheet.weight(weights, name)?;
                let zero = sheet.whole_numbers("zero", &[1], &[0]);
                let first = sheet.whole_numbers("axis.first", &[1], &[0]);
                let used = format!("{name}.used");
                let used = sheet.node("Slice", &used, &[&table, &zero, "frames.list", &first], vec![]);
                sheet.node("Add", &format!("{name}.add"), &[&read(0), &used], vec![])
            }
            Op::LayerNorm { scale, shift, epsilon } => {
                let name = module(param(scale));
                let [scale, shift] =
                    [sheet.weight(weights, param(scale))?, sheet.weight(weights, param(shift))?];
                let attributes = vec![whole("axis", -1), number("epsilon", epsilon)];
                sheet.node("LayerNormalization", &name, &[&read(0), &scale, &shift], attributes)
            }
            Op::Attention { heads, .. } => attention(sheet, &read(0), heads, node.shape.c),
            Op::Gelu => gelu(sheet, &read(0)),
            Op::Dropout { .. } => read(0),
            Op::Add => sheet.node("Add", &format!("{}.add", read(1)), &[&read(0), &read(1)], vec![]),
            ref op => return Err(unknown(op)),
        })
    }

    /// The output `logits`: the encoder's own, or added to the student's where a frame has a face.
    fn answer(&mut self, own: &str, spec: &TemporalSpec) -> Result<(), String> {
        let sheet = &mut *self.sheet;
        if !spec.residual {
            sheet.node("Identity", "logits", &[own], vec![]);
            return Ok(());
        }
        let (weight, bias) =
            self.export.student.ok_or("it adds to the student's answers: its model is needed")?;
        let weight = sheet.stored("student.fc.weight", &[spec.classes, spec.features], weight)?;
        let bias = sheet.stored("student.fc.bias", &[spec.classes], bias)?;
        let student = linear(sheet, "student.fc", "features.seen", &weight, &bias);
        let seen = sheet.node("Mul", "student.seen", &[&student, "present.channel"], vec![]);
        sheet.node("Add", "logits", &[own, &seen], vec![]);
        Ok(())
    }
}

/// `x W^T + b` at each frame.
fn linear(sheet: &mut Sheet, name: &str, x: &str, weight: &str, bias: &str) -> String {
    let turned = sheet.node("Transpose", &format!("{name}.turned"), &[weight], vec![wholes("perm", &[1, 0])]);
    let product = sheet.node("MatMul", &format!("{name}.product"), &[x, &turned], vec![]);
    sheet.node("Add", name, &[&product, bias], vec![])
}

/// `x Phi(x)` by the error function.
fn gelu(sheet: &mut Sheet, x: &str) -> String {
    let [root, one, half] = [("root_two", 2f32.sqrt()), ("one.real", 1.0), ("half", 0.5)]
        .map(|(name, value)| sheet.constant(name, &[], &[value]));
    let name = |part: &str| format!("{x}.gelu.{part}");
    let scaled = sheet.node("Div", &name("scaled"), &[x, &root], vec![]);
    let error = sheet.node("Erf", &name("erf"), &[&scaled], vec![]);
    let twice = sheet.node("Add", &name("twice_phi"), &[&error, &one], vec![]);
    let phi = sheet.node("Mul", &name("phi"), &[&twice, &half], vec![]);
    sheet.node("Mul", &format!("{x}.gelu"), &[x, &phi], vec![])
}

/// Attention among a clip's frames, its queries, keys and values side by side in `x`.
fn attention(sheet: &mut Sheet, x: &str, heads: usize, width: usize) -> String {
    let base = x.strip_suffix(".in_proj").unwrap_or(x).to_owned();
    let name = |part: &str| format!("{base}.{part}");
    let parts = sheet.whole_numbers("attention.parts", &[3], &[width as i64; 3]);
    let outputs = [name("queries"), name("keys"), name("values")];
    let listed: Vec<&str> = outputs.iter().map(String::as_str).collect();
    sheet.named("Split", &name("split"), &[x, &parts], &listed, vec![whole("axis", -1)]);
    let each = (width / heads) as i64;
    let split = sheet.whole_numbers("attention.heads", &[4], &[0, 0, heads as i64, each]);
    let mut headed = |part: &str, perm: &[i64]| {
        let apart = sheet.node("Reshape", &name(&format!("{part}.heads")), &[&name(part), &split], vec![]);
        let turned = name(&format!("{part}.by_head"));
        sheet.node("Transpose", &turned, &[&apart], vec![wholes("perm", perm)])
    };
    let queries = headed("queries", &[0, 2, 1, 3]);
    let keys = headed("keys", &[0, 2, 3, 1]);
    let values = headed("values", &[0, 2, 1, 3]);
    let products = sheet.node("MatMul", &name("products"), &[&queries, &keys], vec![]);
    let scale = sheet.constant("attention.scale", &[], &[1.0 / (each as f32).sqrt()]);
    let scores = sheet.node("Mul", &name("scores"), &[&products, &scale], vec![]);
    let none = sheet.constant("attention.no_key", &[], &[NO_KEY]);
    let masked = sheet.node("Where", &name("masked"), &["keys", &scores, &none], vec![]);
    let shares = sheet.node("Softmax", &name("softmax"), &[&masked], vec![whole("axis", -1)]);
    // A frame that no key is left for gets zeros.
    let shares = sheet.node("Mul", &name("shares"), &[&shares, "keys.number"], vec![]);
    let mixed = sheet.node("MatMul", &name("mixed"), &[&shares, &values], vec![]);
    let turned = name("mixed.by_frame");
    let turned = sheet.node("Transpose", &turned, &[&mixed], vec![wholes("perm", &[0, 2, 1, 3])]);
    let joined = sheet.whole_numbers("attention.joined", &[3], &[0, 0, width as i64]);
    sheet.node("Reshape", &name("joined"), &[&turned, &joined], vec![])
}

/// The module that a parameter belongs to: `norm1` of `norm1.weight`, `self_attn.in_proj` of `self_attn.in_proj_weight`.
fn module(parameter: &str) -> String {
    let name = parameter.strip_suffix("weight").unwrap_or(parameter);
    name.trim_end_matches(['.', '_']).to_owned()
}
