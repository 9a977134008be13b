//! Whether a graph is a `YuNet`'s, found out before anything is computed with what it claims: its inputs, outputs and tensors
//! here, what its operations make of an input's shape in `shapes`.

mod shapes;
mod tensors;
#[cfg(test)]
mod tests;

use self::shapes::Shapes;
use super::grids::outputs;
use crate::files::{QUOTED, printable};
use crate::media::detect::network::MULTIPLE;
use crate::onnx::{Dimension, DimensionValue, GraphProto, TypeValue, ValueInfoProto, element};

/// Sides for which a file for any size is checked.
const USUAL: (usize, usize) = (320, 320);
/// Longest side and most pixels of a file for one size.
const MOST: (usize, usize) = (2048, 1 << 21);
/// Most operations; a `YuNet` has 163.
const MOST_NODES: usize = 1024;

/// Checks a graph, and gives the one size it is for, width and height, where it is for one.
///
/// # Errors
/// It is no `YuNet`: what is missing or cannot be.
pub(super) fn check(graph: &GraphProto) -> Result<Option<(usize, usize)>, String> {
    check_names(graph)?;
    if graph.node.len() > MOST_NODES {
        return Err(format!("it has {} operations, more than any YuNet", graph.node.len()));
    }
    let tensors = tensors::shapes(graph)?;
    let inputs: Vec<_> = graph.input.iter().filter(|i| !tensors.contains_key(i.name.as_str())).collect();
    let [input] = inputs.as_slice() else {
        return Err(format!("it has {} inputs, but a YuNet has one", inputs.len()));
    };
    let fixed = size(input)?;
    let (width, height) = fixed.unwrap_or(USUAL);
    let mut shapes = Shapes::new(graph, tensors, &input.name, &[1, 3, height, width]);
    for (nth, node) in graph.node.iter().enumerate() {
        shapes.node(node).map_err(|problem| {
            format!("its operation {nth} ({}) {problem}", printable(&node.op_type, QUOTED))
        })?;
    }
    for (name, wanted) in outputs(width, height) {
        let values = shapes.values(&name).ok_or_else(|| format!("nothing computes its output {name}"))?;
        if values != wanted {
            return Err(format!(
                "output {name} has {values} values, but {wanted} are expected for {width}x{height}"
            ));
        }
    }
    Ok(fixed)
}

/// The outputs are those of a `YuNet`.
fn check_names(graph: &GraphProto) -> Result<(), String> {
    for (wanted, _) in outputs(MULTIPLE, MULTIPLE) {
        if graph.output.iter().filter(|output| output.name == wanted).count() != 1 {
            return Err(format!(
                "its outputs are {}, so it is no YuNet, which has cls, obj, bbox and kps for the strides 8, 16 and \
                 32 (`{wanted}` is missing); give a YuNet face detector, e.g. face_detection_yunet_2023mar.onnx",
                listed(graph)
            ));
        }
    }
    Ok(())
}

fn listed(graph: &GraphProto) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<_> =
        graph.output.iter().take(SHOWN).map(|output| printable(&output.name, QUOTED)).collect();
    let more = match graph.output.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

/// Width and height of the input where the file fixes both.
fn size(input: &ValueInfoProto) -> Result<Option<(usize, usize)>, String> {
    let Some(TypeValue::Tensor(tensor)) = input.kind.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err("its input has no type".into());
    };
    if tensor.elem_type != element::FLOAT {
        return Err("its input is not of single-precision numbers".into());
    }
    let dims = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let [items, channels, height, width] = dims else {
        return Err(format!("its input has {} axes, but a YuNet's has 4", dims.len()));
    };
    // A name or nothing stands for any size.
    let side = |dim: &Dimension| match dim.value {
        Some(DimensionValue::Length(side)) if side > 0 => Some(side as usize),
        _ => None,
    };
    if side(items).is_some_and(|n| n != 1) || side(channels).is_some_and(|c| c != 3) {
        return Err("its input is not one picture of three colours".into());
    }
    let (Some(width), Some(height)) = (side(width), side(height)) else { return Ok(None) };
    let possible = |side: usize| side.is_multiple_of(MULTIPLE) && side <= MOST.0;
    if !possible(width) || !possible(height) || width * height > MOST.1 {
        return Err(format!(
            "its input has {width}x{height} pixels; a YuNet's sides are multiples of {MULTIPLE} up to {}, with at most {} \
             pixels",
            MOST.0, MOST.1
        ));
    }
    Ok(Some((width, height)))
}
