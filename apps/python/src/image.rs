//! What Python calls a picture: an array, anything that is one on request (PIL), or a path.

use std::path::PathBuf;

use affekt_engine::media::{Picture, PixelFormat};
use numpy::{
    PyArrayDescrMethods as _, PyArrayDyn, PyArrayMethods as _, PyUntypedArray, PyUntypedArrayMethods as _,
    dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Modes of PIL pictures whose values are grey or colours.
const PIL_MODES: [&str; 4] = ["L", "RGB", "RGBA", "RGBX"];

/// A path, where it is one: a `str` or an `os.PathLike`.
pub fn path(image: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    let is_path = image.is_instance_of::<PyString>() || image.hasattr("__fspath__")?;
    if is_path { image.extract().map(Some) } else { Ok(None) }
}

/// A copy of an array's pixels as the engine takes them.
///
/// # Errors
/// `TypeError` for what is no array of `uint8`, `ValueError` for a shape that is no picture's.
pub fn picture(image: &Bound<'_, PyAny>, bgr: bool) -> PyResult<Picture> {
    let py = image.py();
    let array = array(image)?;
    let found = array.dtype();
    if !found.is_equiv_to(&dtype::<u8>(py)) {
        let advice = match found.kind() {
            b'f' => "; for values from 0 to 1: (image * 255).astype(numpy.uint8)",
            _ => "",
        };
        return Err(PyTypeError::new_err(format!(
            "an image of dtype {}, where uint8 is read{advice}",
            found.str()?
        )));
    }
    let (height, width, channels) = match *array.shape() {
        [height, width] => (height, width, 1),
        [height, width, channels] => (height, width, channels),
        _ => (0, 0, 0),
    };
    let format = match (channels, bgr) {
        (1, false) => PixelFormat::Grey,
        (3, false) => PixelFormat::Rgb,
        (3, true) => PixelFormat::Bgr,
        (4, false) => PixelFormat::Rgba,
        (4, true) => PixelFormat::Bgra,
        _ => {
            let wanted = if bgr {
                "(height, width, 3) or (height, width, 4)"
            } else {
                "(height, width), (height, width, 1), (height, width, 3) or (height, width, 4)"
            };
            let shape = array.shape();
            let batch = if shape.len() == 4 { "; read the pictures of a batch one by one" } else { "" };
            return Err(PyValueError::new_err(format!(
                "an image of shape {shape:?}, where {wanted} is read{batch}"
            )));
        }
    };
    let mut array = array.cast_into::<PyArrayDyn<u8>>().map_err(PyErr::from)?;
    if !array.is_c_contiguous() {
        let rows = py.import("numpy")?.call_method1("ascontiguousarray", (array,))?;
        array = rows.cast_into::<PyArrayDyn<u8>>().map_err(PyErr::from)?;
    }
    let view = array.try_readonly().map_err(|e| PyValueError::new_err(e.to_string()))?;
    let bytes = view.as_slice().map_err(|e| PyValueError::new_err(e.to_string()))?;
    Picture::new(width, height, format, width * channels, bytes)
        .map_err(|e| PyValueError::new_err(e.to_string()))
}

/// The array that an object is, or becomes.
fn array<'py>(image: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    if let Ok(array) = image.cast::<PyUntypedArray>() {
        return Ok(array.clone());
    }
    let class = image.get_type().name()?;
    let becomes = ["__array__", "__array_interface__", "__array_struct__"];
    let becomes = becomes.iter().any(|name| image.hasattr(*name).unwrap_or(false));
    if !becomes || image.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(format!(
            "an image is a numpy array, something that becomes one (a PIL image), or a path, not {class}"
        )));
    }
    // PIL gives the numbers of a palette, or four channels of ink, without a word.
    if let Ok(mode) = image.getattr("mode").and_then(|mode| mode.extract::<String>())
        && !PIL_MODES.contains(&mode.as_str())
    {
        return Err(PyTypeError::new_err(format!("a PIL image of mode {mode}; give image.convert(\"RGB\")")));
    }
    let array = image.py().import("numpy")?.call_method1("asarray", (image,))?;
    array.cast_into::<PyUntypedArray>().map_err(PyErr::from)
}
