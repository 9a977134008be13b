//! How a dataset is named: `FORMAT:PATH[#SPLIT][?key=value&...]`, on the command line and in TOML.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize, Serializer};

use super::labels_per_class::Scalar;
use super::spec_hint::meant;
use super::{DataError, Fraction, LabelsPerClass, quoted};

/// Where items without a clear label go: ties between votes and columns like `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ambiguous {
    /// They are not used at all.
    #[default]
    Drop,
    /// They serve as unlabelled faces.
    Unlabelled,
}

/// A dataset and how to use it.
///
/// As text `FORMAT:PATH[#SPLIT][?key=value&...]`, e.g. `ferplus:faces/ferplus.tar#Train?labels_per_class=25` or
/// `folder:my_faces?map=contempt:unlabelled,joy:happiness`. In paths `#`, `?` and `%` are written `%23`, `%3F` and
/// `%25`. In TOML either that text or a table with the keys `format`, `path`, `split` and the options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Name of the format.
    pub format: String,
    /// File or folder.
    pub path: PathBuf,
    /// Part of the dataset, e.g. `Train`.
    pub split: Option<String>,
    /// Keep so many labels a class from this dataset; its other items become unlabelled.
    pub labels_per_class: Option<LabelsPerClass>,
    /// Use so large a part of it, drawn uniformly; all where it is not set.
    pub fraction: Option<Fraction>,
    /// Bring its faces to the template of `ArcFace` as they are read.
    pub align: bool,
    /// Ignore all its labels.
    pub unlabelled: bool,
    /// Where items without a clear label go.
    pub ambiguous: Ambiguous,
    /// The dataset's class name -> the run's class name, or `unlabelled`, or `drop`.
    pub map: BTreeMap<String, String>,
    /// Options of the format.
    pub options: BTreeMap<String, String>,
}

impl Spec {
    /// Option keys every format understands.
    pub const COMMON_OPTIONS: &'static [&'static str] =
        &["labels_per_class", "fraction", "align", "unlabelled", "ambiguous", "map"];

    /// A dataset with every option at its default.
    pub fn new(format: &str, path: impl Into<PathBuf>) -> Self {
        Self {
            format: format.to_owned(),
            path: path.into(),
            split: None,
            labels_per_class: None,
            fraction: None,
            align: false,
            unlabelled: false,
            ambiguous: Ambiguous::Drop,
            map: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }

    /// Sets one option from text; the error is the reason alone.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "labels_per_class" => self.labels_per_class = Some(value.parse()?),
            "fraction" => self.fraction = Some(value.parse()?),
            "unlabelled" | "align" => {
                let on = value.parse().map_err(|_| format!("{key} takes true or false, not `{value}`"))?;
                *(if key == "align" { &mut self.align } else { &mut self.unlabelled }) = on;
            }
            "ambiguous" => {
                self.ambiguous = match value {
                    "drop" => Ambiguous::Drop,
                    "unlabelled" => Ambiguous::Unlabelled,
                    _ => return Err(format!("ambiguous takes drop or unlabelled, not `{value}`")),
                };
            }
            "map" => {
                for pair in value.split(',') {
                    let (from, to) = pair
                        .split_once(':')
                        .ok_or_else(|| format!("map takes from:to[,from:to...], not `{pair}`"))?;
                    self.map.insert(unescape(from), unescape(to));
                }
            }
            "" => return Err("an option has no key".to_owned()),
            _ => {
                self.options.insert(key.to_owned(), unescape(value));
            }
        }
        Ok(())
    }

    /// The same dataset, where `{name}` in its path stands for a folder of `paths`. Other braces stay as they are.
    ///
    /// # Errors
    /// A name in braces that `paths` does not have; says how to set it.
    pub fn with_paths(&self, paths: &BTreeMap<String, PathBuf>) -> Result<Self, DataError> {
        let mut path = self.path.to_string_lossy().into_owned();
        let mut start = 0;
        while let Some(open) = path[start..].find('{').map(|at| start + at) {
            let Some(close) = path[open..].find('}').map(|at| open + at) else { break };
            let name = &path[open + 1..close];
            start = close + 1;
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !plain || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                continue;
            }
            let Some(folder) = paths.get(name) else {
                let advice =
                    format!("say where `{name}` lies, --set data.paths.{name}=FOLDER, or name other data");
                return Err(self.error(advice));
            };
            let folder = folder.to_string_lossy().into_owned();
            path.replace_range(open..=close, &folder);
            start = open + folder.len();
        }
        Ok(if start == 0 { self.clone() } else { Self { path: path.into(), ..self.clone() } })
    }

    /// Itself, unless its text is too long to be read again.
    fn short(self) -> Result<Self, DataError> {
        let text = self.to_string();
        if text.len() > LONGEST { Err(too_long(&text)) } else { Ok(self) }
    }

    /// An error about this SPEC: what is wrong with it and what is possible.
    pub fn error(&self, reason: impl Into<String>) -> DataError {
        DataError::Spec { spec: self.to_string(), reason: reason.into() }
    }
}

/// Longest SPEC as text, in bytes. What is made of it, messages too, is a few times as long.
const LONGEST: usize = 64 << 10;

fn too_long(text: &str) -> DataError {
    let reason = format!("{} bytes; a SPEC has {LONGEST} at the most", text.len());
    DataError::Spec { spec: quoted(text), reason }
}

/// The characters that separate parts of a SPEC, and how they are written inside one.
const ESCAPES: [(&str, &str); 6] =
    [("%23", "#"), ("%3F", "?"), ("%26", "&"), ("%2C", ","), ("%3A", ":"), ("%25", "%")];

fn unescape(text: &str) -> String {
    // `%25` comes last, so that `%2523` stays the text `%23`.
    ESCAPES.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

fn escape(text: &str, characters: &str) -> String {
    ESCAPES
        .iter()
        .rev()
        .filter(|(_, plain)| characters.contains(plain))
        .fold(text.to_owned(), |text, (code, plain)| text.replace(plain, code))
}

impl FromStr for Spec {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        if text.len() > LONGEST {
            return Err(too_long(text));
        }
        let error = |reason: String| DataError::Spec { spec: text.to_owned(), reason };
        let form = "write FORMAT:PATH[#SPLIT][?key=value&...], e.g. ferplus:faces/ferplus.tar#Train";
        let (format, rest) = text
            .split_once(':')
            .ok_or_else(|| error(format!("no format; {}", meant(text).unwrap_or_else(|| form.to_owned()))))?;
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (path, split) = rest.split_once('#').map_or((rest, None), |(path, split)| (path, Some(split)));
        if format.is_empty() || path.is_empty() || split == Some("") {
            return Err(error(format!("an empty format, path or split; {form}")));
        }
        let mut spec = Spec::new(format, unescape(path));
        spec.split = split.map(unescape);
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| error(format!("option `{pair}` has no value; {form}")))?;
            spec.set(key, value).map_err(error)?;
        }
        spec.short()
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.format, escape(&self.path.to_string_lossy(), "%#?"))?;
        if let Some(split) = &self.split {
            write!(f, "#{}", escape(split, "%#?"))?;
        }
        let mut options = Vec::new();
        if let Some(count) = self.labels_per_class {
            options.push(format!("labels_per_class={count}"));
        }
        if let Some(fraction) = self.fraction {
            options.push(format!("fraction={fraction}"));
        }
        if self.align {
            options.push("align=true".to_owned());
        }
        if self.unlabelled {
            options.push("unlabelled=true".to_owned());
        }
        if self.ambiguous == Ambiguous::Unlabelled {
            options.push("ambiguous=unlabelled".to_owned());
        }
        if !self.map.is_empty() {
            let pairs: Vec<String> = (self.map.iter())
                .map(|(from, to)| format!("{}:{}", escape(from, "%&,:"), escape(to, "%&,:")))
                .collect();
            options.push(format!("map={}", pairs.join(",")));
        }
        options.extend(self.options.iter().map(|(key, value)| format!("{key}={}", escape(value, "%&"))));
        if !options.is_empty() {
            write!(f, "?{}", options.join("&"))?;
        }
        Ok(())
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Deserialize)]
struct Table {
    format: String,
    path: PathBuf,
    split: Option<String>,
    #[serde(default)]
    map: BTreeMap<String, String>,
    #[serde(flatten)]
    options: BTreeMap<String, Scalar>,
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecVisitor)
    }
}

struct SpecVisitor;

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = Spec;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a dataset as `FORMAT:PATH[#SPLIT][?key=value&...]` or as a table with format and path")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Spec, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Spec, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        let mut spec = Spec::new(&table.format, table.path);
        spec.split = table.split;
        spec.map = table.map;
        for (key, value) in table.options {
            // A table needs no escapes; `set` undoes them.
            spec.set(&key, &escape(&value.to_string(), "%")).map_err(serde::de::Error::custom)?;
        }
        spec.short().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[derive(Deserialize)]
    struct Config {
        data: Vec<Spec>,
    }

    #[test]
    fn text_and_table_name_the_same_dataset() {
        let text = "ferplus:faces/ferplus.tar#Train?labels_per_class=25&map=contempt:unlabelled,NF:drop";
        let spec: Spec = text.parse().unwrap();
        assert_eq!(spec.path, PathBuf::from("faces/ferplus.tar"));
        assert_eq!((spec.split.as_deref(), spec.labels_per_class), (Some("Train"), Some(25.into())));
        assert_eq!(spec.map["NF"], "drop");
        let table = "data = [{ format = 'ferplus', path = 'faces/ferplus.tar', split = 'Train',
            labels_per_class = 25, map = { contempt = 'unlabelled', NF = 'drop' } }, 'recordio:faces']";
        let config: Config = toml::from_str(&table.replace('\n', " ")).unwrap();
        assert_eq!(config.data[0], spec);
        assert_eq!(config.data[1], Spec::new("recordio", "faces"));
        let part: Spec = "ms1mv2:faces?fraction=1/3".parse().unwrap();
        assert_eq!(part.to_string(), "ms1mv2:faces?fraction=1/3");
        let table = "data = [{ format = 'ms1mv2', path = 'faces', fraction = '1/3' }, { format = 'a', path = 'b', fraction = 0.25 }]";
        let config: Config = toml::from_str(table).unwrap();
        assert_eq!((&config.data[0], config.data[1].fraction), (&part, Some("0.25".parse().unwrap())));
    }

    #[test]
    fn display_and_parse_are_inverse_even_with_separators_in_names() {
        let mut spec = Spec::new("folder", "odd #1?/100%23");
        spec.split = Some("a#b".to_owned());
        (spec.unlabelled, spec.align) = (true, true);
        spec.ambiguous = Ambiguous::Unlabelled;
        spec.map.insert("a,b:c&d".to_owned(), "drop".to_owned());
        spec.options.insert("classes".to_owned(), "x&y,z".to_owned());
        assert_eq!(spec.to_string().parse::<Spec>().unwrap(), spec, "{spec}");
    }

    #[test]
    fn names_in_braces_are_folders_and_shard_numbers_stay() {
        let paths = BTreeMap::from([("faces".to_owned(), PathBuf::from("/data/my {faces}"))]);
        let of = |text: &str| text.parse::<Spec>().unwrap().with_paths(&paths);
        assert_eq!(of("folder:{faces}/a?unlabelled=true").unwrap().path, PathBuf::from("/data/my {faces}/a"));
        let shards = "webdataset:{faces}/{000..127}.tar";
        assert_eq!(of(shards).unwrap().path, PathBuf::from("/data/my {faces}/{000..127}.tar"));
        for plain in ["folder:a", "folder:{0..9}", "folder:{", "folder:}{", "folder:{}"] {
            assert_eq!(of(plain).unwrap(), plain.parse().unwrap());
        }
        let message = of("ms1mv2:{ms1mv2}").unwrap_err().to_string();
        assert!(
            message.contains("ms1mv2:{ms1mv2}") && message.contains("--set data.paths.ms1mv2=FOLDER"),
            "{message}"
        );
    }

    #[test]
    fn a_text_or_table_of_enormous_length_is_refused_and_not_repeated() {
        let fits = format!("folder:{}", "a".repeat(LONGEST - 7));
        assert_eq!(fits.parse::<Spec>().unwrap().to_string(), fits);
        // The last is short, but would be written longer than can be read again.
        let long = [
            format!("{fits}a"),
            format!("folder:a?map={}", "a:b,".repeat(1 << 20)),
            format!("folder:{}", "%".repeat(30_000)),
        ];
        for text in long {
            let message = text.parse::<Spec>().unwrap_err().to_string();
            assert!(message.contains("65536 at the most") && message.len() < 200, "{message}");
        }
        let table = format!("data = [{{ format = 'folder', path = '{}' }}]", "a".repeat(LONGEST));
        let message = toml::from_str::<Config>(&table).err().unwrap().message().to_owned();
        assert!(message.contains("at the most") && message.len() < 200, "{message}");
    }

    #[test]
    fn a_malformed_spec_says_what_is_wrong() {
        for (text, reason) in [
            ("ferplus.tar", "no format"),
            ("ferplus:", "empty"),
            ("ferplus:a#", "empty"),
            ("ferplus:a?x", "`x` has no value"),
            ("ferplus:a?labels_per_class=many", "`many`"),
            ("ferplus:a?labels_per_class=0", "from 1 up"),
            ("ferplus:a?fraction=4/3", "1/3 or 0.25, not `4/3`"),
            ("ferplus:a?unlabelled=yes", "`yes`"),
            ("ferplus:a?ambiguous=keep", "`keep`"),
            ("ferplus:a?map=happy", "`happy`"),
        ] {
            let message = text.parse::<Spec>().unwrap_err().to_string();
            assert!(message.contains(reason) && message.contains(text), "{message}");
        }
    }
}
