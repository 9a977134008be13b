//! A model in an ONNX file, with its card beside it or in it.

use std::path::{Path, PathBuf};

use crate::backend::OnnxNetwork;
use crate::files::{LARGEST_CARD, read_text_limited};
use crate::net::{ModelCard, OnnxFile, weights_hash};
use crate::world::error::WorldError;

/// The least that a card beside a file must have.
const SMALLEST_CARD: &str = r#"{"classes": ["Anger", "Happiness", ..], "input": {"size": 224, "channels": 3, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "template": "crop"}}"#;

/// Whether a path names an ONNX file.
pub(super) fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Opens an ONNX file with its card; the hash is of both.
///
/// # Errors
/// The file or its card cannot be read, the card is missing, or the network cannot be used as the card says.
pub(super) fn open(path: &Path) -> Result<(ModelCard, OnnxNetwork, String), WorldError> {
    let (file, bytes) = OnnxFile::read(path)?;
    let card = card(path, &file)?;
    let network = OnnxNetwork::new(&file, &card).map_err(|problem| WorldError::file(path, problem))?;
    let told = serde_json::to_vec(&card).map_err(|e| WorldError::file(path, format!("its card: {e}")))?;
    Ok((card, network, weights_hash(&[bytes, told].concat())))
}

/// The card beside the file, else the one that affekt wrote into it.
fn card(path: &Path, file: &OnnxFile) -> Result<ModelCard, WorldError> {
    let beside: PathBuf = path.with_extension("json");
    match read_text_limited(&beside, LARGEST_CARD, "a card") {
        Ok(json) => {
            let read = ModelCard::beside_onnx(&json);
            read.map_err(|e| WorldError::file(&beside, format!("is not the card of an ONNX file: {e}")))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let within = ModelCard::within_onnx(file);
            let within = within.map_err(|e| WorldError::file(path, format!("the card within it: {e}")))?;
            within.ok_or_else(|| {
                let problem = format!(
                    "has no card, so its classes and input are unknown; write {} beside it, e.g. {SMALLEST_CARD} \
                     (docs/onnx.md says what else it may say)",
                    beside.display()
                );
                WorldError::file(path, problem)
            })
        }
        Err(source) => Err(WorldError::io(&beside, source)),
    }
}
