//! A running ffmpeg, and which one it is.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How long a program may say nothing while it is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to end once it has closed its output.
const ENDING: Duration = Duration::from_secs(10);
/// Lines that are kept for an error, and letters of each.
const KEPT_LINES: usize = 3;
const KEPT_LETTERS: usize = 200;

/// An `ffmpeg` that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FfmpegVersion {
    /// As it calls itself: `5.1.9-0+deb12u1`.
    pub text: String,
    /// Its first two numbers; of one that was built between releases those of the release before. `None` where it does not say.
    pub release: Option<(u32, u32)>,
}

impl FfmpegVersion {
    /// The oldest release that reads all that affekt asks of it.
    pub const OLDEST: (u32, u32) = (4, 2);

    /// Whether it will do.
    pub fn will_do(&self) -> bool {
        self.release.is_none_or(|release| release >= Self::OLDEST)
    }

    /// Options that hand on every frame at its own time. The older name was taken away after the newer one came.
    pub(super) fn every_frame(&self) -> [&'static str; 2] {
        let new = self.release.is_none_or(|release| release >= (5, 1));
        if new { ["-fps_mode", "passthrough"] } else { ["-vsync", "passthrough"] }
    }
}

/// The ffmpeg on the path; `None` where there is none. Once found it is not asked again.
pub fn ffmpeg_version() -> Option<FfmpegVersion> {
    static FOUND: OnceLock<FfmpegVersion> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Some(found.clone());
    }
    let said =
        Command::new("ffmpeg").arg("-version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let version = said.status.success().then(|| version(&String::from_utf8_lossy(&said.stdout)))?;
    Some(FOUND.get_or_init(|| version).clone())
}

/// Reads what `ffmpeg -version` prints.
fn version(said: &str) -> FfmpegVersion {
    let text = said.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
    let mut numbers = text.trim_start_matches('n').split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    let first = next();
    // Builds between releases have a date there, or letters, and their libraries' versions below.
    let release = first.filter(|&major| major < 1000).map(|major| (major, next().unwrap_or(0)));
    FfmpegVersion { text, release: release.or_else(|| library_release(said)) }
}

/// The newest release whose `libavformat` is no newer than the one that is named (`libavformat    58. 29.100 / ...`).
fn library_release(said: &str) -> Option<(u32, u32)> {
    let line = said.lines().find_map(|line| line.trim().strip_prefix("libavformat"))?;
    let mut numbers = line.split(['.', '/']).map(|number| number.trim().parse::<u32>().ok());
    let library = (numbers.next()??, numbers.next()??);
    let released = [
        ((58, 20), (4, 1)),
        ((58, 29), (4, 2)),
        ((58, 45), (4, 3)),
        ((58, 76), (4, 4)),
        ((59, 16), (5, 0)),
        ((59, 27), (5, 1)),
        ((60, 3), (6, 0)),
        ((61, 1), (7, 0)),
        ((62, 3), (8, 0)),
    ];
    let before = released.iter().rev().find(|(first, _)| library >= *first);
    Some(before.map_or((4, 0), |(_, release)| *release))
}

/// What the thread that waits for output and the one that watches it share.
#[derive(Default)]
struct Watch {
    /// Since when output is waited for.
    waiting: Option<Instant>,
    /// Nothing is to be watched any more.
    over: bool,
    /// The program was ended because it said nothing.
    silent: bool,
}

#[derive(Default)]
struct Shared {
    watch: Mutex<Watch>,
    changed: Condvar,
}

impl Shared {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program that was started, ended at the latest when it is dropped.
pub(super) struct Running {
    child: Arc<Mutex<Child>>,
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
    messages: Option<JoinHandle<Vec<String>>>,
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct End {
    pub success: bool,
    /// Its last messages; or that it said nothing for too long.
    pub said: String,
}

/// A program's output, whose silence is watched.
pub(super) struct Output {
    stdout: ChildStdout,
    shared: Arc<Shared>,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.shared.watch().waiting = Some(Instant::now());
        let got = self.stdout.read(buffer);
        self.shared.watch().waiting = None;
        got
    }
}

impl Running {
    /// Starts a program that is ended once nothing came for `patience` while it was waited for.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start<S: AsRef<OsStr>>(
        program: &OsStr,
        arguments: &[S],
        patience: Duration,
    ) -> std::io::Result<(Self, Output)> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        let shared = Arc::<Shared>::default();
        // From here on dropping ends the program.
        let mut running =
            Self { child: Arc::clone(&child), shared: Arc::clone(&shared), watcher: None, messages: None };
        let (stdout, stderr) = pipes.ok_or(std::io::ErrorKind::BrokenPipe)?;
        let listen = move || last_lines(BufReader::new(stderr));
        running.messages = Some(Builder::new().name("ffmpeg".into()).spawn(listen)?);
        let watched = Arc::clone(&shared);
        let look = move || watch(&watched, &child, patience);
        running.watcher = Some(Builder::new().name("ffmpeg-watch".into()).spawn(look)?);
        Ok((running, Output { stdout, shared }))
    }

    /// Waits for the end of a program that has closed its output.
    pub fn finish(mut self) -> End {
        let since = Instant::now();
        let status = loop {
            match lock(&self.child).try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if since.elapsed() < ENDING => {}
                _ => break None,
            }
            sleep(Duration::from_millis(2));
        };
        let silent = self.shared.watch().silent;
        let said = self.end();
        let said = if silent {
            format!("nothing for {} s, so it was ended", PATIENCE.as_secs())
        } else if said.is_empty() {
            "nothing".into()
        } else {
            said.join(" / ")
        };
        End { success: status.is_some_and(|status: ExitStatus| status.success()) && !silent, said }
    }

    /// Ends the program and its threads; what it said last.
    fn end(&mut self) -> Vec<String> {
        self.shared.watch().over = true;
        self.shared.changed.notify_all();
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
        {
            let mut child = lock(&self.child);
            let _ = child.kill();
            let _ = child.wait();
        }
        self.messages.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program when it was waited for too long.
fn watch(shared: &Shared, child: &Mutex<Child>, patience: Duration) {
    let mut watch = shared.watch();
    while !watch.over {
        if watch.waiting.is_some_and(|since| since.elapsed() >= patience) {
            watch.silent = true;
            let _ = lock(child).kill();
            return;
        }
        let looked = shared.changed.wait_timeout(watch, patience / 8);
        watch = looked.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// The last lines of a program's messages, each short and without control characters.
fn last_lines(mut errors: BufReader<impl Read>) -> Vec<String> {
    let mut last = VecDeque::new();
    let mut line = vec![];
    while errors.by_ref().take(1 << 16).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let text = String::from_utf8_lossy(&line);
        let mut text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
        line.clear();
        if let Some((end, _)) = text.char_indices().nth(KEPT_LETTERS) {
            text.truncate(end);
        }
        if !text.is_empty() {
            last.push_back(text);
            if last.len() > KEPT_LINES {
                last.pop_front();
            }
        }
    }
    last.into()
}

/// What every run begins with: the file, read as a file and nothing else.
pub(super) fn reading(file: &Path) -> Vec<OsString> {
    reading_from(file, 0.0)
}

/// The same from a time on, in seconds from the file's start, which is 0 of the times that come.
pub(super) fn reading_from(file: &Path, seconds: f64) -> Vec<OsString> {
    let plain = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"];
    let mut arguments: Vec<OsString> = plain.into_iter().map(OsString::from).collect();
    if seconds > 0.0 {
        arguments.extend(["-ss".into(), format!("{seconds:.6}").into()]);
    }
    arguments.push("-i".into());
    let mut url = OsString::from("file:");
    url.push(file);
    arguments.push(url);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let of = |text: &str| version(&format!("ffmpeg version {text} Copyright (c) 2000-2026"));
        for (text, release, options, does) in [
            ("4.1.8", Some((4, 1)), "-vsync", false),
            ("4.2.2-static", Some((4, 2)), "-vsync", true),
            ("5.0", Some((5, 0)), "-vsync", true),
            ("5.1.9-0+deb12u1", Some((5, 1)), "-fps_mode", true),
            ("n8.0", Some((8, 0)), "-fps_mode", true),
            ("N-109741-gbbe95f7353", None, "-fps_mode", true),
            ("2026-01-05-git-2892815c45", None, "-fps_mode", true),
            (
                "N-47683-g0e8eb07980\nlibavutil 56. 24.101\nlibavformat    58. 24.100 /",
                Some((4, 1)),
                "-vsync",
                false,
            ),
            ("N-1-g0\nlibavformat    58. 29.100 / 58. 29.100\n", Some((4, 2)), "-vsync", true),
            ("N-1-g0\nlibavformat    59. 20.100 / 59. 20.100\n", Some((5, 0)), "-vsync", true),
            ("git-2026\nlibavformat    63.  1.100 / 63.  1.100\n", Some((8, 0)), "-fps_mode", true),
            ("N-1\nlibavformat    57. 83.100 / 57. 83.100\n", Some((4, 0)), "-vsync", false),
        ] {
            let found = of(text);
            assert_eq!((Some(found.text.as_str()), found.release), (text.split('\n').next(), release));
            assert_eq!((found.every_frame()[0], found.will_do()), (options, does), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_falls_silent_is_ended() {
        let since = Instant::now();
        let script = ["-c", "echo some; echo first >&2; exec sleep 60"];
        let patience = Duration::from_millis(300);
        let (running, mut output) = Running::start("sh".as_ref(), &script, patience).expect("a shell");
        let mut got = vec![];
        output.read_to_end(&mut got).expect("the pipe is closed when the program ends");
        let end = running.finish();
        assert!(got == b"some\n" && !end.success && end.said.contains("nothing for"), "{end:?}");
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    }

    #[cfg(unix)]
    #[test]
    fn a_slow_reader_is_no_silence_and_the_last_messages_are_kept() {
        let script =
            ["-c", "echo a; for i in 1 2 3 4 5; do printf '%s\\033[1m\\n' $i >&2; done; echo b; exit 3"];
        let patience = Duration::from_millis(100);
        let (running, mut output) = Running::start("sh".as_ref(), &script, patience).expect("a shell");
        sleep(4 * patience);
        let mut got = vec![];
        output.read_to_end(&mut got).expect("all of it");
        let end = running.finish();
        assert!(got == b"a\nb\n" && !end.success && end.said == "3[1m / 4[1m / 5[1m", "{end:?}");
    }
}
