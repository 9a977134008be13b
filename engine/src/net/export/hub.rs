//! A folder as model hubs have them: a card for people, a configuration for programs, weights under torchvision's names.

use std::fmt::Write as _;

use serde_json::json;

use crate::net::architecture::Architecture;
use crate::net::card::ModelCard;
use crate::net::resnet::{Depth, Stem};

/// The file `config.json` of a hub's folder: what timm reads, and the card under `affekt`.
///
/// # Errors
/// The model is none of affekt's own networks over pictures.
pub fn hub_config(card: &ModelCard) -> Result<String, String> {
    let Architecture::Resnet(spec) = &card.architecture else {
        return Err("only a network over pictures of affekt's own makes a hub's folder".into());
    };
    let input = &card.input;
    let config = json!({
        "architecture": depth_name(spec.depth),
        "num_classes": spec.classes,
        "num_features": spec.feature_len(),
        "model_args": {"in_chans": spec.channels},
        "label_names": card.classes,
        "pretrained_cfg": {
            "input_size": [spec.channels, spec.size, spec.size],
            "fixed_input_size": false,
            "mean": input.mean,
            "std": input.std,
            "crop_pct": card.crop,
            "interpolation": "bilinear",
            "num_classes": spec.classes,
            "pool_size": null,
            "first_conv": "conv1",
            "classifier": "fc",
            "label_names": card.classes,
        },
        "affekt": card,
    });
    Ok(format!("{config:#}\n"))
}

/// The file `README.md` of a hub's folder.
///
/// # Errors
/// As [`hub_config`].
pub fn hub_readme(card: &ModelCard) -> Result<String, String> {
    let Architecture::Resnet(spec) = &card.architecture else {
        return Err("only a network over pictures of affekt's own makes a hub's folder".into());
    };
    let name = depth_name(spec.depth);
    let input = &card.input;
    let (size, channels) = (spec.size, spec.channels);
    let colours = if channels == 1 { "grey" } else { "RGB" };
    let mut text = format!(
        "---\nlicense: other\nlibrary_name: timm\npipeline_tag: image-classification\ntags:\n- facial-expression-recognition\n\
         - affekt\n---\n\n# Facial expressions: {}\n\n{}\n\nLicence: {}\n\n## Input\n\nA face, {size}x{size} pixels, {colours}, as \
         `batch x {channels} x {size} x {size}`: `(pixel / 255 - mean) / std` with mean {:?} and deviation {:?}. Framing: \
         `{}`. Probabilities are the softmax of the logits divided by {}.\n",
        card.classes.join(", "),
        card.training,
        card.licence,
        input.mean,
        input.std,
        input.template,
        card.temperature,
    );
    if !card.metrics.is_empty() {
        text.push_str("\n## Measured\n\n| figure | value |\n|---|---|\n");
        for (figure, value) in &card.metrics {
            let _ = writeln!(text, "| {figure} | {value:.4} |");
        }
    }
    text.push_str("\n## Use\n\nIn affekt: `affekt analyze VIDEO --model model.safetensors`. ");
    text.push_str(&python(name, spec.width, spec.stem, channels, spec.classes));
    Ok(text)
}

/// How PyTorch opens the weights, or why it has no network of these shapes.
fn python(name: &str, width: f32, stem: Stem, channels: usize, classes: usize) -> String {
    if width != 1.0 || stem == Stem::Small {
        return format!(
            "The weights have torchvision's names for a {name}, but its channels are multiplied by {width} and its first layers are \
             `{stem:?}`, so no library has a network of their shapes: use the ONNX file that `affekt export` writes.\n"
        );
    }
    let mut text = format!(
        "In Python:\n\n```python\nimport safetensors.torch, timm, torch\n\nmodel = timm.create_model(\"{name}\", num_classes={classes}, \
         in_chans={channels})\nmodel.load_state_dict(safetensors.torch.load_file(\"model.safetensors\"))\n"
    );
    if stem == Stem::NoPool {
        text.push_str("model.maxpool = torch.nn.Identity()\n");
    }
    text.push_str("model.eval()\n```\n");
    text
}

fn depth_name(depth: Depth) -> &'static str {
    match depth {
        Depth::ResNet18 => "resnet18",
        Depth::ResNet34 => "resnet34",
        Depth::ResNet50 => "resnet50",
    }
}
