//! What the later rows need of the clips, looked at before the first student: training it may take days.

use affekt_engine::data::{ClipSampler, ClipSet, SkipLog, Spec, Vocabulary};
use affekt_engine::synth::{clip_formats, formats};
use affekt_engine::world::{RunConfig, TrainingData, open_clips};
use anyhow::anyhow;

use super::Ablation;
use crate::cli;
use crate::failure::Failure;

impl Ablation {
    /// Whether the encoder will have something to learn from and every row something to be measured on.
    ///
    /// # Errors
    /// Clips cannot be opened, their classes are none of the students', or none of their frames has a face and a label.
    pub fn check_clips(&self) -> Result<(), Failure> {
        let skips = SkipLog::new(self.refine.strict);
        let classes = self.classes(&skips)?;
        let open =
            |specs: &[Spec]| open_clips(&classes, specs, &clip_formats(), &skips).map_err(cli::classify);
        let (frames, batch) = (self.refine.model.frames, self.refine.training.batch);
        ClipSampler::new(&open(&self.clips)?, frames, batch, 0)
            .map_err(|error| Failure::Run(anyhow!("--clips {}: {error}", listed(&self.clips))))?;
        if !has_labelled_face(&open(&self.valid)?) {
            let problem = "no frame of the validation clips has both a face and a label of the run's classes";
            return Err(Failure::Run(anyhow!("--valid {}: {problem}", listed(&self.valid))));
        }
        Ok(())
    }

    /// The classes that the students will have.
    fn classes(&self, skips: &SkipLog) -> Result<Vec<String>, Failure> {
        let named = self.pretrain.data.vocabulary.as_str();
        let vocabulary = if named.is_empty() {
            let mut config = RunConfig { data: self.pretrain.data.clone(), ..RunConfig::default() };
            config.data.labelled.clone_from(&self.labelled);
            (config.data.unlabelled, config.data.valid) = (vec![], vec![]);
            let data = TrainingData::open(&config, &formats(), skips).map_err(cli::classify)?;
            Vocabulary::of_sources(&data.labelled)
        } else {
            Vocabulary::open(named)
        };
        Ok(vocabulary.map_err(|error| cli::classify(error.into()))?.classes().to_vec())
    }
}

fn has_labelled_face(set: &ClipSet) -> bool {
    (0..set.len()).any(|clip| {
        (0..set.frames(clip)).any(|frame| set.label(clip, frame) >= 0 && set.has_face(clip, frame))
    })
}

/// Datasets as they were named.
pub fn listed(specs: &[Spec]) -> String {
    if specs.is_empty() {
        return "none".to_owned();
    }
    specs.iter().map(Spec::to_string).collect::<Vec<_>>().join(", ")
}
