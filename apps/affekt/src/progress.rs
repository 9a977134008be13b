//! How a long run shows where it stands: a bar on a terminal, plain lines elsewhere. Always on standard error, so
//! that standard output holds results alone.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Seconds between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Shortest time over which a rate is measured; a shorter one says more about the clock than about the work.
const MEASURED_OVER: Duration = Duration::from_millis(200);
/// Share of the newest measurement in the smoothed rate.
const NEWEST: f64 = 0.1;

/// Progress of a run.
#[derive(Debug)]
pub struct Progress {
    /// Its length, where it is known.
    total: Option<u64>,
    noun: &'static str,
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    measured_at: Instant,
    last_done: u64,
    pace: Pace,
    quiet: bool,
}

/// Steps and images a second.
#[derive(Debug, Default)]
struct Pace {
    /// Steps and images since the last measurement.
    since: [f64; 2],
    /// Smoothed rates, once there was a measurement.
    rates: Option<[f64; 2]>,
}

impl Pace {
    /// Counts more work, `elapsed` after the last measurement; whether it was enough for another one.
    fn add(&mut self, more: [f64; 2], elapsed: Duration) -> bool {
        self.since = [0, 1].map(|i| self.since[i] + more[i]);
        let measured = elapsed >= MEASURED_OVER;
        if measured {
            let new = self.since.map(|count| count / elapsed.as_secs_f64());
            let old = self.rates.unwrap_or(new);
            self.rates = Some([0, 1].map(|i| old[i] + NEWEST * (new[i] - old[i])));
            self.since = [0.0; 2];
        }
        measured
    }
}

impl Progress {
    /// Starts at `done` of `total` `noun`s (as in `"step"`); `None` where nobody knows how many there are. `quiet` shows nothing but
    /// notes.
    pub fn start(noun: &'static str, done: u64, total: impl Into<Option<u64>>, quiet: bool) -> Self {
        let total = total.into();
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
            let form = if total.is_some() { "{bar:24} {pos}/{len} {msg}" } else { "{pos} {msg}" };
            let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style);
            bar.set_position(done);
            bar
        });
        let pace = Pace::default();
        Self { total, noun, bar, last_line: None, measured_at: Instant::now(), last_done: done, pace, quiet }
    }

    /// `done` steps are behind; `images` were worked on since the last call; `figures` is what to show beside.
    pub fn update(&mut self, done: u64, images: usize, figures: &str) {
        let ended = self.ends(done);
        self.total = self.total.map(|total| total.max(done));
        let steps = done.saturating_sub(self.last_done) as f64;
        if self.pace.add([steps, images as f64], self.measured_at.elapsed()) {
            self.measured_at = Instant::now();
        }
        self.last_done = done;
        if let Some(bar) = &self.bar {
            if let Some(total) = self.total {
                bar.set_length(total);
            }
            bar.set_position(done);
            bar.set_message(self.tail(done, figures));
            return;
        }
        let due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY) || ended;
        if due && !self.quiet {
            note!("{}", self.line(done, figures));
            self.last_line = Some(Instant::now());
        }
    }

    /// Whether the end is reached now. A file may hold more than it says of itself: then each step is the last one known of, and
    /// none of them is an end.
    fn ends(&self, done: u64) -> bool {
        Some(done) == self.total && done != self.last_done
    }

    /// What is said without a terminal.
    fn line(&self, done: u64, figures: &str) -> String {
        let (noun, tail) = (self.noun, self.tail(done, figures));
        match self.total {
            Some(total) => format!("{noun} {done}/{total} {tail}"),
            None if tail.is_empty() => format!("{noun} {done}"),
            None => format!("{noun} {done}, {tail}"),
        }
    }

    /// Says something that stays on the screen.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note!("{text}")),
            None => note!("{text}"),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn tail(&self, done: u64, figures: &str) -> String {
        let Some([steps, images]) = self.pace.rates else { return figures.to_owned() };
        let eta = self.total.map_or_else(String::new, |total| {
            let left = total.saturating_sub(done) as f64 / steps.max(1e-9);
            format!(", ETA {}", clock(Duration::from_secs_f64(left.min(1e9))))
        });
        // Where frames are counted, what is worked on are frames.
        let worked = if self.noun == "frame" { "frames" } else { "images" };
        let separator = if figures.is_empty() { "" } else { ", " };
        format!("{images:.0} {worked}/s{eta}{separator}{figures}")
    }
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
        let tail = |noun| {
            let mut progress = Progress::start(noun, 0, 9, true);
            progress.pace.rates = Some([2.0, 64.0]);
            progress.tail(1, "a.mp4")
        };
        assert_eq!(tail("frame"), "64 frames/s, ETA 0:04, a.mp4");
        assert_eq!(tail("step"), "64 images/s, ETA 0:04, a.mp4");
    }

    #[test]
    fn a_rate_is_measured_over_time_enough_or_not_given() {
        let mut progress = Progress::start("step", 0, 9, true);
        progress.update(9, 1_000_000, "");
        assert_eq!(progress.tail(9, "loss 1"), "loss 1");
        let mut pace = Pace::default();
        assert!(!pace.add([1.0, 32.0], Duration::from_nanos(65)));
        assert!(pace.add([3.0, 96.0], Duration::from_secs(2)));
        assert_eq!(pace.rates, Some([2.0, 64.0]));
        pace.add([0.0, 0.0], Duration::from_secs(1));
        assert_eq!(pace.rates, Some([1.8, 57.6]));
    }

    #[test]
    fn more_than_was_announced_raises_the_total() {
        let mut progress = Progress::start("frame", 0, 1500, true);
        assert!(progress.ends(1500) && !progress.ends(1499));
        progress.update(1500, 1500, "");
        assert!(!progress.ends(1500), "said once");
        assert!(!progress.ends(1764), "nobody knows");
        progress.update(1764, 264, "");
        assert!(progress.total == Some(1764) && !progress.ends(1764));
    }

    #[test]
    fn without_a_length_there_is_neither_a_total_nor_a_time_left() {
        let mut progress = Progress::start("frame", 0, None::<u64>, true);
        progress.update(12, 12, "a.mkv");
        assert!(!progress.ends(36), "nobody knows");
        progress.pace.rates = Some([25.0, 25.0]);
        assert_eq!(progress.line(36, "a.mkv"), "frame 36, 25 frames/s, a.mkv");
        progress.pace.rates = None;
        assert_eq!(
            (progress.line(1, "a.mkv"), progress.line(1, "")),
            ("frame 1, a.mkv".into(), "frame 1".into())
        );
        let mut known = Progress::start("frame", 0, 96, true);
        known.pace.rates = Some([12.0, 12.0]);
        assert_eq!(known.line(12, ""), "frame 12/96 12 frames/s, ETA 0:07");
    }

    #[test]
    fn a_duration_reads_like_a_clock() {
        assert_eq!(clock(Duration::from_secs(59)), "0:59");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }
}
