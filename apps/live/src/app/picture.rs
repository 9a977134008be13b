//! The picture with a box and a label on every face.

use affekt_engine::media::FaceBox;
use eframe::egui::{
    Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, TextureId, Ui, Vec2, pos2, vec2,
};

use super::look::{Look, ink};

/// A face to be marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The person's number.
    pub person: u32,
    /// In the frame's pixels.
    pub face_box: FaceBox,
    /// The class shown.
    pub label: usize,
    /// The most probable class of this moment, and its probability.
    pub now: (usize, f32),
    /// Whether the shown class is too unlikely to go by.
    pub unsure: bool,
    /// Whether the detector saw the face in its last looks; else its box is dashed.
    pub detected: bool,
    /// What people did to it, which is said in place of a probability; empty for nothing.
    pub by: &'static str,
}

/// Where a picture of `size` lies in a room: as large as it can be, in the middle, never cut.
pub fn fit(size: [usize; 2], room: Rect) -> Rect {
    let size = vec2(size[0].max(1) as f32, size[1].max(1) as f32);
    let scale = (room.width() / size.x).min(room.height() / size.y).max(0.0);
    Rect::from_center_size(room.center(), size * scale)
}

/// A box of the frame in the window's points.
fn placed(b: &FaceBox, size: [usize; 2], at: Rect) -> Rect {
    let scale = vec2(at.width() / size[0].max(1) as f32, at.height() / size[1].max(1) as f32);
    let min = at.min + vec2(b.x, b.y) * scale;
    Rect::from_min_size(min, vec2(b.w, b.h) * scale)
}

/// Draws a picture of `size` (the frame's own, whatever the texture's) and marks its faces.
pub fn draw(ui: &Ui, room: Rect, texture: TextureId, size: [usize; 2], marks: &[Mark], look: &Look) {
    let at = fit(size, room);
    let painter = ui.painter_at(room);
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    painter.image(texture, at, whole, Color32::WHITE);
    let painter = painter.with_clip_rect(at.intersect(room));
    for mark in marks {
        outline(&painter, mark, placed(&mark.face_box, size, at), look);
    }
    // Labels last, so that no box crosses one.
    let mut taken: Vec<Rect> = vec![];
    for mark in marks {
        let tag = label(&painter, mark, placed(&mark.face_box, size, at), at, &taken, look);
        taken.push(tag);
    }
}

fn outline(painter: &Painter, mark: &Mark, at: Rect, look: &Look) {
    let colour = look.mark(mark.label, mark.unsure);
    // A dark line beneath, so that the box is seen on any picture.
    painter.rect_stroke(at, 3.0, Stroke::new(4.0, Color32::from_black_alpha(110)), StrokeKind::Middle);
    if mark.detected {
        painter.rect_stroke(at, 3.0, Stroke::new(2.0, colour), StrokeKind::Middle);
    } else {
        let corners = [at.left_top(), at.right_top(), at.right_bottom(), at.left_bottom(), at.left_top()];
        painter.extend(eframe::egui::Shape::dashed_line(&corners, Stroke::new(2.0, colour), 6.0, 5.0));
    }
}

/// Writes a face's label; gives where.
fn label(painter: &Painter, mark: &Mark, at: Rect, picture: Rect, taken: &[Rect], look: &Look) -> Rect {
    let colour = look.mark(mark.label, mark.unsure);
    let text = if mark.by.is_empty() {
        format!("{}  {}", mark.person, look.words(mark.label, mark.unsure, mark.now))
    } else {
        format!("{}  {}, {}", mark.person, look.name(mark.label), mark.by)
    };
    let galley = painter.layout_no_wrap(text, FontId::proportional(14.0), ink(colour));
    let size = galley.size() + vec2(10.0, 4.0);
    let tag = Rect::from_min_size(tag_place(at, size, picture, taken), size);
    painter.rect_filled(tag, 3.0, colour);
    painter.galley(tag.min + vec2(5.0, 2.0), galley, ink(colour));
    tag
}

/// Where a label of `size` goes: above its box, below it, or inside of it at the top; the first place that lies in the picture
/// and on no other label. Never out of the picture.
fn tag_place(at: Rect, size: Vec2, picture: Rect, taken: &[Rect]) -> Pos2 {
    let right = (picture.right() - size.x).max(picture.left());
    let bottom = (picture.bottom() - size.y).max(picture.top());
    let x = at.left().clamp(picture.left(), right);
    let places = [at.top() - size.y - 1.0, at.bottom() + 1.0, at.top() + 1.0];
    let is_free = |y: &&f32| {
        let tag = Rect::from_min_size(pos2(x, **y), size);
        (picture.top()..=bottom).contains(*y) && !taken.iter().any(|other| other.intersects(tag))
    };
    let y = places.iter().find(is_free).copied().unwrap_or(if places[0] < picture.top() {
        places[2]
    } else {
        places[0]
    });
    pos2(x, y.clamp(picture.top(), bottom))
}

/// A line in the middle of an empty room.
pub fn nothing(ui: &Ui, room: Rect, text: &str) {
    let colour = ui.visuals().weak_text_color();
    let painter = ui.painter_at(room);
    let galley =
        painter.layout(text.to_owned(), FontId::proportional(16.0), colour, (room.width() - 32.0).max(80.0));
    let at = Align2::CENTER_CENTER.anchor_size(room.center(), galley.size());
    painter.galley(at.min, galley, colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Rect {
        Rect::from_min_size(pos2(10.0, 20.0), vec2(400.0, 300.0))
    }

    #[test]
    fn a_picture_fills_the_room_as_far_as_its_shape_lets_it() {
        assert_eq!(fit([3840, 2160], room()), Rect::from_min_size(pos2(10.0, 57.5), vec2(400.0, 225.0)));
        assert_eq!(fit([100, 300], room()).size(), vec2(100.0, 300.0));
        assert!(fit([0, 0], room()).is_finite());
    }

    #[test]
    fn a_box_lies_on_its_face_at_any_scale() {
        let b = FaceBox { x: 320.0, y: 120.0, w: 64.0, h: 48.0 };
        let at = fit([640, 480], room());
        assert_eq!(placed(&b, [640, 480], at), Rect::from_min_size(pos2(210.0, 95.0), vec2(40.0, 30.0)));
    }

    #[test]
    fn a_label_never_leaves_the_picture() {
        let size = vec2(150.0, 20.0);
        for (x, y) in [(-50.0, -50.0), (395.0, 315.0), (200.0, 22.0), (200.0, 200.0), (-90.0, 400.0)] {
            let at = Rect::from_min_size(pos2(x, y), vec2(60.0, 60.0));
            let tag = Rect::from_min_size(tag_place(at, size, room(), &[]), size);
            assert!(room().contains_rect(tag), "{at:?} {tag:?}");
        }
        let at = Rect::from_min_size(pos2(100.0, 100.0), vec2(60.0, 60.0));
        let above = Rect::from_min_size(tag_place(at, size, room(), &[]), size);
        let other = tag_place(at, size, room(), &[above]);
        assert_eq!((above.bottom(), other.y), (99.0, 161.0), "a label lies on no other one");
        let narrow = Rect::from_min_size(pos2(0.0, 0.0), vec2(40.0, 10.0));
        assert_eq!(tag_place(narrow, size, narrow, &[]), narrow.min, "what does not fit begins at the edge");
    }
}
