//! Residual networks (He et al. 2016), as torchvision names and shapes them.

use serde::{Deserialize, Serialize};

use super::builder::GraphBuilder;
use super::graph::{Graph, GraphError, NodeId, Shape};

/// How many layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Depth {
    /// Basic blocks 2, 2, 2, 2.
    #[serde(rename = "resnet18")]
    ResNet18,
    /// Basic blocks 3, 4, 6, 3.
    #[serde(rename = "resnet34")]
    ResNet34,
    /// Bottleneck blocks 3, 4, 6, 3.
    #[serde(rename = "resnet50")]
    ResNet50,
}

impl Depth {
    const ALL: [Self; 3] = [Self::ResNet18, Self::ResNet34, Self::ResNet50];

    /// Its name, as settings and options write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResNet18 => "resnet18",
            Self::ResNet34 => "resnet34",
            Self::ResNet50 => "resnet50",
        }
    }

    /// The depth that tensors of these names belong to; `None` where it is none of ours.
    pub(super) fn of_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (mut blocks, mut bottleneck) = ([0; 4], false);
        for name in names {
            let mut parts = name.strip_prefix("layer").into_iter().flat_map(|rest| rest.split('.'));
            let mut number = || parts.next()?.parse::<usize>().ok();
            if let (Some(stage @ 1..=4), Some(block @ 0..1000)) = (number(), number()) {
                blocks[stage - 1] = blocks[stage - 1].max(block + 1);
                bottleneck |= parts.next() == Some("conv3");
            }
        }
        Self::ALL.into_iter().find(|d| d.blocks() == blocks && (d.expansion() > 1) == bottleneck)
    }

    fn blocks(self) -> [usize; 4] {
        match self {
            Depth::ResNet18 => [2, 2, 2, 2],
            Depth::ResNet34 | Depth::ResNet50 => [3, 4, 6, 3],
        }
    }

    fn expansion(self) -> usize {
        if self == Depth::ResNet50 { 4 } else { 1 }
    }
}

/// The first layers, which decide how soon resolution is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stem {
    /// 7x7 stride 2, then a 3x3 maximum pool of stride 2 (torchvision): for 112 pixels and more.
    #[default]
    Imagenet,
    /// 7x7 stride 2 without the pool: for 48 to 96 pixels. Loads torchvision weights as they are.
    NoPool,
    /// 3x3 stride 1 without the pool: for 32 to 48 pixels.
    Small,
}

/// Everything that decides a residual network's graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNetSpec {
    /// Layers.
    pub depth: Depth,
    /// Side of the square input in pixels; 32 or more.
    pub size: usize,
    /// Input channels, 1 or 3.
    pub channels: usize,
    /// Outputs.
    pub classes: usize,
    /// Factor on every layer's channels (1 is torchvision's); channels are rounded to a multiple of 8.
    #[serde(default = "one")]
    pub width: f32,
    /// First layers.
    #[serde(default)]
    pub stem: Stem,
}

fn one() -> f32 {
    1.0
}

impl ResNetSpec {
    /// Name of the classifier, as torchvision has it.
    pub const HEAD: &str = "fc";

    /// Length of the pooled feature vector.
    pub fn feature_len(&self) -> usize {
        self.scaled(512) * self.depth.expansion()
    }

    fn scaled(&self, channels: usize) -> usize {
        let exact = channels as f32 * self.width;
        ((exact / 8.0).round() as usize).max(1) * 8
    }

    /// Builds the graph.
    ///
    /// # Errors
    /// A setting is out of range: size below 32, channels other than 1 or 3, no class, or a width outside
    /// `[0.0625, 8]`.
    pub fn graph(&self) -> Result<Graph, GraphError> {
        let setting = |what, value: String, allowed| Err(GraphError::Setting { what, value, allowed });
        if !(32..=1024).contains(&self.size) {
            return setting("size", self.size.to_string(), "between 32 and 1024 pixels");
        }
        if self.channels != 1 && self.channels != 3 {
            return setting("channels", self.channels.to_string(), "1 (grey) or 3 (RGB)");
        }
        if self.classes == 0 {
            return setting("classes", "0".into(), "at least 1");
        }
        if !(0.0625..=8.0).contains(&self.width) {
            return setting("width", self.width.to_string(), "between 0.0625 and 8");
        }
        let mut g = GraphBuilder::new(Shape { h: self.size, w: self.size, c: self.channels });
        let stem = self.scaled(64);
        let mut x = match self.stem {
            Stem::Imagenet | Stem::NoPool => g.conv("conv1", 0, stem, 7, 2, 3)?,
            Stem::Small => g.conv("conv1", 0, stem, 3, 1, 1)?,
        };
        x = g.batch_norm("bn1", x);
        x = g.relu(x);
        if self.stem == Stem::Imagenet {
            x = g.max_pool("maxpool", x, 3, 2, 1)?;
        }
        for (stage, &count) in self.depth.blocks().iter().enumerate() {
            let planes = self.scaled(64 << stage);
            for block in 0..count {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                let name = format!("layer{}.{block}", stage + 1);
                x = match self.depth {
                    Depth::ResNet50 => bottleneck(&mut g, &name, x, planes, stride)?,
                    _ => basic(&mut g, &name, x, planes, stride)?,
                };
            }
        }
        let features = g.global_average_pool(x);
        g.linear(Self::HEAD, features, self.classes);
        Ok(g.finish(features))
    }
}

fn basic(
    g: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    planes: usize,
    stride: usize,
) -> Result<NodeId, GraphError> {
    let mut y = g.conv(&format!("{name}.conv1"), x, planes, 3, stride, 1)?;
    y = g.batch_norm(&format!("{name}.bn1"), y);
    y = g.relu(y);
    y = g.conv(&format!("{name}.conv2"), y, planes, 3, 1, 1)?;
    y = g.batch_norm(&format!("{name}.bn2"), y);
    join(g, name, x, y, planes, stride)
}

fn bottleneck(
    g: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    planes: usize,
    stride: usize,
) -> Result<NodeId, GraphError> {
    let mut y = g.conv(&format!("{name}.conv1"), x, planes, 1, 1, 0)?;
    y = g.batch_norm(&format!("{name}.bn1"), y);
    y = g.relu(y);
    y = g.conv(&format!("{name}.conv2"), y, planes, 3, stride, 1)?;
    y = g.batch_norm(&format!("{name}.bn2"), y);
    y = g.relu(y);
    y = g.conv(&format!("{name}.conv3"), y, planes * 4, 1, 1, 0)?;
    y = g.batch_norm(&format!("{name}.bn3"), y);
    join(g, name, x, y, planes * 4, stride)
}

/// Adds the shortcut, projected where the shape changes, and the last rectifier.
fn join(
    g: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    y: NodeId,
    out: usize,
    stride: usize,
) -> Result<NodeId, GraphError> {
    let mut shortcut = x;
    if stride != 1 || g.shape(x).c != out {
        shortcut = g.conv(&format!("{name}.downsample.0"), x, out, 1, stride, 0)?;
        shortcut = g.batch_norm(&format!("{name}.downsample.1"), shortcut);
    }
    let sum = g.add(name, y, shortcut)?;
    Ok(g.relu(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(depth: Depth) -> ResNetSpec {
        ResNetSpec { depth, size: 224, channels: 3, classes: 1000, width: 1.0, stem: Stem::Imagenet }
    }

    #[test]
    fn sizes_are_torchvisions() {
        for (depth, values, gmacs) in [
            (Depth::ResNet18, 11_689_512, 1.814),
            (Depth::ResNet34, 21_797_672, 3.664),
            (Depth::ResNet50, 25_557_032, 4.089),
        ] {
            let graph = spec(depth).graph().expect("a valid specification");
            assert_eq!(graph.trained_values(), values, "{depth:?}");
            let measured = graph.multiply_adds() as f64 / 1e9;
            assert!((measured - gmacs).abs() < 0.002, "{depth:?}: {measured}");
        }
    }

    #[test]
    fn every_size_from_32_up_has_a_graph() {
        for size in [32, 33, 48, 63, 64, 112, 225] {
            let spec = ResNetSpec { size, classes: 8, width: 0.25, ..spec(Depth::ResNet50) };
            assert_eq!(spec.graph().expect("a valid size").output(), Shape { h: 1, w: 1, c: 8 });
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = ResNetSpec { size: 31, ..spec(Depth::ResNet18) }.graph().expect_err("too small");
        assert_eq!(error.to_string(), "size is 31, but must be between 32 and 1024 pixels");
    }
}
