//! `NAME.parquet`: the table's rows with the same columns and types, compressed by Snappy. Written from the CSV, a group of rows at a
//! time, so that memory does not grow with the recording.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::cells::{Cell, CellKind, ColumnInfo};
use super::row::TableRow;
use super::table::TableForm;
use super::table_reader::{TableError, TableReader};
use crate::files::{TempFolder, move_atomically};

/// Rows of a group.
const GROUP: usize = 16_384;

/// Writes the table of an input at `csv` to `path`, whole or not at all; `input` is the name of its files.
///
/// # Errors
/// The table cannot be read or the file not be written.
pub fn parquet(csv: &Path, path: &Path, input: &str) -> Result<(), TableError> {
    let wrong = |problem: String| TableError { path: path.to_owned(), problem };
    let mut reader = TableReader::open(csv)?;
    let form = TableForm::new(input, reader.classes());
    let columns: Vec<ColumnInfo> = form.columns().iter().map(|column| column.info.clone()).collect();
    let folder =
        TempFolder::new_in(path.parent().unwrap_or(Path::new("."))).map_err(|e| wrong(e.to_string()))?;
    let place = folder.path().join("table.parquet");
    let file = File::create(&place).map_err(|e| wrong(e.to_string()))?;
    let failed = |e: ParquetError| wrong(e.to_string());
    let schema = schema(&columns).map_err(failed)?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(failed)?;
    let mut rows: Vec<TableRow> = vec![];
    loop {
        let row = reader.next_row()?;
        let ended = row.is_none();
        rows.extend(row);
        if rows.len() >= GROUP || ended && !rows.is_empty() {
            group(&mut writer, &form, &columns, &rows).map_err(failed)?;
            rows.clear();
        }
        if ended {
            break;
        }
    }
    writer.close().map_err(failed)?;
    move_atomically(&place, path).map_err(|e| wrong(e.to_string()))
}

fn schema(columns: &[ColumnInfo]) -> Result<Arc<Type>, ParquetError> {
    let field = |column: &ColumnInfo| {
        let (physical, logical) = match column.kind {
            CellKind::Integer => (Physical::INT64, None),
            CellKind::Number(_) => (Physical::DOUBLE, None),
            CellKind::Flag => (Physical::BOOLEAN, None),
            CellKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let repetition = if column.always { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let built = Type::primitive_type_builder(&column.name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build();
        built.map(Arc::new)
    };
    let fields: Result<Vec<_>, ParquetError> = columns.iter().map(field).collect();
    Type::group_type_builder("affekt").with_fields(fields?).build().map(Arc::new)
}

/// Values of a column that are there, and for each row whether it has one.
fn split<T>(cells: Vec<Cell>, take: impl Fn(Cell) -> Option<T>) -> (Vec<T>, Vec<i16>) {
    let values: Vec<Option<T>> = cells.into_iter().map(take).collect();
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (values.into_iter().flatten().collect(), levels)
}

fn group(
    writer: &mut SerializedFileWriter<File>,
    form: &TableForm,
    columns: &[ColumnInfo],
    rows: &[TableRow],
) -> Result<(), ParquetError> {
    let mut cells: Vec<Vec<Cell>> = vec![Vec::with_capacity(rows.len()); columns.len()];
    for row in rows {
        for (column, cell) in cells.iter_mut().zip(form.cells(row)) {
            column.push(cell);
        }
    }
    let mut group = writer.next_row_group()?;
    for (column, cells) in columns.iter().zip(cells) {
        let Some(mut out) = group.next_column()? else { break };
        let number = |cell| if let Cell::Number(value) = cell { Some(value) } else { None };
        let integer = |cell| if let Cell::Integer(value) = cell { i64::try_from(value).ok() } else { None };
        let flag = |cell| if let Cell::Flag(value) = cell { Some(value) } else { None };
        let text = |cell| {
            if let Cell::Text(value) = cell { Some(ByteArray::from(value.into_bytes())) } else { None }
        };
        let levels = |levels: Vec<i16>| (!column.always).then_some(levels);
        match out.untyped() {
            ColumnWriter::DoubleColumnWriter(out) => {
                let (values, there) = split(cells, number);
                out.write_batch(&values, levels(there).as_deref(), None)?;
            }
            ColumnWriter::Int64ColumnWriter(out) => {
                let (values, there) = split(cells, integer);
                out.write_batch(&values, levels(there).as_deref(), None)?;
            }
            ColumnWriter::BoolColumnWriter(out) => {
                let (values, there) = split(cells, flag);
                out.write_batch(&values, levels(there).as_deref(), None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(out) => {
                let (values, there) = split(cells, text);
                out.write_batch(&values, levels(there).as_deref(), None)?;
            }
            _ => return Err(ParquetError::General(format!("{}: no type of a table", column.name))),
        }
        out.close()?;
    }
    group.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::row::FaceRow;
    use super::*;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    #[test]
    fn the_file_has_the_tables_rows_types_and_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let classes = ["calm", "glad"].map(String::from);
        let face = FaceRow { face: 3, person: 3, probabilities: vec![0.25, 0.75], ..FaceRow::default() };
        let row = |frame, face| TableRow { frame, seconds: frame as f64 / 4.0, face, ..TableRow::default() };
        // More than a group, each second frame without a face.
        let rows: Vec<TableRow> =
            (0..20_000).map(|frame| row(frame, (frame % 2 == 0).then(|| face.clone()))).collect();
        let form = TableForm::new("talk", &classes);
        let mut text = form.header().into_bytes();
        form.write(&mut text, &rows).unwrap();
        let (csv, path) = (folder.path().join("talk.csv"), folder.path().join("talk.parquet"));
        std::fs::write(&csv, text).unwrap();
        parquet(&csv, &path, "talk").unwrap();
        let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(file.metadata().file_metadata().num_rows(), 20_000);
        let read: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!((read[4].get_long(0).unwrap(), read[4].get_double(1).unwrap()), (4, 1.0));
        assert_eq!(read[4].get_long(2).unwrap(), 3);
        assert!(read[5].get_long(2).is_err(), "no face");
        assert_eq!(read[19_998].get_long(0).unwrap(), 19_998);
    }
}
