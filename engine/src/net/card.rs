//! What a weights file says about itself, so that training and use cannot differ.

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use crate::signal::PostSettings;

/// How a picture becomes network input: the same contract is used to train, to evaluate and live.
///
/// The input tensor is NHWC `f32`, `size x size x channels`, each value `(pixel / 255 - mean[c]) / std[c]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputContract {
    /// Side of the square input in pixels.
    pub size: usize,
    /// 1 (grey, Rec. 601 luma of colour pictures) or 3 (RGB order; grey pictures are replicated).
    pub channels: usize,
    /// Mean per channel, of pixels scaled to `[0, 1]`; `channels` long.
    pub mean: Vec<f32>,
    /// Standard deviation per channel, of pixels scaled to `[0, 1]`; `channels` long.
    pub std: Vec<f32>,
    /// How faces were framed: `"crop"` (loose box crop) or `"arcface-112"` (five-landmark template, scaled).
    pub template: String,
}

impl InputContract {
    /// Mean and deviation of a run that does not say others.
    pub const SCALE: (f32, f32) = (0.5, 0.25);
}

/// A square around a face's box, for models whose training faces were box crops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxCrop {
    /// The square's side, as a multiple of the longer side of the tight box from hair line to chin.
    pub side: f32,
    /// How far the square's middle lies above the box's, as a part of the square's side.
    pub up: f32,
}

impl Default for BoxCrop {
    /// The box's longer side, about its middle: what FER2013's and FER+'s pictures show (the median over 500 of them, with
    /// boxes by `YuNet`: side 1.00, middle 0.00 above).
    fn default() -> Self {
        Self { side: 1.0, up: 0.0 }
    }
}

/// The card stored in a weights file's metadata under `affekt.card`, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Version of the card's own format; 1.
    pub version: u32,
    /// The network.
    pub architecture: Architecture,
    /// Class names in output order.
    pub classes: Vec<String>,
    /// How a picture becomes input.
    pub input: InputContract,
    /// Part of the picture's sides that the input shows in evaluation and use, centred, in `(0, 1]`; training saw
    /// faces at this scale.
    #[serde(default = "whole")]
    pub crop: f32,
    /// How a detector's face box becomes the square picture that training saw.
    #[serde(default)]
    pub box_crop: BoxCrop,
    /// Licence of the weights and what is known of the training pixels' licence.
    pub licence: String,
    /// What it was trained on and how, in a sentence or two.
    pub training: String,
    /// Softmax temperature that calibrates its probabilities; 1 where none was fitted.
    pub temperature: f32,
    /// Measured figures by name, e.g. `ferplus_valid_accuracy`.
    pub metrics: std::collections::BTreeMap<String, f64>,
    /// Of a temporal encoder: BLAKE3 hash of the student's file whose features it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub student: Option<String>,
    /// Of a temporal encoder: how it was refined, and so how it is used unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostSettings>,
}

fn whole() -> f32 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_from_before_box_crops_is_still_read() {
        let old = r#"{"version":1,"architecture":{"family":"resnet","depth":"resnet18","size":48,"channels":1,
            "classes":2,"width":0.5,"stem":"no_pool"},"classes":["a","b"],"input":{"size":48,"channels":1,"mean":[0.5],
            "std":[0.25],"template":"crop"},"crop":0.9,"licence":"","training":"","temperature":1.0,"metrics":{}}"#;
        let card: ModelCard = serde_json::from_str(old).expect("a card of the first release");
        assert_eq!(card.box_crop, BoxCrop { side: 1.0, up: 0.0 });
        let again: ModelCard =
            serde_json::from_str(&serde_json::to_string(&card).expect("JSON")).expect("a card");
        assert_eq!(again, card);
    }
}
