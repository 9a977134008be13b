//! A tree of files, in a folder or inside a `.tar` that is read in place.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::hidden::{hidden_file, hidden_folder, note_hidden};
use super::lines::{Lines, open_regular};
use super::path_list::{ByPath, PathList};
use super::quote::quoted;
use super::tar_index::{Archive, index_tar};
use super::{DataError, SkipLog, Stamp};
use crate::files::read_limited;

/// Largest file read whole, in bytes. Pictures and label lists are far smaller.
const MAX_FILE: u64 = 256 << 20;

/// Files under a root, sorted by path in a folder and in stored order in an archive. Only names and places are kept.
pub(super) struct FileTree {
    root: PathBuf,
    /// Paths relative to the root, with `/` between components.
    paths: PathList,
    archive: Option<Archive>,
}

impl FileTree {
    /// Indexes a folder, or a file as a tar archive. Hidden and system folders are left out and noted; pipes, devices
    /// and what an archive should not hold are bad items, never opened.
    pub fn open(root: &Path, skips: &SkipLog) -> Result<Self, DataError> {
        let metadata = fs::metadata(root).map_err(|e| DataError::io(root, e))?;
        if !metadata.is_dir() {
            let (paths, archive) = index_tar(root, skips)?;
            return Ok(Self { root: root.to_path_buf(), paths, archive: Some(archive) });
        }
        let mut walk =
            Walk { skips, seen: HashSet::new(), hidden: HashSet::new(), paths: PathList::default() };
        walk.list(root, "")?;
        note_hidden(root, walk.hidden, skips);
        Ok(Self { root: root.to_path_buf(), paths: walk.paths, archive: None })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn is_archive(&self) -> bool {
        self.archive.is_some()
    }

    pub fn paths(&self) -> &PathList {
        &self.paths
    }

    /// Index of every path.
    pub fn by_path(&self) -> ByPath<'_> {
        self.paths.by_path()
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
            Some(_) => (self.root.clone(), format!(", entry {}", &self.paths[index])),
            None => (self.root.join(&self.paths[index]), String::new()),
        }
    }

    /// The files whose path ends with one of `ends` after a `/` or at the start, whatever the case, with what stands
    /// before that end: the folder that a dataset lies in.
    pub fn ending_with(&self, ends: &[&str]) -> Vec<(usize, &str)> {
        let before = |path: &'_ str, end: &str| {
            let start = path.len().checked_sub(end.len())?;
            let fits = path.is_char_boundary(start) && path[start..].eq_ignore_ascii_case(end);
            (fits && (start == 0 || path.as_bytes()[start - 1] == b'/')).then_some(start)
        };
        let found = |(index, path): (usize, &'_ str)| {
            ends.iter().find_map(|end| before(path, end)).map(|start| (index, start))
        };
        let found: Vec<(usize, usize)> = self.paths.iter().enumerate().filter_map(found).collect();
        found.into_iter().map(|(index, start)| (index, &self.paths[index][..start])).collect()
    }

    /// The lines of a file, which may be larger than memory.
    pub fn lines(&self, index: usize, longest: u64) -> Result<Lines<Box<dyn BufRead + '_>>, DataError> {
        let (path, place) = self.place(index);
        let reader: Box<dyn BufRead> = match &self.archive {
            Some(archive) => {
                let (offset, left) = archive.spans[index];
                Box::new(BufReader::new(Section { file: &archive.file, offset, left }))
            }
            None => Box::new(BufReader::new(open_regular(&path)?)),
        };
        Ok(Lines::new(reader, path, place, longest))
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
        read_limited(&path, MAX_FILE, "a picture or label list").map_err(|e| DataError::io(&path, e))
    }

    /// What tells whether a file has changed.
    pub fn stamp(&self, index: usize) -> Option<Stamp> {
        let path = &self.paths[index];
        match &self.archive {
            Some(archive) => archive.stamp.map(|stamp| stamp.at(archive.spans[index].0)),
            None => Stamp::of(&fs::metadata(self.root.join(path)).ok()?, Stamp::place_of(path.as_bytes())),
        }
    }
}

/// A walk through a folder.
struct Walk<'a> {
    skips: &'a SkipLog,
    /// Real folders, so that a link to a parent ends.
    seen: HashSet<PathBuf>,
    hidden: HashSet<String>,
    paths: PathList,
}

impl Walk<'_> {
    /// Lists the files below `folder` in sorted order. Linked folders are followed, each real folder once.
    fn list(&mut self, folder: &Path, prefix: &str) -> Result<(), DataError> {
        let error = |e| DataError::io(folder, e);
        if !self.seen.insert(folder.canonicalize().map_err(error)?) {
            return Ok(());
        }
        let mut entries =
            fs::read_dir(folder).map_err(error)?.collect::<Result<Vec<_>, _>>().map_err(error)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let bad = |reason: &str| {
                let shown = folder.join(quoted(&entry.file_name().to_string_lossy()));
                self.skips.skip(&path.display().to_string(), DataError::format(&shown, "", reason))
            };
            let name = entry.file_name().into_string().ok().filter(|name| !name.contains(char::is_control));
            let Some(name) = name else {
                bad("the name is no plain text: rename it")?;
                continue;
            };
            let mut kind = entry.file_type().map_err(error)?;
            if kind.is_symlink() {
                let Ok(target) = fs::metadata(&path) else {
                    bad("a link to nothing")?;
                    continue;
                };
                kind = target.file_type();
            }
            if kind.is_dir() && hidden_folder(&name) {
                self.hidden.insert(name);
            } else if kind.is_dir() {
                self.list(&path, &format!("{prefix}{name}/"))?;
            } else if hidden_file(&name) {
                self.hidden.insert("._*".to_owned());
            } else if kind.is_file() {
                self.paths.push(&format!("{prefix}{name}"));
            } else {
                bad("a pipe, socket or device: it is not opened")?;
            }
        }
        Ok(())
    }
}

/// A file's stretch of an archive.
struct Section<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        read_exact_at(self.file, &mut buffer[..wanted], self.offset)?;
        (self.offset, self.left) = (self.offset + wanted as u64, self.left - wanted as u64);
        Ok(wanted)
    }
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

/// Fills as much of `buffer` as the file has from `offset` on, in one read; gives how much that was.
pub(super) fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
    }
}

/// Writes all of `buffer` from `offset` on, as [`read_exact_at`] reads.
pub(super) fn write_all_at(file: &File, buffer: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::write_all_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            done += std::os::windows::fs::FileExt::seek_write(file, &buffer[done..], offset + done as u64)?;
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
            assert_eq!(*tree.paths(), &["a/1.png", "b.txt"][..]);
            assert_eq!(tree.read(0).unwrap(), b"one");
            assert_eq!(tree.read(1).unwrap(), b"two");
        }
    }

    #[test]
    fn hidden_and_system_folders_are_left_out_and_named_once() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            ".ipynb_checkpoints/a.png",
            "__MACOSX/happy/b.png",
            "happy/@eaDir/c.png",
            "happy/d.png",
            "happy/._d.png",
        ];
        for name in names {
            fs::create_dir_all(dir.path().join("x").join(name).parent().unwrap()).unwrap();
            fs::write(dir.path().join("x").join(name), b"x").unwrap();
        }
        let tar = dir.path().join("x.tar");
        fs::write(&tar, tar_of(&names.map(|name| (name, &b"x"[..])))).unwrap();
        for root in [dir.path().join("x"), tar] {
            let skips = SkipLog::new(true);
            assert_eq!(*FileTree::open(&root, &skips).unwrap().paths(), &["happy/d.png"][..]);
            let noted = skips.noted().join("\n");
            assert_eq!(skips.notes(), 1);
            assert!(noted.contains("._*, .ipynb_checkpoints, @eaDir, __MACOSX"), "{noted}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_named_and_never_opened_and_a_link_to_nothing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("a.png");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("nowhere", dir.path().join("b.png")).unwrap();
        fs::write(dir.path().join("c.png"), b"x").unwrap();
        let skips = SkipLog::new(false);
        assert_eq!(*FileTree::open(dir.path(), &skips).unwrap().paths(), &["c.png"][..]);
        let named = skips.first().join("\n");
        assert!(named.contains("a.png: a pipe") && named.contains("b.png: a link to nothing"), "{named}");
        assert!(FileTree::open(&pipe, &skips).err().unwrap().to_string().contains("a pipe"));
    }

    #[test]
    fn lists_are_found_by_how_their_path_ends_and_read_by_line() {
        let dir = tempfile::tempdir().unwrap();
        let tar = dir.path().join("x.tar");
        fs::write(&tar, tar_of(&[("raf/EmoLabel/list.txt", b"a 1\nb 2\n"), ("raf/notlist.txt", b"")]))
            .unwrap();
        let tree = FileTree::open(&tar, &SkipLog::new(true)).unwrap();
        assert_eq!(tree.ending_with(&["emolabel/list.txt"]), [(0, "raf/")]);
        assert_eq!(tree.ending_with(&["list.txt"]), [(0, "raf/EmoLabel/")]);
        let mut lines = tree.lines(0, 100).unwrap();
        assert_eq!(lines.next().unwrap().unwrap().bytes, b"a 1");
        assert_eq!(lines.next().unwrap().unwrap().text(), "b 2");
        assert_eq!(lines.next().unwrap(), None);
        assert!(
            lines.error(7, "odd").to_string().ends_with("x.tar, entry raf/EmoLabel/list.txt, line 7: odd")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_parent_folder_does_not_loop() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.png"), b"x").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("self")).unwrap();
        assert_eq!(*FileTree::open(dir.path(), &SkipLog::new(true)).unwrap().paths(), &["a.png"][..]);
    }
}
