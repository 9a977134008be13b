//! The input of a network that an ONNX file holds: one picture, in the file's own order of axes and colours, run by the library for such
//! files ([`crate::onnx`]) on the processor.

use std::sync::Arc;

use super::onnx_check::{channels_last, check_operations};
use crate::net::{ColourOrder, InputContract, OnnxFile, Shape};
use crate::onnx::Library;

/// A graph over single pictures. Copies share what was compiled.
#[derive(Clone)]
pub(super) struct OnnxPictures {
    library: Arc<Library>,
    input: Shape,
    /// Whether a pixel's channels lie side by side in the file's input, as here.
    channels_last: bool,
    colours: ColourOrder,
}

impl OnnxPictures {
    /// Puts a file to work for the outputs of these names, which it has.
    ///
    /// # Errors
    /// The operator set or the input are others than can be used or than the contract says, or the library cannot read it, or was not
    /// built in.
    pub(super) fn new(
        file: &OnnxFile,
        contract: &InputContract,
        colours: ColourOrder,
        names: &[String],
    ) -> Result<Self, String> {
        let (model, graph) = (file.model(), file.graph()?);
        check_operations(model, graph)?;
        let input = Shape { h: contract.size, w: contract.size, c: contract.channels };
        let channels_last = channels_last(graph, input)?;
        Ok(Self { library: Arc::new(Library::new(model, names)?), input, channels_last, colours })
    }

    /// A picture's shape.
    pub(super) fn input(&self) -> Shape {
        self.input
    }

    /// The outputs for a known input: value number `i`, in the file's own order of axes, is `(31 i mod 256) / 255`.
    ///
    /// # Errors
    /// The library cannot run it.
    pub(super) fn of_known(&self) -> Result<Vec<Vec<f32>>, String> {
        let known: Vec<f32> = (0..self.input.len()).map(|i| (31 * i % 256) as f32 / 255.0).collect();
        self.outputs(&known)
    }

    /// The outputs for one input as the file reads it.
    ///
    /// # Errors
    /// The library cannot run it.
    pub(super) fn outputs(&self, input: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let Shape { h, w, c } = self.input;
        let shape = if self.channels_last { [1, h, w, c] } else { [1, c, h, w] };
        self.library.run(&[(input, &shape)])
    }

    /// The outputs for one picture, `h x w x c` values.
    ///
    /// # Errors
    /// The library cannot run it.
    pub(super) fn of_picture(&self, picture: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        self.outputs(&self.laid_out(picture))
    }

    /// A picture's values as the file reads them.
    fn laid_out(&self, picture: &[f32]) -> Vec<f32> {
        let (channels, pixels) = (self.input.c, self.input.pixels());
        let from = |channel: usize| match self.colours {
            ColourOrder::Rgb => channel,
            ColourOrder::Bgr => channels - 1 - channel,
        };
        if self.channels_last {
            let pixel = |pixel: &[f32]| (0..channels).map(|c| pixel[from(c)]).collect::<Vec<f32>>();
            return picture.chunks_exact(channels).flat_map(pixel).collect();
        }
        let mut out = Vec::with_capacity(channels * pixels);
        for channel in 0..channels {
            out.extend(picture.chunks_exact(channels).map(|pixel| pixel[from(channel)]));
        }
        out
    }
}
