//! The file that keeps the hashes of one dataset: a head, then chunks of equal length, each written as soon as it is whole.
//!
//! ```text
//! 64 bytes   magic "AFKHASH1", 32 bytes of the set's key, 24 of zero
//! a chunk    32 bytes of its items' stamps, hashed
//!            32 bytes of hash over all else in the chunk
//!            4,096 hashes of 32 bytes (fewer in the last chunk)
//! ```
//!
//! A chunk whose stamp is another one, or that is not whole, counts as not there. So a killed pass loses at most the chunks it
//! was at, and a set that has changed is hashed again where it has.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::Digest;
use crate::data::tree::{read_exact_at, write_all_at};

const MAGIC: &[u8; 8] = b"AFKHASH1";
const HEAD: usize = 64;
/// Items of a chunk.
pub(super) const CHUNK: u32 = 4096;
/// Stamp and check before a chunk's hashes.
const CHUNK_HEAD: usize = 64;
const CHUNK_BYTES: u64 = CHUNK_HEAD as u64 + CHUNK as u64 * 32;

/// An open file of hashes.
#[derive(Debug)]
pub(in crate::data) struct KeptFile(File);

impl KeptFile {
    /// Opens the file, or begins it where it is missing or another set's.
    pub fn open(path: &Path, key: &Digest) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut head = [0; HEAD];
        let wanted = head_of(key);
        if read_exact_at(&file, &mut head, 0).is_err() || head != wanted {
            file.set_len(0)?;
            write_all_at(&file, &wanted, 0)?;
        }
        Ok(Self(file))
    }

    /// The hashes of a chunk of `count` items, if they were made of what the stamp stands for.
    pub fn read(&self, chunk: u32, count: u32, stamp: &Digest) -> Option<Vec<Digest>> {
        let mut bytes = vec![0; CHUNK_HEAD + count as usize * 32];
        read_exact_at(&self.0, &mut bytes, place(chunk)).ok()?;
        let (head, hashes) = bytes.split_at(CHUNK_HEAD);
        if head[..32] != *stamp || head[32..] != check(chunk, stamp, hashes) {
            return None;
        }
        Some(hashes.as_chunks().0.to_vec())
    }

    /// Reads a chunk that [`KeptFile::read`] has given before; it is not checked again.
    pub fn read_again(&self, chunk: u32, hashes: &mut [Digest]) -> io::Result<()> {
        read_exact_at(&self.0, hashes.as_flattened_mut(), place(chunk) + CHUNK_HEAD as u64)
    }

    /// Writes a whole chunk.
    pub fn write(&self, chunk: u32, stamp: &Digest, hashes: &[Digest]) -> io::Result<()> {
        let hashes = hashes.as_flattened();
        let bytes = [stamp, &check(chunk, stamp, hashes), hashes].concat();
        write_all_at(&self.0, &bytes, place(chunk))
    }
}

fn place(chunk: u32) -> u64 {
    HEAD as u64 + u64::from(chunk) * CHUNK_BYTES
}

fn head_of(key: &Digest) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(MAGIC);
    head[8..40].copy_from_slice(key);
    head
}

fn check(chunk: u32, stamp: &Digest, hashes: &[u8]) -> Digest {
    blake3::Hasher::new().update(&chunk.to_le_bytes()).update(stamp).update(hashes).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Digest = [5; 32];

    #[test]
    fn a_chunk_is_read_back_under_its_stamp_alone_and_only_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("below/set.hashes");
        let file = KeptFile::open(&path, &[1; 32]).expect("begun");
        let hashes = vec![[7; 32], [8; 32]];
        file.write(3, &STAMP, &hashes).expect("written");
        assert_eq!(file.read(3, 2, &STAMP), Some(hashes.clone()));
        assert_eq!(file.read(3, 2, &[6; 32]), None, "the set has changed");
        assert_eq!(file.read(3, 1, &STAMP), None, "the set was longer");
        assert_eq!(file.read(2, 2, &STAMP), None, "never written");
        let mut again = vec![[0; 32]; 2];
        file.read_again(3, &mut again).expect("there");
        assert_eq!(again, hashes);
        let whole = std::fs::read(&path).expect("a file");
        for at in (place(3) as usize..whole.len()).step_by(5) {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            std::fs::write(&path, &damaged).expect("written");
            let file = KeptFile::open(&path, &[1; 32]).expect("opened");
            assert_eq!(file.read(3, 2, &STAMP), None, "byte {at}");
        }
    }

    #[test]
    fn a_file_of_another_set_or_of_nothing_known_begins_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("set.hashes");
        let file = KeptFile::open(&path, &[1; 32]).expect("begun");
        file.write(0, &STAMP, &[[7; 32]]).expect("written");
        let file = KeptFile::open(&path, &[1; 32]).expect("the same");
        assert!(file.read(0, 1, &STAMP).is_some());
        let file = KeptFile::open(&path, &[2; 32]).expect("another");
        assert_eq!(file.read(0, 1, &STAMP), None);
        std::fs::write(&path, b"text").expect("written");
        let file = KeptFile::open(&path, &[2; 32]).expect("nothing known");
        file.write(0, &STAMP, &[[7; 32]]).expect("written");
        assert!(KeptFile::open(&path, &[2; 32]).expect("whole").read(0, 1, &STAMP).is_some());
    }
}
