//! Tables of predictions and of groups.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use affekt_engine::score::{Columns, Predicted, Predictions, Resampling, Units, by_group, intervals};

use super::{Form, Format, message, other};

pub(super) const TABLE: Format = Format {
    name: "predictions-table",
    short: 200,
    own: false,
    files: &[("table.csv", Form::Text)],
    make: make_table,
    read: |folder| read_table(folder).map(drop),
};

pub(super) const GROUPS: Format = Format {
    name: "groups",
    short: 200,
    own: false,
    files: &[("groups.csv", Form::Text)],
    make: make_groups,
    read: read_groups,
};

fn make_table(folder: &Path) -> io::Result<()> {
    let row = |at: usize| Predicted {
        item: format!("faces/\"{at}\", so.png"),
        group: format!("person {}", at / 3),
        truth: (at != 4).then_some(at % 2),
        answer: (at / 2) % 2,
        probabilities: vec![0.25, 0.75],
    };
    let classes = ["calm", "joy, odd"].map(String::from).to_vec();
    let table = Predictions { classes, rows: (0..9).map(row).collect() };
    table.write(&folder.join("table.csv")).map_err(other)
}

fn make_groups(folder: &Path) -> io::Result<()> {
    make_table(folder)?;
    let mut text = String::from("item,age,site\n");
    for at in 0..9 {
        let _ = writeln!(text, "\"faces/\"\"{at}\"\", so.png\",{},\"site, {}\"", 20 + at * 3, at % 2);
    }
    std::fs::write(folder.join("groups.csv"), text)
}

fn few() -> Resampling {
    Resampling { resamples: 100, ..Resampling::default() }
}

fn read_table(folder: &Path) -> Result<Predictions, String> {
    let table = Predictions::read(&folder.join("table.csv")).map_err(message)?;
    let items = table.labelled().map(|(_, row, truth)| (row.group.clone(), 0, truth, row.answer));
    let units = Units::new(table.classes.len(), 1, items);
    // Too few people are a refusal of the request, not of the file.
    let _ = intervals(&units, &few());
    Ok(table)
}

fn read_groups(folder: &Path) -> Result<(), String> {
    let columns = Columns::read(&folder.join("groups.csv")).map_err(message)?;
    let table = read_table(folder)?;
    let _ = by_group(&table, &columns, |row| row.item.clone(), &few());
    Ok(())
}
