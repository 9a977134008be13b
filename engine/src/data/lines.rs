//! Text files line by line, in bounded memory whatever the file holds.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{DataError, SkipLog, Stamp};
use crate::files::{self, LARGEST_PICTURE};

/// Opens a file that must be a regular one: a FIFO or device would wait for ever.
pub(super) fn open_regular(path: &Path) -> Result<File, DataError> {
    files::open_regular(path, "a file").map_err(|e| DataError::io(path, e))
}

/// A picture's file, read whole.
pub(super) fn read_picture(path: &Path) -> Result<Vec<u8>, DataError> {
    files::read_limited(path, LARGEST_PICTURE, "a picture").map_err(|e| DataError::io(path, e))
}

/// Reads lines, none longer than a limit.
pub(super) struct Lines<R> {
    reader: R,
    path: PathBuf,
    /// What stands between the file's name and `, line N` in messages: an archive's entry.
    place: String,
    /// What a log of bad items knows this list by.
    list: u64,
    longest: u64,
    number: u64,
    offset: u64,
    /// Bytes of the reader's buffer that the last line took.
    taken: usize,
    /// A line that no buffer held whole.
    line: Vec<u8>,
}

/// Bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its content without line end, and without the byte order mark of a first line.
    pub bytes: &'a [u8],
}

impl Line<'_> {
    /// The content as text; what is none becomes U+FFFD.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes)
    }
}

impl Lines<BufReader<File>> {
    /// Lines of a file with at most `longest` bytes each.
    pub fn open(path: &Path, longest: u64) -> Result<Self, DataError> {
        let reader = BufReader::with_capacity(BUFFER, open_regular(path)?);
        Ok(Self::new(reader, path.to_path_buf(), String::new(), longest))
    }
}

impl<R: BufRead> Lines<R> {
    /// Lines of anything; `path` and `place` are what messages call it.
    pub fn new(reader: R, path: PathBuf, place: String, longest: u64) -> Self {
        let list = Stamp::place_of(format!("{}{place}", path.display()).as_bytes());
        Self { reader, path, place, list, longest, number: 0, offset: 0, taken: 0, line: Vec::new() }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or the line is too long.
    pub fn next(&mut self) -> Result<Option<Line<'_>>, DataError> {
        let failed = |e| DataError::io(&self.path, e);
        self.reader.consume(std::mem::take(&mut self.taken));
        let start = self.offset;
        let held = self.reader.fill_buf().map_err(failed)?;
        let end = held.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let read = if let Some(read) = end {
            self.taken = read;
            read
        } else {
            self.line.clear();
            let mut rest = (&mut self.reader).take(self.longest + 1);
            rest.read_until(b'\n', &mut self.line).map_err(failed)?
        };
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.offset += read as u64;
        if read as u64 > self.longest {
            let reason = format!("a line of more than {} bytes, as no such list has", self.longest);
            return Err(self.error(self.number, reason));
        }
        // Nothing is read here: the buffer still holds the line.
        let mut bytes = match self.taken {
            0 => self.line.as_slice(),
            taken => &self.reader.fill_buf().map_err(|e| DataError::io(&self.path, e))?[..taken],
        };
        bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let mut offset = start;
        if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| start == 0) {
            (bytes, offset) = (rest, 3);
        }
        Ok(Some(Line { number: self.number, offset, bytes }))
    }

    /// The first line, or an error that says what was expected of the file.
    pub fn first(&mut self, expected: &str) -> Result<Line<'_>, DataError> {
        let empty = DataError::format(
            &self.path,
            self.place.clone(),
            format!("the file is empty; expected {expected}"),
        );
        self.next()?.ok_or(empty)
    }

    /// An error about a line.
    pub fn error(&self, number: u64, reason: impl Into<String>) -> DataError {
        DataError::format(&self.path, format!("{}, line {number}", self.place), reason)
    }

    /// Counts a line that cannot be used.
    ///
    /// # Errors
    /// Where bad items are fatal: what is wrong with it.
    pub fn skip(&self, number: u64, reason: impl Into<String>, skips: &SkipLog) -> Result<(), DataError> {
        skips.skip_line(self.list, number, || self.error(number, reason))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn lines(text: &[u8], longest: u64) -> Lines<&[u8]> {
        Lines::new(text, PathBuf::from("list.txt"), String::new(), longest)
    }

    #[test]
    fn lines_come_with_number_and_offset_and_without_their_ends() {
        let mut lines = lines(b"\xEF\xBB\xBFa\r\n\nlast", 10);
        let mut found = vec![];
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, line.offset, line.text().into_owned()));
        }
        assert_eq!(found, [(1, 3, "a".into()), (2, 6, String::new()), (3, 7, "last".into())]);
    }

    #[test]
    fn a_line_without_end_costs_no_more_than_the_limit() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        let mut lines = Lines::new(endless, PathBuf::from("list.txt"), ", entry a".into(), 100);
        let message = lines.next().unwrap_err().to_string();
        assert_eq!(message, "list.txt, entry a, line 1: a line of more than 100 bytes, as no such list has");
        assert!(lines.line.capacity() < 1000);
        let mut exact = self::lines(b"12345\n12", 6);
        assert_eq!(exact.next().unwrap().unwrap().bytes, b"12345");
    }

    #[test]
    fn bad_lines_are_counted_by_list_and_number_and_the_first_are_named() {
        let (log, other) = (SkipLog::new(false), self::lines(b"x\n", 10));
        let mut lines = lines(b"x\ny\n", 10);
        lines.next().unwrap();
        for number in [1, 2, 2, 1] {
            lines.skip(number, "odd", &log).unwrap();
        }
        assert_eq!(
            (log.count(), log.first()),
            (2, vec!["list.txt, line 1: odd".into(), "list.txt, line 2: odd".into()])
        );
        other.skip(1, "odd", &log).unwrap();
        assert_eq!(log.count(), 2, "the same list read again");
        assert!(other.skip(1, "odd", &SkipLog::new(true)).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_folder_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let message = Lines::open(&pipe, 10).err().unwrap().to_string();
        assert!(message.contains("pipe: is a pipe, socket or device"), "{message}");
        assert!(open_regular(dir.path()).unwrap_err().to_string().contains("a folder"));
    }
}
