//! One pass over a dataset, which hashes what is not hashed yet: in the order in which it is stored, on all threads.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;

use super::divided::Divided;
use super::kept_file::{CHUNK, KeptFile};
use super::subject::{Hashed, Make, Telling};
use super::{Digest, Hashes, Hashing, UNREADABLE};
use crate::data::{DataError, Dataset, SkipLog, Spec};

impl Hashes {
    /// The content hashes of a dataset. Items that cannot be read go to the log.
    ///
    /// # Errors
    /// An item that cannot be read where `skips` is strict; whoever hears of the progress stopped it.
    pub fn of_content(
        dataset: &dyn Dataset,
        items: u32,
        hashing: &Hashing,
        skips: &SkipLog,
    ) -> Result<Self, DataError> {
        if !hashing.on {
            return Ok(Self::Off { items });
        }
        let make: &Make = &|dataset, item| dataset.content_hash(item);
        Self::of(Hashed { dataset, items, kind: "content", make }, hashing, skips)
    }

    /// Hashes of some kind.
    ///
    /// # Errors
    /// As [`Hashes::of_content`].
    pub fn of(subject: Hashed<'_>, hashing: &Hashing, skips: &SkipLog) -> Result<Self, DataError> {
        let Hashed { dataset, items, kind, .. } = subject;
        let telling = Telling::new(subject, hashing);
        let peers = hashing.peers.as_deref().filter(|peers| peers.processes() > 1);
        let large = items as usize >= hashing.kept_from && items > 0 && dataset.stamp(0).is_some();
        let keeps = large && peers.is_none_or(|peers| peers.rank() == 0);
        let mut open = None;
        if let Some(folder) = hashing.folder.as_ref().filter(|_| keeps) {
            let key = key(dataset, kind);
            let path = folder.join(format!("{}.hashes", &blake3::Hash::from(key).to_hex()[..32]));
            match KeptFile::open(&path, &key) {
                Ok(file) => open = Some((file, path)),
                Err(error) => log::warn!("{}: {error}; hashes are made anew each time", path.display()),
            }
        }
        if let Some(peers) = peers {
            return Divided { subject, peers, telling: &telling, skips, is_stopped: false.into() }
                .hashes(open);
        }
        if let Some(open) = open {
            return kept(subject, open, &telling, skips);
        }
        let chunks: Vec<Vec<Digest>> = (0..items.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let hashes = subject.hashed(subject.range(chunk), skips)?;
                telling.told(hashes.len())?;
                Ok(hashes)
            })
            .collect::<Result<_, DataError>>()?;
        Ok(Self::Memory(chunks.concat().into_boxed_slice()))
    }
}

/// Hashes that stay in a file: those that are missing are made and written, a chunk at a time.
fn kept(
    subject: Hashed<'_>,
    (file, path): (KeptFile, PathBuf),
    telling: &Telling<'_>,
    skips: &SkipLog,
) -> Result<Hashes, DataError> {
    let unreadable = Mutex::new(Vec::new());
    // In the order of the chunks, so that a disk reads forward.
    (0..subject.items.div_ceil(CHUNK)).par_bridge().try_for_each(|chunk| {
        let range = subject.range(chunk);
        let stamp = subject.stamp(chunk);
        let known = stamp.and_then(|stamp| file.read(chunk, range.len() as u32, &stamp));
        let hashes = if let Some(hashes) = known {
            hashes
        } else {
            let hashes = subject.hashed(range.clone(), skips)?;
            // Without a stamp the chunk serves this run and no other.
            file.write(chunk, &stamp.unwrap_or(UNREADABLE), &hashes).map_err(|e| DataError::io(&path, e))?;
            hashes
        };
        let bad = range.zip(&hashes).filter(|(_, hash)| **hash == UNREADABLE).map(|(item, _)| item);
        let bad: Vec<u32> = bad.collect();
        if !bad.is_empty() {
            let mut all = unreadable.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            all.extend(bad);
        }
        telling.told(hashes.len())
    })?;
    let mut unreadable = unreadable.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    unreadable.sort_unstable();
    subject.say_again(&unreadable, skips)?;
    Ok(Hashes::Kept { file, path, items: subject.items, unreadable })
}

/// What a file of hashes belongs to: the same data under other labels, limits or shares have the same.
fn key(dataset: &dyn Dataset, kind: &str) -> Digest {
    let text = match dataset.name().parse::<Spec>() {
        Ok(spec) => {
            let path = std::path::absolute(&spec.path).unwrap_or(spec.path);
            format!(
                "{} {} {:?} {} {:?}",
                spec.format,
                path.display(),
                spec.split,
                spec.unlabelled,
                spec.options
            )
        }
        Err(_) => dataset.name().to_owned(),
    };
    blake3::hash(format!("{kind}\n{text}").as_bytes()).into()
}

/// Hashes a dataset through a file of kept hashes, whatever it holds, and says whether all are what they would be without it:
/// the entry for tests with damaged files.
///
/// # Errors
/// The file cannot be written or read.
pub fn check_kept_hashes(dataset: &dyn Dataset, path: &Path) -> Result<bool, DataError> {
    let items = u32::try_from(dataset.len()).unwrap_or(u32::MAX);
    let make: &Make = &|dataset, item| dataset.content_hash(item);
    let hashed = Hashed { dataset, items, kind: "content", make };
    let (hashing, skips) = (Hashing::default(), SkipLog::new(false));
    let file = KeptFile::open(path, &UNREADABLE).map_err(|e| DataError::io(path, e))?;
    let kept = kept(hashed, (file, path.to_path_buf()), &Telling::new(hashed, &hashing), &skips)?;
    let mut reader = super::HashReader::new([&kept]);
    for item in 0..items {
        if reader.get(0, item)? != dataset.content_hash(item as usize).unwrap_or(UNREADABLE) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::data::decode::tests::grey_png;
    use crate::data::{Annotation, Formats, Stamp};
    use crate::media::Picture;

    /// A set that counts how often it is read. Item 3 cannot be.
    #[derive(Clone)]
    pub struct Counted {
        pub items: usize,
        pub read: Arc<AtomicUsize>,
        /// Time stamp of each half.
        pub modified: [u64; 2],
    }

    impl Counted {
        pub fn new(items: usize) -> Self {
            Self { items, read: Arc::default(), modified: [1, 1] }
        }

        fn hashes(&self, hashing: &Hashing, skips: &SkipLog) -> Result<Vec<Digest>, DataError> {
            self.read.store(0, Ordering::SeqCst);
            let hashes = Hashes::of_content(self, self.items as u32, hashing, skips)?;
            let mut reader = super::super::HashReader::new([&hashes]);
            Ok((0..self.items as u32).map(|item| reader.get(0, item).unwrap()).collect())
        }

        fn reads(&self) -> usize {
            self.read.load(Ordering::SeqCst)
        }
    }

    impl Dataset for Counted {
        fn name(&self) -> &'static str {
            "counted"
        }

        fn classes(&self) -> &[String] {
            &[]
        }

        fn len(&self) -> usize {
            self.items
        }

        fn key(&self, index: usize) -> String {
            format!("item {index}")
        }

        fn annotation(&self, _: usize) -> Annotation {
            Annotation::None
        }

        fn stamp(&self, index: usize) -> Option<Stamp> {
            let modified = self.modified[usize::from(index >= self.items / 2)];
            Some(Stamp { size: 9, modified, place: index as u64 })
        }

        fn content_hash(&self, index: usize) -> Result<Digest, DataError> {
            self.read.fetch_add(1, Ordering::SeqCst);
            let error = || DataError::TooFew("item 3 is damaged".to_owned());
            if index == 3 { Err(error()) } else { Ok(blake3::hash(&index.to_le_bytes()).into()) }
        }

        fn picture(&self, _: usize) -> Result<Picture, DataError> {
            Err(DataError::TooFew("no picture".to_owned()))
        }
    }

    fn kept_in(folder: &Path) -> Hashing {
        Hashing { kept_from: 100, ..Hashing::kept_in(Some(folder.to_path_buf())) }
    }

    const ITEMS: usize = 4 * CHUNK as usize + 77;

    #[test]
    fn kept_hashes_are_those_made_anew_and_are_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let (set, skips) = (Counted::new(ITEMS), SkipLog::new(false));
        let fresh = set.hashes(&Hashing::default(), &skips).unwrap();
        assert_eq!(set.reads(), ITEMS);
        assert_eq!(set.hashes(&kept_in(dir.path()), &skips).unwrap(), fresh);
        let skips = SkipLog::new(false);
        assert_eq!(set.hashes(&kept_in(dir.path()), &skips).unwrap(), fresh);
        assert_eq!(set.reads(), 1, "only to say again what is wrong with item 3");
        assert!(skips.count() == 1 && skips.first()[0].contains("item 3 is damaged"));
        assert!(set.hashes(&kept_in(dir.path()), &SkipLog::new(true)).is_err(), "strict stays strict");
    }

    #[test]
    fn what_has_changed_is_hashed_again_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (mut set, skips) = (Counted::new(ITEMS), SkipLog::new(false));
        let before = set.hashes(&kept_in(dir.path()), &skips).unwrap();
        set.modified[1] = 2;
        assert_eq!(set.hashes(&kept_in(dir.path()), &skips).unwrap(), before);
        let second_half = 2 * CHUNK as usize + 77;
        assert!((second_half..=second_half + CHUNK as usize + 1).contains(&set.reads()), "{}", set.reads());
    }

    #[test]
    fn a_stopped_pass_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (set, skips) = (Counted::new(ITEMS), SkipLog::new(false));
        let mut hashing = kept_in(dir.path());
        hashing.progress = Some(Arc::new(|name: &str, done, total| {
            assert_eq!((name, total), ("counted", ITEMS as u64));
            done < 2 * u64::from(CHUNK)
        }));
        let stopped = set.hashes(&hashing, &skips).unwrap_err();
        assert!(matches!(stopped, DataError::Stopped), "{stopped}");
        hashing.progress = None;
        set.hashes(&hashing, &skips).unwrap();
        assert!(set.reads() <= ITEMS - 2 * CHUNK as usize + 1, "{}", set.reads());
    }

    #[test]
    fn small_sets_and_sets_without_a_stamp_leave_no_file() {
        let dir = tempfile::tempdir().unwrap();
        Counted::new(50).hashes(&kept_in(dir.path()), &SkipLog::new(false)).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_same_pictures_under_other_labels_share_their_hashes() {
        let dir = tempfile::tempdir().unwrap();
        let pictures = dir.path().join("faces/happy");
        fs::create_dir_all(&pictures).unwrap();
        fs::write(pictures.join("a.png"), grey_png(8, 8, 1)).unwrap();
        let key = |rest: &str| {
            let spec: Spec = format!("folder:{}{rest}", dir.path().join("faces").display()).parse().unwrap();
            super::key(&*Formats::files().open(&spec, &SkipLog::new(true)).unwrap(), "content")
        };
        assert_eq!(key(""), key("?labels_per_class=5&map=happy:drop&fraction=1/3"));
        assert_ne!(key(""), key("?unlabelled=true"), "other items may belong to it");
    }

    #[test]
    fn a_file_that_was_replaced_is_seen_by_its_size_or_time() {
        let dir = tempfile::tempdir().unwrap();
        let faces = dir.path().join("faces");
        fs::create_dir_all(&faces).unwrap();
        for tone in 0..5 {
            fs::write(faces.join(format!("{tone}.png")), grey_png(8, 8, tone)).unwrap();
        }
        let spec = Spec::new("folder", &faces);
        let kept = dir.path().join("faces.hashes");
        let matches =
            || check_kept_hashes(&*Formats::files().open(&spec, &SkipLog::new(true)).unwrap(), &kept);
        assert!(matches().unwrap());
        fs::write(faces.join("2.png"), grey_png(9, 8, 77)).unwrap();
        assert!(matches().unwrap(), "another size");
        fs::write(faces.join("3.png"), fs::read(faces.join("1.png")).unwrap()).unwrap();
        let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(2_000_000_000);
        fs::File::options().write(true).open(faces.join("3.png")).unwrap().set_modified(later).unwrap();
        assert!(matches().unwrap(), "another time");
    }
}
