//! Packs are read back by our readers, whole after kills at any moment.

use std::sync::Arc;

use super::*;
use crate::data::{Format, Formats, Spec};
use crate::random::{Address, Purpose};

/// Pictures as PNG files in class folders; every seventh is a JPEG, one is damaged.
fn faces(items: usize, classes: [&str; 2]) -> (tempfile::TempDir, Arc<dyn Dataset>) {
    let dir = tempfile::tempdir().expect("a folder");
    for item in 0..items {
        let folder = dir.path().join(classes[item % 2]);
        std::fs::create_dir_all(&folder).expect("a folder");
        let picture = Picture::filled(6, 5, 1, item as u8);
        let (bytes, ending) = if item % 7 == 3 {
            (picture.to_jpeg(90).expect("a JPEG"), "jpg")
        } else {
            (picture.to_png().expect("a PNG"), "png")
        };
        let bytes = if item == 5 { b"text".to_vec() } else { bytes };
        std::fs::write(folder.join(format!("{item:04}.{ending}")), bytes).expect("written");
    }
    let faces = open("folder", dir.path(), "");
    (dir, faces)
}

fn open(format: &str, path: &Path, options: &str) -> Arc<dyn Dataset> {
    let spec: Spec = format!("{format}:{}{options}", path.display()).parse().expect("a SPEC");
    Formats::files().open(&spec, &SkipLog::new(false)).expect("readable")
}

/// Bytes and label of every item that can be read.
fn content(set: &dyn Dataset) -> Vec<(Vec<u8>, Option<String>)> {
    let of = |item: usize| {
        let bytes = set.stored(item).ok()??;
        decode::check_signature(&bytes).ok()?;
        let label = match set.annotation(item) {
            Annotation::Class(class) => Some(set.classes()[class].clone()),
            _ => None,
        };
        Some((bytes, label))
    };
    (0..set.len()).filter_map(of).collect()
}

fn whole(set: &dyn Dataset, out: &Path, form: PackForm) -> Packed {
    pack(set, out, form, &SkipLog::new(false), &mut |_| true).expect("packed").expect("to the end")
}

#[test]
fn shards_are_read_back_with_equal_bytes_and_labels() {
    let (_dir, set) = faces(40, ["sad", "happy, very"]);
    let out = tempfile::tempdir().expect("a folder");
    let out = out.path().join("shards");
    let packed = whole(&*set, &out, PackForm::WebDataset(16));
    assert_eq!((packed.items, packed.left_out), (39, 1));
    for shard in ["shard-000000.tar", "shard-000001.tar", "shard-000002.tar"] {
        assert!(out.join(shard).is_file(), "{shard}");
    }
    assert!(!out.join("unfinished.json").exists() && !out.join("shard-000003.tar").exists());
    assert_eq!(content(&*open("webdataset", &out, "")), content(&*set));
    assert!(pack(&*set, &out, PackForm::WebDataset(16), &SkipLog::new(false), &mut |_| true).is_err());
}

#[test]
fn records_are_read_back_with_equal_bytes_and_labels() {
    let (_dir, set) = faces(40, ["sad", "happy"]);
    let out = tempfile::tempdir().expect("a folder");
    let packed = whole(&*set, &out.path().join("rec"), PackForm::RecordIo);
    assert!(packed.spec.ends_with("rec?classes=happy,sad"), "{}", packed.spec);
    let back = open("recordio", &out.path().join("rec"), "?classes=happy,sad");
    assert_eq!(content(&*back), content(&*set));
    let property = std::fs::read_to_string(out.path().join("rec/property")).expect("there");
    assert_eq!(property, "2,5,6");
}

#[test]
fn work_that_was_stopped_anywhere_ends_as_if_it_had_not_been() {
    let (_dir, set) = faces(700, ["sad", "happy"]);
    for form in [PackForm::WebDataset(100), PackForm::RecordIo] {
        let out = tempfile::tempdir().expect("a folder");
        whole(&*set, &out.path().join("whole"), form);
        let (parts, skips) = (out.path().join("parts"), SkipLog::new(false));
        // Chunks of 256: after the first, at once, after the second, then to the end.
        for stop in [256, 0, 512] {
            let stopped = pack(&*set, &parts, form, &skips, &mut |done| done < stop).expect("stopped");
            assert_eq!(stopped, None);
        }
        let other = pack(&*set, &parts, PackForm::WebDataset(7), &skips, &mut |_| true);
        assert!(other.expect_err("another request").to_string().contains("unfinished work"));
        pack(&*set, &parts, form, &skips, &mut |_| true).expect("packed").expect("to the end");
        let files = |folder: &str| {
            let entries = std::fs::read_dir(out.path().join(folder)).expect("a folder");
            let mut names: Vec<String> =
                entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(files("whole"), files("parts"));
        for file in files("whole") {
            let read = |folder: &str| std::fs::read(out.path().join(folder).join(&file)).expect("readable");
            assert!(read("whole") == read("parts"), "{form:?}: {file} differs");
        }
    }
}

#[test]
fn records_cut_anywhere_behind_what_was_kept_go_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let (prefix, mut rng) =
        (dir.path().join("a"), Address { seed: 3, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng());
    let write = |writer: &mut crate::data::recordio::Writer, keys: std::ops::Range<u64>| {
        for key in keys {
            writer.write(key, 1.0, &vec![key as u8; 9 + key as usize % 5]).expect("written");
        }
    };
    let mut writer = crate::data::recordio::Writer::create(&prefix).expect("created");
    writer.write_bounds(1, 0).expect("written");
    write(&mut writer, 1..20);
    let (rec, idx) = writer.sync().expect("synced");
    write(&mut writer, 20..40);
    writer.finish().expect("finished");
    let longest = std::fs::metadata(dir.path().join("a.rec")).expect("there").len();
    let torn = rec + rng.below((longest - rec) as usize) as u64;
    std::fs::File::options()
        .write(true)
        .open(dir.path().join("a.rec"))
        .expect("there")
        .set_len(torn)
        .expect("cut");
    let mut writer = crate::data::recordio::Writer::resume(&prefix, rec, idx).expect("resumed");
    write(&mut writer, 20..30);
    writer.set_bounds(30).expect("written");
    writer.finish().expect("finished");
    let format: Format =
        Formats::files().check(&"recordio:a".parse().expect("a SPEC")).expect("known").clone();
    let set = format.open(&Spec::new("recordio", &prefix), &SkipLog::new(true)).expect("readable");
    assert_eq!(set.len(), 29);
    assert_eq!(set.stored(28).expect("read"), Some(vec![29; 13]));
    let short = crate::data::recordio::Writer::resume(&prefix, u64::MAX, 0);
    assert!(short.err().expect("too short").to_string().contains("begin again"));
}

#[test]
fn what_recordio_cannot_hold_is_refused_before_anything_is_written() {
    let (dir, set) = faces(8, ["sad", "happy, very"]);
    let out = tempfile::tempdir().expect("a folder");
    let refused = |set: &dyn Dataset| {
        let skips = SkipLog::new(false);
        pack(set, &out.path().join("x"), PackForm::RecordIo, &skips, &mut |_| true)
            .expect_err("refused")
            .to_string()
    };
    assert!(refused(&*set).contains("`happy, very` has a comma"));
    let some = crate::data::MemoryFaces::new(
        "mine",
        ["sad", "happy"],
        [
            (Picture::filled(2, 2, 1, 1), Annotation::Class(0)),
            (Picture::filled(2, 2, 1, 2), Annotation::None),
        ],
    );
    assert!(refused(&some.expect("faces")).contains("has no label"));
    assert!(!out.path().join("x").exists());
    // Without classes the labels are people, and all is well.
    let people = open("folder", dir.path(), "?unlabelled=true");
    let packed = whole(&*people, &out.path().join("y"), PackForm::RecordIo);
    assert_eq!(packed.items, 7);
    assert_eq!(content(&*open("recordio", &out.path().join("y"), "")), content(&*people));
}
