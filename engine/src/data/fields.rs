//! The fields of a line with commas, quotes undone. One reader serves all lines of a list: making one costs more than a line does.

use std::ops::Index;

use csv_core::{ReadRecordResult, Reader};

/// Reads one line after the other into the same memory.
pub(super) struct FieldReader {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl FieldReader {
    pub fn new() -> Self {
        Self { reader: Reader::new(), text: vec![0; 256], ends: vec![0; 16] }
    }

    /// The fields of a line.
    ///
    /// # Errors
    /// They are not UTF-8 text; the error is the reason alone.
    pub fn read(&mut self, line: &[u8]) -> Result<Fields<'_>, String> {
        self.reader.reset();
        let (mut read, mut written, mut ended) = (0, 0, 0);
        loop {
            let (result, more_read, more_written, more_ended) =
                self.reader.read_record(&line[read..], &mut self.text[written..], &mut self.ends[ended..]);
            (read, written, ended) = (read + more_read, written + more_written, ended + more_ended);
            match result {
                // Asked again without any input, it ends the line.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let (text, ends) = (&self.text[..written], &self.ends[..ended]);
        // Every field must be text by itself.
        match std::str::from_utf8(text) {
            Ok(text) if ends.iter().all(|&end| text.is_char_boundary(end)) => Ok(Fields { text, ends }),
            _ => Err("the line is not UTF-8 text".to_owned()),
        }
    }
}

/// The fields of one line, without the spaces around them.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    text: &'a str,
    ends: &'a [usize],
}

impl<'a> Fields<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.ends.len()
    }

    /// A field, where the line has it.
    pub fn get(self, index: usize) -> Option<&'a str> {
        (index < self.len()).then(|| self.at(index))
    }

    fn at(self, index: usize) -> &'a str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text[start..self.ends[index]].trim()
    }

    /// All of them in order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).map(move |index| self.at(index))
    }

    /// The line as it was, but for quotes and spaces.
    pub fn joined(self) -> String {
        self.iter().collect::<Vec<_>>().join(",")
    }
}

impl Index<usize> for Fields<'_> {
    type Output = str;

    fn index(&self, index: usize) -> &str {
        self.at(index)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// What a reader made for each line alone reads.
    fn alone(line: &[u8]) -> Option<Vec<String>> {
        let mut record = csv::StringRecord::new();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
        reader.read_record(&mut record).ok()?;
        record.trim();
        Some(record.iter().map(str::to_owned).collect())
    }

    #[test]
    fn fields_may_be_quoted() {
        let mut reader = FieldReader::new();
        let fields = reader.read(b"a.png,\"(0, 1)\", 3").unwrap();
        assert_eq!(fields.iter().collect::<Vec<_>>(), ["a.png", "(0, 1)", "3"]);
        assert_eq!((fields.len(), &fields[1], fields.get(2), fields.get(3)), (3, "(0, 1)", Some("3"), None));
        assert_eq!(fields.joined(), "a.png,(0, 1),3");
        assert!(reader.read(b"\xff,a").is_err());
    }

    #[test]
    fn lines_are_read_as_a_reader_of_their_own_reads_each() {
        let (long, many) = ("x".repeat(5000), ",".repeat(100));
        let lines: [&[u8]; 15] = [
            b"",
            b" ",
            b",",
            b"a,\"b\"\"c\",d",
            b"\"open, to the end",
            b"a\rb,c",
            b"\xEF\xBB\xBFa,b",
            "é,語 ,😀".as_bytes(),
            b"\xc3,\xa9",
            b"\xff",
            b"\"a\"b,c\"d\"",
            b"a,b\n",
            long.as_bytes(),
            many.as_bytes(),
            b"last, 1",
        ];
        let mut reader = FieldReader::new();
        for line in lines.iter().chain(lines.iter().rev()) {
            let read = reader.read(line).ok().map(|fields| fields.iter().map(str::to_owned).collect());
            assert_eq!(read, alone(line), "{line:?}");
        }
    }
}
