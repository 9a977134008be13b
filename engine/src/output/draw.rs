//! Boxes and labels on a frame.

use super::row::TableRow;
use super::text;
use crate::media::{FaceBox, Picture};
use crate::world::live::FrameReading;

/// Colours of people, which [`person_colour`] goes round.
const COLOURS: [[u8; 3]; 6] =
    [[86, 180, 233], [233, 168, 32], [0, 158, 115], [213, 94, 0], [204, 121, 167], [240, 228, 66]];

/// The colour of a person, by number from 1: the same wherever they are drawn.
pub fn person_colour(face: u32) -> [u8; 3] {
    COLOURS[(face as usize).wrapping_sub(1) % COLOURS.len()]
}

/// An RGB copy of a frame with a box on every face, its number, voted class and confidence above it. `classes` are the
/// names that labels stand for.
pub fn annotated(picture: &Picture, reading: &FrameReading, classes: &[String]) -> Picture {
    marked(picture, &TableRow::of(reading), classes)
}

/// The same from rows: people by the names that were given to them, labels as they are to be reported. A label that is unsure has a
/// question mark, one that was set by hand says so.
pub fn marked(picture: &Picture, rows: &[TableRow], classes: &[String]) -> Picture {
    let mut picture = picture.with_channels(3);
    let thick = (picture.height / 240).max(1);
    for face in rows.iter().filter_map(|row| row.face.as_ref()) {
        let colour = person_colour(face.person);
        let [x, y, w, h] = face.face_box.map(|v| v as f32);
        let face_box = FaceBox { x, y, w, h };
        outline(&mut picture, &face_box, thick + 1, colour);
        let class = classes.get(face.label).map_or("", String::as_str);
        let who = if face.name.is_empty() { face.person.to_string() } else { face.name.clone() };
        let share = face.probabilities.get(face.label).copied().unwrap_or(0.0) * 100.0;
        let words = match (face.by_hand, face.unsure) {
            (true, _) => format!("{who} {class} (by hand)"),
            (false, true) => format!("{who} {class}? {share:.0}%"),
            (false, false) => format!("{who} {class} {share:.0}%"),
        };
        let bar = text::bar(&words, (picture.height / 30).max(15), colour);
        // Above the box and within the picture, where there is room.
        let top = (face_box.y.max(0.0) as usize).saturating_sub(bar.height + thick);
        let left = (face_box.x.max(0.0) as usize).min(picture.width.saturating_sub(bar.width));
        picture.paste(&bar, left, top);
    }
    picture
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
