//! Files that are analysed in the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use affekt_engine::media::Picture;
use affekt_engine::world::live::SourceSpec;
use affekt_live::app::Window;
use affekt_live::queue::{JobState, Queue};
use affekt_live::recognize::RecognizerChoice;
use eframe::egui::{DroppedFile, Event, FullOutput, Key, RawInput};

use super::support::wait_for;
use super::window::{click, find, given, open, pass, start, texts};

const SIZE: [f32; 2] = [1000.0, 700.0];

/// The model that is built in, and a fixed box in place of a detector.
pub fn boxed() -> RecognizerChoice {
    RecognizerChoice { detector: Some("guide".into()), ..RecognizerChoice::default() }
}

/// A film of pictures with a hard cut in its middle: the fixed box shows face 1, then face 2.
pub fn talk(folder: &Path, name: &str, frames: usize) -> PathBuf {
    let film = folder.join(name);
    std::fs::create_dir(&film).unwrap();
    for number in 0..frames {
        let mut picture = Picture::filled(160, 120, 3, 0);
        for (at, pixel) in picture.pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = (at % 160, at / 160);
            let early = number < frames / 2;
            pixel.copy_from_slice(&if early {
                [200, (x * 3 % 255) as u8, 40]
            } else {
                [30, 60, (y * 5 % 255) as u8]
            });
        }
        picture.write_png(&film.join(format!("{number:03}.png"))).unwrap();
    }
    film
}

/// Waits until the queue has nothing more to do; gives how its files ended.
fn through(queue: &mut Queue, files: usize) -> Vec<JobState> {
    wait_for("the queue's end", || {
        queue.poll(&boxed(), None);
        let all = queue.jobs().count() == files && queue.jobs().all(affekt_live::queue::Job::is_over);
        all.then(|| queue.jobs().map(|job| job.state.clone()).collect())
    })
}

/// A film and its table, analysed as the window does it.
pub fn analysed(folder: &Path) -> (PathBuf, PathBuf) {
    let film = talk(folder, "talk", 40);
    let mut queue = Queue::new(|| {});
    queue.add(vec![film.clone()]).unwrap();
    let states = through(&mut queue, 1);
    let [JobState::Done { table, before: false }] = states.as_slice() else { panic!("{states:?}") };
    (film, table.clone())
}

#[test]
fn files_are_read_one_after_the_other_and_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let (film, table) = analysed(folder.path());
    assert_eq!(table, folder.path().join("results/talk.csv"));
    for file in ["talk.json", "talk.people.csv", "talk.segments.csv", "index.html"] {
        assert!(folder.path().join("results").join(file).is_file(), "{file}");
    }
    let broken = folder.path().join("broken.mp4");
    std::fs::write(&broken, "no video").unwrap();
    let mut queue = Queue::new(|| {});
    queue.add(vec![broken, film, folder.path().join("gone.mp4")]).unwrap();
    let states = through(&mut queue, 2);
    assert!(matches!(&states[0], JobState::Failed(why) if why.contains("broken.mp4")), "{states:?}");
    assert_eq!(states[1], JobState::Done { table, before: true }, "nothing is read twice");
    assert!(queue.problems[0].contains("gone.mp4: there is no such file"), "{:?}", queue.problems);
    queue.clear();
    assert_eq!(queue.jobs().count(), 0);
}

#[test]
fn a_file_that_is_stopped_leaves_nothing_and_one_that_waits_never_begins() {
    let folder = tempfile::tempdir().unwrap();
    let (long, next) = (talk(folder.path(), "long", 900), talk(folder.path(), "next", 40));
    let mut queue = Queue::new(|| {});
    queue.add(vec![long, next]).unwrap();
    let frames = wait_for("frames", || {
        queue.poll(&boxed(), None);
        let job = queue.jobs().next()?;
        (job.frames().0 > 0).then(|| job.frames())
    });
    assert_eq!(frames.1, 900);
    let ids: Vec<u64> = queue.jobs().map(|job| job.id).collect();
    for id in ids {
        queue.stop(id);
    }
    assert_eq!(through(&mut queue, 2), [JobState::Stopped, JobState::Stopped]);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("results"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn results_that_show_no_faces_still_show_none_when_they_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (film, table) = analysed(folder.path());
    let file = table.with_extension("json");
    let read = || -> serde_json::Value { serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap() };
    let pictures = |summary: &serde_json::Value| -> usize {
        let people = summary["people"].as_array().unwrap();
        people.iter().map(|person| person["thumbnails"].as_array().unwrap().len()).sum()
    };
    let mut summary = read();
    assert!(pictures(&summary) > 0);
    // As if somebody had asked for no pictures, with another model.
    summary["no_pictures"] = true.into();
    summary["settings"] = "another model".into();
    std::fs::write(&file, summary.to_string()).unwrap();
    let mut queue = Queue::new(|| {});
    queue.add(vec![film]).unwrap();
    assert_eq!(through(&mut queue, 1), [JobState::Done { table, before: false }]);
    assert!(read()["no_pictures"] == true && pictures(&read()) == 0);
}

/// A file as the desktop drops it.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("nobody reads it".into())
    }
}

#[test]
fn several_files_that_are_dropped_are_analysed_and_their_results_open_in_the_viewer() {
    let folder = tempfile::tempdir().unwrap();
    let films = ["one", "two"].map(|name| talk(folder.path(), name, 24));
    let mut begin = start(SourceSpec::Synth, folder.path());
    begin.state.recognizer = boxed();
    let (ctx, mut window) = open(begin);
    let dropped_files = films.iter().map(|film| Arc::new(Dropped(film.clone())) as _).collect();
    given(&ctx, &mut window, SIZE, RawInput { dropped_files, ..RawInput::default() });
    let output = wait_for("both", || {
        let output = pass(&ctx, &mut window, SIZE, &[]);
        let done = texts(&output).iter().filter(|(text, _)| text == "view").count();
        (done == 2).then_some(output)
    });
    assert!(find(&output, "two").is_some() && window.live().last.is_some(), "the camera goes on");
    click(&ctx, &mut window, SIZE, |text, _| text == "view");
    wait_for("the viewer", || {
        pass(&ctx, &mut window, SIZE, &[]);
        window.viewer()?.still().map(|_| ())
    });
    let viewer = window.viewer().unwrap();
    assert!(viewer.video == films[1] && viewer.results.len() == 24 && viewer.draft.is_ok());
    // The list of files makes room for what is seen, and leaving goes back to what played before.
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, "Add files").is_none() && find(&output, "Back to live").is_some());
    pass(&ctx, &mut window, SIZE, &[Key::V]);
    assert!(window.viewer().is_none() && window.live().source == SourceSpec::Synth);
    wait_for("the camera", || {
        pass(&ctx, &mut window, SIZE, &[]);
        window.live().last.as_ref().map(|_| ())
    });
}

#[test]
fn files_that_wait_move_no_tab() {
    let folder = tempfile::tempdir().unwrap();
    let films = ["one", "two", "three"].map(|name| talk(folder.path(), name, 120));
    let size = [640.0, 480.0];
    let mut begin = start(SourceSpec::Synth, folder.path());
    begin.state.recognizer = boxed();
    let (ctx, mut window) = open(begin);
    let row = |output: &FullOutput| ["Faces", "Analyse", "Settings"].map(|tab| find(output, tab).unwrap());
    pass(&ctx, &mut window, size, &[]);
    let before = row(&pass(&ctx, &mut window, size, &[]));
    assert!(before.iter().all(|tab| (tab.center().y - before[0].center().y).abs() < 1.0), "{before:?}");
    let dropped_files = films.iter().map(|film| Arc::new(Dropped(film.clone())) as _).collect();
    given(&ctx, &mut window, size, RawInput { dropped_files, ..RawInput::default() });
    let output = wait_for("the badge", || {
        let output = pass(&ctx, &mut window, size, &[]);
        let badge =
            texts(&output).into_iter().any(|(text, at)| text == "3" && at.center().y < before[0].bottom());
        badge.then_some(output)
    });
    assert_eq!(row(&output), before);
}

#[test]
fn a_mistyped_path_stays_in_its_field_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
    pass(&ctx, &mut window, SIZE, &[]);
    click(&ctx, &mut window, SIZE, |text, _| text == "Analyse");
    let enter = |window: &mut Window, path: &str| {
        let typed = RawInput { events: vec![Event::Text(path.into())], ..RawInput::default() };
        given(&ctx, window, SIZE, typed);
        // A line has the room that it needs one pass later.
        (0..3).for_each(|_| drop(pass(&ctx, window, SIZE, &[Key::Enter])));
        pass(&ctx, window, SIZE, &[])
    };
    click(&ctx, &mut window, SIZE, |text, _| text == "or type a file or folder");
    let output = enter(&mut window, "/no/such/talk.mp4");
    assert!(find(&output, "/no/such/talk.mp4: there is no such file").is_some(), "{:?}", texts(&output));
    assert!(texts(&output).iter().any(|(text, _)| text == "/no/such/talk.mp4"), "it can be corrected");
    assert_eq!(window.queue().jobs().count(), 0);
}
