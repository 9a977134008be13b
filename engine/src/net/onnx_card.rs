//! The card of an ONNX file: what its input and outputs mean. It lies beside the file as JSON (`model.json` beside
//! `model.onnx`), or affekt wrote it into the file.

use serde::Deserialize;

use super::architecture::Architecture;
use super::card::{BoxCrop, InputContract, ModelCard};
use super::onnx_file::OnnxFile;
use super::onnx_spec::{ColourOrder, Golden, OnnxOutputs, OnnxSpec, OutputPlace};
use crate::files::shortened;

/// The card as it lies beside a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardBeside {
    /// Names of the classes, in the order of their scores.
    classes: Vec<String>,
    /// Size, channels, mean and deviation (of red, green and blue, of pixels from 0 to 1), framing.
    input: InputContract,
    #[serde(default)]
    colours: ColourOrder,
    #[serde(default)]
    outputs: OnnxOutputs,
    #[serde(default = "one")]
    crop: f32,
    #[serde(default)]
    box_crop: BoxCrop,
    #[serde(default = "one")]
    temperature: f32,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    training: String,
    #[serde(default)]
    golden: Option<Golden>,
}

fn one() -> f32 {
    1.0
}

impl ModelCard {
    /// The card that lies beside an ONNX file.
    ///
    /// # Errors
    /// It is no such card, or a field of it cannot be.
    pub fn beside_onnx(json: &str) -> Result<Self, String> {
        let card: CardBeside = serde_json::from_str(json).map_err(shortened)?;
        let CardBeside { classes, input, colours, outputs, crop, box_crop, temperature, .. } = card;
        let spec = OnnxSpec { classes: classes.len(), colours, outputs, golden: card.golden };
        let card = Self {
            version: 1,
            architecture: Architecture::Onnx(spec),
            classes,
            input,
            crop,
            box_crop,
            licence: card.licence,
            training: card.training,
            temperature,
            metrics: std::collections::BTreeMap::new(),
            student: None,
            post: None,
        };
        card.check()?;
        Ok(card)
    }

    /// The card that affekt wrote into an ONNX file; `None` where it did not.
    ///
    /// # Errors
    /// It is no card, a field of it cannot be, or it is a temporal encoder's.
    pub fn within_onnx(file: &OnnxFile) -> Result<Option<Self>, String> {
        let Some(json) = file.card_note() else { return Ok(None) };
        let mut card: Self = serde_json::from_str(json).map_err(shortened)?;
        card.check()?;
        let Architecture::Resnet(spec) = &card.architecture else {
            return Err(
                "it says that the file holds a temporal encoder, and one over pictures is needed".into()
            );
        };
        let scores = OutputPlace { output: Some("logits".into()), at: 0 };
        card.architecture = Architecture::Onnx(OnnxSpec {
            classes: spec.classes,
            colours: ColourOrder::Rgb,
            outputs: OnnxOutputs { scores: Some(scores), ..OnnxOutputs::default() },
            golden: None,
        });
        if file.reads_pixels() {
            card.input.mean.fill(0.0);
            card.input.std.fill(1.0 / 255.0);
        }
        Ok(Some(card))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = r#"{"classes": ["a", "b"], "input": {"size": 64, "channels": 3, "mean": [0, 0, 0],
        "std": [1, 1, 1], "template": "crop"}"#;

    #[test]
    fn a_small_card_is_enough_and_the_rest_has_the_usual_meaning() {
        let card = ModelCard::beside_onnx(&format!("{CARD}}}")).expect("a card");
        assert_eq!((card.crop, card.temperature, card.box_crop), (1.0, 1.0, BoxCrop::default()));
        let Architecture::Onnx(spec) = card.architecture else { panic!("{:?}", card.architecture) };
        assert_eq!((spec.classes, spec.colours, spec.outputs), (2, ColourOrder::Rgb, OnnxOutputs::default()));
    }

    #[test]
    fn what_is_misspelt_or_cannot_be_is_named() {
        for (rest, words) in [
            (r#", "colors": "bgr"}"#, "unknown field `colors`"),
            (r#", "colours": "gbr"}"#, "unknown variant `gbr`"),
            (r#", "outputs": {"logits": {"at": 3}}}"#, "unknown field `logits`"),
            (r#", "temperature": 0}"#, "temperature is 0"),
            ("", "EOF"),
        ] {
            let problem = ModelCard::beside_onnx(&format!("{CARD}{rest}")).expect_err(words);
            assert!(problem.contains(words), "{words}: {problem}");
        }
        assert!(ModelCard::beside_onnx("{}").is_err_and(|e| e.contains("missing field `classes`")));
    }
}
