//! Generated faces as a dataset format, beside those that are read from files.

use std::sync::Arc;

use super::clip_format::synth_clip_format;
use super::dataset::{SynthFaces, SynthSettings};
use super::spec_options::{SYNTH_OPTIONS, balance, count, set, style};
use crate::data::{DataError, Format, Formats, Spec, frames_of};

/// Every dataset format there is.
pub fn formats() -> Formats {
    let about = "generated faces: synth:COUNT?seed=1, where another seed gives other people";
    let faces = Format::new("synth", about, SYNTH_OPTIONS, |spec, _| Ok(Arc::new(synth_faces(spec)?)));
    Formats::files().with(frames_of(&synth_clip_format())).with(faces)
}

/// Faces that `synth:COUNT[?KEY=VALUE&...]` names, with the keys of [`SYNTH_OPTIONS`].
///
/// # Errors
/// The SPEC has a split, no count, or a value that is no number or out of its range.
pub fn synth_faces(spec: &Spec) -> Result<SynthFaces, DataError> {
    let mut settings = SynthSettings {
        name: spec.to_string(),
        count: count(spec, 10_000_000, "synth:2000")?,
        labelled: !spec.unlabelled,
        ..SynthSettings::default()
    };
    set(spec, "seed", &mut settings.seed)?;
    style(spec, &mut settings.style)?;
    balance(spec, &mut settings.balance)?;
    SynthFaces::new(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Annotation, Dataset, SkipLog};

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
    fn a_spec_can_show_some_classes_more_often_and_some_people_only() {
        let faces = open("synth:400?balance=happiness:12,fear:0&identities=5..6").expect("a good SPEC");
        let (mut happy, mut afraid) = (0, 0);
        for index in 0..faces.len() {
            let Annotation::Class(class) = faces.annotation(index) else { panic!("no class") };
            happy += usize::from(faces.classes()[class] == "Happiness");
            afraid += usize::from(faces.classes()[class] == "Fear");
        }
        assert!(afraid == 0 && (230..310).contains(&happy), "{happy} happy, {afraid} afraid of 400");
        // The same people, seen by another seed, make another set.
        let here = open("synth:9?seed=1&people=7").expect("a good SPEC").content_hash(0).expect("drawn");
        let there = open("synth:9?seed=2&people=7").expect("a good SPEC").content_hash(0).expect("drawn");
        assert_ne!(here, there);
    }

    #[test]
    fn what_is_wrong_with_a_spec_is_said() {
        let refusal = |text: &str| open(text).err().expect("a bad SPEC").to_string();
        assert!(refusal("synth:many").contains("synth:COUNT"));
        assert!(refusal("synth:9?size=huge").contains("size takes a number"));
        assert!(refusal("synth:9?size=8").contains("32..=256"));
        assert!(refusal("synth:9?intensity=1").contains("LEAST..GREATEST"));
        assert!(refusal("synth:9#Train").contains("another seed"));
        assert!(refusal("synth:9?identities=5").contains("identities takes FIRST..END"));
        assert!(refusal("synth:9?balance=1,2").contains("8 numbers"));
        assert!(refusal("synth:9?balance=joyous:2").contains("joyous"));
    }
}
