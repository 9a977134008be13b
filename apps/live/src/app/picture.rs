//! The picture with a box and a label on every face.

use affekt_engine::media::FaceBox;
use eframe::egui::{
    Align2, Color32, FontId, Painter, Rect, Stroke, StrokeKind, TextureId, Ui, Vec2, pos2, vec2,
};

use super::look::{Look, ink};

/// A face to be marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The person's name, else their number.
    pub who: String,
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

/// Points of width of a picture below which labels are written small.
const SMALL: f32 = 480.0;
/// Most characters of a name in a label.
const LONGEST_NAME: usize = 20;
/// Height of a forehead in heights of a face's box.
const FOREHEAD: f32 = 0.25;
/// How much worse it is to cover a label than a face.
const LABEL_OVER_LABEL: f32 = 8.0;

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
    let faces: Vec<Rect> = marks.iter().map(|mark| placed(&mark.face_box, size, at)).collect();
    let heads: Vec<Rect> = faces.iter().copied().map(head).collect();
    let mut taken: Vec<Rect> = vec![];
    for (mark, face) in marks.iter().zip(&faces) {
        let tag = label(&painter, mark, *face, at, (&heads, &taken), look);
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

/// A face with its forehead, which lies above its box.
fn head(face: Rect) -> Rect {
    face.with_min_y(face.top() - FOREHEAD * face.height())
}

/// Writes a face's label; gives where. Where there is no room for all of it beside the faces, the short form is written.
fn label(
    painter: &Painter,
    mark: &Mark,
    face: Rect,
    picture: Rect,
    (heads, taken): (&[Rect], &[Rect]),
    look: &Look,
) -> Rect {
    let colour = look.mark(mark.label, mark.unsure);
    let font = FontId::proportional(if picture.width() < SMALL { 12.0 } else { 14.0 });
    let mut placed = None;
    for text in texts(mark, look) {
        let galley = painter.layout_no_wrap(text, font.clone(), ink(colour));
        let size = galley.size() + vec2(10.0, 4.0);
        let (tag, covered) = tag_place(face, size, picture, heads, taken);
        placed = Some((tag, galley));
        if covered <= 0.0 {
            break;
        }
    }
    let Some((tag, galley)) = placed else { return Rect::NOTHING };
    painter.rect_filled(tag, 3.0, colour);
    painter.galley(tag.min + vec2(5.0, 2.0), galley, ink(colour));
    tag
}

/// What a label says, and what it says where there is little room.
fn texts(mark: &Mark, look: &Look) -> [String; 2] {
    let who = if mark.who.chars().count() > LONGEST_NAME {
        mark.who.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
    } else {
        mark.who.clone()
    };
    let label = look.name(mark.label);
    if !mark.by.is_empty() {
        return [format!("{who}  {label}, {}", mark.by), format!("{who}  {label}")];
    }
    // A class alone would say more than is known.
    let short = if mark.unsure { "unsure" } else { label };
    [format!("{who}  {}", look.words(mark.label, mark.unsure, mark.now)), format!("{who}  {short}")]
}

/// Where a label of `size` goes: the first place around its face that lies on no face and on no other label, else the one that covers
/// least; and how much it covers, in square points. Never out of the picture.
fn tag_place(face: Rect, size: Vec2, picture: Rect, faces: &[Rect], taken: &[Rect]) -> (Rect, f32) {
    let right = (picture.right() - size.x).max(picture.left());
    let bottom = (picture.bottom() - size.y).max(picture.top());
    let (above, below) = (face.top() - size.y - 1.0, face.bottom() + 1.0);
    let across = [face.left(), face.right() - size.x, face.center().x - size.x / 2.0];
    // A second row, past the label of a neighbour.
    let rows = [above, below, above - size.y - 1.0, below + size.y + 1.0];
    let over_and_under = rows.into_iter().flat_map(|y| across.map(|x| pos2(x, y)));
    let beside = [pos2(face.right() + 2.0, face.top()), pos2(face.left() - size.x - 2.0, face.top())];
    let within = pos2(face.left(), face.top() + 1.0);
    let mut best: Option<(Rect, f32)> = None;
    for at in over_and_under.chain(beside).chain([within]) {
        let at = pos2(at.x.clamp(picture.left(), right), at.y.clamp(picture.top(), bottom));
        let tag = Rect::from_min_size(at, size);
        let area = |other: &Rect| tag.intersect(*other).size().max(Vec2::ZERO);
        let covered = |others: &[Rect]| others.iter().map(area).map(|both| both.x * both.y).sum::<f32>();
        // Two labels on one another cannot be read at all.
        let covered = covered(faces) + LABEL_OVER_LABEL * covered(taken);
        if best.is_none_or(|(_, least)| covered < least) {
            best = Some((tag, covered));
        }
    }
    best.unwrap_or((Rect::from_min_size(picture.min, size), 0.0))
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
            let (tag, _) = tag_place(at, size, room(), &[at], &[]);
            assert!(room().contains_rect(tag), "{at:?} {tag:?}");
        }
        let at = Rect::from_min_size(pos2(100.0, 100.0), vec2(60.0, 60.0));
        let (above, _) = tag_place(at, size, room(), &[at], &[]);
        let (other, _) = tag_place(at, size, room(), &[at], &[above]);
        assert_eq!((above.bottom(), other.top()), (99.0, 161.0), "a label lies on no other one");
        let narrow = Rect::from_min_size(pos2(0.0, 0.0), vec2(40.0, 10.0));
        let (tag, _) = tag_place(narrow, size, narrow, &[narrow], &[]);
        assert_eq!(tag.min, narrow.min, "what does not fit begins at the edge");
    }

    #[test]
    fn a_short_label_says_no_more_than_is_known() {
        let ctx = eframe::egui::Context::default();
        let look = Look::of(&ctx, &["neutral".into(), "happiness".into()]);
        let mark = |unsure: bool, by: &'static str| Mark {
            who: "Dr. Ada Lovelace of London".into(),
            face_box: FaceBox::default(),
            label: 0,
            now: (1, 0.7),
            unsure,
            detected: true,
            by,
        };
        let [long, short] = texts(&mark(true, ""), &look);
        assert_eq!(long, "Dr. Ada Lovelace of…  unsure: neutral, now happiness 70%");
        assert_eq!(short, "Dr. Ada Lovelace of…  unsure");
        assert!(texts(&mark(false, ""), &look)[1].ends_with("  neutral"));
        assert!(texts(&mark(true, "by hand"), &look)[0].ends_with("  neutral, by hand"));
    }

    #[test]
    fn a_label_covers_no_face_as_long_as_there_is_room() {
        // Two tall faces side by side that reach the picture's top: a wide label of the left one goes below.
        let small = Rect::from_min_size(pos2(0.0, 0.0), vec2(390.0, 292.0));
        let faces = [100.0, 220.0].map(|x| Rect::from_min_size(pos2(x, 4.0), vec2(110.0, 180.0)));
        let mut taken = vec![];
        for face in faces {
            let (tag, covered) = tag_place(face, vec2(160.0, 19.0), small, &faces, &taken);
            assert!(covered == 0.0 && small.contains_rect(tag), "{face:?} {tag:?} {covered}");
            taken.push(tag);
        }
        // A picture that is all face.
        let (tag, covered) = tag_place(small, vec2(160.0, 19.0), small, &[small], &[]);
        assert!(covered > 0.0 && small.contains_rect(tag));
    }
}
