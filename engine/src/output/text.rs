//! Words on a picture, in any script for which a font is at hand.
//!
//! `DejaVu` Sans is built in (Latin, Greek, Cyrillic, Armenian, Georgian, ...). A letter that it lacks, such as a Chinese one, comes
//! from the first font of the system that has it; where none does, the empty box for a missing letter is drawn. Letters are set
//! one after the other from left to right and are not joined, so Arabic and Indic scripts look odd.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use ab_glyph::{Font, FontArc, FontRef, FontVec, Glyph, PxScale, ScaleFont as _, point};
use fontdb::{Database, FaceInfo, ID, Style};

use crate::media::Picture;

static BUILT_IN: &[u8] = include_bytes!(concat!(env!("AFFEKT_ASSETS"), "/fonts/DejaVuSans.ttf"));
static FONTS: LazyLock<Mutex<Fonts>> = LazyLock::new(|| Mutex::new(Fonts::new()));

/// The fonts in use.
struct Fonts {
    /// The one built in, and those of the system that were needed so far.
    used: Vec<FontArc>,
    /// Letters that no font has.
    missing: HashSet<char>,
    /// The system's fonts, once a letter was missing: finding them takes a while.
    system: Option<Database>,
}

impl Fonts {
    fn new() -> Self {
        let built_in = FontArc::try_from_slice(BUILT_IN).ok();
        Self { used: built_in.into_iter().collect(), missing: HashSet::new(), system: None }
    }

    /// A font that has the letter; where there is none, the one built in.
    fn with(&mut self, letter: char) -> Option<FontArc> {
        if !self.used.iter().any(|font| has(font, letter)) && !self.missing.contains(&letter) {
            match self.system_font(letter) {
                Some(font) => self.used.push(font),
                None => _ = self.missing.insert(letter),
            }
        }
        self.used.iter().find(|font| has(*font, letter)).or(self.used.first()).cloned()
    }

    fn system_font(&mut self, letter: char) -> Option<FontArc> {
        let system = self.system.get_or_insert_with(|| {
            let mut found = Database::new();
            found.load_system_fonts();
            found
        });
        // Upright, of usual weight and no typewriter's where there is a choice; then by name, so that every run chooses alike.
        let mut faces: Vec<&FaceInfo> = system.faces().collect();
        faces.sort_by_key(|face| {
            let odd = (face.style != Style::Normal, face.weight.0.abs_diff(400), face.monospaced);
            (odd, &face.post_script_name, face.index)
        });
        faces.iter().find_map(|face| font_with(system, face.id, letter))
    }
}

fn has(font: &impl Font, letter: char) -> bool {
    font.glyph_id(letter).0 != 0
}

/// A font of the system, if it can be read and has the letter.
fn font_with(system: &Database, id: ID, letter: char) -> Option<FontArc> {
    system.with_face_data(id, |bytes, index| {
        FontRef::try_from_slice_and_index(bytes, index).ok().filter(|font| has(font, letter))?;
        FontVec::try_from_vec_and_index(bytes.to_vec(), index).ok().map(FontArc::new)
    })?
}

/// A text in one line on a bar of the colour `back` (RGB), `height` pixels high; black or white, whichever can be read on it.
pub fn bar(text: &str, height: usize, back: [u8; 3]) -> Picture {
    let scale = PxScale::from(height as f32);
    let margin = height as f32 / 4.0;
    let mut glyphs: Vec<(FontArc, Glyph)> = vec![];
    let mut right = margin;
    let mut fonts = FONTS.lock().unwrap_or_else(PoisonError::into_inner);
    for letter in text.chars() {
        let Some(font) = fonts.with(letter) else { continue };
        let scaled = font.as_scaled(scale);
        let id = scaled.glyph_id(letter);
        let glyph = id.with_scale_and_position(scale, point(right, scaled.ascent()));
        right += scaled.h_advance(id);
        glyphs.push((font, glyph));
    }
    drop(fonts);
    let width = (right + margin).ceil() as usize;
    let mut bar = Picture { width, height, channels: 3, pixels: back.repeat(width * height) };
    // Rec. 601 luma decides.
    let luma = (u32::from(back[0]) * 299 + u32::from(back[1]) * 587 + u32::from(back[2]) * 114) / 1000;
    let ink = if luma > 140 { 0.0 } else { 255.0 };
    for outline in glyphs.into_iter().filter_map(|(font, glyph)| font.outline_glyph(glyph)) {
        let (left, top) = (outline.px_bounds().min.x as i64, outline.px_bounds().min.y as i64);
        outline.draw(|x, y, cover| {
            let (x, y) = (left + i64::from(x), top + i64::from(y));
            if (0..width as i64).contains(&x) && (0..height as i64).contains(&y) {
                let at = (y as usize * width + x as usize) * 3;
                for value in &mut bar.pixels[at..at + 3] {
                    let cover = cover.min(1.0);
                    *value = (f32::from(*value) * (1.0 - cover) + ink * cover).round() as u8;
                }
            }
        });
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of a bar that are not its ground's.
    fn ink(text: &str) -> usize {
        let bar = bar(text, 24, [0, 0, 0]);
        assert_eq!((bar.height, bar.pixels.len()), (24, bar.width * 24 * 3));
        bar.pixels.iter().filter(|&&value| value > 0).count()
    }

    #[test]
    fn names_in_many_scripts_are_drawn_by_the_font_built_in() {
        let built_in = FontRef::try_from_slice(BUILT_IN).unwrap();
        for name in ["happiness", "радость", "χαρά", "joie 97%", "ուրախություն", "Überraschung"]
        {
            for letter in name.chars() {
                assert!(has(&built_in, letter), "{letter} of {name}");
            }
            assert!(ink(name) > 40 * name.chars().count(), "{name}");
        }
        assert_eq!(ink("   "), 0);
        assert_ne!(bar("радость", 24, [0; 3]), bar("РАДОСТЬ", 24, [0; 3]), "small letters are not capitals");
    }

    #[test]
    fn a_letter_that_the_font_built_in_lacks_comes_from_the_system_or_shows_as_missing() {
        let built_in = FontRef::try_from_slice(BUILT_IN).unwrap();
        assert!(!has(&built_in, '喜') && !has(&built_in, '哀'));
        let mut fonts = Fonts::new();
        let font = fonts.with('喜').unwrap();
        if has(&font, '喜') {
            assert_eq!(fonts.used.len(), 2);
            assert_ne!(bar("喜", 48, [0; 3]), bar("哀", 48, [0; 3]), "each is its own letter");
        } else {
            assert!(fonts.missing.contains(&'喜'), "it is not looked for again");
            assert_eq!(bar("喜", 48, [0; 3]), bar("哀", 48, [0; 3]), "the box for a missing letter");
        }
        assert!(ink("喜") > 20, "never blank");
    }

    #[test]
    fn letters_are_black_on_light_and_white_on_dark() {
        let has = |back: [u8; 3], value: u8| bar("I", 40, back).pixels.chunks(3).any(|p| p == [value; 3]);
        assert!(has([240, 228, 66], 0) && has([0, 0, 90], 255));
    }
}
