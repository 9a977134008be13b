//! The cards of what a run has learned.

use std::collections::BTreeMap;

use super::model::Model;
use super::sets::SetsSummary;
use crate::data::Spec;
use crate::learn::{EvalReport, FrameReport, Method};
use crate::net::{Architecture, BoxCrop, ModelCard};
use crate::world::clip::ClipScores;
use crate::world::config::{RefineConfig, RunConfig};
use crate::world::error::WorldError;

/// The card of one of a pre-training run's networks, which is called `name` in its report.
///
/// # Errors
/// The settings give no contract.
pub fn student_card(
    config: &RunConfig,
    data: &SetsSummary,
    classes: &[String],
    (name, steps): (&str, u64),
    score: Option<&EvalReport>,
) -> Result<ModelCard, WorldError> {
    let method = match config.training.method {
        Method::Ssl => "semi-supervised",
        Method::Supervised => "supervised",
    };
    let metrics = score.map(|score| valid_metrics(score, config.evaluation.flip));
    let specs = &config.data;
    let used = [specs.labelled.as_slice(), &specs.unlabelled].concat();
    Ok(ModelCard {
        version: 1,
        architecture: config.model.architecture(classes.len()),
        classes: classes.to_vec(),
        input: config.contract()?,
        crop: config.plain_crop(),
        box_crop: BoxCrop::default(),
        licence: licence(config.licence.as_ref(), &used),
        training: format!(
            "{name} of a {method} run: {steps} steps, {} labelled pictures ({}), {} unlabelled ({}), seed {}.",
            data.labelled_total,
            named(&specs.labelled),
            data.unlabelled_total,
            named(&specs.unlabelled),
            config.seed
        ),
        temperature: score.map_or(1.0, |s| s.calibrating_temperature),
        metrics: metrics.unwrap_or_default(),
        student: None,
        post: None,
    })
}

/// A card's figures of a score; with `flip` it was measured on two views.
pub fn valid_metrics(score: &EvalReport, flip: bool) -> BTreeMap<String, f64> {
    let figures = [
        ("macro_f1", score.macro_f1),
        ("accuracy", score.accuracy),
        ("ece", score.calibrated_ece),
        ("n", score.n as f64),
    ];
    let views = flip.then_some(("views", 2.0));
    figures.into_iter().chain(views).map(|(figure, value)| (format!("valid_{figure}"), value)).collect()
}

/// The card of a temporal encoder over a student.
pub fn encoder_card(
    config: &RefineConfig,
    student: &Model,
    architecture: Architecture,
    (steps, clips, frames): (u64, usize, usize),
    scores: Option<&ClipScores>,
) -> ModelCard {
    let figures = scores.map(ClipScores::rows).unwrap_or_default();
    let figure = |(name, report): (&str, &FrameReport)| (format!("valid_{name}_macro_f1"), report.macro_f1);
    let metrics: BTreeMap<String, f64> = figures.into_iter().map(figure).collect();
    ModelCard {
        version: 1,
        architecture,
        classes: student.card.classes.clone(),
        input: student.card.input.clone(),
        crop: student.card.crop,
        box_crop: student.card.box_crop,
        licence: licence(config.licence.as_ref(), &config.data.train),
        training: format!(
            "temporal encoder over features of a frozen student: {steps} steps, {clips} clips ({}), {frames} frames, \
             seed {}.",
            named(&config.data.train),
            config.seed
        ),
        temperature: scores.and_then(|scores| scores.calibrating_temperature).unwrap_or(1.0),
        metrics,
        student: Some(student.hash.clone()),
        post: Some(config.post),
    }
}

fn licence(told: Option<&String>, data: &[Spec]) -> String {
    told.cloned().unwrap_or_else(|| {
        let sets = named(data);
        format!("The weights carry whatever terms the training pictures impose; check those of: {sets}")
    })
}

/// SPECs with nothing of their paths but the file's name: a card goes to other people.
fn named(specs: &[Spec]) -> String {
    let named = |spec: &Spec| {
        let path = spec.path.file_name().map_or_else(|| spec.path.clone(), Into::into);
        Spec { path, ..spec.clone() }.to_string()
    };
    specs.iter().map(named).collect::<Vec<_>>().join(", ")
}
