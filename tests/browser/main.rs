//! The page for browsers in a real one: headless Chromium opens it, is handed a picture and a camera's film, and shows what is
//! read. Left out, and said so, where there is no Chromium or the page is not built (`apps/web/build.sh`); with `REQUIRE_PAGE=1`
//! that fails.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod chromium;
mod server;

use std::path::{Path, PathBuf};

use affekt_engine::synth::{SynthClips, synth_clips, write_y4m};
use affekt_engine::world::Model;
use affekt_web::Reader;
use chromium::{Browser, Page};
use server::Server;

/// The built page; `None` where it cannot be tested here.
fn page() -> Option<PathBuf> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
    let missing = if chromium::program().is_none() {
        "there is no chromium"
    } else if !dist.join("affekt.wasm.gz").is_file() {
        "the page is not built; apps/web/build.sh does it"
    } else {
        return Some(dist);
    };
    assert!(std::env::var_os("REQUIRE_PAGE").is_none(), "{missing}");
    println!("LEFT OUT: {missing}");
    None
}

/// A person as a camera sees them, alone in a room, without noise.
fn clips() -> SynthClips {
    synth_clips(&"synth-clips:1?seed=3&frames=20&channels=3&camera=0&occlusion=0&missing=0".parse().unwrap())
        .unwrap()
}

/// What the page shows of its faces: label and rounded percentages of the first face by name.
fn first_face(page: &mut Page) -> (String, Vec<(String, i64)>) {
    let title = page.value("document.querySelector('#people strong').firstChild.textContent");
    let title = title.as_str().unwrap().to_owned();
    let bars = page.value(
        "[...document.querySelectorAll('#people li:first-child dt')].map(dt => [dt.textContent, \
         parseInt(dt.nextSibling.nextSibling.textContent)])",
    );
    let bars = bars
        .as_array()
        .unwrap()
        .iter()
        .map(|bar| (bar[0].as_str().unwrap().to_owned(), bar[1].as_i64().unwrap()));
    (title, bars.collect())
}

fn keep(page: &mut Page, name: &str) {
    let png = data_encoding::BASE64.decode(page.screenshot().as_bytes()).unwrap();
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), png).unwrap();
}

#[test]
fn a_picture_and_a_camera_are_read_in_a_browser_as_here_and_nothing_is_sent() {
    let Some(dist) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.y4m");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&film).unwrap());
    write_y4m(&clips(), 0, (640, 480), &mut file, &mut |_| true).unwrap();
    drop(file);
    let picture = clips().full_frame(0, 9, 640, 480).picture;
    let photo = folder.path().join("photo.png");
    image::save_buffer(&photo, &picture.pixels, 640, 480, image::ColorType::Rgb8).unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no picture").unwrap();

    let server = Server::start(dist.clone());
    let browser = Browser::start(&film);
    let mut page = browser.open(&server.address);
    page.wait("document.body?.dataset.ready");

    page.choose(&photo);
    page.wait("document.getElementById('status').textContent.includes('read in')");
    keep(&mut page, "page-picture.png");
    let (title, bars) = first_face(&mut page);
    let pixels: Vec<u8> =
        picture.pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    let model = Model::builtin().unwrap();
    let line = Reader::new(&model).unwrap().picture(640, 480, &pixels).unwrap();
    assert_eq!(line.faces.len(), 1, "one person stands there");
    let face = &line.faces[0];
    assert_eq!(title, format!("Face 1: {}", face.frame_label));
    assert_eq!(bars.len(), face.probabilities.len());
    for (name, percent) in bars {
        let here = 100.0 * face.probabilities[&name];
        // Both sum in orders of their own, and the page rounds.
        assert!((percent as f64 - here).abs() < 1.0, "{name}: {percent} % in the page, {here} % here");
    }

    page.value("document.getElementById('camera').click()");
    page.wait("/Camera, frame ([5-9]|\\d\\d)/.test(document.getElementById('status').textContent)");
    page.wait("document.querySelectorAll('#people li').length === 1");
    keep(&mut page, "page-camera.png");
    page.value("document.getElementById('camera').click()");
    page.wait("document.getElementById('status').textContent === 'The camera is off.'");

    page.choose(&text);
    page.wait("document.getElementById('status').classList.contains('problem')");
    let problem = page.value("document.getElementById('status').textContent");
    assert!(problem.as_str().unwrap().contains("notes.txt is no picture"), "{problem}");
    page.choose(&photo);
    page.wait("document.getElementById('status').textContent.includes('photo.png: 1 face')");

    let own: Vec<String> =
        std::fs::read_dir(&dist).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let asked = server.asked();
    for request in &asked {
        let name = request.strip_prefix("GET /").unwrap_or_else(|| panic!("something was sent: {request}"));
        assert!(name.is_empty() || own.iter().any(|file| file == name), "{request}");
    }
    assert!(asked.iter().any(|request| request == "GET /affekt.wasm.gz"), "{asked:?}");
    let elsewhere = page.value(
        "performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin) && \
         !n.startsWith('blob:'))",
    );
    assert_eq!(elsewhere, serde_json::json!([]));
    let refused = page.value("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')");
    assert_eq!(refused, "refused", "the page's own rule forbids it");
}

#[test]
fn what_is_no_picture_is_refused_in_words() {
    let mut reader = Reader::new(&Model::builtin().unwrap()).unwrap();
    assert!(reader.picture(10, 10, &[0; 8]).unwrap_err().to_string().contains("10x10"));
    assert!(reader.picture(0, 0, &[]).is_err());
    assert!(reader.picture(64, 64, &[90; 4 * 64 * 64]).unwrap().faces.is_empty(), "and it goes on");
}
