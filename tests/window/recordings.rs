//! What the window writes while it plays.

use std::time::Duration;

use affekt_engine::media::OverflowPolicy;
use affekt_live::pipeline::{Event, Pipeline, Slow};
use affekt_live::recognize::RecognizerChoice;

use super::stages::plain;
use super::support::{Film, ready, setup, to_the_end, wait_for};

#[test]
fn a_recording_is_a_video_and_a_table_with_the_same_frames() {
    use affekt_engine::media::source::{OpenOptions, open};
    use affekt_live::viewer::Results;
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = Pipeline::start(setup(plain(), Slow::default())).unwrap();
    pipeline.recognize(RecognizerChoice::default());
    ready(&mut pipeline);
    let video = folder.path().join("new/take.mp4");
    let recorded = |pipeline: &mut Pipeline| {
        wait_for("the recording's end", || {
            let ended = pipeline.poll().1.into_iter().find(|event| matches!(event, Event::Recorded { .. }));
            ended.map(|event| {
                if let Event::Recorded { frames, dropped, problem, .. } = event {
                    (frames, dropped, problem)
                } else {
                    panic!()
                }
            })
        })
    };
    let play = |pipeline: &mut Pipeline| {
        // Few frames, if any, are read before the order to record has been heard.
        pipeline.play(Film::open(40, 25.0, false), OverflowPolicy::Block).unwrap();
        pipeline.record(video.clone());
    };
    play(&mut pipeline);
    let (shown, _) = to_the_end(&mut pipeline);
    pipeline.end_recording();
    let (frames, dropped, problem) = recorded(&mut pipeline);
    assert_eq!((dropped, problem), (0, None));
    assert!(shown.len() == 40 && (35..=40).contains(&frames), "{frames}");
    let table = Results::read(&video.with_extension("csv")).unwrap();
    assert_eq!((table.len() as u64, table.people().len()), (frames, 2));
    let mut source = open(&video, OpenOptions::default()).unwrap();
    for place in 0..table.len() {
        let (row, frame) = (table.frame(place).unwrap(), source.next_frame().unwrap().unwrap());
        assert_eq!((row.number, frame.index), (place as u64, place as u64));
        assert!((row.seconds - frame.seconds).abs() < 1e-3, "{} {}", row.seconds, frame.seconds);
    }
    assert_eq!(source.next_frame().unwrap(), None);
    // Never over another one.
    play(&mut pipeline);
    let (frames, _, problem) = recorded(&mut pipeline);
    assert_eq!(frames, 0);
    assert!(problem.as_ref().is_some_and(|p| p.contains("is there already")), "{problem:?}");
}

#[test]
fn a_recording_of_a_camera_holds_the_frames_that_nobody_had_time_to_read() {
    use affekt_engine::media::source::{OpenOptions, open};
    use affekt_engine::output::TableReader;
    let folder = tempfile::tempdir().unwrap();
    let slow = Slow { inference: Duration::from_millis(60), ..Slow::default() };
    let mut pipeline = Pipeline::start(setup(plain(), slow)).unwrap();
    pipeline.recognize(RecognizerChoice::default());
    ready(&mut pipeline);
    let video = folder.path().join("take.mp4");
    pipeline.play(Film::open(90, 60.0, false), OverflowPolicy::DropOldest).unwrap();
    wait_for("the first frame", || (!pipeline.poll().0.is_empty()).then_some(()));
    pipeline.record(video.clone());
    let (shown, _) = to_the_end(&mut pipeline);
    pipeline.end_recording();
    let (frames, dropped) = wait_for("the recording's end", || {
        pipeline.poll().1.into_iter().find_map(|event| match event {
            Event::Recorded { frames, dropped, problem, .. } => {
                assert_eq!(problem, None);
                Some((frames, dropped))
            }
            _ => None,
        })
    });
    let left_out = pipeline.tally().dropped;
    assert!(left_out > 30, "{left_out} frames were not read");
    assert!(frames + dropped > shown.len() as u64 + 20, "{frames} recorded, {} read", shown.len());
    let mut table = TableReader::open(&video.with_extension("csv")).unwrap();
    let (mut ahead, mut held, mut read, mut rows) = (None, 0, 0, 0);
    while let Some(row) = table.next_frame(&mut ahead).unwrap() {
        assert_eq!(row[0].frame, rows);
        rows += 1;
        let faces: Vec<_> = row.iter().filter_map(|row| row.face.as_ref()).collect();
        assert!(faces.len() == 2 || rows < 10, "labels are held in frame {}", rows - 1);
        read += u64::from(faces.iter().any(|face| face.detected));
        held += u64::from(faces.len() == 2 && faces.iter().all(|face| !face.detected));
    }
    assert!(rows == frames && held > read, "{rows} rows, {read} read, {held} held");
    let mut source = open(&video, OpenOptions::default()).unwrap();
    let mut there = 0;
    while source.next_frame().unwrap().is_some() {
        there += 1;
    }
    assert_eq!(there, frames);
}
