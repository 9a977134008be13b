//! What a whole input came to, column by column, named as the engine's table names them.

use std::sync::Arc;

use affekt_engine::media::source::{FrameSource as _, ReadAhead, Skipped};
use affekt_engine::output::table;
use affekt_engine::world::live::FrameReading;
use numpy::IntoPyArray as _;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

/// Rows so far.
pub struct Gathered {
    classes: Arc<[String]>,
    frames: u64,
    frame: Vec<i64>,
    seconds: Vec<f64>,
    face: Vec<i64>,
    /// Box, landmarks, one a class: a column each.
    figures: Vec<Vec<f32>>,
    /// Of this frame alone, of the encoder, after the vote.
    labels: [Vec<Option<usize>>; 3],
    confidence: Vec<f32>,
    unsure: Vec<bool>,
    /// Valence and arousal, where the model gives them.
    affect: Option<[Vec<f32>; 2]>,
    reader: String,
    skipped: Skipped,
}

/// Figures before those of the classes: a box and five landmarks.
const PLACES: usize = 4 + 2 * 5;

impl Gathered {
    pub fn new(classes: &Arc<[String]>, affect: bool) -> Self {
        Self {
            classes: Arc::clone(classes),
            frames: 0,
            frame: vec![],
            seconds: vec![],
            face: vec![],
            figures: vec![vec![]; PLACES + classes.len()],
            labels: [vec![], vec![], vec![]],
            confidence: vec![],
            unsure: vec![],
            affect: affect.then(Default::default),
            reader: String::new(),
            skipped: Skipped::default(),
        }
    }

    /// Adds a frame's rows: one a face, or one without a face.
    pub fn push(&mut self, reading: &FrameReading) {
        self.frames += 1;
        if reading.faces.is_empty() {
            self.place(reading, 0);
            for column in &mut self.figures {
                column.push(f32::NAN);
            }
            for column in &mut self.labels {
                column.push(None);
            }
            self.confidence.push(f32::NAN);
            self.unsure.push(false);
            for column in self.affect.iter_mut().flatten() {
                column.push(f32::NAN);
            }
        }
        for face in &reading.faces {
            self.place(reading, i64::from(face.face));
            let b = face.face_box;
            let landmarks = face.landmarks.unwrap_or([[f32::NAN; 2]; 5]);
            let values = [b.x, b.y, b.w, b.h].into_iter().chain(landmarks.as_flattened().iter().copied());
            let values = values.chain(face.probabilities.iter().copied());
            for (column, value) in self.figures.iter_mut().zip(values) {
                column.push(value);
            }
            let labels = [Some(face.frame_label), face.temporal_label, Some(face.voted_label)];
            for (column, label) in self.labels.iter_mut().zip(labels) {
                column.push(label);
            }
            self.confidence.push(face.confidence);
            self.unsure.push(face.unsure);
            let values = face.affect.map_or([f32::NAN; 2], |affect| [affect.valence, affect.arousal]);
            for (column, value) in self.affect.iter_mut().flatten().zip(values) {
                column.push(value);
            }
        }
    }

    fn place(&mut self, reading: &FrameReading, face: i64) {
        self.frame.push(reading.frame.cast_signed());
        self.seconds.push(reading.seconds);
        self.face.push(face);
    }

    /// What the source says once it is read.
    pub fn end(&mut self, source: &ReadAhead) {
        self.reader.clone_from(&source.info().reader);
        self.skipped = source.skipped();
    }

    /// The `affekt.Table`.
    pub fn table(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        static TABLE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let names: Vec<_> = self.classes.iter().map(|class| pyo3::types::PyString::new(py, class)).collect();
        let named = |label: Option<usize>| label.and_then(|label| names.get(label).cloned());
        let columns = PyDict::new(py);
        let mut heads = table::reading_columns(&self.classes, self.affect.is_some()).into_iter();
        let mut add = |column: Bound<'_, PyAny>| {
            // The table has a name for each column that it has.
            let name = heads.next().unwrap_or_default();
            columns.set_item(name, column)
        };
        add(self.frame.into_pyarray(py).into_any())?;
        add(self.seconds.into_pyarray(py).into_any())?;
        add(self.face.into_pyarray(py).into_any())?;
        for column in self.figures {
            add(column.into_pyarray(py).into_any())?;
        }
        for column in self.labels {
            let column: Vec<_> = column.into_iter().map(named).collect();
            add(column.into_pyobject(py)?.into_any())?;
        }
        add(self.confidence.into_pyarray(py).into_any())?;
        add(self.unsure.into_pyarray(py).into_any())?;
        for column in self.affect.into_iter().flatten() {
            add(column.into_pyarray(py).into_any())?;
        }
        let about = PyDict::new(py);
        about.set_item("classes", names)?;
        about.set_item("reader", self.reader)?;
        about.set_item("frames", self.frames)?;
        about.set_item("skipped", self.skipped.count)?;
        about.set_item("first_skipped", self.skipped.first)?;
        TABLE.import(py, "affekt._table", "Table")?.call1((columns, about))
    }
}
