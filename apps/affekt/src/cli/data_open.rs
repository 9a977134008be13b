//! Opening what a SPEC names, for the commands on datasets.

use std::sync::Arc;

use affekt_engine::data::{Dataset, SkipLog, Spec};
use affekt_engine::synth::formats;

use crate::failure::Failure;

/// What a SPEC names, and the SPEC.
///
/// # Errors
/// The SPEC is not understood, or the data cannot be read.
pub fn opened(text: &str, skips: &SkipLog) -> Result<(Spec, Arc<dyn Dataset>), Failure> {
    let spec: Spec = text.parse().map_err(Failure::usage)?;
    let formats = formats();
    formats.check(&spec).map_err(Failure::usage)?;
    let dataset = formats.open(&spec, skips)?;
    Ok((spec, dataset))
}
