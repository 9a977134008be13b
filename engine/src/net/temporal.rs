//! The temporal encoder: a Transformer over the features of a clip's frames (phase 2 of the method).

use serde::{Deserialize, Serialize};

use super::graph::{Graph, GraphBuilder, GraphError, Shape};

/// A pre-norm Transformer encoder with a classifier on every frame.
///
/// Input is `frames x 1 x (features + 1)`: a frame's features and, last, its presence (1, or 0 where the frame has no
/// face and its features are 0). Output is `frames x 1 x classes` logits. With `x` the features and presence of a frame:
///
/// ```text
/// z = project(x) + position
/// z = z + dropout(attention(norm1(z)))                   for every layer
/// z = z + dropout(linear2(dropout(gelu(linear1(norm2(z))))))
/// logits = classifier(norm(z))
/// ```
///
/// Frames without a face are no keys of attention, and are answered from the others. Parameters are named as PyTorch's
/// `TransformerEncoder(norm_first=True)` names them, under `encoder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemporalSpec {
    /// Length of a frame's feature vector, from 1 up.
    pub features: usize,
    /// Outputs a frame, from 1 up.
    pub classes: usize,
    /// Frames of a clip, 1 to 4096.
    pub frames: usize,
    /// Width of the encoder, 1 to 8192.
    pub width: usize,
    /// Layers, 1 to 64.
    pub layers: usize,
    /// Attention heads; a divisor of the width.
    pub heads: usize,
    /// Width of the feed-forward part, 1 to 32768.
    pub feed_forward: usize,
    /// Share of values that dropout clears, in `[0, 1)`.
    pub dropout: f32,
    /// Whether a frame sees only itself and earlier frames.
    pub causal: bool,
}

impl Default for TemporalSpec {
    fn default() -> Self {
        Self {
            features: 2048,
            classes: 8,
            frames: 64,
            width: 512,
            layers: 4,
            heads: 8,
            feed_forward: 1024,
            dropout: 0.2,
            causal: false,
        }
    }
}

impl TemporalSpec {
    /// The encoder as a graph; its features are the normalised vectors that the classifier reads.
    ///
    /// # Errors
    /// A setting is out of range, or the heads do not divide the width.
    pub fn graph(&self) -> Result<Graph, GraphError> {
        self.check()?;
        let names = [".weight", ".bias"];
        let mut graph = GraphBuilder::new(Shape { h: self.frames, w: 1, c: self.features + 1 });
        let projected = graph.position_linear("project", names, 0, self.width);
        let mut z = graph.add_positions("positions", projected);
        for layer in 0..self.layers {
            let name = |part: &str| format!("encoder.layers.{layer}.{part}");
            let normal = graph.layer_norm(&name("norm1"), z);
            let attention = name("self_attn");
            let qkv = graph.position_linear(
                &attention,
                [".in_proj_weight", ".in_proj_bias"],
                normal,
                3 * self.width,
            );
            let mixed = graph.attention(&attention, qkv, 0, self.heads, self.causal)?;
            let out = graph.position_linear(&name("self_attn.out_proj"), names, mixed, self.width);
            let dropped = graph.dropout(self.dropout, out);
            z = graph.add(&attention, dropped, z)?;
            let normal = graph.layer_norm(&name("norm2"), z);
            let wide = graph.position_linear(&name("linear1"), names, normal, self.feed_forward);
            let bent = graph.gelu(wide);
            let dropped = graph.dropout(self.dropout, bent);
            let narrow = graph.position_linear(&name("linear2"), names, dropped, self.width);
            let dropped = graph.dropout(self.dropout, narrow);
            z = graph.add(&name("linear2"), dropped, z)?;
        }
        let normal = graph.layer_norm("encoder.norm", z);
        graph.position_linear("classifier", names, normal, self.classes);
        Ok(graph.finish(normal))
    }

    fn check(&self) -> Result<(), GraphError> {
        let sizes: [(&'static str, usize, usize, &'static str); 6] = [
            ("features", self.features, 1 << 16, "1 to 65536"),
            ("classes", self.classes, 1 << 16, "1 to 65536"),
            ("frames", self.frames, 4096, "1 to 4096"),
            ("width", self.width, 8192, "1 to 8192"),
            ("layers", self.layers, 64, "1 to 64"),
            ("feed_forward", self.feed_forward, 1 << 15, "1 to 32768"),
        ];
        for (what, value, highest, allowed) in sizes {
            if !(1..=highest).contains(&value) {
                return Err(GraphError::Setting { what, value: value.to_string(), allowed });
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let value = self.dropout.to_string();
            return Err(GraphError::Setting { what: "dropout", value, allowed: "in [0, 1)" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_encoder_has_pytorchs_parameters() {
        let graph = TemporalSpec::default().graph().expect("a valid specification");
        assert_eq!(graph.input(), Shape { h: 64, w: 1, c: 2049 });
        assert_eq!(graph.output(), Shape { h: 64, w: 1, c: 8 });
        let of = |name: &str| graph.params.iter().find(|p| p.name == name).map(|p| p.shape.clone());
        assert_eq!(of("encoder.layers.3.self_attn.in_proj_weight"), Some(vec![1536, 512]));
        assert_eq!(of("encoder.layers.0.linear2.weight"), Some(vec![512, 1024]));
        assert_eq!(of("positions"), Some(vec![64, 512]));
        assert_eq!(graph.params.len(), 3 + 4 * 12 + 4);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refusal = |spec: TemporalSpec| spec.graph().expect_err("refused").to_string();
        assert!(refusal(TemporalSpec { heads: 7, ..TemporalSpec::default() }).contains("heads"));
        assert!(refusal(TemporalSpec { dropout: 1.0, ..TemporalSpec::default() }).contains("dropout"));
        assert!(refusal(TemporalSpec { frames: 0, ..TemporalSpec::default() }).contains("frames"));
    }
}
