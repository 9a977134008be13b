//! What graphics drivers are told before any of them is loaded.

/// Tells Mesa's Vulkan layer that chooses among adapters to stay out, where there is no desktop: it would complain on
/// standard error about every look for one.
///
/// # Safety
/// No other thread of the program runs yet, for one could read the environment meanwhile.
#[expect(
    clippy::disallowed_methods,
    reason = "the caller promises that no thread could read the environment"
)]
pub unsafe fn quiet_drivers() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() && std::env::var_os("NODEVICE_SELECT").is_none() {
        // SAFETY: the caller's promise.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
