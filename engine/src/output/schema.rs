//! The tables' schema as JSON Schema (2020-12): what each row holds, as an object by column. A copy stands in `docs`.

use serde_json::{Map, Value, json};

use super::bins::bin_columns;
use super::cells::{CellKind, ColumnInfo};
use super::segments::{people_columns, segment_columns};
use super::table::TABLE_VERSION;
use super::table_columns::columns;

/// Stands for the name of a class.
const CLASS: &str = "CLASS";

/// The schema of all tables: the definitions `row` (`NAME.csv`), `segment`, `person` and `bin`. Columns whose names end in a class's
/// name are patterns.
pub fn table_schema() -> Value {
    let classes = [CLASS.to_owned()];
    let table: Vec<ColumnInfo> = columns(&classes).into_iter().map(|column| column.info).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tables of affekt",
        "description": "Rows of the tables that affekt analyze writes, as objects by column. An empty field is null. Flags are 0 or 1.",
        "version": TABLE_VERSION,
        "$defs": {
            "row": definition("NAME.csv: a row a face and frame, and a row for every frame without a face", &table),
            "segment": definition("NAME.segments.csv: a row a stretch of one label", &segment_columns()),
            "person": definition("NAME.people.csv: a row a person", &people_columns(&classes)),
            "bin": definition("NAME.bins.csv: a row a person and bin of seconds", &bin_columns(&classes)),
        }
    })
}

fn definition(what: &str, columns: &[ColumnInfo]) -> Value {
    let (mut properties, mut patterns) = (Map::new(), Map::new());
    let mut required = vec![];
    for column in columns {
        let value = property(column);
        if let Some(prefix) = column.name.strip_suffix(CLASS) {
            patterns.insert(format!("^{prefix}"), value);
        } else {
            required.push(column.name.clone());
            properties.insert(column.name.clone(), value);
        }
    }
    let mut whole = json!({
        "description": what, "type": "object", "properties": properties, "required": required, "additionalProperties": false
    });
    if !patterns.is_empty() {
        whole["patternProperties"] = Value::Object(patterns);
    }
    whole
}

fn property(column: &ColumnInfo) -> Value {
    let kind = match column.kind {
        CellKind::Integer | CellKind::Flag => "integer",
        CellKind::Number(_) => "number",
        CellKind::Text => "string",
    };
    let kind = if column.always { json!(kind) } else { json!([kind, "null"]) };
    let mut value = json!({ "type": kind, "description": column.meaning });
    match column.kind {
        CellKind::Flag => (value["minimum"], value["maximum"]) = (json!(0), json!(1)),
        CellKind::Integer => value["minimum"] = json!(0),
        CellKind::Number(_) if column.meaning.contains("0 to 1") => {
            (value["minimum"], value["maximum"]) = (json!(0), json!(1));
        }
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_in_the_documents_is_the_schema() {
        let copy = include_str!("../../../docs/tables.schema.json");
        let schema = format!("{:#}\n", table_schema());
        assert!(copy == schema, "docs/tables.schema.json differs; `affekt analyze --schema` prints it");
    }

    #[test]
    fn every_column_has_a_type_and_a_meaning() {
        let schema = table_schema();
        for (name, definition) in schema["$defs"].as_object().expect("definitions") {
            let properties = definition["properties"].as_object().expect("properties");
            assert!(properties.len() > 8, "{name}");
            for (column, value) in properties {
                assert!(!value["description"].as_str().unwrap_or_default().is_empty(), "{name}.{column}");
            }
        }
        assert_eq!(schema["$defs"]["row"]["properties"]["face"]["type"], json!(["integer", "null"]));
        assert_eq!(schema["$defs"]["row"]["properties"]["detected"]["maximum"], 1);
        assert!(schema["$defs"]["row"]["patternProperties"]["^p_"].is_object());
    }
}
