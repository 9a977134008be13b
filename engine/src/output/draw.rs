//! Boxes and labels on a frame.

use super::row::{FaceRow, TableRow};
use super::text;
use crate::media::palette::{ON_DARK, colours};
use crate::media::{FaceBox, Picture};
use crate::signal::most_probable;
use crate::world::live::FrameReading;

/// Colour of a label that is unsure.
const UNSURE: [u8; 3] = [200; 3];

/// An RGB copy of a frame with a box on every face in its label's colour, and above it the person's number and the label. `classes` are
/// the names that labels stand for.
pub fn annotated(picture: &Picture, reading: &FrameReading, classes: &[String]) -> Picture {
    marked(picture, &TableRow::of(reading), classes)
}

/// The same from rows: people by the names that were given to them, labels as they are to be reported. A label that is unsure is grey and
/// has a question mark, one that was set by hand says so. The percentage is the probability of the class that is named beside it: where
/// the label, on which the frames around have voted, is not this frame's most probable class, that one is said too.
pub fn marked(picture: &Picture, rows: &[TableRow], classes: &[String]) -> Picture {
    let mut picture = picture.with_channels(3);
    let thick = (picture.height / 240).max(1);
    let places = colours(classes);
    for face in rows.iter().filter_map(|row| row.face.as_ref()) {
        let own = places.get(face.label).map_or(UNSURE, |&place| ON_DARK[place]);
        let colour = if face.unsure && !face.by_hand { UNSURE } else { own };
        let [x, y, w, h] = face.face_box.map(|v| v as f32);
        let face_box = FaceBox { x, y, w, h };
        outline(&mut picture, &face_box, thick + 1, colour);
        let bar = text::bar(&words(face, classes), (picture.height / 30).max(15), colour);
        // Above the box and within the picture, where there is room.
        let top = (face_box.y.max(0.0) as usize).saturating_sub(bar.height + thick);
        let left = (face_box.x.max(0.0) as usize).min(picture.width.saturating_sub(bar.width));
        picture.paste(&bar, left, top);
    }
    picture
}

/// What is said of a face.
fn words(face: &FaceRow, classes: &[String]) -> String {
    let name = |class: usize| classes.get(class).map_or("", String::as_str);
    let who = if face.name.is_empty() { face.person.to_string() } else { face.name.clone() };
    let label = name(face.label);
    if face.by_hand {
        return format!("{who} {label} (by hand)");
    }
    let doubt = if face.unsure { "?" } else { "" };
    let (now, share) = most_probable(&face.probabilities).unwrap_or((face.label, 0.0));
    let now = (now != face.label).then(|| name(now));
    format!("{who} {}", label_in_words(&format!("{label}{doubt}"), now, share))
}

/// A label with its percentage, which is the probability (0 to 1) of the class before it: where the label, on which the frames around
/// have voted, is not this frame's most probable class `now`, that one is said too.
pub fn label_in_words(label: &str, now: Option<&str>, share: f64) -> String {
    let other = now.map(|now| format!(", now {now}")).unwrap_or_default();
    format!("{label}{other} {:.0}%", share * 100.0)
}

/// Draws a box's outline.
fn outline(picture: &mut Picture, b: &FaceBox, thick: usize, colour: [u8; 3]) {
    let (left, top) = (b.x.max(0.0) as usize, b.y.max(0.0) as usize);
    let right = ((b.x + b.w).max(0.0) as usize).min(picture.width);
    let bottom = ((b.y + b.h).max(0.0) as usize).min(picture.height);
    let (across, down) = (right.saturating_sub(left), bottom.saturating_sub(top));
    let block =
        |w: usize, h: usize| Picture { width: w, height: h, channels: 3, pixels: colour.repeat(w * h) };
    let (flat, tall) = (block(across, thick.min(down)), block(thick.min(across), down));
    picture.paste(&flat, left, top);
    picture.paste(&flat, left, bottom.saturating_sub(thick));
    picture.paste(&tall, left, top);
    picture.paste(&tall, right.saturating_sub(thick), top);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::live::FaceReading;

    #[test]
    fn a_percentage_belongs_to_the_class_before_it() {
        let classes = ["neutral", "happiness"].map(String::from);
        let reading = |label, probabilities: [f32; 2], unsure| {
            let face = FaceReading {
                face: 3,
                voted_label: label,
                probabilities: probabilities.to_vec(),
                unsure,
                face_box: FaceBox { x: 4.0, y: 40.0, w: 30.0, h: 30.0 },
                ..FaceReading::default()
            };
            FrameReading { faces: vec![face], ..FrameReading::default() }
        };
        let said =
            |reading: &FrameReading| words(TableRow::of(reading)[0].face.as_ref().expect("a face"), &classes);
        assert_eq!(said(&reading(1, [0.03, 0.97], false)), "3 happiness 97%");
        assert_eq!(said(&reading(1, [0.998, 0.002], true)), "3 happiness?, now neutral 100%");

        let drawn =
            |unsure| annotated(&Picture::filled(64, 96, 3, 0), &reading(1, [0.03, 0.97], unsure), &classes);
        let edge = |picture: &Picture| picture.pixel(4, 60).to_vec();
        assert_eq!(edge(&drawn(false)), ON_DARK[colours(&classes)[1]], "the colour of the expression");
        assert_eq!(edge(&drawn(true)), UNSURE);
    }
}
