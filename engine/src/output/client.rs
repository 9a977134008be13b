//! How one client of the port wants to be spoken to.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::StatusCode;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket, accept_hdr_with_config};

use super::deadline::Deadline;

/// What a browser or `curl` is told, which ask for a page.
const NO_PAGE: &str = "affekt gives readings here, as they are made, and no page: connect with a WebSocket client (a message a frame) \
                       or a plain TCP client such as nc (a line a frame).\n";

/// How long a client has to ask for a WebSocket before it is sent plain lines.
const ASK: Duration = Duration::from_millis(300);
/// How long its request may take in all.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// How long a client may take over one line or message.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long is listened for what a client says: it has nothing to say that matters.
const LISTEN: Duration = Duration::from_millis(1);
/// Longest message that is taken from a client.
const LONGEST: usize = 4096;
/// What requests of browsers begin with that are none for a WebSocket.
const OTHER_REQUESTS: [&[u8; 4]; 8] =
    [b"POST", b"PUT ", b"HEAD", b"OPTI", b"DELE", b"PATC", b"CONN", b"TRAC"];

/// A client that is ready.
pub(super) enum Speaks {
    /// Plain lines.
    Lines(LineSocket),
    /// Messages.
    WebSocket(Box<Socket>),
}

/// Finds out what a client wants: one that begins with an HTTP request gets a WebSocket, one that waits gets lines.
///
/// # Errors
/// It hangs up, or asks for something else.
pub(super) fn greet(stream: TcpStream) -> io::Result<Speaks> {
    stream.set_read_timeout(Some(ASK))?;
    let mut start = [0u8; 4];
    let said = match stream.peek(&mut start) {
        Ok(said) => &start[..said],
        Err(error) if is_quiet(&error) => &[],
        Err(error) => return Err(error),
    };
    if said.is_empty() || !b"GET ".starts_with(said) && !OTHER_REQUESTS.iter().any(|r| r.starts_with(said)) {
        return Ok(Speaks::Lines(LineSocket(Deadline::new(stream, PATIENCE))));
    }
    let mut again = Deadline::new(stream.try_clone()?, HANDSHAKE);
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
    let accepted = accept_hdr_with_config(Deadline::new(stream, HANDSHAKE), check, Some(config));
    match accepted {
        Ok(socket) => Ok(Speaks::WebSocket(Box::new(Socket(socket)))),
        Err(error) => {
            // Where the request was for a WebSocket, an answer has been sent already.
            again.allow(HANDSHAKE);
            let head = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: close\r\nContent-Type: text/plain";
            let _ = write!(again, "{head}\r\nContent-Length: {}\r\n\r\n{NO_PAGE}", NO_PAGE.len());
            Err(io::Error::other(error.to_string()))
        }
    }
}

/// Web pages of other places may not listen to what is read of somebody's face here: a browser tells where a page comes from.
#[expect(clippy::result_large_err, reason = "the answer's type is the library's")]
fn check(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    let origin = request.headers().get("origin").map(|value| value.to_str().unwrap_or_default());
    if origin.is_none_or(is_local) {
        return Ok(response);
    }
    let mut refused = ErrorResponse::new(Some("only pages of this computer may listen\n".to_owned()));
    *refused.status_mut() = StatusCode::FORBIDDEN;
    Err(refused)
}

/// Whether an origin (`scheme://host[:port]`) is this computer.
fn is_local(origin: &str) -> bool {
    let Some((_, rest)) = origin.split_once("://") else { return false };
    let host = if rest.starts_with('[') {
        rest.split_inclusive(']').next().unwrap_or_default()
    } else {
        rest.split(':').next().unwrap_or_default()
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

fn is_quiet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A client that takes lines.
pub(super) struct LineSocket(Deadline);

impl LineSocket {
    /// Sends a line.
    pub fn send(&mut self, line: &str) -> io::Result<()> {
        self.0.allow(PATIENCE);
        self.0.write_all(line.as_bytes())?;
        self.0.write_all(b"\n")
    }
}

/// A client that asked for messages.
pub(super) struct Socket(WebSocket<Deadline>);

impl Socket {
    /// Sends a message.
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        self.0.get_mut().allow(PATIENCE);
        self.0.send(Message::text(text)).map_err(io_error)
    }

    /// Hears what the client says, and answers as the protocol wants; whether it is still there.
    pub fn listen(&mut self) -> io::Result<bool> {
        self.0.get_mut().allow(LISTEN);
        match self.0.read() {
            Ok(Message::Close(_)) => {
                self.0.get_mut().allow(PATIENCE);
                let _ = self.0.flush();
                Ok(false)
            }
            Ok(_) => Ok(true),
            Err(Error::Io(error)) if is_quiet(&error) => Ok(true),
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(false),
            Err(error) => Err(io_error(error)),
        }
    }

    /// Says goodbye.
    pub fn close(&mut self) -> io::Result<()> {
        self.0.get_mut().allow(PATIENCE);
        self.0.close(None).and_then(|()| self.0.flush()).map_err(io_error)
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_computer_may_listen() {
        for local in
            ["http://localhost", "http://localhost:8080", "https://127.0.0.1:3000", "http://[::1]:9000"]
        {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "http://example.org",
            "https://localhost.example.org",
            "null",
            "",
            "http://127.0.0.1.example.org:80",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }
}
