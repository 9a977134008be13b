#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::random::Purpose;

/// A face in a strong pose, well lit and sharp, whose features can be found by their colour.
fn marked(item: u64) -> Face {
    let style = Style { variation: 1.0, camera: 0.0, occlusion: 0.0, ..Style::default() };
    let address = Address { seed: 21, purpose: Purpose::Synthesis, step: 0, item };
    let mut face = face(address, Class::ALL[item as usize % 8], &style);
    face.pose.roll = if item.is_multiple_of(2) { 0.35 } else { -0.35 };
    face.pose.gaze = (0.0, 0.0);
    face.scene.light = (0.0, 0.0);
    face.scene.exposure = 1.0;
    face.identity.glasses = false;
    face
}

/// Mean place of the pixels that differ between two drawings, in pixels from the top left corner.
fn centre_of_change(a: &crate::media::Picture, b: &crate::media::Picture) -> [f32; 2] {
    let (mut sum, mut at) = (0.0, [0.0; 2]);
    for (i, (p, q)) in a.pixels.chunks(a.channels).zip(b.pixels.chunks(b.channels)).enumerate() {
        let weight: f32 = p.iter().zip(q).map(|(p, q)| f32::from(p.abs_diff(*q))).sum();
        sum += weight;
        at[0] += weight * ((i % a.width) as f32 + 0.5);
        at[1] += weight * ((i / a.width) as f32 + 0.5);
    }
    assert!(sum > 0.0, "nothing changed");
    at.map(|v| v / sum)
}

fn close(a: [f32; 2], b: [f32; 2], within: f32) -> bool {
    (a[0] - b[0]).hypot(a[1] - b[1]) <= within
}

/// Eye landmarks of a face against what is seen when one eye's white and iris change colour.
fn eyes_are_where_they_are_drawn(face: &Face, landmarks: &[[f32; 2]; 5], size: usize) -> bool {
    // Only the irises change; both do, so each half of the picture is looked at alone, along the line of the eyes.
    let mut other = face.clone();
    other.identity.iris = [0.0, 1.0, 0.0];
    let mut base = face.clone();
    base.identity.iris = [1.0, 0.0, 1.0];
    base.actions.shut = 0.0;
    base.actions.wink = 0.0;
    base.actions.lid = 1.0;
    base.actions.cheek = 0.0;
    other.actions = base.actions;
    let (a, b) = (base.draw(size, 3), other.draw(size, 3));
    let middle =
        [f32::midpoint(landmarks[0][0], landmarks[1][0]), f32::midpoint(landmarks[0][1], landmarks[1][1])];
    // Irises look a little above the eye's middle and are cut by the lids.
    let tolerance = 0.02 * size as f32;
    close(centre_of_change(&a, &b), middle, tolerance)
}

#[test]
fn eye_landmarks_lie_on_the_drawn_eyes_under_every_pose() {
    for item in 0..16 {
        let face = marked(item);
        let geometry = face.geometry(192);
        assert!(eyes_are_where_they_are_drawn(&face, &geometry.landmarks, 192), "face {item}");
        // The comparison sees landmarks that ignore the pose.
        let mut straight = face.clone();
        (straight.pose.roll, straight.pose.shift) = (0.0, (0.15, 0.15));
        let wrong = straight.geometry(192).landmarks;
        assert!(!eyes_are_where_they_are_drawn(&face, &wrong, 192), "face {item}");
    }
}

#[test]
fn mouth_corners_end_the_drawn_mouth_and_the_nose_lies_between_eyes_and_mouth() {
    for item in 0..16 {
        let mut face = marked(item);
        let geometry = face.geometry(192);
        // Lips of another colour show where the mouth is drawn.
        face.identity.lip_colour = 0.0;
        let pale = face.draw(192, 3);
        face.identity.lip_colour = 3.0;
        let red = face.draw(192, 3);
        let [_, _, nose, left, right] = geometry.landmarks;
        let axis = [right[0] - left[0], right[1] - left[1]];
        let length = axis[0].hypot(axis[1]);
        let along = |x: f32, y: f32| ((x - left[0]) * axis[0] + (y - left[1]) * axis[1]) / length;
        let (mut least, mut greatest) = (f32::MAX, f32::MIN);
        for (i, (p, q)) in pale.pixels.chunks(3).zip(red.pixels.chunks(3)).enumerate() {
            if p.iter().zip(q).any(|(p, q)| p.abs_diff(*q) > 12) {
                let place = along((i % 192) as f32 + 0.5, (i / 192) as f32 + 0.5);
                (least, greatest) = (least.min(place), greatest.max(place));
            }
        }
        // Lips thin out to nothing at the corners, so the last coloured pixels lie a little inside.
        assert!((-2.0..14.0).contains(&least), "face {item}: {least}");
        assert!((-14.0..2.0).contains(&(greatest - length)), "face {item}: {}", greatest - length);
        let [eye_left, eye_right, ..] = geometry.landmarks;
        assert!(eye_left[0] < eye_right[0] && left[0] < right[0]);
        assert!(
            nose[1] > f32::midpoint(eye_left[1], eye_right[1]) && nose[1] < f32::midpoint(left[1], right[1])
        );
    }
}

#[test]
fn the_face_box_is_the_tightest_around_the_drawn_head() {
    for item in 0..16 {
        let mut face = marked(item);
        face.identity.bald = true;
        face.identity.long_hair = true;
        face.identity.beard = 0.0;
        let size = 192;
        let [x, y, width, height] = face.geometry(size).face_box;
        let view = Viewpoint::square(&face.pose, size);
        // Points of the outline are inside; the head's distance function, which is drawn, is 0 there.
        let shape = super::draw::HeadShape::of(&face);
        let distance = shape.distance();
        let mut touched = [false; 4];
        for point in shape.outline().filter(|p| p.1 >= -0.62).chain(shape.chord(-0.62)) {
            assert!(distance(point.0, point.1).abs() < 1e-3, "{point:?}: {}", distance(point.0, point.1));
            let [px, py] = view.pixel(point);
            let off = [px - x, x + width - px, py - y, y + height - py];
            assert!(off.iter().all(|&off| off > -1e-3), "face {item}: {off:?}");
            off.iter().zip(&mut touched).for_each(|(&off, touched)| *touched |= off < 1e-3);
        }
        assert_eq!(touched, [true; 4]);
    }
}

#[test]
fn a_crop_shows_its_square_of_the_whole_picture() {
    let face = Face { scene: Scene { noise: 0.0, ..marked(3).scene }, ..marked(3) };
    let camera = Viewpoint::camera(320, 240, (0.2, -0.1), 0.3, face.pose.roll);
    let whole = face.draw_in(&camera, 1);
    let (left, top, side) = (100.0, 40.0, 120.0);
    let direct = face.draw_in(&camera.cropped(left, top, side, 120), 1);
    let cut = whole.cropped(100, 40, 120, 120).unwrap();
    let off: u32 = direct.pixels.iter().zip(&cut.pixels).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(off < 120 * 120, "{} of 1", off as f32 / (120.0 * 120.0));
    // Landmarks go along.
    let (inside, outside) =
        (face.geometry_in(&camera.cropped(left, top, side, 60)), face.geometry_in(&camera));
    for (a, b) in inside.landmarks.iter().zip(outside.landmarks) {
        assert!(close(*a, [(b[0] - left) / 2.0, (b[1] - top) / 2.0], 1e-3), "{a:?} {b:?}");
    }
}
