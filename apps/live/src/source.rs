//! Opening a source in the thread that will read it.

use affekt_engine::media::camera::CameraRequest;
use affekt_engine::media::source::OpenOptions;
use affekt_engine::world::live::SourceSpec;

use crate::pipeline::Open;

/// The function that opens a source; `note` is told when it is open, unless the source has something to say itself.
pub fn opener(source: &SourceSpec, note: Option<String>) -> Open {
    let source = source.clone();
    Box::new(move || {
        let opened = source.open(CameraRequest::default(), OpenOptions::default());
        let mut opened = opened.map_err(|error| error.to_string())?;
        opened.note = opened.note.or(note);
        Ok(opened)
    })
}
