//! Faces that a Python program holds, as a dataset.

use std::sync::Arc;

use affekt_engine::data::{Annotation, MemoryFaces, Source};
use affekt_engine::world::WorldError;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::raised;
use crate::image::{path, picture};

/// Faces in memory, to train on and to measure with.
///
/// ``images`` is an array of shape (n, height, width) or (n, height, width, 3), ``uint8``, RGB, or a list of pictures as
/// ``Recognizer.read`` takes them (no paths); each is a face cut out. ``labels`` has one entry an image: a class's index or
/// name, or None for a face without a label; without ``labels`` no face has one. ``name`` is what messages call the set.
#[pyclass(frozen, module = "affekt")]
pub struct Faces {
    set: Arc<MemoryFaces>,
    len: usize,
    labelled: usize,
}

impl Faces {
    pub fn source(&self) -> Source {
        Source::new(Arc::clone(&self.set) as _)
    }
}

#[pymethods]
impl Faces {
    #[new]
    #[pyo3(signature = (images, labels = None, classes = vec![], *, name = "faces".to_owned(), bgr = false),
        text_signature = "(images, labels=None, classes=(), *, name='faces', bgr=False)")]
    fn new(
        py: Python<'_>,
        images: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
        classes: Vec<String>,
        name: String,
        bgr: bool,
    ) -> PyResult<Self> {
        if path(images)?.is_some() {
            return Err(PyTypeError::new_err(
                "Faces takes pictures in memory; for files give a SPEC such as \"folder:my_faces\" instead",
            ));
        }
        let mut annotations = match labels {
            Some(labels) => Some(
                labels
                    .try_iter()?
                    .map(|label| annotation(&label?, &classes))
                    .collect::<PyResult<Vec<_>>>()?,
            ),
            None => None,
        }
        .map(Vec::into_iter);
        let mut items = vec![];
        for (index, image) in images.try_iter()?.enumerate() {
            let annotation = match &mut annotations {
                None => Annotation::None,
                Some(left) => left
                    .next()
                    .ok_or_else(|| PyValueError::new_err(format!("{index} labels for more images")))?,
            };
            items.push((picture(&image?, bgr)?, annotation));
        }
        if let Some(left) = annotations.map(|left| left.len()).filter(|left| *left > 0) {
            let count = items.len();
            return Err(PyValueError::new_err(format!("{} labels for {count} images", count + left)));
        }
        let len = items.len();
        let labelled = items.iter().filter(|(_, annotation)| *annotation != Annotation::None).count();
        let faces = MemoryFaces::new(name, classes, items).map_err(|e| raised(py, &WorldError::Data(e)))?;
        Ok(Self { set: Arc::new(faces), len, labelled })
    }

    fn __len__(&self) -> usize {
        self.len
    }

    fn __repr__(&self) -> String {
        format!("<affekt.Faces: {} faces, {} with a label>", self.len, self.labelled)
    }
}

fn annotation(label: &Bound<'_, PyAny>, classes: &[String]) -> PyResult<Annotation> {
    if label.is_none() {
        return Ok(Annotation::None);
    }
    let listed = || classes.join(", ");
    if let Ok(name) = label.cast::<PyString>() {
        let name = name.to_string();
        let place = classes.iter().position(|class| *class == name);
        let place = place.ok_or_else(|| {
            PyValueError::new_err(format!("label {name:?} is none of the classes: {}", listed()))
        })?;
        return Ok(Annotation::Class(place));
    }
    match label.extract::<i64>() {
        Ok(index) if usize::try_from(index).is_ok_and(|index| index < classes.len()) => {
            Ok(Annotation::Class(index as usize))
        }
        Ok(index) => {
            let count = classes.len();
            Err(PyValueError::new_err(format!("label {index} is none of the {count} classes: {}", listed())))
        }
        Err(_) => {
            let class = label.get_type().name()?;
            Err(PyTypeError::new_err(format!("a label is a class's index or name, or None, not {class}")))
        }
    }
}
