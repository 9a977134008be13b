//! Breaking safetensors files: the header as JSON, the JSON inside its metadata, the values as numbers.

use serde_json::Value;

use crate::draws::Draws;
use crate::{bytes, json};

/// Single-precision numbers at which arithmetic fails.
const NUMBERS: [f32; 8] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 0.0, 1e-40, f32::MAX, -f32::MAX];

/// Breaks a file; as bytes where it is none. `text` is the metadata entry that holds JSON.
pub fn mutate(file: &mut Vec<u8>, text: &str, draws: &mut Draws) {
    if draws.one_in(4) || !structured(file, text, draws) {
        bytes::mutate(file, draws);
    }
}

/// Breaks nothing but the JSON in a file's metadata.
pub fn mutate_metadata(file: &mut Vec<u8>, text: &str, draws: &mut Draws) {
    let Some((mut header, data)) = open(file) else { return };
    inner(&mut header, text, draws);
    *file = close(&header, &data);
}

fn structured(file: &mut Vec<u8>, text: &str, draws: &mut Draws) -> bool {
    let Some((mut header, mut data)) = open(file) else { return false };
    match draws.below(4) {
        0 => json::mutate(&mut header, draws),
        1 => inner(&mut header, text, draws),
        // A value, wherever it is; and a page that the disk lost.
        2 => {
            let at = draws.below(data.len() / 4) * 4;
            let number = draws.pick(&NUMBERS).to_le_bytes();
            for (to, from) in data[at..].iter_mut().zip(number) {
                *to = from;
            }
        }
        _ => {
            let at = draws.below(data.len());
            let end = (at + 4096).min(data.len());
            data[at..end].fill(0);
        }
    }
    *file = close(&header, &data);
    true
}

fn inner(header: &mut Value, text: &str, draws: &mut Draws) {
    let entry = &mut header["__metadata__"][text];
    let Some(mut value) = entry.as_str().and_then(|json| serde_json::from_str::<Value>(json).ok()) else {
        return;
    };
    json::mutate(&mut value, draws);
    *entry = value.to_string().into();
}

fn open(file: &[u8]) -> Option<(Value, Vec<u8>)> {
    let length = u64::from_le_bytes(file.get(..8)?.try_into().ok()?);
    let end = usize::try_from(length).ok()?.checked_add(8)?;
    let header = serde_json::from_slice(file.get(8..end)?).ok()?;
    Some((header, file[end..].to_vec()))
}

fn close(header: &Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}
