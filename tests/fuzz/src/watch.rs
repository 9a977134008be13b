//! The process that looks after one that reads broken files.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// What one reading may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest time that a file may take: of the processor, for the machine may have others to serve; of the clock, where nothing
    /// is computed.
    pub time: Duration,
    /// Most memory more than the file as it should be took, in KiB.
    pub memory_kib: u64,
    /// Address space of the process in KiB; what asks for more ends.
    pub space_kib: u64,
}

impl Default for Limits {
    /// 10 s, 256 MiB, 6 GiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), memory_kib: 256 << 10, space_kib: 6 << 20 }
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A panic, at this place.
    Panic(String),
    /// The process ended.
    Abort(String),
    /// No end within the time.
    Hang,
    /// So many KiB more than the file as it should be.
    Memory(u64),
    /// A message that is no help or does harm.
    Message(String),
}

/// A fault, and the seed that repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the format.
    pub format: String,
    /// Its seed; `affekt-fuzz write FORMAT SEED FOLDER` writes the file.
    pub seed: u64,
    /// What went wrong.
    pub kind: Kind,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} seed {}: ", self.format, self.seed)?;
        match &self.kind {
            Kind::Panic(place) => write!(f, "panic at {place}"),
            Kind::Abort(how) => write!(f, "the process ended: {how}"),
            Kind::Hang => write!(f, "no end"),
            Kind::Memory(kib) => write!(f, "{} MiB more than for the honest file", kib >> 10),
            Kind::Message(what) => write!(f, "a message {what}"),
        }
    }
}

/// Reads the files of seeds `first` to `first + count`, for at most `time`, in processes of `program`; begins another one
/// where one ended. Returns how many seeds were gone through, and what was found.
///
/// # Errors
/// The program cannot be started, or cannot read the file as it should be.
pub fn watch(
    program: &Path,
    format: &str,
    (first, count): (u64, u64),
    time: Duration,
    limits: &Limits,
) -> io::Result<(u64, Vec<Finding>)> {
    let (mut found, mut next, end) = (vec![], first.max(1), first.max(1).saturating_add(count));
    let until = Instant::now() + time;
    let (mut gone, mut restarts) = (0, 0);
    while next < end && Instant::now() < until {
        let mut child = start(program, format, next, end - next, until - Instant::now(), limits)?;
        let mut batch = Batch { format, seed: 0, honest: 0, gone: 0, found: vec![] };
        let process = Process(child.id());
        let ended = batch.follow(&lines(&mut child)?, limits, &process);
        if !ended {
            let _ = child.kill();
        }
        let status = child.wait()?;
        found.append(&mut batch.found);
        gone += batch.gone;
        if ended && status.success() {
            break;
        }
        if ended && batch.seed == 0 {
            return Err(io::Error::other(format!("{format}: the honest file cannot be read ({status})")));
        }
        let kind = if ended { Kind::Abort(status.to_string()) } else { Kind::Hang };
        found.push(Finding { format: format.into(), seed: batch.seed, kind });
        next = batch.seed + 1;
        restarts += 1;
        if restarts == 20 {
            break;
        }
    }
    Ok((gone, found))
}

fn start(
    program: &Path,
    format: &str,
    first: u64,
    count: u64,
    time: Duration,
    limits: &Limits,
) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    // No ffmpeg: what another program does with a broken file is not looked at here.
    command.env("PATH", "");
    command.arg("-c").arg("ulimit -v \"$0\"; exec \"$@\"").arg(limits.space_kib.to_string()).arg(program);
    command.args(["read", format, &first.to_string(), &count.to_string(), &time.as_secs_f64().to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// A process, and the programs that it runs, as the system knows them.
struct Process(u32);

impl Process {
    /// Itself and what it runs, and what that runs.
    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.0];
        let mut looked = 0;
        while let Some(id) = family.get(looked) {
            let of_thread =
                |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children"));
            let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
            let children: Vec<String> = threads.filter_map(|thread| of_thread(thread).ok()).collect();
            family.extend(
                children
                    .iter()
                    .flat_map(|ids| ids.split_ascii_whitespace())
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
            looked += 1;
        }
        family
    }

    /// Whether a thread of the family runs, or would if there were a processor or a disk for it: a busy machine is no fault of the reader.
    fn wants_to_run(&self) -> bool {
        let threads = |id| std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        self.family().into_iter().flat_map(threads).any(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['R', 'D']))
        })
    }

    /// What the family has computed so far, all threads together and those that have ended; `None` where the system does not say.
    fn computed(&self) -> Option<Duration> {
        /// Of a second, in the files of Linux.
        const TICKS: u64 = 100;
        let ticks = |id| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            // The second field is a name in brackets, which may hold spaces; the times are the 14th to 17th.
            let fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11).take(4);
            fields.map(|ticks| ticks.parse::<u64>().ok()).sum::<Option<u64>>()
        };
        let own = ticks(self.0)?;
        let others: u64 = self.family().into_iter().skip(1).filter_map(ticks).sum();
        Some(Duration::from_millis((own + others) * 1000 / TICKS))
    }

    /// Whether it hangs, having had no word for as long as a file may take: it has computed as long, or nothing at all for a while.
    fn hangs(&self, since: Option<Duration>, limit: Duration) -> bool {
        let (Some(before), Some(now)) = (since, self.computed()) else { return true };
        if now.saturating_sub(before) >= limit {
            return true;
        }
        if self.wants_to_run() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(500));
        self.computed().is_none_or(|later| later == now) && !self.wants_to_run()
    }
}

/// The lines that a process says, until it ends.
fn lines(child: &mut Child) -> io::Result<Receiver<String>> {
    let (sender, receiver) = sync_channel(64);
    if let Some(out) = child.stdout.take() {
        std::thread::Builder::new().name("lines".into()).spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        })?;
    }
    Ok(receiver)
}

/// What one process went through.
struct Batch<'a> {
    format: &'a str,
    seed: u64,
    honest: u64,
    gone: u64,
    found: Vec<Finding>,
}

impl Batch<'_> {
    /// Hears a process out; whether it came to its end by itself.
    fn follow(&mut self, lines: &Receiver<String>, limits: &Limits, process: &Process) -> bool {
        let mut since = process.computed();
        loop {
            let line = match lines.recv_timeout(limits.time) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) if process.hangs(since, limits.time) => return false,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return true,
            };
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "begin" => {
                    self.seed = rest.parse().unwrap_or(0);
                    since = process.computed();
                }
                "panic" => self.note(Kind::Panic(rest.into())),
                "message" => self.note(Kind::Message(rest.into())),
                "end" => {
                    let kib = rest.split(' ').nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0);
                    if self.seed == 0 {
                        self.honest = kib;
                    } else {
                        self.gone += 1;
                        let more = kib.saturating_sub(self.honest);
                        if more > limits.memory_kib {
                            self.note(Kind::Memory(more));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn note(&mut self, kind: Kind) {
        self.found.push(Finding { format: self.format.into(), seed: self.seed, kind });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A shell that waits for a program of its own.
    fn waiting_for(program: &str) -> Child {
        let command = format!("{program} & read line; kill $!");
        Command::new("/bin/sh").arg("-c").arg(command).stdin(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_reader_works_as_long_as_a_program_that_it_waits_for_does() {
        let limit = Duration::from_hours(1);
        for (program, works) in [("while :; do :; done", true), ("sleep 3600", false)] {
            let mut child = waiting_for(program);
            let process = Process(child.id());
            while process.family().len() < 2 {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(process.hangs(process.computed(), limit), !works, "{program}");
            // Its input ends, so it ends its program and itself.
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}
