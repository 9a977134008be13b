//! The one thing WGSL lacks that these shaders want: `#include "common/name.wgsl"` on a line by itself.

use std::fs;
use std::path::Path;

/// A shader's text with every included file in its place, once each.
pub fn expand(root: &Path, path: &Path) -> Result<String, String> {
    let mut seen = Vec::new();
    let mut text = String::new();
    include(root, path, &mut seen, &mut text)?;
    Ok(text)
}

fn include(root: &Path, path: &Path, seen: &mut Vec<String>, text: &mut String) -> Result<(), String> {
    let source = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    for (number, line) in source.lines().enumerate() {
        let Some(rest) = line.trim().strip_prefix("#include ") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let name = rest
            .strip_prefix('"')
            .and_then(|r| r.strip_suffix('"'))
            .ok_or_else(|| format!("line {}: #include takes a name in quotes", number + 1))?;
        if !seen.iter().any(|s| s == name) {
            seen.push(name.to_owned());
            include(root, &root.join(name), seen, text)?;
        }
    }
    Ok(())
}
