//! Colours: the report's own for classes, on a light and on a dark ground.

use affekt_engine::media::palette::{COLOURS, ON_DARK, ON_LIGHT, colours};
use affekt_engine::output::label_in_words;
use eframe::egui::{Color32, Context, Theme};

/// Names and colours of classes.
#[derive(Debug, Clone, Default)]
pub struct Look {
    dark: bool,
    names: Vec<String>,
    places: Vec<usize>,
}

impl Look {
    /// The look of these classes in the window's present theme.
    pub fn of(ctx: &Context, names: &[String]) -> Self {
        Self { dark: ctx.theme() == Theme::Dark, names: names.to_vec(), places: colours(names) }
    }

    /// A class's colour.
    pub fn class(&self, class: usize) -> Color32 {
        let place = self.places.get(class).copied().unwrap_or(class % COLOURS);
        let [r, g, b] = if self.dark { ON_DARK[place] } else { ON_LIGHT[place] };
        Color32::from_rgb(r, g, b)
    }

    /// The colour of a mark in the picture: a class's own, or none in particular where the label is unsure.
    pub fn mark(&self, class: usize, unsure: bool) -> Color32 {
        if unsure { Color32::from_gray(200) } else { self.class(class) }
    }

    /// A class's name.
    pub fn name(&self, class: usize) -> &str {
        self.names.get(class).map_or("?", String::as_str)
    }

    /// A label in words, beside the most probable class of the moment, `now`, and its probability.
    pub fn words(&self, label: usize, unsure: bool, (now, share): (usize, f32)) -> String {
        let doubt = if unsure { "unsure: " } else { "" };
        let now = (now != label).then(|| self.name(now));
        label_in_words(&format!("{doubt}{}", self.name(label)), now, f64::from(share))
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.names.len()
    }

    /// The ground of bars and strips.
    pub fn ground(&self) -> Color32 {
        if self.dark { Color32::from_rgb(0x28, 0x2c, 0x34) } else { Color32::from_rgb(0xe4, 0xe2, 0xdc) }
    }

    /// A stretch of time that is chosen, over whatever lies below.
    pub fn chosen(&self) -> Color32 {
        if self.dark {
            Color32::from_rgba_unmultiplied(0x9c, 0xc4, 0xff, 70)
        } else {
            Color32::from_rgba_unmultiplied(0x1f, 0x5f, 0xbf, 60)
        }
    }

    /// What is wrong.
    pub fn bad(&self) -> Color32 {
        if self.dark { Color32::from_rgb(0xff, 0x8f, 0x85) } else { Color32::from_rgb(0xb3, 0x26, 0x1e) }
    }
}

/// Sets greys that can be read in each theme: 4.5 to 1 on their ground at least, as WCAG 2.2 asks (AA).
pub fn readable(ctx: &Context) {
    for (theme, text, weak) in [(Theme::Dark, 190, 150), (Theme::Light, 70, 100)] {
        ctx.style_mut_of(theme, |style| {
            style.visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(text);
            style.visuals.weak_text_color = Some(Color32::from_gray(weak));
        });
    }
}

/// Black or white, whichever can be read on a colour (Rec. 601 luma).
pub fn ink(on: Color32) -> Color32 {
    let luma = (u32::from(on.r()) * 299 + u32::from(on.g()) * 587 + u32::from(on.b()) * 114) / 1000;
    if luma > 140 { Color32::BLACK } else { Color32::WHITE }
}

/// A share as people read it.
pub fn percent(share: f32) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as WCAG defines it.
    fn luminance(colour: Color32) -> f32 {
        let linear = |value: u8| {
            let v = f32::from(value) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    #[test]
    fn texts_can_be_read_on_every_ground_in_both_themes() {
        let ctx = Context::default();
        readable(&ctx);
        for theme in [Theme::Dark, Theme::Light] {
            let visuals = &ctx.style_of(theme).visuals;
            for ground in [visuals.panel_fill, visuals.window_fill, visuals.extreme_bg_color] {
                for text in [visuals.text_color(), visuals.weak_text_color()] {
                    let (a, b) = (luminance(text), luminance(ground));
                    let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(contrast >= 4.5, "{theme:?}: {text:?} on {ground:?}: {contrast}");
                }
            }
        }
    }

    #[test]
    fn a_label_and_the_bars_say_the_same() {
        let names = ["neutral", "happiness"].map(String::from);
        let look = Look { names: names.to_vec(), ..Look::default() };
        assert_eq!(look.words(1, false, (1, 0.97)), "happiness 97%");
        assert_eq!(look.words(1, true, (0, 0.998)), "unsure: happiness, now neutral 100%");
    }
}
