//! How tensors lie in a file: exact, in half precision, or in eight bits with a scale a row.

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::files::{QUOTED, printable, quoted};

/// How values are stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Exact.
    F32,
    /// Half the size; rounded to nearest.
    F16,
    /// A quarter of the size: each filter and each row of a matrix in whole steps, 127 to either side of zero, of a scale
    /// of its own. What has one value a channel stays exact. For files of affekt alone.
    I8,
}

/// What the name of a tensor's scales ends with.
pub(super) const SCALES: &str = ".scales";

impl Storage {
    /// Values as bytes, little-endian, where each has a form of its own.
    ///
    /// # Errors
    /// A value is too large for half precision, or eight bits are asked for.
    pub(super) fn encode(self, name: &str, values: &[f32]) -> Result<Vec<u8>, String> {
        match self {
            Self::F32 => Ok(single(values)),
            Self::F16 => {
                let halves: Vec<f16> = values.iter().map(|v| f16::from_f32(*v)).collect();
                if let Some(at) = halves.iter().position(|v| !v.is_finite()) {
                    let name = printable(name, QUOTED);
                    return Err(format!(
                        "value {at} of tensor `{name}` is {}, too large for half precision: store it in single precision",
                        values[at]
                    ));
                }
                Ok(halves.iter().flat_map(|v| v.to_le_bytes()).collect())
            }
            Self::I8 => Err("eight bits a weight are for files of affekt; store it in half precision".into()),
        }
    }
}

pub(super) fn single(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The values of a file's tensor; `None` of what belongs to another one (scales) or to no network (counters).
///
/// # Errors
/// It is of another type, or its scales are missing or are not one a row.
pub(super) fn load(
    file: &SafeTensors<'_>,
    name: &str,
    view: &TensorView<'_>,
) -> Result<Option<Vec<f32>>, String> {
    let data = view.data();
    Ok(Some(match view.dtype() {
        Dtype::F32 => {
            let steps = name.strip_suffix(SCALES).and_then(|of| file.tensor(of).ok());
            if steps.is_some_and(|steps| steps.dtype() == Dtype::I8) {
                return Ok(None);
            }
            singles(data)
        }
        Dtype::F16 => data.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::I8 => {
            let rows = view.shape().first().copied().unwrap_or_default();
            let scales = file.tensor(&format!("{name}{SCALES}")).ok();
            let scales =
                scales.filter(|s| s.dtype() == Dtype::F32 && s.shape() == [rows]).ok_or_else(|| {
                    format!(
                        "tensor {} is I8 without {rows} values of type F32 called {SCALES} beside it",
                        quoted(name)
                    )
                })?;
            let row = data.len() / rows.max(1);
            let of_rows = data.chunks(row.max(1)).zip(singles(scales.data()));
            of_rows
                .flat_map(|(row, scale)| row.iter().map(move |v| f32::from(v.cast_signed()) * scale))
                .collect()
        }
        Dtype::I64 if name.ends_with("num_batches_tracked") => return Ok(None),
        other => return Err(format!("tensor {} is {other:?}; F32, F16, BF16 or I8 is needed", quoted(name))),
    }))
}

fn singles(data: &[u8]) -> Vec<f32> {
    data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::net::weights_write::STEPS;
    use crate::net::{HostTensor, Weights};

    fn written(weights: &Weights) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        weights.write(&path, Storage::I8, None).unwrap();
        std::fs::read(path).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Weights, String> {
        Weights::parse("m.safetensors".as_ref(), bytes).map(|(weights, _)| weights).map_err(|e| e.to_string())
    }

    fn some() -> Weights {
        let of = |shape: &[usize], data: &[f32]| HostTensor { shape: shape.to_vec(), data: data.to_vec() };
        let tensors = [
            ("a.weight".to_owned(), of(&[3, 2], &[1.27, -0.5, 0.0, 0.0, -1e-3, 2.5e-4])),
            ("a.bias".to_owned(), of(&[3], &[0.123_456_7, -7.0, 3e5])),
        ];
        Weights { tensors: tensors.into() }
    }

    #[test]
    fn each_row_is_right_to_half_a_step_of_its_own_scale() {
        let (before, after) = (some(), read(&written(&some())).unwrap());
        assert_eq!(after.get("a.bias"), before.get("a.bias"));
        assert_eq!(after.tensors.len(), 2, "scales are no tensors of their own");
        for (row, read) in before.get("a.weight").chunks(2).zip(after.get("a.weight").chunks(2)) {
            let half = row.iter().fold(0.0f32, |most, v| most.max(v.abs())) / STEPS / 2.0;
            assert!(row.iter().zip(read).all(|(a, b)| (a - b).abs() <= half * 1.001), "{row:?} {read:?}");
        }
        assert_ne!(after, before, "these values cannot be had exactly");
        // What was read is written again without a change.
        assert_eq!(read(&written(&after)).unwrap(), after);
    }

    #[test]
    fn steps_without_their_scales_are_refused() {
        let file = |scales: &str| {
            let header = format!(r#"{{"a":{{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}},{scales}}}"#);
            [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[1; 12]].concat()
        };
        let good = r#""a.scales":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}"#;
        assert_eq!(read(&file(good)).unwrap().tensors.len(), 1);
        for bad in [
            good.replace("a.scales", "b.scales"),
            good.replace("F32", "F16").replace("[2]", "[4]"),
            good.replace("[2]", "[2,1]"),
            good.replace("[2]", "[1]").replace("12", "8")
                + r#","b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#,
        ] {
            let message = read(&file(&bad)).unwrap_err();
            assert!(message.contains("tensor `a` is I8 without 2 values"), "{bad}: {message}");
        }
    }
}
