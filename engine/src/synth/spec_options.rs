//! What the SPECs of generated faces and generated clips have in common.

use std::str::FromStr;

use super::class::Class;
use super::style::Style;
use crate::data::{DataError, Spec, Vocabulary};

/// Options of everything that is generated. `identities=A..B` are numbers of people, `people` the seed of their looks
/// (else `seed`), `balance` either eight numbers or `class:weight` pairs that leave the other weights at 1.
pub const SYNTH_OPTIONS: &[&str] = &[
    "seed",
    "size",
    "channels",
    "identities",
    "people",
    "intensity",
    "blend",
    "variation",
    "camera",
    "occlusion",
    "balance",
];

fn refuse(spec: &Spec, reason: String) -> DataError {
    DataError::Spec { spec: spec.to_string(), reason }
}

/// The number that stands in a SPEC's place for a path.
pub(super) fn count(spec: &Spec, most: usize, example: &str) -> Result<usize, DataError> {
    if spec.split.is_some() {
        return Err(refuse(spec, "what is generated has no split; take another seed instead".into()));
    }
    let count = spec.path.to_str().and_then(|text| text.parse::<usize>().ok());
    count.filter(|count| (1..=most).contains(count)).ok_or_else(|| {
        let form = &spec.format;
        refuse(spec, format!("write {form}:COUNT with a COUNT from 1 to {most}, e.g. {example}"))
    })
}

/// Puts an option's value in its place, where it is given.
pub(super) fn set<T: FromStr>(spec: &Spec, key: &str, place: &mut T) -> Result<(), DataError> {
    if let Some(text) = spec.options.get(key) {
        *place = text.parse().map_err(|_| refuse(spec, format!("{key} takes a number, not `{text}`")))?;
    }
    Ok(())
}

/// Sets what a SPEC says of how faces are drawn.
pub(super) fn style(spec: &Spec, style: &mut Style) -> Result<(), DataError> {
    set(spec, "size", &mut style.size)?;
    set(spec, "channels", &mut style.channels)?;
    set(spec, "blend", &mut style.blend)?;
    set(spec, "variation", &mut style.variation)?;
    set(spec, "camera", &mut style.camera)?;
    set(spec, "occlusion", &mut style.occlusion)?;
    if spec.options.contains_key("people") {
        set(spec, "people", style.people.insert(0))?;
    }
    if let Some((least, greatest)) = range(spec, "intensity", "LEAST..GREATEST, as in 0.4..1")? {
        style.intensity = (least, greatest);
    }
    if let Some((first, end)) = range(spec, "identities", "FIRST..END, as in 0..100")? {
        style.identities = first..end;
    }
    Ok(())
}

/// Sets the frequencies of the classes.
pub(super) fn balance(spec: &Spec, weights: &mut [f32; 8]) -> Result<(), DataError> {
    let Some(text) = spec.options.get("balance") else { return Ok(()) };
    let number = |text: &str| {
        let reason = || format!("balance takes 8 numbers or class:weight pairs with commas, not `{text}`");
        text.trim().parse::<f32>().map_err(|_| refuse(spec, reason()))
    };
    let parts: Vec<&str> = text.split(',').collect();
    if parts.iter().all(|part| !part.contains(':')) {
        let numbers: Vec<f32> = parts.iter().map(|part| number(part)).collect::<Result<_, _>>()?;
        *weights = numbers.try_into().map_err(|numbers: Vec<f32>| {
            refuse(spec, format!("balance takes 8 numbers, one a class, not {}", numbers.len()))
        })?;
        return Ok(());
    }
    let classes = Vocabulary::new(Class::ALL.iter().map(|class| class.name().to_owned()).collect())?;
    for part in parts {
        let (name, weight) = part.split_once(':').unwrap_or((part, ""));
        let class = classes.find(name.trim()).ok_or_else(|| {
            refuse(spec, format!("balance names `{name}`; the classes are {}", classes.classes().join(", ")))
        })?;
        weights[class] = number(weight)?;
    }
    Ok(())
}

fn range<T: FromStr>(spec: &Spec, key: &str, form: &str) -> Result<Option<(T, T)>, DataError> {
    let Some(text) = spec.options.get(key) else { return Ok(None) };
    let parsed = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    parsed.map(Some).ok_or_else(|| refuse(spec, format!("{key} takes {form}, not `{text}`")))
}
