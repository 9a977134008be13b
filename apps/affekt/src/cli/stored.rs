//! How a command stores the weights that it writes.

use affekt_engine::net::Storage;
use clap::Args;

/// Single precision unless it is told otherwise.
#[derive(Debug, Args)]
pub struct StoredAs {
    /// Store the weights in half precision; everything is still computed in single precision.
    #[arg(long)]
    f16: bool,
    /// Store the weights in eight bits each, with a scale for each row: a quarter of the size, for affekt alone.
    #[arg(long, conflicts_with = "f16")]
    i8: bool,
}

impl StoredAs {
    pub const fn storage(&self) -> Storage {
        match self {
            Self { i8: true, .. } => Storage::I8,
            Self { f16: true, .. } => Storage::F16,
            _ => Storage::F32,
        }
    }
}
