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
            // A number as in the other files: a column of truth values with gaps is one of objects to pandas.
            CellKind::Flag => (Physical::INT32, Some(LogicalType::integer(8, true))),
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
        let flag = |cell| if let Cell::Flag(value) = cell { Some(i32::from(value)) } else { None };
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
            ColumnWriter::Int32ColumnWriter(out) => {
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
    use parquet::record::Field;

    /// A table of several groups with everything that a row may hold, and every second frame without a face.
    fn table(form: &TableForm) -> String {
        let face = |frame: u64| FaceRow {
            face: (frame % 5) as u32 + 1,
            face_box: [-1.5, 0.25, 30.0, frame as f64],
            landmarks: frame.is_multiple_of(3).then_some([[3.5, 4.0]; 5]),
            probabilities: vec![0.25, 0.75],
            temporal_label: frame.is_multiple_of(4).then_some(1),
            voted_label: 1,
            confidence: 0.75,
            unsure: frame.is_multiple_of(6),
            detected: true,
            score: Some(0.875),
            quality: frame.is_multiple_of(8).then_some(0.5),
            pose: frame.is_multiple_of(3).then_some([-10.5, 0.0, 3.25]),
            frontal: frame.is_multiple_of(3).then_some(frame.is_multiple_of(9)),
            affect: frame.is_multiple_of(10).then_some([-0.5, 0.125]),
            person: 7,
            name: if frame.is_multiple_of(7) { "Zoë, \"Z\"".into() } else { String::new() },
            label: usize::from(frame.is_multiple_of(14)),
            by_hand: frame.is_multiple_of(14),
            ..FaceRow::default()
        };
        let row = |frame: u64| TableRow {
            frame,
            seconds: frame as f64 / 4.0,
            cut: frame / 1000,
            face: frame.is_multiple_of(2).then(|| face(frame)),
            excluded: frame.is_multiple_of(11),
            speaker: frame.is_multiple_of(13).then(|| "B".into()),
        };
        let rows: Vec<TableRow> = (0..2 * GROUP as u64 + 100).map(row).collect();
        let mut text = form.header().into_bytes();
        form.write(&mut text, &rows).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// What a Parquet file holds, as CSV has it.
    fn text(info: &ColumnInfo, field: &Field) -> String {
        let cell = match (field, info.kind) {
            (Field::Null, _) => Cell::Empty,
            (Field::Long(value), CellKind::Integer) => Cell::Integer(u64::try_from(*value).unwrap()),
            (Field::Double(value), CellKind::Number(_)) => Cell::Number(*value),
            (Field::Byte(value @ (0 | 1)), CellKind::Flag) => Cell::Flag(*value == 1),
            (Field::Str(value), CellKind::Text) => Cell::Text(value.clone()),
            other => panic!("{}: {other:?}", info.name),
        };
        info.text(cell)
    }

    #[test]
    fn every_value_of_the_table_is_in_the_file_by_its_type_and_gaps_are_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let classes = ["calm", "glad, very"].map(String::from);
        let form = TableForm::new("talk", &classes);
        let (csv, path) = (folder.path().join("talk.csv"), folder.path().join("talk.parquet"));
        std::fs::write(&csv, table(&form)).unwrap();
        parquet(&csv, &path, "talk").unwrap();

        let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(file.metadata().num_row_groups(), 3);
        let columns = file.metadata().file_metadata().schema_descr().columns();
        let gaps: Vec<(&str, bool)> = columns.iter().map(|c| (c.name(), c.max_def_level() > 0)).collect();
        let infos: Vec<&ColumnInfo> = form.columns().iter().map(|column| &column.info).collect();
        let wanted: Vec<(&str, bool)> = infos.iter().map(|i| (i.name.as_str(), !i.always)).collect();
        assert_eq!(gaps, wanted);

        let wanted: Vec<_> = csv::Reader::from_path(&csv).unwrap().records().map(Result::unwrap).collect();
        let rows: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!((rows.len(), wanted.len()), (2 * GROUP + 100, 2 * GROUP + 100));
        for (number, (row, wanted)) in rows.iter().zip(&wanted).enumerate() {
            let read: Vec<String> =
                infos.iter().zip(row.get_column_iter()).map(|(info, (_, field))| text(info, field)).collect();
            assert!(wanted.iter().eq(read.iter().map(String::as_str)), "row {number}: {read:?}");
        }
    }

    #[test]
    fn a_table_that_makes_no_sense_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let form = TableForm::new("talk", &["calm", "glad"].map(String::from));
        let (csv, path) = (folder.path().join("talk.csv"), folder.path().join("talk.parquet"));
        std::fs::write(&csv, format!("{}x{}\n", form.header(), ",".repeat(form.columns().len() - 1)))
            .unwrap();
        let error = parquet(&csv, &path, "talk").unwrap_err().to_string();
        assert!(error.contains("talk.csv: line 2") && !path.exists(), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left");
    }
}
