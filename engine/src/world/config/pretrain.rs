//! All settings of a pre-training run as one value, in TOML. Every key has a default; an unknown key is an error.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::common::{between, check, even_slices, make_absolute, run_settings, spec_paths};
use crate::backend::Team;
use crate::data::{LabelsPerClass, Spec};
use crate::learn::{Method, Settings, ViewStrength};
use crate::media::augment::{Framing, Policy};
use crate::net::{Architecture, Depth, InputContract, ResNetSpec, Stem};
use crate::world::error::WorldError;

run_settings! {
    /// All settings of a pre-training run.
    RunConfig {
        /// The network.
        model: ModelConfig = ModelConfig::default(),
        /// How a picture becomes input.
        input: InputConfig = InputConfig::default(),
        /// Training and validation data.
        data: DataConfig = DataConfig::default(),
        /// How it is learned.
        training: Settings = Settings::default(),
        /// How pictures are varied.
        augmentation: Policy = Policy::default(),
        /// When and how it is measured.
        evaluation: EvaluationConfig = EvaluationConfig::default(),
    }
}

/// The network; its number of outputs is the vocabulary's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// `resnet18`, `resnet34` or `resnet50`.
    pub depth: Depth,
    /// Side of the square input in pixels, 32 to 1024.
    pub size: usize,
    /// Input channels: 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// Factor on every layer's channels, 0.0625 to 8.
    pub width: f32,
    /// `imagenet`, `no_pool` or `small`: how soon resolution is given up.
    pub stem: Stem,
    /// A safetensors file to start from, with torchvision's names; its classifier is replaced where the number of
    /// classes differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self { depth: Depth::ResNet50, size: 224, channels: 3, width: 1.0, stem: Stem::Imagenet, init: None }
    }
}

impl ModelConfig {
    /// The network with its outputs.
    pub fn architecture(&self, classes: usize) -> Architecture {
        Architecture::Resnet(ResNetSpec {
            depth: self.depth,
            size: self.size,
            channels: self.channels,
            classes,
            width: self.width,
            stem: self.stem,
        })
    }
}

/// How a picture becomes input beside its size and channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputConfig {
    /// Mean of pixels in `[0, 1]`: one value for all channels, or one a channel.
    pub mean: Vec<f32>,
    /// Standard deviation of pixels in `[0, 1]`, above 0: one value for all channels, or one a channel.
    pub std: Vec<f32>,
    /// How faces are framed: `crop` or `arcface-112`. It is stored with the model.
    pub template: String,
}

impl Default for InputConfig {
    fn default() -> Self {
        let (mean, std) = InputContract::SCALE;
        Self { mean: vec![mean], std: vec![std], template: "crop".into() }
    }
}

/// How labelled pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// The same number of every class in every batch.
    #[default]
    Balanced,
    /// As often as they occur.
    Natural,
}

/// Training and validation data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Datasets with labels.
    pub labelled: Vec<Spec>,
    /// Datasets whose labels, if any, are not looked at.
    pub unlabelled: Vec<Spec>,
    /// Validation datasets. What they hold is removed from training, by content.
    pub valid: Vec<Spec>,
    /// Keep so many labels a class of the labelled datasets' union (`100`, or `"max100"` where a class may have fewer);
    /// all where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_per_class: Option<LabelsPerClass>,
    /// Whether labelled pictures that the limit leaves out join the unlabelled ones.
    pub unlabelled_rest: bool,
    /// The run's classes: a built-in vocabulary's name, a file of one name a line, or names with commas between them.
    /// Where it is empty, those of the labelled datasets, in the order in which they first appear.
    pub vocabulary: String,
    /// How labelled pictures are drawn: `balanced` or `natural`.
    pub sampling: Sampling,
    /// Which view of labelled pictures is learned from: `weak` as in the paper, or `strong`.
    pub labelled_view: ViewStrength,
    /// Folders that SPECs name in braces: with `affectnet = "/data/AffectNet"`, `affectnet:{affectnet}#training` reads there.
    pub paths: BTreeMap<String, PathBuf>,
    /// Whether content is hashed: without, copies are not found, and validation pictures are not kept out of training.
    pub hash: bool,
    /// Where the hashes of large sets are kept from run to run; the user's cache folder where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_folder: Option<PathBuf>,
    /// Pictures whose look (a difference hash of 256 bits) differs in so many bits at the most count as copies, 0 to 64; only
    /// those of equal content where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near_duplicates: Option<u32>,
    /// Decoded pictures kept in memory, in MiB for each of labelled and unlabelled; 0 decodes every time.
    pub cache_mib: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            labelled: vec![],
            unlabelled: vec![],
            valid: vec![],
            labels_per_class: None,
            unlabelled_rest: true,
            vocabulary: String::new(),
            sampling: Sampling::Balanced,
            labelled_view: ViewStrength::Weak,
            paths: BTreeMap::new(),
            hash: true,
            hash_folder: None,
            near_duplicates: None,
            cache_mib: 512,
        }
    }
}

/// When and how it is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Steps between evaluations; 0 evaluates at the end alone.
    pub every: u64,
    /// Pictures a pass.
    pub batch: usize,
    /// Whether a picture's probabilities are averaged with those of its mirror image.
    pub flip: bool,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 1000, batch: 64, flip: false }
    }
}

impl RunConfig {
    /// Refuses settings that are out of range or contradict each other, without touching the disk.
    ///
    /// # Errors
    /// [`WorldError::Setting`] naming the first bad setting and what to do.
    pub fn validate(&self) -> Result<(), WorldError> {
        let labelled = !self.data.labelled.is_empty();
        let named =
            check(labelled, "data.labelled", || "names no dataset; add one with --labelled SPEC".into());
        let rest = self.data.unlabelled_rest
            && (self.data.labels_per_class.is_some()
                || self.data.labelled.iter().any(|s| s.labels_per_class.is_some()));
        let unlabelled = self.training.method != Method::Ssl || !self.data.unlabelled.is_empty() || rest;
        let unlabelled = check(unlabelled, "data.unlabelled", || {
            "names no dataset and no labelled picture is left over; add one with --unlabelled SPEC, limit \
             --labels-per-class, or choose --method supervised"
                .into()
        });
        WorldError::together([self.validate_settings(), named, unlabelled])
    }

    /// As [`RunConfig::validate`], but for the datasets: a program may bring its own.
    ///
    /// # Errors
    /// As there.
    pub fn validate_settings(&self) -> Result<(), WorldError> {
        WorldError::together([
            self.validate_common(),
            between(self.evaluation.batch, 1, 4096, "evaluation.batch"),
            between(self.data.near_duplicates.unwrap_or(0) as usize, 0, 64, "data.near_duplicates"),
            // Channels that cannot be are the network's to name, once.
            if matches!(self.model.channels, 1 | 3) { self.contract().map(drop) } else { Ok(()) },
            self.model.architecture(1).graph().map(drop).map_err(WorldError::from),
            self.augmentation.check().map_err(|e| WorldError::setting("augmentation", e.to_string())),
            self.training.validate().map_err(WorldError::from),
        ])
    }

    /// Refuses slices of passes that the replicas cannot share out evenly; batches are known to be.
    pub(in crate::world) fn check_slices(&self, team: &Team) -> Result<(), WorldError> {
        let passes = self.training.passes();
        let mut passes = passes.teacher.into_iter().chain(passes.student);
        passes.try_for_each(|items| even_slices((items, "pictures"), self.training.micro_batch, team))
    }

    /// Puts folders in the place of the names in braces that SPECs have, and forgets the names.
    ///
    /// # Errors
    /// A SPEC names a folder that `data.paths` does not have.
    pub fn resolve_paths(&mut self) -> Result<(), WorldError> {
        let data = &mut self.data;
        for spec in data.labelled.iter_mut().chain(&mut data.unlabelled).chain(&mut data.valid) {
            *spec = spec.with_paths(&data.paths)?;
        }
        data.paths.clear();
        Ok(())
    }

    /// Makes the paths of files that exist absolute, so that a run can be resumed from any folder.
    pub fn make_paths_absolute(&mut self) {
        let data = &mut self.data;
        let specs = data.labelled.iter_mut().chain(&mut data.unlabelled).chain(&mut data.valid);
        let folders = data.paths.values_mut().chain(&mut data.hash_folder);
        make_absolute(spec_paths(specs).chain(&mut self.model.init).chain(folders));
    }

    /// Part of the picture's sides that evaluation and use show.
    pub fn plain_crop(&self) -> f32 {
        match self.augmentation.plain {
            Framing::Centre => self.augmentation.crop,
            Framing::Whole => 1.0,
        }
    }

    /// How a picture becomes input.
    ///
    /// # Errors
    /// The channels are neither 1 nor 3, the mean or deviation has another length than 1 or the channels, or a deviation is not above 0.
    pub fn contract(&self) -> Result<InputContract, WorldError> {
        let channels = self.model.channels;
        // Before anything is made that is as long.
        if !matches!(channels, 1 | 3) {
            return Err(WorldError::setting("model.channels", format!("is {channels}; 1 or 3 is possible")));
        }
        let spread = |name, values: &[f32]| match values {
            [one] => Ok(vec![*one; channels]),
            _ if values.len() == channels => Ok(values.to_vec()),
            _ => Err(WorldError::setting(
                name,
                format!("has {} values, but must have 1 or model.channels = {channels}", values.len()),
            )),
        };
        let (mean, std) = (spread("input.mean", &self.input.mean)?, spread("input.std", &self.input.std)?);
        // Written so that a value that is not a number is refused.
        if !std.iter().all(|s| *s > 0.0 && s.is_finite()) || !mean.iter().all(|m| m.is_finite()) {
            return Err(WorldError::setting("input.std", "every deviation must be above 0 and finite"));
        }
        let template = self.input.template.clone();
        Ok(InputContract { size: self.model.size, channels, mean, std, template })
    }
}
