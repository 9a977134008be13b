//! Reading: pictures, frames of a video, whole files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use affekt_engine::FaceReading;
use affekt_engine::backend::{ArithmeticChoice, BackendSpec};
use affekt_engine::media::source::{FrameSource as _, OpenOptions, ReadAhead, open};
use affekt_engine::signal::VoteKind;
use affekt_engine::world::WorldError;
use affekt_engine::world::live::{FrameReading, LiveSettings, RecognizerSpec, SharedRecognizer};
use pyo3::prelude::*;

use crate::analysis::Gathered;
use crate::errors::{computing, request};
use crate::image::{path, picture};
use crate::listener::Listener;
use crate::reading::{Face, ReadFrame};

/// Frames that are decoded ahead.
const AHEAD: usize = 8;

/// Reads facial expressions in pictures and video.
///
/// ``model`` is a weights file or the folder of a finished run (None: the built-in FER+ model), ``temporal`` a temporal encoder
/// that reads its features. ``detector`` is ``"auto"`` (a ``YuNet`` file that is found, else the built-in one), ``"builtin"``,
/// ``"guide"`` (a fixed box in the middle) or a ``YuNet`` model's file.
///
/// ``backend`` is ``"cpu"``, ``"wgpu"`` or ``"auto"``, ``adapter`` the GPU's number or part of its name, ``arithmetic``
/// ``"single"``, ``"fixed"`` or ``"half"``. Results do not depend on ``threads`` (0: one for each core).
///
/// Of a video the detector looks at every ``detect_every``-th frame. ``vote`` (``"centred"``, ``"causal"``, ``"block"``),
/// ``window`` (frames) and ``stride`` (frames between two windows of the encoder) are as the encoder's card says, unless given.
/// With ``live`` answers come at once, so the vote is causal. A face is unsure where its confidence is below ``unsure_below``.
/// With ``flip`` the model sees each face's mirror image too and gives the mean, at twice the work; not with an encoder.
///
/// Several threads may use one recognizer: their calls wait for each other.
#[pyclass(frozen, module = "affekt")]
pub struct Recognizer {
    shared: SharedRecognizer,
    classes: Arc<[String]>,
    /// The number of the stream that is open or was last.
    stream: AtomicU64,
    /// Whether the last stream was thrown away before its end.
    abandoned: AtomicBool,
}

impl Recognizer {
    /// Computes; what an abandoned stream left is ended before.
    fn compute<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&SharedRecognizer) -> Result<T, WorldError> + Send,
    ) -> PyResult<T> {
        computing(py, || {
            if self.abandoned.swap(false, Ordering::SeqCst) {
                self.shared.finish()?;
            }
            work(&self.shared)
        })
    }

    fn ahead(path: PathBuf, options: OpenOptions) -> Result<ReadAhead, WorldError> {
        let source = open(&path, options)?;
        ReadAhead::spawn(source, AHEAD).map_err(|source| WorldError::Io { path, source })
    }

    /// Reads the faces of a file that is a picture.
    fn read_file(&self, py: Python<'_>, path: PathBuf) -> PyResult<Vec<FaceReading>> {
        self.compute(py, |shared| {
            let mut source = Self::ahead(path.clone(), OpenOptions::default())?;
            if !source.info().still {
                let problem = "is no picture; affekt.analyze reads videos and folders".to_owned();
                return Err(WorldError::File { path, problem });
            }
            let mut faces = vec![];
            shared.read_source(&mut source, |frames, _| {
                faces.extend(frames.into_iter().flat_map(|frame| frame.faces));
                Ok(true)
            })?;
            Ok(faces)
        })
    }
}

#[pymethods]
impl Recognizer {
    #[new]
    #[pyo3(signature = (
        model = None, *, temporal = None, detector = PathBuf::from("auto"), backend = "cpu", adapter = None,
        arithmetic = None, threads = 0, detect_every = 1, stride = None, vote = None, window = None,
        unsure_below = 0.6, live = true, flip = false,
    ), text_signature = "(model=None, *, temporal=None, detector='auto', backend='cpu', adapter=None, \
        arithmetic=None, threads=0, detect_every=1, stride=None, vote=None, window=None, unsure_below=0.6, live=True, flip=False)")]
    #[expect(clippy::too_many_arguments, reason = "Python names each of them")]
    fn new(
        py: Python<'_>,
        model: Option<PathBuf>,
        temporal: Option<PathBuf>,
        detector: PathBuf,
        backend: &str,
        adapter: Option<String>,
        arithmetic: Option<&str>,
        threads: usize,
        detect_every: u64,
        stride: Option<usize>,
        vote: Option<&str>,
        window: Option<usize>,
        unsure_below: f32,
        live: bool,
        flip: bool,
    ) -> PyResult<Self> {
        let vote = vote.map(|name| vote_kind(py, name)).transpose()?;
        let backend = backend_spec(py, backend, adapter, arithmetic, threads)?;
        let detector = detector.into_os_string();
        let detector = detector.into_string().unwrap_or_else(|text| text.to_string_lossy().into_owned());
        let spec = RecognizerSpec {
            model,
            temporal,
            embedding: None,
            // Any text names a detector; whether it is one is found out when it is opened.
            detector: detector.parse().unwrap_or_default(),
            backend: BackendSpec { reading: true, ..backend },
            detect_every: Some(detect_every),
            stride,
            vote,
            window,
            live,
            settings: LiveSettings { unsure_below, flip, ..LiveSettings::default() },
        };
        let shared = computing(py, || SharedRecognizer::open(spec))?;
        let classes = shared.about().classes.clone().into();
        Ok(Self { shared, classes, stream: AtomicU64::new(0), abandoned: AtomicBool::new(false) })
    }

    /// Names of the classes, in the order of ``Face.vector``.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.classes.to_vec()
    }

    /// One line about the model, and the encoder where there is one.
    #[getter]
    fn model(&self) -> &str {
        &self.shared.about().model
    }

    /// One line about the face detector.
    #[getter]
    fn detector(&self) -> &str {
        &self.shared.about().detector
    }

    /// One line about what computes.
    #[getter]
    fn backend(&self) -> &str {
        &self.shared.about().backend
    }

    /// Reads the faces of a picture by itself.
    ///
    /// ``image`` is a ``uint8`` array of shape (height, width) or (height, width, 1) for grey, (height, width, 3) for RGB
    /// (BGR with ``bgr``, as OpenCV has it) or (height, width, 4), whose last channel is left out; something that becomes such
    /// an array (a PIL image); or the path of a JPEG, PNG, WebP or BMP file. Any strides will do.
    ///
    /// Raises ``TypeError`` for another type, ``ValueError`` for another shape, ``FileError`` for a file that cannot be read.
    #[pyo3(signature = (image, *, bgr = false))]
    fn read(&self, py: Python<'_>, image: &Bound<'_, PyAny>, bgr: bool) -> PyResult<Vec<Face>> {
        let faces = if let Some(path) = path(image)? {
            self.read_file(py, path)?
        } else {
            let picture = picture(image, bgr)?;
            self.compute(py, |shared| shared.picture(picture))?
        };
        Ok(Face::all(faces, &self.classes))
    }

    /// Begins a video whose frames are pushed one by one; a stream that is still open ends.
    ///
    /// ::
    ///
    ///     with recognizer.stream() as stream:
    ///         for image, seconds in camera:
    ///             for frame in stream.push(image, seconds):
    ///                 ...
    fn stream(slf: Py<Self>, py: Python<'_>) -> PyResult<Stream> {
        let this = slf.get();
        let number = this.stream.fetch_add(1, Ordering::SeqCst) + 1;
        this.compute(py, SharedRecognizer::finish)?;
        Ok(Stream { recognizer: slf, number, open: AtomicBool::new(true) })
    }

    /// Reads a whole video, a picture, or a folder of a film's frames, and gives its ``Table``.
    ///
    /// ``fps`` is the rate of folders, in frames a second. ``progress`` hears the number of frames read so far, and stops by
    /// giving False, which raises ``Interrupted``; Ctrl-C stops too.
    #[pyo3(signature = (source, *, fps = 30.0, progress = None))]
    fn analyze<'py>(
        &self,
        py: Python<'py>,
        source: PathBuf,
        fps: f64,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !(fps.is_finite() && fps > 0.0 && fps <= 1000.0) {
            return Err(request(py, format!("fps is {fps}, but must be above 0 and at most 1000")));
        }
        let options = OpenOptions { folder_rate: fps, ..OpenOptions::default() };
        let mut listener = Listener::new(progress);
        let mut gathered = Gathered::new(&source, &self.classes);
        let read = self.compute(py, |shared| {
            let mut source = Self::ahead(source, options)?;
            let mut seen = 0;
            let result = shared.read_source(&mut source, |frames: Vec<FrameReading>, taken| {
                seen += taken;
                for frame in &frames {
                    gathered.push(frame);
                }
                Ok(listener.tell(|_| Ok((seen,))))
            });
            gathered.end(&source);
            Ok(result)
        })?;
        listener.outcome(py, read)?;
        gathered.table(py)
    }

    fn __repr__(&self) -> String {
        let about = self.shared.about();
        format!("<affekt.Recognizer: {}; {}; {}>", about.model, about.detector, about.backend)
    }
}

/// A video under way; ``Recognizer.stream`` begins one. As a context manager it ends the video by itself.
#[pyclass(frozen, module = "affekt")]
pub struct Stream {
    recognizer: Py<Recognizer>,
    number: u64,
    open: AtomicBool,
}

impl Stream {
    fn check(&self, py: Python<'_>) -> PyResult<&Recognizer> {
        let recognizer = self.recognizer.get();
        if !self.open.load(Ordering::SeqCst) {
            return Err(request(py, "the stream has ended; begin another one by recognizer.stream()"));
        }
        if recognizer.stream.load(Ordering::SeqCst) != self.number {
            return Err(request(py, "the stream has ended, because another one was begun after it"));
        }
        Ok(recognizer)
    }
}

#[pymethods]
impl Stream {
    /// Takes the next frame, shown ``seconds`` after the first, and gives the frames that are now read to the end: this one,
    /// or with a centred vote or an encoder that looks both ways earlier ones.
    ///
    /// ``image`` is as in ``Recognizer.read``, but no path. Times do not go backwards.
    #[pyo3(signature = (image, seconds, *, bgr = false))]
    fn push(
        &self,
        py: Python<'_>,
        image: &Bound<'_, PyAny>,
        seconds: f64,
        bgr: bool,
    ) -> PyResult<Vec<ReadFrame>> {
        let recognizer = self.check(py)?;
        let picture = picture(image, bgr)?;
        let frames = recognizer.compute(py, |shared| shared.push(picture, seconds))?;
        ReadFrame::all(py, frames, &recognizer.classes)
    }

    /// Ends the video and gives the frames that are left.
    fn finish(&self, py: Python<'_>) -> PyResult<Vec<ReadFrame>> {
        let recognizer = self.check(py)?;
        self.open.store(false, Ordering::SeqCst);
        let frames = recognizer.compute(py, SharedRecognizer::finish)?;
        ReadFrame::all(py, frames, &recognizer.classes)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
        if self.check(py).is_ok() {
            self.finish(py)?;
        }
        Ok(())
    }

    fn __repr__(&self) -> String {
        let current = self.recognizer.get().stream.load(Ordering::SeqCst) == self.number;
        let open = self.open.load(Ordering::SeqCst) && current;
        format!("<affekt.Stream, {}>", if open { "open" } else { "ended" })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let recognizer = self.recognizer.get();
        // The video ends with the recognizer's next call, not here, where nobody expects to wait.
        if *self.open.get_mut() && recognizer.stream.load(Ordering::SeqCst) == self.number {
            recognizer.abandoned.store(true, Ordering::SeqCst);
        }
    }
}

/// A backend by what Python calls it.
pub fn backend_spec(
    py: Python<'_>,
    name: &str,
    adapter: Option<String>,
    arithmetic: Option<&str>,
    threads: usize,
) -> PyResult<BackendSpec> {
    let named = |text: &str| {
        let wrong =
            || request(py, format!("arithmetic is {text:?}, but must be \"single\", \"fixed\" or \"half\""));
        ArithmeticChoice::named(text).ok_or_else(wrong)
    };
    let arithmetic = arithmetic.map(named).transpose()?;
    Ok(BackendSpec { name: name.to_owned(), adapter, arithmetic, threads, ..BackendSpec::default() })
}

fn vote_kind(py: Python<'_>, name: &str) -> PyResult<VoteKind> {
    serde_json::from_value(serde_json::Value::from(name)).map_err(|_| {
        request(py, format!("vote is {name:?}, but must be \"centred\", \"causal\" or \"block\""))
    })
}
