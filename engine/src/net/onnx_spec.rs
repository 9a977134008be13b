//! What the input and outputs of an ONNX file mean, as its card has it.

use serde::{Deserialize, Serialize};

/// Order of the colours in an input of three channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as `OpenCV` has them.
    Bgr,
}

/// What the scores of the classes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreForm {
    /// Before the softmax.
    #[default]
    Logits,
    /// After it.
    Probabilities,
}

/// Where something stands among the outputs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputPlace {
    /// The output's name; without one the file's first output.
    pub output: Option<String>,
    /// Its place among the output's values of one picture, from 0.
    pub at: usize,
}

/// What the outputs mean. Without words, the first output holds the classes' logits, or these and then valence and arousal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnnxOutputs {
    /// The first of the classes' scores; the others follow it.
    pub scores: Option<OutputPlace>,
    /// What the scores are.
    pub holds: ScoreForm,
    /// How pleasant the expression is, -1 to 1.
    pub valence: Option<OutputPlace>,
    /// How aroused it is, -1 to 1.
    pub arousal: Option<OutputPlace>,
}

/// What a network gives for one known input, so that a file is not mistaken for another one or computed otherwise: value number
/// `i` of the input, in the file's own order of axes, is `(31 i mod 256) / 255`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The output that holds the scores, all of its values.
    pub values: Vec<f32>,
    /// How far each may be off.
    #[serde(default = "tolerance")]
    pub tolerance: f32,
}

fn tolerance() -> f32 {
    1e-3
}

/// A network that an ONNX file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxSpec {
    /// How many classes.
    pub classes: usize,
    /// Order of the input's colours.
    #[serde(default)]
    pub colours: ColourOrder,
    /// What the outputs mean.
    #[serde(default)]
    pub outputs: OnnxOutputs,
    /// What it gives for a known input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub golden: Option<Golden>,
}
