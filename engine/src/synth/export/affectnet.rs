//! Faces as AffectNet comes: lists over whole pictures as in its first release, or cropped faces with an `.npy` file for each
//! label as in that of 2021.

use std::fmt::Write as _;
use std::path::Path;

use super::scene::{companies, draw};
use super::{Progress, QUALITY, in_chunks, io_error, make_folder};
use crate::data::{DataError, Dataset as _};
use crate::files::write_atomically;
use crate::media::Picture;
use crate::synth::{Class, Face, Geometry, SynthFaces, Viewpoint};

/// Part of the items, one in so many, that the validation list gets.
const VALID: usize = 8;
/// Pictures without a face, one for so many items: class 10.
const EMPTY: usize = 40;

/// Writes `training.csv`, `validation.csv` (the latter without its header, as some copies are) and
/// `Manually_Annotated_Images/<number>/<name>.jpg`. Class `Other` becomes Contempt, None and Uncertain in turns; some pictures
/// show two people, which repeats their path, some nobody.
///
/// `progress` counts faces. Returns whether it was finished.
///
/// # Errors
/// A file cannot be written.
pub fn write_affectnet(faces: &SynthFaces, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    let style = faces.style();
    let size = (style.size * 2, style.size * 2);
    let companies = companies(faces.len());
    let folder_of = |number: usize| (1 + number % 7).to_string();
    for number in 0..7.min(companies.len()) {
        make_folder(&out.join("Manually_Annotated_Images").join(folder_of(number)))?;
    }
    let header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n";
    let (mut training, mut validation) = (header.to_owned(), String::new());
    let mut items = 0;
    let prepare = |number: usize| {
        let company: Vec<Face> = companies[number].iter().map(|&item| faces.face(item)).collect();
        let scene = draw(&company, size, style.channels, number);
        let path = format!("{}/{}.jpg", folder_of(number), name(number));
        save(&scene.picture, &out.join("Manually_Annotated_Images").join(&path))?;
        Ok((path, scene.faces))
    };
    let done = in_chunks(
        0..companies.len(),
        &mut |done| progress(done.min(faces.len())),
        prepare,
        |number, (path, found)| {
            for (&item, geometry) in companies[number].iter().zip(&found) {
                let list = if number % VALID == VALID - 1 { &mut validation } else { &mut training };
                let [x, y, w, h] = geometry.face_box.map(|side| side.round() as i64);
                let points: Vec<String> =
                    landmarks_68(geometry).iter().map(|[x, y]| format!("{x:.2};{y:.2}")).collect();
                let class = number_of(faces.class(item), item);
                let _ =
                    writeln!(list, "{path},{x},{y},{w},{h},{},{class},{}", points.join(";"), feeling(class));
                items += 1;
                if items % EMPTY == 0 {
                    let empty = format!("{}/empty{items}.jpg", folder_of(number));
                    let room = company_room(faces, item, size);
                    save(&room, &out.join("Manually_Annotated_Images").join(&empty))?;
                    let _ = writeln!(training, "{empty},NULL,NULL,NULL,NULL,NULL,10,-2,-2");
                }
            }
            Ok(())
        },
    )?;
    if done {
        for (name, text) in [("training.csv", training), ("validation.csv", validation)] {
            let path = out.join(name);
            write_atomically(&path, text.as_bytes()).map_err(|e| io_error(&path, e))?;
        }
    }
    Ok(done)
}

/// Writes `{train,val}_set/images/<id>.jpg` and `annotations/<id>_{exp,val,aro,lnd}.npy`.
///
/// `progress` counts faces. Returns whether it was finished.
///
/// # Errors
/// A file cannot be written.
pub fn write_affectnet_2021(
    faces: &SynthFaces,
    out: &Path,
    progress: Progress<'_>,
) -> Result<bool, DataError> {
    for split in ["train_set", "val_set"] {
        make_folder(&out.join(split).join("images"))?;
        make_folder(&out.join(split).join("annotations"))?;
    }
    let write = |item: usize| {
        let split = out.join(if item % VALID == VALID - 1 { "val_set" } else { "train_set" });
        save(&faces.picture(item)?, &split.join(format!("images/{item}.jpg")))?;
        let class = number_of(faces.class(item), item);
        let feeling = feeling(class);
        let (valence, arousal) = feeling.split_once(',').unwrap_or_default();
        let points = landmarks_68(&faces.face(item).geometry(faces.style().size));
        let values: Vec<u8> = points.iter().flatten().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
        let files = [
            ("exp", npy_text(&class.to_string())),
            ("val", npy_text(valence)),
            ("aro", npy_text(arousal)),
            ("lnd", npy("<f8", "(136,)", &values)),
        ];
        files.iter().try_for_each(|(kind, bytes)| {
            let path = split.join(format!("annotations/{item}_{kind}.npy"));
            write_atomically(&path, bytes).map_err(|e| io_error(&path, e))
        })
    };
    in_chunks(0..faces.len(), progress, write, |_, ()| Ok(()))
}

pub(super) fn save(picture: &Picture, path: &Path) -> Result<(), DataError> {
    let bytes = picture.to_jpeg(QUALITY).map_err(|e| io_error(path, std::io::Error::other(e)))?;
    write_atomically(path, &bytes).map_err(|e| io_error(path, e))
}

/// A name such as the set's pictures have: a long number in base 16.
fn name(number: usize) -> String {
    blake3::hash(&number.to_le_bytes()).to_hex()[..56].to_owned()
}

/// The number of a class in AffectNet; what is none of its expressions takes turns among the three that are left.
fn number_of(class: Class, item: usize) -> u8 {
    match class {
        Class::Neutral => 0,
        Class::Happiness => 1,
        Class::Sadness => 2,
        Class::Surprise => 3,
        Class::Fear => 4,
        Class::Disgust => 5,
        Class::Anger => 6,
        Class::Other => 7 + (item / Class::ALL.len() % 3) as u8,
    }
}

/// Valence and arousal of a class, as about people rate them; -2 where it is no expression.
fn feeling(class: u8) -> &'static str {
    ["0,0", "0.7,0.3", "-0.6,-0.3", "0.1,0.8", "-0.5,0.7", "-0.6,0.4", "-0.5,0.6", "-0.4,0.2"]
        .get(usize::from(class))
        .copied()
        .unwrap_or("-2,-2")
}

/// The room of a face without the face.
fn company_room(faces: &SynthFaces, item: usize, (width, height): (usize, usize)) -> Picture {
    let face = faces.face(item);
    let view = Viewpoint::camera(width, height, (0.0, 0.0), 0.3, face.pose.roll);
    face.scene.draw_empty(&view, faces.style().channels)
}

/// The 68 points of the field around the five that are known exactly: eyes' middles, the nose's tip and the mouth's corners are
/// where they are, all else is a face's usual shape between them.
fn landmarks_68(geometry: &Geometry) -> Vec<[f32; 2]> {
    let [left, top, width, height] = geometry.face_box;
    let [eye_left, eye_right, nose, mouth_left, mouth_right] = geometry.landmarks;
    let between = |a: [f32; 2], b: [f32; 2], t: f32| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
    let unit = width / 10.0;
    let mut points = Vec::with_capacity(68);
    // The jaw: half an ellipse from ear to ear.
    for step in 0..17u8 {
        let angle = std::f32::consts::PI * f32::from(step) / 16.0;
        let (sin, cos) = angle.sin_cos();
        points.push([left + width / 2.0 * (1.0 - cos), top + height * (0.4 + 0.6 * sin)]);
    }
    for eye in [eye_left, eye_right] {
        points.extend(
            (0..5u8).map(|step| [eye[0] + unit * (f32::from(step) - 2.0) * 0.6, eye[1] - unit * 1.2]),
        );
    }
    let bridge = between(eye_left, eye_right, 0.5);
    points.extend((0..4u8).map(|step| between(bridge, nose, f32::from(step) / 3.0)));
    points
        .extend((0..5u8).map(|step| [nose[0] + unit * (f32::from(step) - 2.0) * 0.4, nose[1] + unit * 0.4]));
    for eye in [eye_left, eye_right] {
        let around = [(-1.0, 0.0), (-0.4, -0.4), (0.4, -0.4), (1.0, 0.0), (0.4, 0.4), (-0.4, 0.4)];
        points.extend(around.map(|(x, y)| [eye[0] + unit * x, eye[1] + unit * y]));
    }
    for (steps, bow) in [(6u8, 0.6), (4, 0.2)] {
        // The lips, from corner to corner above and back below; the outer ones, then the inner ones.
        for side in [-1.0, 1.0] {
            let count = if side < 0.0 { steps + 1 } else { steps - 1 };
            for step in 0..count {
                let t = f32::from(if side < 0.0 { step } else { steps - 1 - step }) / f32::from(steps);
                let [x, y] = between(mouth_left, mouth_right, t);
                points.push([x, y + side * unit * bow * (std::f32::consts::PI * t).sin()]);
            }
        }
    }
    points
}

/// An `.npy` file of version 1.
fn npy(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// A scalar of text, as the release of 2021 keeps its labels.
fn npy_text(text: &str) -> Vec<u8> {
    let data: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    npy(&format!("<U{}", text.len()), "()", &data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_68_points_and_the_five_are_among_them() {
        let geometry = Geometry {
            face_box: [10.0, 20.0, 100.0, 120.0],
            landmarks: [[40.0, 60.0], [80.0, 61.0], [60.0, 90.0], [45.0, 115.0], [76.0, 116.0]],
        };
        let points = landmarks_68(&geometry);
        assert_eq!(points.len(), 68);
        let middle = |range: std::ops::Range<usize>| {
            let count = range.len() as f32;
            range.fold([0.0; 2], |sum, at| [sum[0] + points[at][0] / count, sum[1] + points[at][1] / count])
        };
        let five = [middle(36..42), middle(42..48), points[30], points[48], points[54]];
        for (found, wanted) in five.iter().flatten().zip(geometry.landmarks.iter().flatten()) {
            assert!((found - wanted).abs() < 0.01, "{five:?}");
        }
    }
}
