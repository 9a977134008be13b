//! Strips of time: the last seconds of each face as stacked probabilities; and how times and classes are written beside them.

use std::collections::VecDeque;

use eframe::egui::text::LayoutJob;
use eframe::egui::{FontId, Mesh, Rect, Response, ScrollArea, Sense, Shape, Ui, pos2, vec2};

use super::legend::tell;
use super::look::{Look, percent};
use crate::history::{History, Moment, SECONDS};

/// Points of a strip, of one where there are many, and of the gap beneath.
pub const STRIP: f32 = 34.0;
const LOW_STRIP: f32 = 18.0;
pub const GAP: f32 = 4.0;
/// Points left of the strips, for the person's number.
pub const MARGIN: f32 = 30.0;
/// Narrowest piece of a strip, and flattest part of it that is drawn, in points: every triangle costs, most where a processor
/// draws.
const PIECE: f32 = 2.0;
const FLAT: f32 = 0.25;
/// Seconds between two moments from which on the face was away.
const AWAY: f64 = 1.6;

/// Draws the strips of all faces, which scroll where there is no room. What is said of them stands above `top`.
pub fn live(ui: &mut Ui, history: &History, look: &Look, height: f32, top: f32) {
    ScrollArea::vertical().id_salt("strips").auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (face, moments) in history.faces() {
            let (at, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
            let strip = at.with_min_x(at.left() + MARGIN);
            who(ui, at.with_max_x(strip.left()), face.to_string());
            ui.painter().rect_filled(strip, 2.0, look.ground());
            let mesh = stacked(moments, look, strip, history.now());
            ui.painter_at(strip).add(Shape::mesh(mesh));
            hint(&response, (strip, top), moments, look, history.now());
            ui.add_space(GAP);
        }
    });
}

/// Writes who a strip is of left of it, cut short where it does not fit.
pub fn who(ui: &Ui, room: Rect, text: String) {
    let colour = ui.visuals().text_color();
    let mut job = LayoutJob::simple_singleline(text, FontId::proportional(13.0), colour);
    job.wrap.max_width = (room.width() - 4.0).max(8.0);
    (job.wrap.max_rows, job.wrap.break_anywhere) = (1, true);
    let galley = ui.painter().layout_job(job);
    let at = pos2(room.left(), room.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, colour);
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

fn hint(response: &Response, (strip, top): (Rect, f32), moments: &VecDeque<Moment>, look: &Look, now: f64) {
    let Some(pointer) = response.hover_pos().filter(|p| strip.contains(*p)) else { return };
    let seconds = now - f64::from((strip.right() - pointer.x) / strip.width()) * SECONDS;
    let nearest =
        moments.iter().min_by(|a, b| (a.seconds - seconds).abs().total_cmp(&(b.seconds - seconds).abs()));
    if let Some(moment) = nearest.filter(|m| (m.seconds - seconds).abs() < AWAY) {
        let share = moment.probabilities.get(moment.label).copied().unwrap_or(0.0);
        let ago = (now - moment.seconds).max(0.0);
        let text = format!("{} {}, {ago:.1} s ago", look.name(moment.label), percent(share));
        tell(response, pointer, top, text);
    }
}

/// Points of a strip of so many faces, and of all strips that are seen whole: lower ones where there is little room, and as many as fit.
pub fn live_heights(faces: usize, room: f32) -> (f32, f32) {
    let faces = faces.max(1) as f32;
    let strip = (room / faces - GAP).floor().clamp(LOW_STRIP, STRIP);
    let rows = (room / (strip + GAP)).floor().clamp(1.0, faces);
    (strip, rows * (strip + GAP))
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

/// The colour that a mesh has at a point, for tests: that of the triangle's first corner.
#[cfg(test)]
pub fn colour_at(mesh: &Mesh, x: f32, y: f32) -> Option<eframe::egui::Color32> {
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
    fn strips_get_lower_before_one_is_left_out_and_none_is_cut() {
        assert_eq!(live_heights(4, 200.0), (STRIP, 4.0 * (STRIP + GAP)));
        assert_eq!(live_heights(4, 120.0), (26.0, 120.0));
        assert_eq!(live_heights(8, 70.0), (LOW_STRIP, 3.0 * (LOW_STRIP + GAP)), "three are seen, whole");
        assert_eq!(live_heights(0, 0.0), (LOW_STRIP, LOW_STRIP + GAP));
    }

    #[test]
    fn times_read_as_on_a_player() {
        assert_eq!([0.0, 59.96, 61.25, 3723.4].map(clock), ["0:00.0", "1:00.0", "1:01.3", "1:02:03.4"]);
    }
}
