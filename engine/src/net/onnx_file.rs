//! An ONNX file of a network, read but not yet understood.

use std::path::Path;

use super::export::INPUT_NOTE;
use super::weights::WeightsError;
use super::weights_file::CARD_KEY;
use crate::files::{LARGEST_ONNX, printable, read_limited};
use crate::onnx::{GraphProto, Limits, ModelProto, read_model};

/// What a file may hold; the largest networks over pictures have a tenth of it.
const LIMITS: Limits = Limits { fields: 1 << 20, what: "network over pictures" };
/// Most characters of a reason in an error.
const LONGEST_REASON: usize = 400;

/// An ONNX file of a network.
pub struct OnnxFile {
    proto: ModelProto,
}

impl OnnxFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, has more than 1 GiB, or is no ONNX model.
    pub fn read(path: &Path) -> Result<(Self, Vec<u8>), WeightsError> {
        let bytes = read_limited(path, LARGEST_ONNX, "an ONNX model")
            .map_err(|source| WeightsError::Io { path: path.into(), source })?;
        let file = Self::parse(&bytes).map_err(|reason| WeightsError::Onnx { path: path.into(), reason })?;
        Ok((file, bytes))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// They are no ONNX model, or hold more than any network does.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let read = read_model(bytes, LIMITS);
        read.map(|proto| Self { proto }).map_err(|reason| printable(&reason, LONGEST_REASON))
    }

    /// The card that affekt wrote into it, where it did.
    pub fn card_note(&self) -> Option<&str> {
        self.note(CARD_KEY)
    }

    /// Whether affekt noted that it reads pixels from 0 to 255.
    pub fn reads_pixels(&self) -> bool {
        self.note(INPUT_NOTE) == Some("pixels")
    }

    fn note(&self, key: &str) -> Option<&str> {
        self.proto.metadata_props.iter().find(|note| note.key == key).map(|note| note.value.as_str())
    }

    /// The whole.
    pub(crate) fn model(&self) -> &ModelProto {
        &self.proto
    }

    /// Its graph.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn graph(&self) -> Result<&GraphProto, String> {
        self.proto.graph.as_ref().ok_or_else(|| "it holds no graph".into())
    }
}
