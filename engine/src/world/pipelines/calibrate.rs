//! `calibrate`: a model's probabilities fitted to labelled pictures, by its temperature and the offsets of its classes.

use std::fmt::Write as _;

use super::evaluate::evaluate_model;
use crate::backend::Backend;
use crate::data::{Formats, Spec};
use crate::learn::{EvalReport, balancing_offsets};
use crate::world::config::EvaluationConfig;
use crate::world::error::WorldError;
use crate::world::run::{Model, ModelNetwork, valid_metrics};

/// A model with another card, and what it scored before and after.
pub struct Calibrated {
    /// The model.
    pub model: Model,
    /// The model that came in.
    pub before: EvalReport,
    /// The one that goes out, still measured at the old temperature.
    pub after: EvalReport,
}

/// Measures a model on labelled pictures, lets it answer rare classes more often by `balance` (0 changes no answer; 1 as if all
/// classes were equally frequent in them), and gives it the temperature that calibrates it there. Its card gets the new figures.
///
/// # Errors
/// As [`evaluate_model`]; the balance is outside `[0, 1]`, or the model is an ONNX file's.
pub fn calibrate(
    (model, balance): (&Model, f32),
    specs: &[Spec],
    settings: &EvaluationConfig,
    strict: bool,
    formats: &Formats,
    backend: &dyn Backend,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<Calibrated, WorldError> {
    if !(0.0..=1.0).contains(&balance) {
        return Err(WorldError::setting("balance", "must be from 0 to 1"));
    }
    let mut changed = model.clone();
    let ModelNetwork::Own { weights, .. } = &mut changed.network else {
        let problem =
            "is an ONNX file's; its card is a file beside it, where a temperature can be written by hand";
        return Err(WorldError::file(&model.path, problem));
    };
    let measured = evaluate_model(model, specs, settings, strict, formats, backend, &mut progress)?;
    let before = measured.report;
    let after = if balance > 0.0 {
        let (classes, temperature) = (model.card.classes.len(), model.card.temperature);
        let rows = measured.answers.rows.iter().flat_map(|row| row.probabilities.iter().copied());
        let offsets = balancing_offsets(&rows.collect::<Vec<_>>(), classes, temperature, balance);
        let name = format!("{}.bias", model.card.architecture.head());
        let bias = weights.tensors.get_mut(&name).filter(|bias| bias.data.len() >= classes);
        let bias = bias.ok_or_else(|| WorldError::file(&model.path, format!("has no {name}")))?;
        bias.data.iter_mut().zip(&offsets).for_each(|(bias, offset)| *bias += offset);
        evaluate_model(&changed, specs, settings, strict, formats, backend, progress)?.report
    } else {
        before.clone()
    };
    let card = &mut changed.card;
    card.temperature = after.calibrating_temperature;
    card.metrics.retain(|name, _| !name.starts_with("valid_"));
    card.metrics.extend(valid_metrics(&after, settings.flip));
    let (end, n) = (card.training.trim_end().trim_end_matches('.').len(), after.n);
    card.training.truncate(end);
    let _ = write!(card.training, ". Calibrated on {n} pictures, classes balanced by {balance}.");
    Ok(Calibrated { model: changed, before, after })
}
