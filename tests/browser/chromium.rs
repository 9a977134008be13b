//! Headless Chromium, driven by its debugging protocol: JSON over a WebSocket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// Longest wait for anything that the page does; a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The browser's program.
pub fn program() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    folders.iter().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// A browser with a profile of its own, whose camera shows a film.
pub struct Browser {
    child: Child,
    port: u16,
    _profile: TempDir,
}

impl Browser {
    /// Starts it; `film` is a file in raw video (y4m). Without a GPU, or with one in software.
    pub fn start(film: &Path, gpu: bool) -> Self {
        let without: &[&str] = &["--disable-gpu"];
        let software: &[&str] = &["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new(program().unwrap())
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                "--remote-debugging-port=0",
                "--window-size=1100,900",
            ])
            .args(if gpu { software } else { without })
            .arg(format!("--use-file-for-fake-video-capture={}", film.display()))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let file = profile.path().join("DevToolsActivePort");
        let start = Instant::now();
        let port = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(port) = text.lines().next().and_then(|line| line.parse().ok()) {
                break port;
            }
            assert!(start.elapsed() < PATIENCE, "chromium does not start");
            std::thread::sleep(Duration::from_millis(100));
        };
        Self { child, port, _profile: profile }
    }

    /// Its first page, at an address.
    pub fn open(&self, address: &str) -> Page {
        let pages: Value = serde_json::from_str(&self.get("/json/list")).unwrap();
        let page = pages.as_array().unwrap().iter().find(|page| page["type"] == "page").unwrap();
        let path = page["webSocketDebuggerUrl"].as_str().unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(path, stream).unwrap();
        let mut page = Page { socket, count: 0 };
        page.call("Page.enable", &json!({}));
        page.call("Page.navigate", &json!({ "url": address }));
        page
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port)
            .unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // The browser keeps the line open, so its end says nothing.
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page in the browser.
pub struct Page {
    socket: WebSocket<TcpStream>,
    count: u64,
}

impl Page {
    /// Calls a method of the protocol and gives its result.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.count += 1;
        let text = json!({ "id": self.count, "method": method, "params": parameters }).to_string();
        self.socket.send(Message::text(text)).unwrap();
        loop {
            let message = self.socket.read().unwrap();
            let Ok(text) = message.to_text() else { continue };
            let answer: Value = serde_json::from_str(text).unwrap_or_default();
            if answer["id"] == self.count {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true });
        let result = self.call("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn wait(&mut self, expression: &str) {
        let start = Instant::now();
        while self.value(&format!("Boolean({expression})")) != true {
            let status = self.value("document.getElementById('status')?.textContent");
            assert!(start.elapsed() < PATIENCE, "never: {expression}; the page says: {status}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Gives a file to the page's input, as if a person had chosen it.
    pub fn choose(&mut self, file: &Path) {
        let root = self.call("DOM.getDocument", &json!({}))["root"]["nodeId"].clone();
        let node =
            self.call("DOM.querySelector", &json!({ "nodeId": root, "selector": "#file" }))["nodeId"].clone();
        self.call("DOM.setFileInputFiles", &json!({ "nodeId": node, "files": [file] }));
    }

    /// A picture of the page as a PNG, in base64.
    pub fn screenshot(&mut self) -> String {
        let shot = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        shot["data"].as_str().unwrap().to_owned()
    }
}
