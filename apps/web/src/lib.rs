//! affekt in a browser. `reader` reads the pictures that the page hands over, `door` is what the page can call. Not here: the page
//! itself, in the folder `page`.

mod door;
mod reader;

pub use reader::Reader;
