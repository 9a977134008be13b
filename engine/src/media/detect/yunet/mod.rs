//! `YuNet`: faces with five landmarks from an ONNX file. tract reads it; its graph is run by `network`, or by tract where it
//! is another one than expected.
//!
//! The network reads blue, green and red planes from 0 to 255, padded right and bottom to a multiple of 32, and gives for
//! each stride s of 8, 16 and 32 a row for every cell of the grid: `cls` and `obj` (already through the sigmoid), `bbox` (4)
//! and `kps` (10). A cell in column c, row r says
//!
//! ```text
//! score = sqrt(cls * obj)    middle = ((c + b0) s, (r + b1) s)    size = (exp(b2) s, exp(b3) s)
//! landmark k = ((c + k0) s, (r + k1) s)
//! ```

mod kernels;
mod network;
#[cfg(test)]
mod network_tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid as _;

use self::network::Network;
use super::{DetectError, Detector};
use crate::media::Picture;
use crate::media::face::{Detection, FaceBox, suppress};

/// Cells of the three grids, in pixels.
const STRIDES: [usize; 3] = [8, 16, 32];
/// The outputs of one stride and their channels.
const KINDS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];
/// Sides of the network's input are multiples of it.
const MULTIPLE: usize = 32;
/// Most sizes of pictures whose networks are kept.
const KEPT: usize = 4;

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

type Plan = Arc<TypedRunnableModel>;

/// A `YuNet` model.
pub struct YuNet {
    path: PathBuf,
    settings: YuNetSettings,
    model: InferenceModel,
    /// The one size that the file is for, width and height.
    fixed: Option<(usize, usize)>,
    /// Where the outputs of [`STRIDES`] and [`KINDS`] are among the model's.
    outputs: Vec<usize>,
    /// Runs it, if its graph is the expected one.
    network: Option<Network>,
    /// Otherwise: networks compiled for sizes that came.
    plans: Mutex<BTreeMap<(usize, usize), Plan>>,
}

impl YuNet {
    /// Reads a model and checks that it is a `YuNet`.
    ///
    /// # Errors
    /// The file cannot be read, is no ONNX model, or has other inputs or outputs.
    pub fn open(path: &Path, settings: YuNetSettings) -> Result<Self, DetectError> {
        let refuse = |problem: String| DetectError::File { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|e| {
            refuse(if e.kind() == std::io::ErrorKind::NotFound {
                "there is no such detector file".into()
            } else {
                e.to_string()
            })
        })?;
        let read = onnx().proto_model_for_read(&mut bytes.as_slice());
        let parsed = read.and_then(|proto| Ok((onnx().model_for_proto_model(&proto)?, proto.graph)));
        let (mut model, graph) = parsed.map_err(|e| {
            refuse(format!(
                "cannot be read as an ONNX model ({}); give a YuNet face detector",
                first_line(&e)
            ))
        })?;
        let names: Vec<String> = model
            .outputs
            .iter()
            .map(|outlet| {
                let label = model.outlet_label(*outlet).unwrap_or_default();
                if label.is_empty() { model.node(outlet.node).name.clone() } else { label.to_owned() }
            })
            .collect();
        let mut outputs = vec![];
        let mut wanted = vec![];
        for stride in STRIDES {
            for (kind, _) in KINDS {
                let name = format!("{kind}_{stride}");
                wanted.push(name.clone());
                outputs.push(names.iter().position(|n| *n == name).ok_or_else(|| {
                    refuse(format!(
                        "its outputs are {}, so it is no YuNet, which has cls, obj, bbox and kps for the strides 8, 16 and \
                         32 (`{name}` is missing); give a YuNet face detector, e.g. face_detection_yunet_2023mar.onnx",
                        listed(&names)
                    ))
                })?);
            }
        }
        if model.inputs.len() != 1 {
            return Err(refuse(format!("it has {} inputs, but a YuNet has one", model.inputs.len())));
        }
        let fixed = fixed_size(&model);
        // The files' own notes on shapes contradict any other size than theirs.
        for node in &mut model.nodes {
            if !node.inputs.is_empty() {
                node.outputs.iter_mut().for_each(|outlet| outlet.fact = InferenceFact::default());
            }
        }
        let found = Self {
            path: path.to_owned(),
            settings,
            model,
            fixed,
            outputs,
            network: graph.and_then(|graph| Network::of(&graph, &wanted)),
            plans: Mutex::new(BTreeMap::new()),
        };
        // What cannot be compiled or has other shapes is refused here, not at the first frame.
        let (w, h) = found.input_size(MULTIPLE, MULTIPLE);
        let blank = Picture::filled(w, h, 3, 0);
        found.detect(&blank).map_err(|e| refuse(format!("{e}; give a YuNet face detector")))?;
        Ok(found)
    }

    /// Size of the network's input for a picture that was already reduced.
    fn input_size(&self, width: usize, height: usize) -> (usize, usize) {
        self.fixed.unwrap_or((width.next_multiple_of(MULTIPLE), height.next_multiple_of(MULTIPLE)))
    }

    fn plan(&self, size: (usize, usize)) -> Result<Plan, DetectError> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&size) {
            return Ok(Arc::clone(plan));
        }
        if plans.len() == KEPT {
            plans.clear();
        }
        let (w, h) = size;
        let failed =
            |e: TractError| DetectError::Run(format!("cannot be compiled for {w}x{h}: {}", first_line(&e)));
        let model = self.model.clone().with_input_fact(0, f32::fact([1, 3, h, w]).into()).map_err(failed)?;
        let plan = model.into_optimized().and_then(IntoRunnable::into_runnable).map_err(failed)?;
        plans.insert(size, Arc::clone(&plan));
        Ok(plan)
    }

    /// The outputs of [`STRIDES`] and [`KINDS`] for a picture in the upper left of `w x h` pixels.
    fn outputs(&self, picture: &Picture, w: usize, h: usize) -> Result<Vec<Vec<f32>>, DetectError> {
        match &self.network {
            Some(network) if w.is_multiple_of(MULTIPLE) && h.is_multiple_of(MULTIPLE) => {
                Ok(network.run(&frame(picture, w, h), h, w))
            }
            _ => self.outputs_by_tract(picture, w, h),
        }
    }

    fn outputs_by_tract(&self, picture: &Picture, w: usize, h: usize) -> Result<Vec<Vec<f32>>, DetectError> {
        let failed = |e: TractError| DetectError::Run(first_line(&e));
        let plan = self.plan((w, h))?;
        let input = Tensor::from_shape(&[1, 3, h, w], &planes(picture, w, h)).map_err(failed)?;
        let outputs = plan.run(tvec!(input.into())).map_err(failed)?;
        let values = |place: &usize| {
            let view = outputs[*place].to_plain_array_view::<f32>().map_err(failed)?;
            Ok(view.iter().copied().collect())
        };
        self.outputs.iter().map(values).collect()
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
        let outputs = self.outputs(&small, w, h)?;
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

/// Adds the faces of one stride's grid, `columns` wide. `grids` are cls, obj, bbox and kps.
fn decode(stride: usize, columns: usize, grids: [&[f32]; 4], threshold: f32, found: &mut Vec<Detection>) {
    let [cls, obj, bbox, kps] = grids;
    let s = stride as f32;
    for (cell, (&class, &object)) in cls.iter().zip(obj).enumerate() {
        let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
        // NaN is no face.
        if score.is_nan() || score < threshold {
            continue;
        }
        let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
        let b = &bbox[cell * 4..][..4];
        let middle = ((column + b[0]) * s, (row + b[1]) * s);
        let face_box = FaceBox::around(middle, b[2].exp() * s, b[3].exp() * s);
        let mut landmarks = [[0.0; 2]; 5];
        for (point, k) in landmarks.iter_mut().zip(kps[cell * 10..][..10].chunks_exact(2)) {
            *point = [(column + k[0]) * s, (row + k[1]) * s];
        }
        let finite = landmarks.iter().flatten().all(|v| v.is_finite());
        found.push(Detection { face_box, landmarks: finite.then_some(landmarks), score });
    }
}

/// Blue, green and red planes of `width x height`, the picture at the top left and 0 around it.
fn planes(picture: &Picture, width: usize, height: usize) -> Vec<f32> {
    let mut out = vec![0.0; 3 * width * height];
    let channels = picture.channels;
    for (plane, out) in out.chunks_exact_mut(width * height).enumerate() {
        let channel = if channels == 3 { 2 - plane } else { 0 };
        for (row, out) in
            picture.pixels.chunks_exact(picture.width * channels).zip(out.chunks_exact_mut(width))
        {
            for (to, pixel) in out.iter_mut().zip(row.chunks_exact(channels)) {
                *to = f32::from(pixel[channel]);
            }
        }
    }
    out
}

/// Blue, green and red of each of `width x height` pixels, the picture at the top left, 0 around it and in a border one pixel
/// wide.
fn frame(picture: &Picture, width: usize, height: usize) -> Vec<f32> {
    let line = (width + 2) * 3;
    let mut out = vec![0.0; (height + 2) * line];
    let channels = picture.channels;
    let rows = picture.pixels.chunks_exact(picture.width * channels);
    for (row, out) in rows.zip(out[line..].chunks_exact_mut(line)) {
        for (to, pixel) in out[3..].as_chunks_mut::<3>().0.iter_mut().zip(row.chunks_exact(channels)) {
            let last = channels - 1;
            *to = [f32::from(pixel[last]), f32::from(pixel[last / 2]), f32::from(pixel[0])];
        }
    }
    out
}

/// Width and height of the model's input where the file fixes them.
fn fixed_size(model: &InferenceModel) -> Option<(usize, usize)> {
    let fact = model.input_fact(0).ok()?;
    let side =
        |axis: usize| fact.shape.dim(axis)?.concretize()?.to_i64().ok().and_then(|v| usize::try_from(v).ok());
    Some((side(3)?, side(2)?))
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(4).map(String::as_str).collect();
    let more = if names.len() > shown.len() {
        format!(" and {} more", names.len() - shown.len())
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

fn first_line(error: &TractError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_decoded_by_the_formulae() {
        let mut bbox = vec![0.0; 6 * 4];
        let mut kps = vec![0.0; 6 * 10];
        bbox[5 * 4..].copy_from_slice(&[0.5, -0.25, 2f32.ln(), 3f32.ln()]);
        kps[50..60].copy_from_slice(&[0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0]);
        let (cls, obj) = ([0.0, 0.0, 0.0, f32::NAN, 0.5, 0.81], [1.0, 1.0, 1.0, 1.0, 0.5, 1.0]);
        let mut found = vec![];
        decode(16, 3, [&cls, &obj, &bbox, &kps], 0.6, &mut found);
        // Cell 5 of a grid three wide is column 2, row 1.
        let [face] = found.as_slice() else { panic!("{found:?}") };
        assert!((face.score - 0.9).abs() < 1e-6);
        let (x, y) = face.face_box.centre();
        assert!((x - 40.0).abs() < 1e-4 && (y - 12.0).abs() < 1e-4, "{face:?}");
        assert!((face.face_box.w - 32.0).abs() < 1e-3 && (face.face_box.h - 48.0).abs() < 1e-3);
        let landmarks = face.landmarks.expect("landmarks");
        assert_eq!(landmarks, [[32.0, 16.0], [48.0, 16.0], [40.0, 24.0], [32.0, 32.0], [48.0, 32.0]]);
    }

    #[test]
    fn planes_are_blue_first_and_padded() {
        let picture = Picture { width: 1, height: 2, channels: 3, pixels: vec![1, 2, 3, 4, 5, 6] };
        let found = planes(&picture, 2, 3);
        assert_eq!(found, [3., 0., 6., 0., 0., 0., 2., 0., 5., 0., 0., 0., 1., 0., 4., 0., 0., 0.]);
        let grey = Picture { width: 1, height: 1, channels: 1, pixels: vec![9] };
        assert_eq!(planes(&grey, 1, 1), [9., 9., 9.]);
    }
}
