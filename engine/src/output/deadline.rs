//! A connection whose every dealing has one end in time, however little at a time the other side gives or takes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A connection with a moment after which nothing is waited for.
pub(super) struct Deadline {
    stream: TcpStream,
    until: Instant,
}

impl Deadline {
    /// The first dealing may take `time`.
    pub(super) fn new(stream: TcpStream, time: Duration) -> Self {
        Self { stream, until: Instant::now() + time }
    }

    /// The next dealing may take `time` from now on, in all its reads and writes together.
    pub(super) fn allow(&mut self, time: Duration) {
        self.until = Instant::now() + time;
    }

    /// What is left of the time.
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Deadline {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(into)
    }
}

impl Write for Deadline {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn dripping_does_not_move_the_end() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let mut other = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (stream, _) = listener.accept().expect("a client");
        let drip = std::thread::Builder::new().name("drip".into());
        let drip = drip.spawn(move || {
            while other.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let begin = Instant::now();
        let mut own = Deadline::new(stream, Duration::from_millis(200));
        let error = own.read_exact(&mut [0; 4096]).expect_err("no end of drops");
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        own.allow(Duration::from_secs(5));
        own.read_exact(&mut [0; 4]).expect("time again");
        drop(own);
        drip.expect("a thread").join().expect("it ends");
    }
}
