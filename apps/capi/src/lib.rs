//! affekt for C and C++. A dozen functions over the engine's [`SharedRecognizer`]: what C gives is checked here, and no panic
//! crosses the border. `include/affekt.h` is made of these files; `.ci/run` holds them together.
//!
//! `status` holds how calls end, `picture` pixels that come in, `options` what is opened, `recognizer` the reading, `readings`
//! what comes out.
//!
//! [`SharedRecognizer`]: `affekt_engine`::world::live::SharedRecognizer

mod options;
mod picture;
mod readings;
mod recognizer;
mod status;

pub use options::AffektOptions;
pub use picture::{AFFEKT_BGR, AFFEKT_BGRA, AFFEKT_GREY, AFFEKT_RGB, AFFEKT_RGBA, AffektImage};
pub use readings::{AffektFace, AffektReadings, affekt_face, affekt_face_count, affekt_readings_free};
pub use recognizer::{
    AffektRecognizer, affekt_class_count, affekt_class_name, affekt_close, affekt_finish, affekt_open,
    affekt_push, affekt_read, affekt_read_file,
};
pub use status::{AffektStatus, affekt_last_error, affekt_version};
