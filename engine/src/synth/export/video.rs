//! Whole camera pictures as raw video, and what is true in each of them.

use std::io::{self, Write};

use super::{Progress, in_chunks};
use crate::data::{Clips, DataError};
use crate::media::{LUMA, Picture};
use crate::synth::{SynthClipSettings, SynthClips};

/// Head line of [`write_truth`]'s table. Places are in pixels, the first pixel's centre at (0.5, 0.5); left and right
/// are the picture's.
pub const TRUTH_COLUMNS: &str = "frame,label,class,expression,intensity,face_x,face_y,face_width,face_height,\
left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,mouth_right_x,mouth_right_y";

/// Writes a clip's camera pictures as YUV4MPEG2 (Y4M): raw video with colour at half size, full range, that players and
/// `ffmpeg` open. `width` and `height` must be even. Returns whether it was finished.
///
/// # Errors
/// The output cannot be written.
pub fn write_y4m(
    clips: &SynthClips,
    clip: usize,
    (width, height): (usize, usize),
    out: &mut dyn Write,
    progress: Progress<'_>,
) -> Result<bool, DataError> {
    let failed = |source: io::Error| DataError::Io { path: clips.clip_name(clip).into(), source };
    if width % 2 != 0 || height % 2 != 0 {
        return Err(failed(io::Error::other(format!("{width}x{height}: video needs even sides"))));
    }
    let rate = SynthClipSettings::FRAMES_PER_SECOND;
    writeln!(out, "YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL")
        .map_err(failed)?;
    let draw = |frame: usize| Ok(planes(&clips.full_frame(clip, frame, width, height).picture));
    in_chunks(0..clips.frames(clip), progress, draw, |_, planes| {
        out.write_all(b"FRAME\n").and_then(|()| out.write_all(&planes)).map_err(failed)
    })
}

/// Writes a clip's truth as CSV, a line a frame from 0, under [`TRUTH_COLUMNS`]. `label` is the class number or -1 where
/// the frame is to be ignored, `class` its name, `expression` and `intensity` what is under way. Places are empty in
/// frames without a face.
///
/// # Errors
/// The output cannot be written.
pub fn write_truth(
    clips: &SynthClips,
    clip: usize,
    (width, height): (usize, usize),
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{TRUTH_COLUMNS}")?;
    for frame in 0..clips.frames(clip) {
        let label = clips.label(clip, frame).map_or(-1, |label| label as i64);
        let (expression, intensity) = clips.expression(clip, frame);
        let (class, expression) = (clips.class(clip, frame).name(), expression.name());
        write!(out, "{frame},{label},{class},{expression},{intensity:.3}")?;
        match clips.geometry(clip, frame, width, height) {
            Some(geometry) => {
                let places = geometry.face_box.iter().chain(geometry.landmarks.as_flattened());
                places.into_iter().try_for_each(|place| write!(out, ",{place:.2}"))?;
            }
            None => write!(out, "{}", ",".repeat(14))?,
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Luma at full size, then both chromas at half, by JPEG's equations.
fn planes(picture: &Picture) -> Vec<u8> {
    let (width, height) = (picture.width, picture.height);
    let mut bytes = Vec::with_capacity(width * height * 3 / 2);
    if picture.channels == 1 {
        bytes.extend_from_slice(&picture.pixels);
        bytes.resize(width * height * 3 / 2, 128);
        return bytes;
    }
    let luma = |rgb: [f32; 3]| LUMA[0] * rgb[0] + LUMA[1] * rgb[1] + LUMA[2] * rgb[2];
    let level = |v: f32| (v + 0.5) as u8;
    bytes.extend(picture.pixels.chunks_exact(3).map(|p| level(luma([p[0], p[1], p[2]].map(f32::from)))));
    for (channel, scale) in [(2, 1.772), (0, 1.402)] {
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                let four = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
                let mean = |c: usize| {
                    four.iter().map(|&(x, y)| f32::from(picture.pixel(x, y)[c])).sum::<f32>() / 4.0
                };
                let rgb = [mean(0), mean(1), mean(2)];
                bytes.push(level(128.0 + (rgb[channel] - luma(rgb)) / scale));
            }
        }
    }
    bytes
}
