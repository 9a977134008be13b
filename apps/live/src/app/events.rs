//! What a pass begins with: what the stages, the queue, dialogs and other threads have sent.

use std::time::Duration;

use super::bars::Weight;
use super::film::Film;
use super::live::Playing;
use super::{Tab, Window};
use crate::queue::JobState;
use crate::viewer::{Draft, Opening};

impl Window {
    /// What a pass begins with, drawn or not: takes what the stages have sent. `pass` is how long the last pass took.
    pub fn logic(&mut self, pass: Option<Duration>) {
        self.live.begin(pass);
        let mut saved = None;
        if let Some(film) = &mut self.film {
            film.viewer.poll(self.live.pipeline.now());
            saved = film.viewer.draft.as_mut().ok().and_then(Draft::poll);
        }
        match saved {
            Some(Ok(())) => {
                self.line =
                    Some((Weight::Note, "corrections are saved; tables and page are made again".into()));
                self.saved();
            }
            Some(Err(problem)) => {
                self.leaving = None;
                self.line = Some((Weight::Problem, format!("corrections are not saved: {problem}")));
            }
            None => {}
        }
        self.take_chosen();
        self.advance_queue();
        match self.opening.as_ref().and_then(Opening::poll) {
            None => {}
            Some(Err(problem)) => {
                self.line = Some((Weight::Problem, problem));
                self.opening = None;
                if self.live.playing == Playing::Ended {
                    self.live.again();
                }
            }
            Some(Ok(opened)) => {
                let video = self.opening.take().map(|opening| opening.video).unwrap_or_default();
                match Film::new(opened, &video, self.wake()) {
                    Ok(film) => {
                        self.live.end();
                        self.film = Some(film);
                        // The list of files has done its part; the film's faces are what was asked for.
                        if self.tab == Tab::Analyse {
                            self.tab = Tab::Faces;
                        }
                    }
                    Err(error) => {
                        self.line = Some((Weight::Problem, format!("no thread to decode: {error}")));
                    }
                }
            }
        }
        self.line = self.live.not_at_rest.take().map(|line| (Weight::Problem, line)).or(self.line.take());
        if let Some((line, bad)) = self.live.recorded.take() {
            self.line = Some((if bad { Weight::Problem } else { Weight::Note }, line));
        }
        if let Ok(cameras) = self.listed.try_recv() {
            self.cameras = cameras;
        }
        for written in self.written.1.try_iter() {
            self.line = Some(match written {
                Ok(path) => (Weight::Note, format!("written: {} (and .json, .csv)", path.display())),
                Err(problem) => (Weight::Problem, format!("no snapshot: {problem}")),
            });
        }
    }

    /// Lets the queue go on. A film that plays and has a table now says so.
    fn advance_queue(&mut self) {
        let choice = self.state.recognizer.clone();
        let through = self.queue.poll(&choice, self.state.results.as_deref());
        let problems = std::mem::take(&mut self.queue.problems);
        if !problems.is_empty() {
            self.line = Some((Weight::Problem, problems.join("; ")));
        }
        for job in self.queue.jobs().filter(|job| through.contains(&job.id)) {
            if let JobState::Done { table, .. } = &job.state
                && self.live.source.file() == Some(&job.input)
            {
                self.table = Some(table.clone());
            }
        }
    }
}
