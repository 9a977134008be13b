#![allow(clippy::unwrap_used, reason = "tests")]
use std::fs;

use super::*;
use crate::data::decode::tests::grey_png;

/// Three pictures after a record 0, as `InsightFace` writes them.
fn write(dir: &Path) -> [Vec<u8>; 3] {
    let pictures = [1, 2, 3].map(|tone| grey_png(12, 12, tone));
    let mut writer = Writer::create(&dir.join("train")).unwrap();
    writer.write_bounds(4, 0).unwrap();
    for (index, picture) in pictures.iter().enumerate() {
        writer.write(index as u64 + 1, index as f32, picture).unwrap();
    }
    writer.finish().unwrap();
    pictures
}

fn open(path: &Path, skips: &SkipLog) -> Result<RecordIo, DataError> {
    RecordIo::open(&Spec::new("recordio", path), skips)
}

fn refusal(path: &Path) -> String {
    open(path, &SkipLog::new(false)).err().unwrap().to_string()
}

#[test]
fn what_is_written_is_read_back_by_folder_prefix_or_file() {
    let dir = tempfile::tempdir().unwrap();
    let pictures = write(dir.path());
    for path in [dir.path().to_path_buf(), dir.path().join("train"), dir.path().join("train.rec")] {
        let set = open(&path, &SkipLog::new(true)).unwrap();
        assert_eq!(set.len(), 3, "record 0 is not a picture");
        for (index, picture) in pictures.iter().enumerate() {
            assert_eq!(set.content_hash(index).unwrap(), *blake3::hash(picture).as_bytes());
            assert_eq!(set.picture(index).unwrap(), decode::decode(picture).unwrap());
            assert_eq!(set.annotation(index), Annotation::None, "identities are not expressions");
        }
    }
}

#[test]
fn keys_of_identity_ranges_are_not_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&dir.path().join("train")).unwrap();
    writer.write_bounds(2, 1).unwrap();
    writer.write(1, 0.0, &grey_png(4, 4, 0)).unwrap();
    writer.write(2, 0.0, &[]).unwrap();
    writer.finish().unwrap();
    assert_eq!(open(dir.path(), &SkipLog::new(true)).unwrap().len(), 1);
}

#[test]
fn without_record_0_every_record_is_a_picture_and_classes_name_the_labels() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&dir.path().join("train")).unwrap();
    for (key, label) in [(0, 1.0), (1, 0.0), (2, 5.0), (3, 0.5)] {
        writer.write(key, label, &grey_png(4, 4, key as u8)).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(open(dir.path(), &SkipLog::new(true)).unwrap().len(), 4);
    let mut spec = Spec::new("recordio", dir.path());
    spec.options.insert("classes".to_owned(), "happy, sad".to_owned());
    let skips = SkipLog::new(false);
    let set = RecordIo::open(&spec, &skips).unwrap();
    assert_eq!([set.annotation(0), set.annotation(1)], [Annotation::Class(1), Annotation::Class(0)]);
    assert_eq!((set.len(), skips.count()), (2, 2));
    assert!(
        skips.first()[0].contains("record 2") && skips.first()[0].contains("label 5"),
        "{:?}",
        skips.first()
    );
}

#[test]
fn without_an_index_the_records_are_found_by_walking() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    fs::remove_file(dir.path().join("train.idx")).unwrap();
    assert_eq!(open(dir.path(), &SkipLog::new(true)).unwrap().len(), 3);
}

#[test]
fn a_payload_with_the_magic_inside_is_split_and_joined_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut picture = grey_png(4, 4, 0);
    picture.resize(picture.len().next_multiple_of(4), 0);
    for _ in 0..2 {
        picture.extend_from_slice(&0xced7_230au32.to_le_bytes());
    }
    picture.extend_from_slice(b"tail!");
    let mut writer = Writer::create(&dir.path().join("train")).unwrap();
    writer.write(0, 0.0, &picture).unwrap();
    writer.write(1, 0.0, &grey_png(4, 4, 1)).unwrap();
    writer.finish().unwrap();
    let set = open(dir.path(), &SkipLog::new(true)).unwrap();
    assert_eq!(set.stored(0).unwrap().unwrap(), picture);
    fs::remove_file(dir.path().join("train.idx")).unwrap();
    assert_eq!(open(dir.path(), &SkipLog::new(true)).unwrap().len(), 2, "parts are not records");
}

#[test]
fn a_wrong_magic_at_the_start_is_one_error() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let path = dir.path().join("train.rec");
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] = 0;
    fs::write(&path, bytes).unwrap();
    let message = refusal(dir.path());
    assert!(message.contains("train.rec") && message.contains("magic"), "{message}");
}

#[test]
fn a_wrong_magic_or_length_in_one_record_spoils_that_record_alone() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let path = dir.path().join("train.rec");
    let set = open(dir.path(), &SkipLog::new(true)).unwrap();
    let (first, last) = (set.items.get(0).1 as usize, set.items.get(2).1 as usize);
    let mut bytes = fs::read(&path).unwrap();
    bytes[first] ^= 1;
    bytes[last + 4..last + 8].copy_from_slice(&0x1FFF_FFFFu32.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let set = open(dir.path(), &SkipLog::new(true)).unwrap();
    assert!(set.picture(0).unwrap_err().to_string().contains("magic"));
    assert!(set.picture(1).is_ok());
    let message = set.content_hash(2).unwrap_err().to_string();
    assert!(message.contains("536870911 bytes of payload, but the file ends"), "{message}");
}

#[test]
fn index_entries_outside_the_file_are_skipped_and_most_of_them_are_one_error() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let path = dir.path().join("train.idx");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.clone() + "3\t99999996\n").unwrap();
    let skips = SkipLog::new(false);
    assert_eq!(open(dir.path(), &skips).unwrap().len(), 3);
    assert!(skips.first()[0].contains("99999996"), "{:?}", skips.first());
    assert!(open(dir.path(), &SkipLog::new(true)).is_err());
    let far = "1\t18446744073709551612\n".repeat(9);
    fs::write(&path, good.clone() + &far).unwrap();
    assert!(refusal(dir.path()).contains("9 of 13 entries"), "{}", refusal(dir.path()));
    fs::write(&path, good + "4 x\n").unwrap();
    assert!(refusal(dir.path()).contains("train.idx, line 5"), "{}", refusal(dir.path()));
}

#[test]
fn a_record_0_with_absurd_bounds_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let path = dir.path().join("train.rec");
    let mut bytes = fs::read(&path).unwrap();
    bytes[32..36].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    assert!(refusal(dir.path()).contains("NaN"), "{}", refusal(dir.path()));
}

#[test]
fn an_absent_or_empty_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    assert!(refusal(dir.path()).contains("train.rec"));
    fs::write(dir.path().join("train.rec"), b"").unwrap();
    assert!(refusal(dir.path()).contains("train.rec"));
}

#[test]
fn labels_are_identities_unless_classes_name_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&dir.path().join("train")).unwrap();
    for (key, label) in [(0, 7.0), (1, 7.0), (2, 1.0)] {
        writer.write(key, label, &grey_png(40, 40, key as u8)).unwrap();
    }
    writer.finish().unwrap();
    let groups = |spec: Spec| {
        let set = RecordIo::open(&spec, &SkipLog::new(false)).unwrap();
        (0..set.len()).map(|item| set.group(item).unwrap()).collect::<Vec<_>>()
    };
    let spec = Spec::new("recordio", dir.path());
    assert_eq!(groups(spec.clone()), ["7", "7", "1"].map(|identity| Some(identity.to_owned())));
    let mut named = spec;
    named.options.insert("classes".to_owned(), "happy,sad".to_owned());
    assert_eq!(groups(named), [None]);
}

#[test]
fn an_index_line_of_any_length_is_refused_unread() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    fs::write(dir.path().join("train.idx"), "9".repeat(1 << 20)).unwrap();
    assert!(
        refusal(dir.path()).contains("train.idx, line 1: a line of more than 256 bytes"),
        "{}",
        refusal(dir.path())
    );
}

/// A `.rec` of whole records, without an index.
fn write_raw(path: &Path, payloads: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    for payload in payloads {
        bytes.extend_from_slice(&0xced7_230au32.to_le_bytes());
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn label_headers_of_double_precision_are_read_with_and_without_record_0() {
    let dir = tempfile::tempdir().unwrap();
    let header = |flag: u32, label: f64| [&flag.to_le_bytes()[..], &label.to_le_bytes(), &[0; 16]].concat();
    let picture = grey_png(8, 8, 3);
    let face = [header(0, 41.0), picture.clone()].concat();
    let bounds = [header(2, 0.0), 3f32.to_le_bytes().to_vec(), 9f32.to_le_bytes().to_vec()].concat();
    let range = [header(2, 0.0), 1f32.to_le_bytes().to_vec(), 3f32.to_le_bytes().to_vec()].concat();
    let path = dir.path().join("train.rec");
    write_raw(&path, &[bounds, face.clone(), face.clone(), range]);
    let with = open(dir.path(), &SkipLog::new(true)).unwrap();
    assert_eq!((with.len(), with.group(1).unwrap().as_deref()), (2, Some("41")));
    assert_eq!(with.stored(0).unwrap().unwrap(), picture);
    write_raw(&path, &[face.clone(), face]);
    fs::write(dir.path().join("train.lst"), "0\t41\ta.jpg\n1\t41\tb.jpg\n").unwrap();
    let without = open(&dir.path().join("train.lst"), &SkipLog::new(true)).unwrap();
    assert_eq!(
        (without.len(), without.stored(1).unwrap().unwrap()),
        (2, picture),
        "named by the list beside it"
    );
}

#[test]
fn a_list_says_which_records_belong_to_it_their_labels_and_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let pictures = write(dir.path());
    let list = dir.path().join("train.lst");
    // In another order, with two labels, without record 2, with one that is not there.
    fs::write(&list, "3\t1\tsad/c.png\n1\t0\t9.5\thappy/a b.png\n77\t0\tnowhere.png\n").unwrap();
    let skips = SkipLog::new(false);
    let set = open(&list, &skips).unwrap();
    assert_eq!(
        (set.len(), set.stored(0).unwrap().unwrap(), set.stored(1).unwrap().unwrap()),
        (2, pictures[2].clone(), pictures[0].clone())
    );
    assert_eq!(
        [set.group(0).unwrap(), set.group(1).unwrap()],
        ["1", "0"].map(|label| Some(label.to_owned()))
    );
    assert!(set.key(1).ends_with("train.rec, record 1 (happy/a b.png)"), "{}", set.key(1));
    assert!(skips.count() == 1 && skips.first()[0].contains("train.lst, line 3: there is no record 77"));
    let mut spec = Spec::new("recordio", &list);
    spec.options.insert("classes".to_owned(), "happy,sad".to_owned());
    let named = RecordIo::open(&spec, &skips).unwrap();
    assert_eq!([named.annotation(0), named.annotation(1)], [Annotation::Class(1), Annotation::Class(0)]);
    spec.options.insert("classes".to_owned(), "happy".to_owned());
    let one = RecordIo::open(&spec, &SkipLog::new(false)).unwrap();
    assert!(
        one.len() == 1 && one.key(0).contains("a b.png"),
        "the label of the other is no class: {}",
        one.key(0)
    );
}

#[test]
fn a_list_of_another_form_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let list = dir.path().join("train.lst");
    for (text, part) in [
        ("1\t/faces/a.jpg\t0\n", "line 1: no label in"),
        ("a.jpg 1\n", "line 1: fewer than three fields"),
        ("9\t1\ta.jpg\n", "names no record that is there"),
        ("", "names no record"),
    ] {
        fs::write(&list, text).unwrap();
        assert!(refusal(&list).contains(part), "{}", refusal(&list));
    }
}
