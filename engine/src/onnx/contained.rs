//! Calls into a library that may panic on what a file holds.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is expected, so that nothing need be shown of it.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs it; `None` where it panics, of which nothing is shown. What it was changing must not be used again then.
///
/// The first call puts a hook before the one that prints panics. It passes all others on.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                previous(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_held_and_the_next_one_outside_is_not_hushed() {
        assert_eq!(contained(|| 7), Some(7));
        let none: [u8; 0] = [];
        assert_eq!(contained(|| none[std::hint::black_box(3)]), None);
        assert!(!QUIET.get());
        assert_eq!(contained(|| contained(|| panic!("inner")).map_or(1, |()| 2)), Some(1));
        assert!(!QUIET.get());
    }
}
