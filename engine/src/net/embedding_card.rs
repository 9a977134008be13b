//! The card of an embedding model in an ONNX file: what it reads, and from which similarity two faces may be one person's.

use serde::Deserialize;

use super::card::{BoxCrop, InputContract};
use super::onnx_spec::ColourOrder;
use crate::files::shortened;

/// What an embedding model reads and gives. Without a card beside its file everything is as the models trained by `ArcFace` have it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingCard {
    /// Size, channels, mean and deviation (of red, green and blue, of pixels from 0 to 1), framing.
    pub input: InputContract,
    /// Order of the input's colours.
    pub colours: ColourOrder,
    /// Name of the output that is the embedding; without one the file must have one output alone.
    pub output: Option<String>,
    /// Part of the framed face's sides that the input shows, above 0 and at most 1.
    pub crop: f32,
    /// The square around a face's box, where its landmarks do not decide.
    pub box_crop: BoxCrop,
    /// Cosine similarity from which two faces are suggested to be one person's, above 0 and at most 1.
    pub similarity: f64,
    /// Licence of the weights.
    pub licence: String,
    /// What it was trained on.
    pub training: String,
}

impl EmbeddingCard {
    /// Default of [`EmbeddingCard::similarity`]. It was not measured here: which value is right depends on the model.
    pub const SIMILARITY: f64 = 0.4;
}

impl Default for EmbeddingCard {
    /// 112 x 112 pixels in red, green, blue, `(pixel - 127.5) / 128`, aligned by five landmarks.
    fn default() -> Self {
        let input = InputContract {
            size: 112,
            channels: 3,
            mean: vec![0.5; 3],
            std: vec![128.0 / 255.0; 3],
            template: "arcface-112".into(),
        };
        Self {
            input,
            colours: ColourOrder::Rgb,
            output: None,
            crop: 1.0,
            box_crop: BoxCrop::default(),
            similarity: Self::SIMILARITY,
            licence: String::new(),
            training: String::new(),
        }
    }
}

impl EmbeddingCard {
    /// The card that lies beside an ONNX file; what it leaves out is as by default.
    ///
    /// # Errors
    /// It is no such card, or a field of it cannot be.
    pub fn beside_onnx(json: &str) -> Result<Self, String> {
        let card: Self = serde_json::from_str(json).map_err(shortened)?;
        card.input.check()?;
        card.box_crop.check()?;
        if !(card.crop > 0.0 && card.crop <= 1.0) {
            return Err(format!("crop is {}; above 0 and at most 1 is possible", card.crop));
        }
        if !(card.similarity > 0.0 && card.similarity <= 1.0) {
            return Err(format!("similarity is {}; above 0 and at most 1 is possible", card.similarity));
        }
        Ok(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_card_leaves_out_is_as_arcface_has_it() {
        let card = EmbeddingCard::beside_onnx("{}").expect("an empty card is one");
        assert_eq!((card.input.size, card.input.channels, card.colours), (112, 3, ColourOrder::Rgb));
        let at = |pixel: f32| (pixel / 255.0 - card.input.mean[0]) / card.input.std[0];
        for pixel in [0.0, 127.5, 200.0, 255.0] {
            assert!((at(pixel) - (pixel - 127.5) / 128.0).abs() < 1e-5, "{pixel}");
        }
        let other = EmbeddingCard::beside_onnx(r#"{"colours": "bgr", "output": "fc1", "similarity": 0.3}"#);
        let other = other.expect("a card");
        assert_eq!(
            (other.colours, other.output.as_deref(), other.similarity),
            (ColourOrder::Bgr, Some("fc1"), 0.3)
        );
    }

    #[test]
    fn what_is_misspelt_or_cannot_be_is_named() {
        for (json, words) in [
            (r#"{"colors": "bgr"}"#, "unknown field `colors`"),
            (r#"{"similarity": 0}"#, "similarity is 0"),
            (r#"{"similarity": 1.5}"#, "similarity is 1.5"),
            (r#"{"crop": 2}"#, "crop is 2"),
            (
                r#"{"input": {"size": 112, "channels": 3, "mean": [0], "std": [1], "template": "crop"}}"#,
                "input.mean",
            ),
            ("[", "EOF"),
        ] {
            let problem = EmbeddingCard::beside_onnx(json).expect_err(words);
            assert!(problem.contains(words), "{words}: {problem}");
        }
    }
}
