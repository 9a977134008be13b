//! The weights that a training begins with: fresh ones, or another network's with what fits of its classifier.

use std::path::Path;

use super::model::{BUILT_IN, is_builtin};
use crate::data::Vocabulary;
use crate::net::{Graph, InputContract, ModelCard, Weights};
use crate::world::error::WorldError;

/// Weights for `graph` from a weights file (`builtin` stands for the model that is built in), or fresh ones. Of a file with a
/// card the classifier's rows go to the classes of the same names (or aliases); classes that it does not know begin fresh,
/// and so does a classifier of another number of classes without a card. Where `told` has the run's input, it is said if the file's
/// network saw another scale of pixel values, or nobody knows which.
///
/// # Errors
/// The file cannot be read, or holds another network.
pub fn starting_weights(
    init: Option<&Path>,
    (graph, head): (&Graph, &str),
    vocabulary: &Vocabulary,
    seed: u64,
    told: Option<&InputContract>,
) -> Result<Weights, WorldError> {
    let Some(path) = init else { return Ok(Weights::initial(graph, seed)) };
    let (mut file, card) =
        if is_builtin(path) { Weights::parse(path, BUILT_IN)? } else { Weights::read(path)? };
    if let Some(problem) = told.and_then(|input| other_scale(card.as_ref(), input)) {
        log::warn!("{}: {problem}", path.display());
    }
    if let Some(card) = card {
        take_rows(&mut file, &card, (graph, head), vocabulary, seed);
    }
    Weights::adapt(file, graph, head, seed).map_err(|e| WorldError::file(path, e.to_string()))
}

/// What is to be said of the scale that the weights were trained with.
fn other_scale(card: Option<&ModelCard>, input: &InputContract) -> Option<String> {
    let Some(card) = card else {
        // Whoever sets a scale of their own knows why.
        let usual = InputContract::SCALE;
        let untouched = input.mean.iter().all(|&m| m == usual.0) && input.std.iter().all(|&s| s == usual.1);
        return untouched.then(|| {
            format!(
                "these weights do not say which scale of pixel values they were trained with, and this run uses mean {} and \
                 deviation {}; those of torchvision on ImageNet want --set 'input.mean=[0.485, 0.456, 0.406]' --set \
                 'input.std=[0.229, 0.224, 0.225]' (--preset paper has them)",
                usual.0, usual.1
            )
        });
    };
    let (theirs, ours) = ((&card.input.mean, &card.input.std), (&input.mean, &input.std));
    // One value for all channels is the same in networks of one channel and of three.
    let alike = |a: &[f32], b: &[f32]| {
        let only = |values: &[f32]| values.iter().all(|v| Some(v) == values.first());
        a == b || (only(a) && only(b) && a.first() == b.first())
    };
    (!alike(theirs.0, ours.0) || !alike(theirs.1, ours.1)).then(|| {
        format!(
            "these weights were trained with mean {:?} and deviation {:?}, this run uses {:?} and {:?}; give theirs by --set \
             input.mean and input.std",
            theirs.0, theirs.1, ours.0, ours.1
        )
    })
}

/// Puts the classifier's rows in the order of the vocabulary.
fn take_rows(
    file: &mut Weights,
    card: &ModelCard,
    (graph, head): (&Graph, &str),
    vocabulary: &Vocabulary,
    seed: u64,
) {
    let mut places = vec![None; vocabulary.len()];
    for (row, name) in card.classes.iter().enumerate() {
        if let Some(class) = vocabulary.find(name) {
            places[class].get_or_insert(row);
        }
    }
    let fresh = Weights::initial(graph, seed);
    let names: Vec<String> = file
        .tensors
        .keys()
        .filter(|name| name.strip_prefix(head).is_some_and(|r| r.starts_with('.')))
        .cloned()
        .collect();
    for name in names {
        let (Some(old), Some(new)) = (file.tensors.get(&name), fresh.tensors.get(&name)) else { continue };
        let (known, wanted) = (old.shape.first(), new.shape.first());
        // Another width is refused afterwards, with the file's name; a network with other outputs keeps its own.
        if old.shape[1..] != new.shape[1..]
            || known != Some(&card.classes.len())
            || wanted != Some(&places.len())
        {
            continue;
        }
        let width = old.data.len() / card.classes.len();
        let mut rows = new.clone();
        for (to, from) in rows.data.chunks_exact_mut(width).zip(&places) {
            if let Some(from) = *from {
                to.copy_from_slice(&old.data[from * width..(from + 1) * width]);
            }
        }
        file.tensors.insert(name, rows);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::net::{Architecture, ResNetSpec};
    use crate::world::run::Model;

    fn started(classes: &[&str]) -> (Weights, Vocabulary) {
        let model = Model::builtin().unwrap();
        let vocabulary = Vocabulary::new(classes.iter().map(|&name| name.to_owned()).collect()).unwrap();
        let Architecture::Resnet(spec) = &model.card.architecture else { panic!("a residual network") };
        let architecture = Architecture::Resnet(ResNetSpec { classes: vocabulary.len(), ..spec.clone() });
        let (graph, head) = (architecture.graph().unwrap(), architecture.head());
        let begun =
            starting_weights(Some(Path::new("builtin")), (&graph, head), &vocabulary, 7, None).unwrap();
        (begun, vocabulary)
    }

    #[test]
    fn another_scale_of_pixel_values_is_told() {
        let card = Model::builtin().unwrap().card;
        assert_eq!(other_scale(Some(&card), &card.input), None);
        let imagenet = InputContract { mean: vec![0.485], ..card.input.clone() };
        assert!(other_scale(Some(&card), &imagenet).unwrap().contains("0.485"));
        assert_eq!(other_scale(None, &imagenet), None, "set by hand");
        let (mean, std) = (vec![card.input.mean[0]; 3], vec![card.input.std[0]; 3]);
        let coloured = InputContract { mean, std, channels: 3, ..card.input.clone() };
        assert_eq!(other_scale(Some(&card), &coloured), None, "the same scale in three channels");
        let usual = InputContract { mean: vec![0.5; 3], std: vec![0.25; 3], channels: 3, ..card.input };
        assert!(other_scale(None, &usual).unwrap().contains("[0.229, 0.224, 0.225]"));
    }

    #[test]
    fn rows_of_the_classifier_follow_their_names_and_unknown_classes_begin_fresh() {
        let own = Model::builtin().unwrap();
        let (same, _) = started(&own.card.classes.iter().map(String::as_str).collect::<Vec<_>>());
        let kept = Weights::parse(Path::new("builtin"), BUILT_IN).unwrap().0;
        assert_eq!(same.tensors["fc.weight"], kept.tensors["fc.weight"]);
        let (begun, vocabulary) = started(&["happy", "bored", "neutral"]);
        let (old, new) = (&kept.tensors["fc.weight"], &begun.tensors["fc.weight"]);
        let width = old.data.len() / own.card.classes.len();
        let row = |tensor: &[f32], at: usize| tensor[at * width..(at + 1) * width].to_vec();
        let place = |name: &str| own.card.classes.iter().position(|class| class == name).unwrap();
        assert_eq!(vocabulary.find("happiness"), Some(0));
        assert_eq!(row(&new.data, 0), row(&old.data, place("happiness")));
        assert_eq!(row(&new.data, 2), row(&old.data, place("neutral")));
        assert!((0..8).all(|at| row(&new.data, 1) != row(&old.data, at)));
        assert_eq!(begun.tensors["fc.bias"].data[2], kept.tensors["fc.bias"].data[place("neutral")]);
        assert_eq!(begun.tensors["conv1.weight"], kept.tensors["conv1.weight"]);
    }
}
