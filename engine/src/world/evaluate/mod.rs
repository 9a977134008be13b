//! The `evaluate` schedule: a model over a labelled pool, batch by batch.
//!
//! | stage | what it does |
//! |---|---|
//! | `Draw` | replaces the last batch's sample entities by this one's: pool index, batch index, key, label |
//! | `Load` | takes the batch that loader threads have read and rendered ahead; marks samples that cannot be read as left out, because nothing may stand in for them in a score |
//! | `Forward` | runs the network, and gives every sample its class and confidence |
//! | `Measure` | adds the batch's logits and labels to the tally |
//! | `Report` | after the last batch, makes the [`EvalReport`] |

mod batches;
mod systems;

use std::sync::{Arc, Mutex};

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::ScheduleLabel;

use self::batches::Batches;
use self::systems::{Ahead, InFlight, Net, Outcome, Place, Tally, Walk};
use super::config::EvaluationConfig;
use super::error::WorldError;
use super::model::Model;
use super::schedule::{build, no_error, run, stage, strict_schedule};
use super::sets::labelled_pool;
use crate::backend::Backend;
use crate::data::{DataError, Formats, Loader, Pool, SkipLog, Source, Spec, Vocabulary};
use crate::learn::EvalReport;
use crate::media::augment::{Framing, Policy};
use crate::net::{Graph, InputContract, Weights};

/// Names the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, ScheduleLabel)]
pub struct Evaluate;

/// Its stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, SystemSet)]
pub enum EvaluateStage {
    /// Sample entities of the next batch.
    Draw,
    /// Pictures as input.
    Load,
    /// Logits.
    Forward,
    /// The tally.
    Measure,
    /// The score, once all is tallied.
    Report,
}

/// Everything about a model that evaluation needs.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its network.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a Weights,
    /// Its class names.
    pub classes: &'a [String],
    /// How a picture becomes input.
    pub contract: &'a InputContract,
    /// Part of the picture's sides that the input shows.
    pub crop: f32,
    /// Softmax temperature.
    pub temperature: f32,
}

/// The schedule, unbuilt.
fn schedule() -> Schedule {
    use EvaluateStage::{Draw, Forward, Load, Measure, Report};
    let mut schedule = strict_schedule(Evaluate);
    schedule.configure_sets(
        (
            Draw.run_if(no_error),
            Load.run_if(no_error),
            Forward.run_if(no_error),
            Measure.run_if(no_error),
            Report.run_if(no_error),
        )
            .chain(),
    );
    stage!(schedule, Draw, systems::draw);
    stage!(schedule, Load, systems::load);
    stage!(schedule, Forward, systems::forward);
    stage!(schedule, Measure, systems::measure);
    stage!(schedule, Report, systems::report);
    schedule
}

/// Measures a model on a labelled pool. `progress` hears of the start and of every batch: items done and items in all.
///
/// # Errors
/// A picture cannot be read under `strict`, nothing can be read, the model's output is not finite, or `progress` stops
/// it by giving `false`.
pub fn evaluate(
    subject: &Subject,
    pool: &Arc<Pool>,
    settings: &EvaluationConfig,
    skips: &Arc<SkipLog>,
    backend: &dyn Backend,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<EvalReport, WorldError> {
    let network = backend.inference(subject.graph, subject.weights)?;
    let batches = Arc::new(Batches {
        pool: Arc::clone(pool),
        policy: Policy { crop: subject.crop, plain: Framing::Centre, ..Policy::default() },
        contract: subject.contract.clone(),
        batch: settings.batch,
        flip: settings.flip,
        skips: Arc::clone(skips),
    });
    let count = batches.count();
    let making = Arc::clone(&batches);
    let mut world = World::new();
    world.insert_resource(Ahead(Loader::spawn(0..count, 1, 3, move |index| making.render(index))?));
    world.insert_resource(Net(Mutex::new(network)));
    world.insert_resource(Walk(Arc::clone(&batches)));
    world.init_resource::<Place>();
    world.init_resource::<InFlight>();
    world.init_resource::<Tally>();
    let (classes, temperature) = (subject.classes.to_vec(), subject.temperature);
    world.insert_resource(Outcome { classes, temperature, report: None });
    let mut schedule = schedule();
    build(&mut schedule, &mut world)?;
    let mut told = |done| if progress(done, pool.len()) { Ok(()) } else { Err(WorldError::Interrupted) };
    told(0)?;
    for index in 0..count {
        run(&mut schedule, &mut world)?;
        told(batches.range(index).end)?;
    }
    let report = world.resource_mut::<Outcome>().report.take();
    report.filter(|report| report.n > 0).ok_or_else(|| {
        let first = skips.first().into_iter().next().unwrap_or_default();
        WorldError::Data(DataError::TooFew(format!("no validation picture can be read; the first: {first}")))
    })
}

/// Opens datasets and measures a model from a file on them, its classes mapped by name to the datasets'. Gives the
/// score and the number of items that could not be used.
///
/// # Errors
/// As [`evaluate`]; a SPEC cannot be opened, or class names do not fit.
pub fn evaluate_model(
    model: &Model,
    specs: &[Spec],
    settings: &EvaluationConfig,
    strict: bool,
    formats: &Formats,
    backend: &dyn Backend,
    progress: impl FnMut(usize, usize) -> bool,
) -> Result<(EvalReport, usize), WorldError> {
    let skips = Arc::new(SkipLog::new(strict));
    let vocabulary = Vocabulary::new(model.card.classes.clone())?;
    let open = |spec: &Spec| Source::open(spec, formats, &skips);
    let sources: Vec<Source> = specs.iter().map(open).collect::<Result<_, _>>()?;
    let pool = Arc::new(labelled_pool(&vocabulary, &sources, &skips)?);
    let subject = Subject {
        graph: &model.graph,
        weights: &model.weights,
        classes: &model.card.classes,
        contract: &model.card.input,
        crop: model.card.crop,
        temperature: model.card.temperature,
    };
    let report = evaluate(&subject, &pool, settings, &skips, backend, progress)?;
    Ok((report, skips.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_systems_conflict_without_an_order() {
        build(&mut schedule(), &mut World::new()).expect("no ambiguity");
    }

    #[test]
    fn a_planted_system_without_an_order_is_caught() {
        #[expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]
        fn planted(mut tally: ResMut<Tally>) -> Result<(), WorldError> {
            tally.labels.clear();
            Ok(())
        }
        let mut schedule = schedule();
        stage!(schedule, EvaluateStage::Measure, planted);
        let error = build(&mut schedule, &mut World::new()).expect_err("an ambiguity").to_string();
        assert!(error.contains("indeterminate execution order"), "{error}");
    }
}
