//! Reads `timeline.json`, checks it, and reduces it to columns: a clip of an hour needs no larger page than a short one.

use std::path::{Component, Path};

use affekt_engine::files::read_limited;
use anyhow::{Context as _, bail};
use data_encoding::BASE64;
use serde::Deserialize;

use super::results;

/// Columns a clip is reduced to; shorter clips keep a column a frame.
const COLUMNS: usize = 900;
/// Largest picture that is put into the page, in bytes.
const LARGEST_PICTURE: u64 = 64 << 10;
/// Most bytes of pictures in a page, and most pictures.
const ALL_PICTURES: usize = 400 << 10;
const MOST_PICTURES: usize = 24;

/// A clip and what was said about each of its frames.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Clip {
    /// Its name.
    #[serde(rename = "clip")]
    pub name: String,
    /// Frames a second.
    pub fps: Option<f64>,
    /// Class names.
    pub classes: Vec<String>,
    /// Number of frames.
    pub frames: usize,
    /// The true class of each frame; -1 where there is none.
    pub truth: Vec<i64>,
    /// Whether a face was found.
    pub face: Vec<bool>,
    /// The class by the frame alone.
    pub per_frame: Vec<i64>,
    /// The class by the temporal network.
    pub temporal: Vec<i64>,
    /// The class after the vote.
    pub voted: Vec<i64>,
    /// The temporal network's probabilities, a row a frame.
    pub probabilities: Vec<Vec<f32>>,
    /// Pictures of some frames.
    pub thumbnails: Vec<Thumbnail>,
}

/// A picture of a frame.
#[derive(Debug, Clone, Deserialize)]
pub struct Thumbnail {
    /// Which frame.
    pub frame: usize,
    /// The picture's file, relative to the run's folder.
    pub file: String,
}

/// A picture ready for the page.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Which frame.
    pub frame: usize,
    /// `data:` address.
    pub address: String,
}

impl Clip {
    /// Reads and checks a clip where there is one.
    ///
    /// # Errors
    /// The file is unreadable, or its lists disagree in length or hold classes that it does not name.
    pub fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let Some(clip) = results::read::<Self>(path)? else { return Ok(None) };
        clip.check().with_context(|| path.display().to_string())?;
        Ok(Some(clip))
    }

    /// The tracks that the clip has, from the truth to the finest answer.
    pub fn tracks(&self) -> Vec<(&'static str, &'static str, &[i64])> {
        let all: [(&str, &str, &[i64]); 4] = [
            ("truth", "Truth", &self.truth),
            ("per_frame", "Per frame", &self.per_frame),
            ("temporal", "Temporal", &self.temporal),
            ("voted", "Voted", &self.voted),
        ];
        all.into_iter().filter(|(_, _, labels)| !labels.is_empty()).collect()
    }

    fn check(&self) -> anyhow::Result<()> {
        let (frames, classes) = (self.frames, self.classes.len());
        if frames == 0 || classes == 0 {
            bail!(
                "`frames` and `classes` must say how many frames there are and what the classes are called"
            );
        }
        if self.fps.is_some_and(|fps| !(fps.is_finite() && fps > 0.0)) {
            bail!("`fps` must be above 0");
        }
        for (name, _, labels) in self.tracks() {
            if labels.len() != frames {
                bail!("`{name}` has {} values, but the clip has {frames} frames", labels.len());
            }
            if let Some(at) = labels.iter().position(|&l| l < -1 || l >= classes as i64) {
                bail!("`{name}` of frame {at} is {}, but there are {classes} classes (-1: none)", labels[at]);
            }
        }
        if !self.face.is_empty() && self.face.len() != frames {
            bail!("`face` has {} values, but the clip has {frames} frames", self.face.len());
        }
        if !self.probabilities.is_empty() && self.probabilities.len() != frames {
            bail!("`probabilities` has {} rows, but the clip has {frames} frames", self.probabilities.len());
        }
        if let Some(at) = self.probabilities.iter().position(|row| row.len() != classes) {
            bail!(
                "`probabilities` of frame {at} are {}, but there are {classes} classes",
                self.probabilities[at].len()
            );
        }
        if let Some(thumbnail) = self.thumbnails.iter().find(|t| t.frame >= frames) {
            bail!("a thumbnail is of frame {}, but the clip has {frames} frames", thumbnail.frame);
        }
        Ok(())
    }

    /// Columns the clip is drawn in.
    pub fn columns(&self) -> usize {
        self.frames.min(COLUMNS)
    }

    /// Frames of a column.
    pub fn frames_of(&self, column: usize) -> std::ops::Range<usize> {
        let (n, columns) = (self.frames as u128, self.columns() as u128);
        let at = |c: usize| (c as u128 * n / columns) as usize;
        at(column)..at(column + 1)
    }

    /// Seconds, or frames where the clip does not say its rate, of a frame.
    pub fn time(&self, frame: f64) -> f64 {
        frame / self.fps.unwrap_or(1.0)
    }

    /// Each column's most frequent label, the lowest of equals; -1 where most frames have none.
    pub fn reduced(&self, labels: &[i64]) -> Vec<i64> {
        let most_frequent = |column: usize| {
            let mut counts = vec![0u32; self.classes.len() + 1];
            for &label in labels.get(self.frames_of(column)).unwrap_or(&[]) {
                counts[(label + 1) as usize] += 1;
            }
            let best = (0..counts.len()).max_by_key(|&i| (counts[i], std::cmp::Reverse(i))).unwrap_or(0);
            best as i64 - 1
        };
        (0..self.columns()).map(most_frequent).collect()
    }

    /// Columns in most of whose frames no face was found.
    pub fn faceless(&self) -> Vec<bool> {
        let missing = |column: usize| {
            let faces = self.face.get(self.frames_of(column)).unwrap_or(&[]);
            !faces.is_empty() && faces.iter().filter(|f| !**f).count() * 2 > faces.len()
        };
        (0..self.columns()).map(missing).collect()
    }

    /// Mean probability of a class in each column.
    pub fn probability(&self, class: usize) -> Vec<Option<f64>> {
        let mean = |column: usize| {
            let rows = self.probabilities.get(self.frames_of(column))?;
            let known: Vec<f64> =
                rows.iter().map(|r| f64::from(r[class])).filter(|p| p.is_finite()).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        (0..self.columns()).map(mean).collect()
    }

    /// Frames with a true label, and those of them on which a track agrees.
    pub fn agreement(&self, labels: &[i64]) -> (usize, usize) {
        let judged = self.truth.iter().zip(labels).filter(|(t, _)| **t >= 0);
        judged.fold((0, 0), |(all, right), (t, l)| (all + 1, right + usize::from(t == l)))
    }

    /// How often a track's label changes from one frame to the next.
    pub fn changes(labels: &[i64]) -> usize {
        labels.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// The pictures of the thumbnails, and notes on those that are left out.
    ///
    /// # Errors
    /// A file lies outside of the run's folder or is neither PNG nor JPEG.
    pub fn pictures(&self, folder: &Path) -> anyhow::Result<(Vec<Picture>, Vec<String>)> {
        let (mut pictures, mut notes, mut bytes_so_far) = (vec![], vec![], 0);
        // Long clips may have many: take them evenly.
        let every = self.thumbnails.len().div_ceil(MOST_PICTURES).max(1);
        for thumbnail in self.thumbnails.iter().step_by(every) {
            let relative = Path::new(&thumbnail.file);
            if thumbnail.file.is_empty() || !relative.components().all(|c| matches!(c, Component::Normal(_)))
            {
                bail!("timeline.json: thumbnail `{}` must be a path inside the run's folder", thumbnail.file);
            }
            let path = folder.join(relative);
            let Ok(size) = std::fs::metadata(&path).map(|m| m.len()) else {
                notes.push(format!("The picture {} is missing and is left out.", thumbnail.file));
                continue;
            };
            if size > LARGEST_PICTURE || bytes_so_far + size as usize > ALL_PICTURES {
                notes.push(format!(
                    "The picture {} is left out, because the page would grow too large.",
                    thumbnail.file
                ));
                continue;
            }
            let bytes = read_limited(&path, LARGEST_PICTURE, "a thumbnail")
                .with_context(|| path.display().to_string())?;
            let kind = match bytes.as_slice() {
                [0x89, b'P', b'N', b'G', ..] => "png",
                [0xff, 0xd8, 0xff, ..] => "jpeg",
                _ => bail!("{}: neither a PNG nor a JPEG picture", path.display()),
            };
            bytes_so_far += bytes.len();
            let address = format!("data:image/{kind};base64,{}", BASE64.encode(&bytes));
            pictures.push(Picture { frame: thumbnail.frame, address });
        }
        Ok((pictures, notes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(frames: usize) -> Clip {
        Clip {
            frames,
            fps: Some(30.0),
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            truth: (0..frames).map(|i| (i / 10 % 3) as i64).collect(),
            ..Clip::default()
        }
    }

    #[test]
    fn columns_cover_every_frame_once() {
        for frames in [1, 7, 900, 901, 108_000] {
            let clip = clip(frames);
            let all: Vec<usize> = (0..clip.columns()).flat_map(|c| clip.frames_of(c)).collect();
            assert!(all.into_iter().eq(0..frames), "{frames}");
            assert!(clip.columns() <= 900);
        }
        let mut long = clip(9000);
        long.truth[20..30].copy_from_slice(&[-1, 2, 2, 1, 2, 2, 2, 0, -1, 1]);
        assert_eq!(long.reduced(&long.truth)[2], 2, "the most frequent of the column's frames");
    }

    #[test]
    fn agreement_leaves_frames_without_truth_out() {
        let clip = Clip { truth: vec![0, 1, -1, 2], ..clip(4) };
        assert_eq!(clip.agreement(&[0, 0, 0, 2]), (3, 2));
        assert_eq!(Clip::changes(&[0, 0, 1, 0]), 2);
    }

    #[test]
    fn lists_that_disagree_are_refused() {
        let whole = clip(20);
        assert!(whole.check().is_ok());
        let refused: [(Clip, &str); 6] = [
            (Clip { frames: 0, ..whole.clone() }, "`frames`"),
            (Clip { voted: vec![0; 19], ..whole.clone() }, "`voted` has 19 values"),
            (Clip { voted: vec![3; 20], ..whole.clone() }, "`voted` of frame 0 is 3"),
            (Clip { fps: Some(0.0), ..whole.clone() }, "`fps`"),
            (
                Clip { probabilities: vec![vec![0.5; 2]; 20], ..whole.clone() },
                "`probabilities` of frame 0 are 2",
            ),
            (Clip { thumbnails: vec![Thumbnail { frame: 20, file: "a.png".into() }], ..whole }, "frame 20"),
        ];
        for (clip, says) in refused {
            let error = clip.check().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn pictures_come_from_the_runs_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.png"), b"\x89PNG....").unwrap();
        std::fs::write(folder.path().join("b.png"), b"GIF89a").unwrap();
        let with = |file: &str| {
            let thumbnails = vec![Thumbnail { frame: 1, file: file.into() }];
            Clip { thumbnails, ..clip(20) }.pictures(folder.path())
        };
        assert!(with("a.png").unwrap().0[0].address.starts_with("data:image/png;base64,iVBOR"));
        assert!(with("b.png").unwrap_err().to_string().contains("neither a PNG nor a JPEG"));
        assert_eq!(with("none.png").unwrap().1.len(), 1);
        for outside in ["../a.png", "/etc/passwd", ""] {
            assert!(with(outside).is_err(), "{outside}");
        }
    }
}
