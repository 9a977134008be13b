//! affekt's window on a camera or a video: the parts, so that tests can drive them without a screen.
//!
//! `source` says where frames come from, `recognize` what reads them, `pipeline` takes them to the window in threads of
//! their own, `history` keeps the last seconds. `viewer` shows a film with its analysed table and takes corrections,
//! `queue` analyses files, `dialog` asks for them, `snapshot` writes what is seen
//! to files, `state` remembers settings, `app` draws.

pub mod app;
pub mod dialog;
pub mod history;
pub mod pipeline;
pub mod queue;
pub mod recognize;
pub mod snapshot;
pub mod source;
pub mod state;
pub mod viewer;
