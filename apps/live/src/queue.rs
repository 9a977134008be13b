//! Files that are analysed one after the other while the window goes on, as `affekt analyze FILE --out results` does it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use affekt_engine::Recognizer;
use affekt_engine::media::source::{FolderKind, OpenOptions, count_frames};
use affekt_engine::output::{ReadBy, Summary};
use affekt_engine::world::live::{Clock, RecognizerOpener};
use affekt_results::analyze::{
    Analysis, Expanded, Named, Outcome, Outputs, Rests, Results, claim, expand, fingerprint, name, path_of,
    read_by,
};
use affekt_results::report::write_people;
use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::recognize::{RecognizerChoice, one_line};

/// Things that the window is told and has not heard yet; threads wait for a place.
const WAITING: usize = 16;
/// How often the window is told that a file goes on.
const TELL: Duration = Duration::from_millis(150);

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Its turn has not come.
    Waiting,
    /// It is being read.
    Reading,
    /// Its results are there.
    Done {
        /// Its table.
        table: PathBuf,
        /// Whether it had been analysed before, with the same settings.
        before: bool,
    },
    /// It was stopped; nothing of it is left.
    Stopped,
    /// It cannot be analysed; why, and what to do.
    Failed(String),
}

/// A file in the queue.
#[derive(Debug)]
pub struct Job {
    /// Its number in the queue.
    pub id: u64,
    /// The file, or a folder of a film's frames.
    pub input: PathBuf,
    /// Where it is.
    pub state: JobState,
    frames: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Job {
    /// Frames that were read, and how many there are; 0 where the file does not say.
    pub fn frames(&self) -> (u64, u64) {
        (self.frames.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }

    /// Whether it is through, however it ended.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, JobState::Waiting | JobState::Reading)
    }
}

/// What the threads tell.
enum Told {
    /// What lies in what was added, and problems of it.
    Found(Vec<PathBuf>, Vec<String>),
    Ended(u64, JobState),
}

/// What the thread is to do.
struct Work {
    id: u64,
    input: PathBuf,
    out: PathBuf,
    choice: RecognizerChoice,
    frames: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// The queue. None of its calls waits for a file.
pub struct Queue {
    jobs: VecDeque<Job>,
    ids: u64,
    works: Option<Sender<Work>>,
    tell: Sender<Told>,
    told: Receiver<Told>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Problems of what was added, until somebody takes them.
    pub problems: Vec<String>,
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.jobs.iter().for_each(|job| job.stop.store(true, Ordering::Relaxed));
    }
}

impl Queue {
    /// Holds nothing. `wake` is called, from any thread, when there is something to see.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (tell, told) = bounded(WAITING);
        Self {
            jobs: VecDeque::new(),
            ids: 0,
            works: None,
            tell,
            told,
            wake: Arc::new(wake),
            problems: vec![],
        }
    }

    /// The files, in their order.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter()
    }

    /// Adds files, and what lies in folders, which is looked for in a thread of its own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn add(&self, inputs: Vec<PathBuf>) -> std::io::Result<()> {
        let (tell, wake) = (self.tell.clone(), Arc::clone(&self.wake));
        let look = move || {
            let missing = |input: &PathBuf| {
                (!input.exists()).then(|| format!("{}: there is no such file", input.display()))
            };
            let gone: Vec<String> = inputs.iter().filter_map(missing).collect();
            let there: Vec<PathBuf> = inputs.into_iter().filter(|input| input.exists()).collect();
            let Expanded { inputs, problems, .. } = expand(&there, None);
            // Nobody listens any more where the window was closed.
            let _ = tell.send(Told::Found(inputs, [gone, problems].concat()));
            wake();
        };
        std::thread::Builder::new().name("inputs".into()).spawn(look).map(|_| ())
    }

    /// Stops a file, or takes it out before its turn.
    pub fn stop(&mut self, id: u64) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.stop.store(true, Ordering::Relaxed);
            if job.state == JobState::Waiting {
                job.state = JobState::Stopped;
            }
        }
    }

    /// Takes those out that are through.
    pub fn clear(&mut self) {
        self.jobs.retain(|job| !job.is_over());
    }

    /// Takes what the threads have told, and begins the next file: results lie in `results`, else in a folder `results` beside each
    /// file. Never waits. Gives the files that are through just now.
    pub fn poll(&mut self, choice: &RecognizerChoice, results: Option<&Path>) -> Vec<u64> {
        let mut through = vec![];
        for told in self.told.try_iter() {
            match told {
                Told::Found(inputs, problems) => {
                    self.problems.extend(problems);
                    for input in inputs {
                        let waits = self.jobs.iter().any(|job| job.input == input && !job.is_over());
                        if !waits {
                            self.ids += 1;
                            let state = JobState::Waiting;
                            let (frames, of, stop) = Default::default();
                            self.jobs.push_back(Job { id: self.ids, input, state, frames, of, stop });
                        }
                    }
                }
                Told::Ended(id, state) => {
                    through.push(id);
                    self.jobs.iter_mut().filter(|job| job.id == id).for_each(|job| job.state = state.clone());
                }
            }
        }
        if self.jobs.iter().any(|job| job.state == JobState::Reading) {
            return through;
        }
        let Some(job) = self.jobs.iter_mut().find(|job| job.state == JobState::Waiting) else {
            // The recognizer goes with its thread.
            self.works = None;
            return through;
        };
        let beside = || job.input.parent().unwrap_or(Path::new("")).join("results");
        let work = Work {
            id: job.id,
            input: job.input.clone(),
            out: results.map_or_else(beside, Path::to_path_buf),
            choice: choice.clone(),
            frames: Arc::clone(&job.frames),
            of: Arc::clone(&job.of),
            stop: Arc::clone(&job.stop),
        };
        job.state = match worker(&mut self.works, &self.tell, &self.wake) {
            Ok(works) if works.try_send(work).is_ok() => JobState::Reading,
            Ok(_) => JobState::Failed("the thread that analyses has ended; add the file again".into()),
            Err(error) => JobState::Failed(format!("no thread to analyse: {error}; close other programs")),
        };
        through
    }
}

/// The thread that analyses, which is started where there is none.
fn worker<'a>(
    works: &'a mut Option<Sender<Work>>,
    tell: &Sender<Told>,
    wake: &Arc<dyn Fn() + Send + Sync>,
) -> std::io::Result<&'a Sender<Work>> {
    if works.is_none() {
        let (sender, orders) = bounded(1);
        let worker = Worker { tell: tell.clone(), wake: Arc::clone(wake), reader: None };
        std::thread::Builder::new().name("analyse".into()).spawn(move || worker.work(&orders))?;
        *works = Some(sender);
    }
    works.as_ref().ok_or_else(|| std::io::Error::other("no thread"))
}

/// A recognizer that is open, and what it was opened for.
struct Reader {
    choice: RecognizerChoice,
    no_pictures: bool,
    opener: RecognizerOpener,
    recognizer: Recognizer,
    read_by: ReadBy,
}

struct Worker {
    tell: Sender<Told>,
    wake: Arc<dyn Fn() + Send + Sync>,
    reader: Option<Reader>,
}

impl Worker {
    fn work(mut self, orders: &Receiver<Work>) {
        for work in orders {
            let state = match self.analyse(&work) {
                Ok(state) => state,
                Err(error) => JobState::Failed(one_line(&error)),
            };
            if !matches!(state, JobState::Done { .. }) {
                // One that has failed, or was stopped in the middle of a film, is of no more use.
                self.reader = None;
            }
            if self.tell.send(Told::Ended(work.id, state)).is_err() {
                return;
            }
            (self.wake)();
        }
    }

    fn analyse(&mut self, work: &Work) -> anyhow::Result<JobState> {
        let Work { input, out, .. } = work;
        let _lock = claim(out)?;
        let named = name(std::slice::from_ref(input), &Results::read(out)?).pop();
        let named = named.with_context(|| format!("{}: has no name", input.display()))?;
        // Whoever has decided that no face is to be shown has not changed their mind.
        let before = named.before.as_ref();
        let no_pictures = before.is_some_and(|before| before.no_pictures);
        let hiding = before.map(|before| before.anonymised.parse()).and_then(Result::ok);
        let outputs = Outputs { anonymise: hiding, ..Outputs::default() };
        let outputs = before.map_or(outputs, |before| outputs.with_those_of(before));
        work.of.store(count_frames(input).unwrap_or(0), Ordering::Relaxed);
        let wake = Arc::clone(&self.wake);
        let Reader { opener, recognizer, read_by, .. } = self.reader(&work.choice, no_pictures)?;
        let options = OpenOptions { folder: Some(FolderKind::Film), ..OpenOptions::default() };
        let rests = Rests::default();
        let fingerprint = fingerprint(opener, recognizer.detector(), &options, &rests, no_pictures);
        let analysis = Analysis {
            out,
            settings: &fingerprint,
            outputs,
            read_by,
            speakers: None,
            no_pictures,
            appearance: None,
            rests: &rests,
            options,
            force: false,
        };
        analysis.check(&named, recognizer.classes())?;
        run(&analysis, &named, recognizer, work, &*wake)
    }

    /// The recognizer that is wanted; the one before where it was opened for the same.
    fn reader(&mut self, choice: &RecognizerChoice, no_pictures: bool) -> anyhow::Result<&mut Reader> {
        let same = |reader: &Reader| reader.choice == *choice && reader.no_pictures == no_pictures;
        if !self.reader.as_ref().is_some_and(same) {
            self.reader = None;
            let mut opener = RecognizerOpener::new(choice.for_files(no_pictures))?;
            let (recognizer, about) = opener.open(Clock::default())?;
            let read_by = read_by(about, &opener);
            self.reader = Some(Reader { choice: choice.clone(), no_pictures, opener, recognizer, read_by });
        }
        self.reader.as_mut().context("no recognizer")
    }
}

fn run(
    analysis: &Analysis<'_>,
    named: &Named,
    recognizer: &mut Recognizer,
    work: &Work,
    wake: &dyn Fn(),
) -> anyhow::Result<JobState> {
    let table = path_of(analysis.out, &named.name, "csv");
    let mut last = Instant::now();
    let mut tell = |frames: usize| {
        work.frames.fetch_add(frames as u64, Ordering::Relaxed);
        if last.elapsed() > TELL {
            last = Instant::now();
            wake();
        }
        !work.stop.load(Ordering::Relaxed)
    };
    let state = match analysis.run(named, recognizer, &mut tell)? {
        Outcome::Done(_) => JobState::Done { table, before: false },
        Outcome::Kept(_) => JobState::Done { table, before: true },
        Outcome::Stopped => return Ok(JobState::Stopped),
    };
    let finished: Vec<(String, Summary)> = Results::read(analysis.out)?.finished(analysis.out);
    write_people(&finished, &analysis.out.join("index.html"))?;
    Ok(state)
}
