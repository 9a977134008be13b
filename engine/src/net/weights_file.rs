//! Reading weights from safetensors files. A file's claims are checked before it is read, and no number passes that is not
//! one.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::{Metadata, SafeTensors};

use super::card::ModelCard;
use super::storage::load;
use super::weights::{HostTensor, Weights, WeightsError};
use crate::files::{LARGEST_CARD, LARGEST_MODEL, explained, open_limited, printable, quoted, shortened};

/// The metadata key under which a file's [`ModelCard`] stands as JSON.
pub(super) const CARD_KEY: &str = "affekt.card";
/// Bytes before a file's header: its length.
const PREFIX: usize = 8;
/// Longest header that is read; a ResNet-50's has 40 KiB.
const LONGEST_HEADER: u64 = 16 << 20;
/// Most characters of another library's words in an error.
const LONGEST_REASON: usize = 300;

/// The bytes of a weights file, of which nothing but the header is read before that agrees with the file's length.
///
/// # Errors
/// The file cannot be read, has more than 4 GiB, or is not as long as its header says.
pub fn read_weights_file(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source: explained(path, source) };
    let (mut file, length) = open_limited(path, LARGEST_MODEL, "a weights file").map_err(io)?;
    let mut bytes = Vec::new();
    (&mut file).take(PREFIX as u64).read_to_end(&mut bytes).map_err(io)?;
    let header = header_length(&bytes).map_err(|reason| damaged(path, reason))?;
    (&mut file).take(header as u64).read_to_end(&mut bytes).map_err(io)?;
    let claimed = claimed_length(&bytes).map_err(|reason| damaged(path, reason))?;
    if claimed != length {
        let cut = if claimed > length { "it is cut off" } else { "something follows its end" };
        return Err(damaged(path, format!("{cut}: it has {length} bytes, and {claimed} by its header")));
    }
    bytes.try_reserve_exact((length as usize).saturating_sub(bytes.len())).map_err(|e| io(e.into()))?;
    file.take(length).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// The hash by which encoders and kept features name a weights file of these bytes.
pub fn weights_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn damaged(path: &Path, reason: impl AsRef<str>) -> WeightsError {
    WeightsError::Format { path: path.into(), reason: printable(reason.as_ref(), LONGEST_REASON) }
}

/// Length of the header by the file's first bytes.
fn header_length(bytes: &[u8]) -> Result<usize, String> {
    let prefix: [u8; PREFIX] =
        bytes.try_into().map_err(|_| format!("it has {} bytes and is too short", bytes.len()))?;
    let length = u64::from_le_bytes(prefix);
    if length > LONGEST_HEADER {
        return Err(format!("a header of {length} bytes cannot be"));
    }
    Ok(length as usize)
}

/// Length of the whole file by the length and the header at its start.
fn claimed_length(start: &[u8]) -> Result<u64, String> {
    let header = start.get(PREFIX..).unwrap_or_default();
    if header.len() != header_length(start.get(..PREFIX).unwrap_or_default())? {
        return Err("it is cut off in its header".into());
    }
    let metadata: Metadata =
        serde_json::from_slice(header).map_err(|e| format!("its header: {}", shortened(e)))?;
    (start.len() as u64).checked_add(metadata.data_len() as u64).ok_or_else(|| "its sizes cannot be".into())
}

impl Weights {
    /// Reads a safetensors file (F32, F16 or BF16 tensors, or I8 with scales as [`Storage::I8`](super::Storage) writes them; integer
    /// counters such as `num_batches_tracked` are skipped) and its card where it has one.
    ///
    /// # Errors
    /// The file cannot be read, is not safetensors, is truncated, or holds tensors of another type, a value that is not
    /// finite, a negative variance, or a card that cannot be used.
    pub fn read(path: &Path) -> Result<(Self, Option<ModelCard>), WeightsError> {
        Self::parse(path, &read_weights_file(path)?)
    }

    /// As [`Weights::read`], from the bytes of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// The bytes are not safetensors, are cut off, or hold tensors of another type, a value that is not finite, a
    /// negative variance, or a card that cannot be used.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<(Self, Option<ModelCard>), WeightsError> {
        let format = |reason: String| damaged(path, reason);
        let file = SafeTensors::deserialize(bytes).map_err(|e| format(e.to_string()))?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| format(e.to_string()))?;
        let card = match metadata.metadata().as_ref().and_then(|m| m.get(CARD_KEY)) {
            Some(json) => Some(read_card(json).map_err(|e| format(format!("its card: {e}")))?),
            None => None,
        };
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let Some(data) = load(&file, &name, &view).map_err(format)? else { continue };
            check_values(&name, &data).map_err(|problem| format(problem + ADVICE))?;
            tensors.insert(name, HostTensor { shape: view.shape().to_vec(), data });
        }
        Ok((Self { tensors }, card))
    }
}

/// What to do about a file with such values.
const ADVICE: &str = "; the training that wrote it diverged, or the file is damaged: use another one";

fn read_card(json: &str) -> Result<ModelCard, String> {
    if json.len() as u64 > LARGEST_CARD {
        return Err(format!("it has {} bytes; at most {LARGEST_CARD} can be", json.len()));
    }
    let card: ModelCard = serde_json::from_str(json).map_err(shortened)?;
    card.check()?;
    Ok(card)
}

/// No value is infinite or NaN, and no variance negative.
pub(super) fn check_values(name: &str, data: &[f32]) -> Result<(), String> {
    let variance = name.ends_with("running_var");
    let wrong = data.iter().position(|v| !v.is_finite() || variance && *v < 0.0);
    wrong.map_or(Ok(()), |at| {
        let problem = if data[at].is_finite() { "a variance cannot be negative" } else { "no finite number" };
        Err(format!("value {at} of the {} of tensor {} is {}: {problem}", data.len(), quoted(name), data[at]))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use half::f16;

    use super::*;
    use crate::net::Storage;

    fn one(name: &str, values: &[f32]) -> Weights {
        let tensor = HostTensor { shape: vec![values.len()], data: values.to_vec() };
        Weights { tensors: [(name.to_owned(), tensor)].into() }
    }

    /// A file whose header and data are given.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    fn refusal(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        std::fs::write(&path, bytes).unwrap();
        let message = Weights::read(&path).unwrap_err().to_string();
        assert!(message.contains("m.safetensors"), "{message}");
        assert!(message.len() < 600 && !message.contains(char::is_control), "{message}");
        message
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let weights = one("a.weight", &[1.5, -0.25, f32::MIN_POSITIVE]);
        weights.write(&path, Storage::F32, None).unwrap();
        assert_eq!(Weights::read(&path).unwrap(), (weights, None));
    }

    #[test]
    fn a_value_that_is_no_number_is_neither_written_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        for (name, values, words) in [
            ("fc.bias", vec![0.0, f32::NAN], "value 1 of the 2 of tensor `fc.bias` is NaN"),
            ("fc.bias", vec![f32::INFINITY], "is inf"),
            ("bn1.running_var", vec![1.0, 1.0, -0.5], "value 2 of the 3 of tensor `bn1.running_var` is -0.5"),
        ] {
            let message = one(name, &values).write(&path, Storage::F32, None).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains("m.safetensors"), "{message}");
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let (count, end) = (values.len(), bytes.len());
            let header =
                format!(r#"{{"{name}":{{"dtype":"F32","shape":[{count}],"data_offsets":[0,{end}]}}}}"#);
            let message = refusal(&file(&header, &bytes));
            assert!(message.contains(words) && message.contains("use another one"), "{message}");
        }
        let halves = r#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#;
        assert!(refusal(&file(halves, &f16::NAN.to_le_bytes())).contains("is NaN"));
        let message = one("a", &[7e4]).write(&path, Storage::F16, None).unwrap_err().to_string();
        assert!(message.contains("too large for half precision"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_header_claims_is_compared_with_the_file_before_it_is_read() {
        let whole = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        for (bytes, words) in [
            (vec![], "0 bytes and is too short"),
            (vec![0xff; 20], "cannot be"),
            (file(whole, &[0; 3]), "is cut off"),
            (file(whole, &[0; 9]), "something follows its end"),
            (file(whole, &[])[..20].to_vec(), "cut off in its header"),
            (file("{", &[]), "its header"),
            (file(&whole.replace("[1]", "[1073741824,1073741824,1073741824]"), &[0; 4]), "its header"),
            (file(&whole.replace("[1]", "[2]"), &[0; 4]), "its header"),
            (file(&whole.replace("F32", "U8").replace("[1]", "[4]"), &[0; 4]), "`a` is U8"),
        ] {
            let message = refusal(&bytes);
            assert!(message.contains(words), "{words}: {message}");
        }
    }

    #[test]
    fn a_file_of_twenty_gigabytes_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        std::fs::File::create(&path).unwrap().set_len(20 << 30).unwrap();
        let message = Weights::read(&path).unwrap_err().to_string();
        assert!(message.contains("at most 4.0 GiB"), "{message}");
        std::fs::File::create(&path).unwrap().set_len(3 << 30).unwrap();
        assert!(Weights::read(&path).unwrap_err().to_string().contains("its header"));
    }

    #[test]
    fn words_of_a_file_do_not_steer_the_terminal() {
        let name = "\\u001b[31m".repeat(500);
        let header = format!(r#"{{"{name}":{{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}}"#);
        let message = refusal(&file(&header, &[0]));
        assert!(message.contains(r"\u{1b}[31m"), "{message}");
    }

    #[test]
    fn an_unusable_card_is_refused_in_a_file() {
        let json = |card: &str| serde_json::to_string(card).unwrap();
        for (card, words) in [
            ("{}", "its card: missing field"),
            (&"[".repeat(2 << 20), "its card: it has 2097152 bytes"),
            (&"[".repeat(2000), "its card: "),
        ] {
            let header = format!(r#"{{"__metadata__":{{"{CARD_KEY}":{}}}}}"#, json(card));
            let message = refusal(&file(&header, &[]));
            assert!(message.contains(words), "{message}");
        }
    }
}
