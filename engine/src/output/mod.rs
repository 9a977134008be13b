//! What readings become outside of the engine, for files and live alike.
//!
//! `table` writes CSV, `lines` JSON Lines, `draw` boxes and `text` onto a frame, `people` gathers what a whole input came
//! to, `state` tells an input from another, `subtitles` renders what it came to. `recorder` writes video and table together, `port` tells other programs
//! while it happens (`client`, one of them). Other writers take any [`std::io::Write`]; whoever calls them decides where files lie and that
//! they are whole. Not here: reading of faces, pages of HTML.

mod client;
mod deadline;
mod draw;
pub mod lines;
mod people;
mod port;
mod recorder;
mod state;
mod subtitles;
pub mod table;
mod text;

pub use draw::{annotated, person_colour};
pub use lines::{FaceLine, FrameLine};
pub use people::{Gathering, LabelRun, Person, SUMMARY_VERSION, ShotStart, Summary, Thumbnail};
pub use port::{Port, PortCounts, PortError};
pub use recorder::Recorder;
pub use state::InputState;
pub use subtitles::{Form, render as subtitles};
