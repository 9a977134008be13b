//! From the moment a frame was captured to the moment its labels were drawn.

use std::collections::VecDeque;
use std::time::Duration;

/// Frames that the median is taken over.
const KEPT: usize = 300;

/// The latencies of the last 300 frames that were drawn.
///
/// A frame is drawn when the window's pass over it has ended: its layout, its textures and its submission to the screen. How
/// long a pass took is known only when the next one begins, so a frame is booked then.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    /// When the frame was captured and when the pass that draws it began.
    open: Option<(Duration, Duration)>,
    recent: VecDeque<Duration>,
    /// Frames drawn in all.
    drawn: u64,
}

impl Latency {
    /// A pass that began at `began` draws the labels of a frame that was captured at `captured`.
    pub fn drawing(&mut self, captured: Duration, began: Duration) {
        self.open = Some((captured, began));
    }

    /// The last pass took so long, without waiting for the screen.
    pub fn drawn(&mut self, pass: Duration) {
        if let Some((captured, began)) = self.open.take() {
            if self.recent.len() == KEPT {
                self.recent.pop_front();
            }
            self.drawn += 1;
            self.recent.push_back((began + pass).saturating_sub(captured));
        }
    }

    /// Of the last frame.
    pub fn last(&self) -> Option<Duration> {
        self.recent.back().copied()
    }

    /// The median; of an even number the upper one.
    pub fn median(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// How many frames the median is of.
    pub fn frames(&self) -> usize {
        self.recent.len()
    }

    /// Frames that were drawn in all.
    pub fn in_all(&self) -> u64 {
        self.drawn
    }

    /// Forgets everything, for another source.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_frame_is_booked_once_with_the_time_of_its_own_pass() {
        let mut latency = Latency::default();
        latency.drawn(ms(9));
        assert_eq!(latency.last(), None, "a pass that drew no new frame is nobody's");
        latency.drawing(ms(100), ms(130));
        latency.drawn(ms(5));
        latency.drawn(ms(70));
        assert_eq!((latency.last(), latency.frames()), (Some(ms(35)), 1));
        for (captured, began) in [(200, 220), (300, 390)] {
            latency.drawing(ms(captured), ms(began));
            latency.drawn(ms(1));
        }
        assert_eq!((latency.last(), latency.median()), (Some(ms(91)), Some(ms(35))));
        (0..KEPT as u64 + 5).for_each(|_| {
            latency.drawing(ms(0), ms(7));
            latency.drawn(ms(0));
        });
        assert_eq!((latency.median(), latency.frames()), (Some(ms(7)), KEPT));
    }
}
