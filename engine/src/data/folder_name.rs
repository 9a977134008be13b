//! Names of folders.

/// The folder in which pictures without a label stand beside those of the classes.
pub const UNLABELLED_FOLDER: &str = "unlabelled";

/// Whether a name, which may come from a file, leads nowhere but into its own folder.
pub fn is_folder_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
}
