//! The whole file.

use super::request::OnnxExport;
use super::sheet::Sheet;
use super::{clips, notes, pictures};
use crate::net::architecture::Architecture;
use crate::onnx::{ModelProto, OperatorSetIdProto, StringStringEntryProto, write_model};

/// Version of the operator set: the first with layer normalisation.
const OPSET: i64 = 17;
/// Version of the file format that goes with it.
const IR_VERSION: i64 = 8;

/// The bytes of an ONNX file.
///
/// A network over pictures reads `input`, `batch x channels x size x size` (NCHW), normalised as its card says, or `pixels`, the
/// same from 0 to 255. It gives `logits` and `probabilities` (`batch x classes`, the latter by the card's temperature) and
/// `features` (`batch x features`).
///
/// A temporal encoder reads `features` (`batch x frames x features`) and `presence` (`batch x frames`, 1 where the frame has a
/// face, 0 where not), at most as many frames as it was trained on, and gives `logits` and `probabilities`
/// (`batch x frames x classes`). What frames without a face get means nothing.
///
/// # Errors
/// The weights do not fit the graph, a value is too large for half precision, the graph has an operation that is not written
/// here, or an encoder with `residual` comes without the student's classifier.
pub fn to_onnx(export: &OnnxExport<'_>) -> Result<Vec<u8>, String> {
    export.weights.check(export.graph).map_err(|e| e.to_string())?;
    let mut sheet = Sheet::new(export.storage);
    match &export.card.architecture {
        Architecture::Resnet(_) => pictures::draw(&mut sheet, export)?,
        Architecture::Temporal(spec) => clips::draw(&mut sheet, export, spec)?,
        Architecture::Onnx(_) => return Err("it is an ONNX file already".into()),
    }
    let (name, description) = notes::title(export.card);
    let note = |(key, value): (&str, String)| StringStringEntryProto { key: key.into(), value };
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: "affekt".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: description,
        graph: Some(sheet.finish(name)),
        metadata_props: notes::notes(export)?.into_iter().map(note).collect(),
    };
    Ok(write_model(&model))
}
