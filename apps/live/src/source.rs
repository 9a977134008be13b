//! Opening a source in the thread that will read it.

use affekt_engine::media::camera::CameraRequest;
use affekt_engine::media::source::{Frame, FrameSource, OpenOptions, Skipped, SourceError, SourceInfo};
use affekt_engine::world::live::SourceSpec;

use crate::pipeline::Open;

/// The function that opens a source; `note` is told when it is open, before what the source has to say itself. Of a film frames come
/// from `from` seconds on.
pub fn opener(source: &SourceSpec, note: Option<String>, from: f64) -> Open {
    let source = source.clone();
    Box::new(move || {
        let opened = source.open(CameraRequest::default(), OpenOptions::default());
        let mut opened = opened.map_err(|error| error.to_string())?;
        // Why another one was wanted comes before what stands in for it.
        let notes: Vec<String> = note.into_iter().chain(opened.note).collect();
        opened.note = (!notes.is_empty()).then(|| notes.join("; "));
        if from > 0.0 && source.file().is_some() {
            opened.source = sought(opened.source, from).map_err(|error| error.to_string())?;
        }
        Ok(opened)
    })
}

/// Brings a source to a time: at once where it can, else by reading all that lies before.
fn sought(mut source: Box<dyn FrameSource>, from: f64) -> Result<Box<dyn FrameSource>, SourceError> {
    if source.go_to(from)? {
        return Ok(source);
    }
    Ok(Box::new(After { source, from }))
}

/// A source without what is shown before a time.
struct After {
    source: Box<dyn FrameSource>,
    from: f64,
}

impl FrameSource for After {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        while let Some(frame) = self.source.next_frame()? {
            if frame.seconds >= self.from {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn skipped(&self) -> Skipped {
        self.source.skipped()
    }

    fn seconds(&self) -> Option<f64> {
        self.source.seconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use affekt_engine::media::Picture;

    #[test]
    fn a_film_is_played_from_any_moment() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..60u8 {
            let file = folder.path().join(format!("{number:02}.png"));
            Picture::filled(8, 8, 3, number).write_png(&file).unwrap();
        }
        let spec = SourceSpec::File(folder.path().to_owned());
        for (from, first) in [(0.0, 0), (1.0, 30), (1.5, 45), (9.0, 59)] {
            let mut opened = opener(&spec, None, from)().unwrap();
            assert_eq!(opened.source.next_frame().unwrap().unwrap().index, first, "from {from}");
        }
        let opened = opener(&spec, None, 0.0)().unwrap();
        let mut after = After { source: opened.source, from: 1.0 };
        assert_eq!(after.next_frame().unwrap().unwrap().index, 30, "the same without seeking");
    }
}
