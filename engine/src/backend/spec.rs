//! Which backend is wanted, and how it is to compute.

use serde::{Deserialize, Serialize};

/// A choice of arithmetic for inference; training is always in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArithmeticChoice {
    /// Single precision.
    Single,
    /// 16-bit fixed point where the processor gains from it: probabilities differ by less than a thousandth.
    Fixed,
    /// 16-bit floats, on a GPU that has them: logits differ by some thousandths of their range.
    Half,
}

impl ArithmeticChoice {
    /// The arithmetic of that name, as backends call theirs.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Single, Self::Fixed, Self::Half].into_iter().find(|choice| choice.name() == name)
    }

    /// Its name in files and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Fixed => "fixed",
            Self::Half => "half",
        }
    }
}

/// A wanted backend, as [`open`](super::open) takes it. The default is the processor, all its threads, single precision.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendSpec {
    /// One of [`names`](super::names).
    pub name: String,
    /// The adapter's number or part of its name; `None`: the most capable one.
    pub adapter: Option<String>,
    /// How networks infer; `None`: in single precision, or as `reading` says.
    pub arithmetic: Option<ArithmeticChoice>,
    /// Threads of a backend that computes on the processor, whose results do not depend on it; 0: one for each core.
    pub threads: usize,
    /// Whether to time every kernel, where the backend can ([`BackendInfo::profile`](super::BackendInfo::profile)); slower.
    pub profile: bool,
    /// Without `arithmetic`, infer in fixed point where the backend has it: for reading pictures and video, where speed
    /// counts more than the last digits.
    pub reading: bool,
}

impl Default for BackendSpec {
    fn default() -> Self {
        Self {
            name: "cpu".into(),
            adapter: None,
            arithmetic: None,
            threads: 0,
            profile: false,
            reading: false,
        }
    }
}
