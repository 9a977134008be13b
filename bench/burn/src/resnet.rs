//! ResNet-18 in torchvision's layout.

use burn::module::Initializer;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::Gradients;
use burn::tensor::activation::relu;

/// A convolution without bias, followed by batch normalisation.
#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Self {
        let pad = kernel / 2;
        let conv = Conv2dConfig::new(channels, [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(false)
            .with_initializer(Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: true })
            .init(device);
        Self { conv, norm: BatchNormConfig::new(channels[1]).init(device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }
}

/// Two 3x3 convolutions beside a shortcut, which is projected where the shape changes.
#[derive(Module, Debug)]
struct BasicBlock {
    first: ConvNorm,
    second: ConvNorm,
    shortcut: Option<ConvNorm>,
}

impl BasicBlock {
    fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let [from, to] = channels;
        Self {
            first: ConvNorm::new(channels, 3, stride, device),
            second: ConvNorm::new([to, to], 3, 1, device),
            shortcut: (stride != 1 || from != to).then(|| ConvNorm::new(channels, 1, stride, device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self.second.forward(relu(self.first.forward(x.clone())));
        let beside = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x),
            None => x,
        };
        relu(inner + beside)
    }
}

#[derive(Module, Debug)]
pub struct ResNet18 {
    stem: ConvNorm,
    max_pool: MaxPool2d,
    blocks: Vec<BasicBlock>,
    average_pool: AdaptiveAvgPool2d,
    linear: Linear,
}

impl ResNet18 {
    pub fn new(classes: usize, device: &Device) -> Self {
        let mut from = 64;
        let mut blocks = Vec::new();
        for (to, stride) in [(64, 1), (128, 2), (256, 2), (512, 2)] {
            blocks.push(BasicBlock::new([from, to], stride, device));
            blocks.push(BasicBlock::new([to, to], 1, device));
            from = to;
        }
        Self {
            stem: ConvNorm::new([3, 64], 7, 2, device),
            max_pool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            blocks,
            average_pool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            linear: LinearConfig::new(512, classes).init(device),
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = self.max_pool.forward(relu(self.stem.forward(x)));
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.linear.forward(self.average_pool.forward(x).flatten(1, 3))
    }

    /// The gradient of the stem's convolution, the last one that a backward pass computes.
    pub fn stem_gradient(&self, gradients: &Gradients) -> Option<Tensor<4>> {
        self.stem.conv.weight.val().grad(gradients)
    }
}
