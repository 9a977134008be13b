//! affekt's engine: networks, training, data and media, without a screen or a command line. To read faces in your own
//! program, begin with [`Recognizer`].
//!
//! | feature | what it adds |
//! |---|---|
//! | none | reads faces in JPEG, PNG, WebP and BMP pictures, with the built-in detector or a `YuNet` |
//! | `files` | files written whole or not at all, weights files among them |
//! | `video` | MP4 with H.264, everything else by an `ffmpeg` on the path, recordings |
//! | `camera` | cameras on Linux |
//! | `nokhwa` | cameras on macOS and Windows; not among the defaults |
//! | `results` | tables, summaries, subtitles |
//! | `dfdx` | a backend over the library dfdx, on the processor; not among the defaults |
//! | `cuda` | the same on an NVIDIA GPU; not among the defaults, because it needs a CUDA toolkit to build |
//! | `mpi` | training in many processes; not among the defaults, because it needs an MPI library to build |
//! | `drawing` | boxes and words on frames |
//! | `ports` | readings to other programs while they are made |
//! | `gpu-work` | networks' work on a GPU as data, for programs that drive one by themselves |
//! | `tract` | ONNX graphs that our own kernels do not know |
//! | `wgpu` | GPUs |
//! | `training` | data, generated faces, learning, measuring |
//!
//! All but `cuda`, `dfdx`, `mpi`, `nokhwa` and `parquet` are defaults. Dependencies inside the crate point one way: `signal <- net <- backend <- learn <- score <- world` and
//! `media <- data <- synth <- world <- output`, over `random`, `clock` and `files`. A test in the `tests` crate enforces it.

pub mod backend;
pub mod clock;
#[cfg(feature = "training")]
pub mod data;
pub mod files;
pub mod learn;
pub mod media;
pub mod net;
mod onnx;
pub mod output;
pub mod random;
#[cfg(feature = "training")]
pub mod score;
pub mod signal;
mod simd;
#[cfg(feature = "training")]
pub mod synth;
pub mod world;

/// This crate's features, and whether they are built in.
pub const FEATURES: &[(&str, bool)] = &[
    ("camera", cfg!(feature = "camera")),
    ("cuda", cfg!(feature = "cuda")),
    ("dfdx", cfg!(feature = "dfdx")),
    ("drawing", cfg!(feature = "drawing")),
    ("files", cfg!(feature = "files")),
    ("gpu-work", cfg!(feature = "gpu-work")),
    ("mpi", cfg!(feature = "mpi")),
    ("nokhwa", cfg!(feature = "nokhwa")),
    ("parquet", cfg!(feature = "parquet")),
    ("ports", cfg!(feature = "ports")),
    ("results", cfg!(feature = "results")),
    ("tract", cfg!(feature = "tract")),
    ("training", cfg!(feature = "training")),
    ("video", cfg!(feature = "video")),
    ("wgpu", cfg!(feature = "wgpu")),
];

pub use world::live::{FaceReading, Recognizer};
