//! Compiled kernels kept on disk from one run to the next, where a driver hands them out (Vulkan).
//!
//! A file belongs to one adapter, driver and set of shaders, by its name; it begins with a hash of the rest. What is not
//! whole is not used, and what cannot be written is not missed: then kernels are compiled again.

use std::fs;
use std::path::{Path, PathBuf};

use affekt_shaders as shaders;

use crate::files::{read_limited, write_atomically};

/// Bytes of the hash before the data.
const HASH: usize = blake3::OUT_LEN;
/// Largest file that is read.
const LARGEST: u64 = 256 << 20;

/// Kernels of one device.
pub(super) struct KernelCache {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    /// Hash of what was read.
    read: Option<blake3::Hash>,
}

impl KernelCache {
    /// What a device needs for it.
    pub(super) const FEATURES: wgpu::Features = wgpu::Features::PIPELINE_CACHE;

    /// The cache in a folder of a device that has [`KernelCache::FEATURES`].
    pub(super) fn open(device: &wgpu::Device, info: &wgpu::AdapterInfo, folder: &Path) -> Option<Self> {
        let path = folder.join(file_name(info)?);
        let data = read(&path);
        // SAFETY: the file's name says that adapter, driver and shaders are the same, and its hash that the bytes are those
        // that were written from `get_data`.
        let cache = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("kernels"),
                data: data.as_deref(),
                fallback: true,
            })
        };
        Some(Self { cache, path, read: data.as_deref().map(blake3::hash) })
    }

    /// For pipelines to be made with.
    pub(super) fn pipelines(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Writes the file, unless nothing came in addition to what was read.
    pub(super) fn save(&self) {
        let Some(data) = self.cache.get_data() else { return };
        let hash = blake3::hash(&data);
        if self.read == Some(hash) {
            return;
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let whole = [hash.as_bytes(), data.as_slice()].concat();
        let written = fs::create_dir_all(folder).and_then(|()| write_atomically(&self.path, &whole));
        if let Err(error) = written {
            log::debug!("compiled kernels are not kept: {}: {error}", self.path.display());
        }
    }
}

/// The data of a file whose hash is right.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut whole = read_limited(path, LARGEST, "a file of kernels").ok()?;
    let data = whole.get(HASH..)?;
    if whole[..HASH] != *blake3::hash(data).as_bytes() {
        log::debug!("{} is damaged and not used", path.display());
        return None;
    }
    Some(whole.split_off(HASH))
}

/// A name that changes with whatever compiled kernels depend on; `None` where drivers hand out none.
fn file_name(info: &wgpu::AdapterInfo) -> Option<String> {
    let adapter = wgpu::util::pipeline_cache_key(info)?;
    let mut hasher = blake3::Hasher::new();
    let texts = [&adapter, &info.name, &info.driver, &info.driver_info].map(String::as_str);
    for text in texts.into_iter().chain(shaders::ALL.iter().map(|shader| shader.source)) {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    Some(format!("kernels-{}.bin", &hasher.finalize().to_hex()[..32]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_file_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("kernels.bin");
        assert_eq!(read(&path), None);
        let whole = [blake3::hash(b"data").as_bytes().as_slice(), b"data"].concat();
        write_atomically(&path, &whole).expect("written");
        assert_eq!(read(&path), Some(b"data".to_vec()));
        for end in [0, 7, HASH, whole.len() - 1] {
            write_atomically(&path, &whole[..end]).expect("written");
            assert_eq!(read(&path), None, "{end} bytes");
        }
        let mut damaged = whole;
        damaged[HASH + 1] ^= 1;
        write_atomically(&path, &damaged).expect("written");
        assert_eq!(read(&path), None);
    }
}
