//! The way of a frame to the window, without the window: capture -> inference, each a thread, joined by bounded channels.
//!
//! `capture` reads a source at its own rate, `inference` holds the recognizer and opens another one beside it when
//! asked to, the engine's bounded outlets join them: live the newest frame wins and what is thrown out is counted, of a file
//! every frame is read. `recording` writes what is read to disk, in a thread of its own. The window's thread owns a [`Pipeline`], none of
//! whose calls waits. `latency` books when labels were drawn, `time` is the clock of it all. Nothing here knows what is drawn.

mod capture;
mod inference;
mod latency;
mod reading;
mod recording;
mod time;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::Builder;
use std::time::Duration;

use affekt_engine::Recognizer;
use affekt_engine::media::source::SourceInfo;
use affekt_engine::media::{Outlet, OverflowPolicy, bounded_outlet};
use affekt_engine::world::live::{Clock, StageTimes};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use capture::Capture;
pub use capture::{CapturedFrame, Open, Opened};
use inference::Order;
pub use latency::Latency;
pub use reading::{Seen, Shown, image};
pub use time::Time;

use crate::recognize::RecognizerChoice;

/// Readings that wait for the window, and things it is told.
const WAITING: usize = 32;

/// Time that stages are made to take longer, to see that the window does not mind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slow {
    /// Each frame's capture.
    pub capture: Duration,
    /// Each frame's inference.
    pub inference: Duration,
}

/// What is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// One line about the expression model.
    pub model: String,
    /// One line about the face detector.
    pub detector: String,
    /// One line about what computes.
    pub backend: String,
}

/// Opens a recognizer, in a thread of its own; the error is one line that says what to do.
pub type Make = Arc<dyn Fn(&RecognizerChoice, Clock) -> Result<(Recognizer, About), String> + Send + Sync>;

/// What the window is told.
#[derive(Debug, Clone)]
pub enum Event {
    /// A source is open.
    Opened {
        /// Which start of a source.
        run: u64,
        /// What it says of itself.
        info: SourceInfo,
        /// What people should know about it.
        note: Option<String>,
    },
    /// A source has no more frames.
    Ended {
        /// Which start of a source.
        run: u64,
    },
    /// A source could not be opened or read on.
    Failed {
        /// Which start of a source.
        run: u64,
        /// What went wrong and what to do.
        problem: String,
    },
    /// A recognizer is at work; faces are numbered anew.
    Ready(About),
    /// A recognizer could not be opened, or has failed. Where there was another one before, it goes on with that.
    Refused {
        /// What went wrong and what to do.
        problem: String,
        /// Whether the one before goes on.
        goes_on: bool,
    },
    /// Other programs are told what is read at this address, or it cannot be had; why, and what to do.
    Served(Result<SocketAddr, String>),
    /// A face cannot be looked at at rest; why.
    NotAtRest(String),
    /// A recording has ended, because it was asked to or because of a problem; the files are closed and can be played.
    Recorded {
        /// The video; its table lies beside it.
        video: PathBuf,
        /// Frames in it.
        frames: u64,
        /// Frames that were left out because encoding was behind.
        dropped: u64,
        /// What went wrong and what to do.
        problem: Option<String>,
    },
}

/// What the stages look up while they run.
pub(crate) struct Controls {
    stop: Arc<AtomicBool>,
    paused: AtomicBool,
    /// Most columns and rows of a picture that is worth drawing.
    view: [AtomicUsize; 2],
    /// Frames that a face's probabilities are averaged over.
    smoothing: AtomicUsize,
    /// Programs that listen at the port.
    clients: AtomicUsize,
    slow: Slow,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Controls {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    fn view(&self) -> (usize, usize) {
        (self.view[0].load(Ordering::Relaxed), self.view[1].load(Ordering::Relaxed))
    }

    fn smoothing(&self) -> usize {
        self.smoothing.load(Ordering::Relaxed)
    }

    /// Tells the window that there is something to see.
    fn wake(&self) {
        (self.wake)();
    }
}

/// How a pipeline is set up.
pub struct Setup {
    /// Its clock.
    pub time: Time,
    /// Stages that are slowed.
    pub slow: Slow,
    /// Opens recognizers.
    pub make: Make,
    /// Called, from any thread, when there is something to see.
    pub wake: Box<dyn Fn() + Send + Sync>,
}

/// Numbers about a run, so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that came from the source.
    pub captured: u64,
    /// Frames thrown out because a newer one came before they could be read.
    pub dropped: u64,
    /// Frames that could not be decoded.
    pub damaged: u64,
}

/// The window's hold on the stages. None of its calls waits for one of them.
pub struct Pipeline {
    controls: Arc<Controls>,
    time: Time,
    orders: Sender<Order>,
    /// Orders that found no place yet.
    pending: VecDeque<Order>,
    shown: Receiver<Shown>,
    events: Receiver<Event>,
    tell: Outlet<Event>,
    capture: Option<Capture>,
    times: Arc<std::sync::Mutex<StageTimes>>,
    unseen: Arc<AtomicU64>,
    runs: u64,
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.controls.stop.store(true, Ordering::Relaxed);
    }
}

impl Pipeline {
    /// Starts inference, without a recognizer or a source yet.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(setup: Setup) -> std::io::Result<Self> {
        let Setup { time, slow, make, wake } = setup;
        let stop = Arc::new(AtomicBool::new(false));
        let controls = Arc::new(Controls {
            stop: Arc::clone(&stop),
            paused: AtomicBool::new(false),
            view: [AtomicUsize::new(1280), AtomicUsize::new(1280)],
            smoothing: AtomicUsize::new(1),
            clients: AtomicUsize::new(0),
            slow,
            wake,
        });
        let (orders, incoming) = bounded(4);
        let (show, shown) = bounded_outlet(WAITING, Arc::clone(&stop));
        let (tell, events) = bounded_outlet(WAITING, stop);
        let times = Arc::default();
        let unseen = show.dropped();
        let stage = inference::Inference::new(
            time.clone(),
            Arc::clone(&controls),
            make,
            incoming,
            show,
            tell.clone(),
            Arc::clone(&times),
        );
        Builder::new().name("inference".into()).spawn(move || stage.work())?;
        Ok(Self {
            controls,
            time,
            orders,
            pending: VecDeque::new(),
            shown,
            events,
            tell,
            capture: None,
            times,
            unseen,
            runs: 0,
        })
    }

    /// Plays a source in place of the one before; gives the number of this run.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn play(&mut self, open: Open, how: OverflowPolicy) -> std::io::Result<u64> {
        self.runs += 1;
        // The one before ends by itself, whatever it is doing just now.
        self.capture = None;
        let capture = Capture::spawn(
            self.runs,
            open,
            how,
            self.time.clone(),
            Arc::clone(&self.controls),
            self.tell.clone(),
        )?;
        self.order(Order::Source { run: self.runs, how, events_in: capture.events_in.clone() });
        self.capture = Some(capture);
        Ok(self.runs)
    }

    /// Ends the source.
    pub fn end(&mut self) {
        self.capture = None;
        self.order(Order::NoSource);
    }

    /// Asks for another recognizer. The one at work goes on until the other is open.
    pub fn recognize(&mut self, choice: RecognizerChoice) {
        self.order(Order::Recognizer(choice));
    }

    /// Records what is read from now on to this MP4 file and a table beside it.
    pub fn record(&mut self, video: PathBuf) {
        self.order(Order::Record(Some(video)));
    }

    /// Ends the recording; [`Event::Recorded`] tells when its files are closed.
    pub fn end_recording(&mut self) {
        self.order(Order::Record(None));
    }

    /// Tells other programs what is read, at `HOST:PORT` or a `PORT` of this computer; `None` for no more.
    pub fn serve(&mut self, address: Option<String>) {
        self.order(Order::Serve(address));
    }

    /// Programs that listen.
    pub fn clients(&self) -> usize {
        self.controls.clients.load(Ordering::Relaxed)
    }

    /// Looks at a face for so many seconds in which it is at rest, and takes that off its readings; without a time forgets
    /// what is known.
    pub fn look_at_rest(&mut self, face: u32, seconds: Option<f64>) {
        self.order(Order::Neutral(face, seconds));
    }

    /// Pauses or goes on.
    pub fn pause(&self, paused: bool) {
        self.controls.paused.store(paused, Ordering::Relaxed);
    }

    /// Says how many columns and rows of a picture are worth drawing; larger ones are reduced before they come.
    pub fn set_view(&self, width: usize, height: usize) {
        self.controls.view[0].store(width.max(16), Ordering::Relaxed);
        self.controls.view[1].store(height.max(16), Ordering::Relaxed);
    }

    /// Averages what is shown of a face over so many frames; 1 for none.
    pub fn set_smoothing(&self, frames: usize) {
        self.controls.smoothing.store(frames.max(1), Ordering::Relaxed);
    }

    /// What has come since the last call.
    pub fn poll(&mut self) -> (Vec<Shown>, Vec<Event>) {
        self.flush();
        (self.shown.try_iter().collect(), self.events.try_iter().collect())
    }

    /// Numbers about the present run.
    pub fn tally(&self) -> Tally {
        let Some(Capture { counts, .. }) = &self.capture else { return Tally::default() };
        Tally {
            captured: counts.captured.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed) + self.unseen.load(Ordering::Relaxed),
            damaged: counts.damaged.load(Ordering::Relaxed),
        }
    }

    /// The number of the present run.
    pub fn run(&self) -> u64 {
        self.runs
    }

    /// Whether the present source is live.
    pub fn is_live(&self) -> bool {
        self.capture.as_ref().is_some_and(|c| c.overflow == OverflowPolicy::DropOldest)
    }

    /// The stages' times of the present recognizer; `None` where they are being written just now.
    pub fn times(&self) -> Option<StageTimes> {
        self.times.try_lock().ok().map(|times| *times)
    }

    /// The pipeline's clock.
    pub fn now(&self) -> Duration {
        self.time.now()
    }

    fn order(&mut self, order: Order) {
        self.pending.push_back(order);
        self.flush();
    }

    /// Hands over orders as far as there are places; the rest waits here, not in a call.
    fn flush(&mut self) {
        while let Some(order) = self.pending.pop_front() {
            match self.orders.try_send(order) {
                Ok(()) => {}
                Err(TrySendError::Full(order)) => {
                    self.pending.push_front(order);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }
}
