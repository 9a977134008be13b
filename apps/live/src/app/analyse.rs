//! The tab of the queue: files that are analysed one after the other.

use std::path::PathBuf;

use eframe::egui::{Button, ProgressBar, RichText, ScrollArea, Ui};

use super::look::Look;
use super::settings::path_field;
use crate::queue::{Job, JobState, Queue};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// To choose files in a dialog.
    Choose,
    /// To analyse this.
    Add(PathBuf),
    /// To analyse what was typed.
    Typed,
    /// To stop a file, or take it out before its turn.
    Stop(u64),
    /// To see a file with its table.
    Open(PathBuf, PathBuf),
    /// To take those out that are through.
    Clear,
}

/// Draws the tab; `typed` is the path that is being typed, `playing` the film that plays and has no table yet.
pub fn draw(
    ui: &mut Ui,
    queue: &Queue,
    look: &Look,
    typed: &mut String,
    playing: Option<PathBuf>,
) -> Vec<Asked> {
    let mut asked = vec![];
    ui.horizontal_wrapped(|ui| {
        let hint = "videos and pictures; several dropped on the window come here, too";
        if ui.button("Add files ...").on_hover_text(hint).clicked() {
            asked.push(Asked::Choose);
        }
        if let Some(film) = playing
            && !queue.jobs().any(|job| job.input == film && !job.is_over())
        {
            let hint = format!("reads all of {}, as affekt analyze does", film.display());
            if ui.button("Analyse what plays").on_hover_text(hint).clicked() {
                asked.push(Asked::Add(film));
            }
        }
        let over = queue.jobs().any(Job::is_over);
        if over && ui.button("Clear").on_hover_text("takes those out that are through").clicked() {
            asked.push(Asked::Clear);
        }
    });
    if path_field(ui, typed, "or type a file or folder") && !typed.trim().is_empty() {
        asked.push(Asked::Typed);
    }
    ui.add_space(4.0);
    ScrollArea::vertical().id_salt("queue").auto_shrink([false, false]).show(ui, |ui| {
        if queue.jobs().next().is_none() {
            ui.weak("No file is in the queue. Results are tables and a page, as affekt analyze makes them.");
        }
        for job in queue.jobs() {
            asked.extend(draw_job(ui, job, look));
            ui.add_space(6.0);
        }
    });
    asked
}

fn draw_job(ui: &mut Ui, job: &Job, look: &Look) -> Option<Asked> {
    let name = job.input.file_name().unwrap_or(job.input.as_os_str()).to_string_lossy();
    ui.add(eframe::egui::Label::new(RichText::new(name.as_ref()).strong()).truncate())
        .on_hover_text(job.input.display().to_string());
    let mut asked = None;
    match &job.state {
        JobState::Waiting => {
            ui.horizontal(|ui| {
                ui.weak("waits");
                if ui.small_button("take out").clicked() {
                    asked = Some(Asked::Stop(job.id));
                }
            });
        }
        JobState::Reading => {
            let (share, words) = progress(job.frames());
            let bar = ProgressBar::new(share).text(RichText::new(words).small()).desired_height(16.0);
            ui.add(bar);
            if ui.small_button("stop").clicked() {
                asked = Some(Asked::Stop(job.id));
            }
        }
        JobState::Done { table, before } => {
            ui.horizontal_wrapped(|ui| {
                ui.weak(if *before { "was analysed before" } else { "analysed" });
                if ui.add(Button::new("view").small()).on_hover_text(table.display().to_string()).clicked() {
                    asked = Some(Asked::Open(table.clone(), job.input.clone()));
                }
            });
        }
        JobState::Stopped => {
            ui.weak("stopped; nothing of it is left");
        }
        JobState::Failed(problem) => {
            ui.label(RichText::new(problem).color(look.bad()));
        }
    }
    asked
}

/// How far a file is, 0 to 1, and in words. What is read twice, or has more frames than it says, never passes its end.
fn progress((frames, of): (u64, u64)) -> (f32, String) {
    if of == 0 {
        return (0.0, format!("frame {frames}"));
    }
    let frames = frames.min(of);
    (frames as f32 / of as f32, format!("frame {frames} of {of}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_never_passes_its_end() {
        assert_eq!(progress((0, 0)), (0.0, "frame 0".into()));
        assert_eq!(progress((50, 200)), (0.25, "frame 50 of 200".into()));
        assert_eq!(progress((300, 200)), (1.0, "frame 200 of 200".into()));
    }
}
