//! The tab in which people correct what was analysed: who is who, what does not count, which label is right. It says what was asked
//! for; the viewer does it.

use std::collections::{BTreeMap, BTreeSet};

use affekt_engine::output::{Edit, clock as moment};
use affekt_results::analyze::in_words;
use eframe::egui::{Button, ComboBox, DragValue, RichText, ScrollArea, TextEdit, Ui};

use super::look::Look;
use super::timeline::clock;
use crate::viewer::{Draft, Viewer};

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A correction.
    Edit(Edit),
    /// Take the last one back.
    Undo,
    /// Make it again.
    Redo,
    /// Keep them and make all tables again.
    Save,
}

/// What is chosen and typed.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// People to be merged.
    ticked: BTreeSet<u32>,
    /// Names as they are being typed.
    names: BTreeMap<u32, String>,
    /// Whose stretch it is; `None` for everybody's.
    who: Option<u32>,
    from: f64,
    to: f64,
    label: usize,
}

impl Desk {
    /// The stretch that is chosen, in seconds.
    pub fn stretch(&self) -> Option<(f64, f64)> {
        (self.to > self.from).then_some((self.from, self.to))
    }

    /// Whose stretch it is; `None` for everybody's.
    pub fn who(&self) -> Option<u32> {
        self.who
    }

    /// Chooses a stretch of a person.
    pub fn choose(&mut self, person: u32, from: f64, to: f64) {
        (self.who, self.from, self.to) = (Some(person), from, to);
    }

    /// Chooses the stretch of one label around a frame, by its place.
    pub fn choose_segment(&mut self, viewer: &Viewer, person: u32, place: usize) {
        if let Some(segment) = viewer.results.segment(person, place) {
            self.choose(person, segment.from, segment.to);
            self.label = usize::from(segment.label);
        }
    }

    /// The stretch begins with the frame that is seen.
    pub fn start_here(&mut self, viewer: &Viewer) {
        self.from = viewer.results.frame(viewer.place()).map_or(0.0, |frame| frame.seconds);
        self.to = self.to.max(viewer.results.end_of(viewer.place()));
    }

    /// The stretch ends with the frame that is seen.
    pub fn end_here(&mut self, viewer: &Viewer) {
        self.to = viewer.results.end_of(viewer.place());
        let start = viewer.results.frame(viewer.place()).map_or(0.0, |frame| frame.seconds);
        self.from = self.from.min(start);
    }

    /// What people are called is asked anew.
    pub fn forget_names(&mut self) {
        self.names.clear();
    }

    /// Draws the tab.
    pub fn draw(&mut self, ui: &mut Ui, viewer: &Viewer, look: &Look) -> Vec<Asked> {
        let mut asked = vec![];
        let draft = match &viewer.draft {
            Ok(draft) => draft,
            Err(why) => {
                ui.label(RichText::new("Nothing can be corrected here.").strong());
                ui.label(format!("Corrections belong to results of affekt analyze, and {why}"));
                return asked;
            }
        };
        ScrollArea::vertical().id_salt("correct").auto_shrink([false, false]).show(ui, |ui| {
            Self::bar(ui, draft, &mut asked);
            ui.add_space(6.0);
            ui.strong("People").on_hover_text("Enter gives a name; tick those who are one person");
            self.people(ui, viewer, &mut asked);
            ui.add_space(6.0);
            ui.strong("Stretch").on_hover_text(
                "drag over a ribbon with Shift, click twice for a segment, or I and O at its ends",
            );
            self.times(ui, viewer);
            self.actions(ui, viewer, look, &mut asked);
            ui.add_space(6.0);
            ui.strong("Corrections by hand");
            if draft.edits().is_empty() {
                ui.weak("none");
            }
            for (at, edit) in draft.edits().iter().enumerate().rev() {
                ui.label(format!("{}. {}", at + 1, in_words(edit)));
            }
        });
        asked
    }

    /// What is saved, and what can be undone.
    fn bar(ui: &mut Ui, draft: &Draft, asked: &mut Vec<Asked>) {
        ui.horizontal_wrapped(|ui| {
            let mut button = |ui: &mut Ui, enabled: bool, text: &str, hint: &str, press: Asked| {
                if ui.add_enabled(enabled, Button::new(text)).on_hover_text(hint).clicked() {
                    asked.push(press);
                }
            };
            button(ui, !draft.edits().is_empty(), "Undo", "Ctrl+Z", Asked::Undo);
            button(ui, draft.undone() > 0, "Redo", "Ctrl+Shift+Z", Asked::Redo);
            let hint = "Ctrl+S: keeps them beside the results and makes every table and the page again";
            button(ui, !draft.is_saved() && !draft.saving(), "Save", hint, Asked::Save);
        });
        let state = match (draft.saving(), draft.is_saved(), draft.edits().is_empty()) {
            (true, ..) => "saving ...",
            (_, true, true) => "no corrections yet",
            (_, true, false) => "saved",
            _ => "not saved yet",
        };
        ui.weak(state);
    }

    fn people(&mut self, ui: &mut Ui, viewer: &Viewer, asked: &mut Vec<Asked>) {
        let people = viewer.results.seen_most(usize::MAX);
        self.ticked.retain(|ticked| people.iter().any(|person| person.number == *ticked));
        for person in people {
            ui.horizontal(|ui| {
                let mut ticked = self.ticked.contains(&person.number);
                if ui.checkbox(&mut ticked, person.number.to_string()).changed() {
                    if ticked {
                        self.ticked.insert(person.number);
                    } else {
                        self.ticked.remove(&person.number);
                    }
                }
                let name = self.names.entry(person.number).or_insert_with(|| person.name.clone());
                let field = TextEdit::singleline(name)
                    .id_salt(("name", person.number))
                    .hint_text(format!("Person {}", person.number))
                    .desired_width(ui.available_width());
                let field = ui.add(field).on_hover_text(format!("{} frames that count", person.frames));
                if field.lost_focus() && name.trim() != person.name {
                    let edit = Edit::Rename { person: person.number, name: name.trim().to_owned() };
                    asked.push(Asked::Edit(edit));
                }
            });
        }
        let several = self.ticked.len() > 1;
        let hint = "those who are ticked are one person, and get the lowest of their numbers";
        if ui.add_enabled(several, Button::new("Merge the ticked")).on_hover_text(hint).clicked() {
            let people = std::mem::take(&mut self.ticked).into_iter().collect();
            asked.push(Asked::Edit(Edit::Merge { people }));
        }
    }

    fn times(&mut self, ui: &mut Ui, viewer: &Viewer) {
        let length = viewer.results.end_of(viewer.results.len().saturating_sub(1));
        let end = |ui: &mut Ui, name: &str, value: &mut f64| {
            ui.horizontal(|ui| {
                ui.add_sized([34.0, 18.0], eframe::egui::Label::new(name));
                let field = DragValue::new(value)
                    .range(0.0..=length)
                    .speed(0.02)
                    .custom_formatter(|seconds, _| thousandths(seconds))
                    .custom_parser(moment);
                ui.add(field).on_hover_text("drag, or type a time such as 01:03.5");
                ui.button("here").clicked()
            })
            .inner
        };
        if end(ui, "from", &mut self.from) {
            self.start_here(viewer);
        }
        if end(ui, "to", &mut self.to) {
            self.end_here(viewer);
        }
    }

    fn actions(&mut self, ui: &mut Ui, viewer: &Viewer, look: &Look, asked: &mut Vec<Asked>) {
        let who = |who: Option<u32>| who.map_or("everybody".into(), |person| viewer.results.called(person));
        if self.who.is_some_and(|who| !viewer.results.people().iter().any(|p| p.number == who)) {
            self.who = None;
        }
        ComboBox::from_id_salt("who")
            .width(ui.available_width())
            .truncate()
            .selected_text(who(self.who))
            .show_ui(ui, |ui| {
                ui.selectable_value(&mut self.who, None, who(None));
                for person in viewer.results.seen_most(usize::MAX) {
                    ui.selectable_value(&mut self.who, Some(person.number), who(Some(person.number)));
                }
            });
        if let Some(person) = self.who {
            let hint = "the stretch of one label around the frame that is seen";
            let there = viewer.results.segment(person, viewer.place()).is_some();
            if ui.add_enabled(there, Button::new("Segment here")).on_hover_text(hint).clicked() {
                self.choose_segment(viewer, person, viewer.place());
            }
        }
        let stretch = self.stretch();
        let (from, to) = stretch.unwrap_or_default();
        let hint = "frames of this stretch stay in the table and count nowhere";
        if ui.add_enabled(stretch.is_some(), Button::new("Exclude")).on_hover_text(hint).clicked() {
            asked.push(Asked::Edit(Edit::Exclude { from, to, person: self.who }));
        }
        let classes = viewer.results.classes();
        self.label = self.label.min(classes.len().saturating_sub(1));
        ui.horizontal_wrapped(|ui| {
            let Some(person) = self.who else {
                ui.weak("Choose a person to set a label.");
                return;
            };
            ComboBox::from_id_salt("label").width(96.0).selected_text(look.name(self.label)).show_ui(
                ui,
                |ui| {
                    for class in 0..classes.len() {
                        ui.selectable_value(&mut self.label, class, look.name(class));
                    }
                },
            );
            if ui.add_enabled(stretch.is_some(), Button::new("Set label")).clicked() {
                let label = classes.get(self.label).cloned().unwrap_or_default();
                asked.push(Asked::Edit(Edit::Label { person, from, to, label }));
            }
        });
    }
}

/// A time to the thousandth, as corrections are kept.
fn thousandths(seconds: f64) -> String {
    let whole = (seconds.max(0.0) * 1000.0).round() as u64;
    let (tenths, rest) = (clock((whole / 100) as f64 / 10.0), whole % 100);
    if rest == 0 { tenths } else { format!("{tenths}{rest:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_as_exactly_as_they_count_and_read_back() {
        for (seconds, text) in
            [(0.0, "0:00.0"), (63.5, "1:03.5"), (1.033, "0:01.033"), (3723.25, "1:02:03.250")]
        {
            assert_eq!(thousandths(seconds), text);
            assert!(moment(text).is_some_and(|read| (read - seconds).abs() < 1e-9), "{text}");
        }
    }

    #[test]
    fn a_stretch_has_a_beginning_before_its_end() {
        let mut desk = Desk::default();
        assert_eq!(desk.stretch(), None);
        desk.choose(2, 1.0, 3.0);
        assert_eq!((desk.stretch(), desk.who), (Some((1.0, 3.0)), Some(2)));
        desk.choose(2, 3.0, 3.0);
        assert_eq!(desk.stretch(), None);
    }
}
