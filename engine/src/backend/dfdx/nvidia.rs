//! What NVIDIA's driver says of a machine's GPUs, through the tool that comes with it.

#[cfg(feature = "cuda")]
use std::process::Command;

/// A GPU, in the order in which CUDA counts them by default on a machine of equal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gpu {
    pub index: usize,
    pub name: String,
    /// The driver's version.
    pub driver: String,
    /// Compute capability, e.g. `7.0`.
    pub capability: String,
    /// Bytes that nobody uses.
    pub free: u64,
}

/// The GPUs; none where the tool is missing or fails.
#[cfg(feature = "cuda")]
pub(super) fn gpus() -> Vec<Gpu> {
    let columns = "--query-gpu=index,name,driver_version,compute_cap,memory.free";
    let output = Command::new("nvidia-smi").args([columns, "--format=csv,noheader,nounits"]).output();
    let text = output.ok().filter(|output| output.status.success());
    text.map_or_else(Vec::new, |output| listed(&String::from_utf8_lossy(&output.stdout)))
}

/// The GPUs of the tool's table; a line that is none is left out.
fn listed(table: &str) -> Vec<Gpu> {
    let gpu = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [index, name, driver, capability, free] = fields[..] else { return None };
        Some(Gpu {
            index: index.parse().ok()?,
            name: name.into(),
            driver: driver.into(),
            capability: capability.into(),
            free: free.parse::<u64>().ok()?.checked_mul(1 << 20)?,
        })
    };
    table.lines().filter_map(gpu).collect()
}

/// The GPU that `wanted` names by number or by part of its name, or the first.
///
/// # Errors
/// There is none of that name, or none at all.
pub(super) fn chosen(gpus: &[Gpu], wanted: Option<&str>) -> Result<Gpu, String> {
    let Some(first) = gpus.first() else {
        return Err("`nvidia-smi` lists no GPU: is NVIDIA's driver installed? Or use `--backend cpu`".into());
    };
    let Some(wanted) = wanted else { return Ok(first.clone()) };
    let lower = wanted.to_lowercase();
    let by_number = wanted.parse::<usize>().ok().and_then(|n| gpus.iter().find(|gpu| gpu.index == n));
    let found = by_number.or_else(|| gpus.iter().find(|gpu| gpu.name.to_lowercase().contains(&lower)));
    found.cloned().ok_or_else(|| {
        let names: Vec<String> = gpus.iter().map(|gpu| format!("{} {}", gpu.index, gpu.name)).collect();
        format!("no GPU is called `{wanted}`; there are: {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const TABLE: &str = "0, Tesla V100-SXM2-32GB, 580.82.07, 7.0, 32100\n1, NVIDIA H100 80GB HBM3, 580.82.07, 9.0, 100\n\
                         Unable to determine, [N/A]\n";

    #[test]
    fn gpus_are_read_from_the_drivers_table_and_chosen_by_number_or_name() {
        let gpus = listed(TABLE);
        assert_eq!(gpus.len(), 2);
        assert_eq!((gpus[0].capability.as_str(), gpus[0].free), ("7.0", 32100 << 20));
        assert_eq!(chosen(&gpus, None).unwrap(), gpus[0]);
        assert_eq!(chosen(&gpus, Some("1")).unwrap(), gpus[1]);
        assert_eq!(chosen(&gpus, Some("h100")).unwrap(), gpus[1]);
        let error = chosen(&gpus, Some("A100")).unwrap_err();
        assert!(error.contains("`A100`") && error.contains("0 Tesla V100"), "{error}");
        assert!(chosen(&[], None).unwrap_err().contains("nvidia-smi"));
    }
}
