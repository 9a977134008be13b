//! What the page calls. Both sides share the module's memory: the page asks for room, writes there, calls, and reads the answer,
//! which is text in JSON, or where the call gives 1 says what is wrong.

use std::cell::RefCell;
use std::error::Error;
use std::path::Path;

use affekt_engine::world::Model;

use crate::reader::Reader;

/// Most bytes that the page is given room for: a picture of 8192 by 8192 pixels.
const MOST_ROOM: usize = 256 << 20;
/// What errors call the model that it loads.
const MODEL: &str = "the page's model";

#[derive(Default)]
struct Hall {
    room: Vec<u8>,
    answer: String,
    reader: Option<Reader>,
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
        let reader = Reader::new(&Model::parse(Path::new(MODEL), &hall.room)?)?;
        let classes = serde_json::to_string(reader.classes())?;
        (hall.reader, hall.room) = (Some(reader), vec![]);
        Ok(classes)
    })
}

/// Reads the picture in the room, RGBA; of a camera at `seconds` from its beginning, by itself where that is below 0. Answers with
/// a line as `affekt stream --jsonl` writes it.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_read(width: usize, height: usize, seconds: f64) -> i32 {
    answered(|Hall { room, reader, .. }| {
        let reader = reader.as_mut().ok_or("no model is open")?;
        let line = if seconds < 0.0 {
            reader.picture(width, height, room)?
        } else {
            reader.frame(width, height, room, seconds)?
        };
        Ok(serde_json::to_string(&line)?)
    })
}

/// Forgets everybody who was seen before; a camera begins anew.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_restart() -> i32 {
    answered(|hall| {
        hall.reader.as_mut().ok_or("no model is open")?.restart()?;
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
        assert_eq!((affekt_read(1, 1, -1.0), answer()), (1, "no model is open".to_owned()));
        assert_eq!(affekt_restart(), 1);
        assert!(affekt_room(usize::MAX).is_null());
        put(b"no model");
        assert_eq!(affekt_open(), 1);
        assert!(!answer().is_empty());
    }
}
