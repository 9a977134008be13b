//! Values of options that name something in the engine.

use affekt_engine::net::Stem;
use clap::ValueEnum;

/// Which residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DepthArg {
    /// Basic blocks 2, 2, 2, 2.
    Resnet18,
    /// Basic blocks 3, 4, 6, 3.
    Resnet34,
    /// Bottleneck blocks 3, 4, 6, 3.
    Resnet50,
}

/// First layers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum StemArg {
    /// 7x7 stride 2, then a pool: for 112 pixels and more.
    Imagenet,
    /// 7x7 stride 2 without the pool: for 48 to 96 pixels.
    NoPool,
    /// 3x3 stride 1: for 32 to 48 pixels.
    Small,
}

impl From<StemArg> for Stem {
    fn from(arg: StemArg) -> Self {
        match arg {
            StemArg::Imagenet => Self::Imagenet,
            StemArg::NoPool => Self::NoPool,
            StemArg::Small => Self::Small,
        }
    }
}

/// Over what batch normalisation takes its statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BatchNormArg {
    /// The whole batch.
    Sync,
    /// Each replica's part of it.
    Local,
}

/// An option's name as its TOML value.
pub fn toml_name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}
