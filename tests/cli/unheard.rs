//! Nobody listens: standard output or standard error is closed or full.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::program::{Lab, ended, pretrain, program};

/// A pipe whose reading end is gone.
fn closed() -> Stdio {
    let mut reader = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
    let pipe = reader.stdin.take().unwrap();
    reader.wait().unwrap();
    pipe.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_training_whose_messages_nobody_can_read_ends_with_its_model() {
    let lab = Lab::new();
    let data = lab.faces("faces", 12);
    for (name, unheard) in [("closed", closed()), ("full", full())] {
        let mut args = pretrain(&lab.path(name), 6, &["--labelled", &data, "--unlabelled", &data]);
        args.retain(|arg| arg != "--quiet");
        let ended = ended(program().args(args).stderr(unheard)).done();
        assert!(ended.out.contains("model.safetensors"), "{ended:?}");
        assert!(lab.path(name).join("model.safetensors").is_file(), "{name}");
    }
}

#[test]
fn an_error_that_nobody_can_read_keeps_its_exit_code() {
    for unheard in [closed(), full()] {
        assert_eq!(ended(program().args(["report", "no-such-run"]).stderr(unheard)).code, Some(1));
    }
}

#[test]
fn a_result_nobody_waits_for_is_no_error_and_one_that_cannot_be_kept_is() {
    ended(program().arg("doctor").stdout(closed())).done();
    ended(program().arg("doctor").stdout(full())).refused(1, &["standard output"]);
}
