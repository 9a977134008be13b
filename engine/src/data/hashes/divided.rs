//! One pass by several processes: each hashes its share of what is missing, and all of them have all hashes in the end.
//!
//! A process with a share of its own to tell of tells everybody, round after round, so that a pass that is stopped has kept all but
//! its last round. The first process alone reads and writes the file of kept hashes; the others hold them in memory, since their
//! machine may not have it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::kept_file::{CHUNK, KeptFile};
use super::subject::{Hashed, Telling};
use super::{Digest, HashPeers, Hashes, UNREADABLE};
use crate::data::{DataError, SkipLog};

/// Items that are dealt out at once.
pub(super) const SHARE: u32 = 256;
/// Chunks of a round, for each process.
pub(super) const ROUND: usize = 4;

/// Items that one process makes the hashes of.
struct Piece {
    items: Range<u32>,
    /// The process.
    by: usize,
    /// It has them in its file.
    is_known: bool,
}

pub(super) struct Divided<'a> {
    pub subject: Hashed<'a>,
    pub peers: &'a dyn HashPeers,
    pub telling: &'a Telling<'a>,
    pub skips: &'a SkipLog,
    /// Whoever hears of the progress here wants it to stop.
    pub is_stopped: AtomicBool,
}

impl Divided<'_> {
    /// All hashes; `kept` is the first process's file, if it has one.
    pub fn hashes(&self, kept: Option<(KeptFile, PathBuf)>) -> Result<Hashes, DataError> {
        let items = self.subject.items;
        let chunks: Vec<u32> = (0..items.div_ceil(CHUNK)).collect();
        let mut stamps = vec![];
        if let Some((file, _)) = &kept {
            stamps = chunks.par_iter().map(|&chunk| self.kept_as(file, chunk)).collect();
        }
        let mut message = items.to_le_bytes().to_vec();
        let known = message.len();
        message.extend(stamps.iter().map(|(_, is_known)| u8::from(*is_known)));
        let messages = self.gather(message)?;
        if let Some(rank) = messages.iter().position(|message| !message.starts_with(&items.to_le_bytes())) {
            return Err(self.differ(rank));
        }
        let is_known = |chunk: u32| messages[0].get(known + chunk as usize) == Some(&1);
        let (mut all, mut unreadable) = (vec![], vec![]);
        for round in chunks.chunks(ROUND * self.peers.processes()) {
            let pieces = self.pieces(round, is_known);
            let hashes = self.round(&pieces, kept.as_ref().map(|(file, _)| file))?;
            let Some((file, path)) = &kept else {
                all.extend(hashes);
                continue;
            };
            let first = round[0] * CHUNK;
            for &chunk in round.iter().filter(|chunk| !is_known(**chunk)) {
                let range = self.subject.range(chunk);
                let hashes = &hashes[(range.start - first) as usize..(range.end - first) as usize];
                let stamp = stamps[chunk as usize].0.unwrap_or(UNREADABLE);
                file.write(chunk, &stamp, hashes).map_err(|e| DataError::io(path, e))?;
            }
            unreadable
                .extend((first..).zip(&hashes).filter(|(_, hash)| **hash == UNREADABLE).map(|(i, _)| i));
        }
        self.subject.say_again(&unreadable, self.skips)?;
        self.share_skips()?;
        Ok(match kept {
            Some((file, path)) => Hashes::Kept { file, path, items, unreadable },
            None => Hashes::Memory(all.into_boxed_slice()),
        })
    }

    /// A chunk's stamp, and whether the file has its hashes.
    fn kept_as(&self, file: &KeptFile, chunk: u32) -> (Option<Digest>, bool) {
        let (stamp, count) = (self.subject.stamp(chunk), self.subject.range(chunk).len() as u32);
        (stamp, stamp.is_some_and(|stamp| file.read(chunk, count, &stamp).is_some()))
    }

    /// Who makes what of a round, in the order of items.
    fn pieces(&self, round: &[u32], is_known: impl Fn(u32) -> bool) -> Vec<Piece> {
        let (mut pieces, mut dealt) = (vec![], 0);
        for &chunk in round {
            let range = self.subject.range(chunk);
            if is_known(chunk) {
                pieces.push(Piece { items: range, by: 0, is_known: true });
                continue;
            }
            for start in range.clone().step_by(SHARE as usize) {
                let items = start..range.end.min(start + SHARE);
                pieces.push(Piece { items, by: dealt % self.peers.processes(), is_known: false });
                dealt += 1;
            }
        }
        pieces
    }

    /// The hashes of a round's items, this process's and everybody else's.
    fn round(&self, pieces: &[Piece], file: Option<&KeptFile>) -> Result<Vec<Digest>, DataError> {
        let rank = self.peers.rank();
        let own: Vec<&Piece> = pieces.iter().filter(|piece| piece.by == rank).collect();
        let made: Vec<Vec<Digest>> =
            own.into_par_iter().map(|piece| self.made(piece, file)).collect::<Result<_, _>>()?;
        let mut message = vec![u8::from(self.is_stopped.load(Ordering::Relaxed))];
        for hashes in &made {
            message.extend_from_slice(hashes.as_flattened());
        }
        let messages = self.gather(message)?;
        if messages.iter().any(|message| message.first() != Some(&0)) {
            return Err(DataError::Stopped);
        }
        let mut parts: Vec<&[Digest]> = messages.iter().map(|message| message[1..].as_chunks().0).collect();
        let mut hashes = vec![];
        for piece in pieces {
            let Some((these, behind)) = parts[piece.by].split_at_checked(piece.items.len()) else {
                return Err(self.differ(piece.by));
            };
            hashes.extend_from_slice(these);
            parts[piece.by] = behind;
        }
        let others = pieces.iter().filter(|piece| piece.by != rank).map(|piece| piece.items.len()).sum();
        self.tell(others);
        Ok(hashes)
    }

    fn differ(&self, rank: usize) -> DataError {
        DataError::Processes(format!(
            "{}: process {rank} has other items than process {}; give all of them the same data",
            self.subject.dataset.name(),
            self.peers.rank()
        ))
    }

    fn made(&self, piece: &Piece, file: Option<&KeptFile>) -> Result<Vec<Digest>, DataError> {
        // The others are told that it is over as soon as all pieces are through.
        if self.is_stopped.load(Ordering::Relaxed) {
            return Ok(vec![]);
        }
        let hashes = match file.filter(|_| piece.is_known) {
            Some(file) => {
                let mut hashes = vec![UNREADABLE; piece.items.len()];
                let read = file.read_again(piece.items.start / CHUNK, &mut hashes);
                read.map_err(|error| DataError::Processes(format!("kept hashes: {error}")))?;
                hashes
            }
            None => self.subject.hashed(piece.items.clone(), self.skips)?,
        };
        self.tell(hashes.len());
        Ok(hashes)
    }

    fn tell(&self, more: usize) {
        if self.telling.told(more).is_err() {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
    }

    /// What could not be read by one counts in all.
    fn share_skips(&self) -> Result<(), DataError> {
        let garbled = |error: serde_json::Error| DataError::Processes(error.to_string());
        let own = serde_json::to_vec(&self.skips.entries()).map_err(garbled)?;
        for (rank, entries) in self.gather(own)?.iter().enumerate() {
            if rank != self.peers.rank() {
                self.skips.absorb(serde_json::from_slice(entries).map_err(garbled)?);
            }
        }
        Ok(())
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, DataError> {
        self.peers.gather(bytes).map_err(DataError::Processes)
    }
}
