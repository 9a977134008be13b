//! Names and places of the files in a tar archive, without reading their content.
//!
//! Long names and sizes that GNU tar and PAX keep in entries of their own are read here, because a name may claim any
//! length and must not be believed.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use super::hidden::{hidden_file, hidden_folder, note_hidden};
use super::lines::open_regular;
use super::path_list::PathList;
use super::quote::{quoted, quoted_bytes};
use super::{DataError, SkipLog, Stamp};

/// Longest name or list of attributes that an entry may have, in bytes.
const MAX_NAME: u64 = 64 << 10;

/// What entries before a file say of it.
#[derive(Default)]
struct Attributes {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

/// An open archive.
pub(super) struct Archive {
    pub file: File,
    /// What tells whether it has changed.
    pub stamp: Option<Stamp>,
    /// Offset and length of each file's content.
    pub spans: Vec<(u64, u64)>,
}

/// Indexes an archive: paths in stored order, and where their content lies. Links, special files and paths that leave the
/// archive are bad items; hidden and system folders are left out and noted.
pub(super) fn index_tar(path: &Path, skips: &SkipLog) -> Result<(PathList, Archive), DataError> {
    let file = open_regular(path)?;
    let metadata = file.metadata().map_err(|e| DataError::io(path, e))?;
    let (file_len, stamp) = (metadata.len(), Stamp::of(&metadata, 0));
    let damaged = |e: io::Error| {
        DataError::format(
            path,
            "",
            format!("not a readable tar archive (gzip is not read; unpack it first): {e}"),
        )
    };
    let again = open_regular(path)?;
    let mut tar = tar::Archive::new(again);
    let (mut paths, mut spans) = (PathList::default(), Vec::new());
    let mut hidden = HashSet::new();
    let mut said = Attributes::default();
    for entry in tar.entries_with_seek().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            if entry.size() > MAX_NAME {
                let reason = format!("an entry's name claims {} bytes; the archive is damaged", entry.size());
                return Err(DataError::format(path, "", reason));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(damaged)?;
            if kind.is_gnu_longname() {
                let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
                bytes.truncate(end);
                said.name = Some(bytes);
            } else {
                read_pax(&bytes, &mut said).map_err(|reason| DataError::format(path, "", reason))?;
            }
            continue;
        }
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_gnu_longlink() {
            if !kind.is_gnu_longlink() {
                said = Attributes::default();
            }
            continue;
        }
        let Attributes { name, size } = std::mem::take(&mut said);
        let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
        let place = format!(", entry {}", quoted_bytes(&name));
        let bad = |reason: &str| {
            let error = DataError::format(path, place.clone(), reason);
            skips.skip(&format!("{}{place}, {} in", path.display(), paths.len()), error)
        };
        if !kind.is_file() && !kind.is_contiguous() {
            bad("links and special files are not followed")?;
            continue;
        }
        let Some(inside) = path_inside(&name) else {
            bad("the path leads out of the archive, or is no text")?;
            continue;
        };
        if let Some(folder) =
            inside.rsplit_once('/').and_then(|(above, _)| above.split('/').find(|f| hidden_folder(f)))
        {
            hidden.insert(folder.to_owned());
            continue;
        }
        if hidden_file(inside.rsplit('/').next().unwrap_or_default()) {
            hidden.insert("._*".to_owned());
            continue;
        }
        let (offset, len) = (entry.raw_file_position(), size.unwrap_or(entry.size()));
        if offset.checked_add(len).is_none_or(|end| end > file_len) {
            let reason =
                format!("the archive is truncated: {len} bytes from {offset} on, but it has {file_len}");
            return Err(DataError::format(path, place, reason));
        }
        paths.push(&inside);
        spans.push((offset, len));
    }
    note_hidden(path, hidden, skips);
    Ok((paths, Archive { file, stamp, spans }))
}

/// Takes name and size from PAX records, `LENGTH KEY=VALUE\n` each.
fn read_pax(mut bytes: &[u8], said: &mut Attributes) -> Result<(), String> {
    let damaged = || "an entry's PAX attributes are damaged".to_owned();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|&byte| byte == b' ').ok_or_else(damaged)?;
        let length: usize = std::str::from_utf8(&bytes[..space])
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(damaged)?;
        let record = bytes.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n"));
        let record = record.ok_or_else(damaged)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(damaged)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => said.name = Some(value.to_vec()),
            b"size" => {
                let text = String::from_utf8_lossy(value);
                let wrong = || format!("an entry's PAX size is `{}`, no number", quoted(&text));
                said.size = Some(text.parse().map_err(|_| wrong())?);
            }
            _ => {}
        }
        bytes = &bytes[length..];
    }
    Ok(())
}

/// The path with `/` between its components; nothing where it is absolute, climbs, or is no plain text.
fn path_inside(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok().filter(|name| !name.contains(char::is_control))?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::super::tree::FileTree;
    use super::super::tree::tests::tar_of;
    use super::*;

    #[test]
    fn entries_that_climb_or_are_absolute_are_skipped_and_named_and_fatal_when_strict() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar");
        fs::write(&path, tar_of(&[("../evil.png", b"x"), ("/etc/evil.png", b"x"), ("good.png", b"y")]))
            .unwrap();
        let skips = SkipLog::new(false);
        let tree = FileTree::open(&path, &skips).unwrap();
        assert_eq!(*tree.paths(), &["good.png"][..]);
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

    #[test]
    fn long_names_in_gnu_and_pax_form_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let long = format!("{}/{}.png", "folder".repeat(20), "name".repeat(30));
        let mut gnu = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        gnu.append_data(&mut header, &long, &b"one"[..]).unwrap();
        let mut pax = tar::Builder::new(Vec::new());
        pax.append_pax_extensions([("path", long.as_bytes()), ("mtime", b"1.5")]).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(3);
        pax.append_data(&mut header, "short.png", &b"one"[..]).unwrap();
        for (name, bytes) in [("gnu", gnu.into_inner().unwrap()), ("pax", pax.into_inner().unwrap())] {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            let tree = FileTree::open(&path, &SkipLog::new(true)).unwrap();
            assert_eq!(*tree.paths(), &[long.as_str()][..], "{name}");
            assert_eq!(tree.read(0).unwrap(), b"one", "{name}");
        }
    }

    #[test]
    fn a_name_that_claims_gigabytes_is_refused_unread() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(8 << 30);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(4096, b'a');
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar");
        fs::write(&path, bytes).unwrap();
        let message = FileTree::open(&path, &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("claims 8589934592 bytes"), "{message}");
    }

    #[test]
    fn damaged_pax_attributes_are_an_error_and_no_panic() {
        for bytes in [
            &b"9"[..],
            b"99 path=a\n",
            b"3 \n",
            b"x path=a\n",
            b"1 a=b\n",
            b"18446744073709551615 a=b\n",
            b"11 size=no\n",
        ] {
            assert!(read_pax(bytes, &mut Attributes::default()).is_err(), "{bytes:?}");
        }
        let mut said = Attributes::default();
        read_pax(b"10 path=a\n11 size=77\n", &mut said).unwrap();
        assert_eq!((said.name.as_deref(), said.size), (Some(&b"a"[..]), Some(77)));
    }
}
