//! `affekt stream`: a camera, or anything played as one, read while it happens.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use affekt_engine::media::camera::CameraRequest;
use affekt_engine::media::source::OpenOptions;
use affekt_engine::signal::NeutralCalibration;
use affekt_engine::world::live::{
    Clock, FrameReading, LiveSettings, NeutralState, OpenSource, Recognizer, RecognizerOpener, SourceSpec,
};
use anyhow::anyhow;
use clap::Args;

use super::classify;
use super::reading::ReadingArgs;
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;
use crate::stream::{Feed, Sinks, Wanted};

const EXAMPLES: &str = "Examples:
  affekt stream camera --jsonl -
  affekt stream camera:1 --size 1280x720 --serve 9000 --record talk.mp4
  affekt stream synth --serve 127.0.0.1:9000 --seconds 10
  affekt stream interview.mp4 --serve 9000

SOURCE is `camera` or `camera:N` (affekt doctor lists them), `synth` for two \
people who do not exist, or a video, a picture or a folder of pictures, played at its own rate. Of a camera the newest frame \
wins, of a file every frame counts. It ends with the source, after --seconds, or by Ctrl-C.

Without --jsonl, --serve and --record a line is printed whenever somebody's label changes. A file is read faster, and into \
a table, by affekt analyze.

--serve sends a JSON object a frame to everybody who connects, one a line over TCP (nc 127.0.0.1 9000) or one a message to a \
WebSocket (ws://127.0.0.1:9000). There is no password: an address other than 127.0.0.1 opens it to the network.";

/// How often threads and keys are looked after where no frame comes.
const TICK: Duration = Duration::from_millis(100);
/// Seconds between lines about how it goes.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Read the faces before a camera, and tell other programs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StreamArgs {
    /// `camera[:N]`, `synth`, or a video, picture or folder of pictures.
    #[arg(value_name = "SOURCE")]
    source: SourceSpec,
    #[command(flatten)]
    reading: ReadingArgs,
    /// The camera's picture, as near as it can.
    #[arg(long, value_name = "WxH", value_parser = size, default_value = "640x480")]
    size: (u32, u32),
    /// Frames a second of the camera, as near as it can, and of folders of pictures.
    #[arg(long, value_name = "RATE", default_value_t = 30.0)]
    fps: f64,
    /// Write a JSON object a frame to a new file, or with `-` to standard output.
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
    /// Send the same to everybody who connects to HOST:PORT, or PORT on this computer.
    #[arg(long, value_name = "ADDR")]
    serve: Option<String>,
    /// Record video and table, FILE.mp4 and FILE.csv.
    #[arg(long, value_name = "FILE.mp4")]
    record: Option<PathBuf>,
    /// Take off each person's resting face: everybody looks neutral for so many seconds from when they are first seen.
    #[arg(long, value_name = "SECONDS")]
    neutral: Option<f64>,
    /// End after so many seconds of the source's time.
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Say nothing of how it goes.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    pub compute: Compute,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let parse = |part: &str| part.parse::<u32>().ok().filter(|&side| (16..=8192).contains(&side));
    let sides = text.split_once(['x', 'X']).and_then(|(w, h)| Some((parse(w)?, parse(h)?)));
    sides.ok_or_else(|| format!("`{text}` is no size such as 640x480"))
}

/// Runs the command.
///
/// # Errors
/// The source, the model or a place for results cannot be used, or the source fails on its way.
pub fn run(args: &StreamArgs, compute: &Compute) -> Result<(), Failure> {
    if !(args.fps.is_finite() && args.fps > 0.0 && args.fps <= 1000.0) {
        return Err(Failure::usage(anyhow!("--fps is {}, but must be above 0 and at most 1000", args.fps)));
    }
    let request = CameraRequest { size: args.size, rate: args.fps };
    let spec = args.reading.spec(None, true, &LiveSettings::default(), compute);
    let mut opener = RecognizerOpener::new(spec).map_err(classify)?;
    let opened = args
        .source
        .open(request, OpenOptions { folder_rate: args.fps, ..OpenOptions::default() })
        .map_err(classify)?;
    let OpenSource { source, keeps_time, detector, note } = opened;
    if let Some(note) = note {
        note!("{note}");
    }
    let opened = match detector.filter(|_| args.reading.detector.is_none()) {
        Some(detector) => opener.open_with(detector, Clock::default()),
        None => opener.open(Clock::default()),
    };
    let (mut recognizer, _) = opened.map_err(classify)?;
    if let Some(seconds) = args.neutral {
        NeutralCalibration::new(seconds).map_err(Failure::usage)?;
        if !recognizer.classes().iter().any(|class| class.eq_ignore_ascii_case("neutral")) {
            return Err(Failure::usage(anyhow!("--neutral needs a model with a class of that name")));
        }
    }
    let wanted = Wanted {
        json_lines: args.jsonl.as_deref(),
        serve: args.serve.as_deref(),
        record: args.record.as_deref(),
    };
    let mut sinks = Sinks::open(&wanted, recognizer.classes())?;
    interrupt::watch()?;
    recognizer.take_pictures(source.info().still);
    if !args.quiet {
        note!("source: {}; detector: {}", source.info().name, recognizer.detector());
    }
    if !args.quiet && wanted.nothing() {
        note!(
            "note: a line is printed whenever a label changes; every frame's boxes and probabilities go nowhere without --jsonl, \
             --serve or --record"
        );
    }
    if let Some(port) = sinks.port() {
        // Programs that start this one read the port from here, so it is said whatever else is not.
        note!("listening on {}", port.address());
        if !port.is_local() {
            note!("warning: everybody on the network can listen; 127.0.0.1 keeps it on this computer");
        }
    }
    let feed = Feed::start(source, args.source.overflow(), !keeps_time, args.record.is_some())?;
    let mut told = Told::new(args.quiet);
    let outcome = follow(args, &feed, &mut recognizer, &mut sinks, &mut told);
    let (dropped, lost) = (feed.dropped(), feed.lost());
    drop(feed);
    if outcome.is_ok() {
        for reading in recognizer.finish().map_err(classify)? {
            told.reading(&mut sinks, &reading)?;
        }
    }
    told.end(&sinks, dropped);
    if lost > 0 {
        note!(
            "{lost} frames came too fast to be recorded; a smaller --size or a faster model leaves more time"
        );
    }
    let finished = sinks.finish();
    outcome?;
    Ok(finished?)
}

/// Reads until the source, the time or the user's patience ends.
fn follow(
    args: &StreamArgs,
    feed: &Feed,
    recognizer: &mut Recognizer,
    sinks: &mut Sinks,
    told: &mut Told,
) -> Result<(), Failure> {
    let mut first = None;
    while !interrupt::asked() && !sinks.is_over() {
        let message = match feed.next(TICK) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()),
            Err(()) => continue,
        };
        let frame = message?;
        let began = *first.get_or_insert(frame.seconds);
        let ends = args.seconds.map_or(f64::INFINITY, |seconds| began + seconds);
        for frame in feed.to_record().filter(|frame| frame.seconds < ends) {
            Told::recorded(sinks.record(&frame));
        }
        if args.seconds.is_some_and(|end| frame.seconds - began >= end) {
            return Ok(());
        }
        for reading in recognizer.read(vec![frame]).map_err(classify)? {
            told.reading(sinks, &reading)?;
            if let Some(seconds) = args.neutral {
                for face in &reading.faces {
                    if recognizer.neutral(face.face) == NeutralState::Unknown {
                        // Somebody who has left meanwhile needs none.
                        let _ = recognizer.calibrate_neutral(face.face, seconds);
                    }
                }
            }
        }
        told.now_and_then(sinks, feed.dropped());
    }
    Ok(())
}

/// What is said of how it goes.
struct Told {
    quiet: bool,
    frames: u64,
    start: Instant,
    last: Instant,
    frames_then: u64,
}

impl Told {
    fn new(quiet: bool) -> Self {
        Self { quiet, frames: 0, start: Instant::now(), last: Instant::now(), frames_then: 0 }
    }

    fn reading(&mut self, sinks: &mut Sinks, reading: &FrameReading) -> Result<(), Failure> {
        self.frames += 1;
        Self::recorded(sinks.tell(reading)?);
        Ok(())
    }

    /// Says that the recording is over, where it is; the faces are still there.
    fn recorded(problem: Option<String>) {
        if let Some(problem) = problem {
            note!("error: {problem}; reading goes on without it");
        }
    }

    fn now_and_then(&mut self, sinks: &Sinks, dropped: u64) {
        let since = self.last.elapsed();
        if self.quiet || since < SAY_EVERY {
            return;
        }
        let rate = (self.frames - self.frames_then) as f64 / since.as_secs_f64();
        note!("{} frames, {rate:.1} a second, {dropped} left out{}", self.frames, Self::more(sinks));
        (self.last, self.frames_then) = (Instant::now(), self.frames);
    }

    fn end(&self, sinks: &Sinks, dropped: u64) {
        if self.quiet {
            return;
        }
        let seconds = self.start.elapsed().as_secs_f64();
        note!("{} frames in {seconds:.1} s, {dropped} left out{}", self.frames, Self::more(sinks));
    }

    fn more(sinks: &Sinks) -> String {
        let port = sinks.port().map_or(String::new(), |port| {
            let counts = port.counts();
            format!(
                "; port: {} listening, {} lines sent, {} dropped",
                counts.clients, counts.sent, counts.dropped
            )
        });
        let recorded = match sinks.recorded() {
            0 => String::new(),
            frames => format!("; {frames} recorded"),
        };
        port + &recorded
    }
}
