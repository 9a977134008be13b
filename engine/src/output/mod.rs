//! What readings become outside of the engine, for files and live alike.
//!
//! A `row` is what is known of a face in a frame; `table` says which columns it has and writes CSV (`cells`: values and columns of
//! any table; `parquet`), `table_reader` reads them back, `schema` describes them, `lines` writes JSON Lines. `edits` are corrections
//! by hand, which `corrections` applies to rows, `speakers` who speaks when, `again` who may be somebody seen before
//! (`appearance`: by an embedding model). `people` gathers what a whole input came to (`summary`), `segments`, `bins` and `subtitles` render it,
//! `tiers`, `elan` and `boris` bring it into annotation programs. `draw` draws boxes and `text` onto a frame, `hidden` knows where faces must be hidden, `sheet` puts
//! pictures side by side, `state` tells an input from another. `recorder` writes video and table together, `port` tells other programs
//! while it happens (`client`, one of them). Other writers take any [`std::io::Write`]; whoever calls them decides where files lie and that
//! they are whole. Not here: reading of faces, pages of HTML.
//!
//! The features `results`, `drawing`, `ports` and `video` have their parts; `lines` is always there.

#[cfg(feature = "results")]
mod again;
#[cfg(feature = "results")]
mod appearance;
#[cfg(all(test, feature = "results"))]
mod appearance_tests;
#[cfg(feature = "results")]
mod bins;
#[cfg(feature = "results")]
mod boris;
#[cfg(feature = "results")]
mod cells;
#[cfg(feature = "ports")]
mod client;
#[cfg(feature = "results")]
mod corrections;
#[cfg(feature = "ports")]
mod deadline;
#[cfg(feature = "drawing")]
mod draw;
#[cfg(feature = "results")]
mod edits;
#[cfg(feature = "results")]
mod elan;
mod hidden;
pub mod lines;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "results")]
mod people;
#[cfg(feature = "ports")]
mod port;
#[cfg(all(feature = "results", feature = "video"))]
mod recorder;
mod row;
#[cfg(feature = "results")]
mod schema;
#[cfg(feature = "results")]
mod segments;
#[cfg(feature = "drawing")]
mod sheet;
#[cfg(feature = "results")]
mod speakers;
#[cfg(feature = "results")]
mod state;
#[cfg(feature = "results")]
mod subtitles;
#[cfg(feature = "results")]
mod summary;
#[cfg(feature = "results")]
pub mod table;
#[cfg(feature = "results")]
mod table_columns;
#[cfg(feature = "results")]
mod table_reader;
#[cfg(feature = "drawing")]
mod text;
#[cfg(feature = "results")]
mod tiers;

#[cfg(feature = "results")]
pub use again::{MayBeSame, Spans};
#[cfg(feature = "results")]
pub use appearance::{Appearance, Appearances, Likeness};
#[cfg(feature = "results")]
pub use bins::{Bins, LONGEST_BIN, SHORTEST_BIN, bin_columns};
#[cfg(feature = "results")]
pub use boris::boris;
#[cfg(feature = "results")]
pub use cells::{Cell, CellKind, ColumnInfo};
#[cfg(feature = "results")]
pub use corrections::Corrections;
#[cfg(feature = "drawing")]
pub use draw::{annotated, label_in_words, marked};
#[cfg(feature = "results")]
pub use edits::{EDITS_VERSION, Edit, Edits, EditsError};
#[cfg(feature = "results")]
pub use elan::elan;
pub use hidden::{HELD, HiddenFaces};
pub use lines::{FaceLine, FrameLine, HandLine};
#[cfg(feature = "parquet")]
pub use parquet::parquet;
#[cfg(feature = "results")]
pub use people::Gathering;
#[cfg(feature = "ports")]
pub use port::{Port, PortCounts, PortError};
#[cfg(all(feature = "results", feature = "video"))]
pub use recorder::Recorder;
pub use row::{FaceRow, TableRow, person_called};
#[cfg(feature = "results")]
pub use schema::table_schema;
#[cfg(feature = "results")]
pub use segments::{people_columns, people_csv, segment_columns, segments_csv};
#[cfg(feature = "drawing")]
pub use sheet::{Tile, sheet};
#[cfg(feature = "results")]
pub use speakers::{SpeakersError, Turn, clock, read_speakers, speaker_at};
#[cfg(feature = "results")]
pub use state::InputState;
#[cfg(feature = "results")]
pub use subtitles::{Form, render as subtitles};
#[cfg(feature = "results")]
pub use summary::{LabelRun, Person, ReadBy, SUMMARY_VERSION, ShotStart, Summary, Thumbnail};
#[cfg(feature = "results")]
pub use table::{TABLE_VERSION, TableForm};
#[cfg(feature = "results")]
pub use table_columns::{TableColumn, columns};
#[cfg(feature = "results")]
pub use table_reader::{TableError, TableReader};
#[cfg(feature = "results")]
pub use tiers::{TierKind, TierSpan, Tiers};
