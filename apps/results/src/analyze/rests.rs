//! Resting faces of a recording, looked for by a reading of its own before the one that counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use affekt_engine::media::source::{FrameSource as _, OpenOptions, ReadAhead, open};
use affekt_engine::output::clock;
use affekt_engine::signal::{CALM, RestFinder};
use affekt_engine::world::live::{FrameReading, Recognizer};
use anyhow::{Context as _, bail};

/// Frames that are decoded ahead.
const AHEAD: usize = 8;

/// Whose face rests when: `calm`, or `1=00:03-00:08`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RestArg {
    /// Everybody's calmest seconds.
    Calm,
    /// A face, by number, in a stretch of seconds.
    Face(u32, (f64, f64)),
}

impl FromStr for RestArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "calm" {
            return Ok(Self::Calm);
        }
        let wrong = || format!("`{text}` is neither `calm` nor a face and a stretch such as 1=00:03-00:08");
        let (face, when) = text.split_once('=').ok_or_else(wrong)?;
        let (from, to) =
            when.split_once('-').and_then(|(from, to)| Some((clock(from)?, clock(to)?))).ok_or_else(wrong)?;
        if from >= to {
            return Err(format!("`{when}` ends before it begins"));
        }
        Ok(Self::Face(face.trim().parse().map_err(|_| wrong())?, (from, to)))
    }
}

/// Whose resting face is taken off.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rests {
    calm: bool,
    stretches: BTreeMap<u32, (f64, f64)>,
}

impl Rests {
    /// Of what was asked for.
    pub fn of(args: &[RestArg]) -> Self {
        let mut rests = Self::default();
        for arg in args {
            match arg {
                RestArg::Calm => rests.calm = true,
                RestArg::Face(face, stretch) => _ = rests.stretches.insert(*face, *stretch),
            }
        }
        rests
    }

    /// Whether nobody's is.
    pub fn is_empty(&self) -> bool {
        !self.calm && self.stretches.is_empty()
    }

    /// In one line, for what decides a result.
    pub fn in_words(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        format!(" neutral {} {:?}", if self.calm { "calm" } else { "" }, self.stretches)
    }

    /// Reads an input to its end and gives the recognizer the resting faces it should take off; whether it was finished.
    ///
    /// # Errors
    /// The input cannot be read, the model has no class `neutral`, or a face that is named was not seen long enough in its stretch.
    pub fn find(
        &self,
        input: &Path,
        options: OpenOptions,
        recognizer: &mut Recognizer,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> anyhow::Result<bool> {
        let neutral = recognizer.classes().iter().position(|class| class.eq_ignore_ascii_case("neutral"));
        let Some(neutral) = neutral else { bail!("--neutral needs a model with a class of that name") };
        recognizer.know_rests(BTreeMap::new());
        let mut source = ReadAhead::spawn(open(input, options)?, AHEAD).context("a thread for decoding")?;
        if source.info().still {
            return Ok(true);
        }
        let mut finders: BTreeMap<u32, RestFinder> = BTreeMap::new();
        let mut take = |readings: Vec<FrameReading>| {
            for face in readings.iter().flat_map(|reading| &reading.faces) {
                let within = self.stretches.get(&face.face).copied();
                if within.is_some() || self.calm {
                    let finder = finders.entry(face.face).or_insert_with(|| RestFinder::new(within));
                    finder.push(face.seconds, &face.probabilities);
                }
            }
        };
        let whole = recognizer.read_source(&mut source, |readings, _| -> anyhow::Result<bool> {
            take(readings);
            Ok(progress(0))
        })?;
        if !whole {
            return Ok(false);
        }
        if let Some(face) = self.stretches.keys().find(|face| !finders.contains_key(face)) {
            bail!(
                "{}: --neutral {face}: there is no face {face}; `affekt people` lists them",
                input.display()
            );
        }
        let mut rests = BTreeMap::new();
        for (face, finder) in finders {
            match finder.finish(neutral) {
                Some((offset, (from, to))) => {
                    log::info!("{}: face {face} rests from {from:.2} to {to:.2} s", input.display());
                    rests.insert(face, offset);
                }
                None if self.stretches.contains_key(&face) => {
                    bail!(
                        "{}: --neutral {face}: the face is seen in fewer than 5 frames of that stretch",
                        input.display()
                    );
                }
                None => log::info!("{}: face {face} is not seen for {CALM} s together", input.display()),
            }
        }
        recognizer.know_rests(rests);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_rests_when_is_read() {
        assert_eq!("calm".parse(), Ok(RestArg::Calm));
        assert_eq!("1=00:03-00:08".parse(), Ok(RestArg::Face(1, (3.0, 8.0))));
        for text in ["", "1", "1=3", "x=1-2", "1=8-3", "-1=1-2"] {
            assert!(text.parse::<RestArg>().is_err(), "{text}");
        }
        let rests = Rests::of(&[RestArg::Calm, RestArg::Face(2, (1.0, 2.0))]);
        assert!(!rests.is_empty() && rests.in_words().contains("2: (1.0, 2.0)"), "{}", rests.in_words());
    }
}
