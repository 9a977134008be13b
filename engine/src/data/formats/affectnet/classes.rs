//! AffectNet's classes, which both releases number alike.

/// The classes by their number.
pub(super) const CLASSES: [&str; 11] = [
    "Neutral",
    "Happiness",
    "Sadness",
    "Surprise",
    "Fear",
    "Disgust",
    "Anger",
    "Contempt",
    "None",
    "Uncertain",
    "No-Face",
];
/// The number of what shows no face: of no use without labels either.
pub(super) const NO_FACE: u8 = 10;

/// The class that a number stands for.
pub(super) fn class(number: f64) -> Result<u8, String> {
    let last = CLASSES.len() - 1;
    if number.fract() == 0.0 && (0.0..=last as f64).contains(&number) {
        return Ok(number as u8);
    }
    Err(format!("expression {number} is not a whole number from 0 (Neutral) to {last} (No-Face)"))
}
