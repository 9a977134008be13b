//! A port that tells other programs what is read, while it is read: a JSON object a line to whoever connects by TCP, a text
//! message an object to whoever asks for a WebSocket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use thiserror::Error;

use super::client::{Speaks, greet};
use super::lines;
use crate::world::live::FrameReading;

/// Lines that wait for one client; about eight seconds of a camera.
const WAITING: usize = 256;
/// Most clients at a time; others are turned away.
const MOST_CLIENTS: usize = 32;
/// How often threads look whether they are to end.
const TICK: Duration = Duration::from_millis(50);
/// How long clients have to take what waits for them when the port closes.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a port cannot be opened.
#[derive(Debug, Error)]
pub enum PortError {
    /// The text is no address.
    #[error("`{0}` is no address; give HOST:PORT or PORT, such as 127.0.0.1:9000")]
    Address(String),
    /// Another program has it.
    #[error(
        "{0} is in use by another program; end that program, or choose another port (port 0 takes a free one)"
    )]
    InUse(SocketAddr),
    /// The system refuses.
    #[error("cannot listen on {address}: {source}; choose another address")]
    Io {
        /// The address.
        address: SocketAddr,
        /// Cause.
        source: io::Error,
    },
}

/// What a port has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortCounts {
    /// Clients that listen now.
    pub clients: usize,
    /// Lines handed to clients, each client counted.
    pub sent: u64,
    /// Lines that a client was too slow for.
    pub dropped: u64,
}

struct Client {
    lines: Sender<Arc<str>>,
    /// Whether it has said what it wants.
    greeted: Arc<AtomicBool>,
    stream: TcpStream,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    clients: Mutex<Vec<Client>>,
    stop: AtomicBool,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, Vec<Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open port. Dropping it closes it.
///
/// Only programs on this computer reach an address of `127.0.0.1`; there is no password, so any other address lets the whole
/// network listen. Web pages may listen only where they come from this computer.
pub struct Port {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    /// Opens a port: `HOST:PORT`, or `PORT` alone for `127.0.0.1`. Port 0 takes a free one.
    ///
    /// # Errors
    /// The text is no address, or the port cannot be had.
    pub fn open(address: &str) -> Result<Self, PortError> {
        let wanted = resolve(address)?;
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => PortError::InUse(wanted),
            _ => PortError::Io { address: wanted, source },
        };
        let listener = TcpListener::bind(wanted).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let work = move || accept(&listener, &accepting);
        let thread = Builder::new().name("port".into()).spawn(work).map_err(io)?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Where it listens; the port that was taken where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether only programs on this computer can listen.
    pub fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// Tells all clients of a frame. Never waits: a client whose queue is full does not hear of it, and that is counted.
    pub fn publish(&self, reading: &FrameReading, classes: &[String]) {
        let mut clients = self.shared.clients();
        if clients.is_empty() {
            return;
        }
        let mut line = vec![];
        // A vector takes all that is written.
        let _ = lines::write(&mut line, reading, classes);
        let line: Arc<str> = String::from_utf8_lossy(&line).trim_end().into();
        clients.retain(|client| match client.lines.try_send(Arc::clone(&line)) {
            Ok(()) => {
                self.shared.sent.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Full(_)) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                true
            }
            // Its thread has ended.
            Err(TrySendError::Disconnected(_)) => false,
        });
    }

    /// What it has done so far.
    pub fn counts(&self) -> PortCounts {
        let mut clients = self.shared.clients();
        clients.retain(|client| !client.thread.is_finished());
        PortCounts {
            clients: clients.len(),
            sent: self.shared.sent.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let clients = std::mem::take(&mut *self.shared.clients());
        let until = Instant::now() + FAREWELL;
        let mut threads = vec![];
        for Client { lines, stream, thread, .. } in clients {
            // Without a sender a thread ends once its queue is empty.
            drop(lines);
            threads.push((stream, thread));
        }
        for (stream, thread) in threads {
            while !thread.is_finished() && Instant::now() < until {
                sleep(Duration::from_millis(5));
            }
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

fn resolve(text: &str) -> Result<SocketAddr, PortError> {
    let wrong = || PortError::Address(text.to_owned());
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)
}

/// Takes clients until the port closes.
fn accept(listener: &TcpListener, shared: &Shared) {
    while !shared.stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, peer)) => {
                if let Err(error) = welcome(stream, shared) {
                    log::debug!("client {peer}: {error}");
                }
            }
            // Nobody is there; or the system is short of something, which may pass.
            Err(_) => sleep(TICK),
        }
    }
}

fn welcome(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    let mut clients = shared.clients();
    clients.retain(|client| !client.thread.is_finished());
    if clients.len() >= MOST_CLIENTS {
        // Whoever has not said what it wants yet gives way, so that no crowd of those who never do keeps others off.
        let undecided = clients.iter().position(|client| !client.greeted.load(Ordering::Relaxed));
        let Some(at) = undecided else { return Err(io::Error::other("too many clients")) };
        let _ = clients.remove(at).stream.shutdown(Shutdown::Both);
    }
    let (lines, waiting) = bounded(WAITING);
    let greeted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&greeted);
    let (own, closing) = (stream.try_clone()?, stream.try_clone()?);
    let thread = Builder::new().name("client".into()).spawn(move || {
        // A client that hangs up is no failure of ours.
        if let Err(error) = serve(own, &told, &waiting) {
            log::debug!("a client ended: {error}");
        }
        // The port still holds the connection, so only this ends it for the client.
        let _ = closing.shutdown(Shutdown::Both);
    })?;
    clients.push(Client { lines, greeted, stream, thread });
    Ok(())
}

/// Tells one client line by line until it or the port ends.
fn serve(stream: TcpStream, greeted: &AtomicBool, lines: &Receiver<Arc<str>>) -> io::Result<()> {
    let speaks = greet(stream)?;
    greeted.store(true, Ordering::Relaxed);
    match speaks {
        Speaks::Lines(mut client) => lines.iter().try_for_each(|line| client.send(&line)),
        Speaks::WebSocket(mut socket) => loop {
            match lines.recv_timeout(TICK) {
                Ok(line) => socket.send(&line)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return socket.close(),
            }
            // Pings want an answer, and whoever closes is to be told that it was heard.
            if !socket.listen()? {
                return Ok(());
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_this_computers() {
        assert_eq!(resolve("9000").map(|a| a.to_string()).ok().as_deref(), Some("127.0.0.1:9000"));
        assert_eq!(resolve(":9000").map(|a| a.to_string()).ok().as_deref(), Some("127.0.0.1:9000"));
        assert_eq!(resolve("0.0.0.0:80").map(|a| a.to_string()).ok().as_deref(), Some("0.0.0.0:80"));
        for wrong in ["", "here", "1.2.3.4", "127.0.0.1:70000", "70000"] {
            let error = resolve(wrong).expect_err("no address").to_string();
            assert!(error.contains("127.0.0.1:9000"), "{wrong}: {error}");
        }
    }
}
