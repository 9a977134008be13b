//! From a run's settings to its open data: vocabulary, training pools without leaks, the validation pool.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::backend::Team;
use crate::data::{
    ClipFormats, ClipSet, DedupReport, Formats, GatheringHasher, HashPeers, HashProgress, Hashing, Manifest,
    Pool, Recipe, SkipLog, Source, Spec, TrainingPools, Vocabulary, training_pools,
};
use crate::files::user_cache_folder;
use crate::world::config::{DataConfig, RunConfig};
use crate::world::error::WorldError;

/// A run's open data.
pub struct Sets {
    /// The run's classes.
    pub vocabulary: Vocabulary,
    /// What is learned from.
    pub labelled: Arc<Pool>,
    /// What is learned from without labels; may be empty.
    pub unlabelled: Arc<Pool>,
    /// What is measured on; every sample has a label. `None` where the run has none.
    pub valid: Option<Arc<Pool>>,
    /// What de-duplication removed.
    pub dedup: DedupReport,
    /// Whether content was hashed.
    pub hashed: bool,
    /// What became of every item, until it is written.
    pub manifest: Option<Manifest>,
    /// Items that could not be used.
    pub skips: Arc<SkipLog>,
}

/// Sizes of a run's data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetsSummary {
    /// Labelled samples by class name.
    pub labelled: BTreeMap<String, usize>,
    /// Labelled samples in all.
    pub labelled_total: usize,
    /// Unlabelled samples.
    pub unlabelled_total: usize,
    /// Validation samples.
    pub valid_total: usize,
    /// What de-duplication removed.
    pub dedup: DedupReport,
    /// Whether content was hashed. Without, copies were not looked for.
    pub hashed: bool,
}

/// A run's datasets, open: those that its settings name, or a program's own.
#[derive(Clone, Default)]
pub struct TrainingData {
    /// With labels.
    pub labelled: Vec<Source>,
    /// Whose labels, if any, are not looked at.
    pub unlabelled: Vec<Source>,
    /// For validation; may be empty.
    pub valid: Vec<Source>,
    /// Hears how far the hashing of large sets is.
    pub progress: Option<Arc<HashProgress>>,
}

impl TrainingData {
    /// Opens the datasets that the settings name; items that cannot be used go to the log.
    ///
    /// # Errors
    /// A SPEC cannot be opened.
    pub fn open(config: &RunConfig, formats: &Formats, skips: &SkipLog) -> Result<Self, WorldError> {
        let open = |specs: &[Spec]| -> Result<Vec<Source>, WorldError> {
            let open = |spec: &Spec| Ok(Source::open(&spec.with_paths(&config.data.paths)?, formats, skips)?);
            specs.iter().map(open).collect()
        };
        Ok(Self {
            labelled: open(&config.data.labelled)?,
            unlabelled: open(&config.data.unlabelled)?,
            valid: open(&config.data.valid)?,
            progress: None,
        })
    }
}

impl Sets {
    /// Hashes everything, shared out among the processes of a team, maps labels to the run's classes, and removes duplicates and
    /// what validation holds too.
    ///
    /// # Errors
    /// Class names do not fit, a class is empty or has fewer labels than asked for.
    pub fn new(
        config: &RunConfig,
        data: TrainingData,
        skips: Arc<SkipLog>,
        team: &Arc<Team>,
    ) -> Result<Self, WorldError> {
        let TrainingData { labelled, unlabelled, valid, progress } = data;
        let recipe = Recipe {
            seed: config.seed,
            labels_per_class: config.data.labels_per_class,
            hashing: Hashing { peers: Some(peers(team)), ..hashing(&config.data, progress) },
            near_duplicates: config.data.near_duplicates,
        };
        let unlabelled_sources = unlabelled.len();
        let vocabulary = match config.data.vocabulary.as_str() {
            "" => Vocabulary::of_sources(&labelled)?,
            named => Vocabulary::open(named)?,
        };
        let valid = match valid.as_slice() {
            [] => None,
            sources => Some(Arc::new(labelled_pool_with(&vocabulary, sources, &recipe, &skips)?)),
        };
        let evaluated: Vec<&Pool> = valid.iter().map(Arc::as_ref).collect();
        let pools = training_pools(&vocabulary, &labelled, &unlabelled, &evaluated, &recipe, &skips)?;
        let TrainingPools { labelled, unlabelled: mut rest, report: dedup, removed } = pools;
        if !config.data.unlabelled_rest {
            // The unlabelled sources come first; what is left over of the labelled ones was added behind them.
            let _ = rest.split_off(|sample| sample.dataset() < unlabelled_sources);
        }
        let manifest = Manifest::new(&vocabulary, (&labelled, &rest, valid.as_deref()), &removed);
        Ok(Self {
            vocabulary,
            labelled: Arc::new(labelled),
            unlabelled: Arc::new(rest),
            valid,
            dedup,
            hashed: config.data.hash,
            manifest: Some(manifest),
            skips,
        })
    }

    /// Sizes, for people and reports.
    pub fn summary(&self) -> SetsSummary {
        let counts = self.labelled.class_counts(self.vocabulary.len());
        SetsSummary {
            labelled: self.vocabulary.classes().iter().cloned().zip(counts).collect(),
            labelled_total: self.labelled.len(),
            unlabelled_total: self.unlabelled.len(),
            valid_total: self.valid.as_ref().map_or(0, |pool| pool.len()),
            dedup: self.dedup,
            hashed: self.hashed,
        }
    }

    /// A hash over every sample's content and label: two runs with the same one learn from the same data. Where content was
    /// not hashed, it is one over the samples' places and labels.
    ///
    /// # Errors
    /// The kept hashes can no longer be read.
    pub fn fingerprint(&self) -> Result<String, WorldError> {
        let mut hasher = GatheringHasher::default();
        for pool in [&self.labelled, &self.unlabelled] {
            hasher.update(&(pool.len() as u64).to_le_bytes());
            pool.each_hash(|sample, hash| {
                hasher.update(hash);
                hasher.update(&sample.label().map_or(u64::MAX, |label| label as u64).to_le_bytes());
            })?;
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// A pool of the labelled samples of some datasets, for validation. It remembers the content of the others: what a
/// validation set holds, scored or not, is no training data.
///
/// # Errors
/// Class names do not fit, or nothing has a label.
pub fn labelled_pool(
    vocabulary: &Vocabulary,
    sources: &[Source],
    skips: &SkipLog,
    team: &Arc<Team>,
) -> Result<Pool, WorldError> {
    let hashing = Hashing { peers: Some(peers(team)), ..Hashing::default() };
    labelled_pool_with(vocabulary, sources, &Recipe { hashing, ..Recipe::default() }, skips)
}

fn peers(team: &Arc<Team>) -> Arc<dyn HashPeers> {
    Arc::clone(team) as Arc<dyn HashPeers>
}

/// How the settings want content hashed.
fn hashing(config: &DataConfig, progress: Option<Arc<HashProgress>>) -> Hashing {
    if !config.hash {
        return Hashing::off();
    }
    let folder = config.hash_folder.clone();
    let folder = folder.or_else(|| Some(user_cache_folder()?.join("hashes")));
    Hashing { progress, ..Hashing::kept_in(folder) }
}

fn labelled_pool_with(
    vocabulary: &Vocabulary,
    sources: &[Source],
    recipe: &Recipe,
    skips: &SkipLog,
) -> Result<Pool, WorldError> {
    let mut pool = Pool::build_with(vocabulary, sources, recipe, skips)?;
    pool.retain_labelled();
    if pool.is_empty() {
        let names: Vec<&str> = sources.iter().map(|source| source.dataset.name()).collect();
        return Err(WorldError::setting(
            "data.valid",
            format!("{}: no item has a label of the run's classes", names.join(", ")),
        ));
    }
    Ok(pool)
}

/// Opens clips under a model's classes.
///
/// # Errors
/// A SPEC cannot be opened, or class names do not fit.
pub fn open_clips(
    classes: &[String],
    specs: &[Spec],
    formats: &ClipFormats,
    skips: &SkipLog,
) -> Result<ClipSet, WorldError> {
    let vocabulary = Vocabulary::new(classes.to_vec())?;
    let open = |spec: &Spec| Ok((spec.clone(), formats.open(spec, skips)?));
    let open: Vec<_> = specs.iter().map(open).collect::<Result<_, WorldError>>()?;
    Ok(ClipSet::new(&vocabulary, open)?)
}
