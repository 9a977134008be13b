//! Running the program on small datasets written for a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::{GrayImage, ImageFormat, Luma};
use tempfile::TempDir;

/// What a command ended with.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// It failed with this code and one error line that holds all of `parts`, without a panic.
    #[track_caller]
    pub fn refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let errors: Vec<&str> = self.err.lines().filter(|line| line.starts_with("error:")).collect();
        assert_eq!(errors.len(), 1, "one error: {self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        for part in parts {
            assert!(errors[0].contains(part), "`{part}` is missing in: {}", errors[0]);
        }
    }

    /// It succeeded.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }
}

/// A folder with a test's data and runs.
pub struct Lab(TempDir);

impl Lab {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Two folders of faces, dark and bright, and the SPEC that names them.
    pub fn faces(&self, name: &str, per_class: usize) -> String {
        for (class, base) in [("happy", 60u8), ("sad", 160u8)] {
            for item in 0..per_class {
                let file = format!("{name}/{class}/{item:03}.png");
                self.write(&file, &png(base.wrapping_add(item as u8), name.len() as u8));
            }
        }
        format!("folder:{}", self.text(name))
    }

    /// Writes a file and the folders it lies in.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }
}

/// A 32x32 grey picture around a tone; no two (tone, salt) give the same bytes.
pub fn png(tone: u8, salt: u8) -> Vec<u8> {
    let picture =
        GrayImage::from_fn(32, 32, |x, y| Luma([tone.wrapping_add(((x * 3) ^ (y * 5)) as u8 / 8 + salt)]));
    encoded(&picture, ImageFormat::Png)
}

/// The same as a JPEG.
pub fn jpeg(tone: u8) -> Vec<u8> {
    let picture = GrayImage::from_fn(32, 32, |x, y| Luma([tone.wrapping_add(((x * 3) ^ (y * 5)) as u8 / 8)]));
    encoded(&picture, ImageFormat::Jpeg)
}

fn encoded(picture: &GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(vec![]);
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The program, with nothing of the test's environment that could change what it says.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_affekt"));
    // What the program keeps for other runs stays out of the user's folder.
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub fn affekt<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ended {
    ended(program().args(args))
}

/// Runs a command to its end.
pub fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The program where no file can grow beyond `kib` KiB, as on a full disk: writes fail instead of ending it.
pub fn on_a_full_disk(kib: u32, args: &[String]) -> Ended {
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_affekt")).args(args).stdin(Stdio::null());
    ended(&mut command)
}

/// `pretrain` with the smallest network there is; the run goes to `out`.
pub fn pretrain(out: &Path, steps: u32, more: &[&str]) -> Vec<String> {
    let fixed = "pretrain --quiet --threads 1 --model resnet18 --size 32 --channels 1 --width 0.0625 --stem no_pool \
                 --batch 4 --unlabelled-batch 4 --eval-every 0 --checkpoint-every 5 --lr 0.01 \
                 --set training.teacher_warm_up_steps=1 --set training.student_wait_steps=2";
    let mut args: Vec<String> = fixed.split_whitespace().map(str::to_owned).collect();
    args.extend(["--steps".into(), steps.to_string(), "--out".into(), out.display().to_string()]);
    args.extend(more.iter().map(|&arg| arg.to_owned()));
    args
}
