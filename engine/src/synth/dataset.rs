//! Drawn faces as a dataset: any number of them, none stored.

use crate::data::{Annotation, DataError, Dataset};
use crate::media::Picture;
use crate::random::{Address, Purpose};

use super::{Class, Style, sample};

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
    /// Running sum of the balance, scaled to end at 1; empty where classes take turns.
    cumulative: Vec<f32>,
}

impl SynthFaces {
    /// A dataset with these settings.
    ///
    /// # Errors
    /// A setting is out of its range; the message names it.
    pub fn new(settings: SynthSettings) -> Result<Self, DataError> {
        let refuse = |reason: String| {
            Err(DataError::Format { path: settings.name.clone().into(), place: String::new(), reason })
        };
        let style = &settings.style;
        if !(32..=256).contains(&style.size) {
            return refuse(format!("size = {} is outside 32..=256", style.size));
        }
        if !matches!(style.channels, 1 | 3) {
            return refuse(format!("channels = {}: 1 (grey) or 3 (RGB)", style.channels));
        }
        if style.identities.is_empty() {
            return refuse(format!("identities = {:?} is empty", style.identities));
        }
        let (least, greatest) = style.intensity;
        if !(least >= 0.0 && least <= greatest && greatest <= 1.5) {
            return refuse(format!("intensity = {least}..{greatest} is outside 0..=1.5 or reversed"));
        }
        if !(0.0..0.5).contains(&style.blend) || !(0.0..=2.0).contains(&style.variation) {
            return refuse(format!(
                "blend = {} (0..0.5) or variation = {} (0..=2) is out of range",
                style.blend, style.variation
            ));
        }
        let total: f32 = settings.balance.iter().sum();
        if !(settings.balance.iter().all(|&b| b >= 0.0) && total > 0.0 && total.is_finite()) {
            return refuse(format!("balance = {:?}: 8 numbers from 0 up, not all 0", settings.balance));
        }
        let equal = settings.balance.iter().all(|&b| b == settings.balance[0]);
        let mut sum = 0.0;
        let running = settings.balance.iter().map(|b| {
            sum += b;
            sum / total
        });
        let cumulative = if equal { Vec::new() } else { running.collect() };
        let classes = Class::ALL.iter().map(|c| c.name().to_owned()).collect();
        Ok(Self { settings, classes, cumulative })
    }

    /// The class that an item shows, whether or not the dataset tells.
    pub fn class(&self, index: usize) -> Class {
        if self.cumulative.is_empty() {
            return Class::ALL[index % Class::ALL.len()];
        }
        // Step 2 keeps the choice of class apart from samples (0) and people (1).
        let mut rng = Address { step: 2, ..self.address(index) }.rng();
        let draw = rng.uniform();
        let at = self.cumulative.iter().position(|&c| draw < c);
        // Rounding may leave the last sum just below 1.
        let last = self.settings.balance.iter().rposition(|&b| b > 0.0);
        Class::ALL[at.or(last).unwrap_or(0)]
    }

    fn address(&self, index: usize) -> Address {
        Address { seed: self.settings.seed, purpose: Purpose::Synthesis, step: 0, item: index as u64 }
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

    /// Hash of what the picture is drawn from; that is the cheaper half, and equal exactly when the picture is.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let Style { size, channels, identities, intensity, blend, variation } = &self.settings.style;
        let mut hasher = blake3::Hasher::new();
        for number in [
            self.settings.seed,
            index as u64,
            self.class(index) as u64,
            *size as u64,
            *channels as u64,
            identities.start,
            identities.end,
        ] {
            hasher.update(&number.to_le_bytes());
        }
        for number in [intensity.0, intensity.1, *blend, *variation] {
            hasher.update(&number.to_le_bytes());
        }
        Ok(*hasher.finalize().as_bytes())
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        Ok(sample(self.address(index), self.class(index), &self.settings.style))
    }
}
