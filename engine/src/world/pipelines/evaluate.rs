//! `evaluate`: a model over a labelled pool, batch by batch.

use std::sync::Arc;

use crate::backend::{Backend, Inference, Team};
use crate::clock::Clock;
use crate::data::{DataError, Formats, Loader, Pool, SkipLog, Source, Spec, Vocabulary};
use crate::learn::{EvalReport, arg_max, softmax};
use crate::media::Corruption;
use crate::net::InputContract;
use crate::score::{Predicted, Predictions};
use crate::world::config::EvaluationConfig;
use crate::world::error::WorldError;
use crate::world::run::{Model, labelled_pool};
use crate::world::schedule::{Pipeline, stages};
use crate::world::stages::pictures::{self, PictureTally, PictureWalk, PicturesAhead, Place};
use crate::world::stages::plain_view::PlainView;
use crate::world::stages::student::{self, FaceBatch, Student, Wanted};
use crate::world::together::share_skips;

stages! {
    /// The next batch of a pool.
    Evaluate, EvaluateStage {
        /// Samples.
        Draw => [pictures::draw],
        /// Pictures as input.
        Load => [pictures::load],
        /// Logits.
        Student => [student::student],
        /// The tally.
        Measure => [pictures::measure],
    }
}

/// What evaluation must know of a network.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its class names.
    pub classes: &'a [String],
    /// How a picture becomes input.
    pub contract: &'a InputContract,
    /// Part of the picture's sides that the input shows.
    pub crop: f32,
    /// Softmax temperature.
    pub temperature: f32,
    /// What happens to every picture before the network sees it, where that is what is measured.
    pub corruption: Option<Corruption>,
}

impl<'a> Subject<'a> {
    /// A model as its card says.
    pub fn of(model: &'a Model) -> Self {
        let card = &model.card;
        Self {
            classes: &card.classes,
            contract: &card.input,
            crop: card.crop,
            temperature: card.temperature,
            corruption: None,
        }
    }
}

/// Measures a network on a labelled pool, whose batches the processes of a team share out. `progress` hears of the start and of every batch: items done and items in all.
///
/// # Errors
/// A picture cannot be read under `strict`, nothing can be read, the model's output is not finite, or `progress` stops
/// it by giving `false`.
pub fn evaluate(
    (network, team): (Box<dyn Inference>, &Team),
    subject: &Subject,
    pool: &Arc<Pool>,
    settings: &EvaluationConfig,
    skips: &Arc<SkipLog>,
    progress: impl FnMut(usize, usize) -> bool,
) -> Result<EvalReport, WorldError> {
    let tally = answers((network, team), subject, pool, settings, skips, progress)?;
    Ok(EvalReport::new(&tally.logits, &tally.labels, subject.classes, subject.temperature)?)
}

/// The logits of every picture of a pool that can be read, in every process.
fn answers(
    (network, team): (Box<dyn Inference>, &Team),
    subject: &Subject,
    pool: &Arc<Pool>,
    settings: &EvaluationConfig,
    skips: &Arc<SkipLog>,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<PictureTally, WorldError> {
    let walk = Arc::new(PictureWalk {
        pool: Arc::clone(pool),
        view: PlainView::new(subject.contract, subject.crop),
        corruption: subject.corruption,
        batch: settings.batch,
        flip: settings.flip,
        skips: Arc::clone(skips),
    });
    let (first, every) = (team.rank() as u64, team.processes() as u64);
    // Batches of this process: every so many, from its first on.
    let count = walk.count().saturating_sub(first).div_ceil(every);
    let making = Arc::clone(&walk);
    let wanted = Wanted { features: false, answers: false };
    let mut pipeline = Pipeline::new::<EvaluateStage>(Clock::default())?;
    let world = &mut pipeline.world;
    world.insert_resource(PicturesAhead(Loader::spawn(0..count, 1, 3, move |own| {
        making.render(first + own * every)
    })?));
    world.insert_resource(Student::new(
        network,
        (subject.classes.len(), None),
        subject.temperature,
        settings.batch,
        wanted,
    ));
    world.insert_resource(Place { walk: Arc::clone(&walk), batch: first, every });
    world.init_resource::<FaceBatch>();
    world.init_resource::<PictureTally>();
    let mut told = |done| if progress(done, pool.len()) { Ok(()) } else { Err(WorldError::Interrupted) };
    told(0)?;
    for own in 0..count {
        pipeline.run()?;
        // The others are about as far.
        told(walk.range(walk.count().min((own + 1) * every) - 1).end)?;
    }
    let own = std::mem::take(&mut *pipeline.world.resource_mut::<PictureTally>());
    let tally = PictureTally::of_all(team, own)?;
    if tally.labels.is_empty() {
        let first = skips.first().into_iter().next().unwrap_or_default();
        let problem = format!("no validation picture can be read; the first: {first}");
        return Err(WorldError::Data(DataError::TooFew(problem)));
    }
    Ok(tally)
}

/// What [`evaluate_model`] finds.
pub struct Evaluation {
    /// The score.
    pub report: EvalReport,
    /// Every picture's answer, at the model's temperature.
    pub answers: Predictions,
    /// Each answer's place in the pool.
    pub places: Vec<usize>,
    /// What was measured.
    pub pool: Arc<Pool>,
    /// Items that could not be used.
    pub skipped: usize,
}

/// Opens datasets and measures a model from a file on them, its classes mapped by name to the datasets'.
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
) -> Result<Evaluation, WorldError> {
    let skips = Arc::new(SkipLog::new(strict));
    let open = |spec: &Spec| Source::open(spec, formats, &skips);
    let sources: Vec<Source> = specs.iter().map(open).collect::<Result<_, _>>()?;
    evaluate_sources((model, None), &sources, settings, &skips, backend, progress)
}

/// As [`evaluate_model`], on datasets that are open, and where a corruption is given on pictures spoiled by it; items that
/// cannot be used go to `skips`.
///
/// # Errors
/// As there.
pub fn evaluate_sources(
    (model, corruption): (&Model, Option<Corruption>),
    sources: &[Source],
    settings: &EvaluationConfig,
    skips: &Arc<SkipLog>,
    backend: &dyn Backend,
    progress: impl FnMut(usize, usize) -> bool,
) -> Result<Evaluation, WorldError> {
    let vocabulary = Vocabulary::new(model.card.classes.clone())?;
    let team = backend.team();
    let pool = Arc::new(labelled_pool(&vocabulary, sources, skips, &team)?);
    let subject = Subject { corruption, ..Subject::of(model) };
    model.need(backend, settings.batch.min(pool.len()))?.check(backend, "make --batch smaller")?;
    let network = model.inference(backend)?;
    let tally = answers((network, &team), &subject, &pool, settings, skips, progress)?;
    share_skips(&team, skips)?;
    let report = EvalReport::new(&tally.logits, &tally.labels, subject.classes, subject.temperature)?;
    let answers = table(&tally, &pool, &subject)?;
    Ok(Evaluation { report, answers, places: tally.places, pool, skipped: skips.count() })
}

/// The answers as a table.
fn table(tally: &PictureTally, pool: &Pool, subject: &Subject) -> Result<Predictions, WorldError> {
    let classes = subject.classes.len();
    let probabilities = softmax(&tally.logits, classes, subject.temperature);
    let answers = arg_max(&tally.logits, classes);
    let rows = tally.places.iter().enumerate().map(|(at, &place)| {
        Ok(Predicted {
            item: pool.key(place),
            group: pool.group(place)?.unwrap_or_default(),
            truth: usize::try_from(tally.labels[at]).ok(),
            answer: answers[at],
            probabilities: probabilities[at * classes..(at + 1) * classes].to_vec(),
        })
    });
    Ok(Predictions { classes: subject.classes.to_vec(), rows: rows.collect::<Result<_, WorldError>>()? })
}
