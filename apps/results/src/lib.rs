//! What affekt's programs make of whole inputs, for the command line and the window alike.
//!
//! `analyze` takes inputs through a recognizer and writes their files, and writes them again once people have corrected them.
//! `report` makes pages of them, and of runs. Not here: arguments, progress on a terminal, anything that is drawn on a screen.

pub mod analyze;
pub mod report;
