//! Datasets that are damaged, hostile or do not fit.

use std::fmt::Write as _;

use crate::program::{Lab, affekt, jpeg, png, pretrain};

/// A PNG whose header claims 60,000 x 60,000 pixels, its checksum right.
fn huge_png() -> Vec<u8> {
    let mut bytes = png(9, 9);
    bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 })
    })
}

#[test]
fn a_bad_picture_is_skipped_counted_and_named_unless_strict() {
    let truncated = |bytes: Vec<u8>| bytes[..bytes.len() * 2 / 3].to_vec();
    let cases: [(&str, Vec<u8>); 5] = [
        ("cut.png", truncated(png(7, 7))),
        ("cut.jpg", truncated(jpeg(7))),
        ("empty.png", vec![]),
        ("words.jpg", b"this is no picture, whatever its name says\n".to_vec()),
        ("huge.png", huge_png()),
    ];
    let lab = Lab::new();
    for (name, bytes) in cases {
        let spec = lab.faces(name, 4);
        lab.write(&format!("{name}/happy/{name}"), &bytes);
        let out = lab.path(&format!("run-{name}"));
        let args = ["--method", "supervised", "--labelled", &spec];
        let ended = affekt(pretrain(&out, 4, &args)).done();
        assert!(ended.err.contains(name) && ended.err.contains("skipped"), "{name}: {ended:#?}");
        let report = lab.json(&format!("run-{name}/report.json"));
        assert_eq!(report["skipped"]["count"], 1, "{name}");

        let model = out.display().to_string();
        let eval = affekt(["eval", "--quiet", "--json", "--model", &model, "--data", &spec]).done();
        let score: serde_json::Value = serde_json::from_str(&eval.out).unwrap();
        assert_eq!((&score["n"], &score["skipped"]), (&8.into(), &1.into()), "{name}");

        let strict = lab.path(&format!("strict-{name}"));
        affekt(pretrain(&strict, 4, &[&args[..], &["--strict"]].concat())).refused(1, &[name]);
        affekt(["eval", "--quiet", "--strict", "--model", &model, "--data", &spec]).refused(1, &[name]);
    }
}

#[test]
fn a_folder_without_a_usable_picture_is_refused() {
    let lab = Lab::new();
    lab.write("none/happy/a.png", b"");
    lab.write("none/sad/b.png", b"");
    let spec = format!("folder:{}", lab.text("none"));
    affekt(pretrain(&lab.path("run"), 4, &["--method", "supervised", "--labelled", &spec])).refused(1, &[]);
}

#[test]
fn a_missing_dataset_is_named() {
    let lab = Lab::new();
    let spec = format!("folder:{}", lab.text("nowhere"));
    affekt(pretrain(&lab.path("run"), 4, &["--method", "supervised", "--labelled", &spec]))
        .refused(1, &["nowhere"]);
}

/// One InsightFace record: header, label header `<IfQQ`, picture, padding.
fn record(magic: u32, claimed: Option<u32>, picture: &[u8]) -> Vec<u8> {
    let mut payload = vec![0u8; 24];
    payload[8..16].copy_from_slice(&1u64.to_le_bytes());
    payload.extend_from_slice(picture);
    let mut bytes = magic.to_le_bytes().to_vec();
    bytes.extend_from_slice(&claimed.unwrap_or(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

const MAGIC: u32 = 0xced7_230a;

/// A RecordIO folder of records, with the places their index gives (or their true ones).
fn recordio(lab: &Lab, name: &str, records: &[Vec<u8>], places: Option<&[u64]>) -> String {
    let mut offset = 0;
    let mut index = String::new();
    for (key, record) in records.iter().enumerate() {
        let _ = writeln!(index, "{key}\t{}", places.map_or(offset, |places| places[key]));
        offset += record.len() as u64;
    }
    lab.write(&format!("{name}/train.rec"), &records.concat());
    lab.write(&format!("{name}/train.idx"), index.as_bytes());
    format!("recordio:{}", lab.text(name))
}

#[test]
fn recordio_without_record_0_is_read_and_damaged_ones_are_named() {
    let lab = Lab::new();
    let labelled = lab.faces("faces", 4);
    let train = |name: &str, spec: &str, strict: bool| {
        let out = lab.path(&format!("run-{name}"));
        let mut more = vec!["--labelled", &labelled, "--unlabelled", spec];
        if strict {
            more.push("--strict");
        }
        affekt(pretrain(&out, 6, &more))
    };
    let good: Vec<Vec<u8>> = (0..6).map(|tone| record(MAGIC, None, &png(tone * 9, 3))).collect();
    train("plain", &recordio(&lab, "plain", &good, None), true).done();

    let mut magic = good.clone();
    magic[2] = record(0x1234_5678, None, &png(18, 3));
    train("magic", &recordio(&lab, "magic", &magic, None), true).refused(1, &["train.rec"]);

    let mut long = good.clone();
    long[5] = record(MAGIC, Some(0x0fff_ffff), &png(45, 3));
    train("long", &recordio(&lab, "long", &long, None), true).refused(1, &["train.rec"]);

    let outside = recordio(&lab, "outside", &good, Some(&[0, 200, 400, 600, 800, 1 << 40]));
    train("outside", &outside, true).refused(1, &["outside"]);
}

/// A tar archive of files.
fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = vec![];
    for (name, bytes) in entries {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

#[test]
fn a_tar_entry_that_leaves_the_archive_is_named_and_nothing_is_written_outside() {
    let lab = Lab::new();
    let line = "fer0000000.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n";
    let picture = png(50, 1);
    let entries: [(&str, &[u8]); 3] = [
        ("data/FER2013Train/label.csv", line.as_bytes()),
        ("data/FER2013Train/fer0000000.png", &picture),
        ("data/FER2013Train/../../../escaped.png", &picture),
    ];
    lab.write("in/evil.tar", &tar(&entries));
    let spec = format!("ferplus:{}#Train", lab.text("in/evil.tar"));
    let args = ["--method", "supervised", "--strict", "--labelled", &spec];
    affekt(pretrain(&lab.path("run"), 4, &args)).refused(1, &["evil.tar", "escaped.png"]);
    assert!(!lab.path("escaped.png").exists() && !lab.path("in/escaped.png").exists());
}

#[test]
fn a_label_outside_the_vocabulary_lists_both_vocabularies() {
    let lab = Lab::new();
    let spec = lab.faces("faces", 4);
    lab.write("faces/bored/a.png", &png(1, 1));
    let args = ["--method", "supervised", "--labelled", &spec, "--vocabulary", "happy,sad"];
    affekt(pretrain(&lab.path("run"), 4, &args)).refused(1, &["`bored`", "happy, sad", "map"]);
}

#[test]
fn a_csv_with_a_missing_column_names_it() {
    let lab = Lab::new();
    lab.write("fer2013.csv", b"emotion,Usage\n0,Training\n");
    let spec = format!("fer2013:{}", lab.text("fer2013.csv"));
    affekt(pretrain(&lab.path("run"), 4, &["--method", "supervised", "--labelled", &spec]))
        .refused(1, &["fer2013.csv", "pixels"]);
}

#[test]
fn an_empty_class_and_too_few_labels_are_named_with_their_counts() {
    let lab = Lab::new();
    let spec = lab.faces("faces", 4);
    let args = ["--method", "supervised", "--labelled", &spec, "--vocabulary", "happy,sad,fear"];
    affekt(pretrain(&lab.path("a"), 4, &args)).refused(1, &["fear"]);
    let args = ["--labelled", spec.as_str(), "--labels-per-class", "5"];
    affekt(pretrain(&lab.path("b"), 4, &args)).refused(1, &["5 labels a class", "`happy` has 4"]);
}
