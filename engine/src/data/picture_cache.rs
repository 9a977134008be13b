//! Decoded pictures kept in memory: a 48x48 grey face is 2,304 bytes, less than its PNG, and decoding it again in
//! every epoch is waste.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::{DataError, Pool, SkipLog};
use crate::media::Picture;

/// A pool whose decoded pictures stay in memory up to a limit.
///
/// What came first stays: samplers walk the whole pool before they repeat, and then a fixed part in memory is hit as
/// often as its share, while evicting the oldest would never be hit. A sample that is not kept costs nothing.
pub struct PictureCache {
    pool: Arc<Pool>,
    /// Kept pictures by sample; a part for each remainder, so that threads seldom wait for each other.
    pictures: Vec<RwLock<HashMap<usize, Arc<Picture>>>>,
    used: AtomicU64,
    limit: u64,
}

/// Parts of the cache, each under a lock of its own.
const PARTS: usize = 64;

impl PictureCache {
    /// Keeps up to `limit_mib` MiB of pixels; 0 keeps none.
    pub fn new(pool: Arc<Pool>, limit_mib: usize) -> Self {
        let pictures = std::iter::repeat_with(RwLock::default).take(PARTS).collect();
        Self { pool, pictures, used: AtomicU64::new(0), limit: (limit_mib as u64) << 20 }
    }

    /// The pool.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Bytes of pixels kept so far.
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A sample's decoded picture.
    ///
    /// # Errors
    /// The item cannot be read or decoded.
    pub fn picture(&self, index: usize) -> Result<Arc<Picture>, DataError> {
        let part = &self.pictures[index % PARTS];
        if let Some(picture) = part.read().unwrap_or_else(PoisonError::into_inner).get(&index) {
            return Ok(Arc::clone(picture));
        }
        let picture = Arc::new(self.pool.picture(index)?);
        let size = picture.pixels.len() as u64;
        if self.used.fetch_add(size, Ordering::Relaxed) + size > self.limit {
            self.used.fetch_sub(size, Ordering::Relaxed);
            return Ok(picture);
        }
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        if part.insert(index, Arc::clone(&picture)).is_some() {
            // Another thread was faster.
            self.used.fetch_sub(size, Ordering::Relaxed);
        }
        Ok(picture)
    }

    /// A sample's picture, or that of the next readable sample with the same label where it is damaged: a batch keeps
    /// its size and balance, and every run substitutes alike. Gives the index whose picture it is.
    ///
    /// # Errors
    /// The item is damaged and `skips` is strict, or no sample with this label can be read.
    pub fn readable(&self, index: usize, skips: &SkipLog) -> Result<(usize, Arc<Picture>), DataError> {
        let samples = self.pool.samples();
        let mut last = None;
        for candidate in (index..samples.len()).chain(0..index) {
            if samples[candidate].label() != samples[index].label() {
                continue;
            }
            match self.picture(candidate) {
                Ok(picture) => return Ok((candidate, picture)),
                Err(error) => {
                    last = Some(error.to_string());
                    skips.skip(&self.pool.key(candidate), error)?;
                }
            }
        }
        let reason = last.unwrap_or_default();
        Err(DataError::TooFew(format!("no picture with this label can be read; the last: {reason}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::super::Ambiguous;
    use super::super::pool::tests::{all_for, ferplus_pool};
    use super::*;

    #[test]
    fn pictures_come_from_memory_up_to_the_limit() {
        let lines: Vec<_> = (0..4).map(|tone| (tone, all_for(0))).collect();
        let (dir, pool) = ferplus_pool(&lines, Ambiguous::Drop, "ferplus8", "");
        let mut cache = PictureCache::new(Arc::new(pool), 1);
        cache.limit = 2 * 48 * 48;
        let before: Vec<_> = (0..4).map(|index| cache.picture(index).unwrap()).collect();
        assert_eq!(cache.used_bytes(), 2 * 48 * 48);
        drop(dir);
        assert_eq!(cache.picture(1).unwrap(), before[1], "the file is gone, the picture is not");
        assert!(cache.picture(3).is_err(), "this one was beyond the limit");
    }

    #[test]
    fn a_limit_of_zero_keeps_nothing() {
        let (_dir, pool) = ferplus_pool(&[(1, all_for(0))], Ambiguous::Drop, "ferplus8", "");
        let cache = PictureCache::new(Arc::new(pool), 0);
        assert!(cache.picture(0).is_ok());
        assert_eq!(cache.used_bytes(), 0);
    }

    #[test]
    fn a_damaged_picture_is_replaced_by_the_next_of_its_class_and_counted_once() {
        let lines = [(1, all_for(0)), (2, all_for(1)), (3, all_for(0))];
        let (dir, pool) = ferplus_pool(&lines, Ambiguous::Drop, "ferplus8", "");
        let file = |index: usize| dir.path().join(format!("data/FER2013Train/fer{index:07}.png"));
        let truncate = |index| fs::write(file(index), &fs::read(file(index)).unwrap()[..100]).unwrap();
        truncate(2);
        let cache = PictureCache::new(Arc::new(pool), 1);
        let skips = SkipLog::new(false);
        for _ in 0..3 {
            assert_eq!(cache.readable(2, &skips).unwrap().0, 0, "the walk goes round");
        }
        assert_eq!(skips.count(), 1);
        assert!(skips.first()[0].contains("fer0000002.png"), "{:?}", skips.first());
        assert!(cache.readable(2, &SkipLog::new(true)).is_err());
        truncate(1);
        assert!(cache.readable(1, &skips).unwrap_err().to_string().contains("fer0000001.png"));
    }
}
