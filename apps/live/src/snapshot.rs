//! What is seen just now, as files: the picture with its marks, and what was read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use affekt_engine::files::write_atomically;
use affekt_engine::media::Picture;
use affekt_engine::output::{TableForm, annotated, lines};
use affekt_engine::world::live::FrameReading;
use crossbeam_channel::Sender;

use crate::pipeline::Shown;

/// A frame to be written.
pub struct Snapshot {
    /// The source's name.
    pub source: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    picture: Arc<Picture>,
    reading: FrameReading,
}

impl Snapshot {
    /// Of the frame that is shown.
    pub fn of(shown: &Shown, source: &str, classes: &[String]) -> Self {
        let faces = shown.faces.iter().flatten().map(|seen| seen.reading.clone()).collect();
        let reading =
            FrameReading { frame: shown.frame, seconds: shown.seconds, faces, ..FrameReading::default() };
        Self {
            source: source.into(),
            classes: classes.to_vec(),
            picture: Arc::clone(&shown.picture),
            reading,
        }
    }

    /// Writes `NAME.png`, `NAME.json` and `NAME.csv` to a folder, which is made where it is missing, under a name that is
    /// free; gives the picture's path.
    ///
    /// # Errors
    /// The folder or a file cannot be written; the message names it.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, String> {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let name = free_name(folder, &self.source, self.reading.frame);
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let write = |ending: &str, bytes: &[u8]| {
            let file = file(ending);
            write_atomically(&file, bytes).map_err(|e| format!("{}: {e}", file.display()))
        };
        let mut json = vec![];
        let form = TableForm::new(&self.source, &self.classes);
        let mut csv = form.header().into_bytes();
        let text = |e: std::io::Error| e.to_string();
        lines::write(&mut json, &self.reading, &self.classes).map_err(text)?;
        form.write_reading(&mut csv, &self.reading).map_err(text)?;
        let png =
            annotated(&self.picture, &self.reading, &self.classes).to_png().map_err(|e| e.to_string())?;
        write("json", &json)?;
        write("csv", &csv)?;
        write("png", &png)?;
        Ok(file("png"))
    }

    /// Writes in a thread of its own, so that nobody waits; what came of it is sent, and then `wake` called.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn write_aside(
        self,
        folder: PathBuf,
        done: Sender<Result<PathBuf, String>>,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<()> {
        let work = move || {
            // Where results are not fetched, or the window is closed, nobody needs to know.
            let _ = done.try_send(self.write(&folder));
            wake();
        };
        std::thread::Builder::new().name("snapshot".into()).spawn(work).map(|_| ())
    }
}

/// `SOURCE-FRAME`, with a number behind it where a file of that name is there that it could replace.
pub fn free_name(folder: &Path, source: &str, frame: u64) -> String {
    let stem = Path::new(source).file_stem().unwrap_or_default().to_string_lossy();
    let stem: String = stem.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let name = format!("{stem}-{frame:06}");
    let taken = |name: &str| {
        ["png", "mp4", "csv", "json"].iter().any(|end| folder.join(format!("{name}.{end}")).exists())
    };
    if !taken(&name) {
        return name;
    }
    (2..u32::MAX).map(|n| format!("{name}-{n}")).find(|name| !taken(name)).unwrap_or(name)
}

/// Where snapshots go unless told otherwise: `affekt` in the user's folder of pictures, else in their own folder.
pub fn default_folder() -> PathBuf {
    let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
    folder_in(home.filter(|home| home.is_absolute()))
}

fn folder_in(home: Option<PathBuf>) -> PathBuf {
    let home = home.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let pictures = home.join("Pictures");
    if pictures.is_dir() { pictures.join("affekt") } else { home.join("affekt") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_go_to_a_whole_path_of_the_user() {
        let home = tempfile::tempdir().unwrap();
        let of_home = || folder_in(Some(home.path().to_owned()));
        assert_eq!(of_home(), home.path().join("affekt"));
        std::fs::create_dir(home.path().join("Pictures")).unwrap();
        assert_eq!(of_home(), home.path().join("Pictures/affekt"));
        assert!(folder_in(None).is_absolute());
    }

    #[test]
    fn a_snapshot_is_three_files_and_never_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let shown = Shown {
            run: 1,
            reader: 1,
            frame: 12,
            seconds: 0.4,
            captured: std::time::Duration::ZERO,
            faces: Some(vec![]),
            picture: Arc::new(Picture::filled(64, 48, 3, 90)),
            image: Arc::default(),
        };
        let snapshot = Snapshot::of(&shown, "my talk.mp4", &["calm".into()]);
        let place = folder.path().join("new");
        let first = snapshot.write(&place).unwrap();
        let second = snapshot.write(&place).unwrap();
        assert_eq!(first, place.join("my-talk-000012.png"));
        assert_eq!(second, place.join("my-talk-000012-2.png"));
        let csv = std::fs::read_to_string(first.with_extension("csv")).unwrap();
        assert!(csv.starts_with("frame,seconds,face") && csv.contains("\n12,0.400000,,"), "{csv}");
        let json = std::fs::read_to_string(first.with_extension("json")).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["frame"] == 12, "{json}");
        let picture = affekt_engine::media::decode(&std::fs::read(&second).unwrap()).unwrap();
        assert_eq!((picture.width, picture.height), (64, 48));
        std::fs::write(place.join("my-talk-000012-3.csv"), "a person's own").unwrap();
        assert_eq!(snapshot.write(&place).unwrap(), place.join("my-talk-000012-4.png"));
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        assert!(snapshot.write(&blocked).unwrap_err().contains("file"));
    }
}
