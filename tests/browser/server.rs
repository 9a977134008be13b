//! A web server for a folder, which remembers what was asked of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Serves until the test ends.
pub struct Server {
    pub address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(vec![]));
        let log = Arc::clone(&asked);
        let serve = move || listener.incoming().for_each(|client| answer(client.unwrap(), &folder, &log));
        std::thread::Builder::new().name("server".into()).spawn(serve).unwrap();
        Self { address, asked }
    }

    /// First lines of all requests so far, such as `GET /page.js`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut client: TcpStream, folder: &Path, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    // A browser that hears nothing until it has told everything.
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    let words: Vec<&str> = first.split(' ').collect();
    log.lock().unwrap().push(words[..2].join(" "));
    let name = words[1].trim_start_matches('/');
    let name = name.split_once('?').map_or(name, |(name, _)| name);
    let name = if name.is_empty() { "index.html" } else { name };
    let kind = match Path::new(name).extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let (status, body) = match std::fs::read(folder.join(name)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", vec![]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Who has gone needs no answer.
    let _ = client.write_all(head.as_bytes()).and_then(|()| client.write_all(&body));
}
