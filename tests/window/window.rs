//! The window drawn by egui alone: what is on it, where, and what keys do.

use std::path::Path;
use std::sync::Arc;

use affekt_engine::media::FaceBox;
use affekt_engine::world::live::SourceSpec;
use affekt_live::app::{Start, Window};
use affekt_live::pipeline::Slow;
use affekt_live::state::{State, Theme};
use eframe::egui::epaint::{ClippedShape, Shape};
use eframe::egui::{
    Context, Event, FullOutput, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, TextureId, pos2, vec2,
};

use super::support::{make, setup, two, wait_for};

/// A window with two faces in it.
pub fn open(start: Start) -> (Context, Window) {
    open_with(two(), start)
}

/// A window with faces in these places.
fn open_with(faces: Vec<FaceBox>, start: Start) -> (Context, Window) {
    let ctx = Context::default();
    let window = Window::new(&ctx, start, setup(make(faces, &Arc::default(), 0), Slow::default())).unwrap();
    (ctx, window)
}

/// How it begins with a source and nothing remembered.
pub fn start(source: SourceSpec, folder: &Path) -> Start {
    Start {
        state: State::default(),
        file: Some(folder.join("live.toml")),
        source: (source, None),
        table: None,
        snapshots: folder.join("snapshots"),
        serve: None,
        line: None,
        ask: Arc::new(|_| Ok(vec![])),
    }
}

/// A pass at a size, with keys pressed.
pub fn pass(ctx: &Context, window: &mut Window, size: [f32; 2], keys: &[Key]) -> FullOutput {
    let press = |&key: &Key| Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(size[0], size[1]))),
        events: keys.iter().map(press).collect(),
        ..RawInput::default()
    };
    window.logic(None);
    ctx.run_ui(input, |ui| window.ui(ui))
}

/// A pass with any input.
pub fn given(ctx: &Context, window: &mut Window, size: [f32; 2], input: RawInput) -> FullOutput {
    let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(size[0], size[1])));
    window.logic(None);
    ctx.run_ui(RawInput { screen_rect, ..input }, |ui| window.ui(ui))
}

/// Clicks at a place, in as many passes as a hand needs.
pub fn click_at(ctx: &Context, window: &mut Window, size: [f32; 2], at: Pos2) -> FullOutput {
    let button = |pressed| Event::PointerButton {
        pos: at,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    for event in [Event::PointerMoved(at), button(true), button(false)] {
        given(ctx, window, size, RawInput { events: vec![event], ..RawInput::default() });
    }
    // What was asked for is seen in the next pass.
    given(ctx, window, size, RawInput::default())
}

/// Clicks on a text that fits; the last one drawn, which lies on top.
pub fn click(
    ctx: &Context,
    window: &mut Window,
    size: [f32; 2],
    is_it: impl Fn(&str, Rect) -> bool,
) -> FullOutput {
    let output = given(ctx, window, size, RawInput::default());
    let all = texts(&output);
    let at = all.iter().rev().find(|(text, at)| is_it(text, *at)).map(|(_, at)| at.center());
    click_at(ctx, window, size, at.unwrap_or_else(|| panic!("no such text: {all:?}")))
}

/// Presses a key with Ctrl held, and with Shift.
pub fn with_command(ctx: &Context, window: &mut Window, size: [f32; 2], key: Key, shift: bool) -> FullOutput {
    let modifiers = Modifiers { ctrl: true, command: true, shift, ..Modifiers::NONE };
    let key = Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
    let held = vec![Event::ModifiersChanged(modifiers), key];
    given(ctx, window, size, RawInput { events: held, ..RawInput::default() });
    let released = vec![Event::ModifiersChanged(Modifiers::NONE)];
    given(ctx, window, size, RawInput { events: released, ..RawInput::default() })
}

/// All texts of a pass, with where they can be seen.
pub fn texts(output: &FullOutput) -> Vec<(String, Rect)> {
    fn add(shape: &Shape, clip: Rect, all: &mut Vec<(String, Rect)>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| add(shape, clip, all)),
            Shape::Text(text) => {
                let at = text.galley.rect.translate(text.pos.to_vec2());
                if clip.contains_rect(at.shrink(1.0)) {
                    all.push((text.galley.text().to_owned(), at));
                }
            }
            _ => {}
        }
    }
    let mut all = vec![];
    output.shapes.iter().for_each(|ClippedShape { clip_rect, shape, .. }| add(shape, *clip_rect, &mut all));
    all
}

/// Where a text that holds `part` is seen whole.
pub fn find(output: &FullOutput, part: &str) -> Option<Rect> {
    texts(output).into_iter().find(|(text, _)| text.contains(part)).map(|(_, at)| at)
}

/// Draws until two faces are marked.
fn until_faces(ctx: &Context, window: &mut Window, size: [f32; 2]) -> FullOutput {
    wait_for("two faces", || {
        let output = pass(ctx, window, size, &[]);
        find(&output, "Person 2").map(|_| output)
    });
    // One more, because panels know their sizes only now.
    pass(ctx, window, size, &[])
}

#[test]
fn everything_that_matters_is_seen_whole_at_every_size() {
    let folder = tempfile::tempdir().unwrap();
    for size in [[390.0, 760.0], [640.0, 480.0], [1100.0, 720.0], [1920.0, 1080.0]] {
        let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
        let output = until_faces(&ctx, &mut window, size);
        for wanted in ["fps", "latency", "dropped", "Pause", "Snapshot", "Faces", "Settings", "Person 1", "?"]
        {
            assert!(
                find(&output, wanted).is_some(),
                "`{wanted}` is not seen at {size:?}: {:?}",
                texts(&output)
            );
        }
        // A bar a class, and a label at each face.
        let classes = window.live().about.as_ref().unwrap().classes.clone();
        let all = texts(&output);
        for class in &classes {
            let seen = all.iter().filter(|(text, _)| text == class).count();
            assert!(seen >= 2, "{class} has a bar and stands in the legend at {size:?}: {seen}");
        }
        // Where there is no room beside a face the label is short.
        let says = |text: &str| text.contains("unsure") || classes.iter().any(|class| text.contains(class));
        for face in ["1  ", "2  "] {
            let labelled = all.iter().any(|(text, _)| text.starts_with(face) && says(text));
            assert!(labelled, "{face} {size:?}: {all:?}");
        }
        let screen = Rect::from_min_size(pos2(0.0, 0.0), vec2(size[0], size[1]));
        let out = all.iter().find(|(_, at)| !screen.expand(1.0).contains_rect(*at));
        assert_eq!(out, None, "nothing lies outside at {size:?}");
    }
}

/// Rectangles of a colour that are drawn as wide as a strip, each with whether it is seen whole.
fn strips(output: &FullOutput, left: f32) -> Vec<(Rect, bool)> {
    let strip = |clipped: &ClippedShape| match &clipped.shape {
        Shape::Rect(rect) if (rect.rect.left() - left).abs() < 1.0 && rect.rect.width() > 200.0 => {
            Some((rect.rect, clipped.clip_rect.contains_rect(rect.rect.shrink(1.0))))
        }
        _ => None,
    };
    output.shapes.iter().filter_map(strip).collect()
}

#[test]
fn no_strip_is_cut_however_many_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let many = |faces: usize| -> Vec<FaceBox> {
        let place = |face: usize| (2.0 + (face % 4) as f32 * 15.5, if face < 4 { 4.0 } else { 28.0 });
        (0..faces).map(place).map(|(x, y)| FaceBox { x, y, w: 12.0, h: 16.0 }).collect()
    };
    for (faces, size, seen) in [(4, [1280.0, 800.0], 4), (8, [1280.0, 800.0], 8), (8, [640.0, 480.0], 3)] {
        let (ctx, mut window) = open_with(many(faces), start(SourceSpec::Synth, folder.path()));
        wait_for("all faces", || {
            pass(&ctx, &mut window, size, &[]);
            (window.live().history.len() == faces).then_some(())
        });
        // Panels know their sizes one pass later.
        (0..2).for_each(|_| drop(pass(&ctx, &mut window, size, &[])));
        let strips = strips(&pass(&ctx, &mut window, size, &[]), 38.0);
        let whole = strips.iter().filter(|(_, whole)| *whole).count();
        let partly = strips.iter().filter(|(at, whole)| !whole && at.top() < size[1] - 60.0).count();
        assert!(whole >= seen && partly == 0, "{faces} faces at {size:?}: {strips:?}");
    }
}

#[test]
fn the_side_is_as_wide_as_the_window_lets_it_also_after_the_window_has_grown() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
    until_faces(&ctx, &mut window, [640.0, 480.0]);
    let output = until_faces(&ctx, &mut window, [1280.0, 800.0]);
    let left = find(&output, "Faces").expect("the tab").left();
    assert!((975.0..1005.0).contains(&left), "300 of 1280 points: {left}");
}

#[test]
fn the_picture_keeps_half_of_a_small_window() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
    let output = until_faces(&ctx, &mut window, [640.0, 480.0]);
    let picture = output.shapes.iter().find_map(|clipped| match &clipped.shape {
        Shape::Rect(rect) if rect.brush.is_some() => Some(rect.rect),
        Shape::Mesh(mesh) if mesh.texture_id != TextureId::default() => Some(mesh.calc_bounds()),
        _ => None,
    });
    let picture = picture.expect("a picture");
    assert!(picture.width() > 300.0 && picture.height() > 225.0, "{picture:?}");
}

#[test]
fn keys_pause_change_the_theme_and_open_help() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
    let size = [800.0, 600.0];
    until_faces(&ctx, &mut window, size);
    let press = |window: &mut Window, key| {
        pass(&ctx, window, size, &[key]);
        pass(&ctx, window, size, &[])
    };
    let output = press(&mut window, Key::Space);
    assert!(window.live().paused && find(&output, "paused").is_some() && find(&output, "Go on").is_some());
    press(&mut window, Key::Space);
    assert!(!window.live().paused);
    let output = press(&mut window, Key::H);
    assert!(find(&output, "snapshot: picture, JSON and CSV").is_some(), "{:?}", texts(&output));
    let output = press(&mut window, Key::Escape);
    assert!(find(&output, "snapshot: picture").is_none());
    let output = press(&mut window, Key::F);
    assert!(find(&output, "Expression model").is_some() && find(&output, "Person 1").is_none());
    press(&mut window, Key::T);
    assert_eq!(ctx.theme(), eframe::egui::Theme::Light);
    press(&mut window, Key::T);
    assert_eq!(ctx.theme(), eframe::egui::Theme::Dark);
    window.remember();
    let (state, line) = State::read(&folder.path().join("live.toml"));
    assert_eq!((state.theme, state.source.as_str(), line), (Theme::Dark, "synth", None));
    assert_eq!(state.window, size);
}

#[test]
fn help_fits_a_window_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    for size in [[390.0, 760.0], [640.0, 480.0], [1280.0, 800.0]] {
        let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
        for keys in [&[Key::H][..], &[], &[]] {
            pass(&ctx, &mut window, size, keys);
        }
        let output = pass(&ctx, &mut window, size, &[]);
        for wanted in ["Ctrl+S, Ctrl+Z, Ctrl+Y", "viewer: save, undo, redo corrections", "pause, go on"] {
            assert!(find(&output, wanted).is_some(), "{wanted} {size:?}: {:?}", texts(&output));
        }
        let out = texts(&output).into_iter().find(|(_, at)| at.right() > size[0] || at.left() < 0.0);
        assert_eq!(out, None, "{size:?}");
    }
}

#[test]
fn a_snapshot_is_written_beside_the_window_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = open(start(SourceSpec::Synth, folder.path()));
    let size = [900.0, 600.0];
    until_faces(&ctx, &mut window, size);
    pass(&ctx, &mut window, size, &[Key::S]);
    wait_for("the line", || find(&pass(&ctx, &mut window, size, &[]), "written: ").map(|_| ()));
    let mut endings: Vec<String> = std::fs::read_dir(folder.path().join("snapshots"))
        .unwrap()
        .map(|e| e.unwrap().path().extension().unwrap().to_string_lossy().into_owned())
        .collect();
    endings.sort();
    assert_eq!(endings, ["csv", "json", "png"]);
}

#[test]
fn problems_are_a_line_that_says_what_to_do_with_a_button_that_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut begin = start(SourceSpec::File("/no/such/film.mp4".into()), folder.path());
    begin.line = Some("live.toml is ignored".into());
    let (ctx, mut window) = open(begin);
    wait_for("the line", || {
        let output = pass(&ctx, &mut window, [640.0, 480.0], &[]);
        find(&output, "there is no such file").map(|_| ())
    });
    // Panels take the room that they need one pass later.
    wait_for("the recognizer", || {
        pass(&ctx, &mut window, [640.0, 480.0], &[]);
        window.live().about.as_ref().map(|_| ())
    });
    let output = pass(&ctx, &mut window, [640.0, 480.0], &[]);
    for wanted in ["open again", "synthetic camera", "live.toml is ignored", "close", "fps", "dropped"] {
        assert!(find(&output, wanted).is_some(), "`{wanted}`: {:?}", texts(&output));
    }
}
