//! How many labels a run keeps of each class.

use std::fmt;
use std::str::FromStr;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};

/// How many labels of each class to keep: `25` (every class must have them), `max400` (a class with fewer keeps all), or
/// `all`, which exempts a dataset from the limit of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelsPerClass {
    /// Labels kept of each class, from 1 up.
    pub count: usize,
    /// Whether a class may have fewer; it must have one all the same.
    pub at_most: bool,
}

impl LabelsPerClass {
    /// No limit.
    pub const ALL: Self = Self { count: usize::MAX, at_most: true };
}

impl From<usize> for LabelsPerClass {
    fn from(count: usize) -> Self {
        Self { count, at_most: false }
    }
}

impl FromStr for LabelsPerClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::ALL);
        }
        let number = text.strip_prefix("max");
        match number.unwrap_or(text).parse() {
            Ok(count) if count > 0 => Ok(Self { count, at_most: number.is_some() }),
            _ => Err(format!(
                "labels_per_class takes a number from 1 up, max400 and the like, or all, not `{text}`"
            )),
        }
    }
}

impl fmt::Display for LabelsPerClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        write!(f, "{}{}", if self.at_most { "max" } else { "" }, self.count)
    }
}

impl Serialize for LabelsPerClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.at_most { serializer.collect_str(self) } else { serializer.serialize_u64(self.count as u64) }
    }
}

impl<'de> Deserialize<'de> for LabelsPerClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer)?.to_string().parse().map_err(serde::de::Error::custom)
    }
}

/// An option's value in TOML: any of these is the text it would be on the command line.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Spec;
    use super::*;

    #[test]
    fn the_number_of_labels_is_exact_or_a_maximum_in_text_and_toml() {
        #[derive(Deserialize, Serialize)]
        struct Counts {
            exact: LabelsPerClass,
            most: LabelsPerClass,
        }
        let text = "exact = 25\nmost = \"max400\"\n";
        let counts: Counts = toml::from_str(text).unwrap();
        assert_eq!(counts.exact, 25.into());
        assert_eq!(counts.most, LabelsPerClass { count: 400, at_most: true });
        assert_eq!(toml::to_string(&counts).unwrap(), text);
        let spec: Spec = "folder:a?labels_per_class=max400".parse().unwrap();
        assert_eq!(spec.labels_per_class, Some(counts.most));
        assert_eq!(spec.to_string().parse::<Spec>().unwrap(), spec);
        assert_eq!(
            ("all".parse(), LabelsPerClass::ALL.to_string()),
            (Ok(LabelsPerClass::ALL), "all".to_owned())
        );
        assert!("max0".parse::<LabelsPerClass>().is_err());
    }
}
