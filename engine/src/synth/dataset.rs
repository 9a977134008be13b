//! Drawn faces as a dataset: any number of them, none stored.

use crate::data::{Annotation, DataError, Dataset};
use crate::media::Picture;
use crate::random::{Address, Purpose};

use super::balance::Balance;
use super::{Class, Face, Stream, Style, face};

/// Which faces a [`SynthFaces`] holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SynthSettings {
    /// How messages call the dataset.
    pub name: String,
    /// Seed of people and samples.
    pub seed: u64,
    /// Number of faces.
    pub count: usize,
    /// How they are drawn.
    pub style: Style,
    /// Relative frequency of each class, in the order of [`Class::ALL`]. All equal: classes take turns, so any stretch of
    /// items is balanced.
    pub balance: [f32; 8],
    /// Whether annotations tell the class.
    pub labelled: bool,
}

impl Default for SynthSettings {
    fn default() -> Self {
        Self {
            name: "synth".to_owned(),
            seed: 0,
            count: 1_024,
            style: Style::default(),
            balance: [1.0; 8],
            labelled: true,
        }
    }
}

/// A dataset of drawn faces. Item `i` depends on the seed, the style and the balance, not on the count: a longer dataset
/// begins with the shorter one's faces, so training and evaluation need different seeds.
#[derive(Debug, Clone)]
pub struct SynthFaces {
    settings: SynthSettings,
    classes: Vec<String>,
    balance: Balance,
}

impl SynthFaces {
    /// A dataset with these settings.
    ///
    /// # Errors
    /// A setting is out of its range; the message names it.
    pub fn new(settings: SynthSettings) -> Result<Self, DataError> {
        settings.style.check().map_err(|reason| refuse_with(&settings.name, reason))?;
        let balance = Balance::new(settings.balance).map_err(|reason| refuse_with(&settings.name, reason))?;
        Ok(Self { settings, classes: Class::names(), balance })
    }

    /// The class that an item shows, whether or not the dataset tells.
    pub fn class(&self, index: usize) -> Class {
        if self.balance.is_even() {
            return Class::ALL[index % Class::ALL.len()];
        }
        // The choice of class stands apart from the sample.
        self.balance.draw(&mut Address { step: Stream::Class as u64, ..self.address(index) }.rng())
    }

    /// How its faces are drawn.
    pub fn style(&self) -> &Style {
        &self.settings.style
    }

    /// What the picture is drawn from.
    pub fn face(&self, index: usize) -> Face {
        face(self.address(index), self.class(index), &self.settings.style)
    }

    fn address(&self, index: usize) -> Address {
        Address {
            seed: self.settings.seed,
            purpose: Purpose::Synthesis,
            step: Stream::Sample as u64,
            item: index as u64,
        }
    }
}

impl Dataset for SynthFaces {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn classes(&self) -> &[String] {
        if self.settings.labelled { &self.classes } else { &[] }
    }

    fn len(&self) -> usize {
        self.settings.count
    }

    fn key(&self, index: usize) -> String {
        format!("face {index}")
    }

    fn annotation(&self, index: usize) -> Annotation {
        if self.settings.labelled { Annotation::Class(self.class(index) as usize) } else { Annotation::None }
    }

    fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        let style = &self.settings.style;
        let people = style.people.unwrap_or(self.settings.seed);
        let person = super::person(style, &mut self.address(index).rng());
        Ok(Some(format!("{people}/{person}")))
    }

    /// Hash of what the picture is drawn from; that is the cheaper half, and equal exactly when the picture is.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let mut hasher = blake3::Hasher::new();
        for number in [self.settings.seed, index as u64, self.class(index) as u64] {
            hasher.update(&number.to_le_bytes());
        }
        self.settings.style.hash(&mut hasher);
        Ok(*hasher.finalize().as_bytes())
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        Ok(self.face(index).draw(self.settings.style.size, self.settings.style.channels))
    }
}

pub(super) fn refuse_with(name: &str, reason: String) -> DataError {
    DataError::Format { path: name.into(), place: String::new(), reason }
}
