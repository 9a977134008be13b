//! Generated faces as a dataset format, beside those that are read from files.

use std::str::FromStr;
use std::sync::Arc;

use crate::data::{DataError, Dataset, Format, Formats, SkipLog, Spec};
use crate::synth::{Style, SynthFaces, SynthSettings};

/// Every dataset format there is.
pub fn formats() -> Formats {
    Formats::files().with(Format {
        name: "synth",
        about: "generated faces: synth:COUNT?seed=1, where another seed gives other people",
        options: &["seed", "size", "channels", "intensity", "blend", "variation"],
        open,
    })
}

/// `synth:COUNT[?seed=N&size=PIXELS&channels=1|3&intensity=LEAST..GREATEST&blend=PART&variation=STRENGTH]`.
fn open(spec: &Spec, _skips: &SkipLog) -> Result<Arc<dyn Dataset>, DataError> {
    let refuse = |reason: String| DataError::Spec { spec: spec.to_string(), reason };
    let count = spec.path.to_str().and_then(|text| text.parse::<usize>().ok());
    let count = count
        .filter(|count| (1..=10_000_000).contains(count))
        .ok_or_else(|| refuse("write synth:COUNT with a COUNT from 1 to 10000000, e.g. synth:2000".into()))?;
    if spec.split.is_some() {
        return Err(refuse("generated faces have no split; take another seed instead".into()));
    }
    let mut settings = SynthSettings { name: spec.to_string(), count, ..SynthSettings::default() };
    let style = &mut settings.style;
    take(spec, "seed", &mut settings.seed)?;
    take(spec, "size", &mut style.size)?;
    take(spec, "channels", &mut style.channels)?;
    take(spec, "blend", &mut style.blend)?;
    take(spec, "variation", &mut style.variation)?;
    if let Some(range) = spec.options.get("intensity") {
        let parsed = range.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        style.intensity = parsed
            .ok_or_else(|| refuse(format!("intensity takes LEAST..GREATEST, as in 0.4..1, not `{range}`")))?;
    }
    // Nobody stands in two datasets of different seeds: people are numbered within their seed.
    style.identities = Style::default().identities;
    Ok(Arc::new(SynthFaces::new(settings)?))
}

/// Puts an option's value in its place, where it is given.
fn take<T: FromStr>(spec: &Spec, key: &str, place: &mut T) -> Result<(), DataError> {
    if let Some(text) = spec.options.get(key) {
        *place = text.parse().map_err(|_| DataError::Spec {
            spec: spec.to_string(),
            reason: format!("{key} takes a number, not `{text}`"),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Arc<dyn Dataset>, DataError> {
        formats().open(&text.parse()?, &SkipLog::new(true))
    }

    #[test]
    fn a_spec_says_how_many_faces_and_whose() {
        let faces = open("synth:12?seed=3&size=32&intensity=0.5..1").expect("a good SPEC");
        assert_eq!((faces.len(), faces.classes().len()), (12, 8));
        let picture = faces.picture(11).expect("drawn");
        assert_eq!((picture.width, picture.channels), (32, 1));
        let others = open("synth:12?seed=4&size=32").expect("a good SPEC");
        assert_ne!(others.content_hash(0).expect("drawn"), faces.content_hash(0).expect("drawn"));
    }

    #[test]
    fn what_is_wrong_with_a_spec_is_said() {
        let refusal = |text: &str| open(text).err().expect("a bad SPEC").to_string();
        assert!(refusal("synth:many").contains("synth:COUNT"));
        assert!(refusal("synth:9?size=huge").contains("size takes a number"));
        assert!(refusal("synth:9?size=8").contains("32..=256"));
        assert!(refusal("synth:9?intensity=1").contains("LEAST..GREATEST"));
        assert!(refusal("synth:9#Train").contains("another seed"));
    }
}
