//! Datasets: readers that stream, class vocabularies mapped by name, de-duplication by content, samplers addressed
//! by step, and a loader that prefetches through a bounded channel.
//!
//! The way of an item: a [`Spec`] names a dataset, [`Formats::open`] indexes it, [`Pool::build`] hashes its items and
//! maps their labels to the run's [`Vocabulary`], [`training_pools`] removes duplicates and whatever the evaluation
//! set holds too, a sampler says which samples a step takes, and a [`Loader`] prepares steps ahead of time.
//! Data need not come from files: [`MemoryFaces`] and [`MemoryClips`] hold pictures, and a [`Format`] of one's own can
//! open anything. `formats` has a file a format. `align_faces` and [`pack`](pack()) write a dataset as other files, and go on where they were killed
//! ([`Unfinished`]). Nothing here knows networks or training.

mod abaw;
mod align_faces;
mod aligned;
mod bitmap;
mod clip_files;
mod clip_frames;
mod clip_pictures;
mod clip_sampler;
mod clip_set;
mod clip_video;
mod clip_window;
mod clips;
mod dataset;
mod decode;
mod dedup;
mod error;
mod face_scene;
mod feature_cache;
mod feature_file;
mod fields;
mod folder_name;
mod format;
mod formats;
mod fraction;
mod frame_labels;
mod hashes;
mod hidden;
mod inspect;
mod label;
mod labels_per_class;
mod lines;
mod listed_faces;
mod loader;
mod looks;
mod manifest;
mod memory_clips;
mod memory_faces;
mod npy;
mod pack;
mod path_list;
mod picture_cache;
mod pool;
mod quote;
mod recipe;
mod sample;
mod sampler;
mod skip_log;
mod source;
mod spec;
mod spec_hint;
mod split;
mod stamp;
mod tar_index;
mod training_pools;
mod tree;
mod unfinished;
mod vocabulary;

pub use abaw::{PredictionsReport, PredictionsWriter, check_predictions};
pub use align_faces::{AlignJob, Aligned, FACES_TABLE, align_faces};
pub use aligned::{ALIGNED_SIDE, AlignedFaces};
pub use clip_files::image_location;
pub use clip_frames::ClipFrames;
pub use clip_sampler::{ClipSampler, Stretch};
pub use clip_set::ClipSet;
pub use clip_window::append_stretch;
pub use clips::Clips;
pub use dataset::{Annotation, Dataset};
pub use dedup::{DedupReport, Removal, Why};
pub use error::DataError;
pub use face_scene::FaceScene;
pub use feature_cache::FeatureCache;
pub use feature_file::{FeatureFile, FeatureWriter};
pub use folder_name::{UNLABELLED_FOLDER, is_folder_name};
pub use format::{ClipFormat, Format, FormatOf};
pub use formats::{ClipFormats, Formats, frames_of, open, recordio};
pub use fraction::Fraction;
pub(crate) use hashes::GatheringHasher;
pub use hashes::{HashPeers, HashProgress, Hashing, check_kept_hashes};
pub use inspect::{Counts, Inspection, inspect, inspect_with};
pub use labels_per_class::LabelsPerClass;
pub use loader::Loader;
pub use looks::{look, look_distance};
pub use manifest::{Manifest, SetUse, Use};
pub use memory_clips::{MemoryClip, MemoryClips, MemoryFrame};
pub use memory_faces::MemoryFaces;
pub use pack::{PackForm, Packed, pack};
pub use picture_cache::PictureCache;
pub use pool::Pool;
pub use quote::quoted;
pub use recipe::Recipe;
pub use sample::Sample;
pub use sampler::{BalancedSampler, UniformSampler};
pub use skip_log::{SkipEntries, SkipLog};
pub use source::Source;
pub use spec::{Ambiguous, Spec};
pub use split::{Selection, split};
pub use stamp::Stamp;
pub use training_pools::{TrainingPools, training_pools};
pub use unfinished::{UNFINISHED_FILE, Unfinished};
pub use vocabulary::{Mapping, Target, Vocabulary};
