//! The bar of buttons, the lines of news, and the bar of numbers.

use std::path::PathBuf;

use eframe::egui::{Align, Button, Frame, Layout, Margin, RichText, Ui};

use super::commands::Command;
use super::live::{Live, Playing};
use super::look::Look;
use crate::dialog::Wish;
use crate::viewer::Viewer;

/// What a line of news is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Good to know.
    Note,
    /// Something is wrong.
    Problem,
}

/// Points of width from which the name of what plays has room beside the buttons.
const ONE_ROW: f32 = 600.0;

/// What is known of a film's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// There are none.
    None,
    /// There are some.
    There,
    /// They are seen now; leaving them leads back to what is live (`true`) or to a film.
    Seen(bool),
}

/// Draws the bar of buttons. `table`: what is known of the film's results; `recent`: files that were open before.
pub fn buttons(ui: &mut Ui, live: &Live, table: Table, theme: &str, recent: &[PathBuf]) -> Vec<Command> {
    let mut pressed = vec![];
    let viewing = matches!(table, Table::Seen(_));
    let one_row = ui.available_width() >= ONE_ROW;
    ui.horizontal_wrapped(|ui| {
        pressed.extend(open_menu(ui, recent));
        pressed.extend(what_plays(ui, live, table));
        if one_row {
            pressed.extend(at_the_right(ui, live, viewing, theme));
        }
    });
    if !one_row {
        ui.horizontal(|ui| pressed.extend(at_the_right(ui, live, viewing, theme)));
    }
    pressed
}

fn button(ui: &mut Ui, enabled: bool, text: &str, hint: &str, press: Command) -> Option<Command> {
    ui.add_enabled(enabled, Button::new(text)).on_hover_text(hint).clicked().then_some(press)
}

/// Files to open: by a dialog, or those that were open before.
fn open_menu(ui: &mut Ui, recent: &[PathBuf]) -> Option<Command> {
    let mut pressed = None;
    let menu = ui.menu_button("Open", |ui| {
        let entries = [
            ("Video or picture ...", Wish::Play),
            ("Folder of pictures ...", Wish::Folder),
            ("Files to analyse ...", Wish::Analyse),
        ];
        for (text, wish) in entries {
            if ui.button(text).clicked() {
                pressed = Some(Command::Ask(wish));
                ui.close();
            }
        }
        if ui.button("Camera").on_hover_text("the first one there is; others are under Settings").clicked() {
            pressed = Some(Command::Camera);
            ui.close();
        }
        if !recent.is_empty() {
            ui.separator();
        }
        for (place, file) in recent.iter().enumerate() {
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
            if ui.button(name.as_ref()).on_hover_text(file.display().to_string()).clicked() {
                pressed = Some(Command::Recent(place));
                ui.close();
            }
        }
    });
    menu.response.on_hover_text("Ctrl+O; what was open before");
    pressed
}

fn what_plays(ui: &mut Ui, live: &Live, table: Table) -> Vec<Command> {
    if let Table::Seen(was_live) = table {
        let (text, hint) = if was_live {
            ("Back to live", "V: what played before")
        } else {
            ("Back to the film", "V: the film without its results, read as it plays")
        };
        return button(ui, true, text, hint, Command::Viewer).into_iter().collect();
    }
    let pause = if live.paused { "Go on" } else { "Pause" };
    let seen = live.last.is_some() && live.about.is_some();
    let since = live.recording.map(|since| live.pipeline.now().saturating_sub(since).as_secs());
    let record = since.map_or("Record".into(), |s| format!("End recording {}:{:02}", s / 60, s % 60));
    let hint = "R: video with every frame of the source, and CSV";
    let mut pressed = vec![
        button(ui, live.playing == Playing::On, pause, "Space", Command::Pause),
        button(ui, seen, "Snapshot", "S: picture, JSON and CSV", Command::Snapshot),
        button(ui, live.can_record() || since.is_some(), &record, hint, Command::Record),
    ];
    if table == Table::There {
        let hint = "V: this film with its analysed table";
        pressed.push(button(ui, true, "View results", hint, Command::Viewer));
    }
    pressed.into_iter().flatten().collect()
}

fn at_the_right(ui: &mut Ui, live: &Live, viewing: bool, theme: &str) -> Vec<Command> {
    let mut pressed = vec![];
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        pressed.extend(button(ui, true, "?", "H: keys", Command::Help));
        let theme = format!("Theme: {theme}");
        pressed.extend(button(ui, true, &theme, "T: system, light, dark", Command::Theme));
        let name = if viewing { "film and table".into() } else { live.name() };
        ui.add(eframe::egui::Label::new(RichText::new(name).weak()).truncate());
    });
    pressed
}

/// Draws a line of news with the buttons that answer it.
pub fn news(
    ui: &mut Ui,
    look: &Look,
    weight: Weight,
    text: &str,
    answers: &[(&str, Command)],
) -> Option<Command> {
    let mut pressed = None;
    let fill = ui.visuals().faint_bg_color;
    Frame::new().fill(fill).inner_margin(Margin::symmetric(8, 4)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            let colour = if weight == Weight::Problem { look.bad() } else { ui.visuals().text_color() };
            ui.label(RichText::new(text).color(colour));
            for (name, press) in answers {
                if ui.small_button(*name).clicked() {
                    pressed = Some(*press);
                }
            }
        });
    });
    pressed
}

/// Draws what is seen in the viewer, in place of the numbers of what is read live.
pub fn of_film(ui: &mut Ui, viewer: &Viewer) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        ui.label(format!("{} frames", viewer.results.len()));
        ui.label(format!("{} people", viewer.results.people().len()));
        let video = RichText::new(viewer.video.display().to_string()).weak();
        ui.add(eframe::egui::Label::new(video).truncate());
    });
}

/// Draws the bar of numbers: those that are always to be seen first, what is in use behind them as far as there is room.
pub fn numbers(ui: &mut Ui, live: &mut Live) {
    let ms =
        |d: Option<std::time::Duration>| d.map_or("-".into(), |d| format!("{:.0}", d.as_secs_f64() * 1e3));
    let tally = live.tally();
    let rate = live.rate();
    let (median, last) = (ms(live.latency.median()), ms(live.latency.last()));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        ui.label(strong(format!("{rate:.1} fps")))
            .on_hover_text("frames drawn a second, over the last two seconds");
        ui.label(strong(format!("latency {median} ms (last {last})"))).on_hover_text(format!(
            "from a frame's capture to the end of the pass that draws its labels; median of {} frames",
            live.latency.frames()
        ));
        let dropped = format!("dropped {}", tally.dropped);
        ui.label(strong(dropped))
            .on_hover_text("frames thrown out because a newer one came before they could be read");
        if tally.damaged > 0 {
            ui.label(format!("damaged {}", tally.damaged)).on_hover_text("frames that could not be decoded");
        }
        let mut rest = vec![];
        if let Some(shown) = &live.last {
            rest.push(format!("{}x{}", shown.picture.width, shown.picture.height));
        }
        if live.opening {
            rest.push("opening the recognizer".into());
        } else if let Some(about) = &live.about {
            rest.push(about.detector.clone());
        }
        let label = eframe::egui::Label::new(RichText::new(rest.join("  ")).weak()).truncate();
        let stages: Vec<String> = live
            .pipeline
            .times()
            .iter()
            .flat_map(|t| t.per_frame_ms().map(|(stage, ms)| format!("{stage} {ms:.1}")).collect::<Vec<_>>())
            .collect();
        let response = ui.add(label);
        if let Some(about) = &live.about {
            let use_ = [&about.model, &about.detector, &about.backend].map(String::as_str).join("\n");
            response.on_hover_text(format!("{use_}\nms a frame: {}", stages.join(", ")));
        }
    });
}

fn strong(text: String) -> RichText {
    RichText::new(text).strong()
}
