//! A tree of files, in a folder or inside a `.tar` that is read in place.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::{DataError, SkipLog};

/// Largest file read whole, in bytes. Pictures and label lists are far smaller.
const MAX_FILE: u64 = 256 << 20;

/// Files under a root, sorted by path in a folder and in stored order in an archive. Only names and places are kept.
pub(super) struct FileTree {
    root: PathBuf,
    /// Paths relative to the root, with `/` between components.
    paths: Vec<String>,
    archive: Option<Archive>,
}

struct Archive {
    file: File,
    /// Offset and length of each file's content.
    spans: Vec<(u64, u64)>,
}

impl FileTree {
    /// Indexes a folder, or a file as a tar archive. Archive entries that are links or whose path leaves the archive
    /// are bad items.
    pub fn open(root: &Path, skips: &SkipLog) -> Result<Self, DataError> {
        let metadata = fs::metadata(root).map_err(|e| DataError::io(root, e))?;
        if metadata.is_dir() {
            let mut paths = Vec::new();
            walk(root, "", &mut HashSet::new(), &mut paths)?;
            Ok(Self { root: root.to_path_buf(), paths, archive: None })
        } else {
            index_tar(root, metadata.len(), skips)
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn is_archive(&self) -> bool {
        self.archive.is_some()
    }

    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Index of every path.
    pub fn by_path(&self) -> HashMap<&str, usize> {
        self.paths.iter().enumerate().map(|(index, path)| (path.as_str(), index)).collect()
    }

    /// How messages call a file.
    pub fn key(&self, index: usize) -> String {
        let (path, place) = self.place(index);
        format!("{}{place}", path.display())
    }

    /// An error about a file.
    pub fn error(&self, index: usize, reason: impl Into<String>) -> DataError {
        let (path, place) = self.place(index);
        DataError::Format { path, place, reason: reason.into() }
    }

    /// File on disk and place inside it.
    pub fn place(&self, index: usize) -> (PathBuf, String) {
        match self.archive {
            Some(_) => (self.root.clone(), format!(", entry {}", self.paths[index])),
            None => (self.root.join(&self.paths[index]), String::new()),
        }
    }

    /// The content of a file.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let too_long = |bytes| {
            self.error(
                index,
                format!("{bytes} bytes is more than a picture or label list can have ({MAX_FILE})"),
            )
        };
        if let Some(archive) = &self.archive {
            let (offset, len) = archive.spans[index];
            if len > MAX_FILE {
                return Err(too_long(len));
            }
            let mut bytes = vec![0; len as usize];
            read_exact_at(&archive.file, &mut bytes, offset).map_err(|e| DataError::io(&self.root, e))?;
            return Ok(bytes);
        }
        let path = self.root.join(&self.paths[index]);
        let read = || {
            let file = File::open(&path)?;
            let mut bytes = Vec::with_capacity(file.metadata()?.len().min(MAX_FILE) as usize);
            file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes: Vec<u8> = read().map_err(|e| DataError::io(&path, e))?;
        if bytes.len() as u64 > MAX_FILE { Err(too_long(bytes.len() as u64)) } else { Ok(bytes) }
    }
}

/// Lists the files below `folder` in sorted order. Linked folders are followed, each real folder once, so that a link
/// to a parent ends.
fn walk(
    folder: &Path,
    prefix: &str,
    seen: &mut HashSet<PathBuf>,
    paths: &mut Vec<String>,
) -> Result<(), DataError> {
    let error = |e| DataError::io(folder, e);
    if !seen.insert(folder.canonicalize().map_err(error)?) {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder).map_err(error)?.collect::<Result<Vec<_>, _>>().map_err(error)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else {
            log::warn!("ignored {}: its name is not UTF-8", entry.path().display());
            continue;
        };
        let kind = entry.file_type().map_err(error)?;
        let is_dir = if kind.is_symlink() { entry.path().is_dir() } else { kind.is_dir() };
        if is_dir {
            walk(&entry.path(), &format!("{prefix}{name}/"), seen, paths)?;
        } else {
            paths.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

fn index_tar(path: &Path, file_len: u64, skips: &SkipLog) -> Result<FileTree, DataError> {
    let io_error = |e| DataError::io(path, e);
    let damaged = |e: io::Error| {
        DataError::format(
            path,
            "",
            format!("not a readable tar archive (gzip is not read; unpack it first): {e}"),
        )
    };
    let mut tar = tar::Archive::new(File::open(path).map_err(io_error)?);
    let mut paths = Vec::new();
    let mut spans = Vec::new();
    for entry in tar.entries_with_seek().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let place = format!(", entry {name}");
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() && !kind.is_contiguous() {
            let reason = "links and special files are not followed";
            skips.skip(&format!("{}{place}", path.display()), DataError::format(path, place, reason))?;
            continue;
        }
        let Some(inside) = path_inside(&name) else {
            let reason = "the path leads out of the archive";
            skips.skip(&format!("{}{place}", path.display()), DataError::format(path, place, reason))?;
            continue;
        };
        let (offset, len) = (entry.raw_file_position(), entry.size());
        if offset.checked_add(len).is_none_or(|end| end > file_len) {
            return Err(DataError::format(
                path,
                place,
                format!("the archive is truncated: {len} bytes from {offset} on, but it has {file_len}"),
            ));
        }
        paths.push(inside);
        spans.push((offset, len));
    }
    let file = File::open(path).map_err(io_error)?;
    Ok(FileTree { root: path.to_path_buf(), paths, archive: Some(Archive { file, spans }) })
}

/// The path with `/` between its components, or nothing where it is absolute or climbs.
fn path_inside(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Fills `buffer` from `offset` on, without moving a shared cursor: any number of threads read at once.
pub(super) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], offset + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => done += count,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A tar whose entries carry exactly these names, hostile ones included.
    pub(in crate::data) fn tar_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    #[test]
    fn a_tar_and_a_folder_give_the_same_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("faces/a")).unwrap();
        fs::write(dir.path().join("faces/a/1.png"), b"one").unwrap();
        fs::write(dir.path().join("faces/b.txt"), b"two").unwrap();
        let tar = dir.path().join("x.tar");
        fs::write(&tar, tar_of(&[("a/1.png", b"one"), ("b.txt", b"two")])).unwrap();
        for root in [dir.path().join("faces"), tar] {
            let tree = FileTree::open(&root, &SkipLog::new(true)).unwrap();
            assert_eq!(tree.paths(), ["a/1.png", "b.txt"]);
            assert_eq!(tree.read(0).unwrap(), b"one");
            assert_eq!(tree.read(1).unwrap(), b"two");
        }
    }

    #[test]
    fn entries_that_climb_or_are_absolute_are_skipped_and_named_and_fatal_when_strict() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar");
        fs::write(&path, tar_of(&[("../evil.png", b"x"), ("/etc/evil.png", b"x"), ("good.png", b"y")]))
            .unwrap();
        let skips = SkipLog::new(false);
        let tree = FileTree::open(&path, &skips).unwrap();
        assert_eq!(tree.paths(), ["good.png"]);
        assert_eq!(skips.count(), 2);
        assert!(skips.first()[0].contains("../evil.png"), "{:?}", skips.first());
        assert!(FileTree::open(&path, &SkipLog::new(true)).is_err());
    }

    #[test]
    fn links_in_a_tar_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar");
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "link.png", "/etc/passwd").unwrap();
        fs::write(&path, tar.into_inner().unwrap()).unwrap();
        let skips = SkipLog::new(false);
        assert!(FileTree::open(&path, &skips).unwrap().paths().is_empty());
        assert_eq!(skips.count(), 1);
    }

    #[test]
    fn a_truncated_or_foreign_archive_is_one_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar");
        let whole = tar_of(&[("a.png", &[7; 2000])]);
        fs::write(&path, &whole[..1000]).unwrap();
        let message = FileTree::open(&path, &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("truncated") && message.contains("a.png"), "{message}");
        fs::write(&path, [0x1F; 4096]).unwrap();
        let message = FileTree::open(&path, &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("not a readable tar"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_parent_folder_does_not_loop() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.png"), b"x").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("self")).unwrap();
        assert_eq!(FileTree::open(dir.path(), &SkipLog::new(true)).unwrap().paths(), ["a.png"]);
    }
}
