//! How much memory there is.

use crate::files::read_of_system;

/// Memory that this machine could give this program now, in bytes: what is free or can be freed, within the limits that are
/// set on the program. `None` where the system does not say.
pub fn memory_there() -> Option<u64> {
    let machine = read_of_system("/proc/meminfo")?;
    let free = field(&machine, "MemAvailable:")?.saturating_add(field(&machine, "SwapFree:").unwrap_or(0));
    let limits = [group_left(), address_space_left()];
    Some(limits.into_iter().flatten().fold(free, u64::min))
}

/// A field of so many kB.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// What a container may still take. What it holds of files is given back when it is needed.
fn group_left() -> Option<u64> {
    let number = |file: &str| read_of_system(&format!("/sys/fs/cgroup/{file}"))?.trim().parse::<u64>().ok();
    let held = number("memory.current")?;
    let stat = read_of_system("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    let files = stat.lines().find_map(|line| line.strip_prefix("file ")?.trim().parse::<u64>().ok());
    Some(number("memory.max")?.saturating_sub(held.saturating_sub(files.unwrap_or(0))))
}

/// What `ulimit -v` leaves.
fn address_space_left() -> Option<u64> {
    let limits = read_of_system("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    let held = field(&read_of_system("/proc/self/status")?, "VmSize:")?;
    Some(limit.saturating_sub(held))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_says_what_it_has() {
        let there = memory_there().unwrap();
        assert!((1 << 20..1 << 50).contains(&there), "{there}");
        assert_eq!(field("MemFree: 3 kB\nMemAvailable:   7 kB\n", "MemAvailable:"), Some(7 * 1024));
    }
}
