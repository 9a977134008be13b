//! Backends by name: the only place that knows which there are.

use std::sync::Arc;

#[cfg(feature = "dfdx")]
use super::dfdx;
#[cfg(feature = "wgpu")]
use super::wgpu;
use super::{ArithmeticChoice, Backend, BackendEntry, BackendError, BackendSpec, cpu};

/// The name that stands for the first backend with a device of its own, else for the table's first.
pub const AUTO: &str = "auto";

/// Every backend of this crate. The first is the reference, there on every machine.
pub const BACKENDS: &[BackendEntry] = &[
    cpu::ENTRY,
    #[cfg(feature = "wgpu")]
    wgpu::ENTRY,
    #[cfg(feature = "cuda")]
    dfdx::CUDA,
    #[cfg(feature = "dfdx")]
    dfdx::PROCESSOR,
];

/// Backends that need a feature this build is without: name, and the feature that it has here.
const LEFT_OUT: &[(&str, &str)] = &[
    #[cfg(not(feature = "dfdx"))]
    ("dfdx", "dfdx"),
    #[cfg(not(feature = "cuda"))]
    ("cuda", "cuda"),
];

/// Backends that could have been built in and are not, each with what to do about it.
pub fn left_out() -> Vec<(&'static str, String)> {
    let advice = |feature: &str| match feature {
        "cuda" => "not built in; build with --features cuda, as docs/cuda.md says".to_owned(),
        other => format!("not built in; build with --features {other}"),
    };
    LEFT_OUT.iter().map(|(name, feature)| (*name, advice(feature))).collect()
}

/// The names that [`open`] knows, [`AUTO`] the last.
pub fn names() -> Vec<&'static str> {
    names_in(BACKENDS)
}

fn names_in(table: &[BackendEntry]) -> Vec<&'static str> {
    table.iter().map(|entry| entry.name).chain([AUTO]).collect()
}

/// Opens a backend by name.
///
/// # Errors
/// [`BackendError::Spec`] where no backend has that name, or it has no adapters or not that arithmetic;
/// [`BackendError::Unavailable`] or [`BackendError::Device`] where it is not built in or cannot be opened here.
pub fn open(spec: &BackendSpec) -> Result<Arc<dyn Backend>, BackendError> {
    open_in(BACKENDS, spec)
}

/// [`open`] from a table of one's own, which may hold entries of [`BACKENDS`].
///
/// # Errors
/// As [`open`].
pub fn open_in(table: &[BackendEntry], spec: &BackendSpec) -> Result<Arc<dyn Backend>, BackendError> {
    if spec.name == AUTO {
        return open_best(table, spec);
    }
    let Some(entry) = table.iter().find(|entry| entry.name == spec.name) else {
        if let Some((name, advice)) = left_out().into_iter().find(|(name, _)| *name == spec.name) {
            return Err(BackendError::Unavailable(format!("backend `{name}` is {advice}")));
        }
        let known = names_in(table).join(", ");
        return Err(BackendError::Spec(format!("no backend is called `{}`; there are: {known}", spec.name)));
    };
    if let Some(adapter) = spec.adapter.as_ref().filter(|_| !entry.has_adapters) {
        let others = having(table, |other| other.has_adapters);
        return Err(BackendError::Spec(format!(
            "an adapter (`{adapter}`) names a GPU, but backend `{}` has none{others}",
            entry.name
        )));
    }
    if let Some(choice) = spec.arithmetic.filter(|choice| !entry.arithmetics.contains(choice)) {
        let others = having(table, |other| other.arithmetics.contains(&choice));
        return Err(BackendError::Spec(format!(
            "backend `{}` has no arithmetic `{}`{others}",
            entry.name,
            choice.name()
        )));
    }
    (entry.open)(spec)
}

/// The end of a message: which backends have what one has not.
fn having(table: &[BackendEntry], has: impl Fn(&BackendEntry) -> bool) -> String {
    let names: Vec<String> =
        table.iter().filter(|e| has(e)).map(|e| format!("`--backend {}`", e.name)).collect();
    if names.is_empty() { String::new() } else { format!("; use {}", names.join(" or ")) }
}

/// A backend with a device of its own where there is one, else the table's first, in the nearest arithmetic that it has.
fn open_best(table: &[BackendEntry], spec: &BackendSpec) -> Result<Arc<dyn Backend>, BackendError> {
    let Some((first, others)) = table.split_first() else {
        return Err(BackendError::Spec("there are no backends".into()));
    };
    let mut reasons = vec![];
    for entry in others {
        match open_in(table, &nearest(entry, spec)) {
            // Who names an adapter wants that one, whatever it is.
            Ok(found) if !found.is_processor() || spec.adapter.is_some() => return Ok(found),
            Ok(found) => {
                let name = found.adapter().unwrap_or_else(|| entry.name.to_owned());
                reasons.push(format!("`{name}` computes on the processor too"));
            }
            Err(error) => reasons.push(error.to_string()),
        }
    }
    if !reasons.is_empty() {
        log::warn!("no GPU is used: {}; computing on the processor", reasons.join("; "));
    }
    open_in(table, &nearest(first, spec))
}

/// What is asked of an entry where [`AUTO`] was asked for: an adapter only where it has them, and for an arithmetic that it
/// has not its own fast form.
fn nearest(entry: &BackendEntry, spec: &BackendSpec) -> BackendSpec {
    let has = |choice: &ArithmeticChoice| entry.arithmetics.contains(choice);
    let arithmetic = match spec.arithmetic {
        // Not the other way round: 16-bit floats are taken only where they were asked for.
        Some(ArithmeticChoice::Half) if !has(&ArithmeticChoice::Half) => Some(ArithmeticChoice::Fixed),
        other => other,
    };
    BackendSpec {
        name: entry.name.into(),
        adapter: spec.adapter.clone().filter(|_| entry.has_adapters),
        arithmetic: arithmetic.filter(has),
        ..spec.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_backend_that_is_not_built_in_is_answered_with_the_feature_that_brings_it() {
        for (name, advice) in left_out() {
            let error = open(&BackendSpec { name: name.into(), ..BackendSpec::default() }).err().unwrap();
            assert!(matches!(error, BackendError::Unavailable(_)) && error.to_string().ends_with(&advice));
            assert!(advice.contains(&format!("--features {name}")), "{advice}");
        }
        let named: Vec<&str> =
            names().into_iter().chain(left_out().into_iter().map(|(name, _)| name)).collect();
        for name in ["cpu", "dfdx", "cuda", AUTO] {
            assert_eq!(named.iter().filter(|known| **known == name).count(), 1, "{name}: {named:?}");
        }
    }
}
