//! The examples in C and C++ as their reader builds them: no warning, the shared and the static library, and what they print
//! is what the engine reads.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use affekt_engine::media::Picture;
use affekt_engine::media::detect::DetectorChoice;
use affekt_engine::media::source::{OpenOptions, ReadAhead, open};
use affekt_engine::world::live::{RecognizerSpec, SharedRecognizer};

/// What the static library needs from the system, as docs/c.md says.
const SYSTEM: [&str; 6] = ["-lstdc++", "-lm", "-ldl", "-lpthread", "-lgcc_s", "-Wl,-z,noexecstack"];

/// The folder of the built libraries: cargo puts them beside the tests or one folder above.
fn library(file: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    let places = [deps.join(file), deps.parent().unwrap().join(file)];
    // An old one may lie in the other place.
    let age = |path: &PathBuf| path.metadata().and_then(|m| m.modified()).ok();
    let newest = places.iter().filter(|path| path.is_file()).max_by_key(|path| age(path));
    newest.unwrap_or_else(|| panic!("{file} is in none of {places:?}")).clone()
}

/// Compiles an example; `None`, said aloud, where there is no such compiler.
fn compiled(compiler: &str, source: &str, into: &Path, more: &[&str]) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = into.join(Path::new(source).file_stem().unwrap());
    let mut command = Command::new(compiler);
    command.args(["-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]).arg(folder.join("include"));
    command.arg(folder.join("examples").join(source)).arg("-o").arg(&program).args(more);
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("LEFT OUT: {source}, because there is no {compiler}");
            None
        }
        ended => {
            let ended = ended.unwrap();
            assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
            Some(program)
        }
    }
}

fn run(program: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = Command::new(program).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

/// What `read_faces` should print of a file.
fn expected(path: &Path) -> String {
    let spec = RecognizerSpec { detector: DetectorChoice::Guide, ..RecognizerSpec::default() };
    let engine = SharedRecognizer::open(spec).unwrap();
    let mut source = ReadAhead::spawn(open(path, OpenOptions::default()).unwrap(), 8).unwrap();
    let mut text = String::new();
    let each = |frames: Vec<affekt_engine::world::live::FrameReading>, _| {
        for face in frames.iter().flat_map(|frame| &frame.faces) {
            let (b, frame, number) = (face.face_box, face.frame, face.face);
            write!(text, "frame {frame} face {number} at {:.1},{:.1} {:.1}x{:.1}:", b.x, b.y, b.w, b.h)
                .unwrap();
            let mut order: Vec<usize> = (0..face.probabilities.len()).collect();
            order.sort_by(|&a, &b| face.probabilities[b].total_cmp(&face.probabilities[a]));
            for &label in &order[..3] {
                write!(text, " {} {:.4}", engine.about().classes[label], face.probabilities[label]).unwrap();
            }
            text.push('\n');
        }
        Ok(true)
    };
    assert!(engine.read_source(&mut source, each).unwrap());
    text
}

#[test]
fn the_c_example_prints_what_the_engine_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("face.jpg");
    let pixels = (0..80 * 60 * 3).map(|i: u32| (i * i / 89) as u8).collect();
    let picture = Picture { width: 80, height: 60, channels: 3, pixels };
    std::fs::write(&path, picture.to_jpeg(95).unwrap()).unwrap();
    let expected = expected(&path);
    assert_eq!(expected.lines().count(), 1, "{expected}");

    let shared = library("libaffekt.so");
    let rpath = format!("-Wl,-rpath,{}", shared.parent().unwrap().display());
    for standard in ["-std=c99", "-std=c17"] {
        let more = [standard, shared.to_str().unwrap(), &rpath];
        let Some(program) = compiled("cc", "read_faces.c", folder.path(), &more) else { return };
        let (code, out, err) = run(&program, &[path.to_str().unwrap(), "guide"]);
        assert_eq!((code, out.as_str(), err.as_str()), (Some(0), expected.as_str(), ""));
        let (code, out, err) = run(&program, &["/none/such.jpg", "guide"]);
        assert_eq!((code, out.as_str()), (Some(3), ""));
        assert_eq!(err.lines().count(), 1, "{err}");
        assert!(err.contains("there is no such file"), "{err}");
    }
}

#[test]
fn the_cpp_example_reads_a_thousand_frames_and_its_memory_stays_flat() {
    let folder = tempfile::tempdir().unwrap();
    let archive = library("libaffekt.a");
    let more = [&["-std=c++17", archive.to_str().unwrap()], &SYSTEM[..]].concat();
    let Some(program) = compiled("c++", "frames.cpp", folder.path(), &more) else { return };
    let (code, out, err) = run(&program, &["1000"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let figures = |line: &str| -> Vec<u64> {
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
    };
    let (memory, votes): (Vec<&str>, Vec<&str>) = out.lines().partition(|line| line.starts_with("KiB"));
    let counted: u64 = votes.iter().flat_map(|line| figures(line)).sum();
    assert_eq!(counted, 1000, "a face in every frame: {out}");
    let [early, end] = figures(memory[0])[..] else { panic!("{out}") };
    println!("{early} KiB after 100 frames, {end} KiB after 1000");
    assert!(early > 1024, "a program has memory: {out}");
    // A frame has 36 KiB; if each stayed, 900 of them would be 32 MiB.
    assert!(end < early + 4096, "{out}");
}
