//! The tensors that a graph holds: as many values as their shapes say, all of them numbers.

use std::collections::BTreeMap;

use crate::files::quoted;
use crate::onnx::{GraphProto, TensorProto, numbers, sides};

/// Most axes.
const MOST_AXES: usize = 4;
/// Most tensors; a `YuNet` has 146.
const MOST_TENSORS: usize = 2048;

/// The shapes of the graph's tensors by name.
///
/// # Errors
/// One of them cannot be.
pub(super) fn shapes(graph: &GraphProto) -> Result<BTreeMap<&str, Vec<usize>>, String> {
    if graph.initializer.len() > MOST_TENSORS {
        return Err(format!("it has {} tensors, more than any YuNet", graph.initializer.len()));
    }
    let mut found = BTreeMap::new();
    for tensor in &graph.initializer {
        let shape =
            shape(tensor).map_err(|problem| format!("its tensor {} {problem}", quoted(&tensor.name)))?;
        if found.insert(tensor.name.as_str(), shape).is_some() {
            return Err(format!("its tensor {} stands there twice", quoted(&tensor.name)));
        }
    }
    Ok(found)
}

/// The shape of a tensor that holds its values itself.
pub(super) fn shape(tensor: &TensorProto) -> Result<Vec<usize>, String> {
    const EXTERNAL: i32 = 1;
    if !tensor.external_data.is_empty() || tensor.data_location == Some(EXTERNAL) || tensor.segment.is_some()
    {
        return Err("lies in another file".into());
    }
    let shape = sides(tensor).filter(|shape| shape.len() <= MOST_AXES).ok_or("has a shape that cannot be")?;
    let wanted = shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side));
    let raw = |bytes: usize| match tensor.raw_data.len() {
        0 => None,
        length => Some(if length.is_multiple_of(bytes) { length / bytes } else { usize::MAX }),
    };
    // Float, unsigned and signed bytes, 32 and 64 bits, as ONNX numbers them.
    let values = match tensor.data_type {
        1 => raw(4).unwrap_or(tensor.float_data.len()),
        2 | 3 => raw(1).unwrap_or(tensor.int32_data.len()),
        6 => raw(4).unwrap_or(tensor.int32_data.len()),
        7 => raw(8).unwrap_or(tensor.int64_data.len()),
        other => return Err(format!("is of a type ({other}) that no YuNet has")),
    };
    if wanted != Some(values) {
        return Err(format!("has the shape {shape:?}, but other values than fill it"));
    }
    if numbers(tensor).is_some_and(|values| values.iter().any(|v| !v.is_finite())) {
        return Err("holds a value that is infinite or not a number".into());
    }
    Ok(shape)
}
