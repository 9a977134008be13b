//! Corrections by hand in the viewer, from the click to the files.

use std::path::{Path, PathBuf};

use affekt_engine::output::{Edit, TableReader, TableRow};
use affekt_engine::world::live::SourceSpec;
use affekt_live::app::Window;
use affekt_results::analyze::Corrected;
use eframe::egui::{Context, Key, RawInput, Rect};

use super::analysing::analysed;
use super::support::wait_for;
use super::viewing;
use super::window::{click, find, given, open, pass, start, texts, with_command};

const SIZE: [f32; 2] = [1100.0, 760.0];

/// The viewer with a film's table, and its tab of corrections.
fn correcting(folder: &Path, (film, table): (PathBuf, PathBuf)) -> (Context, Window) {
    let mut begin = start(SourceSpec::File(film), folder);
    begin.table = Some(table);
    let (ctx, mut window) = open(begin);
    wait_for("the viewer", || {
        pass(&ctx, &mut window, SIZE, &[]);
        window.viewer()?.still().map(|_| ())
    });
    click(&ctx, &mut window, SIZE, |text, _| text == "Correct");
    (ctx, window)
}

fn edits(window: &Window) -> Vec<Edit> {
    window.viewer().unwrap().draft.as_ref().ok().unwrap().edits().to_vec()
}

/// Whether a text lies in the tab at the right.
fn beside(at: Rect) -> bool {
    at.left() > SIZE[0] * 0.66
}

fn save(ctx: &Context, window: &mut Window) {
    with_command(ctx, window, SIZE, Key::S, false);
    wait_for("the files", || find(&pass(ctx, window, SIZE, &[]), "corrections are saved").map(|_| ()));
}

fn rows(table: &Path) -> Vec<TableRow> {
    let mut reader = TableReader::open(table).unwrap();
    std::iter::from_fn(|| reader.next_row().unwrap()).collect()
}

#[test]
fn corrections_made_in_the_window_reach_every_file_are_marked_and_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let (film, table) = analysed(folder.path());
    let files = ["talk.csv", "talk.people.csv", "talk.segments.csv", "index.html"];
    let read = || files.map(|file| std::fs::read_to_string(table.with_file_name(file)).unwrap());
    let machine = read();
    let (ctx, mut window) = correcting(folder.path(), (film, table.clone()));

    // 1 and 2 are one person.
    for person in ["1", "2"] {
        click(&ctx, &mut window, SIZE, |text, at| text == person && beside(at));
    }
    click(&ctx, &mut window, SIZE, |text, _| text == "Merge the ticked");
    assert_eq!(edits(&window), [Edit::Merge { people: vec![1, 2] }]);
    assert_eq!(window.viewer().unwrap().results.people().len(), 1);

    // The first six frames do not count.
    pass(&ctx, &mut window, SIZE, &[Key::Home, Key::I]);
    for _ in 0..5 {
        pass(&ctx, &mut window, SIZE, &[Key::ArrowRight]);
    }
    wait_for("the sixth frame", || {
        pass(&ctx, &mut window, SIZE, &[]);
        (window.viewer().unwrap().still()?.frame == 5).then_some(())
    });
    pass(&ctx, &mut window, SIZE, &[Key::O]);
    click(&ctx, &mut window, SIZE, |text, _| text == "Exclude");
    assert!(
        matches!(edits(&window)[1], Edit::Exclude { from: 0.0, to, person: None } if (to - 0.2).abs() < 1e-6),
        "{:?}",
        edits(&window)
    );

    // What the person shows there is fear.
    pass(&ctx, &mut window, SIZE, &[Key::End]);
    click(&ctx, &mut window, SIZE, |text, _| text == "everybody");
    click(&ctx, &mut window, SIZE, |text, at| text == "Person 1" && beside(at));
    click(&ctx, &mut window, SIZE, |text, _| text == "Segment here");
    let output = pass(&ctx, &mut window, SIZE, &[]);
    let classes = window.viewer().unwrap().results.classes().to_vec();
    let mut chosen = texts(&output).into_iter().filter(|(t, at)| classes.contains(t) && beside(*at));
    let chosen = chosen.next_back().expect("a label").0;
    click(&ctx, &mut window, SIZE, |text, at| text == chosen && beside(at));
    let other = classes.iter().find(|class| **class != chosen).unwrap();
    click(&ctx, &mut window, SIZE, |text, at| text == other && beside(at));
    click(&ctx, &mut window, SIZE, |text, _| text == "Set label");
    assert!(
        matches!(&edits(&window)[2], Edit::Label { person: 1, label, .. } if label == other),
        "{:?}",
        edits(&window)
    );
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, "by hand").is_some() && find(&output, "not saved yet").is_some());
    assert!(read() == machine, "nothing is written before it is saved");

    save(&ctx, &mut window);
    let kept = Corrected::open(&table).unwrap();
    assert_eq!(kept.edits(), edits(&window), "the file that `affekt people` uses");
    let corrected = rows(&table);
    assert!(corrected.iter().all(|row| row.face.as_ref().is_none_or(|face| face.person == 1)));
    assert_eq!(corrected.iter().filter(|row| row.excluded).count(), 6);
    let by_hand = corrected.iter().filter(|row| row.face.as_ref().is_some_and(|face| face.by_hand)).count();
    assert!(by_hand > 0);
    let now = read();
    assert!(now[2].contains(",human,") && now[3].contains("Corrected by hand"), "segments and page");

    // Undo and redo, and at last everything is as the machine left it.
    with_command(&ctx, &mut window, SIZE, Key::Z, false);
    assert_eq!(edits(&window).len(), 2);
    with_command(&ctx, &mut window, SIZE, Key::Z, true);
    assert_eq!(edits(&window).len(), 3);
    for _ in 0..3 {
        with_command(&ctx, &mut window, SIZE, Key::Z, false);
    }
    save(&ctx, &mut window);
    assert!(read() == machine);
}

#[test]
fn what_does_not_fit_is_told_and_leaving_asks_about_what_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = correcting(folder.path(), analysed(folder.path()));
    pass(&ctx, &mut window, SIZE, &[Key::Home, Key::I, Key::O]);
    let output = click(&ctx, &mut window, SIZE, |text, _| text == "Exclude");
    assert!(find(&output, "not saved yet").is_some(), "{:?}", texts(&output));
    pass(&ctx, &mut window, SIZE, &[Key::Escape]);
    let output = pass(&ctx, &mut window, SIZE, &[]);
    assert!(find(&output, "There are corrections that are not saved").is_some());
    click(&ctx, &mut window, SIZE, |text, _| text == "stay");
    assert!(window.viewer().is_some());
    pass(&ctx, &mut window, SIZE, &[Key::V]);
    click(&ctx, &mut window, SIZE, |text, _| text == "leave without them");
    assert!(window.viewer().is_none());
    assert!(!folder.path().join("results/talk.edits.json").exists());
}

#[test]
fn names_stand_on_boxes_and_beside_ribbons() {
    let folder = tempfile::tempdir().unwrap();
    let (film, table) = analysed(folder.path());
    let name = "Dr. Ada Lovelace of the Analytical Engine".to_owned();
    Corrected::open(&table).unwrap().save(vec![Edit::Rename { person: 1, name }]).unwrap();
    let (ctx, mut window) = correcting(folder.path(), (film, table));
    pass(&ctx, &mut window, SIZE, &[]);
    let output = pass(&ctx, &mut window, SIZE, &[]);
    let all = texts(&output);
    let on_box = all.iter().any(|(text, at)| text.starts_with("Dr. Ada Lovelace of…  ") && !beside(*at));
    assert!(on_box, "cut short on the box: {all:?}");
    let ribbons: Vec<Rect> = all
        .iter()
        .filter(|(text, at)| (text.starts_with("Dr. Ada") || text == "2") && at.left() < 20.0)
        .map(|(_, at)| *at)
        .collect();
    assert!(ribbons.len() == 2 && ribbons.iter().all(|at| at.right() < SIZE[0] * 0.2), "{ribbons:?} {all:?}");
}

#[test]
fn another_programs_corrections_are_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let (film, table) = analysed(folder.path());
    let (ctx, mut window) = correcting(folder.path(), (film, table.clone()));
    pass(&ctx, &mut window, SIZE, &[Key::Home, Key::I, Key::O]);
    click(&ctx, &mut window, SIZE, |text, _| text == "Exclude");
    let theirs = Edit::Rename { person: 1, name: "Ada".into() };
    Corrected::open(&table).unwrap().save(vec![theirs.clone()]).unwrap();
    with_command(&ctx, &mut window, SIZE, Key::S, false);
    wait_for("the refusal", || {
        find(&pass(&ctx, &mut window, SIZE, &[]), "was changed by another program").map(|_| ())
    });
    assert_eq!(Corrected::open(&table).unwrap().edits(), [theirs]);
}

#[test]
fn a_table_without_its_summary_is_seen_and_cannot_be_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, mut window) = correcting(folder.path(), viewing::film(folder.path()));
    let output = given(&ctx, &mut window, SIZE, RawInput::default());
    assert!(find(&output, "Nothing can be corrected here").is_some(), "{:?}", texts(&output));
}
