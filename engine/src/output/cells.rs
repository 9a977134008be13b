//! Columns and values of tables, whatever they are about.

use std::io;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// A whole number.
    Integer,
    /// A number with so many decimals.
    Number(usize),
    /// 0 or 1.
    Flag,
    /// Text.
    Text,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing; an empty field.
    Empty,
    /// A whole number.
    Integer(u64),
    /// A number.
    Number(f64),
    /// 0 or 1.
    Flag(bool),
    /// Text.
    Text(String),
}

/// What there is to know of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name in the header.
    pub name: String,
    /// What it holds.
    pub kind: CellKind,
    /// Whether every row has a value.
    pub always: bool,
    /// What it means, with unit and range.
    pub meaning: String,
}

impl ColumnInfo {
    /// A column.
    pub fn new(name: &str, kind: CellKind, always: bool, meaning: &str) -> Self {
        Self { name: name.into(), kind, always, meaning: meaning.into() }
    }

    /// A value as CSV has it, before quotes.
    pub fn text(&self, cell: Cell) -> String {
        match (cell, self.kind) {
            (Cell::Empty, _) => String::new(),
            (Cell::Integer(value), _) => value.to_string(),
            (Cell::Number(value), CellKind::Number(decimals)) => format!("{value:.decimals$}"),
            (Cell::Number(value), _) => value.to_string(),
            (Cell::Flag(value), _) => u8::from(value).to_string(),
            (Cell::Text(text), _) => text,
        }
    }
}

/// A whole table of rows that each have a value for every column.
pub(super) fn whole_csv(
    columns: &[ColumnInfo],
    rows: impl IntoIterator<Item = Vec<Cell>>,
) -> io::Result<Vec<u8>> {
    let mut out = csv([columns.iter().map(|column| column.name.clone())])?;
    let texts =
        |row: Vec<Cell>| columns.iter().zip(row).map(|(column, cell)| column.text(cell)).collect::<Vec<_>>();
    out.extend(csv(rows.into_iter().map(texts))?);
    Ok(out)
}

/// Rows of cells as CSV. In memory, because the writer flushes what it writes to, and a file should not be at every frame.
pub(super) fn csv<R: IntoIterator<Item = String>>(rows: impl IntoIterator<Item = R>) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(vec![]);
    for row in rows {
        table.write_record(row.into_iter().map(String::into_bytes))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}
