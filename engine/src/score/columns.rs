//! What is known of items besides: age, sex, site, any column of a CSV file.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use csv::StringRecord;

use super::error::ScoreError;
use super::predictions::{Predicted, csv_error};
use crate::files::{open_limited, quoted};

/// Largest file of groups.
const LARGEST: u64 = 1 << 30;
/// Most values of a column whose groups are told apart.
const MOST_VALUES: usize = 100;
/// A column of numbers with more values than this is put into bands.
const MOST_NUMBERS: usize = 12;
/// Width of a band.
const BAND: f64 = 10.0;

/// A table whose first column, `item`, says what its rows are of.
///
/// An item is looked for by its whole name, then without the folders before it, one after the other, then by its person or
/// video: so one row a person will do where tables of predictions have a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    names: Vec<String>,
    /// Cells of each row, by item.
    rows: HashMap<String, Vec<String>>,
}

/// The values of a column for a list of items.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Valued {
    /// The values, in order.
    pub names: Vec<String>,
    /// The number of its value for each item; nothing where the table says none.
    pub of: Vec<Option<usize>>,
}

impl Columns {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no CSV, does not begin with a column `item` followed by others, or has an item twice.
    pub fn read(path: &Path) -> Result<Self, ScoreError> {
        let (file, _) =
            open_limited(path, LARGEST, "a table of groups").map_err(|e| ScoreError::io(path, e))?;
        Self::from_csv(file, path)
    }

    /// Reads a table from anything; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`Columns::read`].
    pub fn from_csv(source: impl Read, path: &Path) -> Result<Self, ScoreError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(source);
        let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
        let wrong = |line: u64, reason: String| ScoreError::format(path, format!(", line {line}"), reason);
        let names: Vec<String> = header.iter().skip(1).map(|name| name.trim().to_owned()).collect();
        if header.get(0).map(str::trim) != Some("item") || names.is_empty() {
            let found = header.get(0).unwrap_or_default();
            let reason = format!(
                "the first column is {}; a table of groups has `item` and then a column a way of grouping, such as age",
                quoted(found)
            );
            return Err(wrong(1, reason));
        }
        let twice = |at: &usize| names[..*at].contains(&names[*at]) || names[*at].is_empty();
        if let Some(at) = (0..names.len()).find(twice) {
            return Err(wrong(
                1,
                format!("the column {} stands there twice or has no name", quoted(&names[at])),
            ));
        }
        let (mut rows, mut record) = (HashMap::new(), StringRecord::new());
        while reader.read_record(&mut record).map_err(|e| csv_error(path, &e))? {
            let line = record.position().map_or(0, csv::Position::line);
            let item = record.get(0).unwrap_or_default().to_owned();
            let cells = record.iter().skip(1).map(|cell| cell.trim().to_owned()).collect();
            if item.is_empty() {
                return Err(wrong(line, "the item has no name".to_owned()));
            }
            if rows.insert(item.clone(), cells).is_some() {
                return Err(wrong(line, format!("the item {} has a row already", quoted(&item))));
            }
        }
        if rows.is_empty() {
            return Err(ScoreError::format(path, "", "there is no row in it"));
        }
        Ok(Self { names, rows })
    }

    /// The names of the columns beside `item`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn row(&self, item: &Predicted) -> Option<&[String]> {
        let name = item.item.as_str();
        let without = name.char_indices().filter(|(_, letter)| matches!(letter, '/' | '\\'));
        let shorter = without.map(|(at, _)| &name[at + 1..]);
        let names = std::iter::once(name).chain(shorter).chain([item.group.as_str()]);
        names.into_iter().find_map(|name| self.rows.get(name)).map(Vec::as_slice)
    }

    /// The cell of a column for an item; nothing where the table has no row for it or an empty cell.
    ///
    /// # Errors
    /// There is no such column.
    pub fn cell(&self, item: &Predicted, column: &str) -> Result<Option<&str>, ScoreError> {
        let at = self.names.iter().position(|name| name == column).ok_or_else(|| {
            let names = self.names.join(", ");
            ScoreError::Request(format!("there is no column {}; the columns are {names}", quoted(column)))
        })?;
        Ok(self.row(item).map(|row| row[at].as_str()).filter(|cell| !cell.is_empty()))
    }

    /// The values of a column for items. Numbers of many values are put into bands of ten.
    pub(super) fn valued<'a>(
        &self,
        column: &str,
        items: impl Iterator<Item = &'a Predicted>,
    ) -> Result<Valued, ScoreError> {
        let cells: Vec<Option<&str>> =
            items.map(|item| self.cell(item, column)).collect::<Result<_, ScoreError>>()?;
        let mut found: BTreeMap<&str, usize> = cells.iter().flatten().map(|cell| (*cell, 0)).collect();
        let numbers: Option<Vec<f64>> =
            found.keys().map(|cell| cell.parse().ok().filter(|n: &f64| n.is_finite())).collect();
        if numbers.is_some() && found.len() > MOST_NUMBERS {
            let banded: Vec<Option<i64>> = cells
                .iter()
                .map(|cell| cell.and_then(|cell| Some((cell.parse::<f64>().ok()? / BAND).floor() as i64)))
                .collect();
            let mut bands: Vec<i64> = banded.iter().copied().flatten().collect();
            bands.sort_unstable();
            bands.dedup();
            check_values(column, bands.len())?;
            let band = |band: &i64| format!("{} to {}", band * 10, band * 10 + 9);
            let of =
                banded.iter().map(|cell| cell.and_then(|cell| bands.binary_search(&cell).ok())).collect();
            return Ok(Valued { names: bands.iter().map(band).collect(), of });
        }
        check_values(column, found.len())?;
        let mut names: Vec<&str> = found.keys().copied().collect();
        if numbers.is_some() {
            let number = |name: &str| name.parse().unwrap_or(0.0);
            names.sort_by(|a, b| f64::total_cmp(&number(a), &number(b)));
        }
        for (at, name) in names.iter().enumerate() {
            found.insert(name, at);
        }
        let of = cells.iter().map(|cell| cell.map(|cell| found[cell])).collect();
        Ok(Valued { names: names.into_iter().map(str::to_owned).collect(), of })
    }
}

fn check_values(column: &str, values: usize) -> Result<(), ScoreError> {
    if values <= MOST_VALUES {
        return Ok(());
    }
    Err(ScoreError::Request(format!(
        "the column {} has {values} different values, more than groups that can be told apart ({MOST_VALUES}); put them \
         into bands",
        quoted(column)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Columns, ScoreError> {
        Columns::from_csv(text.as_bytes(), Path::new("g.csv"))
    }

    fn item(name: &str, group: &str) -> Predicted {
        Predicted { item: name.to_owned(), group: group.to_owned(), ..Predicted::default() }
    }

    #[test]
    fn items_are_found_by_name_by_the_end_of_their_path_and_by_person() {
        let columns = read("item,sex,age\nb.png,f,30\nx/b.png,m,\nAnna,f,41\n").expect("read");
        assert_eq!(columns.names(), ["sex", "age"]);
        let cell = |name: &str, group: &str, column: &str| {
            columns.cell(&item(name, group), column).expect("a column").map(str::to_owned)
        };
        assert_eq!(cell("/data/x/b.png", "", "sex").as_deref(), Some("m"), "the longest name first");
        assert_eq!(cell("/data/y/b.png", "", "sex").as_deref(), Some("f"));
        assert_eq!(cell("/data/x/b.png", "", "age"), None);
        assert_eq!(cell("c.png", "Anna", "age").as_deref(), Some("41"));
        assert_eq!(cell("c.png", "", "age"), None);
        assert!(columns.cell(&item("a", ""), "site").expect_err("none").to_string().contains("sex, age"));
    }

    #[test]
    fn numbers_of_many_values_are_put_into_bands_and_few_into_order() {
        let ages: Vec<String> = (0..40).map(|at| format!("i{at},{},{}", at + 5, (at % 3) * 5)).collect();
        let columns = read(&format!("item,age,dose\n{}\n", ages.join("\n"))).expect("read");
        let items: Vec<Predicted> = (0..41).map(|at| item(&format!("i{at}"), "")).collect();
        let valued = columns.valued("age", items.iter()).expect("values");
        assert_eq!(valued.names, ["0 to 9", "10 to 19", "20 to 29", "30 to 39", "40 to 49"]);
        assert_eq!((valued.of[0], valued.of[39], valued.of[40]), (Some(0), Some(4), None));
        assert_eq!(columns.valued("dose", items.iter()).expect("values").names, ["0", "5", "10"]);
        let many: Vec<String> = (0..101).map(|at| format!("i{at},n{at}")).collect();
        let columns = read(&format!("item,name\n{}\n", many.join("\n"))).expect("read");
        let items: Vec<Predicted> = (0..101).map(|at| item(&format!("i{at}"), "")).collect();
        let message = columns.valued("name", items.iter()).expect_err("too many").to_string();
        assert!(message.contains("101 different values"), "{message}");
    }

    #[test]
    fn a_wrong_table_is_named_with_its_line() {
        for (text, part) in [
            ("", "line 1"),
            ("name,age\na,1\n", "the first column is `name`"),
            ("item\na\n", "line 1"),
            ("item,a,a\nx,1,2\n", "`a` stands there twice"),
            ("item,age\na,1\na,2\n", "line 3: the item `a`"),
            ("item,age\n,1\n", "line 2: the item has no name"),
            ("item,age\na,1,2\n", "3 cells"),
            ("item,age\n", "no row"),
        ] {
            let message = read(text).expect_err(text).to_string();
            assert!(message.contains("g.csv") && message.contains(part), "{text:?}: {message}");
        }
    }
}
