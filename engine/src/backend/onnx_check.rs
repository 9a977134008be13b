//! What an ONNX file says of its operations, input and outputs, against its card.

use crate::files::{QUOTED, printable, quoted};
use crate::net::{OnnxSpec, Shape};
use crate::onnx::{Dimension, DimensionValue, GraphProto, ModelProto, TensorTypeProto, TypeValue, element};

/// Operator sets that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=23;
/// Most names that an error lists.
const LISTED: usize = 6;

/// Operations are those of ONNX itself, of a version that is read.
///
/// # Errors
/// They are others.
pub(super) fn check_operations(model: &ModelProto, graph: &GraphProto) -> Result<(), String> {
    let own = |domain: &str| matches!(domain, "" | "ai.onnx");
    let Some(set) = model.opset_import.iter().find(|set| own(&set.domain)) else {
        return Err("it names no operator set (`opset_import`), so it is no network; export it again".into());
    };
    if !OPSETS.contains(&set.version) {
        return Err(format!(
            "it uses operator set {}, and {} to {} are read; export it again with opset 17",
            set.version,
            OPSETS.start(),
            OPSETS.end()
        ));
    }
    match graph.node.iter().find(|node| !own(&node.domain)) {
        Some(node) => Err(format!(
            "its operation {} is of the domain {}, not ONNX's own; export it again without such",
            quoted(&node.op_type),
            quoted(&node.domain)
        )),
        None => Ok(()),
    }
}

/// The one input is a picture of the card's shape. Gives whether channels come last.
///
/// # Errors
/// There is another number of inputs, or it is of another type or shape.
pub(super) fn channels_last(graph: &GraphProto, wanted: Shape) -> Result<bool, String> {
    let held = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let inputs: Vec<_> = graph.input.iter().filter(|input| !held(&input.name)).collect();
    let [input] = inputs.as_slice() else {
        let names = listed(inputs.iter().map(|input| input.name.as_str()));
        return Err(format!("it has {} inputs ({names}), and a network over pictures has one", inputs.len()));
    };
    let name = quoted(&input.name);
    let Some(TypeValue::Tensor(tensor)) = input.kind.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(format!("its input {name} has no type"));
    };
    if tensor.elem_type != element::FLOAT {
        return Err(format!(
            "its input {name} is of type {} and not of single-precision numbers (type 1)",
            tensor.elem_type
        ));
    }
    let dims = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let &[items, a, b, c] = dims.iter().collect::<Vec<_>>().as_slice() else {
        return Err(format!("its input {name} has {} axes, and a batch of pictures has 4", dims.len()));
    };
    let Shape { h, w, c: channels } = wanted;
    let fits = |dims: [&Dimension; 4], sides: [usize; 4]| {
        dims.iter().zip(sides).all(|(dim, side)| match dim.value {
            Some(DimensionValue::Length(length)) if length > 0 => length == side as i64,
            _ => true,
        })
    };
    if fits([items, a, b, c], [1, channels, h, w]) {
        Ok(false)
    } else if fits([items, a, b, c], [1, h, w, channels]) {
        Ok(true)
    } else {
        let side = |dim: &Dimension| match &dim.value {
            Some(DimensionValue::Length(length)) => length.to_string(),
            Some(DimensionValue::Named(name)) => printable(name, QUOTED),
            None => "?".into(),
        };
        let found = dims.iter().map(side).collect::<Vec<_>>().join("x");
        Err(format!(
            "its input {name} is {found}, but its card asks for 1x{channels}x{h}x{w} (or 1x{h}x{w}x{channels}); correct \
             `input` in its card"
        ))
    }
}

/// Names of the outputs that are read: the scores' first.
///
/// # Errors
/// One of them is not there.
pub(super) fn wanted_outputs(graph: &GraphProto, spec: &OnnxSpec) -> Result<Vec<String>, String> {
    let Some(first) = graph.output.first() else { return Err("it has no outputs".into()) };
    let places = [&spec.outputs.scores, &spec.outputs.valence, &spec.outputs.arousal];
    let mut names: Vec<String> = vec![];
    for (nth, place) in places.into_iter().enumerate() {
        let named = place.as_ref().and_then(|place| place.output.as_ref());
        let name = match named {
            Some(name) => name,
            None if nth == 0 || place.is_some() => &first.name,
            None => continue,
        };
        if !graph.output.iter().any(|output| output.name == *name) {
            let there = listed(graph.output.iter().map(|output| output.name.as_str()));
            return Err(format!(
                "it has no output {}; there are {there}; correct `outputs` in its card",
                quoted(name)
            ));
        }
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(quoted).collect();
    let more =
        if names.len() > LISTED { format!(" and {} more", names.len() - LISTED) } else { String::new() };
    format!("{}{more}", names[..names.len().min(LISTED)].join(", "))
}

/// The output that is an embedding, and how many values the file says it has.
///
/// # Errors
/// There is none of the wanted name, several without one, or it has not two axes.
pub(super) fn embedding_output(
    graph: &GraphProto,
    wanted: Option<&str>,
) -> Result<(String, Option<usize>), String> {
    let there = || listed(graph.output.iter().map(|output| output.name.as_str()));
    let output = match (wanted, graph.output.as_slice()) {
        (None, [only]) => only,
        (None, outputs) => {
            return Err(format!(
                "it has {} outputs ({}), and an embedding model has one; name it by `output` in its card",
                outputs.len(),
                there()
            ));
        }
        (Some(name), outputs) => outputs.iter().find(|output| output.name == name).ok_or_else(|| {
            format!("it has no output {}; there are {}; correct `output` in its card", quoted(name), there())
        })?,
    };
    let kind = output.kind.as_ref().and_then(|kind| kind.value.as_ref());
    let Some(TypeValue::Tensor(TensorTypeProto { shape: Some(shape), .. })) = kind else {
        return Ok((output.name.clone(), None));
    };
    let [_, values] = shape.dim.as_slice() else {
        return Err(format!(
            "its output {} has {} axes, and embeddings of faces have 2 (a face a row); is it another kind of model?",
            quoted(&output.name),
            shape.dim.len()
        ));
    };
    let stated = match values.value {
        Some(DimensionValue::Length(length)) if length > 0 => usize::try_from(length).ok(),
        _ => None,
    };
    Ok((output.name.clone(), stated))
}
