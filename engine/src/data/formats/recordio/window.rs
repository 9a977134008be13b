//! Reading a file from any number of threads, each of which notices that it goes forward: then a large piece is read at once and
//! handed out bit by bit, for a call of the system a record costs more than most records.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::data::tree::read_exact_at;

/// Bytes of a piece, and how far behind the last place a thread may go on to be going forward.
const PIECE: usize = 256 << 10;
const NEAR: u64 = 32 << 10;

/// What a thread read last.
struct Window {
    /// Number of the open file; no file has 0.
    file: u64,
    /// Where the last reading ended.
    end: u64,
    /// Where the piece at hand begins; it may be empty.
    start: u64,
    piece: Vec<u8>,
}

thread_local! {
    static WINDOW: RefCell<Window> = const { RefCell::new(Window { file: 0, end: 0, start: 0, piece: Vec::new() }) };
}

/// An open file of known length.
pub(super) struct WindowedFile {
    file: File,
    len: u64,
    number: u64,
}

impl WindowedFile {
    /// Of a file with so many bytes.
    pub fn new(file: File, len: u64) -> Self {
        static OPENED: AtomicU64 = AtomicU64::new(1);
        Self { file, len, number: OPENED.fetch_add(1, Ordering::Relaxed) }
    }

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// The file cannot be read, or ends before.
    pub fn fill(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        WINDOW.with_borrow_mut(|window| {
            let forward = window.file == self.number && (window.end..window.end + NEAR).contains(&offset);
            if window.file != self.number {
                (window.file, window.start) = (self.number, 0);
                window.piece.clear();
            }
            window.end = offset + buffer.len() as u64;
            if let Some(known) = window.held(buffer.len(), offset) {
                buffer.copy_from_slice(known);
                return Ok(());
            }
            if !forward || buffer.len() > PIECE / 2 {
                return read_exact_at(&self.file, buffer, offset);
            }
            let most = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
            window.piece.resize(PIECE.min(most), 0);
            window.start = offset;
            if let Err(error) = read_exact_at(&self.file, &mut window.piece, offset) {
                window.piece.clear();
                return Err(error);
            }
            let known = window.held(buffer.len(), offset).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(known);
            Ok(())
        })
    }
}

impl Window {
    /// So many bytes from `offset` on, where the piece has them all.
    fn held(&self, count: usize, offset: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.piece.get(from..from.checked_add(count)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::random::{Address, Purpose};

    fn file(content: &[u8]) -> (tempfile::TempDir, WindowedFile) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, content).unwrap();
        (dir, WindowedFile::new(File::open(path).unwrap(), content.len() as u64))
    }

    #[test]
    fn what_is_read_is_the_files_in_whatever_order_and_from_two_files_in_turn() {
        let content: Vec<u8> = (0..PIECE * 3 + 1234).map(|at| (at * at % 251) as u8).collect();
        let backwards: Vec<u8> = content.iter().rev().copied().collect();
        let ((_a, one), (_b, other)) = (file(&content), file(&backwards));
        let mut rng = Address { seed: 3, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng();
        let mut offset = 0;
        for round in 0..3000 {
            let count = if round % 97 == 0 { PIECE } else { rng.below(900) };
            // Mostly forward, as records lie; now and then anywhere.
            offset = if round % 50 == 0 { rng.below(content.len() - PIECE) } else { offset + rng.below(300) };
            offset = offset.min(content.len() - count);
            let mut buffer = vec![0; count];
            one.fill(&mut buffer, offset as u64).unwrap();
            assert_eq!(buffer, content[offset..offset + count], "{count} bytes at {offset}");
            if round % 7 == 0 {
                other.fill(&mut buffer, offset as u64).unwrap();
                assert_eq!(buffer, backwards[offset..offset + count]);
            }
            offset += count;
        }
    }

    #[test]
    fn an_end_before_the_last_byte_is_an_error_whether_or_not_a_piece_is_at_hand() {
        let (_dir, file) = file(&[7; 1000]);
        let mut buffer = [0; 10];
        for offset in [0, 10, 985, 990] {
            assert_eq!(file.fill(&mut buffer, offset).is_ok(), offset < 991, "{offset}");
        }
        for offset in [991, 995, 1000, 5000] {
            assert!(file.fill(&mut buffer, offset).is_err(), "{offset}");
        }
    }
}
