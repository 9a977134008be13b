//! WGSL kernels of the affekt engine.
//!
//! One operation a file in `wgsl/`, its backward beside it. The build validates each with naga and writes down what it
//! binds, so that the engine makes layouts and uniform blocks from the shader's own text. This crate knows no GPU library
//! and no engine.
//!
//! Conventions: everything is in bind group 0; binding 0 is the uniform block, storage buffers follow from 1. Activations
//! are NHWC `f32`. Buffers that lie in the arena of activations are declared `read_write` even where they are only read,
//! because one buffer cannot be bound for reading and writing in one dispatch.

/// How a shader uses a storage buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It may write.
    Write,
}

/// A shader's text and what it asks for.
#[derive(Debug)]
pub struct Shader {
    /// File name without its ending.
    pub name: &'static str,
    /// WGSL.
    pub source: &'static str,
    /// Compute entry points.
    pub entry_points: &'static [&'static str],
    /// Bytes of the uniform block; 0 where there is none.
    pub uniform: usize,
    /// Storage buffers, from binding 1 on.
    pub storage: &'static [Access],
    /// Bytes from one element of each storage buffer to the next.
    pub strides: &'static [usize],
}

#[allow(
    missing_docs,
    clippy::unreadable_literal,
    reason = "generated from the shaders, whose comments say it"
)]
mod generated {
    use super::{Access, Shader};
    include!(concat!(env!("OUT_DIR"), "/shaders.rs"));
}
pub use generated::*;

#[cfg(test)]
mod tests;
