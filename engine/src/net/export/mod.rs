//! Networks as ONNX files, for other programs: opset 17, any number of items, of an encoder any number of frames up to its own.
//! Weights keep their names and shapes, which are torchvision's and PyTorch's.
//!
//! `request` says what is written, `file` writes it: `pictures` draws networks over pictures, `clips` temporal encoders, both on a
//! `sheet`; `notes` says what the file is, `hub` what a
//! folder for a hub of models says.
//! What reads such a file again lives in [`crate::onnx`].

mod clips;
mod file;
mod hub;
mod notes;
mod pictures;
mod request;
mod sheet;

pub use file::to_onnx;
pub use hub::{hub_config, hub_readme};
pub(super) use notes::INPUT_NOTE;
pub use request::OnnxExport;
