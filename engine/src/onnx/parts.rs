//! Reading the parts of a graph.

use super::proto::{AttributeProto, NodeProto, TensorProto};

/// Types of a tensor's elements, as the format numbers them.
pub(crate) mod element {
    pub const FLOAT: i32 = 1;
    pub const INT64: i32 = 7;
    pub const FLOAT16: i32 = 10;
}

/// Attributes of a node by name.
pub(crate) trait Attributes {
    /// An attribute, where there is one.
    fn attribute(&self, name: &str) -> Option<&AttributeProto>;

    /// A list of whole numbers.
    fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    /// A whole number.
    fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|a| a.i)
    }

    /// A word.
    fn word(&self, name: &str) -> Option<&[u8]> {
        self.attribute(name).map(|a| a.s.as_slice())
    }
}

impl Attributes for NodeProto {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|a| a.name == name)
    }
}

/// The single-precision values that a tensor holds itself.
pub(crate) fn numbers(tensor: &TensorProto) -> Option<Vec<f32>> {
    if tensor.data_type != element::FLOAT || !tensor.external_data.is_empty() {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.float_data.clone());
    }
    let (values, rest) = tensor.raw_data.as_chunks::<4>();
    rest.is_empty().then(|| values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// The few whole numbers of a tensor that describes a shape.
pub(crate) fn whole_numbers(tensor: &TensorProto) -> Option<Vec<i64>> {
    if tensor.data_type != element::INT64 {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.int64_data.clone());
    }
    let (values, rest) = tensor.raw_data.as_chunks::<8>();
    rest.is_empty().then(|| values.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
}

/// The sides of a tensor, each at most 65,536.
pub(crate) fn sides(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|&d| usize::try_from(d).ok().filter(|d| *d <= 1 << 16)).collect()
}
