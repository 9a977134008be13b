//! A checkpoint's file: safetensors with a header of our own in its metadata. The header holds a hash of the whole file, so
//! that a page or a bit that the disk lost is noticed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::identity::RunIdentity;
use crate::backend::NetworkState;
use crate::files::{QUOTED, printable};
use crate::learn::state::{Counters, TrainingState};
use crate::net::{HostTensor, Weights};

/// Metadata entry that holds the [`Header`] as JSON.
const HEADER_KEY: &str = "affekt.checkpoint";
/// Version of the format; files of version 1 have no hash.
const VERSION: u32 = 2;
/// What stands in the hash's place while the file is hashed: as many characters.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Everything of a state that is not a tensor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    version: u32,
    /// BLAKE3 of the file's bytes with [`NO_HASH`] in this place, in hexadecimal.
    #[serde(default)]
    blake3: Option<String>,
    /// What computed it, e.g. `cpu avx2`.
    #[serde(default)]
    pub computed_by: Option<String>,
    step: u64,
    counters: Counters,
    /// Role of each network and whether it has an average.
    networks: BTreeMap<String, bool>,
    pub identity: RunIdentity,
}

impl Header {
    /// Whether damage to the file would have been noticed.
    pub(super) fn is_hashed(&self) -> bool {
        self.blake3.is_some()
    }
}

/// The bytes of a file.
pub(super) fn encode(
    state: &TrainingState,
    identity: &RunIdentity,
    computed_by: Option<&str>,
) -> Result<Vec<u8>, String> {
    let header = Header {
        version: VERSION,
        blake3: Some(NO_HASH.to_owned()),
        computed_by: computed_by.map(str::to_owned),
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
    let mut bytes = safetensors::serialize(views, Some(HashMap::from([(HEADER_KEY.to_string(), json)])))
        .map_err(|e| e.to_string())?;
    let place = place_of(&bytes, NO_HASH).ok_or("the hash has no place")?;
    let hash = blake3::hash(&bytes).to_hex();
    bytes[place..place + NO_HASH.len()].copy_from_slice(hash.as_bytes());
    Ok(bytes)
}

/// Where a hash stands in a file: its first appearance, which is in the metadata, before all names and tensors.
fn place_of(bytes: &[u8], hash: &str) -> Option<usize> {
    (hash.len() == NO_HASH.len())
        .then(|| bytes.windows(hash.len()).position(|w| w == hash.as_bytes()))
        .flatten()
}

/// Compares a file with the hash in its header.
fn verify(bytes: &[u8], hash: &str) -> Result<(), String> {
    let place = place_of(bytes, hash).ok_or("damaged: its hash cannot be read")?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..place]).update(NO_HASH.as_bytes()).update(&bytes[place + NO_HASH.len()..]);
    if *hasher.finalize().to_hex() == *hash {
        return Ok(());
    }
    Err("damaged: its content is not what was written (the hash differs)".into())
}

/// A file's header and tensors, once they are known to be what was written.
pub(super) fn open(bytes: &[u8]) -> Result<(Header, SafeTensors<'_>), String> {
    let damaged = |e: safetensors::SafeTensorError| format!("damaged or not a checkpoint: {e}");
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get(HEADER_KEY));
    let json = json.ok_or("a safetensors file, but not a checkpoint; a model is started from with --init")?;
    let header: Header = serde_json::from_str(json).map_err(|e| format!("its header: {e}"))?;
    match (header.version, &header.blake3) {
        (VERSION, Some(hash)) => verify(bytes, hash)?,
        (VERSION, None) => return Err("damaged: its header has lost its hash".into()),
        (1, None) => {}
        (version, _) => {
            return Err(format!("it has format version {version}, this program reads 1 and {VERSION}"));
        }
    }
    Ok((header, file))
}

/// The state that a file holds.
pub(super) fn decode(header: Header, file: &SafeTensors) -> Result<TrainingState, String> {
    let mut state =
        TrainingState { step: header.step, counters: header.counters, ..TrainingState::default() };
    for (role, has_average) in header.networks {
        let average = has_average.then(Weights::default);
        state.networks.insert(role, NetworkState { average, ..NetworkState::default() });
    }
    for (full_name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            let full_name = printable(&full_name, QUOTED);
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
            let full_name = printable(&full_name, QUOTED);
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
