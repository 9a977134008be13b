//! The process that reads broken files. It says on its standard output what it begins, how it ended and how much memory it
//! took; whatever ends the process leaves the last beginning without an end.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use crate::draws::Draws;
use crate::formats::{Format, Honest};

/// Longest message of a reader, in bytes.
const LONGEST_MESSAGE: usize = 2000;

thread_local! {
    /// Where this thread panicked last.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Reads the files of seeds from `first` on, for at most `time`. Seed 0 is the file as it should be.
///
/// Panics are told whether or not they are caught further inside, since they show on the terminal.
///
/// # Errors
/// Files cannot be written, or the one that is as it should be cannot be read.
pub fn run_seeds(format: &Format, first: u64, count: u64, time: Duration) -> io::Result<()> {
    let folder = tempfile::Builder::new().prefix("affekt-fuzz-").tempdir()?;
    let honest = Honest::make(format, folder.path())?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let place = place.rsplit_once("/src/").map_or(place.clone(), |(before, file)| {
            format!("{}/{file}", before.rsplit('/').next().unwrap_or_default())
        });
        // A panic of another thread must be told as well, so it goes straight out.
        say(&format!("panic {place}"));
        PANICKED.set(Some(place));
    }));
    let end = std::time::Instant::now() + time;
    let seeds = std::iter::once(0).chain(first.max(1)..first.max(1).saturating_add(count));
    for seed in seeds {
        if std::time::Instant::now() > end {
            break;
        }
        if seed > 0 {
            honest.mutate(folder.path(), &mut Draws::new(seed))?;
        }
        reset_peak();
        say(&format!("begin {seed}"));
        let result = catch_unwind(AssertUnwindSafe(|| (format.read)(folder.path())));
        let message = match (PANICKED.take(), result) {
            (None, Ok(Err(message))) => Some(message),
            _ => None,
        };
        if let Some(message) = message {
            if seed == 0 {
                return Err(io::Error::other(format!("{}: the honest file: {message}", format.name)));
            }
            if let Some(problem) = format.own.then(|| fault(&message, folder.path())).flatten() {
                say(&format!("message {problem}"));
            }
        }
        say(&format!("end {seed} {}", peak_kib().unwrap_or(0)));
        honest.restore(folder.path())?;
    }
    say("done");
    Ok(())
}

/// Writes the files that a seed stands for.
///
/// # Errors
/// They cannot be written.
pub fn write_seed(format: &Format, seed: u64, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let honest = Honest::make(format, folder)?;
    if seed > 0 {
        honest.mutate(folder, &mut Draws::new(seed))?;
    }
    Ok(())
}

/// What is wrong with a message: a person shall find the file and shall not have the file's words at the terminal.
fn fault(message: &str, folder: &Path) -> Option<String> {
    if message.len() > LONGEST_MESSAGE {
        return Some(format!("of {} bytes", message.len()));
    }
    if let Some(control) = message.chars().find(|c| c.is_control() && *c != '\n') {
        return Some(format!("with the control character {control:?}"));
    }
    let named = message.contains(&*folder.to_string_lossy());
    (!named).then(|| format!("without the file's name: {}", message.lines().next().unwrap_or_default()))
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    // Nobody listens any more: then nobody needs to be told.
    let _ = writeln!(out, "{}", line.replace('\n', " ")).and_then(|()| out.flush());
}

/// Forgets the most memory that was held so far.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory held since.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
