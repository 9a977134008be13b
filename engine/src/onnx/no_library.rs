//! A build without the library: graphs that our own kernels do not know are refused.

use std::convert::Infallible;

use super::proto::ModelProto;

/// Never there.
pub(crate) struct Library(Infallible);

impl Library {
    /// As in a build with the library.
    ///
    /// # Errors
    /// Always: there is none.
    pub(crate) fn new(_: &ModelProto, _: &[String]) -> Result<Self, String> {
        Err("it needs a library that this program was built without (cargo feature `tract`)".into())
    }

    /// As in a build with the library.
    pub(crate) fn run(&self, _: &[(&[f32], &[usize])]) -> Result<Vec<Vec<f32>>, String> {
        match self.0 {}
    }
}
