//! `YuNet`: faces with five landmarks from an ONNX file. Its graph is run by [`super::network`], or by the library ([`crate::onnx`])
//! where it is another one than expected.
//!
//! The network reads blue, green and red planes from 0 to 255, padded right and bottom to a multiple of 32 (`input`), and
//! gives for each stride s of 8, 16 and 32 a row for every cell of the grid (`grids`): `cls` and `obj` (already through the
//! sigmoid), `bbox` (4) and `kps` (10). A cell in column c, row r says
//!
//! ```text
//! score = sqrt(cls * obj)    middle = ((c + b0) s, (r + b1) s)    size = (exp(b2) s, exp(b3) s)
//! landmark k = ((c + k0) s, (r + k1) s)
//! ```
//!
//! A file is not trusted: `check` finds out whether its graph is a `YuNet`'s before anything is computed.

mod check;
mod grids;
mod input;
#[cfg(all(test, feature = "tract"))]
mod network_tests;
#[cfg(test)]
mod small;

use std::path::{Path, PathBuf};

use self::grids::{KINDS, STRIDES, decode, outputs};
use self::input::planes;
use super::network::{MULTIPLE, Network, frame};
use super::{DetectError, Detector};
use crate::files::{LARGEST_DETECTOR, printable, read_limited};
use crate::media::Picture;
use crate::media::face::{Detection, suppress};
use crate::onnx::{Library, Limits, read_model};

/// What a file may hold; a `YuNet` has some twenty thousand fields.
const LIMITS: Limits = Limits { fields: 1 << 17, what: "YuNet" };

/// Most characters of a reason in an error.
const LONGEST_REASON: usize = 400;

/// How faces are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YuNetSettings {
    /// Score from which a cell is a face, 0 to 1.
    pub threshold: f32,
    /// Overlap above which two boxes are the same face, 0 to 1.
    pub overlap: f32,
    /// Pictures are reduced to this longer side in pixels before the network sees them; faces should keep 10 pixels. A
    /// file for one size only is used at that size.
    pub longest: usize,
}

impl Default for YuNetSettings {
    /// 0.6, 0.3, 320 pixels.
    fn default() -> Self {
        Self { threshold: 0.6, overlap: 0.3, longest: 320 }
    }
}

/// What runs a model.
enum Runner {
    Network(Network),
    Library(Library),
}

impl Runner {
    /// The outputs of [`STRIDES`] and [`KINDS`] for a picture in the upper left of `w x h` pixels, multiples of 32.
    fn run(&self, picture: &Picture, w: usize, h: usize) -> Result<Vec<Vec<f32>>, String> {
        match self {
            Self::Network(network) => Ok(network.run(&frame(picture, w, h), h, w)),
            Self::Library(library) => library.run(&[(&planes(picture, w, h), &[1, 3, h, w])]),
        }
    }
}

/// A `YuNet` model.
pub struct YuNet {
    path: PathBuf,
    settings: YuNetSettings,
    /// The one size that the file is for, width and height.
    fixed: Option<(usize, usize)>,
    runner: Runner,
}

impl YuNet {
    /// Reads a model and checks that it is a `YuNet`.
    ///
    /// # Errors
    /// The file cannot be read, has more than 64 MiB, is no ONNX model, or holds another graph than a `YuNet`'s.
    pub fn open(path: &Path, settings: YuNetSettings) -> Result<Self, DetectError> {
        let refuse = |problem: String| DetectError::File {
            path: path.to_owned(),
            problem: printable(&problem, LONGEST_REASON),
        };
        let bytes = read_limited(path, LARGEST_DETECTOR, "a detector").map_err(|e| {
            refuse(if e.kind() == std::io::ErrorKind::NotFound {
                "there is no such detector file".into()
            } else {
                e.to_string()
            })
        })?;
        Self::of(path, &bytes, settings).map_err(refuse)
    }

    /// As [`YuNet::open`], from a file's bytes; `path` is what messages call it.
    ///
    /// # Errors
    /// What is wrong, without the path.
    pub(in crate::media::detect) fn of(
        path: &Path,
        bytes: &[u8],
        settings: YuNetSettings,
    ) -> Result<Self, String> {
        let unread =
            |why: &str| format!("cannot be read as an ONNX model ({why}); give a YuNet face detector");
        let proto = read_model(bytes, LIMITS).map_err(|e| unread(&e))?;
        let graph = proto.graph.as_ref().ok_or_else(|| unread("it holds no graph"))?;
        let advised = |e: String| {
            if e.contains("give a YuNet") { e } else { format!("{e}; give a YuNet face detector") }
        };
        let fixed = check::check(graph).map_err(advised)?;
        let names: Vec<String> = outputs(MULTIPLE, MULTIPLE).map(|(name, _)| name).collect();
        let runner = match Network::of(graph, &names) {
            Some(network) => Runner::Network(network),
            None => Runner::Library(Library::new(&proto, &names).map_err(|e| unread(&e))?),
        };
        let found = Self { path: path.to_owned(), settings, fixed, runner };
        // What cannot be compiled is refused here, not at the first frame.
        let (w, h) = found.input_size(MULTIPLE, MULTIPLE);
        found.detect(&Picture::filled(w, h, 3, 0)).map_err(|e| advised(e.to_string()))?;
        Ok(found)
    }

    /// Size of the network's input for a picture that was already reduced.
    fn input_size(&self, width: usize, height: usize) -> (usize, usize) {
        self.fixed.unwrap_or((width.next_multiple_of(MULTIPLE), height.next_multiple_of(MULTIPLE)))
    }

    /// The factor by which a picture is reduced.
    fn factor(&self, picture: &Picture) -> f32 {
        let (w, h) = (picture.width as f32, picture.height as f32);
        match self.fixed {
            Some((width, height)) => (width as f32 / w).min(height as f32 / h),
            None => self.settings.longest as f32 / w.max(h),
        }
        .min(1.0)
    }
}

impl Detector for YuNet {
    fn describe(&self) -> String {
        let size = self.fixed.map_or_else(
            || format!("{} pixels on the longer side", self.settings.longest),
            |(w, h)| format!("{w}x{h} pixels"),
        );
        format!("YuNet with five landmarks from {}, {size}", self.path.display())
    }

    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, DetectError> {
        let factor = self.factor(picture);
        let side = |length: usize| ((length as f32 * factor).round() as usize).max(1);
        let small = picture
            .reduced(side(picture.width), side(picture.height))
            .map_err(|e| DetectError::Run(e.to_string()))?;
        let (w, h) = self.input_size(small.width, small.height);
        let outputs = self.runner.run(&small, w, h).map_err(DetectError::Run)?;
        let mut found = vec![];
        for (stride, grids) in STRIDES.into_iter().zip(outputs.chunks_exact(KINDS.len())) {
            for ((name, channels), values) in KINDS.into_iter().zip(grids) {
                let wanted = (w / stride) * (h / stride) * channels;
                if values.len() != wanted {
                    return Err(DetectError::Run(format!(
                        "output {name}_{stride} has {} values, but {wanted} are expected for {w}x{h}",
                        values.len()
                    )));
                }
            }
            let [cls, obj, bbox, kps] = [0, 1, 2, 3].map(|kind: usize| grids[kind].as_slice());
            decode(stride, w / stride, [cls, obj, bbox, kps], self.settings.threshold, &mut found);
        }
        found.retain(|d| d.face_box.is_valid());
        let back = 1.0 / factor;
        let mut kept = suppress(found, self.settings.overlap);
        for face in &mut kept {
            face.face_box = face.face_box.scaled(back);
            if let Some(landmarks) = &mut face.landmarks {
                landmarks.iter_mut().flatten().for_each(|v| *v *= back);
            }
        }
        // What lies in the padding is no face.
        kept.retain(|d| {
            let (x, y) = d.face_box.centre();
            x < picture.width as f32 && y < picture.height as f32 && x >= 0.0 && y >= 0.0
        });
        Ok(kept)
    }
}
