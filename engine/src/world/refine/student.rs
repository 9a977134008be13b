//! The frozen student over clips: features of every face, extracted once and kept on disk.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::Backend;
use crate::data::{ClipSet, DataError, FeatureCache, FeatureFile, Loader, SkipLog};
use crate::learn::Head;
use crate::media::Picture;
use crate::media::augment::{Framing, Policy, View};
use crate::net::InputContract;
use crate::random::{Address, Purpose};
use crate::world::error::WorldError;
use crate::world::model::Model;
use crate::world::prepare::input_len;

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

/// Clips with the features of all their faces.
pub struct ClipFeatures {
    /// The clips.
    pub set: Arc<ClipSet>,
    /// One a clip.
    pub files: Vec<FeatureFile>,
    /// The student's classifier.
    pub head: Head,
}

/// Features of every clip of a set, extracted where they are not kept yet. `progress` hears how many frames of all are
/// done, and stops it by giving `false`.
///
/// # Errors
/// A face cannot be read under `strict`, kept features are damaged or another student's, the disk is full, or
/// `progress` stops it; finished clips stay kept.
pub fn extract(
    student: &Model,
    set: &Arc<ClipSet>,
    settings: &Extraction,
    skips: &Arc<SkipLog>,
    backend: &dyn Backend,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<ClipFeatures, WorldError> {
    let head = Head::of(&student.weights)?;
    let mut network = backend.inference(&student.graph, &student.weights)?;
    let (total, mut done) = (set.total_frames(), 0);
    let mut files = Vec::with_capacity(set.len());
    for clip in 0..set.len() {
        let (clips, inner, source) = set.source(clip);
        let folder = settings.folder.join(source.to_string());
        let cache = FeatureCache::new(folder, &student.hash, head.features());
        if !settings.recompute
            && let Some(file) = cache.open(clips, inner)?
        {
            files.push(file);
            done += set.frames(clip);
            if !progress(done, total) {
                return Err(WorldError::Interrupted);
            }
            continue;
        }
        let mut writer = cache.writer(clips, inner)?;
        let faces = Faces {
            set: Arc::clone(set),
            clip,
            policy: Policy { crop: student.card.crop, plain: Framing::Centre, ..Policy::default() },
            contract: student.card.input.clone(),
            batch: settings.batch,
            skips: Arc::clone(skips),
        };
        let batches = 0..faces.count();
        let ahead = Loader::spawn(batches, settings.workers, settings.workers + 2, move |i| faces.render(i))?;
        for rendered in ahead {
            let rendered = rendered??;
            let faces = rendered.present.iter().filter(|&&present| present).count();
            let rows = if faces == 0 { vec![] } else { network.features(&rendered.input, faces)? };
            let mut rows = rows.chunks_exact(head.features());
            for &present in &rendered.present {
                writer.push(if present { rows.next() } else { None })?;
            }
            done += rendered.present.len();
            if !progress(done, total) {
                return Err(WorldError::Interrupted);
            }
        }
        files.push(writer.finish()?);
    }
    Ok(ClipFeatures { set: Arc::clone(set), files, head })
}

/// The faces of a clip, batch by batch of its frames.
struct Faces {
    set: Arc<ClipSet>,
    clip: usize,
    policy: Policy,
    contract: InputContract,
    batch: usize,
    skips: Arc<SkipLog>,
}

/// A stretch of frames: which have a face, and the faces as input.
struct Rendered {
    present: Vec<bool>,
    input: Vec<f32>,
}

impl Faces {
    fn count(&self) -> u64 {
        self.set.frames(self.clip).div_ceil(self.batch) as u64
    }

    fn range(&self, index: u64) -> Range<usize> {
        let first = index as usize * self.batch;
        first..self.set.frames(self.clip).min(first + self.batch)
    }

    /// The face of a frame; nothing where it cannot be read.
    fn read(&self, frame: usize) -> Result<Option<Picture>, DataError> {
        match self.set.picture(self.clip, frame) {
            Ok(picture) => Ok(Some(picture)),
            Err(error) => {
                let key = format!("{} frame {frame}", self.set.clip_name(self.clip));
                self.skips.skip(&key, error).map(|()| None)
            }
        }
    }

    /// Reads and renders a stretch; a face that cannot be read counts as missing, and is counted.
    fn render(&self, index: u64) -> Result<Rendered, DataError> {
        let mut rendered = Rendered { present: vec![], input: vec![] };
        // The plain view draws nothing; any address will do.
        let address = Address { seed: 0, purpose: Purpose::AugmentWeak, step: 0, item: 0 };
        let mut view = vec![0.0; input_len(&self.contract)];
        for frame in self.range(index) {
            let picture = if self.set.has_face(self.clip, frame) { self.read(frame)? } else { None };
            rendered.present.push(picture.is_some());
            if let Some(picture) = picture {
                let dims = (picture.width, picture.height);
                let program = self.policy.compile(View::Plain, dims, &self.contract, &mut address.rng());
                program.render(&picture, &self.contract, &mut view);
                rendered.input.extend_from_slice(&view);
            }
        }
        Ok(rendered)
    }
}

/// The folder of a run's kept features, unless its settings name another.
pub fn default_folder(run: &Path) -> PathBuf {
    run.join("features")
}
