//! What a network is given.

use super::{BackendError, Training, TrainingPass, ViewBatch};

/// What a network is given: numbers, or views that it may make itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// NHWC values, one item after the other.
    Values(Vec<f32>),
    /// Views, an item each.
    Views(ViewBatch),
}

impl Default for Input {
    /// Nothing.
    fn default() -> Self {
        Self::Values(vec![])
    }
}

impl From<Vec<f32>> for Input {
    fn from(values: Vec<f32>) -> Self {
        Self::Values(values)
    }
}

impl Input {
    /// How many values it is, made or not.
    pub fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Views(batch) => batch.views().len() * batch.shape().len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values, made here where they are views.
    pub fn values(&self) -> Vec<f32> {
        match self {
            Self::Values(values) => values.clone(),
            Self::Views(batch) => batch.render(),
        }
    }

    /// The items at these places, each of `item` values.
    #[must_use]
    pub fn picked(&self, places: &[usize], item: usize) -> Self {
        match self {
            Self::Values(values) => {
                let part = places.iter().flat_map(|at| &values[at * item..(at + 1) * item]);
                Self::Values(part.copied().collect())
            }
            Self::Views(batch) => Self::Views(batch.picked(places)),
        }
    }

    /// Inputs one behind the other: views where all are views under one contract, else values.
    pub fn joined(parts: &[&Self]) -> Self {
        let batches = parts.iter().map(|part| if let Self::Views(batch) = part { Some(batch) } else { None });
        if let Some(batches) = batches.collect::<Option<Vec<_>>>()
            && let Some(first) = batches.first()
            && batches.iter().all(|batch| batch.contract() == first.contract())
        {
            let views = batches.iter().flat_map(|batch| batch.views().iter().cloned()).collect();
            return Self::Views(ViewBatch::new(first.contract().clone(), views));
        }
        Self::Values(parts.iter().flat_map(|part| part.values()).collect())
    }

    /// A training network's logits for it.
    ///
    /// # Errors
    /// As [`Training::forward`] and [`Training::forward_views`].
    pub fn forward(
        &self,
        network: &mut dyn Training,
        items: usize,
        pass: TrainingPass,
    ) -> Result<Vec<f32>, BackendError> {
        match self {
            Self::Values(values) => network.forward(values, items, pass),
            Self::Views(batch) => network.forward_views(batch, pass),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::PictureView;
    use super::*;
    use crate::media::Picture;
    use crate::media::augment::Program;
    use crate::net::InputContract;

    fn batch(size: usize, values: &[u8]) -> ViewBatch {
        let contract =
            InputContract { size, channels: 1, mean: vec![0.5], std: vec![0.5], template: "crop".into() };
        let view = |&value| PictureView {
            picture: Arc::new(Picture::filled(3, 3, 1, value)),
            program: Program::stretch((3, 3), size),
        };
        ViewBatch::new(contract, values.iter().map(view).collect())
    }

    #[test]
    fn joined_views_stay_views_and_values_make_all_of_them_values() {
        let (a, b) = (Input::Views(batch(2, &[0, 255])), Input::Views(batch(2, &[255])));
        let joined = Input::joined(&[&a, &b]);
        assert!(matches!(&joined, Input::Views(batch) if batch.views().len() == 3));
        let expected: Vec<f32> = [[-1.0; 4], [1.0; 4], [1.0; 4]].concat();
        assert_eq!(joined.values(), expected);
        let mixed = Input::joined(&[&a, &vec![7.0; 4].into()]);
        assert!(
            matches!(&mixed, Input::Values(values) if values[..8] == expected[..8] && values[8..] == [7.0; 4])
        );
        assert_eq!((joined.len(), mixed.len(), Input::default().len()), (12, 12, 0));
    }
}
