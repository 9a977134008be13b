//! Reading whole files of other people, but none larger than it can sensibly be.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Largest weights file: a hundred times a ResNet-50's.
pub const LARGEST_MODEL: u64 = 4 << 30;
/// Largest network in an ONNX file.
pub const LARGEST_ONNX: u64 = 1 << 30;
/// Largest detector; `YuNet`'s files have a third of a megabyte.
pub const LARGEST_DETECTOR: u64 = 64 << 20;
/// Largest card of a weights file.
pub const LARGEST_CARD: u64 = 1 << 20;
/// Largest results file of an analysis: a day of frames.
pub const LARGEST_RESULTS: u64 = 256 << 20;
/// Largest file of settings, and largest list of names.
pub const LARGEST_SETTINGS: u64 = 1 << 20;
/// Largest picture, by its file.
pub const LARGEST_PICTURE: u64 = 256 << 20;
/// Most bytes of a file of the operating system's about itself.
const LARGEST_OF_SYSTEM: u64 = 1 << 20;

/// Opens a file for reading that must be a regular one: a pipe or a device could be waited for for ever. Nothing of it is read.
/// `what` is what such a file is called in errors, e.g. `a detector`.
///
/// # Errors
/// It cannot be opened, or is a folder, a pipe, a socket or a device. The caller adds the file's name.
pub fn open_regular(path: &Path, what: &str) -> io::Result<File> {
    // Before opening: to open a pipe that nobody writes to would wait for ever.
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, format!("is a folder, not {what}")));
    }
    if !kind.is_file() {
        let problem = format!("is a pipe, socket or device, not {what}; give a regular file");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    File::open(path)
}

/// Opens a file for reading, checked before anything of it is read; gives its length too. `what` is what such a file is
/// called in errors, e.g. `a detector`.
///
/// # Errors
/// It cannot be opened, is a folder, a pipe or a device, or has more than `most_bytes`. The caller adds the file's name.
pub fn open_limited(path: &Path, most_bytes: u64, what: &str) -> io::Result<(File, u64)> {
    let file = open_regular(path, what)?;
    let length = file.metadata()?.len();
    if length > most_bytes {
        let problem = format!(
            "has {}, but {what} has at most {}; is it the right file?",
            amount(length),
            amount(most_bytes)
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    Ok((file, length))
}

/// Reads a whole file of at most `most_bytes`; a larger one is refused before anything is read.
///
/// # Errors
/// As [`open_limited`], and what reading reports. The caller adds the file's name.
pub fn read_limited(path: &Path, most_bytes: u64, what: &str) -> io::Result<Vec<u8>> {
    let (file, length) = open_limited(path, most_bytes, what)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length as usize).map_err(|_| {
        let problem = format!("has {}, more than there is memory for", amount(length));
        io::Error::new(io::ErrorKind::OutOfMemory, problem)
    })?;
    // A file that grows meanwhile is not followed.
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`read_limited`], of a text.
///
/// # Errors
/// As [`read_limited`], and it is not UTF-8.
pub fn read_text_limited(path: &Path, most_bytes: u64, what: &str) -> io::Result<String> {
    String::from_utf8(read_limited(path, most_bytes, what)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("byte {at} is no text (UTF-8 is expected)"))
    })
}

/// What the operating system says of itself in a file such as `/proc/meminfo`; `None` where it does not.
pub fn read_of_system(path: &str) -> Option<String> {
    let mut text = String::new();
    // These files have no length, and end.
    File::open(path).ok()?.take(LARGEST_OF_SYSTEM).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A reader that fails at a line of more than so many bytes, for parsers that hold a whole line.
#[derive(Debug)]
pub struct ShortLines<R> {
    inner: R,
    longest: u64,
    /// Bytes of the line so far.
    length: u64,
    line: u64,
}

impl<R> ShortLines<R> {
    /// Lines of at most `longest` bytes.
    pub fn new(inner: R, longest: u64) -> Self {
        Self { inner, longest, length: 0, line: 1 }
    }
}

impl<R: io::Read> io::Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        for line in buffer[..got].split_inclusive(|&byte| byte == b'\n') {
            self.length += line.len() as u64;
            if self.length > self.longest {
                let problem = format!("line {} has more than {}", self.line, amount(self.longest));
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            if line.ends_with(b"\n") {
                (self.length, self.line) = (0, self.line + 1);
            }
        }
        Ok(got)
    }
}

/// A number of bytes for people.
pub fn amount(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_file_is_read_whole_up_to_the_limit_and_not_at_all_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "abcd").unwrap();
        assert_eq!(read_text_limited(&path, 4, "a file of settings").unwrap(), "abcd");
        let message = read_limited(&path, 3, "a file of settings").unwrap_err().to_string();
        assert!(message.contains("4 bytes, but a file of settings has at most 3 bytes"), "{message}");
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(read_text_limited(&path, 4, "").unwrap_err().to_string().contains("byte 2 is no text"));
    }

    #[test]
    fn a_file_of_twenty_gigabytes_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big");
        File::create(&path).unwrap().set_len(20 << 30).unwrap();
        let message = read_limited(&path, LARGEST_MODEL, "a weights file").unwrap_err().to_string();
        assert!(message.contains("20.0 GiB") && message.contains("at most 4.0 GiB"), "{message}");
    }

    #[test]
    fn a_line_that_is_too_long_ends_the_reading() {
        let read = |text: &str| {
            let mut out = String::new();
            ShortLines::new(text.as_bytes(), 4).read_to_string(&mut out).map(|_| out)
        };
        assert_eq!(read("abc\n\nabc\nabcd").unwrap(), "abc\n\nabc\nabcd");
        assert!(read("abc\nabcd\n").unwrap_err().to_string().contains("line 2 has more than 4 bytes"));
        let endless = ShortLines::new(io::repeat(b'x'), 1 << 20);
        assert!(io::copy(&mut { endless }, &mut io::sink()).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_opening_it() {
        let folder = tempfile::tempdir().unwrap();
        let message = read_limited(folder.path(), 9, "a card").unwrap_err().to_string();
        assert!(message.contains("is a folder, not a card"), "{message}");
        #[cfg(unix)]
        {
            let message = read_limited(Path::new("/dev/zero"), 9, "a card").unwrap_err().to_string();
            assert!(message.contains("is a pipe, socket or device"), "{message}");
        }
        let missing = read_limited(&folder.path().join("none"), 9, "a card").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
