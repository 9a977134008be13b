//! Box filter: the mean of each class's probability over a window of frames.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::fixed::{fixed, mean};
use super::{SignalError, check_window};

/// Which frames a frame's mean is taken over. W is the window's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmoothKind {
    /// The frames around it: W/2 before and (W-1)/2 after. At the ends those that there are.
    #[default]
    Centred,
    /// The frame and the W-1 before it.
    Causal,
}

/// How probabilities are smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothSettings {
    /// Which frames are averaged.
    pub kind: SmoothKind,
    /// Width of the window in frames, 1 to [`super::MAX_WINDOW`].
    pub window: usize,
}

impl Default for SmoothSettings {
    /// Centred, 50 frames: the width around which the gain on Aff-Wild2 is reported to be largest.
    fn default() -> Self {
        Self { kind: SmoothKind::default(), window: 50 }
    }
}

impl SmoothSettings {
    /// Checks the window's width.
    ///
    /// # Errors
    /// It is 0 or larger than [`super::MAX_WINDOW`].
    pub fn check(self) -> Result<(), SignalError> {
        check_window("smoothing window", self.window)
    }

    /// Frames pushed after a frame before its mean is known: 0 causal, (W-1)/2 centred.
    pub fn latency(self) -> usize {
        match self.kind {
            SmoothKind::Causal => 0,
            SmoothKind::Centred => (self.window - 1) / 2,
        }
    }
}

/// A frame's probabilities after smoothing.
#[derive(Debug, PartialEq)]
pub struct Smoothed<'a> {
    /// The frame, counted from 0 in the order of [`Smoother::push`].
    pub frame: u64,
    /// One mean a class; `None` where the frame has no face.
    pub probabilities: Option<&'a [f32]>,
}

/// Averages probabilities as frames arrive. A frame without a face has no part in any mean and stays without one.
///
/// A push costs time in the number of classes, not in the window; sums are exact, so nothing drifts.
#[derive(Debug, Clone)]
pub struct Smoother {
    settings: SmoothSettings,
    classes: usize,
    /// Whether the frames of the window, oldest first, have a face; `rows` has their probabilities.
    faces: VecDeque<bool>,
    rows: VecDeque<f32>,
    sums: Vec<u128>,
    count: u32,
    pushed: u64,
    emitted: u64,
    means: Vec<f32>,
}

impl Smoother {
    /// A smoother for rows of `classes` probabilities.
    ///
    /// # Errors
    /// As [`SmoothSettings::check`].
    pub fn new(settings: SmoothSettings, classes: usize) -> Result<Self, SignalError> {
        settings.check()?;
        Ok(Self {
            settings,
            classes,
            faces: VecDeque::new(),
            rows: VecDeque::new(),
            sums: vec![0; classes],
            count: 0,
            pushed: 0,
            emitted: 0,
            means: vec![0.0; classes],
        })
    }

    /// Takes the next frame's probabilities, `None` where it has no face, and gives the means of the frame
    /// [`SmoothSettings::latency`] frames ago.
    ///
    /// # Panics
    /// There is not one probability a class.
    pub fn push(&mut self, probabilities: Option<&[f32]>) -> Option<Smoothed<'_>> {
        if self.faces.len() == self.settings.window {
            self.forget_oldest();
        }
        if let Some(row) = probabilities {
            assert_eq!(row.len(), self.classes, "one probability a class");
            self.count += 1;
            for (sum, &p) in self.sums.iter_mut().zip(row) {
                *sum += fixed(p);
            }
            self.rows.extend(row);
        } else {
            self.rows.extend(std::iter::repeat_n(0.0, self.classes));
        }
        self.faces.push_back(probabilities.is_some());
        self.pushed += 1;
        if self.pushed > self.settings.latency() as u64 { Some(self.emit()) } else { None }
    }

    /// Ends the sequence, one frame a call: the frames that are still due, in order, then `None`. The smoother is then
    /// as new.
    pub fn drain(&mut self) -> Option<Smoothed<'_>> {
        if self.emitted == self.pushed {
            self.faces.clear();
            self.rows.clear();
            self.sums.fill(0);
            (self.count, self.pushed, self.emitted) = (0, 0, 0);
            return None;
        }
        let before = self.settings.window as u64 / 2;
        while self.pushed - (self.faces.len() as u64) + before < self.emitted {
            self.forget_oldest();
        }
        Some(self.emit())
    }

    /// The means of the next frame, whose window must be what the sums hold.
    fn emit(&mut self) -> Smoothed<'_> {
        let oldest = self.pushed - self.faces.len() as u64;
        let face = self.faces[(self.emitted - oldest) as usize];
        if face {
            for (out, &sum) in self.means.iter_mut().zip(&self.sums) {
                *out = mean(sum, self.count);
            }
        }
        self.emitted += 1;
        Smoothed { frame: self.emitted - 1, probabilities: face.then_some(self.means.as_slice()) }
    }

    fn forget_oldest(&mut self) {
        let face = self.faces.pop_front() == Some(true);
        for (sum, p) in self.sums.iter_mut().zip(self.rows.drain(..self.classes)) {
            if face {
                *sum -= fixed(p);
            }
        }
        self.count -= u32::from(face);
    }
}

/// Smooths a whole sequence in place: `probabilities` is frames x `classes`, `faces` says which frames have a face; the
/// rows of the others stay as they are.
///
/// # Errors
/// As [`SmoothSettings::check`].
///
/// # Panics
/// `probabilities` does not have a row for each frame.
pub fn smooth(
    settings: SmoothSettings,
    faces: &[bool],
    probabilities: &mut [f32],
    classes: usize,
) -> Result<(), SignalError> {
    assert_eq!(probabilities.len(), faces.len() * classes, "a row of probabilities for each frame");
    let mut smoother = Smoother::new(settings, classes)?;
    // A frame's means come out after the frame went in, so that its row may be overwritten.
    let put = |smoothed: &Smoothed<'_>, all: &mut [f32]| {
        if let Some(row) = smoothed.probabilities {
            all[smoothed.frame as usize * classes..][..classes].copy_from_slice(row);
        }
    };
    for (frame, &face) in faces.iter().enumerate() {
        let smoothed = smoother.push(face.then_some(&probabilities[frame * classes..(frame + 1) * classes]));
        if let Some(smoothed) = smoothed {
            put(&smoothed, probabilities);
        }
    }
    while let Some(smoothed) = smoother.drain() {
        put(&smoothed, probabilities);
    }
    Ok(())
}
