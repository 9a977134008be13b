//! The temporal encoder: a pre-norm Transformer over the features of a clip's frames (METHOD: temporal refinement),
//! its parameters named as `torch.nn.TransformerEncoder` names them.

use serde::{Deserialize, Serialize};

use super::builder::GraphBuilder;
use super::graph::{Graph, GraphError, NodeId, Shape};

/// Everything that decides a temporal encoder's graph.
///
/// One input item is a clip: `frames x 1 x (features + 1)`. The last channel is presence, 1 where the frame has a face
/// and 0 where it has none, whose features are then 0. One output item is `frames x 1 x classes`, logits a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemporalSpec {
    /// Features of a frame, without the presence channel.
    pub features: usize,
    /// Outputs.
    pub classes: usize,
    /// Frames of a clip.
    #[serde(default = "frames")]
    pub frames: usize,
    /// Channels inside the encoder; a multiple of `heads`.
    #[serde(default = "width")]
    pub width: usize,
    /// Encoder layers; 0 leaves a classifier of single frames.
    #[serde(default = "layers")]
    pub layers: usize,
    /// Heads of attention.
    #[serde(default = "heads")]
    pub heads: usize,
    /// Hidden channels of the feed-forward part.
    #[serde(default = "feed_forward")]
    pub feed_forward: usize,
    /// Probability with which training drops a value, in `[0, 1)`.
    #[serde(default = "dropout")]
    pub dropout: f32,
    /// Whether a frame sees itself and earlier frames only, as live use needs.
    #[serde(default)]
    pub causal: bool,
    /// Whether a frame's answer is the encoder's logits added to the student's own, so that the encoder only has to learn
    /// what neighbours change. The sum is taken outside the graph.
    #[serde(default)]
    pub residual: bool,
}

fn frames() -> usize {
    64
}
fn width() -> usize {
    512
}
fn layers() -> usize {
    4
}
fn heads() -> usize {
    8
}
fn feed_forward() -> usize {
    1024
}
fn dropout() -> f32 {
    0.2
}

impl TemporalSpec {
    /// Name of the classifier of each frame.
    pub const HEAD: &str = "classifier";

    /// The method's encoder over `features` features a frame, with `classes` outputs: 64 frames, width 512, 4 layers,
    /// 8 heads, feed-forward 1024, dropout 0.2, not causal.
    pub fn new(features: usize, classes: usize) -> Self {
        Self {
            features,
            classes,
            frames: frames(),
            width: width(),
            layers: layers(),
            heads: heads(),
            feed_forward: feed_forward(),
            dropout: dropout(),
            causal: false,
            residual: false,
        }
    }

    /// Builds the graph. The projection reads the presence channel beside the features, so that a missing frame is
    /// told from one whose features happen to be zero; missing frames are masked as keys of attention.
    ///
    /// # Errors
    /// A setting is out of range.
    pub fn graph(&self) -> Result<Graph, GraphError> {
        self.check()?;
        let mut g = GraphBuilder::new(Shape { h: self.frames, w: 1, c: self.features + 1 });
        let mut x = g.position_linear("projection", 0, self.width);
        x = g.positions("positions", x);
        for layer in 0..self.layers {
            x = self.layer(&mut g, &format!("encoder.layers.{layer}"), x)?;
        }
        let features = g.layer_norm("encoder.norm", x);
        g.position_linear(Self::HEAD, features, self.classes);
        Ok(g.finish(features))
    }

    /// `x + dropout(attention(norm1(x)))`, then `x + dropout(linear2(dropout(gelu(linear1(norm2(x))))))`.
    fn layer(&self, g: &mut GraphBuilder, name: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let y = g.layer_norm(&format!("{name}.norm1"), x);
        let y = g.self_attention(&format!("{name}.self_attn"), y, self.heads, self.causal, Some(0))?;
        let y = g.dropout(y, self.dropout)?;
        let x = g.add(name, x, y)?;
        let y = g.layer_norm(&format!("{name}.norm2"), x);
        let y = g.position_linear(&format!("{name}.linear1"), y, self.feed_forward);
        let y = g.gelu(y);
        let y = g.dropout(y, self.dropout)?;
        let y = g.position_linear(&format!("{name}.linear2"), y, self.width);
        let y = g.dropout(y, self.dropout)?;
        g.add(name, x, y)
    }

    fn check(&self) -> Result<(), GraphError> {
        for (what, value, most, allowed) in [
            ("features", self.features, 1 << 14, "between 1 and 16384"),
            ("classes", self.classes, 1 << 14, "between 1 and 16384"),
            ("frames", self.frames, 1 << 10, "between 1 and 1024"),
            ("width", self.width, 1 << 13, "between 1 and 8192"),
            ("feed_forward", self.feed_forward, 1 << 14, "between 1 and 16384"),
        ] {
            if !(1..=most).contains(&value) {
                return Err(GraphError::Setting { what, value: value.to_string(), allowed });
            }
        }
        if self.layers > 64 {
            let (what, value) = ("layers", self.layers.to_string());
            return Err(GraphError::Setting { what, value, allowed: "at most 64" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_methods() {
        let graph = TemporalSpec::new(2048, 8).graph().expect("a valid specification");
        assert_eq!(graph.input(), Shape { h: 64, w: 1, c: 2049 });
        assert_eq!(graph.output(), Shape { h: 64, w: 1, c: 8 });
        assert_eq!(graph.nodes[graph.features].shape, Shape { h: 64, w: 1, c: 512 });
        // As PyTorch counts its own: 4 x 2,102,784 in the layers, then positions, projection, last norm, classifier.
        let rest = 64 * 512 + (2049 + 1) * 512 + 2 * 512 + (512 + 1) * 8;
        assert_eq!(graph.trained_values(), 4 * 2_102_784 + rest);
    }

    #[test]
    fn what_a_card_leaves_out_is_the_methods_choice() {
        let spec: TemporalSpec = serde_json::from_str(r#"{"features":512,"classes":8}"#).expect("a spec");
        assert_eq!(spec, TemporalSpec::new(512, 8));
        let unknown = serde_json::from_str::<TemporalSpec>(r#"{"features":1,"classes":1,"depth":2}"#);
        assert!(unknown.is_err());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |spec: TemporalSpec| spec.graph().expect_err("out of range").to_string();
        let spec = TemporalSpec::new(512, 8);
        let heads = message(TemporalSpec { heads: 7, ..spec.clone() });
        assert_eq!(heads, "heads is 7, but must be a divisor of the width");
        let dropout = message(TemporalSpec { dropout: 1.0, ..spec.clone() });
        assert_eq!(dropout, "dropout is 1, but must be 0 or more and below 1");
        assert_eq!(
            message(TemporalSpec { frames: 0, ..spec }),
            "frames is 0, but must be between 1 and 1024"
        );
    }

    #[test]
    fn initial_positions_are_small_and_projections_follow_xavier() {
        let graph = TemporalSpec { layers: 1, ..TemporalSpec::new(64, 8) }.graph().expect("a graph");
        let weights = crate::net::Weights::initial(&graph, 3);
        let deviation = |name: &str| {
            let values = weights.get(name);
            (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        };
        assert!((deviation("positions") - 0.02).abs() < 5e-4);
        let xavier = (6.0f64 / 2048.0).sqrt() / 3f64.sqrt();
        let found = deviation("encoder.layers.0.self_attn.in_proj_weight");
        assert!((found - xavier).abs() < 0.01 * xavier, "{found} {xavier}");
    }
}
