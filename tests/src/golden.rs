//! Golden numbers and the tensors they were computed from.
//!
//! The Python scripts in `tests/golden` and this module make the same weights and inputs from a rule (`formula.py`),
//! so no weights are stored: a tensor is a function of its name, shape and kind.

use std::path::{Path, PathBuf};

use affekt_engine::net::{Graph, HostTensor, ParamKind, ParamSpec, Weights};
use safetensors::{Dtype, SafeTensors};

/// Dot products with sign vectors in a summary.
pub const PROJECTIONS: usize = 8;
/// First values in a summary.
pub const HEAD: usize = 4;
/// Numbers in a summary: norm, dot products, first values.
pub const SUMMARY: usize = 1 + PROJECTIONS + HEAD;

/// What a tensor of the rule is, which decides its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Uniform with He's bound `sqrt(6 / fan-in)`.
    Weight,
    /// Batch-norm scale or running variance: `[0.5, 1.5)`.
    Scale,
    /// Scale of a bottleneck's last batch-norm: `[0.125, 0.375)`.
    Branch,
    /// Batch-norm shift, bias or running mean: `[-0.1, 0.1)`.
    Shift,
    /// Network input: `[-2, 2)`.
    Input,
}

/// 64-bit FNV-1a of the name's bytes.
fn fnv1a(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// splitmix64's outputs, started at the name's hash.
fn bits(name: &str) -> impl Iterator<Item = u64> {
    let mut state = fnv1a(name);
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// A tensor of the rule, row-major; equal bit for bit to `formula.tensor`.
pub fn tensor(name: &str, shape: &[usize], kind: Kind) -> Vec<f32> {
    let fan_in: usize = shape.iter().skip(1).product();
    let bound = (6.0 / fan_in as f64).sqrt() as f32;
    let unit = bits(name).map(|b| (b >> 40) as f32 * (1.0 / (1u32 << 23) as f32) - 1.0);
    let value = |u: f32| match kind {
        Kind::Weight => u * bound,
        Kind::Scale => 1.0 + 0.5 * u,
        Kind::Branch => 0.25 + 0.125 * u,
        Kind::Shift => 0.1 * u,
        Kind::Input => 2.0 * u,
    };
    unit.take(shape.iter().product()).map(value).collect()
}

/// +1 or -1 an element; equal to `formula.signs`.
pub fn signs(name: &str, count: usize) -> Vec<f64> {
    bits(name).take(count).map(|b| if b >> 63 == 1 { -1.0 } else { 1.0 }).collect()
}

/// Labels of a case, as `nets.labels` makes them.
pub fn labels(case: &str, items: usize, classes: usize) -> Vec<usize> {
    bits(&format!("{case}.labels")).take(items).map(|b| (b % classes as u64) as usize).collect()
}

/// The graph's weights by the rule.
pub fn weights(graph: &Graph) -> Weights {
    let entry = |spec: &ParamSpec| {
        let kind = match spec.kind {
            ParamKind::Weight | ParamKind::AttentionWeight => Kind::Weight,
            ParamKind::Scale if spec.name.ends_with("bn3.weight") => Kind::Branch,
            ParamKind::Scale | ParamKind::RunningVariance => Kind::Scale,
            ParamKind::Shift | ParamKind::Positions | ParamKind::RunningMean => Kind::Shift,
        };
        let data = tensor(&spec.name, &spec.shape, kind);
        (spec.name.clone(), HostTensor { shape: spec.shape.clone(), data })
    };
    Weights { tensors: graph.params.iter().map(entry).collect() }
}

/// A case's NHWC input of `items` pictures.
pub fn input(case: &str, items: usize, graph: &Graph) -> Vec<f32> {
    let shape = graph.input();
    tensor(&format!("{case}.input"), &[items, shape.h, shape.w, shape.c], Kind::Input)
}

/// Presence of a case's frames, 1 or 0: three in four are there, and the first of each clip.
pub fn presence(case: &str, items: usize, frames: usize) -> Vec<f32> {
    let (a, b) =
        (signs(&format!("{case}.there"), items * frames), signs(&format!("{case}.too"), items * frames));
    let there = |i: usize| i.is_multiple_of(frames) || a[i] > 0.0 || b[i] > 0.0;
    (0..items * frames).map(|i| if there(i) { 1.0 } else { 0.0 }).collect()
}

/// What golden files keep of a large tensor: its norm, [`PROJECTIONS`] dot products with sign vectors and its first
/// [`HEAD`] values; equal to `formula.summary` up to rounding.
pub fn summary(name: &str, values: &[f32]) -> [f64; SUMMARY] {
    let mut out = [0.0; SUMMARY];
    out[0] = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    for k in 0..PROJECTIONS {
        let signs = signs(&format!("projection{k}.{name}"), values.len());
        out[1 + k] = values.iter().zip(signs).map(|(&v, s)| f64::from(v) * s).sum();
    }
    for (slot, &value) in out[1 + PROJECTIONS..].iter_mut().zip(values) {
        *slot = f64::from(value);
    }
    out
}

/// The folder of golden files and the scripts that make them.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// A file of golden numbers.
pub struct Golden {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Golden {
    /// Opens `tests/golden/{name}`.
    ///
    /// # Panics
    /// The file cannot be read: a golden file is part of the repository.
    pub fn open(name: &str) -> Self {
        let path = folder().join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { path, bytes }
    }

    /// The numbers stored under a name, as `f64`.
    ///
    /// # Panics
    /// There is no such tensor, or it holds neither floats nor integers.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let failed = |reason: &dyn std::fmt::Display| -> ! {
            panic!("{}: {name}: {reason}", self.path.display());
        };
        let file = SafeTensors::deserialize(&self.bytes).unwrap_or_else(|e| failed(&e));
        let view = file.tensor(name).unwrap_or_else(|e| failed(&e));
        let chunks = view.data();
        match view.dtype() {
            Dtype::F32 => chunks.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
            Dtype::F64 => chunks.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Dtype::I64 => chunks.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
            other => failed(&format!("{other:?} is not a golden number")),
        }
    }

    /// Summaries stored under a name, one a row.
    ///
    /// # Panics
    /// As [`Golden::numbers`].
    pub fn summaries(&self, name: &str) -> Vec<[f64; SUMMARY]> {
        self.numbers(name).as_chunks().0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_make_the_same_tensors() {
        let golden = Golden::open("resnet.safetensors");
        for (stored, name, shape, kind) in [
            ("weight", "conv1.weight", vec![2, 3, 2], Kind::Weight),
            ("scale", "bn1.weight", vec![5], Kind::Scale),
            ("branch", "bn3.weight", vec![5], Kind::Branch),
            ("shift", "bn1.bias", vec![5], Kind::Shift),
            ("input", "x.input", vec![5], Kind::Input),
        ] {
            let ours: Vec<f64> = tensor(name, &shape, kind).into_iter().map(f64::from).collect();
            assert_eq!(ours, golden.numbers(&format!("formula.{stored}.{name}")), "{name}");
        }
        assert_eq!(signs("projection0.conv1.weight", 16), golden.numbers("formula.signs"));
    }

    #[test]
    fn both_sides_summarise_alike() {
        let golden = Golden::open("resnet.safetensors").summaries("formula.summary");
        let ours = summary("conv1.weight", &tensor("conv1.weight", &[4, 3, 2], Kind::Weight));
        for (a, b) in ours.iter().zip(golden[0]) {
            assert!((a - b).abs() <= 1e-12, "{ours:?} {golden:?}");
        }
    }
}
