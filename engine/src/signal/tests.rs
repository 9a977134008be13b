//! Votes, smoothing and overlap against definitions that look at the whole window of every frame.

use super::*;
use crate::random::{Address, Purpose, Random};

const KINDS: [VoteKind; 3] = [VoteKind::Block, VoteKind::Centred, VoteKind::Causal];
const SMOOTHS: [SmoothKind; 2] = [SmoothKind::Centred, SmoothKind::Causal];

fn random(item: u64) -> Random {
    Address { seed: 11, purpose: Purpose::Synthesis, step: 0, item }.rng()
}

/// Frames of labels that come in runs, some without a face, and probabilities in steps of 1/8: their sums are exact and
/// often equal, so that ties of every kind occur.
struct Sequence {
    classes: usize,
    labels: Vec<Option<usize>>,
    probabilities: Vec<f32>,
}

fn sequence(rng: &mut Random) -> Sequence {
    let (classes, frames) = (2 + rng.below(4), rng.below(90));
    let mut current = 0;
    let labels: Vec<Option<usize>> = (0..frames)
        .map(|_| {
            if rng.chance(0.5) {
                current = rng.below(classes);
            }
            (!rng.chance(0.15)).then_some(current)
        })
        .collect();
    let probabilities = (0..frames * classes).map(|_| rng.below(9) as f32 / 8.0).collect();
    Sequence { classes, labels, probabilities }
}

fn window_of(kind: VoteKind, window: usize, frame: usize, frames: usize) -> std::ops::Range<usize> {
    match kind {
        VoteKind::Block => {
            let start = frame / window * window;
            start..(start + window).min(frames)
        }
        VoteKind::Centred => frame.saturating_sub(window / 2)..(frame + window.div_ceil(2)).min(frames),
        VoteKind::Causal => (frame + 1).saturating_sub(window)..frame + 1,
    }
}

/// The vote as it is defined, with every frame's window read anew.
fn naive_vote(settings: VoteSettings, s: &Sequence) -> Vec<Option<usize>> {
    let frames = s.labels.len();
    let voted = |frame: usize| {
        let own = s.labels[frame]?;
        let window: Vec<usize> = window_of(settings.kind, settings.window, frame, frames)
            .filter(|&other| s.labels[other].is_some())
            .collect();
        let votes = |class: usize| window.iter().filter(|&&f| s.labels[f] == Some(class)).count();
        let most = (0..s.classes).map(votes).max()?;
        if votes(own) == most {
            return Some(own);
        }
        let mean = |class: usize| {
            window.iter().map(|f| f64::from(s.probabilities[f * s.classes + class])).sum::<f64>()
                / window.len() as f64
        };
        let last = |class: usize| window.iter().rposition(|&f| s.labels[f] == Some(class));
        let tied = (0..s.classes).filter(|&class| votes(class) == most);
        tied.max_by(|&a, &b| mean(a).total_cmp(&mean(b)).then(last(a).cmp(&last(b))))
    };
    (0..frames).map(voted).collect()
}

fn voted(settings: VoteSettings, s: &Sequence) -> Vec<Option<usize>> {
    vote(settings, &s.labels, &s.probabilities, s.classes).expect("a good window")
}

#[test]
fn a_streamed_vote_is_the_vote_as_defined() {
    for item in 0..300 {
        let mut rng = random(item);
        let s = sequence(&mut rng);
        for kind in KINDS {
            for window in [1, 2, 3, 5, 8, 30, 31, 200] {
                let settings = VoteSettings { kind, window };
                assert_eq!(voted(settings, &s), naive_vote(settings, &s), "{settings:?}, sequence {item}");
            }
        }
    }
}

#[test]
fn the_comparison_sees_a_vote_over_a_window_that_is_one_frame_off() {
    let differs = (0..300).filter(|&item| {
        let s = sequence(&mut random(item));
        let settings = |window| VoteSettings { kind: VoteKind::Centred, window };
        voted(settings(8), &s) != naive_vote(settings(9), &s)
    });
    assert!(differs.count() > 50);
}

#[test]
fn a_label_comes_out_exactly_its_latency_later_and_frames_are_in_order() {
    for kind in KINDS {
        for window in [1, 2, 7, 30] {
            let settings = VoteSettings { kind, window };
            let mut voter = Voter::new(settings, 2).expect("a good window");
            let mut frames = vec![];
            for pushed in 0..100u64 {
                let out = voter.push(Some(1), &[0.5, 0.5]);
                assert_eq!(
                    out.map(|o| o.frame),
                    pushed.checked_sub(settings.latency() as u64),
                    "{settings:?}"
                );
                frames.extend(out);
            }
            frames.extend(voter.finish());
            assert!(frames.iter().map(|f| f.frame).eq(0..100), "{settings:?}");
        }
    }
    let latency = |kind| VoteSettings { kind, window: 30 }.latency();
    assert_eq!(KINDS.map(latency), [29, 14, 0]);
}

#[test]
fn a_finished_voter_is_as_new() {
    for kind in KINDS {
        let settings = VoteSettings { kind, window: 5 };
        let (first, second) = (sequence(&mut random(1)), sequence(&mut random(2)));
        let classes = first.classes.max(second.classes);
        let mut voter = Voter::new(settings, classes).expect("a good window");
        let mut run = |s: &Sequence| {
            let probabilities = vec![0.25; classes];
            let mut out: Vec<Voted> =
                s.labels.iter().filter_map(|&label| voter.push(label, &probabilities)).collect();
            out.extend(voter.finish());
            out
        };
        let alone = run(&second);
        run(&first);
        assert_eq!(run(&second), alone, "{kind:?}");
    }
}

#[test]
fn a_constant_sequence_is_unchanged() {
    for kind in KINDS {
        let labels = vec![Some(2); 77];
        let probabilities = [0.1, 0.2, 0.7].repeat(77);
        let settings = VoteSettings { kind, window: 30 };
        assert_eq!(vote(settings, &labels, &probabilities, 3).expect("a good window"), labels);
    }
    for kind in SMOOTHS {
        let constant = [0.1f32, 0.2, 0.7].repeat(77);
        let mut probabilities = constant.clone();
        smooth(SmoothSettings { kind, window: 50 }, &[true; 77], &mut probabilities, 3)
            .expect("a good window");
        assert_eq!(probabilities, constant, "bit for bit");
    }
}

#[test]
fn a_window_of_one_is_the_identity() {
    for item in 0..50 {
        let s = sequence(&mut random(item));
        for kind in KINDS {
            assert_eq!(voted(VoteSettings { kind, window: 1 }, &s), s.labels);
        }
        let faces: Vec<bool> = s.labels.iter().map(Option::is_some).collect();
        for kind in SMOOTHS {
            let mut rng = random(item + 1000);
            let before: Vec<f32> = s.probabilities.iter().map(|_| rng.uniform()).collect();
            let mut after = before.clone();
            smooth(SmoothSettings { kind, window: 1 }, &faces, &mut after, s.classes).expect("a good window");
            assert_eq!(after, before);
        }
    }
}

#[test]
fn permuting_the_classes_permutes_the_result() {
    for item in 0..200 {
        let mut rng = random(item);
        let s = sequence(&mut rng);
        let mut place: Vec<usize> = (0..s.classes).collect();
        rng.shuffle(&mut place);
        let mut permuted = vec![0.0; s.probabilities.len()];
        for (index, &p) in s.probabilities.iter().enumerate() {
            permuted[index / s.classes * s.classes + place[index % s.classes]] = p;
        }
        let move_all =
            |labels: &[Option<usize>]| labels.iter().map(|l| l.map(|l| place[l])).collect::<Vec<_>>();
        let moved = Sequence { classes: s.classes, labels: move_all(&s.labels), probabilities: permuted };
        for kind in KINDS {
            let settings = VoteSettings { kind, window: 6 };
            assert_eq!(voted(settings, &moved), move_all(&voted(settings, &s)), "{kind:?}, sequence {item}");
        }
    }
}

#[test]
fn a_tie_keeps_the_frames_own_label_or_takes_the_more_probable_one() {
    let block = VoteSettings { kind: VoteKind::Block, window: 5 };
    let labels = [Some(0), Some(0), Some(1), Some(1), Some(2)];
    let row = |a: f32, b: f32| [a, b, 1.0 - a - b];
    let probabilities = [row(0.5, 0.3), row(0.5, 0.3), row(0.1, 0.8), row(0.1, 0.8), row(0.3, 0.3)].concat();
    let out = vote(block, &labels, &probabilities, 3).expect("a good window");
    assert_eq!(out, [Some(0), Some(0), Some(1), Some(1), Some(1)], "0: 1.5 in all, 1: 2.5");
}

#[test]
fn frames_without_a_face_neither_vote_nor_change() {
    let s = Sequence {
        classes: 2,
        labels: vec![None, Some(1), None, Some(1), Some(0), None, None],
        probabilities: vec![1.0; 14],
    };
    for kind in KINDS {
        let out = voted(VoteSettings { kind, window: 30 }, &s);
        assert!(out.iter().zip(&s.labels).all(|(o, l)| o.is_some() == l.is_some()), "{kind:?}");
        assert_eq!(out[4], Some(1), "{kind:?}: two votes for 1, one for 0");
    }
}

#[test]
fn settings_without_a_window_are_refused_and_kinds_have_their_names() {
    for window in [0, MAX_WINDOW + 1] {
        let message =
            VoteSettings { window, ..VoteSettings::default() }.check().expect_err("refused").to_string();
        assert!(message.contains("vote window") && message.contains(&window.to_string()), "{message}");
        assert!(Smoother::new(SmoothSettings { window, ..SmoothSettings::default() }, 2).is_err());
    }
    let settings: VoteSettings = toml::from_str("kind = 'causal'").expect("settings");
    assert_eq!(settings, VoteSettings { kind: VoteKind::Causal, window: 30 });
    assert!(toml::from_str::<VoteSettings>("width = 30").is_err());
    assert!(
        ClipShape { length: 4, stride: 5 }.check().is_err()
            && ClipShape { length: 0, stride: 0 }.check().is_err()
    );
}

#[test]
fn smoothing_is_the_mean_of_the_windows_faces_and_does_not_drift() {
    for item in 0..200 {
        let mut rng = random(item);
        let s = sequence(&mut rng);
        let (frames, classes) = (s.labels.len(), s.classes);
        let faces: Vec<bool> = s.labels.iter().map(Option::is_some).collect();
        for (kind, like) in [(SmoothKind::Centred, VoteKind::Centred), (SmoothKind::Causal, VoteKind::Causal)]
        {
            for window in [2, 5, 50] {
                let mut out = s.probabilities.clone();
                smooth(SmoothSettings { kind, window }, &faces, &mut out, classes).expect("a good window");
                for (index, &value) in out.iter().enumerate() {
                    let (frame, class) = (index / classes, index % classes);
                    let held: Vec<f32> = window_of(like, window, frame, frames)
                        .filter(|&f| faces[f])
                        .map(|f| s.probabilities[f * classes + class])
                        .collect();
                    let mean = held.iter().sum::<f32>() / held.len() as f32;
                    let expected = if faces[frame] { mean } else { s.probabilities[index] };
                    assert!((value - expected).abs() <= 1e-6, "{kind:?} {window}, frame {frame}");
                }
            }
        }
    }
    // After a million frames of anything, a window of one value gives that value back, bit for bit.
    let mut smoother =
        Smoother::new(SmoothSettings { kind: SmoothKind::Causal, window: 50 }, 1).expect("good");
    let mut rng = random(0);
    for _ in 0..1_000_000 {
        smoother.push(Some(&[rng.uniform()]));
    }
    let last = (0..50).map(|_| smoother.push(Some(&[0.1])).map(|s| s.probabilities.map(|p| p[0]))).last();
    assert_eq!(last, Some(Some(Some(0.1))));
}

#[test]
fn clips_cover_every_frame_and_only_a_short_video_is_padded() {
    let starts = |frames| -> Vec<(usize, usize)> {
        let windows = ClipShape::default().windows(frames).expect("a good shape");
        windows.map(|w| (w.start, w.present.end)).collect()
    };
    assert_eq!(starts(0), []);
    assert_eq!(starts(1), [(0, 1)]);
    assert_eq!(starts(64), [(0, 64)]);
    assert_eq!(starts(65), [(0, 64), (1, 65)]);
    assert_eq!(starts(96), [(0, 64), (32, 96)]);
    assert_eq!(starts(130), [(0, 64), (32, 96), (64, 128), (66, 130)]);
    for frames in 1..400 {
        for shape in [(64, 32), (5, 2), (7, 7), (4, 1)].map(|(length, stride)| ClipShape { length, stride }) {
            let windows: Vec<ClipWindow> = shape.windows(frames).expect("a good shape").collect();
            for frame in 0..frames {
                assert!(windows.iter().any(|w| w.present.contains(&frame)), "{frame} of {frames}, {shape:?}");
            }
            assert!(windows.iter().all(|w| w.present.len() == shape.length.min(frames)));
            let mut stream = StreamWindows::new(shape).expect("a good shape");
            let mut streamed: Vec<ClipWindow> = (0..frames).filter_map(|_| stream.push()).collect();
            streamed.extend(stream.finish());
            assert_eq!(streamed, windows, "{frames}, {shape:?}");
        }
    }
}

#[test]
fn overlapping_logits_are_averaged_in_order_with_one_clip_kept() {
    for frames in [1, 3, 63, 64, 65, 96, 130, 1000] {
        let classes = 3;
        let windows: Vec<ClipWindow> = ClipShape::default().windows(frames).expect("a good shape").collect();
        // Quarters: their sums are exact.
        let logit =
            |window: usize, frame: usize, class: usize| ((window * 7 + frame * 3 + class) % 32) as f32 / 4.0;
        let mut overlap = OverlapMean::new(classes);
        let mut out: Vec<f32> = vec![];
        let mut next = 0;
        for (index, window) in windows.iter().enumerate() {
            // Padding holds what must not be looked at.
            let mut logits = vec![f32::NAN; 64 * classes];
            for frame in window.present.clone() {
                for class in 0..classes {
                    logits[(frame - window.start) * classes + class] = logit(index, frame, class);
                }
            }
            overlap.add(window, &logits, |frame, mean| {
                assert_eq!(frame, next);
                next += 1;
                out.extend(mean);
            });
            assert!(next == window.start && window.present.end - next <= 64, "no more than a clip is kept");
        }
        overlap.finish(|_, mean| out.extend(mean));
        assert_eq!(out.len(), frames * classes);
        for (at, &mean) in out.iter().enumerate() {
            let (frame, class) = (at / classes, at % classes);
            let held: Vec<f32> = (0..windows.len())
                .filter(|&w| windows[w].present.contains(&frame))
                .map(|w| logit(w, frame, class))
                .collect();
            assert_eq!(mean, held.iter().sum::<f32>() / held.len() as f32, "frame {frame} of {frames}");
        }
    }
}

#[test]
fn the_ring_holds_the_last_frames_with_missing_ones_marked() {
    let mut ring = FeatureRing::new(4, 2);
    let mut window = vec![9.0; ring.window_len()];
    ring.push(Some(&[1.0, 2.0]));
    ring.push(None);
    ring.window(&mut window);
    assert_eq!(
        window,
        [0., 0., 0., 0., 0., 0., 1., 2., 1., 0., 0., 0.],
        "before the start frames are missing"
    );
    for value in [3.0, 4.0, 5.0] {
        ring.push(Some(&[value, value]));
    }
    ring.window(&mut window);
    assert_eq!(window, [0., 0., 0., 3., 3., 1., 4., 4., 1., 5., 5., 1.]);
    ring.clear();
    ring.window(&mut window);
    assert!(window.iter().all(|&v| v == 0.0));
}

#[test]
fn a_window_of_seconds_holds_as_many_frames_as_fit_whatever_their_rate() {
    let settings = VoteSettings { kind: VoteKind::Causal, window: MAX_WINDOW };
    for rate in [6.0, 30.0, 120.0] {
        let mut voter = Voter::new(settings, 2).unwrap();
        let second = rate as u32;
        for frame in 0..3 * second {
            // One class for a second and a half, then the other one.
            let label = usize::from(f64::from(frame) / rate >= 1.5);
            let p = if label == 0 { [0.9, 0.1] } else { [0.1, 0.9] };
            let voted = voter.push_within(Some(label), &p, Some(f64::from(frame) / rate), 1.0).unwrap();
            assert_eq!(voted.of, (frame + 1).min(second), "{rate} a second, frame {frame}");
            assert!(voted.share() >= 0.5, "the label has the majority of its window: {voted:?}");
            // Half a second after the change the label has changed.
            let since = f64::from(frame) / rate - 1.5;
            if !(0.0..0.5 + 1.0 / rate).contains(&since) {
                assert_eq!(voted.label, Some(label), "{rate} a second, {since} s after the change");
            }
        }
    }
    // At a steady rate it is the window of as many frames, vote for vote.
    let (mut seconds, mut frames) = (
        Voter::new(settings, 3).unwrap(),
        Voter::new(VoteSettings { kind: VoteKind::Causal, window: 30 }, 3).unwrap(),
    );
    for frame in 0..300u32 {
        let label = Some((frame * frame / 11 % 3) as usize);
        let p = [0.2, 0.3, 0.5];
        let time = Some(f64::from(frame) / 30.0);
        let (a, b) = (seconds.push_within(label, &p, time, 1.0).unwrap(), frames.push(label, &p).unwrap());
        assert_eq!((a.label, a.votes, a.of), (b.label, b.votes, b.of), "frame {frame}");
    }
}
