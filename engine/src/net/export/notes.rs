//! What a file says of itself: a title for people, the card for programs.

use super::request::OnnxExport;
use crate::net::architecture::Architecture;
use crate::net::card::ModelCard;
use crate::net::weights_file::CARD_KEY;

/// The note that says what a network over pictures reads: `normalised` values or `pixels` from 0 to 255.
pub(in crate::net) const INPUT_NOTE: &str = "affekt.input";

/// The graph's name and the file's description.
pub(super) fn title(card: &ModelCard) -> (String, String) {
    let name = match &card.architecture {
        Architecture::Resnet(_) | Architecture::Onnx(_) => "facial_expression",
        Architecture::Temporal(_) => "facial_expression_in_time",
    };
    (
        name.into(),
        format!("Facial expressions: {}.\n{}\n{}", card.classes.join(", "), card.training, card.licence),
    )
}

/// The file's notes, by name.
///
/// # Errors
/// The card cannot be used.
pub(super) fn notes(export: &OnnxExport<'_>) -> Result<Vec<(&'static str, String)>, String> {
    export.card.check().map_err(|e| format!("the card: {e}"))?;
    let card = serde_json::to_string(export.card).map_err(|e| format!("the card: {e}"))?;
    let input = if export.raw_pixels { "pixels" } else { "normalised" };
    let classes = serde_json::to_string(&export.card.classes).map_err(|e| format!("the card: {e}"))?;
    Ok(vec![(CARD_KEY, card), (INPUT_NOTE, input.into()), ("classes", classes)])
}
