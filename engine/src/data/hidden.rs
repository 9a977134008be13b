//! Folders in a dataset that are not the dataset's.

use std::collections::HashSet;
use std::path::Path;

use super::SkipLog;
use super::quote::quoted;

/// Whether a folder is the system's or a tool's, not the dataset's: `.ipynb_checkpoints`, `__MACOSX`, `@eaDir`.
pub(super) fn hidden_folder(name: &str) -> bool {
    name.starts_with(['.', '@', '$']) || name == "__MACOSX"
}

/// Whether a file is what a system leaves beside files on other systems' disks: `._face.jpg` is no picture.
pub(super) fn hidden_file(name: &str) -> bool {
    name.starts_with("._")
}

/// Says once which folders were left out.
pub(super) fn note_hidden(root: &Path, hidden: HashSet<String>, skips: &SkipLog) {
    let mut names: Vec<String> = hidden.into_iter().collect();
    names.sort_unstable();
    if !names.is_empty() {
        let names: Vec<String> = names.iter().take(6).map(|name| quoted(name)).collect();
        skips.note(&format!(
            "{}: hidden and system folders and files are left out: {}",
            root.display(),
            names.join(", ")
        ));
    }
}
