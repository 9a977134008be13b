//! What the colours of strips mean, and words about the moment that is pointed at; neither lies on a strip.

use eframe::egui::{FontId, Pos2, Rect, RectAlign, Response, Sense, Tooltip, Ui, pos2, vec2};

use super::look::Look;

/// Points of a line of the legend, of a colour in it, and between two entries.
const LINE: f32 = 15.0;
const SQUARE: f32 = 9.0;
const BETWEEN: f32 = 10.0;

/// Where words go that do not fit in the middle above a moment.
const CORNERS: [RectAlign; 2] = [RectAlign::TOP_START, RectAlign::TOP_END];

fn font() -> FontId {
    FontId::proportional(11.0)
}

/// Where entries of these widths go in a room of this width, and the height of all.
fn places(widths: &[f32], room: f32) -> (Vec<Pos2>, f32) {
    let mut next = pos2(0.0, 0.0);
    let place = |width: &f32| {
        if next.x > 0.0 && next.x + width > room {
            next = pos2(0.0, next.y + LINE);
        }
        let at = next;
        next.x += width + BETWEEN;
        at
    };
    let places: Vec<Pos2> = widths.iter().map(place).collect();
    let height = places.last().map_or(0.0, |last| last.y + LINE);
    (places, height)
}

fn widths(ui: &Ui, look: &Look) -> Vec<f32> {
    let text = |class: usize| {
        ui.painter().layout_no_wrap(look.name(class).to_owned(), font(), ui.visuals().text_color())
    };
    (0..look.classes()).map(|class| SQUARE + 4.0 + text(class).size().x).collect()
}

/// Points that the legend takes in a room of this width.
pub fn height(ui: &Ui, look: &Look, room: f32) -> f32 {
    places(&widths(ui, look), room).1
}

/// Draws a colour and a name for every class, in as many lines as it takes.
pub fn draw(ui: &mut Ui, look: &Look) {
    let (places, height) = places(&widths(ui, look), ui.available_width());
    let (all, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let painter = ui.painter();
    for (class, place) in places.into_iter().enumerate() {
        let at = all.min + place.to_vec2();
        let square = Rect::from_min_size(at + vec2(0.0, 2.0), vec2(SQUARE, SQUARE));
        painter.rect_filled(square, 2.0, look.class(class));
        let text = look.name(class).to_owned();
        let galley = painter.layout_no_wrap(text, font(), ui.visuals().text_color());
        painter.galley(at + vec2(SQUARE + 4.0, 0.0), galley, ui.visuals().text_color());
    }
}

/// Says something of the moment that is pointed at, above `top`, where all strips and lines begin.
pub fn tell(response: &Response, pointer: Pos2, top: f32, text: String) {
    let mut tip = Tooltip::for_enabled(response);
    tip.popup =
        tip.popup.at_position(pos2(pointer.x, top)).align(RectAlign::TOP).align_alternatives(&CORNERS);
    tip.show(|ui| ui.label(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_takes_as_many_lines_as_it_needs() {
        let widths = [60.0, 80.0, 50.0];
        assert_eq!(places(&widths, 400.0), (vec![pos2(0.0, 0.0), pos2(70.0, 0.0), pos2(160.0, 0.0)], LINE));
        let (narrow, height) = places(&widths, 150.0);
        assert_eq!((narrow[1], narrow[2], height), (pos2(70.0, 0.0), pos2(0.0, LINE), 2.0 * LINE));
        assert_eq!(places(&widths, 10.0).1, 3.0 * LINE, "one a line at the least");
        assert_eq!(places(&[], 100.0), (vec![], 0.0));
    }
}
