//! The run's log: JSON Lines, appended as steps end and cut back to the checkpoint when a run is resumed, so that no
//! step stands there twice.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::LearnError;
use super::record::StepRecord;
use super::temporal::TemporalRecord;
use super::tensorboard::{EventFile, EventValue};
use crate::backend::Team;
use crate::clock::Clock;
use crate::files::{open_regular, printable};

/// Longest line that is read back; a record has well under 10 KiB.
const LONGEST_LINE: u64 = 16 << 20;
/// Most characters of a reason in an error.
const LONGEST_REASON: usize = 200;

/// A line of the log; `kind` tells them apart.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a, R> {
    Step {
        #[serde(flatten)]
        record: &'a R,
        seconds: f64,
        images_per_second: Option<f64>,
        #[serde(flatten)]
        traffic: Option<Traffic>,
    },
    Evaluation {
        step: u64,
        network: &'a str,
        #[serde(flatten)]
        report: &'a R,
    },
}

/// What a step told other processes.
#[derive(Serialize)]
struct Traffic {
    /// Share of the step's time that went into it, waiting for slower processes included.
    communication_share: Option<f64>,
    /// Bytes sent.
    communication_bytes: u64,
}

/// What a step reports to its log.
pub trait Record: Serialize {
    /// Pictures that the step worked on, for the speed.
    fn images(&self) -> usize;
}

impl Record for StepRecord {
    fn images(&self) -> usize {
        self.images
    }
}

impl Record for TemporalRecord {
    fn images(&self) -> usize {
        self.frames
    }
}

/// What every line has.
#[derive(Deserialize)]
struct Place {
    step: u64,
}

/// An open log.
pub struct TrainLog {
    path: PathBuf,
    file: File,
    clock: Clock,
    last: f64,
    /// Images a second in the last step.
    speed: Option<f64>,
    /// The same for `TensorBoard`, where it is wanted.
    events: Option<EventFile>,
    /// Other processes, with what had been told them by the last line.
    team: Option<(Arc<Team>, Duration, u64)>,
}

impl TrainLog {
    /// Opens a run's log for a run that has made `steps_done` steps: 0 empties it, otherwise the lines after that step
    /// are cut off, and so is a last line that was not finished.
    ///
    /// # Errors
    /// The file cannot be read or written, or a line inside it is not a record.
    pub fn open(path: &Path, steps_done: u64, clock: Clock) -> Result<Self, LearnError> {
        let io = |source| LearnError::Io { path: path.into(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(steps_done == 0)
            .open(path)
            .map_err(io)?;
        let end = end_of_step(path, &file, steps_done)?;
        file.set_len(end).map_err(io)?;
        file.seek(SeekFrom::Start(end)).map_err(io)?;
        let last = clock.now().as_secs_f64();
        Ok(Self { path: path.into(), file, clock, last, speed: None, events: None, team: None })
    }

    /// Writes everything as events for `TensorBoard` too, into files of `folder`. Where there are none yet, what the log already
    /// tells goes into the first.
    ///
    /// # Errors
    /// The folder cannot be written, or the log not be read.
    pub fn with_events(mut self, folder: &Path, steps_done: u64) -> Result<Self, LearnError> {
        let is_first = EventFile::all(folder)?.is_empty();
        let mut events = EventFile::begin(folder, steps_done)?;
        if is_first {
            // A handle of its own, so that the log's stays at its end.
            let file = open_regular(&self.path, "a log");
            let file = file.map_err(|source| LearnError::Io { path: self.path.clone(), source })?;
            each_line(&self.path, &file, |number, line| {
                let line = serde_json::from_slice(line);
                events.line(&line.map_err(|e| not_a_record(&self.path, number, &e.to_string()))?)?;
                Ok(true)
            })?;
        }
        self.events = Some(events);
        Ok(self)
    }

    /// Writes of each step what it told the other processes of a team, if there are any.
    #[must_use]
    pub fn with_team(self, team: &Arc<Team>) -> Self {
        let team = (team.processes() > 1).then(|| (Arc::clone(team), team.waited(), team.sent()));
        Self { team, ..self }
    }

    /// What was told since the line before, in a step of so many seconds.
    fn traffic(&mut self, seconds: f64) -> Option<Traffic> {
        let (team, waited, sent) = self.team.as_mut()?;
        let (waited_now, sent_now) = (team.waited(), team.sent());
        let spent = waited_now.saturating_sub(*waited).as_secs_f64();
        let told = Traffic {
            communication_share: (seconds > 0.0).then(|| (spent / seconds).min(1.0)),
            communication_bytes: sent_now - *sent,
        };
        (*waited, *sent) = (waited_now, sent_now);
        Some(told)
    }

    /// Writes pictures beside the figures of a step, where there are events.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn pictures(&mut self, step: u64, pictures: &[(String, EventValue)]) -> Result<(), LearnError> {
        self.events.as_mut().map_or(Ok(()), |events| events.write(step, pictures))
    }

    /// Appends a step with the time it took since the last line or since opening.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn step(&mut self, record: &impl Record) -> Result<(), LearnError> {
        let now = self.clock.now().as_secs_f64();
        let seconds = now - self.last;
        self.last = now;
        self.speed = (seconds > 0.0).then(|| record.images() as f64 / seconds);
        let traffic = self.traffic(seconds);
        self.append(&Line::Step { record, seconds, images_per_second: self.speed, traffic })
    }

    /// Appends an evaluation after `step` steps; `network` says whose, e.g. `student_average`. Its time is not counted
    /// into the next step.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn evaluation(
        &mut self,
        step: u64,
        network: &str,
        report: &impl Serialize,
    ) -> Result<(), LearnError> {
        self.append(&Line::Evaluation { step, network, report })?;
        self.last = self.clock.now().as_secs_f64();
        Ok(())
    }

    /// Images a second in the last step; `None` before the first.
    pub fn images_per_second(&self) -> Option<f64> {
        self.speed
    }

    /// Makes sure that what was appended is on the disk; call it before a checkpoint is written.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn sync(&mut self) -> Result<(), LearnError> {
        self.events.as_mut().map_or(Ok(()), EventFile::sync)?;
        self.file.sync_data().map_err(|source| LearnError::Io { path: self.path.clone(), source })
    }

    fn append(&mut self, line: &Line<impl Serialize>) -> Result<(), LearnError> {
        let unwritten = |e: serde_json::Error| LearnError::Format {
            path: self.path.clone(),
            place: String::new(),
            reason: e.to_string(),
        };
        let mut text = serde_json::to_string(line).map_err(unwritten)?;
        text.push('\n');
        if let Some(events) = &mut self.events {
            events.line(&serde_json::to_value(line).map_err(unwritten)?)?;
        }
        // One write a line, so that a killed run leaves at most one broken line.
        self.file
            .write_all(text.as_bytes())
            .map_err(|source| LearnError::Io { path: self.path.clone(), source })
    }
}

/// Offset behind the last whole line of steps up to `steps_done`.
fn end_of_step(path: &Path, file: &File, steps_done: u64) -> Result<u64, LearnError> {
    let mut end = 0;
    each_line(path, file, |number, line| match serde_json::from_slice::<Place>(line) {
        Ok(place) if place.step > steps_done => Ok(false),
        Ok(_) => {
            end += line.len() as u64;
            Ok(true)
        }
        Err(error) => Err(not_a_record(path, number, &error.to_string())),
    })?;
    Ok(end)
}

/// Takes a log's whole lines from where the file stands, each with its number, for as long as `take` wants more.
fn each_line(
    path: &Path,
    file: &File,
    mut take: impl FnMut(u64, &[u8]) -> Result<bool, LearnError>,
) -> Result<(), LearnError> {
    let mut reader = BufReader::new(file);
    let mut line = vec![];
    for number in 1u64.. {
        line.clear();
        let read = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|source| LearnError::Io { path: path.into(), source })?;
        if line.last() != Some(&b'\n') {
            if read as u64 == LONGEST_LINE {
                return Err(not_a_record(path, number, "the line is longer than 16 MiB"));
            }
            break;
        }
        if !take(number, &line)? {
            break;
        }
    }
    Ok(())
}

fn not_a_record(path: &Path, line: u64, reason: &str) -> LearnError {
    let reason = printable(reason, LONGEST_REASON);
    LearnError::Format {
        path: path.into(),
        place: format!(", line {line}"),
        reason: format!("not a record of this log ({reason}); move the file away to go on without it"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::learn::EvalReport;

    fn record(step: u64) -> StepRecord {
        StepRecord { step, images: 64, loss_teacher: Some(0.5), ..StepRecord::default() }
    }

    fn steps(path: &Path) -> Vec<u64> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|l| serde_json::from_str::<Place>(l).unwrap().step).collect()
    }

    fn open(path: &Path, steps_done: u64) -> TrainLog {
        TrainLog::open(path, steps_done, Clock::default()).unwrap()
    }

    #[test]
    fn a_resumed_log_has_each_step_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = open(&path, 0);
        (1..=5).for_each(|s| log.step(&record(s)).unwrap());
        log.file.write_all(b"{\"kind\":\"step\",\"st").unwrap();
        drop(log);
        let mut log = open(&path, 3);
        (4..=6).for_each(|s| log.step(&record(s)).unwrap());
        assert_eq!(steps(&path), [1, 2, 3, 4, 5, 6]);
        drop(log);
        open(&path, 0);
        assert!(steps(&path).is_empty(), "a fresh run starts a fresh log");
    }

    #[test]
    fn events_begin_with_what_the_log_already_tells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = open(&path, 0);
        (1..=5).for_each(|s| log.step(&record(s)).unwrap());
        drop(log);
        let mut log = open(&path, 3).with_events(folder.path(), 3).unwrap();
        (4..=6).for_each(|s| log.step(&record(s)).unwrap());
        assert_eq!(steps(&path), [1, 2, 3, 4, 5, 6]);
        drop(log);
        open(&path, 6).with_events(folder.path(), 6).unwrap();
        let steps_in = |file: &PathBuf| {
            let bytes = std::fs::read(file).unwrap();
            bytes.windows(18).filter(|part| part == b"train/loss_teacher").count()
        };
        let files = EventFile::all(folder.path()).unwrap();
        assert_eq!(files.iter().map(steps_in).collect::<Vec<_>>(), [6, 0], "each step once");
    }

    #[test]
    fn speed_comes_from_the_clock_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let time = Arc::new(AtomicU64::new(100));
        let clock = {
            let time = Arc::clone(&time);
            Clock::of(move || Duration::from_secs(time.load(Ordering::Relaxed)))
        };
        let mut log = TrainLog::open(&path, 0, clock).unwrap();
        time.store(104, Ordering::Relaxed);
        log.step(&record(1)).unwrap();
        let line: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!((&line["kind"], &line["seconds"]), (&"step".into(), &4.0.into()));
        assert_eq!(line["images_per_second"], 16.0);
        assert_eq!(line["loss_teacher"], 0.5);
        assert!(line["feedback"].is_null());
    }

    #[test]
    fn evaluations_stand_between_the_steps_and_take_no_time_from_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let time = Arc::new(AtomicU64::new(0));
        let clock = {
            let time = Arc::clone(&time);
            Clock::of(move || Duration::from_secs(time.load(Ordering::Relaxed)))
        };
        let mut log = TrainLog::open(&path, 0, clock).unwrap();
        log.step(&record(1)).unwrap();
        time.store(1000, Ordering::Relaxed);
        let report = EvalReport::new(&[1.0, 0.0], &[0], &["a", "b"].map(String::from), 1.0).unwrap();
        log.evaluation(1, "student_average", &report).unwrap();
        time.store(1002, Ordering::Relaxed);
        log.step(&record(2)).unwrap();
        assert_eq!(log.images_per_second(), Some(32.0));
        let text = std::fs::read_to_string(&path).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        assert_eq!((&line["kind"], &line["network"]), (&"evaluation".into(), &"student_average".into()));
        assert_eq!(line["accuracy"], 1.0);
    }

    #[test]
    fn a_foreign_file_is_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "{\"step\":1}\nmy notes\n{\"step\":2}\n").unwrap();
        let error = TrainLog::open(&path, 2, Clock::default()).err().unwrap().to_string();
        assert!(error.contains("log.jsonl, line 2: not a record"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }
}
