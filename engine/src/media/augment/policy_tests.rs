//! What policies make of views. Their programs are tested in `tests`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::tests::{contract, noise, rng, smooth};
use super::*;
use crate::media::Picture;
use crate::random::Purpose;

#[test]
fn the_same_address_gives_the_same_bytes_and_another_item_or_view_does_not() {
    let (picture, contract, policy) = (noise(48, 48, 1), contract(48, 1), Policy::default());
    let view = |view, purpose, item| {
        let program = policy.compile(view, (48, 48), &contract, &mut rng(purpose, item));
        let mut out = vec![0.0; 48 * 48];
        program.render(&picture, &contract, &mut out);
        out
    };
    let strong = view(View::Strong, Purpose::AugmentStrong, 3);
    assert_eq!(strong, view(View::Strong, Purpose::AugmentStrong, 3));
    assert_ne!(strong, view(View::Strong, Purpose::AugmentStrong, 4));
    assert_ne!(strong, view(View::Weak, Purpose::AugmentWeak, 3));
}

#[test]
fn a_program_survives_serialisation() {
    for item in 0..50 {
        let mut rng = rng(Purpose::AugmentStrong, item);
        let program = Policy::default().compile(View::Strong, (112, 112), &contract(64, 3), &mut rng);
        let text = serde_json::to_string(&program).unwrap();
        assert_eq!(serde_json::from_str::<Program>(&text).unwrap(), program);
    }
}

#[test]
fn weak_views_flip_half_the_time_and_stay_inside_the_picture() {
    let (contract, policy) = (contract(48, 1), Policy::default());
    let mut flips = 0;
    let mut gains = [f32::MAX, f32::MIN];
    for item in 0..2_000 {
        let mut rng = rng(Purpose::AugmentWeak, item);
        let program = policy.compile(View::Weak, (100, 100), &contract, &mut rng);
        assert!(program.operations.is_empty());
        let map = program.source_from_output;
        flips += usize::from(map.0[0][0] < 0.0);
        assert!((map.0[0][0].abs() - 100.0 * 0.875 / 48.0).abs() < 1e-4);
        for (x, y) in [(0.0, 0.0), (48.0, 0.0), (0.0, 48.0), (48.0, 48.0)] {
            let (x, y) = map.apply(x, y);
            assert!((-0.01..=100.01).contains(&x) && (-0.01..=100.01).contains(&y));
        }
        let gain = program.colour.0[0][0];
        gains = [gains[0].min(gain), gains[1].max(gain)];
    }
    assert!((900..1_100).contains(&flips), "{flips}");
    assert!(gains[0] >= 0.49 && gains[0] < 0.6 && gains[1] > 1.5 && gains[1] <= 1.69 + 1e-3, "{gains:?}");
}

#[test]
fn each_operation_alone_changes_the_picture_in_range_and_identity_does_not() {
    use Operation as O;
    let picture = smooth(48, 48);
    let all = [
        O::Identity,
        O::Rotate,
        O::ShearX,
        O::ShearY,
        O::TranslateX,
        O::TranslateY,
        O::Scale,
        O::Brightness,
        O::Contrast,
        O::Saturation,
        O::Sharpness,
        O::Posterize,
        O::Solarize,
        O::AutoContrast,
        O::Equalize,
        O::Blur,
        O::Noise,
    ];
    for operation in all {
        for magnitude in [0.0, 10.0, 30.0] {
            let mut policy = Policy { crop: 1.0, ..Policy::default() };
            policy.weak.flip = 0.0;
            policy.strong.erase.probability = 0.0;
            policy.strong.operations_per_picture = 1;
            policy.strong.operations = vec![operation];
            policy.strong.magnitude = magnitude;
            policy.check().unwrap();
            let contract = contract(48, 3);
            let colour = Picture { pixels: noise(48, 48, 3).pixels, channels: 3, ..picture };
            for source in [&picture, &colour] {
                let program =
                    policy.compile(View::Strong, (48, 48), &contract, &mut rng(Purpose::AugmentStrong, 0));
                let mut out = vec![f32::NAN; 48 * 48 * 3];
                program.render(source, &contract, &mut out);
                assert!(out.iter().all(|v| (-2.0..=2.0).contains(v)), "{operation:?} at {magnitude}");
                let changed = program.render_picture(source, source.channels) != *source;
                // Histogram operations have no magnitude; grey has no saturation.
                let constant = matches!(operation, O::AutoContrast | O::Equalize);
                let idle = operation == O::Identity || (operation == O::Saturation && source.channels == 1);
                if magnitude > 0.0 && !constant && !idle {
                    assert!(changed, "{operation:?} at {magnitude} with {} channels", source.channels);
                } else if !constant {
                    assert!(!changed, "{operation:?} at {magnitude} changed the picture");
                }
            }
        }
    }
}

#[test]
fn a_policy_names_the_setting_that_is_out_of_range_and_refuses_unknown_ones() {
    Policy::default().check().unwrap();
    Policy::for_small_faces().check().unwrap();
    let policy: Policy = toml::from_str("[weak]\nflip = 1.5").unwrap();
    let message = policy.check().unwrap_err().to_string();
    assert!(message.contains("weak.flip") && message.contains("1.5"), "{message}");
    let nan: Policy = toml::from_str("crop = nan").unwrap();
    assert!(nan.check().is_err());
    let empty: Policy = toml::from_str("[strong]\noperations = []").unwrap();
    assert!(empty.check().unwrap_err().to_string().contains("operations_per_picture"));
    assert!(toml::from_str::<Policy>("[strong]\nmagnitud = 3").is_err());
    let changed: Policy =
        toml::from_str("border = { fill = 128 }\n[strong]\nmagnitude = 4\n[strong.reach]\nrotate = 10")
            .unwrap();
    assert_eq!(changed.border, Border::Fill(128));
    assert_eq!(changed.strong.reach, Reach { rotate: 10.0, ..Reach::default() });
}
