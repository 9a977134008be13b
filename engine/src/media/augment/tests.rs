#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::media::Picture;
use crate::net::InputContract;
use crate::random::{Address, Purpose, Random};

pub(super) fn contract(size: usize, channels: usize) -> InputContract {
    InputContract {
        size,
        channels,
        mean: vec![0.5; channels],
        std: vec![0.25; channels],
        template: "crop".to_owned(),
    }
}

pub(super) fn rng(purpose: Purpose, item: u64) -> Random {
    Address { seed: 1, purpose, step: 0, item }.rng()
}

/// Values all over the range, without symmetry.
pub(super) fn noise(width: usize, height: usize, channels: usize) -> Picture {
    let mut rng = rng(Purpose::Synthesis, 5);
    let pixels = (0..width * height * channels).map(|_| rng.below(256) as u8).collect();
    Picture { width, height, channels, pixels }
}

/// A picture without detail that sampling could lose.
pub(super) fn smooth(width: usize, height: usize) -> Picture {
    let pixels = (0..width * height).map(|i| (40 + 2 * (i % width) + 3 * (i / width)) as u8).collect();
    Picture { width, height, channels: 1, pixels }
}

fn with(operations: Vec<PixelOp>, size: usize) -> Program {
    Program { operations, ..Program::stretch((size, size), size) }
}

#[test]
fn the_identity_program_reproduces_the_picture_exactly() {
    for channels in [1, 3] {
        let picture = noise(13, 13, channels);
        let contract = contract(13, channels);
        let mut out = vec![f32::NAN; 13 * 13 * channels];
        Program::stretch((13, 13), 13).render(&picture, &contract, &mut out);
        for (&got, &pixel) in out.iter().zip(&picture.pixels) {
            assert_eq!(got, (f32::from(pixel) / 255.0 - 0.5) / 0.25);
        }
    }
}

#[test]
fn a_policy_without_a_crop_leaves_the_plain_view_alone() {
    let picture = noise(16, 16, 3);
    let policy = Policy { crop: 1.0, ..Policy::default() };
    let program = policy.compile(View::Plain, (16, 16), &contract(16, 3), &mut rng(Purpose::AugmentWeak, 0));
    assert_eq!(program.render_picture(&picture, 3), picture);
    let whole = Policy { plain: Framing::Whole, ..Policy::default() };
    let program = whole.compile(View::Plain, (16, 16), &contract(16, 3), &mut rng(Purpose::AugmentWeak, 0));
    assert_eq!(program.render_picture(&picture, 3), picture);
}

#[test]
fn a_mirrored_view_swaps_columns_and_twice_is_as_before() {
    let picture = noise(9, 9, 1);
    let program = with(vec![PixelOp::Erase { left: 1, top: 2, width: 3, height: 2, value: [7; 3] }], 9);
    let straight = program.render_picture(&picture, 1);
    let mirrored = program.clone().mirrored().render_picture(&picture, 1);
    for y in 0..9 {
        for x in 0..9 {
            assert_eq!(mirrored.pixel(x, y), straight.pixel(8 - x, y));
        }
    }
    assert_eq!(program.clone().mirrored().mirrored().render_picture(&picture, 1), straight);
}

#[test]
fn a_quarter_turn_moves_each_pixel_where_a_hand_puts_it() {
    let picture = Picture { width: 3, height: 3, channels: 1, pixels: vec![1, 2, 3, 4, 5, 6, 7, 8, 9] };
    let mut program = Program::stretch((3, 3), 3);
    // The output pixel (u, v) looks at (v, 3 - u): the picture's left column becomes the top row, reversed.
    program.source_from_output = Affine::about(1.5, [[0.0, 1.0], [-1.0, 0.0]]);
    assert_eq!(program.render_picture(&picture, 1).pixels, [7, 4, 1, 8, 5, 2, 9, 6, 3]);
}

#[test]
fn half_a_pixel_of_shift_is_the_mean_of_two_neighbours() {
    let picture = Picture { width: 2, height: 1, channels: 1, pixels: vec![10, 20] };
    let mut program = Program::stretch((2, 1), 2);
    program.source_from_output = Affine([[1.0, 0.0, 0.5], [0.0, 0.5, 0.0]]);
    assert_eq!(program.render_picture(&picture, 1).pixels, [15, 20, 15, 20]);
    program.border = Border::Fill(100);
    program.source_from_output = Affine([[1.0, 0.0, 0.5], [0.0, 0.0, 0.5]]);
    assert_eq!(program.render_picture(&picture, 1).pixels, [15, 60, 15, 60]);
}

#[test]
fn a_mirroring_border_continues_the_picture_backwards() {
    let picture = Picture { width: 3, height: 1, channels: 1, pixels: vec![10, 20, 30] };
    let mut program = Program::stretch((3, 1), 7);
    program.source_from_output = Affine([[1.0, 0.0, -2.0], [0.0, 0.0, 0.5]]);
    program.border = Border::Mirror;
    assert_eq!(program.render_picture(&picture, 1).pixels[..7], [20, 10, 10, 20, 30, 30, 20]);
    program.border = Border::Clamp;
    assert_eq!(program.render_picture(&picture, 1).pixels[..7], [10, 10, 10, 20, 30, 30, 30]);
}

#[test]
fn shrinking_takes_area_means_and_does_not_alias() {
    let picture = noise(96, 96, 1);
    let small = Program::stretch((96, 96), 32).render_picture(&picture, 1);
    for y in 0..32 {
        for x in 0..32 {
            let sum: u32 = (0..9).map(|k| u32::from(picture.pixel(3 * x + k % 3, 3 * y + k / 3)[0])).sum();
            let mean = sum as f32 / 9.0;
            assert!((f32::from(small.pixel(x, y)[0]) - mean).abs() <= 0.51, "({x}, {y})");
        }
    }
    // A picture of one value keeps it through fractional reduction.
    let flat = Program::stretch((101, 77), 32).render_picture(&Picture::filled(101, 77, 3, 201), 3);
    assert!(flat.pixels.iter().all(|&v| v == 201));
}

#[test]
fn colour_matrices_do_what_their_names_say() {
    let apply = |colour: Colour, rgb: [f32; 3]| -> [f32; 3] {
        colour.0.map(|m| m[0] * rgb[0] + m[1] * rgb[1] + m[2] * rgb[2] + m[3])
    };
    let close = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.3);
    let rgb = [200.0, 100.0, 50.0];
    let luma = 0.299 * 200.0 + 0.587 * 100.0 + 0.114 * 50.0;
    assert_eq!(apply(Colour::brightness(0.5), rgb), [100.0, 50.0, 25.0]);
    assert_eq!(apply(Colour::contrast(2.0), [128.0, 100.0, 178.0]), [128.0, 72.0, 228.0]);
    assert!(close(apply(Colour::saturation(0.0), rgb), [luma; 3]));
    assert!(close(apply(Colour::saturation(1.0), rgb), rgb));
    assert!(close(apply(Colour::hue(0.0), rgb), rgb));
    assert!(close(apply(Colour::hue(0.3), [90.0; 3]), [90.0; 3]), "grey has no hue");
    let turned = apply(Colour::hue(0.25).then(Colour::hue(0.75)), rgb);
    assert!(close(turned, rgb), "a full turn changes nothing: {turned:?}");
    assert!(!close(apply(Colour::hue(0.5), rgb), rgb));
    let both = Colour::brightness(0.5).then(Colour::contrast(2.0));
    assert!(close(apply(both, rgb), apply(Colour::contrast(2.0), apply(Colour::brightness(0.5), rgb))));
}

#[test]
fn grey_is_replicated_to_three_channels_and_colour_becomes_luma() {
    let grey = noise(8, 8, 1);
    let mut out = vec![0.0; 8 * 8 * 3];
    Program::stretch((8, 8), 8).render(&grey, &contract(8, 3), &mut out);
    for (pixel, &v) in out.chunks(3).zip(&grey.pixels) {
        assert_eq!(pixel, [(f32::from(v) / 255.0 - 0.5) / 0.25; 3]);
    }
    let colour = noise(8, 8, 3);
    let seen = Program::stretch((8, 8), 8).render_picture(&colour, 1);
    let luma = colour.with_channels(1);
    assert!(seen.pixels.iter().zip(&luma.pixels).all(|(a, b)| a.abs_diff(*b) <= 1));
    // A colour transform that keeps grey grey gives the same, applied before or after the channels are made one.
    let mut program = Program::stretch((8, 8), 8);
    program.colour = Colour::brightness(0.7).then(Colour::saturation(0.4)).then(Colour::hue(0.1));
    let as_colour = program.render_picture(&grey.with_channels(3), 3);
    let as_grey = program.render_picture(&grey, 3);
    assert!(as_colour.pixels.iter().zip(&as_grey.pixels).all(|(a, b)| a.abs_diff(*b) <= 1));
}

#[test]
fn point_operations_agree_with_their_definitions() {
    let picture = noise(16, 16, 3);
    let run = |op: PixelOp| with(vec![op], 16).render_picture(&picture, 3).pixels;
    for (got, &v) in run(PixelOp::Posterize { bits: 3 }).iter().zip(&picture.pixels) {
        assert_eq!(*got, v / 32 * 32);
    }
    for (got, &v) in run(PixelOp::Solarize { threshold: 170 }).iter().zip(&picture.pixels) {
        assert_eq!(*got, if v < 170 { v } else { 255 - v });
    }
    assert_eq!(run(PixelOp::Solarize { threshold: 256 }), picture.pixels);
    assert_eq!(run(PixelOp::Posterize { bits: 8 }), picture.pixels);
}

#[test]
fn histogram_operations_agree_with_sorting_the_pixels() {
    // Low contrast, so that both have something to do; channels differ, so mixing them would show.
    let mut picture = noise(16, 16, 3);
    for (i, v) in picture.pixels.iter_mut().enumerate() {
        *v = 60 + *v / [4, 2, 3][i % 3];
    }
    let run = |op: PixelOp| with(vec![op], 16).render_picture(&picture, 3).pixels;
    let stretched = run(PixelOp::AutoContrast);
    let levelled = run(PixelOp::Equalize);
    for c in 0..3 {
        let mut sorted: Vec<u8> = picture.pixels[c..].iter().step_by(3).copied().collect();
        sorted.sort_unstable();
        let (low, high) = (f64::from(sorted[0]), f64::from(sorted[255]));
        let greatest = 256 - sorted.partition_point(|&v| v < sorted[255]);
        let step = (256 - greatest) / 255;
        assert!(step == 0 || step == 1);
        for i in (c..picture.pixels.len()).step_by(3) {
            let v = picture.pixels[i];
            let wanted = (f64::from(v) - low) * 255.0 / (high - low);
            assert!((f64::from(stretched[i]) - wanted).abs() <= 0.51);
            let below = sorted.partition_point(|&s| s < v);
            let wanted = (below + step / 2).checked_div(step).map_or(v, |level| level.min(255) as u8);
            assert_eq!(levelled[i], wanted);
        }
    }
    let flat = Picture::filled(16, 16, 1, 9);
    for op in [PixelOp::AutoContrast, PixelOp::Equalize] {
        assert_eq!(with(vec![op], 16).render_picture(&flat, 1), flat);
    }
}

#[test]
fn equalizing_a_large_picture_makes_its_histogram_level() {
    let mut picture = noise(64, 64, 1);
    picture.pixels.iter_mut().for_each(|v| *v = 100 + *v / 8);
    let level = with(vec![PixelOp::Equalize], 64).render_picture(&picture, 1);
    let below_half = level.pixels.iter().filter(|&&v| v < 128).count();
    assert!((1_800..2_300).contains(&below_half), "{below_half} of 4096");
    assert!(level.pixels.iter().any(|&v| v < 8) && level.pixels.iter().any(|&v| v > 245));
}

#[test]
fn sharpness_at_one_changes_nothing_and_at_zero_smooths() {
    let picture = noise(12, 12, 1);
    let run = |factor| with(vec![PixelOp::Sharpness { factor }], 12).render_picture(&picture, 1);
    assert_eq!(run(1.0), picture);
    let smooth = run(0.0);
    let mut sum = 4 * u32::from(picture.pixel(5, 6)[0]);
    for k in 0..9 {
        sum += u32::from(picture.pixel(4 + k % 3, 5 + k / 3)[0]);
    }
    assert_eq!(u32::from(smooth.pixel(5, 6)[0]), (sum + 6) / 13);
    assert_eq!(smooth.pixel(0, 4), picture.pixel(0, 4), "the outermost pixels stay");
    let roughness =
        |p: &Picture| -> u32 { (0..132).map(|i| u32::from(p.pixels[i].abs_diff(p.pixels[i + 12]))).sum() };
    assert!(roughness(&smooth) < roughness(&picture) && roughness(&run(1.9)) > roughness(&picture));
}

#[test]
fn a_blur_is_the_gaussian_it_says_and_its_passes_add_up() {
    let mut point = Picture::filled(33, 33, 1, 0);
    point.pixels[16 * 33 + 16] = 255;
    let run = |passes, picture: &Picture| {
        with(vec![PixelOp::Blur { passes }], 33).render_picture(picture, picture.channels)
    };
    assert_eq!(run(0, &point), point);
    assert_eq!(run(1, &point).pixels[15 * 33 + 15..15 * 33 + 18], [16, 32, 16]);
    assert_eq!(run(1, &point).pixels[16 * 33 + 15..16 * 33 + 18], [32, 64, 32]);
    assert_eq!(run(1, &run(1, &point)), run(2, &point));
    // A step has, two pixels from its edge, what the distribution of that deviation leaves there.
    let mut step = Picture::filled(33, 33, 3, 0);
    step.pixels.chunks_exact_mut(33 * 3).for_each(|row| row[16 * 3..].fill(200));
    let value = run(8, &step).pixel(18, 9)[1];
    let expected = 200.0 * 0.894; // Phi(2.5 / 2)
    assert!((f32::from(value) - expected).abs() < 3.0, "{value}");
    assert_eq!(run(9, &Picture::filled(33, 33, 3, 77)), Picture::filled(33, 33, 3, 77));
}

#[test]
fn noise_has_its_deviation_and_no_mean_and_follows_its_seed() {
    let grey = Picture::filled(100, 100, 1, 128);
    let run = |amplitude, seed| with(vec![PixelOp::Noise { amplitude, seed }], 100).render_picture(&grey, 1);
    assert_eq!(run(0, 3), grey);
    assert_eq!(run(50, 3), run(50, 3));
    assert_ne!(run(50, 3), run(50, 4));
    let values: Vec<f64> = run(50, 3).pixels.iter().map(|&v| f64::from(v) - 128.0).collect();
    let mean = values.iter().sum::<f64>() / 1e4;
    let deviation = (values.iter().map(|v| v * v).sum::<f64>() / 1e4 - mean * mean).sqrt();
    // Rounding down takes half a level.
    assert!((mean + 0.5).abs() < 0.6 && (deviation - 0.41 * 50.0).abs() < 0.6, "{mean} {deviation}");
    let colour = with(vec![PixelOp::Noise { amplitude: 50, seed: 3 }], 100);
    let colour = colour.render_picture(&Picture::filled(100, 100, 3, 128), 3);
    assert!(colour.pixels.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
}

#[test]
fn an_erased_box_has_its_area_and_the_rest_is_untouched() {
    let picture = Picture::filled(20, 20, 3, 200);
    let op = PixelOp::Erase { left: 3, top: 14, width: 5, height: 6, value: [1, 2, 3] };
    let erased = with(vec![op], 20).render_picture(&picture, 3);
    let boxed = erased.pixels.chunks(3).filter(|p| p == &[1, 2, 3]).count();
    assert_eq!(boxed, 30);
    assert_eq!(erased.pixels.chunks(3).filter(|p| p == &[200; 3]).count(), 400 - 30);
    assert_eq!(erased.pixel(7, 19), [1, 2, 3]);
    assert_eq!(erased.pixel(8, 19), [200; 3]);
}

#[test]
fn erased_boxes_keep_to_their_sides_and_to_their_probability() {
    let mut policy = Policy::default();
    policy.strong.erase = Erase { probability: 0.25, min_side: 0.1, max_side: 0.5, value: None };
    let contract = contract(40, 1);
    let mut boxes = 0;
    for item in 0..2_000 {
        let mut rng = rng(Purpose::AugmentStrong, item);
        let program = policy.compile(View::Strong, (40, 40), &contract, &mut rng);
        if let Some(&PixelOp::Erase { left, top, width, height, value }) = program.operations.last() {
            boxes += 1;
            assert!((4..=20).contains(&width) && (4..=20).contains(&height));
            assert!(left + width <= 40 && top + height <= 40);
            assert_eq!(value, [128; 3], "the contract's mean");
        }
    }
    assert!((420..580).contains(&boxes), "{boxes} of 2000");
}
