//! A card for every face: who, what, and a bar for each class.

use affekt_engine::world::live::NeutralState;
use eframe::egui::{Align2, FontId, ProgressBar, Rect, RichText, ScrollArea, Sense, Ui, pos2, vec2};

use super::look::{Look, percent};

/// Points of a bar's row.
const ROW: f32 = 17.0;

/// Points that a card needs, and the most cards side by side.
const COLUMN: f32 = 176.0;
const MOST_COLUMNS: usize = 4;

/// What a card shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The person's number.
    pub person: u32,
    /// The class shown.
    pub label: usize,
    /// The most probable class of this moment, and its probability.
    pub now: (usize, f32),
    /// Whether the shown class is too unlikely to go by.
    pub unsure: bool,
    /// Share of the frames that voted for it, 0 to 1; `None` in a film, whose table does not say, and for a picture.
    pub vote: Option<f32>,
    /// What the person is called.
    pub name: String,
    /// One a class.
    pub probabilities: Vec<f32>,
    /// What is known of the face at rest; `None` where nobody can look, as in a film.
    pub neutral: Option<NeutralState>,
    /// What people did to it, which is said in place of the share; empty for nothing.
    pub by: &'static str,
}

/// Seconds in which a person looks neutral to be calibrated.
pub const AT_REST: f64 = 3.0;

/// What was asked for: a person's face at rest is to be looked at for so many seconds, or to be forgotten.
pub type Rest = (u32, Option<f64>);

/// Draws all cards, which scroll where there is no room; gives what their buttons asked for.
pub fn draw(ui: &mut Ui, cards: &[Card], look: &Look, nobody: &str) -> Option<Rest> {
    let mut asked = None;
    if cards.is_empty() {
        ui.add_space(8.0);
        ui.label(RichText::new(nobody).weak());
        return None;
    }
    ScrollArea::vertical().id_salt("faces").auto_shrink([false, false]).show(ui, |ui| {
        let columns = ((ui.available_width() / COLUMN) as usize).clamp(1, MOST_COLUMNS).min(cards.len());
        for row in cards.chunks(columns) {
            ui.columns(columns, |uis| {
                for (ui, card) in uis.iter_mut().zip(row) {
                    asked = asked.or(draw_card(ui, card, look));
                    ui.add_space(8.0);
                }
            });
        }
    });
    asked
}

fn draw_card(ui: &mut Ui, card: &Card, look: &Look) -> Option<Rest> {
    ui.horizontal_wrapped(|ui| {
        let (at, _) = ui.allocate_exact_size(vec2(10.0, 14.0), Sense::hover());
        ui.painter().rect_filled(at, 2.0, look.class(card.label));
        ui.label(RichText::new(&card.name).strong());
        if card.by.is_empty() {
            ui.label(look.words(card.label, card.unsure, card.now));
        } else {
            ui.label(format!("{}, {}", look.name(card.label), card.by));
        }
    });
    // The vote looks back, the bars show the moment.
    if let Some(share) = card.vote {
        let text = format!("{} of the vote is {}", percent(share), look.name(card.label));
        let hint = "part of the frames around this one whose most probable class it is";
        ui.label(RichText::new(text).weak()).on_hover_text(hint);
    }
    let widest = (0..look.classes()).map(|class| width(ui, look.name(class))).fold(0.0, f32::max);
    for (class, &share) in card.probabilities.iter().enumerate() {
        bar(ui, look, class, share, class == card.label, widest);
    }
    card.neutral.and_then(|state| at_rest(ui, card.person, state))
}

/// The row about a face at rest.
fn at_rest(ui: &mut Ui, person: u32, state: NeutralState) -> Option<Rest> {
    let mut asked = None;
    ui.horizontal(|ui| match state {
        NeutralState::Unknown => {
            let hint = "look neutral for three seconds; then this face at rest is taken off its readings (N)";
            if ui.small_button("calibrate neutral").on_hover_text(hint).clicked() {
                asked = Some((person, Some(AT_REST)));
            }
        }
        NeutralState::Gathering { part } => {
            let text = format!("look neutral ... {}", percent(part as f32));
            ui.add(ProgressBar::new(part as f32).text(RichText::new(text).small()).desired_height(16.0));
        }
        NeutralState::Known { complete } => {
            let text = if complete { "calibrated" } else { "calibrated, but not at rest: try again" };
            ui.label(RichText::new(text).small().weak());
            if ui.small_button("forget").clicked() {
                asked = Some((person, None));
            }
        }
    });
    asked
}

fn width(ui: &Ui, text: &str) -> f32 {
    ui.painter().layout_no_wrap(text.to_owned(), font(), ui.visuals().text_color()).size().x
}

fn font() -> FontId {
    FontId::proportional(12.5)
}

fn bar(ui: &mut Ui, look: &Look, class: usize, share: f32, chosen: bool, widest: f32) {
    let (at, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    response.on_hover_text(format!("{}: {:.1}%", look.name(class), share * 100.0));
    let painter = ui.painter_at(at);
    let colour = if chosen { ui.visuals().strong_text_color() } else { ui.visuals().text_color() };
    let (left, right) = bar_between(at, widest);
    painter.text(pos2(left - 6.0, at.center().y), Align2::RIGHT_CENTER, look.name(class), font(), colour);
    painter.text(at.right_center(), Align2::RIGHT_CENTER, percent(share), font(), colour);
    let ground = Rect::from_min_max(pos2(left, at.top() + 3.0), pos2(right, at.bottom() - 3.0));
    painter.rect_filled(ground, 2.0, look.ground());
    let filled = ground.with_max_x(left + (right - left) * share.clamp(0.0, 1.0));
    if filled.width() > 0.5 {
        painter.rect_filled(filled, 2.0, look.class(class));
    }
}

/// Where a bar begins and ends in its row, between the longest name and the number.
fn bar_between(row: Rect, widest: f32) -> (f32, f32) {
    let left = row.left() + (widest + 6.0).min(row.width() * 0.5);
    (left, (row.right() - 38.0).max(left + 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_room_between_name_and_number_even_where_the_panel_is_narrow() {
        for width in [120.0, 180.0, 400.0] {
            let row = Rect::from_min_size(pos2(7.0, 0.0), vec2(width, ROW));
            let (left, right) = bar_between(row, 66.0);
            assert!(left >= row.left() && right > left && right <= row.right(), "{width}: {left} {right}");
        }
        let row = Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, ROW));
        assert_eq!(bar_between(row, 66.0), (72.0, 162.0));
    }
}
