//! Names that may become a folder's.

/// Whether a name, which may come from a file, leads nowhere but into its own folder.
pub fn is_folder_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
}
