//! What comes out: faces, and frames with faces.

use std::sync::Arc;

use affekt_engine::FaceReading;
use affekt_engine::world::live::FrameReading;
use numpy::{PyArray1, PyArray2, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A face in a picture or frame, and what it shows.
#[pyclass(frozen, module = "affekt")]
pub struct Face {
    reading: FaceReading,
    classes: Arc<[String]>,
}

impl Face {
    pub fn all(readings: Vec<FaceReading>, classes: &Arc<[String]>) -> Vec<Self> {
        readings.into_iter().map(|reading| Self { reading, classes: Arc::clone(classes) }).collect()
    }

    fn name(&self, label: usize) -> &str {
        self.classes.get(label).map_or("", String::as_str)
    }
}

#[pymethods]
impl Face {
    /// The frame's number in its video, from 0; of a picture 0.
    #[getter]
    fn frame(&self) -> u64 {
        self.reading.frame
    }

    /// The frame's time in seconds, as it was given; of a picture 0.
    #[getter]
    fn seconds(&self) -> f64 {
        self.reading.seconds
    }

    /// The person's number, from 1; the same as long as the face is followed.
    #[getter]
    fn face(&self) -> u32 {
        self.reading.face
    }

    /// Left, top, width and height in pixels; may reach beyond the picture.
    #[getter]
    fn r#box(&self) -> (f32, f32, f32, f32) {
        let b = self.reading.face_box;
        (b.x, b.y, b.w, b.h)
    }

    /// Array of shape (5, 2), float32: x and y in pixels of left eye, right eye, nose, left and right corner of the mouth,
    /// where left is the picture's left. None where the detector gives none.
    #[getter]
    fn landmarks<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f32>>>> {
        let Some(points) = self.reading.landmarks else { return Ok(None) };
        PyArray1::from_vec(py, points.as_flattened().to_vec()).reshape([5, 2]).map(Some)
    }

    /// Whether the detector saw the face in this frame; else its motion was carried on.
    #[getter]
    fn detected(&self) -> bool {
        self.reading.detected
    }

    /// The probability of each class by its name, 0 to 1; they sum to 1.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let named = PyDict::new(py);
        for (class, p) in self.classes.iter().zip(&self.reading.probabilities) {
            named.set_item(class, p)?;
        }
        Ok(named)
    }

    /// The same as an array of shape (classes,), float32, in the order of ``Recognizer.classes``.
    #[getter]
    fn vector<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        PyArray1::from_slice(py, &self.reading.probabilities)
    }

    /// The most probable class by this frame alone.
    #[getter]
    fn frame_label(&self) -> &str {
        self.name(self.reading.frame_label)
    }

    /// The most probable class by the temporal encoder; None without one.
    #[getter]
    fn temporal_label(&self) -> Option<&str> {
        self.reading.temporal_label.map(|label| self.name(label))
    }

    /// The class after the vote over neighbouring frames: what the face shows.
    #[getter]
    fn voted_label(&self) -> &str {
        self.name(self.reading.voted_label)
    }

    /// Probability of the voted class in this frame, 0 to 1.
    #[getter]
    fn confidence(&self) -> f32 {
        self.reading.confidence
    }

    /// Whether that is too low to go by: below ``unsure_below``.
    #[getter]
    fn unsure(&self) -> bool {
        self.reading.unsure
    }

    /// How pleasant it looks, -1 to 1, by this frame alone; None where the model does not say.
    #[getter]
    fn valence(&self) -> Option<f32> {
        self.reading.affect.map(|affect| affect.valence)
    }

    /// How aroused it looks, -1 to 1, by this frame alone; None where the model does not say.
    #[getter]
    fn arousal(&self) -> Option<f32> {
        self.reading.affect.map(|affect| affect.arousal)
    }

    fn __repr__(&self) -> String {
        let FaceReading { face, frame, confidence, face_box: b, .. } = self.reading;
        let label = self.name(self.reading.voted_label);
        format!(
            "<affekt.Face {face} of frame {frame}: {label} {confidence:.2} at ({:.0}, {:.0}, {:.0}, {:.0})>",
            b.x, b.y, b.w, b.h
        )
    }
}

/// A frame of a video that is read to the end.
#[pyclass(frozen, module = "affekt", name = "Frame")]
pub struct ReadFrame {
    frame: u64,
    seconds: f64,
    faces: Vec<Py<Face>>,
}

impl ReadFrame {
    pub fn all(py: Python<'_>, readings: Vec<FrameReading>, classes: &Arc<[String]>) -> PyResult<Vec<Self>> {
        let one = |reading: FrameReading| {
            let faces = Face::all(reading.faces, classes);
            let faces = faces.into_iter().map(|face| Py::new(py, face)).collect::<PyResult<_>>()?;
            Ok(Self { frame: reading.frame, seconds: reading.seconds, faces })
        };
        readings.into_iter().map(one).collect()
    }
}

#[pymethods]
impl ReadFrame {
    /// Its number, from 0.
    #[getter]
    fn frame(&self) -> u64 {
        self.frame
    }

    /// Its time in seconds, as it was given.
    #[getter]
    fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Its faces, by number; empty where none was found.
    #[getter]
    fn faces(&self, py: Python<'_>) -> Vec<Py<Face>> {
        self.faces.iter().map(|face| face.clone_ref(py)).collect()
    }

    fn __repr__(&self) -> String {
        let Self { frame, seconds, faces } = self;
        format!("<affekt.Frame {frame} at {seconds:.3} s: {} faces>", faces.len())
    }
}
