//! The bar of buttons, the lines of news, and the bar of numbers.

use eframe::egui::{Align, Button, Frame, Layout, Margin, RichText, Ui};

use super::commands::Command;
use super::live::{Live, Playing};
use super::look::Look;

/// What a line of news is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Good to know.
    Note,
    /// Something is wrong.
    Problem,
}

/// Draws the bar of buttons. `viewer`: whether there is a table to be seen with the film, and whether it is seen now.
pub fn buttons(ui: &mut Ui, live: &Live, viewer: (bool, bool), theme: &str) -> Vec<Command> {
    let mut pressed = vec![];
    let (has_table, viewing) = viewer;
    ui.horizontal(|ui| {
        let mut button = |ui: &mut Ui, enabled: bool, text: &str, hint: &str, press: Command| {
            if ui.add_enabled(enabled, Button::new(text)).on_hover_text(hint).clicked() {
                pressed.push(press);
            }
        };
        if !viewing {
            let pause = if live.paused { "Go on" } else { "Pause" };
            button(ui, live.playing == Playing::On, pause, "Space", Command::Pause);
            let seen = live.last.is_some() && live.about.is_some();
            button(ui, seen, "Snapshot", "S: picture, JSON and CSV", Command::Snapshot);
            let since = live.recording.map(|since| live.pipeline.now().saturating_sub(since).as_secs());
            let record = since.map_or("Record".into(), |s| format!("End recording {}:{:02}", s / 60, s % 60));
            button(ui, live.can_record() || since.is_some(), &record, "R: video and CSV", Command::Record);
        }
        if viewing {
            button(ui, true, "Back to live", "V", Command::Viewer);
        } else if has_table {
            button(ui, true, "View results", "V: this film with its analysed table", Command::Viewer);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            button(ui, true, "?", "H: keys", Command::Help);
            button(ui, true, theme, "T: theme: system, light, dark", Command::Theme);
            let name = if viewing { "film and table".into() } else { live.name() };
            ui.add(eframe::egui::Label::new(RichText::new(name).weak()).truncate());
        });
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

/// Draws the bar of numbers: those that are always to be seen first, what is in use behind them as far as there is room.
pub fn numbers(ui: &mut Ui, live: &mut Live) {
    let ms =
        |d: Option<std::time::Duration>| d.map_or("-".into(), |d| format!("{:.0}", d.as_secs_f64() * 1e3));
    let tally = live.tally();
    let rate = live.rate();
    let (median, last) = (ms(live.latency.median()), ms(live.latency.last()));
    ui.horizontal(|ui| {
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
