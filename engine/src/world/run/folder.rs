//! A run's folder: which files lie in it, and whether it can be used at all, found out before training starts.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::finished::{CONFIG, MODEL};
use super::origin::{ORIGIN, Origin};
use crate::files::{
    FolderLock, LARGEST_SETTINGS, printable, read_text_limited, sweep_leftovers, write_atomically,
};
use crate::learn::EventFile;
use crate::world::error::WorldError;

/// Bytes that must fit on the disk before a run starts; far less than a checkpoint, but a full disk has none.
const PROBE_BYTES: usize = 64 * 1024;

/// The folder of one run, kept to this program as long as this value or a copy of it lives.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    /// Only held: a second program in the same folder would mix its log into this one's, and a folder aside goes with the run.
    held: Arc<Held>,
    /// The folder of the process that leads, where this is another one's.
    leading: Option<PathBuf>,
}

/// What a run's folder is kept by.
#[derive(Debug)]
enum Held {
    Lock {
        _lock: FolderLock,
        /// Of a folder that was made for the run; let go of after the lock, whose file lies in it.
        _made: Option<Made>,
        /// Whether nothing of a run was in it, so that all that a run writes is this one's.
        is_new: bool,
    },
    Aside {
        _folder: tempfile::TempDir,
    },
}

/// A folder that this process has made: it goes again where nothing is left in it.
#[derive(Debug)]
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        // Refused, as it should be, where something is in it.
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// What the names of locks and of unfinished files begin with: a folder that holds nothing else is empty.
const OWN_PREFIX: &str = ".affekt";
/// The folder of checkpoints in a run's.
const CHECKPOINTS: &str = "checkpoint";
/// The folder of clips' features in a run's, and what lies in it.
const FEATURES: &str = "features";
const PARTS: [&str; 2] = ["train", "valid"];
/// Most characters of a parser's words in an error.
const LONGEST_REASON: usize = 300;

impl RunFolder {
    /// Makes the folder for a new run.
    ///
    /// # Errors
    /// It exists and is not empty (unless `force`), cannot be made, or cannot be written.
    pub fn create(path: &Path, force: bool) -> Result<Self, WorldError> {
        let refuse = |problem: String| WorldError::Folder { path: path.to_owned(), problem };
        let made = (!path.exists()).then(|| Made(path.to_owned()));
        std::fs::create_dir_all(path).map_err(|e| refuse(format!("cannot be made: {e}")))?;
        // Before anything in it is looked at: another program may be at work here.
        let folder = Self::keep_as(path, made, true)?;
        let entries = std::fs::read_dir(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        let mut names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
        // A run that ended before its settings were written, or before its first step, has left no more than this, and cannot be gone
        // on with. Features of clips are known by their student, and are used again.
        let holds = |name: &std::ffi::OsStr, known: &[&str]| {
            let inside = std::fs::read_dir(path.join(name));
            inside.is_ok_and(|mut entries| {
                entries.all(|entry| entry.is_ok_and(|e| known.iter().any(|&name| e.file_name() == name)))
            })
        };
        let bare = |name: &std::ffi::OsStr| {
            !path.join(CONFIG).exists()
                && (name == CHECKPOINTS && holds(name, &[]) || name == FEATURES && holds(name, &PARTS))
        };
        if !force && names.any(|name| !name.to_string_lossy().starts_with(OWN_PREFIX) && !bare(&name)) {
            return Err(refuse(format!(
                "is not empty; go on with the run in it by --resume {}, start over in it by --force, or choose \
                 another --out",
                path.display()
            )));
        }
        folder.clear().map_err(|e| refuse(format!("what an earlier run left cannot be removed: {e}")))?;
        Ok(folder)
    }

    /// Keeps a folder to this program, whatever lies in it, sweeps what killed programs left in it, and finds out whether it
    /// can be written.
    ///
    /// # Errors
    /// It is not there, cannot be written, or another program works in it.
    pub fn keep(path: &Path) -> Result<Self, WorldError> {
        Self::keep_as(path, None, false)
    }

    fn keep_as(path: &Path, made: Option<Made>, is_new: bool) -> Result<Self, WorldError> {
        let refuse = |problem: String| WorldError::Folder { path: path.to_owned(), problem };
        let lock = FolderLock::take(path).map_err(|e| refuse(e.to_string()))?;
        sweep_leftovers(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        probe_folder(path)?;
        let held = Arc::new(Held::Lock { _lock: lock, _made: made, is_new });
        Ok(Self { path: path.to_owned(), held, leading: None })
    }

    /// A folder that goes with the run, for a process that does not lead: what it writes beside the leading one's `path` is nobody's.
    /// Only features of clips are kept in the leading one's, because processes extract them together.
    ///
    /// # Errors
    /// The system gives no temporary folder.
    pub fn aside(path: &Path) -> Result<Self, WorldError> {
        let folder = tempfile::Builder::new().prefix("affekt-").tempdir();
        let folder = folder.map_err(|e| WorldError::io(&std::env::temp_dir(), e))?;
        let path_aside = folder.path().to_owned();
        let held = Arc::new(Held::Aside { _folder: folder });
        Ok(Self { path: path_aside, held, leading: Some(path.to_owned()) })
    }

    /// Takes back what a new run has written that fails before its first step, and nothing else: the same command, mended, finds the
    /// folder as this one did. Features of clips stay, which are much work and serve it too. Of a run that has a checkpoint or was there
    /// before nothing is touched, nor where it was told to stop.
    pub(in crate::world) fn take_back(&self, why: &WorldError) {
        if matches!(&*self.held, Held::Lock { is_new: true, .. })
            && !matches!(why, WorldError::Interrupted)
            && std::fs::read_dir(self.checkpoints()).map_or(true, |mut files| files.next().is_none())
            && let Err(error) = self.clear()
        {
            log::warn!("{}: what was begun in it cannot be removed: {error}", self.path.display());
        }
    }

    /// Removes what a run writes, and nothing else.
    fn clear(&self) -> std::io::Result<()> {
        let missing_is_fine = |result: std::io::Result<()>| match result {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
        for events in EventFile::all(&self.path).map_err(std::io::Error::other)? {
            missing_is_fine(std::fs::remove_file(events))?;
        }
        let data = [self.data(), self.manifest(), self.origin()];
        for file in
            [self.config(), self.log(), self.model(), self.teacher(), self.report()].into_iter().chain(data)
        {
            missing_is_fine(std::fs::remove_file(file))?;
        }
        missing_is_fine(std::fs::remove_dir_all(self.checkpoints()))
    }

    /// Whether a run was begun in a folder: whether its settings are there.
    pub fn is_begun(path: &Path) -> bool {
        path.join(CONFIG).is_file()
    }

    /// Opens the folder of a run that was begun.
    ///
    /// # Errors
    /// It holds no run, or cannot be written.
    pub fn open(path: &Path) -> Result<Self, WorldError> {
        if !Self::is_begun(path) {
            let problem = "holds no config.toml, so no run was begun in it; check the path".into();
            return Err(WorldError::Folder { path: path.to_owned(), problem });
        }
        Self::keep(path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved settings.
    pub fn config(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// One JSON object a step.
    pub fn log(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }

    /// The checkpoint's folder.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// The model that evaluation uses.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// The teacher, beside the student in `model`.
    pub fn teacher(&self) -> PathBuf {
        self.path.join("teacher.safetensors")
    }

    /// The student's features of clips, unless the settings name another folder.
    pub fn features(&self) -> PathBuf {
        self.leading.as_ref().unwrap_or(&self.path).join(FEATURES)
    }

    /// What it learns from, set by set.
    pub fn data(&self) -> PathBuf {
        self.path.join("data.json")
    }

    /// What it learns from, item by item.
    pub fn manifest(&self) -> PathBuf {
        self.path.join("manifest.csv.gz")
    }

    /// Which program began it, and when.
    pub fn origin(&self) -> PathBuf {
        self.path.join(ORIGIN)
    }

    /// What came of the run.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }

    /// Writes the settings, and of a new run which program begins it.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn save_config(&self, config: &impl Serialize) -> Result<(), WorldError> {
        let origin = self.origin();
        if matches!(&*self.held, Held::Lock { is_new: true, .. }) && !origin.exists() {
            Origin::now().write(&origin)?;
        }
        let path = self.config();
        let text = toml::to_string_pretty(config).map_err(|e| WorldError::file(&path, e.to_string()))?;
        write_atomically(&path, text.as_bytes()).map_err(|e| WorldError::io(&path, e))
    }

    /// Reads the settings of the run.
    ///
    /// # Errors
    /// The file cannot be read, or was changed to something that is no config.
    pub fn load_config<C: DeserializeOwned>(&self) -> Result<C, WorldError> {
        let path = self.config();
        let text =
            read_text_limited(&path, LARGEST_SETTINGS, "settings").map_err(|e| WorldError::io(&path, e))?;
        toml::from_str(&text).map_err(|e| {
            let line =
                e.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().matches('\n').count())
                    + 1;
            WorldError::file(&path, format!("line {line}: {}", printable(e.message(), LONGEST_REASON)))
        })
    }
}

/// Whether files can be written in a folder, found out by writing one; it is removed again.
///
/// # Errors
/// The folder is missing, read-only or on a full disk.
pub fn probe_folder(path: &Path) -> Result<(), WorldError> {
    let written = tempfile::Builder::new().prefix(".affekt-probe-").tempfile_in(path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.as_file().sync_all()
    });
    written.map_err(|e| WorldError::Folder {
        path: path.to_owned(),
        problem: format!("cannot be written: {e}; choose another --out or make room"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::RunConfig;

    #[test]
    fn a_folder_with_something_in_it_is_refused_unless_forced() {
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(root.path().join("precious.txt"), "mine").expect("a file");
        let error = RunFolder::create(root.path(), false).expect_err("not empty").to_string();
        assert!(error.contains("--resume") && error.contains("--force"), "{error}");
        RunFolder::create(root.path(), true).expect("forced");
        assert!(root.path().join("precious.txt").is_file());
    }

    #[test]
    fn the_probe_leaves_nothing_behind() {
        let root = tempfile::tempdir().expect("a temporary folder");
        probe_folder(root.path()).expect("writable");
        assert_eq!(std::fs::read_dir(root.path()).expect("readable").count(), 0);
        assert!(probe_folder(&root.path().join("missing")).is_err());
    }

    #[test]
    fn a_folder_belongs_to_one_run_at_a_time() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let first = RunFolder::create(root.path(), false).expect("empty");
        first.save_config(&RunConfig::default()).expect("written");
        for second in [RunFolder::open(root.path()), RunFolder::create(root.path(), true)] {
            let error = second.expect_err("another one is at work").to_string();
            assert!(error.contains(&root.path().display().to_string()), "{error}");
        }
        let copy = first.clone();
        drop(first);
        assert!(RunFolder::open(root.path()).is_err(), "a copy keeps it");
        drop(copy);
        RunFolder::open(root.path()).expect("free again");
    }

    #[test]
    fn what_a_killed_run_left_is_no_obstacle() {
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(root.path().join(".affekt-xyz.part"), "half").expect("a leftover");
        std::fs::create_dir(root.path().join("checkpoint")).expect("made before the settings are written");
        RunFolder::create(root.path(), false).expect("as good as empty");
        std::fs::create_dir(root.path().join("checkpoint")).expect("removed by then");
        std::fs::write(root.path().join("checkpoint/mine"), "mine").expect("a file");
        RunFolder::create(root.path(), false).expect_err("something is in it");
    }

    #[test]
    fn what_a_new_run_has_written_is_taken_back_and_nothing_else() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let path = root.path().join("run");
        let failed = WorldError::setting("data.unlabelled", "nothing is left");
        let begin = || {
            let folder = RunFolder::create(&path, false).expect("as good as empty");
            folder.save_config(&RunConfig::default()).expect("written");
            std::fs::create_dir(folder.checkpoints()).expect("made");
            folder
        };
        begin().take_back(&failed);
        assert!(!path.exists(), "it was made for the run");
        std::fs::create_dir_all(path.join("features/train/0")).expect("a folder");
        begin().take_back(&failed);
        assert!(path.join("features/train/0").is_dir() && !path.join(CONFIG).exists());
        begin().take_back(&WorldError::Interrupted);
        let folder = RunFolder::open(&path).expect("a run that was told to stop goes on");
        let origin = std::fs::read_to_string(folder.origin()).expect("says who began it");
        assert!(origin.contains("affekt") && origin.contains("\"begun\": \"20"), "{origin}");
        folder.take_back(&failed);
        assert!(path.join(CONFIG).exists(), "not its own");
    }

    #[test]
    fn settings_survive_their_file() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = RunFolder::create(root.path(), false).expect("empty");
        let mut config = RunConfig { seed: 77, ..RunConfig::default() };
        config.data.labelled = vec!["ferplus:a/b.tar#Train?labels_per_class=3".parse().expect("a SPEC")];
        folder.save_config(&config).expect("written");
        assert_eq!(folder.load_config::<RunConfig>().expect("read"), config);
    }
}
