//! ONNX files as messages, and the library that runs graphs that our own kernels do not know. What a graph means is known
//! elsewhere: detectors in `media`, networks in `net` and `backend`.
//!
//! `proto` has the messages, a subset of the format's; `wire` bounds what is made of a file's bytes before they are made
//! of them; `parts` reads attributes and tensors. `library` runs a graph by tract, behind the feature `tract`
//! (`no_library` says so where it is missing); `contained` holds what tract panics on.

#[cfg(feature = "tract")]
mod contained;
#[cfg(feature = "tract")]
mod library;
#[cfg(not(feature = "tract"))]
mod no_library;
mod parts;
mod proto;
mod wire;

pub(crate) use parts::{Attributes, element, numbers, sides, whole_numbers};
pub(crate) use proto::{
    AttributeProto, Dimension, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, TypeValue,
    ValueInfoProto, attribute_type,
};
pub(crate) use wire::Limits;

#[cfg(feature = "tract")]
pub(crate) use library::Library;
#[cfg(not(feature = "tract"))]
pub(crate) use no_library::Library;

/// Reads a model. Its fields are counted before anything is made of them.
///
/// # Errors
/// It is no ONNX model, is damaged, or holds more, or other things, than the limits allow.
pub(crate) fn read_model(bytes: &[u8], limits: Limits) -> Result<ModelProto, String> {
    wire::look_through(bytes, limits)?;
    <ModelProto as prost::Message>::decode(bytes).map_err(|e| e.to_string())
}

/// The bytes of a model's file.
pub(crate) fn write_model(model: &ModelProto) -> Vec<u8> {
    prost::Message::encode_to_vec(model)
}
