//! Which network a weights file holds.

use serde::{Deserialize, Serialize};

use super::graph::{Graph, GraphError};
use super::onnx_spec::OnnxSpec;
use super::{ResNetSpec, TemporalSpec};

/// The network of a weights file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Architecture {
    /// A residual network over one picture.
    Resnet(ResNetSpec),
    /// An encoder over the features of a clip's frames; the card's input is that of the network whose features it
    /// reads.
    Temporal(TemporalSpec),
    /// A network over one picture that an ONNX file holds: other programs' operations, which have no graph here.
    Onnx(OnnxSpec),
}

impl Architecture {
    /// The network's graph: the one place where an architecture becomes operations.
    ///
    /// # Errors
    /// A setting is out of range.
    pub fn graph(&self) -> Result<Graph, GraphError> {
        match self {
            Self::Resnet(spec) => spec.graph(),
            Self::Temporal(spec) => spec.graph(),
            Self::Onnx(_) => Err(GraphError::Setting {
                what: "architecture",
                value: "an ONNX file's".into(),
                allowed: "one of affekt's own, as its weights files hold them",
            }),
        }
    }

    /// The name of the classifier, whose parameters are `<head>.weight` and `<head>.bias`.
    pub fn head(&self) -> &'static str {
        match self {
            Self::Resnet(_) => ResNetSpec::HEAD,
            Self::Temporal(_) => TemporalSpec::HEAD,
            Self::Onnx(_) => "",
        }
    }

    /// Number of outputs, of a clip for each frame.
    pub fn classes(&self) -> usize {
        match self {
            Self::Resnet(spec) => spec.classes,
            Self::Temporal(spec) => spec.classes,
            Self::Onnx(spec) => spec.classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Depth, Stem};

    #[test]
    fn the_head_is_the_last_layer_of_the_graph() {
        let resnet = ResNetSpec {
            depth: Depth::ResNet18,
            size: 32,
            channels: 1,
            classes: 5,
            width: 0.25,
            stem: Stem::Small,
        };
        let temporal = TemporalSpec::new(16, 5);
        for architecture in [Architecture::Resnet(resnet), Architecture::Temporal(temporal)] {
            let graph = architecture.graph().expect("valid");
            let last = &graph.params[graph.params.len() - 2..];
            assert_eq!(last[0].name, format!("{}.weight", architecture.head()));
            assert_eq!(last[1].name, format!("{}.bias", architecture.head()));
            assert_eq!(last[1].shape, [architecture.classes()]);
        }
    }
}
