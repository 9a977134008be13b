//! What following faces must be able to do, on boxes whose truth is known.

use super::*;

fn seen(x: f32, y: f32) -> Detection {
    Detection { face_box: FaceBox::around((x, y), 60.0, 80.0), landmarks: None, score: 0.9 }
}

/// Steps through frames of the people's places (`None`: not seen); gives each person's number in each frame.
fn follow(tracker: &mut Tracker, frames: &[Vec<Option<(f32, f32)>>]) -> Vec<Vec<Option<u32>>> {
    let mut all = vec![];
    for (frame, people) in frames.iter().enumerate() {
        // The order of detections says nothing about who is who.
        let mut found: Vec<Detection> = people.iter().flatten().map(|&(x, y)| seen(x, y)).collect();
        if frame % 2 == 1 {
            found.reverse();
        }
        let step = tracker.step(frame as u64, Some(&found));
        let id = |place: &Option<(f32, f32)>| {
            let at = (*place)?;
            let hit = step.faces.iter().find(|f| {
                let centre = f.face_box.centre();
                (centre.0 - at.0).abs() < 1e-3 && (centre.1 - at.1).abs() < 1e-3
            });
            Some(hit.expect("every detection is a face").id)
        };
        all.push(people.iter().map(id).collect());
    }
    all
}

fn only(ids: impl Iterator<Item = Option<u32>>, wanted: u32) {
    assert!(ids.flatten().all(|id| id == wanted), "not always {wanted}");
}

#[test]
fn two_people_who_cross_keep_their_numbers() {
    // One walks behind the other and is hidden until there is daylight between them.
    let frames: Vec<Vec<Option<(f32, f32)>>> = (0..40)
        .map(|t| {
            let (front, back) = (100.0 + 12.0 * t as f32, 580.0 - 12.0 * t as f32);
            let hidden = (front - back).abs() < 80.0;
            vec![Some((front, 200.0)), (!hidden).then_some((back, 205.0))]
        })
        .collect();
    let ids = follow(&mut Tracker::new(TrackerSettings::default()), &frames);
    assert!(frames.iter().any(|f| f[1].is_none()), "the clip hides somebody");
    only(ids.iter().map(|f| f[0]), 1);
    only(ids.iter().map(|f| f[1]), 2);
}

#[test]
fn a_nearest_box_tracker_would_swap_them() {
    // Without motion the two are exchanged or renumbered, so the test above proves something: the same clip, by a
    // tracker whose tracks stand still.
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut swapped = false;
    for t in 0..40u64 {
        let (front, back) = (100.0 + 12.0 * t as f32, 580.0 - 12.0 * t as f32);
        let found: Vec<Detection> = if (front - back).abs() < 80.0 {
            vec![seen(front, 200.0)]
        } else {
            vec![seen(front, 200.0), seen(back, 205.0)]
        };
        for track in &mut tracker.tracks {
            track.motion = Motion::at(&track.motion.face_box());
        }
        let step = tracker.step(t, Some(&found));
        swapped |= step.faces.iter().any(|f| f.id != 1 && (f.face_box.centre().0 - front).abs() < 1e-3);
    }
    assert!(swapped || tracker.next_id > 3, "the crossing is too easy to prove anything");
}

#[test]
fn a_short_occlusion_is_bridged_and_a_long_one_is_not() {
    let clip = |gone: usize| -> Vec<Vec<Option<(f32, f32)>>> {
        (0..40 + gone)
            .map(|t| vec![(!(20..20 + gone).contains(&t)).then_some((100.0 + 2.0 * t as f32, 150.0))])
            .collect()
    };
    let mut tracker = Tracker::new(TrackerSettings::default());
    only(follow(&mut tracker, &clip(25)).into_iter().map(|f| f[0]), 1);
    let mut tracker = Tracker::new(TrackerSettings::default());
    let ids = follow(&mut tracker, &clip(60));
    assert_eq!(ids.last().map(|f| f[0]), Some(Some(2)), "a face that was gone for two seconds is a new one");
}

#[test]
fn who_left_is_told_once() {
    let mut tracker = Tracker::new(TrackerSettings { patience: 3, ..TrackerSettings::default() });
    tracker.step(0, Some(&[seen(50.0, 50.0)]));
    let told: Vec<Vec<u32>> = (1..8).map(|t| tracker.step(t, Some(&[])).expired).collect();
    assert_eq!(told, [vec![], vec![], vec![], vec![1], vec![], vec![], vec![]]);
    assert!(tracker.tracks.is_empty(), "memory is in the faces under way");
}

#[test]
fn between_detections_faces_are_carried_on_with_their_landmarks() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let at = |t: u64| {
        let x = 100.0 + 5.0 * t as f32;
        Detection { landmarks: Some([[x, 90.0]; 5]), ..seen(x, 100.0) }
    };
    for t in 0..30u64 {
        let found = [at(t)];
        let step = tracker.step(t, (t % 3 == 0).then_some(found.as_slice()));
        let [face] = step.faces.as_slice() else { panic!("one face in frame {t}: {step:?}") };
        assert_eq!((face.id, face.detected), (1, t % 3 == 0));
        if t > 15 {
            let off = face.face_box.centre().0 - (100.0 + 5.0 * t as f32);
            assert!(off.abs() < 2.0, "frame {t}: {off}");
            let landmark = face.landmarks.expect("landmarks")[0][0];
            assert!((landmark - face.face_box.centre().0).abs() < 1e-3, "they move with the box");
        }
    }
}

#[test]
fn a_face_elsewhere_or_of_another_size_is_another_person() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    tracker.step(0, Some(&[seen(100.0, 100.0)]));
    assert_eq!(tracker.step(1, Some(&[seen(300.0, 100.0)])).faces[0].id, 2);
    let giant = Detection { face_box: FaceBox::around((300.0, 100.0), 200.0, 260.0), ..seen(0.0, 0.0) };
    assert_eq!(tracker.step(2, Some(&[giant])).faces[0].id, 3);
}
