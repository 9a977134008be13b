//! Faces as `ExpW` comes: whole pictures and one list with a box a face.

use std::fmt::Write as _;
use std::path::Path;

use super::affectnet::save;
use super::scene::{companies, draw};
use super::{Progress, in_chunks, io_error, make_folder};
use crate::data::{DataError, Dataset as _};
use crate::files::write_atomically;
use crate::synth::{Class, Face, SynthFaces};

/// The set's classes in its order, as its files are named after what was searched for.
const CLASSES: [(Class, &str); 7] = [
    (Class::Anger, "angry"),
    (Class::Disgust, "disgusted"),
    (Class::Fear, "afraid"),
    (Class::Happiness, "happy"),
    (Class::Sadness, "sad"),
    (Class::Surprise, "surprised"),
    (Class::Neutral, "calm"),
];

/// Writes `label/label.lst`, lines `image_name face_id top left right bottom confidence label`, and `image/origin/<name>.jpg`.
/// The set has no class `Other`: such faces are left out.
///
/// `progress` counts pictures. Returns whether it was finished.
///
/// # Errors
/// A file cannot be written.
pub fn write_expw(faces: &SynthFaces, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    let style = faces.style();
    let size = (style.size * 3, style.size * 2);
    let known: Vec<usize> = (0..faces.len()).filter(|&item| faces.class(item) != Class::Other).collect();
    let companies = companies(known.len());
    make_folder(&out.join("label"))?;
    make_folder(&out.join("image/origin"))?;
    let class_of =
        |item: usize| CLASSES.iter().position(|(class, _)| *class == faces.class(item)).unwrap_or(6);
    let prepare = |number: usize| {
        let items: Vec<usize> = companies[number].iter().map(|&place| known[place]).collect();
        let company: Vec<Face> = items.iter().map(|&item| faces.face(item)).collect();
        let scene = draw(&company, size, style.channels, number);
        let name = format!("{}_people_{number}.jpg", CLASSES[class_of(items[0])].1);
        save(&scene.picture, &out.join("image/origin").join(&name))?;
        Ok((name, items, scene.faces))
    };
    let mut list = String::new();
    let done = in_chunks(0..companies.len(), progress, prepare, |number, (name, items, found)| {
        for (face, (item, geometry)) in items.into_iter().zip(found).enumerate() {
            let [x, y, w, h] = geometry.face_box;
            let [left, top, right, bottom] = [x, y, x + w, y + h].map(|side| side.round().max(0.0) as i64);
            // As a detector's: below 60 where it was not sure.
            let confidence = 40.0 + ((number * 37 + face * 11) % 600) as f32 / 10.0;
            let _ = writeln!(
                list,
                "{name} {face} {top} {left} {right} {bottom} {confidence:.1} {}",
                class_of(item)
            );
        }
        Ok(())
    })?;
    if done {
        let path = out.join("label/label.lst");
        write_atomically(&path, list.as_bytes()).map_err(|e| io_error(&path, e))?;
    }
    Ok(done)
}
