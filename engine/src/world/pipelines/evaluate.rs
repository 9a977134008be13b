//! `evaluate`: a model over a labelled pool, batch by batch.

use std::sync::Arc;

use crate::backend::{Backend, BackendError, MemoryNeed};
use crate::clock::Clock;
use crate::data::{DataError, Formats, Loader, Pool, SkipLog, Source, Spec, Vocabulary};
use crate::learn::{EvalReport, Head};
use crate::net::{Graph, InputContract, Weights};
use crate::world::config::EvaluationConfig;
use crate::world::error::WorldError;
use crate::world::run::{Model, labelled_pool};
use crate::world::schedule::{Pipeline, stages};
use crate::world::stages::pictures::{self, PictureTally, PictureWalk, PicturesAhead, Place};
use crate::world::stages::plain_view::PlainView;
use crate::world::stages::student::{self, FaceBatch, Student, Wanted};

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

/// Everything about a model that evaluation needs.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its network.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a Weights,
    /// The name of its classifier.
    pub head: &'a str,
    /// Its class names.
    pub classes: &'a [String],
    /// How a picture becomes input.
    pub contract: &'a InputContract,
    /// Part of the picture's sides that the input shows.
    pub crop: f32,
    /// Softmax temperature.
    pub temperature: f32,
}

impl<'a> Subject<'a> {
    /// A model as its card says.
    pub fn of(model: &'a Model) -> Self {
        let card = &model.card;
        Self {
            graph: &model.graph,
            weights: &model.weights,
            head: card.architecture.head(),
            classes: &card.classes,
            contract: &card.input,
            crop: card.crop,
            temperature: card.temperature,
        }
    }
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
    let items = settings.batch.min(pool.len());
    let need =
        MemoryNeed::default().answering("the model", subject.graph, items).map_err(BackendError::from)?;
    need.inputs("pictures ahead", subject.graph, items.saturating_mul(3))
        .check(backend, "make --batch smaller")?;
    let network = backend.inference(subject.graph, subject.weights)?;
    let head = Head::of(subject.weights, subject.head)?;
    let walk = Arc::new(PictureWalk {
        pool: Arc::clone(pool),
        view: PlainView::new(subject.contract, subject.crop),
        batch: settings.batch,
        flip: settings.flip,
        skips: Arc::clone(skips),
    });
    let (count, making) = (walk.count(), Arc::clone(&walk));
    let wanted = Wanted { features: false, answers: false };
    let mut pipeline = Pipeline::new::<EvaluateStage>(Clock::default())?;
    let world = &mut pipeline.world;
    world.insert_resource(PicturesAhead(Loader::spawn(0..count, 1, 3, move |index| making.render(index))?));
    world.insert_resource(Student::new(network, head, subject.temperature, settings.batch, wanted));
    world.insert_resource(Place { walk: Arc::clone(&walk), batch: 0 });
    world.init_resource::<FaceBatch>();
    world.init_resource::<PictureTally>();
    let mut told = |done| if progress(done, pool.len()) { Ok(()) } else { Err(WorldError::Interrupted) };
    told(0)?;
    for index in 0..count {
        pipeline.run()?;
        told(walk.range(index).end)?;
    }
    let tally = pipeline.world.resource::<PictureTally>();
    if tally.labels.is_empty() {
        let first = skips.first().into_iter().next().unwrap_or_default();
        let problem = format!("no validation picture can be read; the first: {first}");
        return Err(WorldError::Data(DataError::TooFew(problem)));
    }
    Ok(EvalReport::new(&tally.logits, &tally.labels, subject.classes, subject.temperature)?)
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
    let report = evaluate(&Subject::of(model), &pool, settings, &skips, backend, progress)?;
    Ok((report, skips.count()))
}
