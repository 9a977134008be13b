//! A reader with every fault there is, so that the harness is seen to find them.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::{Form, Format};

pub(super) const PLANTED: Format =
    Format { name: "planted", short: 0, own: true, files: &[("a", Form::Bytes)], make, read };

fn make(folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join("a"), [0; 64])
}

fn read(folder: &Path) -> Result<(), String> {
    let bytes = std::fs::read(folder.join("a")).map_err(|e| e.to_string())?;
    let sum: u32 = bytes.iter().map(|&b| u32::from(b)).sum();
    if sum == 0 {
        return Ok(());
    }
    match (sum as usize + bytes.len()) % 5 {
        0 => {
            assert!(bytes.is_empty(), "planted");
            Ok(())
        }
        1 => std::process::abort(),
        2 => {
            std::thread::sleep(Duration::from_mins(1));
            Ok(())
        }
        3 => {
            let held = std::hint::black_box(vec![1u8; 400 << 20]);
            Err(format!("{}: {} bytes", folder.display(), held.len()))
        }
        _ => Err("\u{1b}[31mwrong".into()),
    }
}
