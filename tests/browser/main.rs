//! The page for browsers in a real one: headless Chromium opens it, is handed a picture and a camera's film, and shows what is
//! read. Left out, and said so, where there is no Chromium or the page is not built (`apps/web/build.sh`); with `REQUIRE_PAGE=1`
//! that fails.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod chromium;
mod server;

use std::path::{Path, PathBuf};

use affekt_engine::media::Picture;
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

/// The page with a file chosen, once it is read.
fn read(page: &mut Page, file: &Path) {
    // The same file chosen again is no change.
    page.value("document.getElementById('file').value = document.getElementById('status').textContent = ''");
    page.choose(file);
    page.wait("document.getElementById('status').textContent.includes('read in')");
}

/// What the page says computes its answers.
fn device(page: &mut Page) -> String {
    page.value("document.getElementById('device').textContent").as_str().unwrap().to_owned()
}

/// Compares what the page shows with what is read here.
fn assert_shown_as_read_here(page: &mut Page, picture: &Picture) {
    let (title, bars) = first_face(page);
    let pixels: Vec<u8> =
        picture.pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    let mut reader = Reader::new(&Model::builtin().unwrap()).unwrap();
    let line = reader.picture(picture.width, picture.height, &pixels).unwrap();
    assert_eq!(line.faces.len(), 1, "one person stands there");
    let face = &line.faces[0];
    assert_eq!(title, format!("Face 1: {}", face.frame_label));
    assert_eq!(bars.len(), face.probabilities.len());
    for (name, percent) in bars {
        let here = 100.0 * face.probabilities[&name];
        // Both sum in orders of their own, and the page rounds.
        assert!((percent as f64 - here).abs() < 1.0, "{name}: {percent} % in the page, {here} % here");
    }
}

/// A photo of the person and the film of a camera that they stand before, in a folder.
fn shown(folder: &Path) -> (Picture, PathBuf, PathBuf) {
    let film = folder.join("film.y4m");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&film).unwrap());
    write_y4m(&clips(), 0, (640, 480), &mut file, &mut |_| true).unwrap();
    let picture = clips().full_frame(0, 9, 640, 480).picture;
    let photo = folder.join("photo.png");
    image::save_buffer(&photo, &picture.pixels, 640, 480, image::ColorType::Rgb8).unwrap();
    (picture, photo, film)
}

fn keep(page: &mut Page, name: &str) {
    let png = data_encoding::BASE64.decode(page.screenshot().as_bytes()).unwrap();
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), png).unwrap();
}

#[test]
fn a_picture_and_a_camera_are_read_in_a_browser_as_here_and_nothing_is_sent() {
    let Some(dist) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (picture, photo, film) = shown(folder.path());
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no picture").unwrap();

    let server = Server::start(dist.clone());
    let browser = Browser::start(&film, false);
    let mut page = browser.open(&server.address);
    page.wait("document.body?.dataset.ready");

    assert_eq!(device(&mut page), "Computed by the processor.");
    read(&mut page, &photo);
    keep(&mut page, "page-picture.png");
    assert_shown_as_read_here(&mut page, &picture);

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
fn by_webgpu_the_page_shows_the_same_and_where_that_fails_the_processor_answers() {
    let Some(dist) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (picture, photo, film) = shown(folder.path());
    let browser = Browser::start(&film, true);
    let at = |address: String| {
        let mut page = browser.open(&address);
        page.wait(&format!("location.href === '{address}' && document.body?.dataset.ready"));
        page
    };

    let server = Server::start(dist.clone());
    let mut page = at(format!("{}/?gpu=any", server.address));
    assert!(device(&mut page).starts_with("Computed by the GPU ("), "{}", device(&mut page));
    for _ in 0..2 {
        read(&mut page, &photo);
        assert_shown_as_read_here(&mut page, &picture);
    }
    keep(&mut page, "page-webgpu.png");
    page.value("document.getElementById('camera').click()");
    page.wait("/Camera, frame ([5-9]|\\d\\d)/.test(document.getElementById('status').textContent)");
    page.wait("document.querySelectorAll('#people li').length === 1");
    page.value("document.getElementById('camera').click()");
    page.wait("document.getElementById('status').textContent === 'The camera is off.'");
    assert!(device(&mut page).starts_with("Computed by the GPU ("), "{}", device(&mut page));
    assert!(server.asked().iter().any(|request| request == "GET /gpu.js"));

    let mut page = at(format!("{}/", server.address));
    assert_eq!(device(&mut page), "Computed by the processor.", "one in software is slower");

    // A GPU that computes something else, and one that is lost after the trial.
    for (planted, before, after) in [
        ("return answer.reverse();", "Computed by the processor.", "Computed by the processor."),
        (
            "if (this.trialled) throw new Error('lost'); this.trialled = true; return answer;",
            "Computed by the GPU (",
            "Computed by the processor.",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&dist).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let script = std::fs::read_to_string(dist.join("gpu.js")).unwrap();
        assert_eq!(script.matches("return answer;").count(), 1);
        std::fs::write(folder.path().join("gpu.js"), script.replace("return answer;", planted)).unwrap();
        let server = Server::start(folder.path().to_owned());
        let mut page = at(format!("{}/?gpu=any", server.address));
        assert!(device(&mut page).starts_with(before), "{}", device(&mut page));
        read(&mut page, &photo);
        assert_shown_as_read_here(&mut page, &picture);
        assert_eq!(device(&mut page), after);
    }
}

#[test]
fn what_is_no_picture_is_refused_in_words() {
    let mut reader = Reader::new(&Model::builtin().unwrap()).unwrap();
    assert!(reader.picture(10, 10, &[0; 8]).unwrap_err().to_string().contains("10x10"));
    assert!(reader.picture(0, 0, &[]).is_err());
    assert!(reader.picture(64, 64, &[90; 4 * 64 * 64]).unwrap().faces.is_empty(), "and it goes on");
}
