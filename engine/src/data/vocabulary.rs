//! The run's ordered class names, and how a dataset's own names map to them: by name, never by number.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Ambiguous, DataError, Source, quoted};
use crate::files::{LARGEST_SETTINGS, read_text_limited};
use crate::net::class_name_problem;

const BUILT_IN: [(&str, &str); 3] = [
    ("ferplus8", include_str!(concat!(env!("AFFEKT_ASSETS"), "/vocabularies/ferplus8.txt"))),
    ("affwild2-8", include_str!(concat!(env!("AFFEKT_ASSETS"), "/vocabularies/affwild2-8.txt"))),
    ("basic7", include_str!(concat!(env!("AFFEKT_ASSETS"), "/vocabularies/basic7.txt"))),
];
const ALIASES: &str = include_str!(concat!(env!("AFFEKT_ASSETS"), "/vocabularies/aliases.txt"));
const NOT_EXPRESSIONS: &str =
    include_str!(concat!(env!("AFFEKT_ASSETS"), "/vocabularies/not-expressions.txt"));

/// Ordered class names of a run; a class is its index here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    classes: Vec<String>,
}

/// What becomes of the items of one of a dataset's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// They have this class of the run.
    Class(usize),
    /// They serve as unlabelled faces.
    Unlabelled,
    /// They are not used.
    Drop,
}

/// One [`Target`] per class of a dataset.
pub type Mapping = Vec<Target>;

impl Vocabulary {
    /// Makes a vocabulary of at least two classes.
    ///
    /// # Errors
    /// Fewer than two names, an empty name, or two names that mean the same.
    pub fn new(classes: Vec<String>) -> Result<Self, DataError> {
        let error = |reason: String| {
            let dataset = format!("class list {}", shown(&classes));
            DataError::Vocabulary { dataset, reason }
        };
        if classes.len() < 2 {
            return Err(error("a vocabulary needs at least two classes".to_owned()));
        }
        for (index, class) in classes.iter().enumerate() {
            if letters(class).is_empty() {
                return Err(error("an empty class name".to_owned()));
            }
            // Found out now and not when the finished model is written.
            if let Some(problem) = class_name_problem(class) {
                return Err(error(format!("`{}` {problem}; map it to another name", quoted(class))));
            }
            if let Some(other) = classes[..index].iter().find(|other| meaning(other) == meaning(class)) {
                return Err(error(format!("`{other}` and `{class}` mean the same")));
            }
        }
        Ok(Self { classes })
    }

    /// Names of the vocabularies that come with the program.
    pub fn built_in() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in vocabulary by name (`ferplus8`, `affwild2-8`, `basic7`), a text file with one name a line, or names
    /// separated by commas.
    ///
    /// # Errors
    /// None of the three, or as [`Vocabulary::new`].
    pub fn open(text: &str) -> Result<Self, DataError> {
        if let Some((_, lines)) = BUILT_IN.iter().find(|(name, _)| *name == text) {
            return Self::new(content_lines(lines).map(str::to_owned).collect());
        }
        if text.contains(',') {
            return Self::new(text.split(',').map(|name| name.trim().to_owned()).collect());
        }
        let path = Path::new(text);
        if path.is_file() {
            let lines = read_text_limited(path, LARGEST_SETTINGS, "a vocabulary")
                .map_err(|e| DataError::io(path, e))?;
            return Self::new(content_lines(&lines).map(str::to_owned).collect());
        }
        let names: Vec<&str> = Self::built_in().collect();
        Err(DataError::Vocabulary {
            dataset: format!("vocabulary `{text}`"),
            reason: format!(
                "not one of {}, no file of one name a line, and no names with commas",
                names.join(", ")
            ),
        })
    }

    /// The classes that the labels of some datasets speak of, in the order in which they first appear: those of the first
    /// dataset, then what the next one has beside them, and so on. A class that a source maps to another name counts
    /// under that one; classes mapped to `drop` or `unlabelled` and columns that are no expression (`unknown`, `NF`) do
    /// not count, nor do sources whose labels are ignored.
    ///
    /// # Errors
    /// Fewer than two classes in all; names the datasets.
    pub fn of_sources(sources: &[Source]) -> Result<Self, DataError> {
        let mut classes: Vec<String> = Vec::new();
        for source in sources.iter().filter(|source| !source.unlabelled) {
            for class in source.dataset.classes() {
                let mapped = source.map.iter().find(|(from, _)| letters(from) == letters(class));
                let name = match mapped.map(|(_, to)| to.as_str()) {
                    Some("drop" | "unlabelled") => continue,
                    Some(to) => to,
                    None if no_expression(class, Ambiguous::Drop).is_some() => continue,
                    None => class,
                };
                if !classes.iter().any(|known| meaning(known) == meaning(name)) {
                    classes.push(name.to_owned());
                }
            }
        }
        if classes.len() < 2 {
            let names: Vec<&str> = sources.iter().map(|source| source.dataset.name()).collect();
            let found = if classes.is_empty() { "no class" } else { "one class alone" };
            return Err(DataError::Vocabulary {
                dataset: names.join(", "),
                reason: format!("{found} among the labels; learning needs two or more classes"),
            });
        }
        Self::new(classes)
    }

    /// The class names in order.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Number of classes.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Never true: a vocabulary has at least two classes.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The class that a name means, whatever its case and whichever of the field's aliases it is.
    pub fn find(&self, name: &str) -> Option<usize> {
        let exact = self.classes.iter().position(|class| letters(class) == letters(name));
        exact.or_else(|| self.classes.iter().position(|class| meaning(class) == meaning(name)))
    }

    /// Maps a dataset's classes to this vocabulary. `map` (dataset's name -> class, `unlabelled` or `drop`) comes first,
    /// then names and aliases, then the columns that are no expression at all (`unknown`, `NF`).
    ///
    /// # Errors
    /// A class that maps nowhere, or a `map` entry whose sides do not exist: lists both vocabularies.
    pub fn mapping(
        &self,
        dataset: &str,
        classes: &[String],
        map: &BTreeMap<String, String>,
        ambiguous: Ambiguous,
    ) -> Result<Mapping, DataError> {
        let error = |reason: String| {
            let lists = format!("the dataset has {}; the run has {}", shown(classes), shown(&self.classes));
            DataError::Vocabulary { dataset: dataset.to_owned(), reason: format!("{reason}: {lists}") }
        };
        for from in map.keys() {
            if !classes.iter().any(|class| letters(class) == letters(from)) {
                return Err(error(format!(
                    "`map` names the class `{from}`, which the dataset does not have"
                )));
            }
        }
        let target = |class: &String| {
            let entry = map.iter().find(|(from, _)| letters(from) == letters(class));
            match entry.map(|(_, to)| to.as_str()) {
                Some("unlabelled") => Ok(Target::Unlabelled),
                Some("drop") => Ok(Target::Drop),
                Some(to) => self
                    .find(to)
                    .map(Target::Class)
                    .ok_or_else(|| error(format!("`map` sends `{class}` to `{to}`, which the run does not have"))),
                None => self.find(class).map(Target::Class).or_else(|| no_expression(class, ambiguous)).ok_or_else(
                    || {
                        error(format!(
                            "class `{class}` maps nowhere (map it, e.g. ?map={class}:unlabelled, or ignore all \
                             labels with ?unlabelled=true)"
                        ))
                    },
                ),
            }
        };
        classes.iter().map(target).collect()
    }
}

/// Class names for a message: not all where there are very many, as where folders are people and not classes.
fn shown(classes: &[String]) -> String {
    const NAMED: usize = 20;
    let names: Vec<String> = classes.iter().take(NAMED).map(|class| quoted(class)).collect();
    let more = classes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}

/// Lines that are neither empty nor comments.
fn content_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Lower case, letters and digits only.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The first name of the alias group a name belongs to, or the name itself.
fn meaning(name: &str) -> String {
    let name = letters(name);
    content_lines(ALIASES)
        .map(|line| line.split(',').map(letters).collect::<Vec<_>>())
        .find(|group| group.contains(&name))
        .map_or(name, |group| group[0].clone())
}

/// What becomes of annotation columns that say there is no usable label.
fn no_expression(name: &str, ambiguous: Ambiguous) -> Option<Target> {
    content_lines(NOT_EXPRESSIONS).filter_map(|line| line.split_once(':')).find_map(|(kind, names)| {
        if !names.split(',').any(|other| letters(other) == letters(name)) {
            return None;
        }
        let usable = kind == "ambiguous" && ambiguous == Ambiguous::Unlabelled;
        Some(if usable { Target::Unlabelled } else { Target::Drop })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use super::*;
    use crate::data::MemoryFaces;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn map(vocabulary: &str, classes: &str, pairs: &[(&str, &str)]) -> Result<Mapping, DataError> {
        let map = pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        Vocabulary::open(vocabulary).unwrap().mapping("set", &names(classes), &map, Ambiguous::Drop)
    }

    #[test]
    fn names_that_would_do_harm_where_they_are_shown_are_refused_before_a_run() {
        for (name, part) in
            [("=cmd()", "formula"), ("@home", "formula"), ("a\u{1b}[2J", "control characters")]
        {
            let message = Vocabulary::new(vec!["calm".into(), name.into()]).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("map it"), "{message}");
        }
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("classes.txt");
        std::fs::File::create(&list).unwrap().set_len(20 << 30).unwrap();
        let message = Vocabulary::open(&list.display().to_string()).unwrap_err().to_string();
        assert!(message.contains("classes.txt") && message.contains("20.0 GiB"), "{message}");
    }

    #[test]
    fn the_built_in_lists_keep_the_published_order() {
        let classes = |name| Vocabulary::open(name).unwrap().classes().join(" ");
        assert_eq!(classes("ferplus8"), "neutral happiness surprise sadness anger disgust fear contempt");
        assert_eq!(classes("affwild2-8"), "Neutral Anger Disgust Fear Happiness Sadness Surprise Other");
        assert_eq!(classes("basic7"), "anger disgust fear happiness sadness surprise neutral");
    }

    #[test]
    fn names_map_by_meaning_not_by_number() {
        let mapped = map("affwild2-8", "Angry Disgust Fear Happy Sad Surprised NEUTRAL", &[]).unwrap();
        assert_eq!(mapped, [1, 2, 3, 4, 5, 6, 0].map(Target::Class));
    }

    #[test]
    fn a_name_that_maps_nowhere_lists_both_vocabularies() {
        let message = map("basic7", "happy contempt", &[]).unwrap_err().to_string();
        assert!(message.contains("`contempt` maps nowhere"), "{message}");
        assert!(message.contains("happy, contempt") && message.contains("anger, disgust, fear"), "{message}");
    }

    #[test]
    fn thousands_of_classes_are_not_all_listed() {
        let people: Vec<String> = (0..5000).map(|person| format!("person{person}")).collect();
        let vocabulary = Vocabulary::open("basic7").unwrap();
        let refused = vocabulary.mapping("set", &people, &BTreeMap::new(), Ambiguous::Drop);
        let message = refused.unwrap_err().to_string();
        assert!(message.len() < 1000 && message.contains("and 4980 more"), "{message}");
    }

    #[test]
    fn the_config_can_map_send_away_or_drop_a_class() {
        let pairs = [("Contempt", "unlabelled"), ("smile", "happy"), ("blur", "drop")];
        let mapped = map("basic7", "contempt smile blur", &pairs).unwrap();
        assert_eq!(mapped, [Target::Unlabelled, Target::Class(3), Target::Drop]);
    }

    #[test]
    fn a_map_entry_with_an_unknown_side_is_an_error() {
        assert!(map("basic7", "happy", &[("hapy", "anger")]).unwrap_err().to_string().contains("`hapy`"));
        assert!(map("basic7", "happy", &[("happy", "joyful")]).unwrap_err().to_string().contains("`joyful`"));
    }

    #[test]
    fn columns_without_an_expression_are_dropped_or_unlabelled_and_no_face_always_dropped() {
        let classes = names("unknown NF");
        let vocabulary = Vocabulary::open("ferplus8").unwrap();
        let none = BTreeMap::new();
        let dropped = vocabulary.mapping("set", &classes, &none, Ambiguous::Drop).unwrap();
        assert_eq!(dropped, [Target::Drop, Target::Drop]);
        let kept = vocabulary.mapping("set", &classes, &none, Ambiguous::Unlabelled).unwrap();
        assert_eq!(kept, [Target::Unlabelled, Target::Drop]);
    }

    #[test]
    fn the_vocabulary_of_datasets_is_the_union_of_their_classes_by_meaning() {
        let source = |classes: &str, map: &[(&str, &str)]| {
            let classes = classes.split(' ').filter(|name| !name.is_empty());
            let mut source = Source::new(Arc::new(MemoryFaces::new("set", classes, []).unwrap()));
            source.map = map.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
            source
        };
        let union = |sources: &[Source]| Vocabulary::of_sources(sources).map(|v| v.classes().join(" "));
        let seven = source("Neutral Anger Disgust Fear Happiness Sadness Surprise", &[]);
        let eight = source("neutral angry disgust fear happy sad surprise Other unknown NF", &[]);
        let expected = "Neutral Anger Disgust Fear Happiness Sadness Surprise Other";
        assert_eq!(union(&[seven.clone(), eight.clone()]).unwrap(), expected, "Other is not lost");
        assert_eq!(union(&[source("", &[]), seven.clone()]).unwrap(), &expected[..expected.len() - 6]);
        let mapped =
            source("smile FROWN blur tears", &[("Frown", "sad"), ("blur", "drop"), ("tears", "sadness")]);
        assert_eq!(union(std::slice::from_ref(&mapped)).unwrap(), "smile sad");
        let ignored = Source { unlabelled: true, ..eight };
        assert_eq!(union(&[mapped, ignored]).unwrap(), "smile sad");
        let message = union(&[source("happy", &[])]).unwrap_err().to_string();
        assert!(message.contains("set: one class alone"), "{message}");
        assert!(union(&[]).unwrap_err().to_string().contains("no class"));
    }

    #[test]
    fn a_vocabulary_of_synonyms_or_one_class_is_refused() {
        assert!(Vocabulary::open("happy,sad,happiness").unwrap_err().to_string().contains("mean the same"));
        assert!(Vocabulary::new(names("happy")).is_err());
        assert!(
            Vocabulary::open("ferplus9").unwrap_err().to_string().contains("ferplus8, affwild2-8, basic7")
        );
    }
}
