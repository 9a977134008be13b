//! `extract`: the frozen student over clips. The features of every face are computed once and kept on disk.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::data::{ClipSet, FeatureCache, FeatureFile, Loader, SkipLog};
use crate::files::sweep_leftovers;
use crate::world::clip::ClipFeatures;
use crate::world::error::WorldError;
use crate::world::run::Model;
use crate::world::schedule::{Pipeline, stages};
use crate::world::stages::extraction::{self, ClipFaces, FacesAhead, Keeper};
use crate::world::stages::plain_view::PlainView;
use crate::world::stages::student::{self, FaceBatch, Student, Wanted};

stages! {
    /// The next frames of a clip.
    Extract, ExtractStage {
        /// Frames, and the faces in them that can be read.
        Load => [extraction::load],
        /// The student's features.
        Student => [student::student],
        /// The file.
        Keep => [extraction::keep],
    }
}

/// How features are extracted.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// Folder of the kept features.
    pub folder: PathBuf,
    /// Faces a pass of the student.
    pub batch: usize,
    /// Threads that decode faces ahead.
    pub workers: usize,
    /// Extract again, whatever is kept.
    pub recompute: bool,
}

/// Features of every clip of a set, extracted where they are not kept yet. `progress` hears how many frames of all are
/// done, and stops it by giving `false`.
///
/// # Errors
/// A face cannot be read under `strict`, kept features are damaged or another student's, the disk is full, or
/// `progress` stops it; finished clips stay kept.
pub fn extract(
    model: &Model,
    set: &Arc<ClipSet>,
    settings: &Extraction,
    skips: &Arc<SkipLog>,
    backend: &dyn Backend,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<ClipFeatures, WorldError> {
    let (head, team) = (model.head()?, backend.team());
    let mut pipeline: Option<Pipeline> = None;
    let (total, mut done) = (set.total_frames(), 0);
    let mut told = |frames: usize| {
        done += frames;
        if progress(done, total) { Ok(()) } else { Err(WorldError::Interrupted) }
    };
    let cache = |clip: usize| {
        let (clips, inner, source) = set.source(clip);
        (
            clips,
            inner,
            FeatureCache::new(settings.folder.join(source.to_string()), &model.hash, head.features()),
        )
    };
    // What killed runs left, before any process writes.
    team.from_lead(|| sweep(settings, set).map(|()| vec![]))?;
    // The processes share out the clips, and each opens what the others have made.
    let mut files: Vec<Option<FeatureFile>> = Vec::with_capacity(set.len());
    for clip in 0..set.len() {
        if !team.does(clip) {
            files.push(None);
            told(set.frames(clip))?;
            continue;
        }
        let (clips, inner, cache) = cache(clip);
        if !settings.recompute
            && let Some(file) = cache.open(clips, inner)?
        {
            files.push(Some(file));
            told(set.frames(clip))?;
            continue;
        }
        let pipeline = match &mut pipeline {
            Some(pipeline) => pipeline,
            none => {
                model.need(backend, settings.batch)?.check(backend, "make the student's batch smaller")?;
                let network = model.inference(backend)?;
                let wanted = Wanted { features: true, answers: false };
                let mut new = Pipeline::new::<ExtractStage>(Clock::default())?;
                let classes = (head.classes(), None);
                new.world.insert_resource(Student::new(network, classes, 1.0, settings.batch, wanted));
                new.world.init_resource::<FaceBatch>();
                none.insert(new)
            }
        };
        let faces = ClipFaces {
            set: Arc::clone(set),
            clip,
            view: PlainView::of(&model.card),
            batch: settings.batch,
            skips: Arc::clone(skips),
        };
        let batches = 0..faces.count();
        let stretches: Vec<usize> = batches.clone().map(|index| faces.range(index).len()).collect();
        let ahead = Loader::spawn(batches, settings.workers, settings.workers + 2, move |i| faces.render(i))?;
        pipeline.world.insert_resource(FacesAhead(ahead));
        pipeline.world.insert_resource(Keeper::new(cache.writer(clips, inner)?));
        for frames in stretches {
            pipeline.run()?;
            told(frames)?;
        }
        let keeper = pipeline.world.remove_resource::<Keeper>();
        let keeper = keeper.ok_or_else(|| WorldError::Schedule("the features are not there".into()))?;
        files.push(Some(keeper.finish()?));
    }
    team.gather(vec![])?;
    let open = |(clip, file): (usize, Option<FeatureFile>)| {
        let (clips, inner, cache) = cache(clip);
        let missing = || {
            let problem = "another process has extracted a clip's features, and they are not here; give all processes the same folder";
            WorldError::file(&settings.folder, problem.to_owned())
        };
        file.map_or_else(|| cache.open(clips, inner)?.ok_or_else(missing), Ok)
    };
    let files = files.into_iter().enumerate().map(open).collect::<Result<_, _>>()?;
    Ok(ClipFeatures { set: Arc::clone(set), files, head, temperature: model.card.temperature })
}

/// Removes what killed runs left of clips' features.
fn sweep(settings: &Extraction, set: &ClipSet) -> Result<(), WorldError> {
    let sources: BTreeSet<usize> = (0..set.len()).map(|clip| set.source(clip).2).collect();
    for folder in sources.into_iter().map(|source| settings.folder.join(source.to_string())) {
        if folder.is_dir() {
            sweep_leftovers(&folder).map_err(|e| WorldError::io(&folder, e))?;
        }
    }
    Ok(())
}
