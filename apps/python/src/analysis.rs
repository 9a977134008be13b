//! What a whole input came to: the engine's table, column by column.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use affekt_engine::media::source::{FrameSource as _, ReadAhead, Skipped};
use affekt_engine::output::{Cell, CellKind, TableForm, TableRow};
use affekt_engine::world::live::FrameReading;
use numpy::IntoPyArray as _;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

/// Rows so far.
pub struct Gathered {
    classes: Arc<[String]>,
    form: TableForm,
    columns: Vec<Column>,
    texts: Texts,
    frames: u64,
    reader: String,
    skipped: Skipped,
}

/// A column's values. What is empty in the table is 0, NaN, false or none here.
enum Column {
    Integers(Vec<i64>),
    /// Seconds, which count up to days in microseconds.
    Doubles(Vec<f64>),
    Numbers(Vec<f32>),
    Flags(Vec<bool>),
    Texts(Vec<Option<usize>>),
}

/// Texts that occur, each once: a table of hours has some dozen of them.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Texts {
    fn number(&mut self, text: String) -> usize {
        let Self { all, numbers } = self;
        *numbers.entry(text).or_insert_with_key(|text| {
            all.push(text.clone());
            all.len() - 1
        })
    }
}

impl Gathered {
    /// For the file or folder `source`.
    pub fn new(source: &Path, classes: &Arc<[String]>) -> Self {
        let name = if source.is_dir() { source.file_name() } else { source.file_stem() };
        let form = TableForm::new(&name.unwrap_or_default().to_string_lossy(), classes);
        let column = |kind| match kind {
            CellKind::Integer => Column::Integers(vec![]),
            CellKind::Number(_) => Column::Numbers(vec![]),
            CellKind::Flag => Column::Flags(vec![]),
            CellKind::Text => Column::Texts(vec![]),
        };
        let columns = form.columns().iter().map(|of| match of.info.name.as_str() {
            "seconds" => Column::Doubles(vec![]),
            _ => column(of.info.kind),
        });
        Self {
            classes: Arc::clone(classes),
            columns: columns.collect(),
            form,
            texts: Texts::default(),
            frames: 0,
            reader: String::new(),
            skipped: Skipped::default(),
        }
    }

    /// Adds a frame's rows: one a face, or one without a face.
    pub fn push(&mut self, reading: &FrameReading) {
        self.frames += 1;
        for row in TableRow::of(reading) {
            for (column, cell) in self.columns.iter_mut().zip(self.form.cells(&row)) {
                column.push(cell, &mut self.texts);
            }
        }
    }

    /// What the source says once it is read.
    pub fn end(&mut self, source: &ReadAhead) {
        self.reader.clone_from(&source.info().reader);
        self.skipped = source.skipped();
    }

    /// The `affekt.Table`.
    pub fn table(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        static TABLE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let texts: Vec<_> = self.texts.all.iter().map(|text| PyString::new(py, text)).collect();
        let columns = PyDict::new(py);
        for (of, column) in self.form.columns().iter().zip(self.columns) {
            columns.set_item(&of.info.name, column.into_python(py, &texts)?)?;
        }
        let about = PyDict::new(py);
        about.set_item("classes", &self.classes[..])?;
        about.set_item("reader", self.reader)?;
        about.set_item("frames", self.frames)?;
        about.set_item("skipped", self.skipped.count)?;
        about.set_item("first_skipped", self.skipped.first)?;
        TABLE.import(py, "affekt._table", "Table")?.call1((columns, about))
    }
}

impl Column {
    #[expect(clippy::cast_possible_truncation, reason = "single precision is what the table's decimals need")]
    fn push(&mut self, cell: Cell, texts: &mut Texts) {
        let number = if let Cell::Number(value) = cell { value } else { f64::NAN };
        match self {
            Self::Integers(column) => {
                column.push(if let Cell::Integer(value) = cell { value.cast_signed() } else { 0 });
            }
            Self::Doubles(column) => column.push(number),
            Self::Numbers(column) => column.push(number as f32),
            Self::Flags(column) => column.push(cell == Cell::Flag(true)),
            Self::Texts(column) => {
                column.push(if let Cell::Text(text) = cell { Some(texts.number(text)) } else { None });
            }
        }
    }

    fn into_python<'py>(
        self,
        py: Python<'py>,
        texts: &[Bound<'py, PyString>],
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Self::Integers(column) => column.into_pyarray(py).into_any(),
            Self::Doubles(column) => column.into_pyarray(py).into_any(),
            Self::Numbers(column) => column.into_pyarray(py).into_any(),
            Self::Flags(column) => column.into_pyarray(py).into_any(),
            Self::Texts(column) => {
                let named = |text: Option<usize>| text.and_then(|text| texts.get(text).cloned());
                column.into_iter().map(named).collect::<Vec<_>>().into_pyobject(py)?.into_any()
            }
        })
    }
}
