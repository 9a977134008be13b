//! A film's time: the line to scrub on, and a ribbon for each person with what they show and what people have corrected.

use eframe::egui::{Color32, FontId, Mesh, Rect, Response, ScrollArea, Sense, Shape, Stroke, Ui, pos2, vec2};

use super::legend::tell;
use super::look::Look;
use super::timeline::{GAP, MARGIN, clock, who};
use crate::viewer::{Person, Touched, Viewer};

/// Points of a ribbon.
const RIBBON: f32 = 16.0;

/// Where a film's time runs from left to right: the line to scrub on and all ribbons share it, so that a moment is below itself.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    left: f32,
    right: f32,
    length: f64,
}

/// Points at the right that the handle of the line needs beside the last moment.
const HANDLE: f32 = 7.0;

impl Axis {
    /// The axis of a film of so many seconds in the room that there is, but for a margin at its left.
    pub fn of(ui: &Ui, length: f64, margin: f32) -> Self {
        let room = ui.available_rect_before_wrap();
        let left = room.left() + margin;
        Self { left, right: (room.right() - HANDLE).max(left + 16.0), length: length.max(1e-9) }
    }

    /// The column of a time.
    pub fn column(&self, seconds: f64) -> f32 {
        let share = (seconds / self.length).clamp(0.0, 1.0) as f32;
        self.left + share * (self.right - self.left)
    }

    /// The time of a column.
    pub fn seconds(&self, column: f32) -> f64 {
        let share = (column - self.left) / (self.right - self.left);
        f64::from(share.clamp(0.0, 1.0)) * self.length
    }

    fn strip(&self, row: Rect) -> Rect {
        Rect::from_x_y_ranges(self.left..=self.right, row.y_range())
    }
}

/// Points of the line to scrub on.
const TRACK: f32 = 18.0;

/// Draws the line to scrub on, with the stretch that is chosen; gives the time that was clicked or dragged to. The time that is pointed
/// at is said above `top`.
pub fn track(
    ui: &mut Ui,
    axis: &Axis,
    now: f64,
    (chosen, top): (Option<(f64, f64)>, f32),
    look: &Look,
) -> (Option<f64>, Response) {
    let (at, response) = ui.allocate_exact_size(vec2(ui.available_width(), TRACK), Sense::click_and_drag());
    let strip = axis.strip(at);
    let groove = Rect::from_x_y_ranges(strip.x_range(), at.center().y - 3.0..=at.center().y + 3.0);
    let painter = ui.painter();
    painter.rect_filled(groove, 3.0, look.ground());
    let colour = ui.visuals().strong_text_color();
    painter.rect_filled(groove.with_max_x(axis.column(now)), 3.0, colour.gamma_multiply(0.55));
    if let Some((from, to)) = chosen {
        let stretch = Rect::from_x_y_ranges(axis.column(from)..=axis.column(to), at.y_range());
        painter.rect_filled(stretch, 2.0, look.chosen());
    }
    let handle = pos2(axis.column(now), at.center().y);
    let radius = if response.hovered() || response.dragged() { HANDLE } else { HANDLE - 1.5 };
    painter.circle_filled(handle, radius, colour);
    if let Some(pointer) = response.hover_pos() {
        tell(&response, pointer, top, clock(axis.seconds(pointer.x)));
    }
    let pointer = response
        .interact_pointer_pos()
        .filter(|_| response.is_pointer_button_down_on() || response.clicked() || response.drag_stopped());
    (pointer.map(|pointer| axis.seconds(pointer.x)), response)
}

/// A person's ribbon: number, what stands beside it, what they are called, their class and people's hand in each column.
struct Row {
    person: u32,
    who: String,
    called: String,
    classes: Vec<Option<u16>>,
    touched: Vec<Touched>,
}

/// A film's ribbons, kept as long as nothing about them changes: making one reads the whole table.
#[derive(Default)]
pub struct Ribbons {
    columns: usize,
    rows: Vec<Row>,
}

/// What somebody pointed at in the ribbons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pointed {
    /// A moment.
    At(f64),
    /// A stretch of a person, dragged over with Shift: who, and its ends.
    Stretch(u32, f64, f64),
    /// A moment of a person, clicked twice.
    Segment(u32, f64),
}

/// Most people whose ribbons are drawn.
const MOST: usize = 24;

/// Points left of the ribbons in which names stand; long ones are cut short, so that the ribbons keep most of the width.
pub fn margin(ui: &Ui, viewer: &Viewer) -> f32 {
    let name = |person: &Person| viewer.results.who(person.number);
    let colour = ui.visuals().text_color();
    let width = |name| ui.painter().layout_no_wrap(name, FontId::proportional(13.0), colour).size().x;
    let people = viewer.results.seen_most(MOST);
    let widest = people.into_iter().map(name).map(width).fold(0.0, f32::max);
    (widest + 8.0).clamp(MARGIN, (ui.available_width() * 0.22).max(MARGIN))
}

/// Draws the ribbons of a film with a line where we are and the stretch that is chosen, of one person or of everybody; gives what was
/// pointed at. What is said of them stands above `top`.
pub fn film(
    ui: &mut Ui,
    viewer: &Viewer,
    ribbons: &mut Ribbons,
    (axis, top): (&Axis, f32),
    (chosen, whose): (Option<(f64, f64)>, Option<u32>),
    look: &Look,
) -> Option<Pointed> {
    let columns = ((axis.right - axis.left).max(16.0) as usize).min(2000);
    if ribbons.columns != columns {
        let row = |person: &Person| Row {
            person: person.number,
            who: viewer.results.who(person.number),
            called: viewer.results.called(person.number),
            classes: viewer.results.ribbon(person.number, columns),
            touched: viewer.results.touched(person.number, columns),
        };
        let people = viewer.results.seen_most(MOST);
        *ribbons = Ribbons { columns, rows: people.into_iter().map(row).collect() };
    }
    let mut pointed = None;
    ScrollArea::vertical().id_salt("ribbons").auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for row in &ribbons.rows {
            let (at, response) =
                ui.allocate_exact_size(vec2(ui.available_width(), RIBBON), Sense::click_and_drag());
            let strip = axis.strip(at);
            who(ui, at.with_max_x(strip.left()), row.who.clone());
            ui.painter().rect_filled(strip, 2.0, look.ground());
            ui.painter_at(strip).add(Shape::mesh(ribbon(&row.classes, look, strip)));
            let ink = ui.visuals().strong_text_color();
            ui.painter_at(strip).add(Shape::mesh(hands(&row.touched, strip, ink)));
            let own = chosen.filter(|_| whose.is_none_or(|whose| whose == row.person));
            if let Some((from, to)) = own {
                let stretch = Rect::from_x_y_ranges(axis.column(from)..=axis.column(to), at.y_range());
                ui.painter_at(at).rect_filled(stretch, 0.0, look.chosen());
            }
            ui.painter_at(at).vline(axis.column(viewer.seconds()), at.y_range(), Stroke::new(2.0, ink));
            pointed = point(ui, &response, row.person, axis).or(pointed);
            if let Some(pointer) = response.hover_pos() {
                let seconds = axis.seconds(pointer.x);
                let column = (seconds / axis.length * row.classes.len() as f64) as usize;
                let column = column.min(row.classes.len().saturating_sub(1));
                let class = row.classes.get(column).copied().flatten();
                let touched = row.touched.get(column).copied().unwrap_or_default();
                let shows = match (class, touched.excluded) {
                    (Some(class), _) => look.name(usize::from(class)),
                    (None, true) => "excluded by hand",
                    (None, false) => "not seen",
                };
                let hand = if touched.by_hand { ", set by hand" } else { "" };
                let text = format!(
                    "{}, {}: {shows}{hand}\ndrag with Shift to choose a stretch, click twice for a segment",
                    row.called,
                    clock(seconds)
                );
                tell(&response, pointer, top, text);
            }
            ui.add_space(GAP);
        }
    });
    pointed
}

fn point(ui: &Ui, response: &Response, person: u32, axis: &Axis) -> Option<Pointed> {
    let pointer = response.interact_pointer_pos()?;
    let here = axis.seconds(pointer.x);
    if response.double_clicked() {
        return Some(Pointed::Segment(person, here));
    }
    let (shift, began) = ui.input(|input| (input.modifiers.shift, input.pointer.press_origin()));
    match began.filter(|_| shift && response.dragged()) {
        Some(began) => {
            let began = axis.seconds(began.x);
            Some(Pointed::Stretch(person, began.min(here), began.max(here)))
        }
        None => Some(Pointed::At(here)),
    }
}

/// Where people had a hand in it: a line at the foot of what they have labelled, one in the middle of what they have excluded.
fn hands(touched: &[Touched], strip: Rect, ink: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    let width = strip.width() / touched.len().max(1) as f32;
    let middle = strip.center().y;
    for (column, touched) in touched.iter().enumerate() {
        let x = strip.left() + width * column as f32;
        let mut line = |from: f32, to: f32| {
            mesh.add_colored_rect(Rect::from_x_y_ranges(x..=x + width, from..=to), ink);
        };
        if touched.by_hand {
            line(strip.bottom() - 3.0, strip.bottom());
        }
        if touched.excluded {
            line(middle - 1.0, middle + 1.0);
        }
    }
    mesh
}

fn ribbon(row: &[Option<u16>], look: &Look, strip: Rect) -> Mesh {
    let mut mesh = Mesh::default();
    let x = |column: usize| strip.left() + strip.width() * column as f32 / row.len() as f32;
    let mut start = 0;
    for end in 1..=row.len() {
        if end == row.len() || row[end] != row[start] {
            if let Some(class) = row[start] {
                let at = Rect::from_x_y_ranges(x(start)..=x(end), strip.y_range());
                mesh.add_colored_rect(at, look.class(usize::from(class)));
            }
            start = end;
        }
    }
    mesh
}

/// Points of the buttons over the line to scrub on, and of the space between.
const BUTTONS: f32 = 24.0;

/// Points that the ribbons of so many people take, with the line to scrub on and its buttons: as many as fit whole, one at the least.
pub fn film_height(people: usize, room: f32) -> f32 {
    let above = BUTTONS + TRACK + 6.0;
    let people = people.clamp(1, MOST) as f32;
    above + ((room - above) / (RIBBON + GAP)).floor().clamp(1.0, people) * (RIBBON + GAP)
}

#[cfg(test)]
mod tests {
    use super::super::timeline::colour_at;
    use super::*;
    use eframe::egui::Context;

    fn look() -> Look {
        Look::of(&Context::default(), &["happiness".into(), "anger".into()])
    }

    #[test]
    fn a_ribbon_is_empty_where_nobody_is_seen() {
        let strip = Rect::from_min_size(pos2(0.0, 0.0), vec2(40.0, 16.0));
        let mesh = ribbon(&[Some(1), Some(1), None, Some(0)], &look(), strip);
        let colours = [5.0, 15.0, 25.0, 35.0].map(|x| colour_at(&mesh, x, 8.0));
        assert_eq!(colours, [Some(look().class(1)), Some(look().class(1)), None, Some(look().class(0))]);
    }

    #[test]
    fn a_moment_has_one_place_on_the_axis_and_back() {
        let axis = Axis { left: 30.0, right: 430.0, length: 8.0 };
        assert_eq!([-1.0, 0.0, 2.0, 8.0, 9.0].map(|s| axis.column(s)), [30.0, 30.0, 130.0, 430.0, 430.0]);
        assert_eq!([0.0, 130.0, 430.0, 999.0].map(|x| axis.seconds(x)), [0.0, 2.0, 8.0, 8.0]);
        let row = Rect::from_min_size(pos2(0.0, 50.0), vec2(460.0, RIBBON));
        assert_eq!(axis.strip(row).x_range(), 30.0..=430.0);
    }

    #[test]
    fn what_people_did_is_marked_in_the_ribbon() {
        let strip = Rect::from_min_size(pos2(0.0, 0.0), vec2(30.0, 16.0));
        let (by_hand, excluded) =
            (Touched { by_hand: true, excluded: false }, Touched { by_hand: false, excluded: true });
        let mesh = hands(&[by_hand, Touched::default(), excluded], strip, Color32::WHITE);
        assert_eq!(colour_at(&mesh, 5.0, 14.5), Some(Color32::WHITE));
        assert_eq!((colour_at(&mesh, 5.0, 8.0), colour_at(&mesh, 15.0, 14.5)), (None, None));
        assert_eq!(colour_at(&mesh, 25.0, 8.0), Some(Color32::WHITE));
    }
}
