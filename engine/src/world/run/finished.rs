//! A finished run's folder, for those who only read it.

use std::path::{Path, PathBuf};

use crate::world::error::WorldError;

/// The finished model of a run's folder.
pub(super) const MODEL: &str = "model.safetensors";
/// The settings of a run's folder.
pub(super) const CONFIG: &str = "config.toml";

/// The finished model in a folder that is only read.
///
/// # Errors
/// There is none, because the run has not ended or it is no run's folder.
pub fn finished_model(path: &Path) -> Result<PathBuf, WorldError> {
    let model = path.join(MODEL);
    if model.is_file() {
        return Ok(model);
    }
    let problem = if path.join(CONFIG).is_file() {
        format!(
            "holds a run that has not ended; finish it by affekt pretrain --resume {0} (affekt refine --resume {0} \
             where it is a temporal run)",
            path.display()
        )
    } else {
        "holds no model.safetensors; give a run's folder or a weights file".into()
    };
    Err(WorldError::file(path, problem))
}
