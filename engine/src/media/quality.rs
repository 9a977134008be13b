//! How well a face can be seen, from 0 to 1.
//!
//! The quality is the smallest of four parts, because the worst of them decides what can be read:
//!
//! | part | 1 at | falls to 0 at |
//! |---|---|---|
//! | size: the box's shorter side | 64 pixels or more | 0 pixels |
//! | sharpness: root of the Laplacian's energy over the variance, on a grid of 32 x 32 means | 0.59 or more | 0 |
//! | light: mean luma of 255 between 60 and 200, with a deviation of 20 or more | | mean 10 or 245, deviation 0 |
//! | turn: of a head whose landmarks are known | straight ahead | 60 degrees to the side, up or down |

use super::face::FaceBox;
use super::pose::HeadPose;
use super::{LUMA, Picture};

/// Side of the grid on which a face is looked at.
const GRID: usize = 32;
/// The box's side at which size is no limit.
const LARGE: f32 = 64.0;
/// Energy of the Laplacian over the variance at which sharpness is no limit: 99 of 100 faces of portraits have it; blurred by a
/// twentieth of their width (the deviation) they have an eighth of it, by a tenth a fiftieth.
const SHARP: f32 = 0.35;
/// Degrees at which nothing is left of a turned face.
const TURNED: f32 = 60.0;

/// The quality of a face in a picture (1 or 3 channels), 0 to 1; 0 where the box is empty or wholly outside.
pub fn face_quality(picture: &Picture, face_box: &FaceBox, pose: Option<HeadPose>) -> f32 {
    let outside = face_box.x >= picture.width as f32
        || face_box.y >= picture.height as f32
        || face_box.x + face_box.w <= 0.0
        || face_box.y + face_box.h <= 0.0;
    if !face_box.is_valid() || outside || picture.check().is_err() {
        return 0.0;
    }
    let grid = grid(picture, face_box);
    let n = (GRID * GRID) as f32;
    let mean = grid.iter().sum::<f32>() / n;
    let variance = grid.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n;
    let mut energy = 0.0;
    for y in 1..GRID - 1 {
        for x in 1..GRID - 1 {
            let at = y * GRID + x;
            let around = grid[at - 1] + grid[at + 1] + grid[at - GRID] + grid[at + GRID];
            energy += (4.0 * grid[at] - around).powi(2);
        }
    }
    energy /= ((GRID - 2) * (GRID - 2)) as f32;
    let size = face_box.w.min(face_box.h) / LARGE;
    let sharpness = (energy / variance.max(1.0) / SHARP).sqrt();
    let exposure = ((mean - 10.0) / 50.0).min((245.0 - mean) / 45.0);
    let light = exposure.min(variance.sqrt() / 20.0);
    let turn = pose.map_or(1.0, |pose| 1.0 - pose.yaw.abs().max(pose.pitch.abs()) / TURNED);
    size.min(sharpness).min(light).min(turn).clamp(0.0, 1.0)
}

/// Mean luma of four points in each of the grid's cells; beyond the picture its edge goes on.
fn grid(picture: &Picture, face_box: &FaceBox) -> Vec<f32> {
    let (width, height, channels) = (picture.width, picture.height, picture.channels);
    let luma = |x: f32, y: f32| {
        let at = (y.max(0.0) as usize).min(height - 1) * width + (x.max(0.0) as usize).min(width - 1);
        let pixel = &picture.pixels[at * channels..][..channels];
        match pixel {
            [r, g, b] => LUMA[0] * f32::from(*r) + LUMA[1] * f32::from(*g) + LUMA[2] * f32::from(*b),
            _ => f32::from(pixel[0]),
        }
    };
    let (across, down) = (face_box.w / GRID as f32, face_box.h / GRID as f32);
    let cell = |place: usize| {
        let (column, row) = ((place % GRID) as f32, (place / GRID) as f32);
        let at = |x: f32, y: f32| luma(face_box.x + (column + x) * across, face_box.y + (row + y) * down);
        (at(0.25, 0.25) + at(0.75, 0.25) + at(0.25, 0.75) + at(0.75, 0.75)) / 4.0
    };
    (0..GRID * GRID).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern of blocks, as sharp as pixels allow, or blurred by a box of `blur` pixels.
    fn pattern(side: usize, blur: usize, low: u8, high: u8) -> Picture {
        let sharp = |x: usize, y: usize| {
            let on = (x / (side / 8).max(1) + y / (side / 8).max(1)).is_multiple_of(2);
            f32::from(if on { high } else { low })
        };
        let pixel = |x: usize, y: usize| {
            let (mut sum, mut n) = (0.0, 0.0);
            for dy in 0..=blur {
                for dx in 0..=blur {
                    sum += sharp(x + dx, y + dy);
                    n += 1.0;
                }
            }
            (sum / n) as u8
        };
        let pixels = (0..side * side).map(|at| pixel(at % side, at / side)).collect();
        Picture { width: side, height: side, channels: 1, pixels }
    }

    fn quality(picture: &Picture, pose: Option<HeadPose>) -> f32 {
        let side = picture.width as f32;
        face_quality(picture, &FaceBox { x: 0.0, y: 0.0, w: side, h: side }, pose)
    }

    #[test]
    fn each_part_can_be_the_worst() {
        let good = pattern(128, 0, 60, 180);
        assert_eq!(quality(&good, None), 1.0);
        let ahead = HeadPose { yaw: 0.0, pitch: 0.0, roll: 90.0 };
        assert_eq!(quality(&good, Some(ahead)), 1.0, "a tilt can be turned back");
        assert!((quality(&good, Some(HeadPose { yaw: 30.0, ..ahead })) - 0.5).abs() < 1e-3);
        assert!((quality(&good, Some(HeadPose { pitch: -45.0, ..ahead })) - 0.25).abs() < 1e-3);
        assert!((quality(&pattern(32, 0, 60, 180), None) - 0.5).abs() < 1e-3, "small");
        assert!(quality(&pattern(128, 0, 5, 15), None) < 0.3, "dark and flat");
        assert!(quality(&pattern(128, 0, 240, 252), None) < 0.3, "too bright");
        let blurred = quality(&pattern(128, 16, 60, 180), None);
        assert!(blurred < 0.9 && quality(&pattern(128, 30, 60, 180), None) < blurred, "{blurred}");
    }

    #[test]
    fn boxes_past_the_edge_and_empty_ones_are_no_panic() {
        let picture = pattern(64, 0, 60, 180);
        for (x, w) in [(-100.0, 50.0), (60.0, 400.0), (1e9, 1.0), (f32::NAN, 3.0), (0.0, 0.0)] {
            let quality = face_quality(&picture, &FaceBox { x, y: 3.0, w, h: 20.0 }, None);
            assert!((0.0..=1.0).contains(&quality), "{x} {w}: {quality}");
        }
        assert_eq!(
            face_quality(&picture, &FaceBox { x: 900.0, y: 3.0, w: 9.0, h: 9.0 }, None),
            0.0,
            "outside"
        );
        let colour = picture.with_channels(3);
        let face = FaceBox { x: 4.0, y: 3.0, w: 40.0, h: 50.0 };
        let (grey, rgb) = (face_quality(&picture, &face, None), face_quality(&colour, &face, None));
        assert!((grey - rgb).abs() < 1e-3, "{grey} {rgb}");
    }
}
