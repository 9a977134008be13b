//! `eval`, `bench` and `doctor` say what they promise.

use crate::program::{Lab, affekt, pretrain};

fn line(args: &[&str]) -> serde_json::Value {
    let ended = affekt(args).done();
    assert_eq!(ended.out.lines().count(), 1, "{ended:#?}");
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn eval_prints_json_csv_or_a_table_of_the_same_score() {
    let lab = Lab::new();
    let (train, valid) = (lab.faces("train", 4), lab.faces("validation", 5));
    let out = lab.path("run");
    let args = ["--labelled", &train, "--unlabelled", &valid, "--valid", "synth:8"];
    affekt(pretrain(&out, 4, &args)).refused(1, &["happy, sad"]);
    let args = [
        "--labelled",
        &train,
        "--unlabelled",
        &train,
        "--valid",
        &valid,
        "--labels-per-class",
        "2",
        "--force",
    ];
    affekt(pretrain(&out, 6, &args)).done();
    let model = out.display().to_string();
    let score = line(&["eval", "-q", "--model", &model, "--data", &valid, "--json"]);
    for key in ["n", "macro_f1", "accuracy", "per_class_f1", "confusion", "ece"] {
        assert!(score.get(key).is_some(), "{key}: {score}");
    }
    assert_eq!(score["n"], 10);
    let report = lab.json("run/report.json");
    assert_eq!(
        report["scores"]["student_average"]["confusion"], score["confusion"],
        "as the run itself measured"
    );
    let csv = affekt(["eval", "-q", "--model", &model, "--data", &valid, "--csv"]).done().out;
    assert!(csv.starts_with("n,macro_f1,accuracy") && csv.lines().count() == 2, "{csv}");
    let flipped =
        line(&["eval", "-q", "--model", &model, "--data", &valid, "--json", "--flip", "--batch", "3"]);
    assert_eq!(flipped["n"], 10);
    let small = line(&["eval", "-q", "--model", &model, "--data", &valid, "--json", "--batch", "3"]);
    let misnamed = affekt(["eval", "--model", &model, "--valid", &valid]);
    assert_eq!(misnamed.code, Some(2));
    assert!(misnamed.err.contains("--data") && !misnamed.err.contains("--ablation"), "{}", misnamed.err);
    affekt(["eval", "--model", &model, "--data", &valid, "--valid", &valid])
        .refused(2, &["--valid belongs to --ablation", "--data"]);
    assert_eq!(small, score, "the batch size does not change a score");
    let spoiled = line(&["eval", "-q", "--model", &model, "--data", &valid, "--json", "--corruptions"]);
    let rows = spoiled["corruptions"].as_array().unwrap();
    assert_eq!(rows.len(), 14, "{spoiled}");
    assert_eq!((&rows[0]["corruption"], &rows[0]["accuracy"]), (&"none".into(), &score["accuracy"]));
    for row in rows {
        let lost = 100.0 * (rows[0]["accuracy"].as_f64().unwrap() - row["accuracy"].as_f64().unwrap());
        assert!((row["lost"].as_f64().unwrap() - lost).abs() < 1e-9, "{row}");
    }
    assert!(rows.iter().any(|row| row["ece"] != rows[0]["ece"]), "nothing was spoiled: {spoiled}");
    let args = ["eval", "-q", "--model", &model, "--data", &valid, "--corruptions", "--flip"];
    let table = affekt(args).done().out;
    assert!(["jpeg 20", "blur"].iter().all(|name| table.lines().any(|l| l.starts_with(name))), "{table}");
}

#[test]
fn calibrate_fits_a_temperature_and_balances_classes_and_writes_what_eval_then_finds() {
    let lab = Lab::new();
    let data = lab.faces("faces", 6);
    let (plain, even) = (lab.text("plain.safetensors"), lab.text("even.safetensors"));
    let fixed = ["calibrate", "-q", "--model", "builtin", "--data", &data, "--json", "--out"];
    let told = line(&[&fixed[..], &[&plain]].concat());
    assert_eq!(told["before"]["accuracy"], told["after"]["accuracy"], "a temperature changes no answer");
    let found = line(&["eval", "-q", "--model", &plain, "--data", &data, "--json"]);
    assert_eq!((&found["accuracy"], &found["n"]), (&told["after"]["accuracy"], &told["n"]));
    let fitted = told["temperature"]["after"].as_f64().unwrap();
    for again in ["temperature", "calibrating_temperature"] {
        assert!((found[again].as_f64().unwrap() / fitted - 1.0).abs() < 1e-6, "{again} stays: {found}");
    }
    let told = line(&[&fixed[..], &[&even, "--balance", "1", "--flip", "--f16"]].concat());
    assert_ne!(told["before"]["ece"], told["after"]["ece"], "the classes were balanced: {told}");
    let found = line(&["eval", "-q", "--model", &even, "--data", &data, "--json", "--flip"]);
    assert_eq!(found["per_class_f1"], told["after"]["per_class_f1"]);
    let card = affekt(["doctor", "--model", &even]).done().out;
    for words in ["classes balanced by 1", "valid_accuracy", "not an emotion", "64x64", "licence"] {
        assert!(card.contains(words), "{words}: {card}");
    }
    affekt([&fixed[..], &[&plain]].concat()).refused(1, &["is there already", "--force"]);
    affekt([&fixed[..], &["x", "--balance", "2"]].concat()).refused(2, &["--balance is 2", "0 to 1"]);
}

#[test]
fn bench_prints_one_json_line_in_every_mode() {
    let small = "--model resnet18 --size 32 --batch 2 --width 0.125 --stem no_pool --iterations 2 --json";
    for mode in ["infer", "train", "step"] {
        let args: Vec<&str> = ["bench", "--mode", mode].into_iter().chain(small.split(' ')).collect();
        let measured = line(&args);
        for key in ["ms_first", "ms_min", "ms_median", "ms_per_image", "gflops"] {
            assert!(measured[key].as_f64().is_some_and(|value| value > 0.0), "{mode} {key}: {measured}");
        }
        assert_eq!((&measured["mode"], &measured["batch"]), (&mode.into(), &2.into()));
        assert!(measured.get("peak_mib").is_some(), "{measured}");
    }
    let slices = ["--mode", "step", "--micro-batch", "2", "--batch", "4"];
    let small = "--model resnet18 --size 32 --width 0.125 --stem no_pool --iterations 1 --json";
    let args: Vec<&str> = ["bench"].into_iter().chain(small.split(' ')).chain(slices).collect();
    let measured = line(&args);
    assert_eq!((&measured["batch"], &measured["micro_batch"]), (&4.into(), &2.into()), "{measured}");
    affekt(["bench", "--micro-batch", "2"]).refused(2, &["--mode train or --mode step"]);
    affekt(["bench", "--mode", "train", "--batch", "1"]).refused(2, &["--batch"]);
    assert_eq!(affekt(["bench", "--mode", "loader"]).code, Some(2), "a loader needs --data");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_training_is_said_to_need_is_what_it_takes() {
    let bench = |more: &[&str]| -> serde_json::Value {
        let fixed = [
            "bench",
            "--mode",
            "train",
            "--model",
            "resnet18",
            "--iterations",
            "1",
            "--threads",
            "1",
            "--json",
        ];
        serde_json::from_str(&affekt(fixed.iter().chain(more).copied()).done().out).unwrap()
    };
    for more in [["--size", "64", "--batch", "64"], ["--size", "96", "--batch", "16"]] {
        let found = bench(&more);
        let [need, peak] = ["need_mib", "peak_mib"].map(|key| found[key].as_f64().unwrap());
        // The program itself, and what kernels work in, come on top.
        assert!(need > 60.0 && need < peak && peak < 1.6 * need + 120.0, "{need} {peak}");
    }
}

#[test]
fn doctor_says_what_there_is_and_what_is_not() {
    let found = line(&["doctor", "--json"]);
    assert!(found["cores"].as_u64().is_some_and(|cores| cores > 0), "{found}");
    let backends = found["backends"].as_array().unwrap();
    let available = |name: &str| {
        backends
            .iter()
            .find(|backend| backend["name"] == name)
            .and_then(|backend| backend["available"].as_bool())
    };
    let adapters = found["adapters"].as_array().unwrap();
    assert_eq!((available("cpu"), available("wgpu")), (Some(true), Some(!adapters.is_empty())), "{found}");
    // Named whether or not they are built in, so that one learns of them.
    assert!(available("dfdx").is_some() && available("cuda").is_some(), "{found}");
    let text = affekt(["doctor", "--out", "/proc/nothing"]).done().out;
    assert!(text.contains("/proc/nothing"), "{text}");
}
