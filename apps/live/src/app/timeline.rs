//! Strips of time: live, the last seconds of each face as stacked probabilities; of a film, a ribbon for each person.

use std::collections::VecDeque;

use eframe::egui::{
    Align2, Color32, FontId, Mesh, Rect, Response, ScrollArea, Sense, Shape, Stroke, Ui, pos2, vec2,
};

use super::look::{Look, percent};
use crate::history::{History, Moment, SECONDS};
use crate::viewer::{Touched, Viewer};

/// Points of a live strip and of a film's ribbon, and of the gap beneath.
pub const STRIP: f32 = 34.0;
const RIBBON: f32 = 16.0;
const GAP: f32 = 4.0;
/// Points left of the strips, for the person's number.
const MARGIN: f32 = 30.0;
/// Narrowest piece of a strip, and flattest part of it that is drawn, in points: every triangle costs, most where a processor
/// draws.
const PIECE: f32 = 2.0;
const FLAT: f32 = 0.25;
/// Seconds between two moments from which on the face was away.
const AWAY: f64 = 1.6;

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
    /// The axis of a film of so many seconds in the room that there is.
    pub fn of(ui: &Ui, length: f64) -> Self {
        let room = ui.available_rect_before_wrap();
        let left = room.left() + MARGIN;
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

/// Draws the line to scrub on, with the stretch that is chosen; gives the time that was clicked or dragged to.
pub fn track(
    ui: &mut Ui,
    axis: &Axis,
    now: f64,
    chosen: Option<(f64, f64)>,
    look: &Look,
) -> (Option<f64>, Response) {
    let (at, response) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::click_and_drag());
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
        response.clone().on_hover_text(clock(axis.seconds(pointer.x)));
    }
    let pointer = response
        .interact_pointer_pos()
        .filter(|_| response.is_pointer_button_down_on() || response.clicked() || response.drag_stopped());
    (pointer.map(|pointer| axis.seconds(pointer.x)), response)
}

/// Draws the strips of all faces, which scroll where there is no room.
pub fn live(ui: &mut Ui, history: &History, look: &Look) {
    ScrollArea::vertical().id_salt("strips").auto_shrink([false, true]).show(ui, |ui| {
        for (face, moments) in history.faces() {
            let (at, response) = ui.allocate_exact_size(vec2(ui.available_width(), STRIP), Sense::hover());
            let strip = at.with_min_x(at.left() + MARGIN);
            number(ui, at, face);
            ui.painter().rect_filled(strip, 2.0, look.ground());
            let mesh = stacked(moments, look, strip, history.now());
            ui.painter_at(strip).add(Shape::mesh(mesh));
            hint(response, strip, moments, look, history.now());
            ui.add_space(GAP);
        }
    });
}

fn number(ui: &Ui, row: Rect, person: u32) {
    let font = FontId::proportional(13.0);
    ui.painter().text(
        row.left_center(),
        Align2::LEFT_CENTER,
        person.to_string(),
        font,
        ui.visuals().text_color(),
    );
}

/// The column of a time in a strip whose right edge is now.
fn column(seconds: f64, now: f64, strip: Rect) -> f32 {
    strip.right() - ((now - seconds) / SECONDS) as f32 * strip.width()
}

/// Stacked areas, the first class at the bottom. Moments that fall onto one piece are drawn once.
fn stacked(moments: &VecDeque<Moment>, look: &Look, strip: Rect, now: f64) -> Mesh {
    let mut mesh = Mesh::default();
    let mut before: Option<(&Moment, f32)> = None;
    for moment in moments {
        let x = column(moment.seconds, now, strip);
        match before {
            Some((_, left))
                if x - left < PIECE && !std::ptr::eq(moment, moments.back().unwrap_or(moment)) =>
            {
                continue;
            }
            Some((last, left)) if moment.seconds - last.seconds < AWAY => {
                piece(&mut mesh, last, moment, left, x, look, strip);
            }
            _ => {}
        }
        before = Some((moment, x));
    }
    mesh
}

/// The areas between two moments.
fn piece(mesh: &mut Mesh, from: &Moment, to: &Moment, left: f32, right: f32, look: &Look, strip: Rect) {
    let (mut low, mut high) = (strip.bottom(), strip.bottom());
    for (class, (&p, &q)) in from.probabilities.iter().zip(&to.probabilities).enumerate() {
        let (up_left, up_right) = (low - p * strip.height(), high - q * strip.height());
        let flat = low - up_left < FLAT && high - up_right < FLAT;
        let (from_left, from_right) = (low, high);
        (low, high) = (up_left, up_right);
        if flat {
            continue;
        }
        let first = mesh.vertices.len() as u32;
        let colour = look.class(class);
        for corner in
            [pos2(left, from_left), pos2(right, from_right), pos2(right, up_right), pos2(left, up_left)]
        {
            mesh.colored_vertex(corner, colour);
        }
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first, first + 2, first + 3);
    }
}

fn hint(response: Response, strip: Rect, moments: &VecDeque<Moment>, look: &Look, now: f64) {
    let Some(pointer) = response.hover_pos().filter(|p| strip.contains(*p)) else { return };
    let seconds = now - f64::from((strip.right() - pointer.x) / strip.width()) * SECONDS;
    let nearest =
        moments.iter().min_by(|a, b| (a.seconds - seconds).abs().total_cmp(&(b.seconds - seconds).abs()));
    if let Some(moment) = nearest.filter(|m| (m.seconds - seconds).abs() < AWAY) {
        let share = moment.probabilities.get(moment.label).copied().unwrap_or(0.0);
        let ago = (now - moment.seconds).max(0.0);
        response.on_hover_text(format!("{} {}, {ago:.1} s ago", look.name(moment.label), percent(share)));
    }
}

/// A person's ribbon: number, what they are called, their class and people's hand in each column.
struct Row {
    person: u32,
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

/// Draws the ribbons of a film with a line where we are and the stretch that is chosen, of one person or of everybody; gives what was
/// pointed at.
pub fn film(
    ui: &mut Ui,
    viewer: &Viewer,
    ribbons: &mut Ribbons,
    axis: &Axis,
    (chosen, who): (Option<(f64, f64)>, Option<u32>),
    look: &Look,
) -> Option<Pointed> {
    let columns = ((axis.right - axis.left).max(16.0) as usize).min(2000);
    if ribbons.columns != columns {
        let row = |person: &crate::viewer::Person| Row {
            person: person.number,
            called: viewer.results.called(person.number),
            classes: viewer.results.ribbon(person.number, columns),
            touched: viewer.results.touched(person.number, columns),
        };
        let people = viewer.results.seen_most(MOST);
        *ribbons = Ribbons { columns, rows: people.into_iter().map(row).collect() };
    }
    let mut pointed = None;
    ScrollArea::vertical().id_salt("ribbons").auto_shrink([false, true]).show(ui, |ui| {
        for row in &ribbons.rows {
            let (at, response) =
                ui.allocate_exact_size(vec2(ui.available_width(), RIBBON), Sense::click_and_drag());
            let strip = axis.strip(at);
            number(ui, at, row.person);
            ui.painter().rect_filled(strip, 2.0, look.ground());
            ui.painter_at(strip).add(Shape::mesh(ribbon(&row.classes, look, strip)));
            let ink = ui.visuals().strong_text_color();
            ui.painter_at(strip).add(Shape::mesh(hands(&row.touched, strip, ink)));
            let own = chosen.filter(|_| who.is_none_or(|who| who == row.person));
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
                response.on_hover_text(format!(
                    "{}, {}: {shows}{hand}\ndrag with Shift to choose a stretch, click twice for a segment",
                    row.called,
                    clock(seconds)
                ));
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

/// Points that the ribbons of so many people take, with the line to scrub on and its buttons.
pub fn film_height(people: usize) -> f32 {
    people.min(MOST) as f32 * (RIBBON + GAP) + GAP + 54.0
}

/// Points that the strips of so many faces take.
pub fn live_height(faces: usize) -> f32 {
    faces.max(1) as f32 * (STRIP + GAP) + GAP
}

/// A time as players write it: `1:02:03.4`.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round() as u64;
    let (hours, minutes, seconds, tenths) =
        (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60, tenths % 10);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}.{tenths}")
    } else {
        format!("{minutes}:{seconds:02}.{tenths}")
    }
}

/// A legend of all classes, in one line that wraps.
pub fn legend(ui: &mut Ui, look: &Look) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.add_space(MARGIN - 8.0);
        for class in 0..look.classes() {
            let (at, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
            ui.painter().rect_filled(at, 2.0, look.class(class));
            ui.small(look.name(class));
            ui.add_space(6.0);
        }
    });
}

/// The colour that a mesh has at a point, for tests: that of the triangle's first corner.
#[cfg(test)]
fn colour_at(mesh: &Mesh, x: f32, y: f32) -> Option<eframe::egui::Color32> {
    let corner = |i: u32| mesh.vertices[i as usize].pos;
    let side =
        |a: eframe::egui::Pos2, b: eframe::egui::Pos2| (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
    let inside = |t: &[u32; 3]| {
        let [a, b, c] = t.map(corner);
        let sides = [side(a, b), side(b, c), side(c, a)];
        sides.iter().all(|s| *s >= 0.0) || sides.iter().all(|s| *s <= 0.0)
    };
    mesh.triangles().find(inside).map(|t| mesh.vertices[t[0] as usize].color)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::Context;

    fn look() -> Look {
        Look::of(&Context::default(), &["happiness".into(), "anger".into()])
    }

    fn moment(seconds: f64, first: f32) -> Moment {
        Moment { seconds, label: 0, probabilities: vec![first, 1.0 - first], detected: true }
    }

    #[test]
    fn probabilities_are_stacked_where_their_time_is_and_gaps_stay_empty() {
        let strip = Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 100.0));
        let moments: VecDeque<Moment> =
            [moment(70.0, 0.25), moment(70.5, 0.25), moment(90.0, 0.75), moment(90.5, 0.75)].into();
        // 10 points a second; now is 100 s, at the right edge.
        let mesh = stacked(&moments, &look(), strip, 100.0);
        let (glad, angry) = (look().class(0), look().class(1));
        assert_eq!(colour_at(&mesh, 2.0, 90.0), Some(glad));
        assert_eq!(colour_at(&mesh, 2.0, 60.0), Some(angry));
        assert_eq!(colour_at(&mesh, 202.0, 60.0), Some(glad));
        assert_eq!(colour_at(&mesh, 100.0, 60.0), None, "the face was away");
    }

    #[test]
    fn a_fast_camera_is_drawn_with_few_pieces() {
        let strip = Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 34.0));
        let moments: VecDeque<Moment> = (0..3000).map(|k| moment(f64::from(k) * 0.01, 0.5)).collect();
        let mesh = stacked(&moments, &look(), strip, 30.0);
        assert!(mesh.vertices.len() <= 152 * 2 * 4, "{}", mesh.vertices.len());
        assert!(colour_at(&mesh, 299.5, 1.0).is_some(), "up to the last moment");
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

    #[test]
    fn times_read_as_on_a_player() {
        assert_eq!([0.0, 59.96, 61.25, 3723.4].map(clock), ["0:00.0", "1:00.0", "1:01.3", "1:02:03.4"]);
    }
}
