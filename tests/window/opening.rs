//! Opening files, going through a film that plays, and what is remembered of it.

use std::sync::Arc;

use affekt_engine::world::live::SourceSpec;
use affekt_live::app::{Playing, Window};
use affekt_live::dialog::Wish;
use affekt_live::state::State;
use eframe::egui::{Context, Event, Key, Modifiers, PointerButton, RawInput};

use super::support::wait_for;
use super::viewing;
use super::window::{click, find, given, open, pass, start, texts, with_command};

const SIZE: [f32; 2] = [900.0, 640.0];

/// Waits until a frame of a film is seen that lies where it should.
fn seen(ctx: &Context, window: &mut Window, wanted: impl Fn(u64) -> bool) -> u64 {
    wait_for("the frame", || {
        pass(ctx, window, SIZE, &[]);
        window.live().last.as_ref().map(|shown| shown.frame).filter(|frame| wanted(*frame))
    })
}

#[test]
fn a_film_says_where_it_is_and_goes_where_it_is_asked_also_while_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let (film, table) = viewing::film(folder.path());
    std::fs::remove_file(table).unwrap();
    let (ctx, mut window) = open(start(SourceSpec::File(film), folder.path()));
    seen(&ctx, &mut window, |_| true);
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, " / 0:03.0").is_some(), "{:?}", texts(&output));
    pass(&ctx, &mut window, SIZE, &[Key::Space]);
    assert!(window.live().paused);
    pass(&ctx, &mut window, SIZE, &[Key::End]);
    assert_eq!(seen(&ctx, &mut window, |frame| frame == 89), 89, "the last frame, though it stands");
    pass(&ctx, &mut window, SIZE, &[Key::Home]);
    assert_eq!(seen(&ctx, &mut window, |frame| frame == 0), 0);
    pass(&ctx, &mut window, SIZE, &[Key::ArrowRight]);
    assert_eq!(seen(&ctx, &mut window, |frame| frame > 0), 30, "a second on");
    assert!(window.live().paused && (window.live().position() - 1.0).abs() < 0.04);
    // On the line, about two thirds through.
    let output = pass(&ctx, &mut window, SIZE, &[]);
    let time = find(&output, "0:01.0 / 0:03.0").expect("where it is");
    super::window::click_at(
        &ctx,
        &mut window,
        SIZE,
        eframe::egui::pos2(SIZE[0] * 0.66, time.bottom() + 14.0),
    );
    seen(&ctx, &mut window, |frame| (50..70).contains(&frame));
    // While somebody drags, the time follows; the film goes there once they let go.
    let (y, run) = (time.bottom() + 14.0, window.live().pipeline.run());
    let button = |x: f32, pressed| Event::PointerButton {
        pos: eframe::egui::pos2(x, y),
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let moved = |x: f32| Event::PointerMoved(eframe::egui::pos2(x, y));
    for event in [moved(200.0), button(200.0, true), moved(300.0), moved(400.0)] {
        given(&ctx, &mut window, SIZE, RawInput { events: vec![event], ..RawInput::default() });
    }
    let there = window.live().position();
    assert!((1.0..1.6).contains(&there) && window.live().pipeline.run() == run, "{there}");
    let release = vec![button(400.0, false)];
    given(&ctx, &mut window, SIZE, RawInput { events: release, ..RawInput::default() });
    assert!(window.live().pipeline.run() > run);
    let wanted = (there * 30.0) as u64;
    seen(&ctx, &mut window, |frame| frame.abs_diff(wanted) < 3);
    pass(&ctx, &mut window, SIZE, &[Key::Space]);
    seen(&ctx, &mut window, |frame| frame > 75);
}

#[test]
fn what_is_chosen_in_the_dialog_plays_and_a_desktop_without_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (film, _) = viewing::film(folder.path());
    let mut begin = start(SourceSpec::Synth, folder.path());
    begin.ask = Arc::new(|wish| {
        assert_eq!(wish, Wish::Play);
        Err("no file dialog comes up; type the path under Settings".into())
    });
    let (ctx, mut window) = open(begin);
    with_command(&ctx, &mut window, SIZE, Key::O, false);
    wait_for("the line", || {
        find(&pass(&ctx, &mut window, SIZE, &[]), "no file dialog comes up; type the path").map(|_| ())
    });
    assert_eq!(window.live().source, SourceSpec::Synth, "what plays goes on");

    let mut begin = start(SourceSpec::Synth, folder.path());
    let chosen = film.clone();
    begin.ask = Arc::new(move |_| Ok(vec![chosen.clone()]));
    let (ctx, mut window) = open(begin);
    with_command(&ctx, &mut window, SIZE, Key::O, false);
    wait_for("the film", || {
        pass(&ctx, &mut window, SIZE, &[]);
        (window.live().source == SourceSpec::File(film.clone())).then_some(())
    });
}

#[test]
fn a_mistyped_path_is_told_stays_in_its_field_and_what_plays_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
    wait_for("the camera", || {
        pass(&ctx, &mut window, SIZE, &[]);
        (window.live().playing == Playing::On).then_some(())
    });
    let run = window.live().pipeline.run();
    pass(&ctx, &mut window, SIZE, &[Key::F]);
    click(&ctx, &mut window, SIZE, |text, _| text == "video, picture or folder");
    let typed = RawInput { events: vec![Event::Text("/no/such/talk.mp4".into())], ..RawInput::default() };
    given(&ctx, &mut window, SIZE, typed);
    pass(&ctx, &mut window, SIZE, &[Key::Enter]);
    // A line has the room that it needs one pass later.
    pass(&ctx, &mut window, SIZE, &[]);
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, "there is no such file; what plays goes on").is_some(), "{:?}", texts(&output));
    let kept = texts(&output).iter().any(|(text, _)| text == "/no/such/talk.mp4");
    assert!(kept, "the text can be corrected: {:?}", texts(&output));
    assert_eq!((window.live().pipeline.run(), &window.live().playing), (run, &Playing::On));
}

#[test]
fn files_are_remembered_by_whole_paths_and_one_that_is_away_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let remembered = |window: &Window| {
        window.remember();
        State::read(&folder.path().join("live.toml")).0
    };
    let (_, window) = open(start(SourceSpec::File("some talk.mp4".into()), folder.path()));
    let whole = std::env::current_dir().unwrap().join("some talk.mp4");
    let state = remembered(&window);
    assert_eq!((state.source, state.recent), (whole.display().to_string(), vec![whole]));

    let mut begin = start(SourceSpec::Synth, folder.path());
    begin.state.source = "/stick/talk.mp4".into();
    begin.source.1 = Some("/stick/talk.mp4 is not there now; this is another source".into());
    let (_, window) = open(begin);
    assert_eq!(remembered(&window).source, "/stick/talk.mp4");
}

#[test]
fn the_theme_button_says_what_it_is_and_recent_files_are_under_open() {
    let folder = tempfile::tempdir().unwrap();
    let mut begin = start(SourceSpec::Synth, folder.path());
    begin.state.recent = vec!["/films/first talk.mp4".into()];
    let (ctx, mut window) = open(begin);
    pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&pass(&ctx, &mut window, SIZE, &[]), "Theme: system").is_some());
    click(&ctx, &mut window, SIZE, |text, _| text == "Open");
    let output = pass(&ctx, &mut window, SIZE, &[]);
    for wanted in ["Video or picture ...", "Folder of pictures ...", "Files to analyse ...", "first talk.mp4"]
    {
        assert!(find(&output, wanted).is_some(), "{wanted}: {:?}", texts(&output));
    }
    click(&ctx, &mut window, SIZE, |text, _| text == "first talk.mp4");
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, "/films/first talk.mp4: there is no such file").is_some(), "{:?}", texts(&output));
}
