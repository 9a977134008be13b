//! What is remembered from one run to the next, in a small TOML file in the platform's folder for settings.

use std::path::{Path, PathBuf, absolute};

use affekt_engine::files::{LARGEST_SETTINGS, read_text_limited, write_atomically};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::recognize::RecognizerChoice;

/// Most recent files that are remembered.
pub const MOST_RECENT: usize = 8;

/// Light, dark, or as the system is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system is.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The next one, in a circle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        ["system", "light", "dark"][self as usize]
    }
}

/// Everything that is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The last source, as arguments name it; empty for whatever there is.
    pub source: String,
    /// Files that were opened, the last one first.
    pub recent: Vec<PathBuf>,
    /// Frames that a face's probabilities are averaged over, 1 to 100.
    pub smoothing: usize,
    /// Colours.
    pub theme: Theme,
    /// The window's inner size in points.
    pub window: [f32; 2],
    /// Folder of the results of what is analysed here; `None` for a folder `results` beside each file.
    pub results: Option<PathBuf>,
    /// The recognizer.
    pub recognizer: RecognizerChoice,
}

impl Default for State {
    fn default() -> Self {
        Self {
            source: String::new(),
            recent: vec![],
            smoothing: 5,
            theme: Theme::default(),
            window: [1100.0, 720.0],
            results: None,
            recognizer: RecognizerChoice::default(),
        }
    }
}

impl State {
    /// Reads a file. One that is not there is no problem; of one that cannot be used the second value says so in one line,
    /// and everything is as at the first run.
    pub fn read(file: &Path) -> (Self, Option<String>) {
        let text = match read_text_limited(file, LARGEST_SETTINGS, "a file of settings") {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Self::default(), None),
            Err(error) => return (Self::default(), Some(ignored(file, &error.to_string()))),
        };
        match toml::from_str::<Self>(&text) {
            Ok(state) => (state.within_limits(), None),
            Err(error) => (Self::default(), Some(ignored(file, error.message()))),
        }
    }

    /// Writes a file, whole or not at all; makes its folder.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = toml::to_string(self).context("settings")?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(write_atomically(file, text.as_bytes())?)
    }

    /// Puts a file first among the recent ones, by its whole path.
    pub fn remember(&mut self, file: &Path) {
        let file = absolute(file).unwrap_or_else(|_| file.to_owned());
        self.recent.retain(|known| *known != file);
        self.recent.insert(0, file);
        self.recent.truncate(MOST_RECENT);
    }

    /// Numbers that someone has written by hand are brought into their ranges.
    fn within_limits(mut self) -> Self {
        self.smoothing = self.smoothing.clamp(1, 100);
        self.recognizer = self.recognizer.within_limits();
        self.window =
            self.window.map(|side| if side.is_finite() { side.clamp(320.0, 8192.0) } else { 720.0 });
        self.recent.truncate(MOST_RECENT);
        self
    }
}

fn ignored(file: &Path, problem: &str) -> String {
    let problem = problem.lines().next().unwrap_or_default();
    format!("{} is ignored: {problem}; it is written anew when the window closes", file.display())
}

/// The file of this program: `affekt/live.toml` in the folder where the platform keeps settings; `None` where it names none.
pub fn file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = if cfg!(target_os = "windows") {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        let absolute = variable("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
        absolute.or_else(|| variable("HOME").map(|home| home.join(".config")))
    };
    folder.map(|folder| folder.join("affekt").join("live.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/live.toml");
        let mut state =
            State { theme: Theme::Dark, smoothing: 9, source: "synth".into(), ..State::default() };
        state.recognizer.model = Some("runs/a model".into());
        state.recognizer.vote_window = Some(12);
        (0..MOST_RECENT + 3).for_each(|n| state.remember(Path::new(&format!("{n}.mp4"))));
        state.remember(Path::new("5.mp4"));
        state.write(&file).unwrap();
        assert_eq!(State::read(&file), (state.clone(), None));
        assert_eq!(state.recent.len(), MOST_RECENT);
        let here = std::env::current_dir().unwrap();
        assert_eq!(state.recent[..2], [here.join("5.mp4"), here.join("10.mp4")]);
    }

    #[test]
    fn a_missing_file_is_a_first_run_and_a_broken_one_is_ignored_with_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("live.toml");
        assert_eq!(State::read(&file), (State::default(), None));
        for broken in ["theme = \"dark", "theme = \"purple\"", "unknown = 1", "smoothing = -3", "\u{0}\u{1}"]
        {
            std::fs::write(&file, broken).unwrap();
            let (state, line) = State::read(&file);
            let line = line.unwrap_or_else(|| panic!("{broken:?} is taken"));
            assert_eq!(state, State::default());
            assert!(line.contains("live.toml is ignored") && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_brought_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("live.toml");
        let text =
            "smoothing = 0\nwindow = [nan, 1e9]\n[recognizer]\nvote_window = 999999\ndetect_every = 1000\n";
        std::fs::write(&file, text).unwrap();
        let (state, line) = State::read(&file);
        assert_eq!((line, state.smoothing, state.window), (None, 1, [720.0, 8192.0]));
        assert_eq!((state.recognizer.vote_window, state.recognizer.detect_every), (Some(300), 100));
    }
}
