//! What the page calls. Both sides share the module's memory: the page asks for room, writes there, calls, and reads the answer,
//! which is text in JSON, or where the call gives 1 says what is wrong.

use std::cell::RefCell;
use std::error::Error;
use std::path::Path;

use affekt_engine::world::Model;
use serde::Serialize;

use crate::gpu::{Gpu, Values};
use crate::reader::Reader;

/// Most bytes that the page is given room for: a picture of 8192 by 8192 pixels.
const MOST_ROOM: usize = 256 << 20;
/// What errors call the model that it loads.
const MODEL: &str = "the page's model";
/// What is wrong with a call before [`affekt_open`].
const CLOSED: &str = "no model is open";

#[derive(Default)]
struct Hall {
    room: Vec<u8>,
    answer: String,
    model: Option<Model>,
    reader: Option<Reader>,
    gpu: Option<Gpu>,
}

/// What the page is told of faces before they are read.
#[derive(Serialize)]
struct Seen {
    input: Values,
}

thread_local! {
    static HALL: RefCell<Hall> = RefCell::default();
}

/// Does something and keeps its answer; 0 where it went well, else 1.
fn answered(work: impl FnOnce(&mut Hall) -> Result<String, Box<dyn Error>>) -> i32 {
    HALL.with_borrow_mut(|hall| {
        let (answer, code) = match work(hall) {
            Ok(answer) => (answer, 0),
            Err(error) => (error.to_string(), 1),
        };
        hall.answer = answer;
        code
    })
}

/// Room for so many bytes, at most 256 MiB, valid until the next call of this function; null where it is more.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_room(bytes: usize) -> *mut u8 {
    HALL.with_borrow_mut(|hall| {
        if bytes > MOST_ROOM {
            return std::ptr::null_mut();
        }
        hall.room.clear();
        hall.room.resize(bytes, 0);
        hall.room.as_mut_ptr()
    })
}

/// Opens the model in the room; answers with the names of its classes.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_open() -> i32 {
    answered(|hall| {
        let model = Model::parse(Path::new(MODEL), &hall.room)?;
        let reader = Reader::new(&model)?;
        let classes = serde_json::to_string(reader.classes())?;
        *hall = Hall { model: Some(model), reader: Some(reader), ..Hall::default() };
        Ok(classes)
    })
}

/// Looks for the faces of the picture in the room, RGBA; of a camera at `seconds` from its beginning, by itself where that is below
/// 0. Answers with where their input lies until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_look(width: usize, height: usize, seconds: f64) -> i32 {
    answered(|Hall { room, reader, .. }| {
        let reader = reader.as_mut().ok_or(CLOSED)?;
        let input = Values::of(reader.look(width, height, room, seconds)?);
        Ok(serde_json::to_string(&Seen { input })?)
    })
}

/// Reads the faces that [`affekt_look`] has found, by so many logits in the room; by the processor where they are 0. Answers with a
/// line as `affekt stream --jsonl` writes it.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_read(logits: usize) -> i32 {
    answered(|Hall { room, reader, .. }| {
        let line = reader.as_mut().ok_or(CLOSED)?.read(&numbers(room, logits))?;
        Ok(serde_json::to_string(&line)?)
    })
}

/// What a GPU has to do: with 0 faces, to open the model; else, to answer about so many.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_gpu(faces: usize) -> i32 {
    answered(|Hall { model, gpu, .. }| {
        if gpu.is_none() {
            *gpu = Some(Gpu::new(model.as_ref().ok_or(CLOSED)?)?);
        }
        let gpu = gpu.as_ref().ok_or(CLOSED)?;
        Ok(match faces {
            0 => serde_json::to_string(&gpu.opening()?)?,
            faces => serde_json::to_string(&gpu.pass(faces)?)?,
        })
    })
}

/// Whether so many logits in the room are right for the trial that [`affekt_gpu`] has named.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_trust(logits: usize) -> i32 {
    answered(|Hall { room, gpu, .. }| {
        gpu.as_ref().ok_or("no GPU was asked for")?.trust(&numbers(room, logits))?;
        Ok(String::new())
    })
}

/// The first numbers in the room.
fn numbers(room: &[u8], count: usize) -> Vec<f32> {
    room.as_chunks::<4>().0.iter().take(count).map(|v| f32::from_le_bytes(*v)).collect()
}

/// Forgets everybody who was seen before; a camera begins anew.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_restart() -> i32 {
    answered(|hall| {
        hall.reader.as_mut().ok_or(CLOSED)?.restart()?;
        Ok(String::new())
    })
}

/// Where the last answer lies, until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_answer() -> *const u8 {
    HALL.with_borrow(|hall| hall.answer.as_ptr())
}

/// Its length in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_answer_length() -> usize {
    HALL.with_borrow(|hall| hall.answer.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use affekt_engine::synth::synth_clips;

    use super::*;

    fn answer() -> String {
        HALL.with_borrow(|hall| hall.answer.clone())
    }

    fn put(bytes: &[u8]) {
        assert!(!affekt_room(bytes.len()).is_null());
        HALL.with_borrow_mut(|hall| hall.room.copy_from_slice(bytes));
    }

    #[test]
    fn every_wrong_call_is_answered_in_words() {
        for wrong in [affekt_look(1, 1, -1.0), affekt_read(0), affekt_gpu(0), affekt_restart()] {
            assert_eq!((wrong, answer()), (1, "no model is open".to_owned()));
        }
        assert_eq!((affekt_trust(0), answer()), (1, "no GPU was asked for".to_owned()));
        assert!(affekt_room(usize::MAX).is_null());
        put(b"no model");
        assert_eq!(affekt_open(), 1);
        assert!(!answer().is_empty());
    }

    #[test]
    fn a_picture_is_read_by_the_processor_where_no_logits_are_given_and_by_them_where_they_are() {
        put(&std::fs::read("../../assets/models/ferplus-64.safetensors").unwrap());
        assert_eq!(affekt_open(), 0, "{}", answer());
        assert_eq!(affekt_read(0), 1, "nothing was looked at");
        let clips = "synth-clips:1?seed=3&frames=20&channels=3&camera=0&occlusion=0&missing=0";
        let picture = synth_clips(&clips.parse().unwrap()).unwrap().full_frame(0, 9, 640, 480).picture;
        let pixels: Vec<u8> =
            picture.pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
        let label = |logits: Option<Vec<f32>>| {
            put(&pixels);
            assert_eq!(affekt_look(640, 480, -1.0), 0, "{}", answer());
            let logits = logits.unwrap_or_default();
            let bytes: Vec<u8> = logits.iter().flat_map(|v| v.to_le_bytes()).collect();
            put(&bytes);
            assert_eq!(affekt_read(logits.len()), 0, "{}", answer());
            let line: serde_json::Value = serde_json::from_str(&answer()).unwrap();
            line["faces"][0]["frame_label"].as_str().unwrap().to_owned()
        };
        let classes = Model::builtin().unwrap().card.classes;
        for (i, class) in classes.iter().enumerate() {
            let logits = (0..classes.len()).map(|at| if at == i { 9.0 } else { 0.0 }).collect();
            assert_eq!(label(Some(logits)), *class);
        }
        let by_processor = label(None);
        assert!(classes.contains(&by_processor));
        assert_eq!(label(Some(vec![9.0])), by_processor, "too few are none");
    }
}
