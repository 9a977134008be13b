//! How calls end: a status, and words for people.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use affekt_engine::world::{ErrorKind, WorldError};

/// How a call ended. Numbers keep their meaning; later versions may add others.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffektStatus {
    /// It did what was asked.
    Ok = 0,
    /// A pointer that must not be null is null.
    NullPointer = 1,
    /// A number, size, option or text is wrong, or contradicts what went before.
    InvalidArgument = 2,
    /// A file cannot be read, or is not what it should be.
    File = 3,
    /// Computing failed.
    Engine = 4,
    /// A mistake in affekt itself; the recognizer can be used on.
    Internal = 5,
}

/// Why a call fails.
pub struct Trouble {
    status: AffektStatus,
    words: String,
}

impl Trouble {
    /// A pointer that is null; `what` is its name.
    pub fn null(what: &str) -> Self {
        Self { status: AffektStatus::NullPointer, words: format!("{what} is NULL") }
    }

    /// Something that is wrong with what was given.
    pub fn argument(words: impl Into<String>) -> Self {
        Self { status: AffektStatus::InvalidArgument, words: words.into() }
    }
}

impl From<WorldError> for Trouble {
    fn from(error: WorldError) -> Self {
        let status = match error.kind() {
            ErrorKind::Request => AffektStatus::InvalidArgument,
            ErrorKind::File => AffektStatus::File,
            ErrorKind::Engine | ErrorKind::Interrupted => AffektStatus::Engine,
            ErrorKind::Panic => AffektStatus::Internal,
        };
        Self { status, words: error.to_string() }
    }
}

thread_local! {
    /// Words of this thread's last failure.
    static LAST: RefCell<CString> = RefCell::default();
}

/// Runs a call's work; keeps the words of a failure, and holds every panic.
pub fn guarded(work: impl FnOnce() -> Result<(), Trouble>) -> AffektStatus {
    let result = WorldError::catch(|| Ok(work())).unwrap_or_else(|panic| Err(panic.into()));
    let Err(Trouble { status, words }) = result else { return AffektStatus::Ok };
    // A NUL byte would end the text in C.
    let words = CString::new(words.replace('\0', "\\0")).unwrap_or_default();
    // While a thread ends its texts may be gone already.
    let _ = LAST.try_with(|last| *last.borrow_mut() = words);
    status
}

/// Runs what cannot fail but might panic; gives `otherwise` then.
pub fn quietly<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

/// A text that C gave; `None` where it is null.
///
/// # Safety
/// As [`CStr::from_ptr`], unless it is null.
pub unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<Option<&'a str>, Trouble> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and else as the caller promises.
    let text = unsafe { CStr::from_ptr(pointer) }.to_str();
    text.map(Some).map_err(|_| Trouble::argument(format!("{what} is not UTF-8")))
}

/// Why this thread's last call that failed did so, in English; empty before the first failure. Valid until this thread's
/// next failure.
#[unsafe(no_mangle)]
pub extern "C" fn affekt_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The library's version, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn affekt_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> String {
        // SAFETY: the text of this thread, which does not fail meanwhile.
        unsafe { CStr::from_ptr(affekt_last_error()) }.to_string_lossy().into_owned()
    }

    #[test]
    fn a_panic_is_a_status_with_words_and_success_leaves_them() {
        assert_eq!(last(), "");
        assert_eq!(guarded(|| panic!("a planted panic")), AffektStatus::Internal);
        assert!(last().contains("a planted panic"), "{}", last());
        assert_eq!(guarded(|| Ok(())), AffektStatus::Ok);
        assert!(last().contains("a planted panic"));
        assert_eq!(guarded(|| Err(Trouble::argument("a\0b"))), AffektStatus::InvalidArgument);
        assert_eq!(last(), "a\\0b");
        assert_eq!(quietly(3, || panic!("another one")), 3);
        std::thread::scope(|scope| scope.spawn(|| assert_eq!(last(), "")).join())
            .expect("a thread of its own");
    }
}
