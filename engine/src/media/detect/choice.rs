//! Which face detector is wanted, as settings and command lines name it.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{BuiltIn, DetectError, Detector, GuideBox, open};

/// Which face detector is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DetectorChoice {
    /// The first `*yunet*.onnx` of [`folders`]; without one the built-in detector.
    #[default]
    Auto,
    /// The built-in detector.
    BuiltIn,
    /// A fixed box in the middle of the picture.
    Guide,
    /// A `YuNet` model's file.
    File(PathBuf),
}

impl DetectorChoice {
    /// Opens it.
    ///
    /// # Errors
    /// The file is missing, or holds another model.
    pub fn open(&self) -> Result<Box<dyn Detector>, DetectError> {
        match self {
            Self::Auto => open(None),
            Self::BuiltIn => Ok(Box::new(BuiltIn::new()?)),
            Self::Guide => Ok(Box::new(GuideBox)),
            Self::File(path) => open(Some(path)),
        }
    }

    /// Frames from one look to the next with which it keeps up with a camera on two cores. A network takes half the time there
    /// is for a frame; between two looks faces are carried on by their motion.
    pub fn keeps_up_every(&self) -> u64 {
        match self {
            Self::Guide => 1,
            Self::Auto | Self::BuiltIn | Self::File(_) => 2,
        }
    }
}

impl FromStr for DetectorChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "" | "auto" => Self::Auto,
            "builtin" => Self::BuiltIn,
            "guide" => Self::Guide,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for DetectorChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::BuiltIn => f.write_str("builtin"),
            Self::Guide => f.write_str("guide"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_back_as_it_is_written() {
        let all = [
            (DetectorChoice::BuiltIn, 2),
            (DetectorChoice::Guide, 1),
            (DetectorChoice::File("a.onnx".into()), 2),
        ];
        for (choice, every) in all {
            assert_eq!(choice.to_string().parse(), Ok(choice.clone()));
            assert_eq!(choice.keeps_up_every(), every);
        }
        assert_eq!("auto".parse(), Ok(DetectorChoice::Auto));
    }
}
