//! affekt in a browser. `reader` reads the pictures that the page hands over, with answers that its GPU has `given` or by the
//! processor; `gpu` is the model as work for that GPU, `door` is what the page can call. Not here: the page itself, in the folder `page`.

mod door;
mod given;
mod gpu;
mod reader;

pub use reader::Reader;
