//! The window's hold on the stages.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Builder;
use std::time::Duration;

use affekt_engine::media::{Outlet, bounded_outlet};
use affekt_engine::world::live::StageTimes;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::capture::{Capture, Open, Play};
use super::controls::{Controls, Slow};
use super::event::Event;
use super::inference::{Inference, Order};
use super::opening::Make;
use super::reading::Shown;
use super::time::Time;
use crate::recognize::RecognizerChoice;

/// Readings that wait for the window, and things it is told.
const WAITING: usize = 32;

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
        let controls = Arc::new(Controls::new(Arc::clone(&stop), slow, wake));
        let (orders, incoming) = bounded(4);
        let (show, shown) = bounded_outlet(WAITING, Arc::clone(&stop));
        let (tell, events) = bounded_outlet(WAITING, stop);
        let times = Arc::default();
        let unseen = show.dropped();
        let stage = Inference::new(
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
    pub fn play(&mut self, open: Open, play: impl Into<Play>) -> std::io::Result<u64> {
        let play = play.into();
        self.runs += 1;
        // The one before ends by itself, whatever it is doing just now.
        self.capture = None;
        let capture = Capture::spawn(
            self.runs,
            open,
            play,
            self.time.clone(),
            Arc::clone(&self.controls),
            self.tell.clone(),
        )?;
        self.order(Order::Source { run: self.runs, how: play.how, events_in: capture.events_in.clone() });
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
