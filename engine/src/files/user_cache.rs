//! Where this user's things lie that can be made again.

use std::path::PathBuf;

/// affekt's folder below the one that the system has for what can be made again; `None` where it names none.
pub fn user_cache_folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = if cfg!(windows) {
        named("LOCALAPPDATA")
    } else {
        named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")))
    };
    Some(folder?.join("affekt"))
}
