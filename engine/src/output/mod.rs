//! What readings become outside of the engine, for files and live alike.
//!
//! `table` writes CSV, `lines` JSON Lines, `draw` boxes and `text` onto a frame, `people` gathers what a whole input came
//! to, `sheet` puts pictures side by side, `state` tells an input from another, `subtitles` renders what it came to. `recorder` writes video and table together, `port` tells other programs
//! while it happens (`client`, one of them). Other writers take any [`std::io::Write`]; whoever calls them decides where files lie and that
//! they are whole. Not here: reading of faces, pages of HTML.
//!
//! The features `results`, `drawing`, `ports` and `video` have their parts; `lines` is always there.

#[cfg(feature = "ports")]
mod client;
#[cfg(feature = "ports")]
mod deadline;
#[cfg(feature = "drawing")]
mod draw;
pub mod lines;
#[cfg(feature = "results")]
mod people;
#[cfg(feature = "ports")]
mod port;
#[cfg(all(feature = "results", feature = "video"))]
mod recorder;
#[cfg(feature = "drawing")]
mod sheet;
#[cfg(feature = "results")]
mod state;
#[cfg(feature = "results")]
mod subtitles;
#[cfg(feature = "results")]
pub mod table;
#[cfg(feature = "drawing")]
mod text;

#[cfg(feature = "drawing")]
pub use draw::{annotated, person_colour};
pub use lines::{FaceLine, FrameLine};
#[cfg(feature = "results")]
pub use people::{Gathering, LabelRun, Person, SUMMARY_VERSION, ShotStart, Summary, Thumbnail};
#[cfg(feature = "ports")]
pub use port::{Port, PortCounts, PortError};
#[cfg(all(feature = "results", feature = "video"))]
pub use recorder::Recorder;
#[cfg(feature = "drawing")]
pub use sheet::{Tile, sheet};
#[cfg(feature = "results")]
pub use state::InputState;
#[cfg(feature = "results")]
pub use subtitles::{Form, render as subtitles};
