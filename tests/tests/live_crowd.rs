//! What the world holds while a video is read: a frame leaves when it is through, and a crowd takes no more after an hour than at
//! its beginning.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::media::detect::{DetectError, Detector};
use affekt_engine::media::source::Frame;
use affekt_engine::media::{Detection, FaceBox, Picture};
use affekt_engine::signal::{VoteKind, VoteSettings};
use affekt_engine::world::Model;
use affekt_engine::world::components::{FrameIndex, Timeline, TrackedFace, VotedLabel};
use affekt_engine::world::ecs::prelude::*;
use affekt_engine::world::live::{Clock, LiveSettings, LiveStage, Recognizer};

/// People in every frame.
const CROWD: usize = 60;

/// Sees a crowd on its places, six rows of ten.
struct Crowd;

impl Detector for Crowd {
    fn describe(&self) -> String {
        "a crowd".into()
    }

    fn detect(&self, _: &Picture) -> Result<Vec<Detection>, DetectError> {
        let place =
            |k: usize| FaceBox { x: (k % 10) as f32 * 60.0, y: (k / 10) as f32 * 60.0, w: 40.0, h: 40.0 };
        let seen = |k| Detection { face_box: place(k), landmarks: None, score: 1.0 };
        Ok((0..CROWD).map(seen).collect())
    }
}

/// Frames, faces, tracks and labels in the world after each pass, of so many frames read one by one, with a vote of its kind.
fn held(frames: u64, kind: VoteKind) -> Vec<[usize; 4]> {
    let vote = VoteSettings { kind, window: 10 };
    let settings = LiveSettings { vote, cuts: false, ..LiveSettings::default() };
    let model = Model::builtin().unwrap();
    let backend = CpuBackend::new().unwrap();
    let mut recognizer =
        Recognizer::new(&model, None, Box::new(Crowd), &backend, &settings, Clock::default()).unwrap();
    let counts = Arc::new(Mutex::new(vec![]));
    let kept = Arc::clone(&counts);
    let count = move |frames: Query<&FrameIndex>,
                      faces: Query<&TrackedFace>,
                      tracks: Query<&Timeline>,
                      labels: Query<&VotedLabel>| {
        let held =
            [frames.iter().count(), faces.iter().count(), tracks.iter().count(), labels.iter().count()];
        kept.lock().unwrap().push(held);
    };
    recognizer.extend(|_, schedule| _ = schedule.add_systems(count.after(LiveStage::Present))).unwrap();
    let picture = Picture::filled(600, 360, 3, 90);
    let mut read = 0;
    for index in 0..frames {
        let frame = Frame { index, seconds: index as f64 / 25.0, picture: picture.clone() };
        read += recognizer.push(frame).unwrap().len();
    }
    read += recognizer.finish().unwrap().iter().map(|reading| reading.faces.len()).sum::<usize>();
    assert_eq!(read, frames as usize * CROWD, "every face of every frame is read");
    counts.lock().unwrap().clone()
}

#[test]
fn a_crowd_takes_no_more_place_the_longer_it_is_seen() {
    let causal = held(120, VoteKind::Causal);
    assert!(
        causal[..120].iter().all(|held| *held == [0, 0, CROWD, 0]),
        "nothing but tracks lasts: {causal:?}"
    );
    // A centred vote of 10 frames waits for the five that follow.
    let centred = held(120, VoteKind::Centred);
    let most = centred.iter().map(|[frames, faces, ..]| (*frames, *faces)).max().unwrap();
    assert!(most.0 <= 10 && most.1 <= 10 * CROWD, "{most:?}");
    assert_eq!(centred[20..60], centred[60..100], "as much after a hundred frames as after twenty");
    assert_eq!(centred.last().unwrap()[0], 0, "none is left at the end");
}
