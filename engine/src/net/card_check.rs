//! What a card must be, checked where it enters and where it is written.

use std::collections::BTreeSet;

use super::card::{BoxCrop, InputContract, ModelCard};
use crate::files::{printable, quoted};

/// The framings of faces that a card may name: `crop` (loose box crop) and `arcface-112` (five-landmark template).
pub const TEMPLATES: [&str; 2] = ["crop", "arcface-112"];

/// Version of the card's format.
const VERSION: u32 = 1;
/// Longest name of a class, in characters.
const LONGEST_NAME: usize = 100;
/// Smallest standard deviation of pixels scaled to `[0, 1]`; a grey level is 0.004.
const SMALLEST_STD: f32 = 1e-6;
/// Sides of a square around a face, in the longer sides of its box.
const BOX_SIDES: std::ops::RangeInclusive<f32> = 0.1..=10.0;

impl ModelCard {
    /// Checks every field that something is computed with. [`super::Weights::read`] and [`super::Weights::write`] do it.
    ///
    /// # Errors
    /// The first field that cannot be, and what it may be.
    pub fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!(
                "version is {}, but this program reads {VERSION}; use a newer program",
                self.version
            ));
        }
        self.check_classes()?;
        self.input.check()?;
        if !(self.crop > 0.0 && self.crop <= 1.0) {
            return Err(format!("crop is {}; above 0 and at most 1 is possible", self.crop));
        }
        self.box_crop.check()?;
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(format!(
                "temperature is {}; a number above 0 is needed, 1 for none",
                self.temperature
            ));
        }
        if let Some((name, value)) = self.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(format!("metrics.{} is {value}, no finite number", printable(name, LONGEST_NAME)));
        }
        Ok(())
    }

    fn check_classes(&self) -> Result<(), String> {
        let outputs = self.architecture.classes();
        if self.classes.len() != outputs {
            let named = self.classes.len();
            return Err(format!("it names {named} classes, but its network has {outputs}"));
        }
        if self.classes.is_empty() {
            return Err("it names no classes".into());
        }
        let mut known = BTreeSet::new();
        for (at, name) in self.classes.iter().enumerate() {
            let twice = (!known.insert(name)).then_some("stands there twice");
            if let Some(wrong) = class_name_problem(name).or(twice) {
                return Err(format!("classes[{at}], {}, {wrong}", quoted(name)));
            }
        }
        Ok(())
    }
}

/// Why a name cannot be a class's; `None` of one that can. It will stand on terminals, in pages and in tables.
pub fn class_name_problem(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        Some("is empty")
    } else if printable(name, LONGEST_NAME) != *name {
        Some("is too long or has control characters")
    } else if name.trim_start().starts_with(['=', '+', '-', '@']) {
        Some("begins with one of = + - @, which a spreadsheet takes for a formula")
    } else {
        None
    }
}

impl InputContract {
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { size, channels, mean, std, template } = self;
        if *size == 0 || !matches!(channels, 1 | 3) {
            return Err(format!("input is {size}x{size}x{channels}; a size and 1 or 3 channels are needed"));
        }
        for (name, values) in [("mean", mean), ("std", std)] {
            if values.len() != *channels {
                return Err(format!("input.{name} has {} values for {channels} channels", values.len()));
            }
            if let Some(value) = values.iter().find(|v| !v.is_finite()) {
                return Err(format!("input.{name} holds {value}, no finite number"));
            }
        }
        if let Some(value) = std.iter().find(|v| **v < SMALLEST_STD) {
            return Err(format!("input.std holds {value}; deviations above 0 are needed"));
        }
        if !TEMPLATES.contains(&template.as_str()) {
            let (template, known) = (quoted(template), TEMPLATES.join(" and "));
            return Err(format!("input.template is {template}, but {known} are known"));
        }
        Ok(())
    }
}

impl BoxCrop {
    pub(super) fn check(self) -> Result<(), String> {
        if !BOX_SIDES.contains(&self.side) {
            let (least, most) = (BOX_SIDES.start(), BOX_SIDES.end());
            return Err(format!("box_crop.side is {}; between {least} and {most} is possible", self.side));
        }
        if !(-1.0..=1.0).contains(&self.up) {
            return Err(format!("box_crop.up is {}; between -1 and 1 is possible", self.up));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::architecture::Architecture;
    use super::*;
    use crate::net::{Depth, ResNetSpec, Stem};

    fn card() -> ModelCard {
        ModelCard {
            version: 1,
            architecture: Architecture::Resnet(ResNetSpec {
                depth: Depth::ResNet18,
                size: 48,
                channels: 3,
                classes: 2,
                width: 0.5,
                stem: Stem::NoPool,
            }),
            classes: vec!["Neutral".into(), "Überraschung".into()],
            input: InputContract {
                size: 48,
                channels: 3,
                mean: vec![0.485, 0.456, 0.406],
                std: vec![0.229, 0.224, 0.225],
                template: "arcface-112".into(),
            },
            crop: 0.9,
            box_crop: BoxCrop::default(),
            licence: "several\nlines".into(),
            training: String::new(),
            temperature: 1.3,
            metrics: [("accuracy".to_owned(), 0.8)].into(),
            student: None,
            post: None,
        }
    }

    #[test]
    fn a_usable_card_passes() {
        assert_eq!(card().check(), Ok(()));
    }

    #[test]
    fn each_field_that_cannot_be_is_named_with_what_it_may_be() {
        type Change = (&'static str, fn(&mut ModelCard));
        let changes: [Change; 23] = [
            ("version is 2, but this program reads 1", |c| c.version = 2),
            ("names 1 classes, but its network has 2", |c| c.classes.truncate(1)),
            ("classes[1], `Neutral`, stands there twice", |c| c.classes[1] = "Neutral".into()),
            ("classes[0], ` `, is empty", |c| c.classes[0] = " ".into()),
            (r"classes[0], `\u{1b}[2J`, is too long or has control", |c| c.classes[0] = "\u{1b}[2J".into()),
            ("is too long", |c| c.classes[0] = "a".repeat(1000)),
            ("classes[0], `=1+1`, begins with one of", |c| c.classes[0] = "=1+1".into()),
            ("input.mean has 4 values for 3 channels", |c| c.input.mean.push(0.0)),
            ("input.std has 0 values for 3 channels", |c| c.input.std.clear()),
            ("input.mean holds NaN", |c| c.input.mean[2] = f32::NAN),
            ("input.std holds inf", |c| c.input.std[0] = f32::INFINITY),
            ("input.std holds 0;", |c| c.input.std[0] = 0.0),
            ("input.std holds -1;", |c| c.input.std[1] = -1.0),
            ("input is 48x48x2", |c| c.input.channels = 2),
            ("input is 0x0x3", |c| c.input.size = 0),
            ("input.template is `hmm`, but crop and arcface-112", |c| c.input.template = "hmm".into()),
            ("crop is 0;", |c| c.crop = 0.0),
            ("crop is 1000000000;", |c| c.crop = 1e9),
            ("crop is NaN;", |c| c.crop = f32::NAN),
            ("box_crop.side is 0;", |c| c.box_crop.side = 0.0),
            ("box_crop.up is -7;", |c| c.box_crop.up = -7.0),
            ("temperature is -1;", |c| c.temperature = -1.0),
            ("temperature is inf;", |c| c.temperature = f32::INFINITY),
        ];
        for (words, change) in changes {
            let mut card = card();
            change(&mut card);
            let problem = card.check().expect_err(words);
            assert!(problem.contains(words) && !problem.contains(char::is_control), "{words}: {problem}");
        }
    }
}
