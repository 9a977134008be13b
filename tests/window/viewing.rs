//! A film with its analysed table.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use affekt_engine::media::Picture;
use affekt_engine::world::live::SourceSpec;
use affekt_live::app::Window;
use eframe::egui::{Context, Event, Key, RawInput, Rect, pos2};

use super::support::wait_for;
use super::window::{click_at, find, given, open, pass, start, texts};

const FRAMES: usize = 90;
const SIZE: [f32; 2] = [900.0, 640.0];

/// A folder of pictures of three seconds and its table: one person who is glad in the second half, and another one in the
/// middle third.
pub fn film(folder: &Path) -> (PathBuf, PathBuf) {
    let video = folder.join("walk");
    std::fs::create_dir(&video).unwrap();
    let mut table = String::from(
        "frame,seconds,face,x,y,w,h,p_neutral,p_happiness,frame_label,temporal_label,voted_label,confidence\n",
    );
    for frame in 0..FRAMES {
        Picture::filled(64, 48, 3, frame as u8).write_png(&video.join(format!("{frame}.png"))).unwrap();
        let seconds = frame as f64 / 30.0;
        let (label, glad) = if frame < FRAMES / 2 { ("neutral", 0.2) } else { ("happiness", 0.9) };
        let confidence = if frame < FRAMES / 2 { 0.8 } else { 0.9 };
        let calm = 1.0 - glad;
        writeln!(table, "{frame},{seconds:.6},1,4,5,20,30,{calm},{glad},{label},,{label},{confidence}")
            .unwrap();
        if (FRAMES / 3..2 * FRAMES / 3).contains(&frame) {
            writeln!(table, "{frame},{seconds:.6},2,40,5,20,30,1,0,neutral,,neutral,1").unwrap();
        }
    }
    let csv = folder.join("walk.csv");
    std::fs::write(&csv, table).unwrap();
    (video, csv)
}

fn viewing(folder: &Path) -> (Context, Window) {
    let (video, table) = film(folder);
    let mut begin = start(SourceSpec::File(video), folder);
    begin.table = Some(table);
    let (ctx, mut window) = open(begin);
    wait_for("the viewer", || {
        pass(&ctx, &mut window, SIZE, &[]);
        window.viewer()?.still().map(|_| ())
    });
    (ctx, window)
}

/// Waits until the frame that is wanted is there; gives its place.
fn settled(ctx: &Context, window: &mut Window, wanted: usize) {
    wait_for(&format!("frame {wanted}"), || {
        pass(ctx, window, SIZE, &[]);
        let viewer = window.viewer().unwrap();
        (viewer.still()?.frame == wanted as u64).then_some(())
    });
    assert_eq!(window.viewer().unwrap().place(), wanted);
}

#[test]
fn keys_step_through_the_film_and_labels_belong_to_the_frame_that_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = viewing(folder.path());
    settled(&ctx, &mut window, 0);
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, "1  neutral 80%").is_some(), "{:?}", texts(&output));
    assert!(find(&output, "2  neutral").is_none(), "the other one is not there yet");
    pass(&ctx, &mut window, SIZE, &[Key::End]);
    settled(&ctx, &mut window, FRAMES - 1);
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, "1  happiness 90%").is_some() && find(&output, "0:03.0 / 0:03.0").is_some());
    pass(&ctx, &mut window, SIZE, &[Key::ArrowLeft]);
    settled(&ctx, &mut window, FRAMES - 2);
    pass(&ctx, &mut window, SIZE, &[Key::Home]);
    settled(&ctx, &mut window, 0);
    pass(&ctx, &mut window, SIZE, &[Key::ArrowRight, Key::ArrowRight]);
    settled(&ctx, &mut window, 1);
}

#[test]
fn it_plays_to_the_end_and_stops_there() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = viewing(folder.path());
    pass(&ctx, &mut window, SIZE, &[Key::Space]);
    assert!(window.viewer().unwrap().playing());
    let mut places = vec![];
    wait_for("the end", || {
        pass(&ctx, &mut window, SIZE, &[]);
        places.push(window.viewer().unwrap().place());
        (!window.viewer().unwrap().playing()).then_some(())
    });
    assert!(places.is_sorted(), "it plays forwards");
    assert!(places.iter().any(|&place| place > 5 && place < FRAMES - 5), "and shows what lies between");
    settled(&ctx, &mut window, FRAMES - 1);
}

#[test]
fn escape_leaves_the_viewer_and_v_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = viewing(folder.path());
    assert!(find(&pass(&ctx, &mut window, SIZE, &[]), "Back to the film").is_some(), "it came from there");
    pass(&ctx, &mut window, SIZE, &[Key::Escape]);
    assert!(window.viewer().is_none());
    wait_for("the film, read live", || {
        let output = pass(&ctx, &mut window, SIZE, &[]);
        find(&output, "View results").and_then(|_| find(&output, "Person 1")).map(|_| ())
    });
    pass(&ctx, &mut window, SIZE, &[Key::V]);
    wait_for("the viewer", || {
        pass(&ctx, &mut window, SIZE, &[]);
        window.viewer().map(|_| ())
    });
}

#[test]
fn a_moment_is_at_one_place_on_the_line_and_in_the_ribbons() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = viewing(folder.path());
    settled(&ctx, &mut window, 0);
    let output = pass(&ctx, &mut window, SIZE, &[]);
    // The ribbons' numbers stand left of them, the line to scrub on above.
    let number = texts(&output).into_iter().rfind(|(text, at)| text == "1" && at.left() < 40.0);
    let ribbon = number.expect("a ribbon").1.center().y;
    let time = find(&output, "0:00.0 / 0:03.0").expect("the time");
    let line = time.bottom() + 14.0;
    assert!(line < ribbon, "{line} {ribbon}");
    for x in [120.0, 300.0, 560.0] {
        let mut places = vec![];
        for y in [line, ribbon] {
            click_at(&ctx, &mut window, SIZE, pos2(x, y));
            places.push(window.viewer().unwrap().seconds());
        }
        assert!((places[0] - places[1]).abs() < 0.04 && places[0] > 0.0, "{x}: {places:?}");
    }
}

#[test]
fn what_is_said_of_a_moment_lies_on_no_ribbon() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = viewing(folder.path());
    settled(&ctx, &mut window, 0);
    ctx.all_styles_mut(|style| {
        style.interaction.tooltip_delay = 0.0;
        style.interaction.show_tooltips_only_when_still = false;
    });
    let output = pass(&ctx, &mut window, SIZE, &[]);
    let line = find(&output, "0:00.0 / 0:03.0").expect("the time").bottom();
    let number = texts(&output).into_iter().rfind(|(text, at)| text == "1" && at.left() < 40.0);
    let ribbon = number.expect("a ribbon").1.center().y;
    let point = |window: &mut Window, y: f32| {
        let moved = RawInput { events: vec![Event::PointerMoved(pos2(300.0, y))], ..RawInput::default() };
        given(&ctx, window, SIZE, moved);
        (0..3).for_each(|_| drop(pass(&ctx, window, SIZE, &[])));
        pass(&ctx, window, SIZE, &[])
    };
    let output = point(&mut window, ribbon);
    let said = find(&output, "drag with Shift").expect("the tip");
    assert!(said.bottom() < line, "{said:?} {line}");
}

#[test]
fn all_tabs_stand_whole_in_a_row_in_a_small_window() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = viewing(folder.path());
    for size in [[390.0, 760.0], [640.0, 480.0]] {
        (0..2).for_each(|_| drop(pass(&ctx, &mut window, size, &[])));
        let output = pass(&ctx, &mut window, size, &[]);
        let tabs = ["Faces", "Correct", "Analyse", "Settings"].map(|tab| find(&output, tab));
        let row = tabs[0].map(|tab| tab.center().y);
        let whole = |tab: &Option<Rect>| tab.is_some_and(|tab| tab.right() < size[0] - 8.0);
        assert!(
            tabs.iter().all(|tab| tab.map(|tab| tab.center().y) == row && whole(tab)),
            "{size:?}: {tabs:?}"
        );
    }
}

#[test]
fn asking_for_results_where_there_are_none_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (video, table) = film(folder.path());
    std::fs::remove_file(table).unwrap();
    for (source, words) in
        [(SourceSpec::Synth, "open a film that was analysed"), (SourceSpec::File(video), "no results yet")]
    {
        let (ctx, mut window) = open(start(source, folder.path()));
        pass(&ctx, &mut window, SIZE, &[Key::V]);
        pass(&ctx, &mut window, SIZE, &[]);
        let output = pass(&ctx, &mut window, SIZE, &[]);
        assert!(find(&output, words).is_some(), "{words}: {:?}", texts(&output));
    }
}

#[test]
fn a_table_that_is_none_is_told_and_the_film_plays() {
    let folder = tempfile::tempdir().unwrap();
    let (video, table) = film(folder.path());
    std::fs::write(&table, "a,b\n1,2\n").unwrap();
    let mut begin = start(SourceSpec::File(video), folder.path());
    begin.table = Some(table);
    let (ctx, mut window) = open(begin);
    wait_for("the line", || {
        let output = pass(&ctx, &mut window, SIZE, &[]);
        find(&output, "there is no column").map(|_| ())
    });
    wait_for("the film", || {
        pass(&ctx, &mut window, SIZE, &[]);
        window.live().last.as_ref().map(|_| ())
    });
}
