//! Faces that a program holds in memory, as a dataset: training from code needs no disk.

use std::path::Path;

use super::{Annotation, DataError, Dataset, quoted};
use crate::media::{MAX_SIDE, Picture};

/// Pictures with their labels. For an example see [`Format`](super::Format).
#[derive(Debug, Clone)]
pub struct MemoryFaces {
    name: String,
    classes: Vec<String>,
    items: Vec<(Picture, Annotation)>,
}

impl MemoryFaces {
    /// A dataset of these pictures. `name` is what messages call it, `classes` are the names that labels are indices
    /// into; both are empty lists of nothing where there are no labels.
    ///
    /// # Errors
    /// Two classes of one name or one without a name; a picture whose sides, channels and number of values do not fit
    /// each other; a class outside the list; votes that are not one number from 0 up a class. Names the item.
    pub fn new<C: Into<String>>(
        name: impl Into<String>,
        classes: impl IntoIterator<Item = C>,
        items: impl IntoIterator<Item = (Picture, Annotation)>,
    ) -> Result<Self, DataError> {
        let (name, classes) =
            (name.into(), checked_classes(classes).map_err(|reason| (String::new(), reason)));
        let error = |(place, reason): (String, String)| DataError::format(Path::new(&name), place, reason);
        let classes = classes.map_err(error)?;
        let items: Vec<_> = items.into_iter().collect();
        for (index, (picture, annotation)) in items.iter().enumerate() {
            check_picture(picture)
                .and_then(|()| check_annotation(annotation, &classes))
                .map_err(|reason| error((format!(", item {index}"), reason)))?;
        }
        Ok(Self { name, classes, items })
    }
}

/// Class names: each of them says something, and none stands there twice.
pub(super) fn checked_classes<C: Into<String>>(
    classes: impl IntoIterator<Item = C>,
) -> Result<Vec<String>, String> {
    let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
    for (index, class) in classes.iter().enumerate() {
        if class.trim().is_empty() {
            return Err(format!("class {index} has no name"));
        }
        if classes[..index].iter().any(|other| other.eq_ignore_ascii_case(class)) {
            return Err(format!("the class `{}` stands there twice", quoted(class)));
        }
    }
    Ok(classes)
}

/// Whether a picture is one: sides from 1 to [`MAX_SIDE`], grey or RGB, and as many values as that makes.
pub(super) fn check_picture(picture: &Picture) -> Result<(), String> {
    let Picture { width, height, channels, pixels } = picture;
    let size = format!("a picture of {width}x{height} pixels and {channels} channels");
    if ![1, 3].contains(channels) {
        return Err(format!("{size}; it must be grey (1) or RGB (3)"));
    }
    if !(1..=MAX_SIDE).contains(width) || !(1..=MAX_SIDE).contains(height) {
        return Err(format!("{size}; its sides must be from 1 to {MAX_SIDE}"));
    }
    let values = width * height * channels;
    if pixels.len() != values {
        return Err(format!("{size} has {} values instead of {values}", pixels.len()));
    }
    Ok(())
}

fn check_annotation(annotation: &Annotation, classes: &[String]) -> Result<(), String> {
    match annotation {
        Annotation::None => Ok(()),
        Annotation::Class(class) => check_class(*class, classes),
        Annotation::Votes(votes) if votes.len() != classes.len() => {
            Err(format!("{} votes for {} classes", votes.len(), classes.len()))
        }
        Annotation::Votes(votes) => match votes.iter().find(|vote| !(vote.is_finite() && **vote >= 0.0)) {
            Some(vote) => Err(format!("a vote of {vote}; votes are numbers from 0 up")),
            None => Ok(()),
        },
    }
}

/// Whether a class is one of the list.
pub(super) fn check_class(class: usize, classes: &[String]) -> Result<(), String> {
    if class < classes.len() {
        return Ok(());
    }
    Err(format!("class {class}, but there are {} ({})", classes.len(), classes.join(", ")))
}

/// Hash of sides, channels and values.
pub(super) fn content_hash(picture: &Picture) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for number in [picture.width, picture.height, picture.channels] {
        hasher.update(&(number as u64).to_le_bytes());
    }
    hasher.update(&picture.pixels);
    hasher.finalize().into()
}

impl Dataset for MemoryFaces {
    fn name(&self) -> &str {
        &self.name
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn key(&self, index: usize) -> String {
        format!("{}, item {index}", self.name)
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.items[index].1.clone()
    }

    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        Ok(content_hash(&self.items[index].0))
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        Ok(self.items[index].0.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use super::*;
    use crate::data::{Pool, SkipLog, Source, Vocabulary};

    fn grey(tone: u8) -> Picture {
        Picture::filled(3, 2, 1, tone)
    }

    #[test]
    fn pictures_in_memory_make_a_pool_with_labels_votes_and_no_file() {
        let items = [
            (grey(1), Annotation::Class(1)),
            (grey(2), Annotation::Votes(vec![3.0, 1.0])),
            (grey(3), Annotation::None),
        ];
        let faces = MemoryFaces::new("mine", ["sad", "happy"], items).unwrap();
        let vocabulary = Vocabulary::open("happiness,sadness").unwrap();
        let pool = Pool::build(&vocabulary, &[Source::new(Arc::new(faces))], &SkipLog::new(true)).unwrap();
        assert_eq!(pool.labels(), [Some(0), Some(1), None]);
        assert_eq!(pool.votes(1).as_deref(), Some(&[0.25, 0.75][..]));
        assert_eq!((pool.picture(2).unwrap(), pool.key(2)), (grey(3), "mine, item 2".to_owned()));
        let hashes = pool.hashes().unwrap();
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_item() {
        let refusal = |classes: &[&str], picture: Picture, annotation| {
            let items = [(grey(0), Annotation::None), (picture, annotation)];
            MemoryFaces::new("mine", classes.iter().copied(), items).unwrap_err().to_string()
        };
        let two = ["sad", "happy"];
        let short = Picture { pixels: vec![0; 5], ..grey(0) };
        let alpha = Picture::filled(2, 2, 4, 0);
        let flat = Picture::filled(0, 2, 1, 0);
        for (picture, annotation, part) in [
            (short, Annotation::None, "5 values instead of 6"),
            (alpha, Annotation::None, "4 channels"),
            (flat, Annotation::None, "from 1 to"),
            (grey(1), Annotation::Class(2), "class 2, but there are 2 (sad, happy)"),
            (grey(1), Annotation::Votes(vec![1.0]), "1 votes for 2 classes"),
            (grey(1), Annotation::Votes(vec![1.0, f32::NAN]), "a vote of NaN"),
        ] {
            let message = refusal(&two, picture, annotation);
            assert!(message.starts_with("mine, item 1: ") && message.contains(part), "{message}");
        }
        assert!(refusal(&["sad", "Sad"], grey(1), Annotation::None).contains("`Sad` stands there twice"));
        assert!(refusal(&["sad", " "], grey(1), Annotation::None).contains("class 1 has no name"));
    }
}
