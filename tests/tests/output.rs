//! What leaves the engine while faces are read: recordings, and the port that tells other programs.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use affekt_engine::media::recording::RecordError;
use affekt_engine::media::source::{OpenOptions, open};
use affekt_engine::media::{FaceBox, Picture};
use affekt_engine::output::{Port, PortError, Recorder};
use affekt_engine::world::live::{FaceReading, FrameReading};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, connect};

fn classes() -> Vec<String> {
    ["neutral", "happy"].map(String::from).to_vec()
}

/// A frame with one face, or with none.
fn reading(frame: u64, seconds: f64, with_face: bool, picture: Option<Picture>) -> FrameReading {
    let face = FaceReading {
        frame,
        seconds,
        face: 3,
        face_box: FaceBox { x: 10.0, y: 20.0, w: 30.0, h: 40.0 },
        landmarks: None,
        detected: true,
        probabilities: vec![0.25, 0.75],
        frame_label: 1,
        temporal_label: None,
        voted_label: 1,
        confidence: 0.75,
        ..FaceReading::default()
    };
    FrameReading {
        frame,
        seconds,
        faces: if with_face { vec![face] } else { vec![] },
        picture,
        ..FrameReading::default()
    }
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn a_recording_is_a_video_and_a_table_that_fit_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.mp4");
    let mut recorder = Recorder::create(&path, &classes()).unwrap();
    for k in 0..30u64 {
        // It begins somewhere in a stream that leaves frames out.
        let (frame, seconds) = (500 + 3 * k, 77.5 + k as f64 * 0.1);
        let picture = Picture::filled(64, 48, 3, (k * 8) as u8);
        recorder.push(&reading(frame, seconds, k % 10 != 4, Some(picture))).unwrap();
    }
    assert_eq!(recorder.finish().unwrap(), 30);
    let rows = rows(&folder.path().join("talk.csv"));
    assert_eq!(rows.len(), 31);
    let mut video = open(&path, OpenOptions::default()).unwrap();
    for row in &rows[1..] {
        let frame = video.next_frame().unwrap().unwrap();
        assert_eq!(row[0], frame.index.to_string());
        assert!((row[1].parse::<f64>().unwrap() - frame.seconds).abs() < 1e-5, "{row:?} {}", frame.seconds);
        assert_eq!(row[2], if frame.index % 10 == 4 { "" } else { "3" });
        assert!(u64::from(frame.picture.pixels[0]).abs_diff(frame.index * 8) <= 4, "the frame's own picture");
    }
    assert!(video.next_frame().unwrap().is_none());
}

#[test]
fn a_recording_never_replaces_a_file_and_leaves_none_where_it_cannot_begin() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.mp4");
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(Recorder::create(&path, &classes()), Err(RecordError::Exists(p)) if p == path));
    assert!(!folder.path().join("talk.csv").exists());
    std::fs::write(folder.path().join("other.csv"), "mine").unwrap();
    assert!(matches!(
        Recorder::create(&folder.path().join("other.mp4"), &classes()),
        Err(RecordError::Exists(_))
    ));
    assert!(!folder.path().join("other.mp4").exists());
    assert!(Recorder::create(&folder.path().join("table.csv"), &classes()).is_err());
}

#[test]
fn a_recording_that_fails_ends_once_and_keeps_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.mp4");
    let mut recorder = Recorder::create(&path, &classes()).unwrap();
    for k in 0..40u64 {
        recorder.push(&reading(k, k as f64 / 30.0, true, Some(Picture::filled(64, 48, 3, 90)))).unwrap();
    }
    let error = recorder.push(&reading(40, 1.4, true, Some(Picture::filled(80, 60, 3, 90)))).unwrap_err();
    assert!(error.to_string().contains("80x60"), "{error}");
    assert!(!recorder.is_recording());
    recorder.push(&reading(41, 1.5, true, Some(Picture::filled(80, 60, 3, 90)))).unwrap();
    let frames = recorder.finish().unwrap();
    assert_eq!(frames, 40);
    let mut video = open(&path, OpenOptions::default()).unwrap();
    let mut kept = 0;
    while video.next_frame().unwrap().is_some() {
        kept += 1;
    }
    assert!((15..=40).contains(&kept), "{kept}");
}

/// Waits until the port has so many clients.
fn wait_for(port: &Port, clients: usize) {
    let start = Instant::now();
    while port.counts().clients != clients {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", port.counts());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn patient(stream: &TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
}

#[test]
fn every_client_hears_of_every_frame_in_its_own_way() {
    let port = Port::open("0").unwrap();
    assert!(port.is_local());
    port.publish(&reading(0, 0.0, true, None), &classes());
    let lines = TcpStream::connect(port.address()).unwrap();
    patient(&lines);
    let (mut socket, _) = connect(format!("ws://{}", port.address())).unwrap();
    wait_for(&port, 2);
    for frame in 1..=20 {
        port.publish(&reading(frame, frame as f64 / 30.0, frame % 5 != 0, None), &classes());
    }
    let mut lines = BufReader::new(lines).lines();
    for frame in 1..=20u64 {
        let line = lines.next().unwrap().unwrap();
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["frame"], frame);
        assert_eq!(object["faces"].as_array().unwrap().len(), usize::from(frame % 5 != 0));
        if frame % 5 != 0 {
            assert_eq!(object["faces"][0]["voted_label"], "happy");
            assert_eq!(object["faces"][0]["unsure"], false);
        }
        assert_eq!(socket.read().unwrap(), Message::text(line), "the same text");
    }
    // It answers what a browser may ask, and says goodbye to both when it closes.
    socket.send(Message::Ping(vec![1, 2].into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong(vec![1, 2].into()));
    let counts = port.counts();
    assert_eq!((counts.clients, counts.sent, counts.dropped), (2, 40, 0));
    drop(port);
    assert!(lines.next().is_none());
    assert!(matches!(socket.read(), Ok(Message::Close(_)) | Err(_)));
}

#[test]
fn a_client_that_leaves_is_forgotten() {
    let port = Port::open("0").unwrap();
    let (mut socket, _) = connect(format!("ws://{}", port.address())).unwrap();
    let lines = TcpStream::connect(port.address()).unwrap();
    wait_for(&port, 2);
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    drop(lines);
    let start = Instant::now();
    while port.counts().clients > 0 {
        port.publish(&reading(1, 0.0, true, None), &classes());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", port.counts());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_client_that_does_not_listen_is_dropped_from_and_delays_nobody() {
    let port = Port::open("0").unwrap();
    let deaf = TcpStream::connect(port.address()).unwrap();
    let good = TcpStream::connect(port.address()).unwrap();
    patient(&good);
    wait_for(&port, 2);
    let hears = std::thread::Builder::new()
        .name("hears".into())
        .spawn(move || BufReader::new(good).lines().map_while(Result::ok).count())
        .unwrap();
    // Far more than the system's buffers hold: a line is about 250 bytes.
    let many = reading(1, 1.0, true, None);
    let many = FrameReading { faces: vec![many.faces[0].clone(); 40], ..many };
    let mut longest = Duration::ZERO;
    let mut told = 0u64;
    let start = Instant::now();
    while port.counts().dropped < 100 {
        assert!(start.elapsed() < Duration::from_mins(1), "{:?}", port.counts());
        let one = Instant::now();
        port.publish(&many, &classes());
        longest = longest.max(one.elapsed());
        told += 1;
        std::thread::sleep(Duration::from_micros(300));
    }
    assert!(longest < Duration::from_secs(1), "nobody waits for a client: {longest:?}");
    let counts = port.counts();
    assert_eq!(counts.sent + counts.dropped, 2 * told, "each line is sent or counted as dropped");
    let closing = Instant::now();
    drop(port);
    assert!(closing.elapsed() < Duration::from_secs(10), "nor does closing: {:?}", closing.elapsed());
    let heard = hears.join().unwrap() as u64;
    assert!(heard > told / 2, "the other one hears on: {heard} of {told}");
    drop(deaf);
}

/// The limit is a connection's, not a read's: whoever gives a byte now and then has no more time than others.
#[test]
fn clients_that_drip_keep_nobody_off() {
    let port = Port::open("0").unwrap();
    let mut drips: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(port.address()).unwrap()).collect();
    for drip in &mut drips {
        drip.write_all(b"GET ").unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    // All places are taken by connections that are still asking; one who listens gets in at once.
    let good = TcpStream::connect(port.address()).unwrap();
    patient(&good);
    std::thread::sleep(Duration::from_millis(700));
    port.publish(&reading(0, 0.0, true, None), &classes());
    let mut line = String::new();
    BufReader::new(&good).read_line(&mut line).unwrap();
    assert!(line.contains("\"frame\":0"), "{line}");
    // And the asking ends, however slowly it goes on.
    let end = Instant::now() + Duration::from_secs(6);
    while port.counts().clients > 1 && Instant::now() < end {
        for drip in &mut drips {
            let _ = drip.write_all(b"x");
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(port.counts().clients, 1, "only who listens is left");
}

#[test]
fn a_port_that_is_taken_says_what_to_do() {
    let port = Port::open("0").unwrap();
    let error = Port::open(&port.address().to_string()).err().unwrap();
    assert!(matches!(error, PortError::InUse(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains(&port.address().to_string()) && text.contains("choose another port"), "{text}");
}

#[test]
fn a_page_of_another_place_may_not_listen() {
    let port = Port::open("0").unwrap();
    let ask = |origin: &str| {
        let mut request = format!("ws://{}", port.address()).into_client_request().unwrap();
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        connect(request).is_ok()
    };
    assert!(ask("http://localhost:8000"));
    assert!(!ask("https://example.org"));
    assert!(!ask("null"));
    // And a plain request of a browser gets no readings.
    for request in
        ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(port.address()).unwrap();
        patient(&stream);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(answer.is_empty() || answer.ends_with(".\n") && answer.contains("and no page"), "{answer}");
    }
}
