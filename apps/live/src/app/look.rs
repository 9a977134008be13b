//! Colours: the report's own for classes, on a light and on a dark ground.

use affekt_engine::media::palette::{COLOURS, ON_DARK, ON_LIGHT, colours};
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

/// Black or white, whichever can be read on a colour (Rec. 601 luma).
pub fn ink(on: Color32) -> Color32 {
    let luma = (u32::from(on.r()) * 299 + u32::from(on.g()) * 587 + u32::from(on.b()) * 114) / 1000;
    if luma > 140 { Color32::BLACK } else { Color32::WHITE }
}

/// A share as people read it.
pub fn percent(share: f32) -> String {
    format!("{:.0}%", share * 100.0)
}
