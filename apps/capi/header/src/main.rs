//! `affekt-header` writes `apps/capi/include/affekt.h`; `affekt-header --check` says whether it is what the sources say, and
//! ends with 1 where it is not.

use std::path::Path;
use std::process::ExitCode;

const FILES: [&str; 5] = ["status", "options", "picture", "readings", "recognizer"];

fn made(library: &Path) -> Result<String, String> {
    let config = cbindgen::Config::from_file(library.join("cbindgen.toml"))?;
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in FILES {
        builder = builder.with_src(library.join("src").join(file).with_extension("rs"));
    }
    let mut text = vec![];
    builder.generate().map_err(|e| e.to_string())?.write(&mut text);
    let text = String::from_utf8(text).map_err(|e| e.to_string())?;
    // What a new file or a macro would hide from cbindgen.
    for entry in std::fs::read_dir(library.join("src")).map_err(|e| e.to_string())? {
        let source = std::fs::read_to_string(entry.map_err(|e| e.to_string())?.path()).map_err(|e| e.to_string())?;
        for function in source.split("extern \"C\" fn ").skip(1).filter_map(|rest| rest.split('(').next()) {
            if !text.contains(&format!("{function}(")) {
                return Err(format!("{function} is not in the header; is its file among FILES?"));
            }
        }
    }
    Ok(text)
}

fn run() -> Result<(), String> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no folder above")?;
    let header = library.join("include/affekt.h");
    let made = made(library)?;
    if std::env::args().nth(1).as_deref() == Some("--check") {
        let committed = std::fs::read_to_string(&header).map_err(|e| format!("{}: {e}", header.display()))?;
        let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
        return match differs {
            None if committed == made => Ok(()),
            differs => Err(format!(
                "{}, line {}: not what the sources say; write it anew by `cargo run --manifest-path \
                 apps/capi/header/Cargo.toml`",
                header.display(),
                differs.unwrap_or(committed.lines().count().min(made.lines().count())) + 1
            )),
        };
    }
    std::fs::write(&header, made).map_err(|e| format!("{}: {e}", header.display()))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
