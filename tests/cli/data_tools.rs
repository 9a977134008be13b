//! Datasets as other files: `affekt data align`, `pack` and `split`, also where they are killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use affekt_engine::data::UNFINISHED_FILE;
use serde_json::Value;

use crate::program::{Lab, affekt, program};

/// Every file below a folder, by its path, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Runs a command again and again, killing it at odd moments, until it ends by itself; gives how often it was killed.
fn killed_until_done(args: &[&str], out: &Path) -> usize {
    let mut killed = 0;
    loop {
        let mut child = program().args(args).stderr(Stdio::piped()).spawn().unwrap();
        // Longer and longer, so that it ends on the slowest machine too.
        let wait = (killed as u64 * 7919 % 97 + 11) * (2 + killed as u64) / 2;
        std::thread::sleep(Duration::from_millis(wait));
        if child.try_wait().unwrap().is_some() {
            let ended = child.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&ended.stderr);
            // The one before may have been killed when it was done and about to end.
            let was_done = !out.join(UNFINISHED_FILE).exists() && told.contains("there is something already");
            assert!(
                ended.status.success() || killed > 0 && was_done,
                "{args:?} after {killed} kills: {told}"
            );
            return killed;
        }
        let _ = child.kill();
        let _ = child.wait();
        killed += 1;
        assert!(killed < 400, "{args:?} never ends");
    }
}

#[test]
fn tools_killed_at_any_moment_write_what_they_write_without() {
    let lab = Lab::new();
    let synth = "synth:1500?size=32&seed=5";
    let tools: [&[&str]; 4] = [
        &["data", "pack", synth, "--to", "recordio"],
        &["data", "pack", synth, "--to", "webdataset", "--shard-items", "256"],
        &["data", "align", synth, "--size", "32", "--detector", "guide"],
        &["data", "split", synth, "--parts", "a=3,b=1"],
    ];
    let mut kills = 0;
    for (at, tool) in tools.into_iter().enumerate() {
        let (whole, parts) = (lab.text(&format!("whole-{at}")), lab.text(&format!("parts-{at}")));
        affekt([tool, &["-q", "--out", &whole][..]].concat()).done();
        kills += killed_until_done(&[tool, &["-q", "--out", &parts][..]].concat(), Path::new(&parts));
        let (whole, parts) = (files(Path::new(&whole)), files(Path::new(&parts)));
        let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&whole), names(&parts), "{tool:?}");
        assert!(whole.len() > 1 && whole == parts, "{tool:?}: the files differ");
    }
    assert!(kills > 4, "nothing was killed: the set is too small for this machine");
}

#[test]
fn packs_say_how_they_are_read_and_are_read_with_the_same_labels() {
    let lab = Lab::new();
    let faces = lab.faces("faces", 6);
    lab.write("faces/sad/bad.png", b"text");
    for form in ["recordio", "webdataset"] {
        let out = lab.text(form);
        let ended = affekt(["data", "pack", &faces, "--to", form, "--out", &out, "--json", "-q"]).done();
        let told: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!((&told["items"], &told["left_out"]), (&12.into(), &1.into()), "{told}");
        let back = affekt(["data", "inspect", told["spec"].as_str().unwrap(), "--json", "-q"]).done();
        let back: Value = serde_json::from_str(&back.out).unwrap();
        assert_eq!(back["classes"], serde_json::json!({"happy": 6, "sad": 6}), "{back}");
        affekt(["data", "pack", &faces, "--to", form, "--out", &out]).refused(1, &["something already"]);
    }
    affekt(["data", "pack", &faces, "--to", "recordio", "--strict", "--out", &lab.text("strict")])
        .refused(1, &["bad.png"]);
}

#[test]
fn another_program_reads_the_recordio_files_by_the_formats_own_rules() {
    let python = std::process::Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|ended| ended.status.success()) {
        println!("LEFT OUT: there is no python3 to read RecordIO with");
        return;
    }
    let lab = Lab::new();
    let faces = lab.faces("faces", 6);
    let out = lab.text("rec");
    affekt(["data", "pack", &faces, "--to", "recordio", "--out", &out, "-q"]).done();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/check_recordio.py");
    let ended = std::process::Command::new("python3").args([script, &out]).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{text} {}", String::from_utf8_lossy(&ended.stderr));
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["pictures"], &found["bounds"]), (&12.into(), &13.into()), "{found}");
    assert_eq!(found["labels"], serde_json::json!({"0.0": 6, "1.0": 6}));
}

#[test]
fn align_writes_faces_and_lists_what_was_not_found() {
    let lab = Lab::new();
    let faces = lab.faces("faces", 2);
    lab.write("faces/sad/bad.png", b"text");
    let out = lab.text("aligned");
    // The built-in detector finds nothing in these pictures.
    let args = ["data", "align", &faces, "--detector", "builtin", "--out", &out, "--json", "-q"];
    let told: Value = serde_json::from_str(&affekt(args).done().out).unwrap();
    assert_eq!((&told["items"], &told["not_found"], &told["unreadable"]), (&5.into(), &4.into(), &1.into()));
    let table = std::fs::read_to_string(lab.path("aligned/faces.csv")).unwrap();
    assert!(table.starts_with("number,item,found,faces,file,x,y,width,height\n1,"), "{table}");
    assert!(table.contains("happy/000.png,no face,0,,,,,\n") && table.contains("bad.png"), "{table}");
    let guide = lab.text("guide");
    affekt(["data", "align", &faces, "--detector", "guide", "--size", "40", "--out", &guide, "-q"]).done();
    let back = affekt(["data", "inspect", &format!("folder:{guide}"), "--json", "-q"]).done();
    let back: Value = serde_json::from_str(&back.out).unwrap();
    assert_eq!(back["classes"], serde_json::json!({"happy": 2, "sad": 2}), "{back}");
    assert_eq!(back["sizes"], serde_json::json!({"40x40": 4}));
    affekt(["data", "align", &faces, "--detector", "none.onnx", "--out", &lab.text("x")])
        .refused(1, &["none.onnx"]);
}

#[test]
fn inspect_draws_samples_and_writes_a_page() {
    let lab = Lab::new();
    let faces = lab.faces("faces", 40);
    let (sheet, page) = (lab.text("sheet.png"), lab.text("page.html"));
    affekt(["data", "inspect", &faces, "--sheet", &sheet, "--page", &page, "-q"]).done();
    let sheet = image::open(&sheet).unwrap();
    assert!(sheet.width() > 1000 && sheet.height() > 400, "{}x{}", sheet.width(), sheet.height());
    let page = std::fs::read_to_string(&page).unwrap();
    for part in ["data:image/png;base64,", "32x32", "happy", "80"] {
        assert!(page.contains(part), "{part}");
    }
    affekt(["data", "inspect", &faces, "--page", "/nowhere/at/all.html", "-q"])
        .refused(1, &["/nowhere/at/all.html"]);
}
