//! affekt in a browser. `reader` reads the pictures that the page hands over, `door` is what the page can call, `packed` makes a
//! model small enough for a page. Not here: the page itself, in the folder `page`.

mod door;
mod packed;
mod reader;

pub use packed::{pack, unpack};
pub use reader::Reader;
