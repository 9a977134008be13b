//! How a long run shows where it stands: a bar on a terminal, plain lines elsewhere. Always on standard error, so
//! that standard output holds results alone.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Seconds between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Share of the newest measurement in the smoothed rate.
const NEWEST: f64 = 0.1;

/// Progress of a run of known length.
#[derive(Debug)]
pub struct Progress {
    total: u64,
    noun: &'static str,
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    last_update: Instant,
    last_done: u64,
    steps_per_second: f64,
    images_per_second: f64,
    quiet: bool,
}

impl Progress {
    /// Starts at `done` of `total` `noun`s (as in `"step"`). `quiet` shows nothing but notes.
    pub fn start(noun: &'static str, done: u64, total: u64, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style);
            bar.set_position(done);
            bar
        });
        Self {
            total,
            noun,
            bar,
            last_line: None,
            last_update: Instant::now(),
            last_done: done,
            steps_per_second: 0.0,
            images_per_second: 0.0,
            quiet,
        }
    }

    /// `done` steps are behind; `images` were worked on since the last call; `figures` is what to show beside.
    pub fn update(&mut self, done: u64, images: usize, figures: &str) {
        let seconds = self.last_update.elapsed().as_secs_f64().max(1e-9);
        let steps = done.saturating_sub(self.last_done) as f64;
        self.steps_per_second = smoothed(self.steps_per_second, steps / seconds);
        self.images_per_second = smoothed(self.images_per_second, images as f64 / seconds);
        self.last_update = Instant::now();
        self.last_done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(self.tail(done, figures));
            return;
        }
        let due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY) || done == self.total;
        if due && !self.quiet {
            eprintln!("{} {done}/{} {}", self.noun, self.total, self.tail(done, figures));
            self.last_line = Some(Instant::now());
        }
    }

    /// Says something that stays on the screen.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn tail(&self, done: u64, figures: &str) -> String {
        let left = self.total.saturating_sub(done) as f64 / self.steps_per_second.max(1e-9);
        let eta = clock(Duration::from_secs_f64(left.min(1e9)));
        // Where frames are counted, what is worked on are frames.
        let worked = if self.noun == "frame" { "frames" } else { "images" };
        format!("{:.0} {worked}/s, ETA {eta}{}{figures}", self.images_per_second, separator(figures))
    }
}

fn separator(figures: &str) -> &'static str {
    if figures.is_empty() { "" } else { ", " }
}

fn smoothed(old: f64, new: f64) -> f64 {
    if old == 0.0 { new } else { old + NEWEST * (new - old) }
}

/// A duration as `1:02:03` or `2:03`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_called_frames() {
        assert!(Progress::start("frame", 0, 9, true).tail(1, "a.mp4").contains(" frames/s, ETA"));
        assert!(Progress::start("step", 0, 9, true).tail(1, "").contains(" images/s, ETA"));
    }

    #[test]
    fn a_duration_reads_like_a_clock() {
        assert_eq!(clock(Duration::from_secs(59)), "0:59");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }
}
