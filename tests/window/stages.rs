//! Capture and inference: who waits for whom, what is lost, and what time it took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use affekt_engine::media::{FaceBox, OverflowPolicy};
use affekt_engine::world::live::SourceSpec;
use affekt_live::app::{Live, Playing};
use affekt_live::pipeline::{Event, Make, Pipeline, Setup, Slow, Time};
use affekt_live::recognize::RecognizerChoice;
use eframe::egui::Context;

use super::support::{Film, Gate, clock, make, ready, setup, to_the_end, two, wait_for};

pub fn plain() -> Make {
    make(two(), &Arc::default(), 0)
}

#[test]
fn live_the_newest_frame_wins_and_every_lost_one_is_counted() {
    let slow = Slow { inference: Duration::from_millis(25), ..Slow::default() };
    let mut pipeline = Pipeline::start(setup(plain(), slow)).unwrap();
    pipeline.recognize(RecognizerChoice::default());
    ready(&mut pipeline);
    pipeline.play(Film::open(200, 400.0, false), OverflowPolicy::DropOldest).unwrap();
    let (shown, end) = to_the_end(&mut pipeline);
    assert_eq!(end, None);
    let tally = pipeline.tally();
    assert_eq!(tally.captured, 200);
    assert!(tally.dropped > 50, "inference has time for a tenth of the frames: {tally:?}");
    // Frames that the window had no place for are counted with the others.
    assert_eq!(shown.len() as u64 + tally.dropped, 200, "each frame is shown or counted");
    assert!(shown.windows(2).all(|pair| pair[0].frame < pair[1].frame), "time does not go back");
    assert_eq!(shown.last().unwrap().frame, 199, "the newest wins");
}

#[test]
fn of_a_file_every_frame_is_read_though_every_stage_is_slow_and_the_window_late() {
    let slow = Slow { inference: Duration::from_millis(4), capture: Duration::from_millis(1) };
    let mut pipeline = Pipeline::start(setup(plain(), slow)).unwrap();
    pipeline.recognize(RecognizerChoice::default());
    ready(&mut pipeline);
    pipeline.play(Film::open(90, 1000.0, false), OverflowPolicy::Block).unwrap();
    // More frames than there are places in the channels.
    std::thread::sleep(Duration::from_millis(300));
    let (shown, end) = to_the_end(&mut pipeline);
    assert_eq!((end, pipeline.tally().dropped), (None, 0));
    assert!(shown.iter().map(|s| s.frame).eq(0..90));
    for frame in &shown {
        let faces: Vec<u32> = frame.faces.as_ref().unwrap().iter().map(|seen| seen.reading.face).collect();
        assert_eq!(faces, [1, 2], "frame {}", frame.frame);
        assert_eq!(frame.picture.pixels[0], frame.frame as u8, "each reading comes with its own picture");
    }
}

#[test]
fn nobody_is_followed_from_one_photo_to_the_next() {
    let mut pipeline = Pipeline::start(setup(plain(), Slow::default())).unwrap();
    pipeline.recognize(RecognizerChoice::default());
    ready(&mut pipeline);
    pipeline.play(Film::photos(3), OverflowPolicy::Block).unwrap();
    let (shown, end) = to_the_end(&mut pipeline);
    assert_eq!((end, shown.len()), (None, 3));
    let mut people: Vec<u32> =
        shown.iter().flat_map(|s| s.faces.iter().flatten()).map(|seen| seen.reading.face).collect();
    people.sort_unstable();
    people.dedup();
    assert_eq!(people.len(), 6, "two faces stand in the same places of each of three photos: {people:?}");
}

#[test]
fn a_source_that_breaks_gives_what_it_has_and_one_line_and_can_be_played_again() {
    let mut pipeline = Pipeline::start(setup(plain(), Slow::default())).unwrap();
    pipeline.recognize(RecognizerChoice::default());
    ready(&mut pipeline);
    for _ in 0..2 {
        pipeline.play(Film::open(7, 500.0, true), OverflowPolicy::Block).unwrap();
        let (shown, end) = to_the_end(&mut pipeline);
        assert!(shown.iter().map(|s| s.frame).eq(0..7));
        assert_eq!(end.as_deref(), Some("film: torn; splice it"));
        assert!(shown.iter().all(|s| s.run == pipeline.run()), "each start has its own number");
    }
    pipeline.play(Box::new(|| Err("no such film".into())), OverflowPolicy::Block).unwrap();
    assert_eq!(to_the_end(&mut pipeline).1.as_deref(), Some("no such film"));
}

#[test]
fn the_window_never_waits_for_a_stage_that_stands_still() {
    let gate = Arc::new(Gate::default());
    let second = Duration::from_secs(1);
    let time = {
        let (gate, millis) = (Arc::clone(&gate), Arc::new(AtomicU64::new(0)));
        let clock = clock(&millis);
        // Whoever is slowed by a second stands at the gate until the test lets them through; others move the clock.
        Time::of(clock, move |wait| {
            if wait == second {
                gate.pass();
            } else {
                millis.fetch_add(wait.as_millis() as u64, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let slow = Slow { inference: second, ..Slow::default() };
    let setup = Setup { time, slow, make: plain(), wake: Box::new(|| {}) };
    let mut live = Live::start(setup, RecognizerChoice::default(), 5).unwrap();
    wait_for("the recognizer", || {
        live.begin(None);
        live.about.is_some().then_some(())
    });
    live.play(SourceSpec::Synth, None);
    gate.await_arrivals(1);
    // Inference stands still now. If one of these calls waited for it, it would wait for ever.
    for round in 0..200 {
        live.begin(None);
        live.texture(&Context::default());
        live.set_paused(round % 2 == 0);
        live.pipeline.set_smoothing(round + 1);
        live.recognize(&RecognizerChoice { vote_window: Some(round + 1), ..RecognizerChoice::default() });
        if round % 20 == 0 {
            live.play(SourceSpec::Synth, None);
        }
        assert_eq!(live.pipeline.times().map(|t| t.frames), Some(0));
    }
    assert_eq!(gate.arrivals(), 1, "inference has not moved");
    gate.open();
    live.set_paused(false);
    wait_for("a frame of the last source", || {
        live.begin(None);
        live.last.is_some().then_some(())
    });
}

#[test]
fn latency_is_from_capture_to_the_end_of_the_pass_that_draws() {
    let millis = Arc::new(AtomicU64::new(1000));
    let time = Time::of(clock(&millis), |_| {});
    let setup = Setup { time, slow: Slow::default(), make: make(two(), &millis, 70), wake: Box::new(|| {}) };
    let mut live = Live::start(setup, RecognizerChoice::default(), 1).unwrap();
    wait_for("the recognizer", || {
        live.begin(None);
        live.about.is_some().then_some(())
    });
    live.pipeline.play(Film::open(1, 30.0, false), OverflowPolicy::DropOldest).unwrap();
    let ctx = Context::default();
    wait_for("the frame", || {
        live.begin(None);
        live.last.is_some().then_some(())
    });
    // Captured at 1000 ms, read at 1070. A pass that begins at 1100 and takes 8 ms draws it.
    assert_eq!(live.last.as_ref().unwrap().captured, Duration::from_secs(1));
    assert_eq!(live.pipeline.now(), Duration::from_millis(1070));
    millis.store(1100, Ordering::SeqCst);
    live.begin(None);
    live.texture(&ctx).unwrap();
    assert_eq!(live.latency.last(), None, "the pass is not over");
    millis.store(1500, Ordering::SeqCst);
    live.begin(Some(Duration::from_millis(8)));
    assert_eq!(live.latency.last(), Some(Duration::from_millis(108)));
    // The same frame drawn again is not another frame.
    live.texture(&ctx).unwrap();
    live.begin(Some(Duration::from_millis(9)));
    assert_eq!((live.latency.frames(), live.latency.median()), (1, Some(Duration::from_millis(108))));
}

#[test]
fn a_recognizer_that_cannot_be_opened_leaves_the_one_before_at_work() {
    let shipped = plain();
    let make: Make = Arc::new(move |choice, clock| match &choice.model {
        Some(model) => Err(format!("{}: is no model; choose another", model.display())),
        None => shipped(choice, clock),
    });
    let mut live = Live::start(setup(make, Slow::default()), RecognizerChoice::default(), 1).unwrap();
    let bad = RecognizerChoice { model: Some("bad".into()), ..RecognizerChoice::default() };
    live.recognize(&bad);
    let problem = wait_for("the refusal", || {
        live.begin(None);
        live.refused.clone()
    });
    assert_eq!(problem, "bad: is no model; choose another");
    live.pipeline.play(Film::open(3, 30.0, false), OverflowPolicy::Block).unwrap();
    wait_for("a frame with faces", || {
        live.begin(None);
        live.last.as_ref()?.faces.as_ref().filter(|faces| faces.len() == 2).map(|_| ())
    });
    live.recognize(&RecognizerChoice::default());
    wait_for("the other one", || {
        live.begin(None);
        (!live.opening && live.refused.is_none()).then_some(())
    });
}

#[test]
fn of_many_wishes_in_a_row_the_last_is_opened() {
    let gate = Arc::new(Gate::default());
    let opened = Arc::new(std::sync::Mutex::new(vec![]));
    let make: Make = {
        let (gate, opened, shipped) = (Arc::clone(&gate), Arc::clone(&opened), plain());
        Arc::new(move |choice, clock| {
            gate.pass();
            opened.lock().unwrap().push(choice.vote_window.unwrap());
            shipped(choice, clock)
        })
    };
    let mut pipeline = Pipeline::start(setup(make, Slow::default())).unwrap();
    for vote_window in 1..=40 {
        pipeline
            .recognize(RecognizerChoice { vote_window: Some(vote_window), ..RecognizerChoice::default() });
    }
    gate.await_arrivals(1);
    // While the first is being opened, a camera's frames are shown without faces.
    pipeline.play(Film::open(30, 100.0, false), OverflowPolicy::DropOldest).unwrap();
    wait_for("a frame without a recognizer", || {
        let (shown, _) = pipeline.poll();
        shown.iter().any(|s| s.faces.is_none() && s.reader == 0).then_some(())
    });
    // A film waits, because each of its frames is to be read.
    pipeline.play(Film::open(3, 100.0, false), OverflowPolicy::Block).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(pipeline.poll().0.iter().all(|s| s.run != pipeline.run()));
    gate.open();
    let mut ready = 0;
    wait_for("the last one", || {
        ready += pipeline.poll().1.iter().filter(|e| matches!(e, Event::Ready(_))).count();
        (ready == 2).then_some(())
    });
    // The first, which is better than none until the last is open, and none of those between.
    assert_eq!(*opened.lock().unwrap(), [1, 40]);
}

#[test]
fn a_film_stands_still_while_paused_and_a_camera_goes_on_unread() {
    let mut live = Live::start(setup(plain(), Slow::default()), RecognizerChoice::default(), 1).unwrap();
    live.set_paused(true);
    live.pipeline.play(Film::open(30, 300.0, false), OverflowPolicy::Block).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    live.begin(None);
    assert!(live.last.is_none() && live.tally().captured == 0, "the film stands");
    live.set_paused(false);
    let (shown, _) = to_the_end(&mut live.pipeline);
    assert_eq!(shown.len(), 30);
    live.set_paused(true);
    live.pipeline.play(Film::open(30, 300.0, false), OverflowPolicy::DropOldest).unwrap();
    let (shown, _) = to_the_end(&mut live.pipeline);
    assert_eq!((shown.len(), live.tally().dropped), (0, 0), "what nobody wants is not lost");
}

#[test]
fn a_missing_file_fails_with_its_name_and_the_synthetic_camera_takes_its_place() {
    let mut live = Live::start(
        setup(make(vec![FaceBox { x: 9.0, y: 9.0, w: 50.0, h: 60.0 }], &Arc::default(), 0), Slow::default()),
        RecognizerChoice::default(),
        1,
    )
    .unwrap();
    live.play(SourceSpec::File("/no/such/film.mp4".into()), None);
    let problem = wait_for("the failure", || {
        live.begin(None);
        if let Playing::Failed(problem) = &live.playing { Some(problem.clone()) } else { None }
    });
    assert!(problem.starts_with("/no/such/film.mp4: there is no such file"), "{problem}");
    live.play(SourceSpec::Synth, Some("stands in".into()));
    wait_for("a frame", || {
        live.begin(None);
        (live.last.is_some() && live.playing == Playing::On).then_some(())
    });
    assert_eq!(live.note.as_deref(), Some("stands in"));
}

#[test]
fn other_programs_hear_what_is_read_and_a_port_in_use_is_a_line() {
    use std::io::{BufRead as _, BufReader};
    use std::net::{TcpListener, TcpStream};
    let mut live = Live::start(setup(plain(), Slow::default()), RecognizerChoice::default(), 1).unwrap();
    wait_for("the recognizer", || {
        live.begin(None);
        live.about.is_some().then_some(())
    });
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    live.serve(Some(taken.local_addr().unwrap().to_string()));
    let problem = wait_for("the refusal", || {
        live.begin(None);
        live.served.clone()
    });
    assert!(problem.as_ref().is_err_and(|p| p.contains("in use")), "{problem:?}");
    live.serve(Some("0".into()));
    let address = wait_for("the port", || {
        live.begin(None);
        live.served.clone()
    });
    let client = TcpStream::connect(address.unwrap()).unwrap();
    client.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    live.pipeline.play(Film::open(2000, 60.0, false), OverflowPolicy::DropOldest).unwrap();
    let mut lines = BufReader::new(client).lines();
    let line: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(line["faces"].as_array().unwrap().len(), 2, "{line}");
    wait_for("the count of listeners", || {
        live.begin(None);
        (live.pipeline.clients() == 1).then_some(())
    });
    live.serve(None);
    // The port closes, so the lines end.
    assert!(lines.take(5000).all(|line| line.is_ok()));
}

#[test]
fn a_face_at_rest_is_looked_at_for_its_time_and_can_be_forgotten() {
    use affekt_engine::world::live::NeutralState;
    let mut live = Live::start(setup(plain(), Slow::default()), RecognizerChoice::default(), 1).unwrap();
    wait_for("the recognizer", || {
        live.begin(None);
        live.about.is_some().then_some(())
    });
    live.pipeline.play(Film::open(u64::MAX, 100.0, false), OverflowPolicy::Block).unwrap();
    let until = |live: &mut Live, what: &str, is: fn(NeutralState) -> bool| {
        wait_for(what, || {
            live.begin(None);
            let cards = live.cards();
            (cards.len() == 2 && is(cards[0].neutral?)).then_some(())
        });
    };
    until(&mut live, "a face", |state| state == NeutralState::Unknown);
    live.look_at_rest(0.5);
    until(&mut live, "the look", |state| matches!(state, NeutralState::Gathering { .. }));
    until(&mut live, "what came of it", |state| matches!(state, NeutralState::Known { .. }));
    live.pipeline.look_at_rest(1, None);
    until(&mut live, "oblivion", |state| state == NeutralState::Unknown);
    live.pipeline.look_at_rest(99, Some(1.0));
    let problem = wait_for("the refusal", || {
        live.begin(None);
        live.not_at_rest.clone()
    });
    assert!(problem.contains("face 99 is not in sight"), "{problem}");
}
