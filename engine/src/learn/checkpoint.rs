//! Checkpoints: one safetensors file each, whole or not there at all, so that a run killed at any moment goes on from
//! the last one, bit for bit.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::error::LearnError;
use super::state::{Counters, TrainingState};
use crate::backend::NetworkState;
use crate::files::write_atomically;
use crate::net::{HostTensor, Weights};

/// Metadata entry that holds the [`Header`] as JSON.
const HEADER_KEY: &str = "affekt.checkpoint";
/// Version of the format.
const VERSION: u32 = 1;
/// Checkpoints that are kept: the last, and the one before it in case the disk damaged the last.
const KEPT: usize = 2;
/// Differences that an error lists.
const LISTED: usize = 6;

/// What a run is: architecture, classes, settings, seed, data. A checkpoint goes on only in a run of equal identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// Takes anything serde can write as a JSON object; its leaves are compared one by one under dotted names such as
    /// `settings.optimiser.clip`.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn new(run: &impl Serialize) -> Result<Self, LearnError> {
        // Through text, not `to_value`, which would widen `f32` and print 0.01 as 0.009999999776482582.
        let parsed = serde_json::to_string(run).and_then(|text| serde_json::from_str(&text));
        let value: serde_json::Value =
            parsed.map_err(|e| LearnError::Batch(format!("the run's identity cannot be written: {e}")))?;
        let mut entries = BTreeMap::new();
        flatten("", &value, &mut entries);
        Ok(Self(entries))
    }

    /// What differs, `name is THEIRS there and OURS here`, or nothing.
    fn differences(&self, theirs: &Identity) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(theirs.0.keys()).collect();
        let shown = |side: &Identity, name: &String| side.0.get(name).map_or("not set".into(), String::clone);
        names
            .into_iter()
            .filter(|&name| self.0.get(name) != theirs.0.get(name))
            .map(|name| format!("{name} is {} there and {} here", shown(theirs, name), shown(self, name)))
            .collect()
    }
}

/// Everything of a state that is not a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    step: u64,
    counters: Counters,
    /// Role of each network and whether it has an average.
    networks: BTreeMap<String, bool>,
    identity: Identity,
}

/// A folder of checkpoints named `checkpoint-STEP.safetensors`.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    identity: Identity,
}

impl Checkpoints {
    /// Makes the folder where it does not exist, and sweeps out what a killed run left half-written.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(folder: &Path, identity: Identity) -> Result<Self, LearnError> {
        let io = |source| LearnError::Io { path: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(io)?;
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let begins = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(".affekt-"));
            if begins && path.extension().is_some_and(|e| e == "part") {
                std::fs::remove_file(&path)
                    .map_err(|source| LearnError::Io { path: path.clone(), source })?;
            }
        }
        Ok(Self { folder: folder.into(), identity })
    }

    /// Steps of the checkpoints that are there, newest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>, LearnError> {
        let io = |source| LearnError::Io { path: self.folder.clone(), source };
        let mut steps = vec![];
        for entry in std::fs::read_dir(&self.folder).map_err(io)? {
            let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
            let digits = name.strip_prefix("checkpoint-").and_then(|rest| rest.strip_suffix(".safetensors"));
            steps.extend(digits.and_then(|d| d.parse::<u64>().ok()));
        }
        steps.sort_unstable_by(|a, b| b.cmp(a));
        steps.dedup();
        Ok(steps)
    }

    /// Writes a checkpoint, then removes all but the last two. Returns its path.
    ///
    /// # Errors
    /// The folder cannot be written or the disk is full; the earlier checkpoints are untouched then.
    pub fn save(&self, state: &TrainingState) -> Result<PathBuf, LearnError> {
        let path = self.path(state.step);
        let bytes = encode(state, &self.identity).map_err(|reason| LearnError::Format {
            path: path.clone(),
            place: String::new(),
            reason,
        })?;
        write_atomically(&path, &bytes).map_err(|source| LearnError::Io { path: path.clone(), source })?;
        // Steps beyond this one are from before a resume and would win the next one.
        let (newer, own): (Vec<u64>, Vec<u64>) = self.steps()?.into_iter().partition(|&s| s > state.step);
        for step in newer.into_iter().chain(own.into_iter().skip(KEPT)) {
            let old = self.path(step);
            std::fs::remove_file(&old).map_err(|source| LearnError::Io { path: old, source })?;
        }
        Ok(path)
    }

    /// The newest checkpoint that can be used; `None` where there is none. A damaged one is passed over with a warning.
    ///
    /// # Errors
    /// It belongs to another run, or every checkpoint is damaged.
    pub fn latest(&self) -> Result<Option<TrainingState>, LearnError> {
        let mut damaged = None;
        for step in self.steps()? {
            let path = self.path(step);
            match self.read(&path) {
                Ok(state) => return Ok(Some(state)),
                Err(error @ LearnError::Format { .. }) => {
                    log::warn!("{error}; trying the checkpoint before it");
                    damaged.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// Reads one checkpoint.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or belongs to another run.
    pub fn read(&self, path: &Path) -> Result<TrainingState, LearnError> {
        let bytes = std::fs::read(path).map_err(|source| LearnError::Io { path: path.into(), source })?;
        let format = |reason| LearnError::Format { path: path.into(), place: String::new(), reason };
        let (header, file) = open(&bytes).map_err(format)?;
        let differences = self.identity.differences(&header.identity);
        if !differences.is_empty() {
            let mut text = differences[..differences.len().min(LISTED)].join("; ");
            if differences.len() > LISTED {
                let _ = write!(text, "; and {} more", differences.len() - LISTED);
            }
            return Err(LearnError::OtherRun { path: path.into(), differences: text });
        }
        decode(header, &file).map_err(format)
    }

    fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("checkpoint-{step:010}.safetensors"))
    }
}

fn flatten(name: &str, value: &serde_json::Value, entries: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let dotted = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&dotted, inner, entries);
            }
        }
        leaf => {
            entries.insert(name.to_string(), leaf.to_string());
        }
    }
}

fn encode(state: &TrainingState, identity: &Identity) -> Result<Vec<u8>, String> {
    let header = Header {
        version: VERSION,
        step: state.step,
        counters: state.counters.clone(),
        networks: state.networks.iter().map(|(role, n)| (role.clone(), n.average.is_some())).collect(),
        identity: identity.clone(),
    };
    let mut tensors: Vec<(String, Vec<usize>, Cow<[u8]>)> = vec![];
    for (role, network) in &state.networks {
        let parts = [
            ("weights", Some(&network.weights)),
            ("momentum", Some(&network.momentum)),
            ("second_moment", Some(&network.second_moment)),
            ("average", network.average.as_ref()),
        ];
        for (part, weights) in parts {
            for (name, tensor) in weights.iter().flat_map(|w| &w.tensors) {
                tensors.push((format!("{role}.{part}.{name}"), tensor.shape.clone(), le_bytes(&tensor.data)));
            }
        }
    }
    for (name, values) in &state.vectors {
        tensors.push((format!("vectors.{name}"), vec![values.len()], le_bytes(values)));
    }
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, bytes) in &tensors {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|e| format!("{name}: {e}"))?;
        views.push((name.as_str(), view));
    }
    let json = serde_json::to_string(&header).map_err(|e| e.to_string())?;
    safetensors::serialize(views, Some(HashMap::from([(HEADER_KEY.to_string(), json)])))
        .map_err(|e| e.to_string())
}

fn open(bytes: &[u8]) -> Result<(Header, SafeTensors<'_>), String> {
    let damaged = |e: safetensors::SafeTensorError| format!("damaged or not a checkpoint: {e}");
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get(HEADER_KEY));
    let json = json.ok_or("a safetensors file, but not a checkpoint; a model is started from with --init")?;
    let header: Header = serde_json::from_str(json).map_err(|e| format!("its header: {e}"))?;
    if header.version != VERSION {
        return Err(format!("it has format version {}, this program reads {VERSION}", header.version));
    }
    Ok((header, file))
}

fn decode(header: Header, file: &SafeTensors) -> Result<TrainingState, String> {
    let mut state =
        TrainingState { step: header.step, counters: header.counters, ..TrainingState::default() };
    for (role, has_average) in header.networks {
        let average = has_average.then(Weights::default);
        state.networks.insert(role, NetworkState { average, ..NetworkState::default() });
    }
    for (full_name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("tensor {full_name} is {:?} instead of F32", view.dtype()));
        }
        let data =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if let Some(name) = full_name.strip_prefix("vectors.") {
            state.vectors.insert(name.into(), data);
            continue;
        }
        let mut parts = full_name.splitn(3, '.');
        let (role, part, name) = (parts.next(), parts.next(), parts.next());
        let network = role.and_then(|role| state.networks.get_mut(role));
        let weights = network.and_then(|network| match part {
            Some("weights") => Some(&mut network.weights),
            Some("momentum") => Some(&mut network.momentum),
            Some("second_moment") => Some(&mut network.second_moment),
            Some("average") => network.average.as_mut(),
            _ => None,
        });
        let (Some(weights), Some(name)) = (weights, name) else {
            return Err(format!("tensor {full_name} belongs to no network of this checkpoint"));
        };
        weights.tensors.insert(name.into(), HostTensor { shape: view.shape().to_vec(), data });
    }
    Ok(state)
}

/// The values as safetensors stores them, without a copy where the machine's order is the file's.
fn le_bytes(values: &[f32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(values))
    } else {
        Cow::Owned(values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Run {
        seed: u64,
        settings: super::super::settings::Settings,
    }

    fn identity(change: impl FnOnce(&mut Run)) -> Identity {
        let mut run = Run { seed: 1, settings: super::super::settings::Settings::default() };
        change(&mut run);
        Identity::new(&run).unwrap()
    }

    fn weights(values: &[f32]) -> Weights {
        let tensor = HostTensor { shape: vec![values.len()], data: values.to_vec() };
        Weights { tensors: [("layer1.0.conv1.weight".to_string(), tensor)].into() }
    }

    fn state(step: u64) -> TrainingState {
        let odd = [f32::MIN_POSITIVE / 4.0, -0.0, 0.1, f32::NAN];
        let network = NetworkState {
            weights: weights(&odd),
            momentum: weights(&[step as f32, 2.0]),
            second_moment: weights(&[1e-30, step as f32]),
            average: Some(weights(&[0.3])),
        };
        let fresh = NetworkState { weights: weights(&[1.0]), ..NetworkState::default() };
        TrainingState {
            step,
            networks: [("teacher".to_string(), network), ("student".to_string(), fresh)].into(),
            counters: Counters {
                student_updates: 3,
                feedback_signs: vec![true, false],
                ..Counters::default()
            },
            vectors: [("pseudo.learned".to_string(), vec![0.1, 0.7])].into(),
        }
    }

    fn bits(state: &TrainingState) -> Vec<u8> {
        encode(state, &identity(|_| {})).unwrap()
    }

    #[test]
    fn what_is_read_is_what_was_written_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
        assert_eq!(checkpoints.latest().unwrap(), None);
        checkpoints.save(&state(7)).unwrap();
        let read = checkpoints.latest().unwrap().unwrap();
        assert_eq!(bits(&read), bits(&state(7)));
        assert_eq!(read.networks["student"].average, None);
        assert!(read.networks["student"].momentum.tensors.is_empty());
    }

    #[test]
    fn the_last_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
        for step in [10, 20, 30] {
            checkpoints.save(&state(step)).unwrap();
        }
        assert_eq!(checkpoints.steps().unwrap(), [30, 20]);
        checkpoints.save(&state(25)).unwrap();
        assert_eq!(checkpoints.steps().unwrap(), [25, 20], "a resumed run's own are the last");
    }

    #[test]
    fn a_damaged_checkpoint_is_passed_over_for_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
        checkpoints.save(&state(10)).unwrap();
        let newest = checkpoints.save(&state(20)).unwrap();
        let whole = std::fs::read(&newest).unwrap();
        for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&newest, &whole[..length]).unwrap();
            assert_eq!(checkpoints.latest().unwrap().unwrap().step, 10, "cut to {length} bytes");
        }
        std::fs::write(checkpoints.path(10), b"{}").unwrap();
        let error = checkpoints.latest().unwrap_err().to_string();
        assert!(error.contains("checkpoint-0000000020.safetensors") && error.contains("damaged"), "{error}");
    }

    #[test]
    fn a_half_written_file_is_swept_out_and_never_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".affekt-x1.part"), b"half").unwrap();
        let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(checkpoints.latest().unwrap(), None);
    }

    #[test]
    fn another_runs_checkpoint_is_refused_with_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        Checkpoints::open(folder.path(), identity(|_| {})).unwrap().save(&state(10)).unwrap();
        let other = identity(|run| {
            run.seed = 2;
            run.settings.optimiser.teacher_learning_rate = 0.02;
        });
        let error = Checkpoints::open(folder.path(), other).unwrap().latest().unwrap_err().to_string();
        assert!(error.contains("seed is 1 there and 2 here"), "{error}");
        let rate = "settings.optimiser.teacher_learning_rate is 0.01 there and 0.02 here";
        assert!(error.contains(rate), "{error}");
    }

    #[test]
    fn a_model_is_not_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint-0000000001.safetensors");
        weights(&[1.0]).write(&path, crate::net::Storage::F32, None).unwrap();
        let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
        assert!(checkpoints.latest().unwrap_err().to_string().contains("not a checkpoint"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Checkpoints::open(&file.path().join("run"), identity(|_| {})).unwrap_err().to_string();
        assert!(error.contains("run"), "{error}");
    }
}
